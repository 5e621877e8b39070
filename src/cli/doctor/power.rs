//! The power sources: a line each, and what a run would be measured with.

use super::{Check, Reads, State, board, load};
use crate::cli::arguments::DevicesArguments;
use crate::cli::{Failure, system};
use crate::gpu::{Adapter, Class};
use crate::meter::probe::{Beside, percent, shown};
use crate::meter::{self, Accelerator, MeterError, Probe};
use crate::reading::{Boundary, NoData, Provenance, Source};
use crate::units::{Seconds, Watts};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What a run on this machine would be measured with, and what that is worth.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Choice {
    /// Name of the source; null where none can be used or told from another.
    source: Option<String>,
    provenance: Provenance,
    /// Whether the source sees what computes.
    covers_adapter: bool,
    /// Sources that would be read beside it.
    beside: Vec<String>,
    /// In words.
    pub(super) worth: String,
}

/// All that is known of the power sources.
pub(super) struct Powered {
    pub(super) checks: Vec<Check>,
    pub(super) choice: Choice,
    /// Whether any source measures.
    pub(super) measures: bool,
    /// Whether a run's own choice measures what computes: what `--require power` asks for.
    pub(super) measures_adapter: bool,
}

/// Reads every source, those at the addresses asked for among them, and makes the choice of a run.
pub(super) fn checks(
    arguments: &DevicesArguments,
    accelerator: &Accelerator,
    adapter: Option<&Adapter>,
) -> Result<Powered, Failure> {
    let roots = system::meter_roots();
    let mut loaded = None;
    let (probes, choice, measures_adapter, trouble) = match meter::open_all(&roots, &arguments.meter, accelerator) {
        Ok(mut selection) => {
            let choice = chosen(&selection);
            let measures = selection.meter.source().provenance.is_measured() && selection.covers_accelerator;
            loaded = adapter
                .filter(|adapter| measures && adapter.facts().class == Class::Hardware)
                .map(|adapter| under_load(&mut selection, adapter));
            (selection.probes, choice, measures, None)
        }
        Err(error @ (MeterError::Address(_) | MeterError::Twice { .. } | MeterError::Unknown { .. })) => {
            return Err(Failure::input(format!("--meter: {error}")));
        }
        Err(error) => {
            let probes = meter::probe_all(&roots, &arguments.meter).map_err(Failure::input)?;
            (probes, undecided(&error), false, Some(error))
        }
    };
    let measures = probes.iter().any(is_measured);
    let mut checks: Vec<Check> =
        probes.iter().flat_map(|probe| std::iter::once(line(probe, measures)).chain(beside(probe))).collect();
    checks.extend(loaded);
    checks.extend(probes.iter().flat_map(board::checks));
    checks.extend(trouble.map(|error| Check::new("power", "choice", State::Fail, error.to_string())));
    Ok(Powered { checks, choice, measures, measures_adapter })
}

/// Idle and full power of the adapter, by the source that a run would take.
fn under_load(selection: &mut meter::Selection, adapter: &Adapter) -> Check {
    let epoch = Instant::now();
    let mut wait = |dt: Seconds| {
        std::thread::sleep(Duration::try_from_secs_f64(dt.0).unwrap_or_default());
        Seconds(epoch.elapsed().as_secs_f64())
    };
    match load::fma(adapter) {
        Ok(mut load) => load::check(selection.meter.as_mut(), &mut wait, &mut load),
        Err(why) => {
            let name = format!("{} idle and full", selection.meter.source().name);
            Check::new("power", name, State::Fail, format!("the adapter does no work: {why}"))
        }
    }
}

fn is_measured(probe: &Probe) -> bool {
    probe.is_readable() && probe.source.as_ref().is_some_and(|source| source.provenance.is_measured())
}

