//! Several sources of one boundary as one: the two supplies of a machine, two boards, two packages.
//!
//! Each member has values of its own times. The sum is told for the latest time up to which all have spoken; the energy of a
//! member at that time lies on the line between its looks before and after. So every joule is counted once, and the sum
//! never falls where its members do not. A member without an energy leaves the sum without.
//!
//! Its band is the widest of theirs, since one fault of gain may be in all of them (`sum(b E) <= max(b) sum(E)`), its
//! provenance the worst. What speaks against one of them speaks against the sum. What can be added is for
//! [`super::addends`] to say.

use super::Meter;
use super::addends::{self, joined};
use super::integral::PowerIntegral;
use super::probe::{Place, Probe, Refusal};
use super::select::{MeterError, named};
use super::trial::{Candidate, Roots};
use crate::reading::{Coverage, NoData, Reading, Source, Throttling};
use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// One of the sources, with its last looks.
struct Member {
    meter: Box<dyn Meter>,
    last: Reading,
    /// From the look at or before the time of the sum to the last.
    looks: VecDeque<(Seconds, Joules)>,
}

/// Several sources that count as one.
pub struct Sum {
    source: Source,
    members: Vec<Member>,
    power: PowerIntegral,
    coverage: Coverage,
    told_until: Option<Seconds>,
}

impl Member {
    fn look(&mut self, now: Seconds) {
        self.last = self.meter.read(now);
        match self.last.energy {
            Ok(energy) if self.looks.back().is_none_or(|&(at, _)| at < self.last.taken_at) => {
                self.looks.push_back((self.last.taken_at, energy));
            }
            _ => {}
        }
    }

    /// Its energy at `at`, and nothing before it is kept.
    fn energy_at(&mut self, at: Seconds) -> Result<Joules, NoData> {
        let last = self.last.energy?;
        while self.looks.get(1).is_some_and(|&(next, _)| next <= at) {
            self.looks.pop_front();
        }
        match (self.looks.front(), self.looks.get(1)) {
            (Some(&(begin, before)), Some(&(end, after))) if begin <= at => {
                Ok(before + (after - before) * ((at - begin) / (end - begin)))
            }
            (Some(&(begin, before)), _) if at >= begin => Ok(before),
            // It had not spoken yet.
            (Some(_), _) => Err(NoData::NotYet),
            (None, _) => Ok(last),
        }
    }
}

impl Sum {
    /// The source `name` of all `meters`.
    ///
    /// # Errors
    /// Two of them that cover unlike things, or something of which there cannot be two.
    pub fn of(name: &str, meters: Vec<Box<dyn Meter>>) -> Result<Sum, String> {
        let sources: Vec<Source> = meters.iter().map(|meter| meter.source().clone()).collect();
        let source = joined(name, &sources)?;
        let member = |meter| {
            let last = Reading::absent(Seconds::ZERO, NoData::NotYet);
            Member { meter, last, looks: VecDeque::new() }
        };
        let power = PowerIntegral::new(source.update_period_s);
        let members = meters.into_iter().map(member).collect();
        Ok(Sum { source, members, power, coverage: Coverage::default(), told_until: None })
    }

    fn energy(&mut self, until: Seconds) -> Result<Joules, NoData> {
        // Each is looked at, so that none keeps looks for ever.
        let energies: Vec<_> = self.members.iter_mut().map(|member| member.energy_at(until)).collect();
        energies.into_iter().try_fold(Joules::ZERO, |sum, energy| Ok(sum + energy?))
    }
}

impl Meter for Sum {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.members.iter_mut().for_each(|member| member.look(now));
        let until = self.members.iter().map(|member| member.last.taken_at).reduce(Seconds::min).unwrap_or(now);
        // A look that saw nothing is of now, and the one after it may be of before.
        let until = self.told_until.map_or(until, |told| told.max(until));
        let energy = self.energy(until);
        let powers = self.members.iter().map(|member| member.last.power);
        let power = powers.clone().try_fold(Watts::ZERO, |sum, power| Ok(sum + power?));
        let has_news = energy.is_ok() && self.told_until.is_none_or(|told| told < until);
        if energy.is_ok() {
            self.told_until = Some(until);
        }
        let parts: Vec<Coverage> = self.members.iter().map(|member| member.meter.coverage()).collect();
        let is_integrated = parts.iter().any(|part| part.scatter.count > 0);
        if let Ok(power) = power
            && is_integrated
        {
            self.power.advance(until, power);
        }
        self.power.tell(&mut self.coverage);
        self.coverage.looks += 1;
        self.coverage.missed += u64::from(energy.is_err());
        self.coverage.updates += u64::from(has_news);
        // The gaps of the members, of which those at the same time are one.
        self.coverage.gaps = parts.iter().map(|part| part.gaps).max().unwrap_or(0);
        self.coverage.gap_s = parts.iter().map(|part| part.gap_s).reduce(Seconds::max).unwrap_or(Seconds::ZERO);
        Reading { taken_at: until, energy, power }
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn begin_anew(&mut self) {
        for member in &mut self.members {
            member.meter.begin_anew();
            member.looks.clear();
        }
        self.told_until = None;
        self.coverage = Coverage::default();
        self.power = PowerIntegral::new(self.source.update_period_s);
    }

