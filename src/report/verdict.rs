//! The verdict: VALID, INVALID or UNMEASURED, one line for each constraint, and what to do about a broken one.
//!
//! Minimum windows follow the levels of the EEHPC power measurement methodology (60 s) and MLPerf Inference (600 s).

use super::energy::{Energy, Kind};
use super::flown::Flown;
use super::result::WorkloadResult;
use crate::journal::{Breaches, Event, FlightPlan, MeterCost, Outcome, Sharing};
use crate::reading::Throttling;
use crate::units::Seconds;
use serde::Serialize;

/// Whether a result counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// Every constraint holds, and the energy was measured.
    Valid,
    /// A constraint is broken.
    Invalid,
    /// Every constraint holds, but no watt was measured: nothing here may be ranked by energy.
    Unmeasured,
}

impl Class {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "VALID",
            Self::Invalid => "INVALID",
            Self::Unmeasured => "UNMEASURED",
        }
    }
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// What.
    pub name: String,
    /// Whether it holds.
    pub satisfied: bool,
    /// The figures.
    pub detail: String,
    /// What to do where it does not hold.
    pub recommendation: Option<String>,
}

/// The verdict and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The word.
    pub class: Class,
    /// Whether a limit of the envelope was broken.
    pub envelope_violated: bool,
    /// Whether the result may be ranked by energy: it is valid, and nothing speaks against it.
    pub ranked: bool,
    /// What speaks against it.
    pub unranked_because: Vec<String>,
    /// In order of severity.
    pub constraints: Vec<Constraint>,
    /// What does not invalidate the result but must be known to read it.
    pub notes: Vec<String>,
}

/// What the verdict is computed from.
pub(super) struct Evidence<'a> {
    pub(super) plan: &'a FlightPlan,
    pub(super) outcome: Option<&'a Outcome>,
    pub(super) events: &'a [&'a Event],
    pub(super) workloads: &'a [WorkloadResult],
    pub(super) flown: Option<&'a Flown>,
    pub(super) sharing: Option<&'a Sharing>,
    pub(super) notes: Vec<String>,
}

/// Judges a flight.
pub(super) fn judge(evidence: Evidence<'_>) -> Verdict {
    let mut constraints = vec![completed(&evidence), envelope(&evidence), verification(&evidence)];
    let energy = evidence.flown.map(|flown| &flown.energy);
    let measured = energy.is_some_and(|energy| energy.kind == Kind::Measured);
    constraints.push(duration(&evidence));
    constraints.push(readings(&evidence));
    constraints.push(awake(&evidence));
    if let (true, Some(energy)) = (measured, energy) {
        constraints.push(updates(&evidence, energy));
    }
    let mut notes = evidence.notes;
    notes.extend(noisy(evidence.workloads));
    notes.extend(short(evidence.workloads));
    notes.extend(evidence.flown.and_then(outrun));
    notes.extend(disputes(evidence.workloads, evidence.flown));
    notes.extend(capped(evidence.workloads, evidence.flown));
    notes.extend(costly(evidence.events));
    let unstated = evidence.flown.and_then(|flown| unstated(&flown.energy));
    let shared = evidence.sharing.map(shared).unwrap_or_default();
    let throttled = throttled(evidence.workloads, evidence.flown);
    let unranked_because: Vec<String> = throttled.chain(unstated).chain(shared).collect();
    let class = match (constraints.iter().all(|constraint| constraint.satisfied), measured) {
        (false, _) => Class::Invalid,
        (true, false) => Class::Unmeasured,
        (true, true) => Class::Valid,
    };
    let broken = |flown: &Flown| flown.breaches.is_some_and(|breaches| breaches.any());
    Verdict {
        class,
        envelope_violated: evidence.flown.is_some_and(broken),
        ranked: class == Class::Valid && unranked_because.is_empty(),
        unranked_because,
        constraints,
        notes,
    }
}

fn constraint(name: &str, satisfied: bool, detail: String, recommendation: &str) -> Constraint {
    let recommendation = (!satisfied).then(|| recommendation.to_owned());
    Constraint { name: name.into(), satisfied, detail, recommendation }
}

fn completed(evidence: &Evidence<'_>) -> Constraint {
    let (satisfied, detail) = match evidence.outcome {
        Some(Outcome::Completed) => (true, "one whole orbit".to_owned()),
        Some(Outcome::Interrupted) => (false, "interrupted".to_owned()),
        Some(Outcome::Failed { message }) => (false, message.clone()),
        None => (false, "the journal ends without a closing entry: the program was killed".to_owned()),
    };
    constraint("orbit", satisfied, detail, "let the flight end")
}