fn chosen(selection: &meter::Selection) -> Choice {
    let source = selection.meter.source();
    let name = &source.name;
    let worth = match (source.provenance, selection.covers_accelerator) {
        (Provenance::Modelled, true) => format!(
            "no source measures what computes here; {name} is used instead: {}. Its watts follow the work, so the envelope \
             and the governor can be tried and relative speeds hold; they have no band and are never ranked",
            source.method
        ),
        (Provenance::Modelled, false) => format!(
            "no source measures the adapter; {name} is used instead ({}), which does not see it: its watts have no band, are \
             never ranked, and say nothing of the adapter",
            source.method
        ),
        (_, false) => format!("{name} measures, but not the adapter: work on the adapter has no energy"),
        (_, true) => match source.relative_uncertainty {
            Some(band) => format!("{name} measures what computes, to {} % (k = 2) on a steady load", percent(band)),
            None => format!("{name} measures what computes, with a band that nobody states"),
        },
    };
    Choice {
        source: Some(name.clone()),
        provenance: source.provenance,
        covers_adapter: selection.covers_accelerator,
        beside: selection.beside.iter().map(|meter| meter.source().name.clone()).collect(),
        worth,
    }
}

fn undecided(error: &MeterError) -> Choice {
    let (provenance, beside) = (Provenance::None, Vec::new());
    Choice { source: None, provenance, covers_adapter: false, beside, worth: format!("nothing is used: {error}") }
}

/// A source that does not exist here is only worth a warning where nothing else measures.
fn line(probe: &Probe, measures: bool) -> Check {
    let name = probe.name.clone();
    if let Some(refusal) = &probe.refusal {
        let finding = format!("{}: {}", refusal.cause, refusal.detail);
        let state = match refusal.cause {
            // What was asked for is needed, whatever else measures.
            _ if probe.asked_for => State::Fail,
            NoData::NotSupported if measures => State::Pass,
            NoData::Timeout | NoData::Lost | NoData::CounterReset | NoData::Implausible => State::Fail,
            NoData::Negative | NoData::MeterError | NoData::Busy | NoData::Ended => State::Fail,
            _ => State::Warn,
        };
        let finding = match state {
            State::Pass => format!("not needed, another source measures ({finding})"),
            _ => finding,
        };
        return Check { remedy: refusal.remedy.clone(), ..Check::new("power", name, state, finding) };
    }
    let Some(source) = &probe.source else {
        return Check::new("power", name, State::Fail, "it was read and does not say what it is");
    };
    let reads = reads(source, probe.power_w, probe.read_cost_s);
    if probe.doubt.is_some() {
        let check = Check::new("power", name, State::Warn, probe.found());
        return Check {
            reads: Some(reads),
            ..check.mend("leave it unless you know better: --meter NAME takes it all the same")
        };
    }
    if !source.boundary.is_known() {
        let check = Check::new("power", name, State::Warn, probe.found());
        let remedy = match source.boundary {
            Boundary::NotStated => "say what it covers, boundary=NAME: without it no result by it is ranked",
            _ => "nothing documents what it covers: a result by it is not ranked",
        };
        return Check { reads: Some(reads), ..check.mend(remedy) };
    }
    let state = if source.provenance.is_measured() || measures { State::Pass } else { State::Warn };
    let mut check = Check::new("power", name, state, probe.found());
    if !source.provenance.is_measured() && !measures && source.boundary == Boundary::Process {
        check.remedy = Some(
            "measure: the lines above say how to mend each source of this machine; a plug or an analyser outside is \
             --meter shelly://HOST or --meter ptd://HOST"
                .into(),
        );
    }
    Check { reads: Some(reads), ..check }
}

fn reads(source: &Source, power_w: Option<Watts>, read_cost_s: Option<Seconds>) -> Reads {
    Reads {
        power_w,
        boundary: source.boundary,
        provenance: source.provenance,
        update_period_s: source.update_period_s,
        relative_uncertainty: source.relative_uncertainty,
        rated_w: source.rated_w,
        read_cost_s,
    }
}

/// What is read from the same device, each under its own name.
fn beside(probe: &Probe) -> impl Iterator<Item = Check> {
    probe.beside.iter().map(|Beside { source, power_w }| {
        let power = power_w.map_or("energy".to_owned(), shown);
        let finding =
            format!("{power}; covers {}; read beside {}, never added; {}", source.boundary, probe.name, source.method);
        let check = Check::new("power", source.name.clone(), State::Pass, finding);
        Check { reads: Some(reads(source, *power_w, None)), ..check }
    })
}