    fn throttling(&self) -> Option<Throttling> {
        let times = self.members.iter().filter_map(|member| member.meter.throttling());
        times.reduce(|one, two| one.plus(&two))
    }

    fn beside_sources(&self) -> Vec<Source> {
        self.members.iter().flat_map(|member| member.meter.beside_sources()).collect()
    }

    fn beside(&self) -> Vec<(Reading, Coverage)> {
        self.members.iter().flat_map(|member| member.meter.beside()).collect()
    }

    fn cpu_time(&self) -> Option<Seconds> {
        self.members.iter().filter_map(|member| member.meter.cpu_time()).reduce(|sum, time| sum + time)
    }
}

/// The sum `name` of the candidates that `members` name, which have their meters no more.
pub(super) fn candidate(
    candidates: &mut [Candidate],
    roots: &Roots,
    name: &str,
    members: &[String],
) -> Result<Candidate, MeterError> {
    let places = members.iter().map(|member| named(candidates, member)).collect::<Result<Vec<usize>, _>>()?;
    let unlike = |reason: String| MeterError::Sum { members: members.join(","), reason };
    let mut sources = Vec::new();
    for (index, &place) in places.iter().enumerate() {
        let candidate = &candidates[place];
        match (&candidate.meter, &candidate.probe.source) {
            _ if places[..index].contains(&place) => {
                return Err(unlike(format!("{} stands in it twice", candidate.probe.name)));
            }
            _ if !candidate.probe.parts.is_empty() => {
                return Err(unlike(format!("{} is a sum itself: name its parts", candidate.probe.name)));
            }
            (Some(_), Some(source)) => sources.push(source.clone()),
            _ if candidate.probe.refusal.is_some() => {
                return Err(MeterError::Refused(Box::new(candidate.probe.clone())));
            }
            _ => return Err(unlike(format!("{} is a part of another sum", candidate.probe.name))),
        }
    }
    joined(name, &sources).map_err(unlike)?;
    let parts: Vec<&Candidate> = places.iter().map(|&place| &candidates[place]).collect();
    addends::are_apart(&parts, roots).map_err(unlike)?;
    let probes = || parts.iter().map(|part| &part.probe);
    let power_w = probes().map(|probe| probe.power_w).try_fold(Watts::ZERO, |sum, power| Some(sum + power?));
    let cost = probes().map(|probe| probe.read_cost_s).try_fold(Seconds::ZERO, |sum, cost| Some(sum + cost?));
    let doubts: Vec<String> =
        probes().filter_map(|probe| Some(format!("{}: {}", probe.name, probe.doubt.as_ref()?))).collect();
    let doubt = (!doubts.is_empty()).then(|| doubts.join("; "));
    let names = probes().map(|probe| probe.name.clone()).collect();
    let places_of_parts: Vec<Place> = parts.iter().map(|part| part.place.clone()).collect();
    let meters = places.iter().filter_map(|&place| candidates[place].meter.take()).collect();
    let sum = Sum::of(name, meters).map_err(unlike)?;
    let source = Some(sum.source.clone());
    let name = name.to_owned();
    let probe = Probe { name, source, power_w, read_cost_s: cost, doubt, parts: names, ..Probe::default() };
    Ok(Candidate { probe, place: Place::default(), places_of_parts, meter: Some(Box::new(sum)) })
}

/// The same where nobody waits for the sum itself: what is wrong with it is its line in the report.
pub(super) fn refused(name: &str, error: &MeterError) -> Candidate {
    Candidate::refused(name, Refusal::new(NoData::NotSupported, error.to_string()))
}
