//! The verdict: VALID, INVALID or UNMEASURED, one line for each constraint, and what to do about a broken one.
//!
//! Minimum windows follow the levels of the EEHPC power measurement methodology (60 s) and MLPerf Inference (600 s).

use super::assumed::AssumptionHeld;
use super::energy::{Energy, Kind};
use super::flight::FlightFigures;
use super::record::Record;
use super::remarks::{
    UPDATES_MIN, capped, costly, disputes, noisy, outrun, shared, short, throttled, unstated, windows,
};
use super::replay::AtUpperBand;
use super::workload::WorkloadResult;
use crate::governor::Policy;
use crate::journal::{AdapterClass, Breaches, Conditions, FlightPlan, LengthName, Outcome, Verification};
use crate::reading::Boundary;
use crate::units::Seconds;
use serde::Serialize;

/// Whether a result counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "UPPERCASE")]
#[strum(serialize_all = "UPPERCASE")]
pub enum Class {
    /// Every constraint holds, and the energy was measured.
    Valid,
    /// A constraint is broken.
    Invalid,
    /// Every constraint holds, but no watt was measured: nothing here may be ranked by energy.
    Unmeasured,
}

/// One thing that must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// What.
    pub name: ConstraintName,
    /// Whether it holds.
    pub satisfied: bool,
    /// The figures.
    pub detail: String,
    /// What to do where it does not hold.
    pub recommendation: Option<String>,
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ConstraintName {
    /// A whole orbit was flown.
    Orbit,
    /// No limit was broken, as counted.
    Envelope,
    /// Kernels agree with their twins.
    Verification,
    /// It took long enough.
    Duration,
    /// Energy was counted.
    Readings,
    /// The machine did not sleep.
    Awake,
    /// The sensor was renewed often enough.
    #[serde(rename = "sensor updates")]
    #[strum(to_string = "sensor updates")]
    SensorUpdates,
}

/// The verdict and its reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The word.
    pub class: Class,
    /// Whether a limit of the envelope was broken, as counted.
    pub envelope_violated: bool,
    /// Whether every limit would have held at the upper end of the meter's band, in words.
    pub envelope_at_upper_band: String,
    /// Whether the result may be ranked by energy: it is valid, and nothing speaks against it.
    pub ranked: bool,
    /// What speaks against it.
    pub unranked_because: Vec<String>,
    /// In order of severity.
    pub constraints: Vec<Constraint>,
    /// What does not invalidate the result but must be known to read it.
    pub notes: Vec<String>,
}

/// Nothing that a simulated machine does is a rate or an energy of a machine.
fn simulated(conditions: &Conditions) -> Option<String> {
    (conditions.adapter_class == AdapterClass::Simulated).then(|| "the machine is simulated".to_owned())
}

/// What speaks against the source itself.
fn doubted(conditions: &Conditions) -> Vec<String> {
    let source = &conditions.source;
    let unknown = match source.boundary {
        Boundary::NotStated => Some(format!("nobody states what {} covers", source.name)),
        boundary => (!boundary.is_known()).then(|| format!("what {} covers is unknown", source.name)),
    };
    let doubt = conditions.source_doubt.as_ref().map(|doubt| format!("{} is in doubt: {doubt}", source.name));
    unknown.into_iter().chain(doubt).collect()
}

/// Judges a flight.
pub(super) fn judge(
    record: &Record<'_>,
    plan: &FlightPlan,
    workloads: &[WorkloadResult],
    flight: Option<&FlightFigures>,
    (assumptions, mut notes): (&[AssumptionHeld], Vec<String>),
) -> Verdict {
    let energy = flight.map(|flight| &flight.energy).filter(|energy| energy.kind == Kind::Measured);
    let mut constraints = vec![
        completed(record.outcome),
        envelope(plan, flight, assumptions),
        verification(&record.verifications),
        duration(plan, flight),
        readings(flight),
        awake(&record.slept),
    ];
    constraints.extend(energy.map(|energy| updates(plan, energy)));
    notes.extend(noisy(workloads));
    notes.extend(short(workloads));
    notes.extend(flight.and_then(outrun));
    let windows = windows(workloads, flight);
    notes.extend(disputes(&windows));
    notes.extend(capped(&windows));
    notes.extend(record.meter_cost.as_ref().and_then(costly));
    let mut unranked_because = throttled(&windows);
    unranked_because.extend(record.conditions.and_then(simulated));
    unranked_because.extend(record.conditions.map(doubted).unwrap_or_default());
    unranked_because.extend(record.scale.and_then(|scale| scale.blind()));
    unranked_because.extend(energy.and_then(unstated));
    unranked_because.extend(record.conditions.and_then(|known| known.sharing.as_ref()).map(shared).unwrap_or_default());
    let class = match (constraints.iter().all(|constraint| constraint.satisfied), energy) {
        (false, _) => Class::Invalid,
        (true, None) => Class::Unmeasured,
        (true, Some(_)) => Class::Valid,
    };
    Verdict {
        class,
        envelope_violated: flight.and_then(|flight| flight.breaches).is_some_and(|breaches| breaches.any()),
        envelope_at_upper_band: upper_band(flight.map(|flight| &flight.envelope_at_upper_band)),
        ranked: class == Class::Valid && unranked_because.is_empty(),
        unranked_because,
        constraints,
        notes,
    }
}