fn envelope(evidence: &Evidence<'_>) -> Constraint {
    let advice = "fly with --governor predictive, or on a satellite with more array, battery or radiator";
    match evidence.flown {
        Some(Flown { breaches: Some(breaches), .. }) => {
            constraint("envelope", !breaches.any(), broken(breaches), advice)
        }
        _ => constraint("envelope", false, "not known: the flight did not arrive".into(), "let the flight end"),
    }
}

/// What was broken, how deep and for how long, in simulated time.
fn broken(breaches: &Breaches) -> String {
    let mut parts = Vec::new();
    for (name, node) in [("junction", &breaches.junction), ("loop", &breaches.coolant)] {
        if node.time_s > Seconds::ZERO {
            parts.push(format!(
                "{name} over its limit for {:.0} s, {:.2} K at the deepest ({:.0} K s)",
                node.time_s.0, node.deepest_k.0, node.excess_k_s
            ));
        }
    }
    let charge = &breaches.charge;
    if charge.time_s > Seconds::ZERO {
        parts.push(format!(
            "charge under its floor for {:.0} s, {:.2} % at the deepest ({:.1} J)",
            charge.time_s.0,
            100.0 * charge.deepest_share,
            charge.energy_j.0
        ));
    }
    if breaches.bus.time_s > Seconds::ZERO {
        parts.push(format!("bus not served for {:.0} s ({:.1} J)", breaches.bus.time_s.0, breaches.bus.energy_j.0));
    }
    if parts.is_empty() { "every limit was held".into() } else { format!("{} (simulated time)", parts.join("; ")) }
}

fn verification(evidence: &Evidence<'_>) -> Constraint {
    let mut checked = 0;
    let mut wrong = Vec::new();
    for event in evidence.events {
        if let Event::Verified { workload, relative_error, tolerance, faulty_words } = event {
            checked += 1;
            if !event.is_sound() {
                let error = relative_error.map_or("not finite".into(), |error| format!("{error:.2e}"));
                wrong.push(format!(
                    "{workload}: relative error {error}, {tolerance:.0e} allowed; {faulty_words} faulty words"
                ));
            }
        }
    }
    let detail = match wrong.is_empty() {
        true => format!("{checked} kernels agree with their plain-Rust twins"),
        false => wrong.join("; "),
    };
    constraint(
        "verification",
        wrong.is_empty(),
        detail,
        "the driver computes wrong results; try another driver or --adapter cpu",
    )
}

fn duration(evidence: &Evidence<'_>) -> Constraint {
    let least = match evidence.plan.length.as_str() {
        "strict" => 600.0,
        "standard" => 60.0,
        _ => 10.0,
    };
    let flown = evidence.flown.map_or(0.0, |flown| flown.duration_s.0);
    let detail = format!("{flown:.1} s flown, {least:.0} s or more needed for `{}`", evidence.plan.length);
    constraint("duration", flown >= least, detail, "use a longer --length or a lower --compression")
}

fn readings(evidence: &Evidence<'_>) -> Constraint {
    let share = evidence.flown.map_or(0.0, |flown| flown.reading_share);
    let detail = format!("{:.1} % of the ticks had a reading, 99 % or more needed", 100.0 * share);
    constraint("readings", share >= 0.99, detail, "see `dawndusk devices` for what the power source can do here")
}

fn awake(evidence: &Evidence<'_>) -> Constraint {
    let slept = evidence.events.iter().filter_map(|event| match event {
        Event::Suspended { slept_s } => Some(*slept_s),
        _ => None,
    });
    let (count, sum) = slept.fold((0, Seconds::ZERO), |(count, sum), slept| (count + 1, sum + slept));
    let detail = match count {
        0 => "the machine did not sleep".to_owned(),
        _ => format!("the machine slept {count} times, {:.0} s in all", sum.0),
    };
    constraint("awake", count == 0, detail, "keep the machine from suspending: systemd-inhibit dawndusk run ...")
}

/// Every measured window with a name: the workloads without an envelope, and the flight.
fn windows<'a>(
    workloads: &'a [WorkloadResult],
    flown: Option<&'a Flown>,
) -> impl Iterator<Item = (&'a str, &'a Energy, Option<Throttling>)> {
    let alone = workloads.iter().map(|workload| (workload.name.as_str(), &workload.energy, workload.throttled));
    alone.chain(flown.map(|flown| ("the flight", &flown.energy, flown.throttled)))
}

/// Windows in which the machine was too hot or its hardware protected itself.
fn throttled<'a>(workloads: &'a [WorkloadResult], flown: Option<&'a Flown>) -> impl Iterator<Item = String> + use<'a> {
    windows(workloads, flown).filter_map(|(name, _, times)| {
        let times = times.filter(|times| times.harmful_s() > Seconds::ZERO)?;
        let causes = [
            ("hot", times.thermal_s),
            ("too hot, by the hardware", times.hardware_thermal_s),
            ("power brake", times.power_brake_s),
            ("slowed by the hardware", times.hardware_s),
        ];
        let said = causes.iter().filter(|(_, time)| *time > Seconds::ZERO);
        let said: Vec<String> = said.map(|(cause, time)| format!("{cause} for {:.2} s", time.0)).collect();
        Some(format!("throttled in {name}: {}", said.join(", ")))
    })
}

