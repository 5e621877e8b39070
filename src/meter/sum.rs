//! Several sources of one boundary as one: the two supplies of a machine, two boards, two packages.
//!
//! Each member has values of its own times. The sum is told for the latest time up to which all have spoken; the energy of a
//! member at that time lies on the line between its looks before and after. So every joule is counted once, and the sum
//! never falls where its members do not. A member without an energy leaves the sum without.
//!
//! Its band is the widest of theirs, since one fault of gain may be in all of them (`sum(b E) <= max(b) sum(E)`), its
//! provenance the worst.

use super::Meter;
use super::integral::PowerIntegral;
use super::probe::{Place, Probe, Refusal};
use super::select::{MeterError, named};
use super::trial::Candidate;
use crate::reading::{Boundary, Coverage, NoData, Reading, Sensing, Source, Throttling};
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

/// What the sum of `sources` is.
fn joined(name: &str, sources: &[Source]) -> Result<Source, String> {
    let Some((first, others)) = sources.split_first() else { return Err("a sum of nothing".into()) };
    if let Some(other) = others.iter().find(|other| other.boundary != first.boundary) {
        let (one, two) = (&first.name, &other.name);
        return Err(format!(
            "{one} covers {}, {two} covers {}: unlike things are not added",
            first.boundary, other.boundary
        ));
    }
    match first.boundary {
        Boundary::NotStated => {
            return Err(format!("{} and {} do not say what they cover: say boundary=wall", first.name, others[0].name));
        }
        Boundary::Process => return Err("there is one process, which cannot be added to itself".into()),
        _ => {}
    }
    let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let longest = |value: fn(&Source) -> Seconds| sources.iter().map(value).fold(Seconds::ZERO, Seconds::max);
    let seen_share = sources.iter().map(|source| source.sensing.seen_share).fold(1.0, f64::min);
    let widest = sources.iter().map(|source| source.relative_uncertainty);
    Ok(Source {
        name: name.to_owned(),
        provenance: sources.iter().map(|source| source.provenance).max().unwrap_or(first.provenance),
        boundary: first.boundary,
        method: format!("the sum of {}: {}", names.join(" and "), first.method),
        update_period_s: longest(|source| source.update_period_s),
        relative_uncertainty: widest.reduce(|one, two| Some(one?.max(two?))).flatten(),
        rated_w: sources.iter().map(|source| source.rated_w).try_fold(Watts::ZERO, |sum, rated| Some(sum + rated?)),
        sensing: Sensing { averaging_s: longest(|source| source.sensing.averaging_s), seen_share },
    })
}

/// The sum `name` of the candidates that `members` name, which have their meters no more.
pub(super) fn candidate(candidates: &mut [Candidate], name: &str, members: &[String]) -> Result<Candidate, MeterError> {
    let places = members.iter().map(|member| named(candidates, member)).collect::<Result<Vec<usize>, _>>()?;
    let unlike = |reason: String| MeterError::Sum { members: members.join(","), reason };
    let mut sources = Vec::new();
    for &place in &places {
        let candidate = &candidates[place];
        match (&candidate.meter, &candidate.probe.source) {
            (Some(_), Some(source)) => sources.push(source.clone()),
            _ if candidate.probe.refusal.is_some() => {
                return Err(MeterError::Refused(Box::new(candidate.probe.clone())));
            }
            _ => return Err(unlike(format!("{} is a part of another sum", candidate.probe.name))),
        }
    }
    joined(name, &sources).map_err(unlike)?;
    let probes = || places.iter().map(|&place| &candidates[place].probe);
    let power_w = probes().map(|probe| probe.power_w).try_fold(Watts::ZERO, |sum, power| Some(sum + power?));
    let cost = probes().map(|probe| probe.read_cost_s).try_fold(Seconds::ZERO, |sum, cost| Some(sum + cost?));
    let meters = places.iter().filter_map(|&place| candidates[place].meter.take()).collect();
    let sum = Sum::of(name, meters).map_err(unlike)?;
    let source = Some(sum.source.clone());
    let probe = Probe { name: name.to_owned(), source, power_w, read_cost_s: cost, ..Probe::default() };
    Ok(Candidate { probe, place: Place::default(), meter: Some(Box::new(sum)) })
}

/// The same where nobody waits for the sum itself: what is wrong with it is its line in the report.
pub(super) fn refused(name: &str, error: &MeterError) -> Candidate {
    let refusal = Refusal::new(NoData::NotSupported, error.to_string());
    Candidate { probe: Probe::refused(name, refusal), place: Place::default(), meter: None }
}