fn constraint(name: ConstraintName, satisfied: bool, detail: String, recommendation: &str) -> Constraint {
    Constraint { name, satisfied, detail, recommendation: (!satisfied).then(|| recommendation.to_owned()) }
}

fn completed(outcome: Option<&Outcome>) -> Constraint {
    let (satisfied, detail) = match outcome {
        Some(Outcome::Completed) => (true, "one whole orbit".to_owned()),
        Some(Outcome::Interrupted) => (false, "interrupted".to_owned()),
        Some(Outcome::Failed { message }) => (false, message.clone()),
        None => (false, "the journal ends without a closing entry: the program was killed".to_owned()),
    };
    constraint(ConstraintName::Orbit, satisfied, detail, "let the flight end")
}

/// As counted. A breach says which assumption did not hold, for inside the table there is none.
fn envelope(plan: &FlightPlan, flight: Option<&FlightFigures>, assumptions: &[AssumptionHeld]) -> Constraint {
    let name = ConstraintName::Envelope;
    let Some(breaches) = flight.and_then(|flight| flight.breaches) else {
        return constraint(name, false, "not known: the flight did not arrive".into(), "let the flight end");
    };
    if !breaches.any() {
        return constraint(name, true, "as counted, every limit was held".into(), "");
    }
    let broken: Vec<String> =
        assumptions.iter().filter(|assumption| !assumption.held).map(ToString::to_string).collect();
    let why = match (plan.governor, broken.is_empty()) {
        (Policy::Off, _) => "nobody governed".to_owned(),
        (Policy::Predictive, true) => {
            "no stated assumption was broken: please report this as a fault of dawndusk".to_owned()
        }
        (_, true) => format!("every assumption held, but {} does not promise to hold limits", plan.governor),
        (_, false) => format!("assumptions that did not hold: {}", broken.join(", ")),
    };
    let advice = match plan.governor {
        Policy::Predictive => "fly on a satellite with more array, battery or radiator",
        _ => "fly with --governor predictive, or on a satellite with more array, battery or radiator",
    };
    constraint(name, false, format!("as counted, {}; {why}", said(&breaches)), advice)
}

fn upper_band(found: Option<&AtUpperBand>) -> String {
    let text = match found.and_then(|found| found.breaches) {
        None => "not known: nothing was counted by a source whose band is stated".to_owned(),
        Some(breaches) if breaches.any() => format!("would not have held: {}", said(&breaches)),
        Some(_) => "every limit would have held".to_owned(),
    };
    format!("at the upper end of the meter's band: {text}")
}

/// What was broken, how deep and for how long, in simulated time.
fn said(breaches: &Breaches) -> String {
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
    format!("{} (simulated time)", parts.join("; "))
}

fn verification(all: &[&Verification]) -> Constraint {
    let line = |wrong: &&&Verification| {
        let error = wrong.relative_error.map_or("not finite".into(), |error| format!("{error:.2e}"));
        let Verification { workload, tolerance, faulty_words, .. } = wrong;
        format!("{workload}: relative error {error}, {tolerance:.0e} allowed; {faulty_words} faulty words")
    };
    let wrong: Vec<String> = all.iter().filter(|one| !one.is_sound()).map(|one| line(&one)).collect();
    let detail = match wrong.is_empty() {
        true => format!("{} kernels agree with their plain-Rust twins", all.len()),
        false => wrong.join("; "),
    };
    let advice = "the driver computes wrong results; try another driver or --adapter cpu";
    constraint(ConstraintName::Verification, wrong.is_empty(), detail, advice)
}

fn duration(plan: &FlightPlan, flight: Option<&FlightFigures>) -> Constraint {
    let least = match plan.length {
        LengthName::Strict => 600.0,
        LengthName::Standard => 60.0,
        LengthName::Quick => 10.0,
    };
    let flown = flight.map_or(0.0, |flight| flight.duration_s.0);
    let detail = format!("{flown:.1} s flown, {least:.0} s or more needed for `{}`", plan.length);
    constraint(ConstraintName::Duration, flown >= least, detail, "use a longer --length or a lower --compression")
}

fn readings(flight: Option<&FlightFigures>) -> Constraint {
    let share = flight.map_or(0.0, |flight| flight.counted_share);
    let detail = format!("the energy of {:.1} % of the time was counted, 99 % or more needed", 100.0 * share);
    let advice = "see `dawndusk devices` for what the power source can do here";
    constraint(ConstraintName::Readings, share >= 0.99, detail, advice)
}

fn awake(slept: &[Seconds]) -> Constraint {
    let sum = slept.iter().fold(Seconds::ZERO, |sum, slept| sum + *slept);
    let detail = match slept.len() {
        0 => "the machine did not sleep".to_owned(),
        count => format!("the machine slept {count} times, {:.0} s in all", sum.0),
    };
    let advice = "keep the machine from suspending: systemd-inhibit dawndusk run ...";
    constraint(ConstraintName::Awake, slept.is_empty(), detail, advice)
}

fn updates(plan: &FlightPlan, energy: &Energy) -> Constraint {
    let least = if plan.length == LengthName::Strict { 600 } else { UPDATES_MIN };
    let detail = format!("{} sensor updates in flight, {least} or more needed", energy.updates);
    constraint(ConstraintName::SensorUpdates, energy.updates >= least, detail, "use a longer --length")
}