/// Who else may have drawn what the board's sensor saw.
fn shared(sharing: &Sharing) -> Vec<String> {
    let mut said = Vec::new();
    if sharing.is_partitioned.value == Some(true) {
        said.push("the board is cut into instances: its watts are those of all of them".to_owned());
    }
    let others = sharing.other_processes.value.as_ref().map_or(0, Vec::len);
    if others > 0 {
        let noun = if others == 1 { "process was" } else { "processes were" };
        said.push(format!("{others} other {noun} on the board before the work: its watts hold theirs too"));
    }
    said
}

/// A measured energy of which nobody says how far it may be wrong.
fn unstated(energy: &Energy) -> Option<String> {
    let is_bare = energy.kind == Kind::Measured && energy.low_j.is_none();
    is_bare.then(|| format!("nobody states the uncertainty of {}", energy.source))
}

/// Power limits of the firmware, and what nobody here can name.
fn capped(workloads: &[WorkloadResult], flown: Option<&Flown>) -> Vec<String> {
    let times = || windows(workloads, flown).filter_map(|(name, _, times)| Some((name, times?)));
    let capped = times().filter(|(_, times)| times.power_cap_s > Seconds::ZERO);
    let mut notes: Vec<String> = capped
        .map(|(name, times)| format!("capped in {name} by its power limit for {:.2} s", times.power_cap_s.0))
        .collect();
    let unknown = times().fold(0, |bits, (_, times)| bits | times.unknown);
    if unknown != 0 {
        notes.push(format!("the device was slowed down for reasons that are not known here: bits {unknown:#x}"));
    }
    notes
}

/// A meter that takes so much that it shows in what it measures.
fn costly(events: &[&Event]) -> Option<String> {
    let cost = super::result::meter_cost(events)?;
    let share = cost.core_share.unwrap_or(0.0).max(cost.work_share);
    (share > MeterCost::SHARE_MAX).then(|| {
        let (took, most) = (super::summary::meter(&cost), 100.0 * MeterCost::SHARE_MAX);
        format!("the meter took over {most:.1} %: {took}")
    })
}

fn disputes(workloads: &[WorkloadResult], flown: Option<&Flown>) -> Vec<String> {
    let lines = |(name, energy, _): (&str, &Energy, _)| -> Vec<String> {
        energy.disputes().iter().map(|dispute| format!("sources disagree on {name}: {dispute}")).collect()
    };
    windows(workloads, flown).flat_map(lines).collect()
}

fn updates(evidence: &Evidence<'_>, energy: &Energy) -> Constraint {
    let least = if evidence.plan.length == "strict" { 600 } else { 50 };
    let detail = format!("{} sensor updates in flight, {least} or more needed", energy.updates);
    constraint("sensor updates", energy.updates >= least, detail, "use a longer --length")
}

/// Sensor updates under which a measured energy is mostly window edge.
const UPDATES_MIN: u64 = 50;

fn short(workloads: &[WorkloadResult]) -> Option<String> {
    let few = |energy: &Energy| energy.kind == Kind::Measured && energy.updates < UPDATES_MIN;
    let names: Vec<&str> =
        workloads.iter().filter(|workload| few(&workload.energy)).map(|workload| workload.name.as_str()).collect();
    let text =
        format!("SHORT: under {UPDATES_MIN} sensor updates, so most of the band is window edge: {}", names.join(", "));
    (!names.is_empty()).then_some(text)
}

fn outrun(flown: &Flown) -> Option<String> {
    let bound = flown.upper_bound_s?;
    let text = "the flight was faster than its own calibration: the machine's speed changed, and there is no score";
    (flown.work_s > bound).then(|| text.to_owned())
}

/// Relative standard deviation of the rate over which a workload is called noisy.
const NOISY: f64 = 0.05;

fn noisy(workloads: &[WorkloadResult]) -> Option<String> {
    let names: Vec<String> = workloads
        .iter()
        .filter_map(|workload| Some((&workload.name, workload.stddev_ts? / workload.avg_ts)))
        .filter(|(_, spread)| *spread > NOISY)
        .map(|(name, spread)| format!("{name} ({:.0} %)", 100.0 * spread))
        .collect();
    (!names.is_empty()).then(|| format!("NOISY: rate varies by over {:.0} %: {}", 100.0 * NOISY, names.join(", ")))
}
