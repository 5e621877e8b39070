//! Whether physics forced a breach.
//!
//! *Comparison principle.* More power is never cooler and never leaves more charge. The thermal network is cooperative:
//! each node's rate rises with its neighbours' temperatures and with the heat into it, and its own emission rises with
//! its own temperature alone, so of two flights that begin alike the one with less power is nowhere hotter, ever
//! (Kamke; Smith, *Monotone Dynamical Systems*, 1995). The charge after a step rises with the charge before it and
//! falls with the load. Under the same faults, therefore, the flight that does nothing breaks the least.
//!
//! A breach is forced if a witness breaks the same limit as deep and as long, but for a tolerance. Each breach has one
//! witness, the best informed that there is:
//!
//! 1. *Inevitable*: a flight that does nothing breaks the limit. If it does so without any fault, that flight is the
//!    witness. Otherwise the faults are taken in the order in which they can be known, and the one with which doing
//!    nothing begins to break the limit is the cause; the witness is the same flight that admits nothing from the moment
//!    on at which that fault can be known. It is warm and has drawn on its battery by then, as anyone who works has.
//! 2. *Unforeseen*: a flight that does nothing keeps the limit. Perfect knowledge would too, so these are counted apart.
//!    The witness admits nothing from the moment on at which the fault could first be known, and had broken nothing
//!    before the fault: nobody who cannot foresee it avoids what this flight breaks.
//!
//! A fault of the spacecraft can be known at the tick after it. Work that costs more shows only while work runs: from the
//! first batch under it on, after a tick that holds it and one tick or the reading's way, whichever is shorter, and one
//! batch that cannot be recalled.
//!
//! Depth is kelvin over the limit, share of capacity under the floor, share of capacity that the bus lacked.

use crate::case::{Case, RATED_W};
use dawndusk::flight::simulation::{Fault, FaultKind, Row};
use dawndusk::units::{JOULES_PER_WATT_HOUR, Seconds};

/// The limits, with the depth to which a witness must come: a governor that turns to idle ends one batch and one tick
/// later than its witness.
const LIMITS: [(&str, f64); 4] = [("junction", 0.05), ("loop", 0.05), ("charge", 2e-4), ("bus", 2e-4)];
/// A breach may last longer than that of its witness by this share, and by so many ticks and batches.
const LONGER: f64 = 0.05;
const LATER: f64 = 4.0;

/// What the causes of breaches end with that foresight alone avoids.
pub(super) const UNFORESEEN: &str = "unforeseen";

/// How deep each limit was broken, and for how long in simulated seconds.
type Broken = [(f64, f64); 4];

/// What came of a flight.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing was broken.
    Clean,
    /// Physics broke these: limit and cause.
    Forced(Vec<(&'static str, String)>),
    /// The governor broke this limit by so much for so long, and its best witness by so much for so long.
    Broken { limit: &'static str, flown: (f64, f64), witness: (f64, f64) },
}

fn flown(case: &Case) -> Broken {
    let breaches = case.fly().breaches;
    let satellite = case.satellite();
    let scale = RATED_W / satellite.compute.power_w / case.compression;
    let capacity_j = satellite.battery.capacity_wh * JOULES_PER_WATT_HOUR * scale;
    [
        (breaches.junction.deepest_k.0, breaches.junction.time_s.0),
        (breaches.coolant.deepest_k.0, breaches.coolant.time_s.0),
        (breaches.charge.deepest_share, breaches.charge.time_s.0),
        (breaches.bus.energy_j.0 / capacity_j, breaches.bus.time_s.0),
    ]
}

/// Nothing is admitted from `start` on.
fn starved(case: &Case, start: f64) -> Case {
    case.and(Fault::new(FaultKind::Starved, Seconds(start), None))
}

/// From when on a fault can be known.
fn known(case: &Case, fault: &Fault) -> f64 {
    let late = 1.0 + case.jitter;
    let tick = case.tick * late;
    let (from, machine) = if fault.kind == FaultKind::Load {
        let shown = case.sensor.lag.0 + case.sensor.update_period.0 * late;
        (works_from(case, fault.start.0), tick + tick.min(shown) + case.batch)
    } else {
        (fault.start.0, tick)
    };
    from + machine * case.compression
}

/// When work first runs from `start` on: what an item costs shows in nothing else.
fn works_from(case: &Case, start: f64) -> f64 {
    let idle_w = case.idle * RATED_W;
    let mut first = None;
    case.trace(Some(&mut |row: &Row| {
        if row.t_s.0 >= start && row.load_w.0 > idle_w * 1.001 {
            first = first.or(Some(row.t_s.0));
        }
    }));
    first.unwrap_or(case.duration)
}

/// Whether a witness comes as deep as the flight, and for as long.
fn explains(case: &Case, tolerance: f64, flown: (f64, f64), witness: (f64, f64)) -> bool {
    let later = LATER * (case.tick * (1.0 + case.jitter) + case.batch) * case.compression;
    witness.0 > 0.0 && flown.0 <= witness.0 + tolerance && flown.1 <= witness.1 * (1.0 + LONGER) + later
}

/// Flies a case and judges it.
pub(super) fn judge(case: &Case) -> Verdict {
    let broken = flown(case);
    if broken.iter().all(|(depth, _)| *depth <= 0.0) {
        return Verdict::Clean;
    }
    let idle = flown(&starved(case, 0.0));
    let mut forced = Vec::new();
    for (index, (limit, tolerance)) in LIMITS.into_iter().enumerate() {
        let is_forced = |witness: (f64, f64)| explains(case, tolerance, broken[index], witness);
        if broken[index].0 <= 0.0 {
            continue;
        }
        let (cause, witness) =
            if idle[index].0 > 0.0 { inevitable(case, index, idle[index]) } else { unforeseen(case, index, is_forced) };
        if !is_forced(witness) {
            return Verdict::Broken { limit, flown: broken[index], witness };
        }
        forced.push((limit, cause));
    }
    Verdict::Forced(forced)
}

/// The faults of a case in the order in which they can be known, and when.
fn in_order(case: &Case) -> Vec<(f64, Fault)> {
    let mut faults: Vec<(f64, Fault)> = case.faults.iter().map(|fault| (known(case, fault), *fault)).collect();
    faults.sort_by(|a, b| a.0.total_cmp(&b.0));
    faults
}

fn with(case: &Case, faults: &[(f64, Fault)]) -> Case {
    Case { faults: faults.iter().map(|(_, fault)| *fault).collect(), ..case.clone() }
}

/// What breaks limit number `index` in a flight that does nothing, and what is broken by one that does nothing from the
/// moment on at which this could be known. `idle` does nothing from the start.
fn inevitable(case: &Case, index: usize, idle: (f64, f64)) -> (String, (f64, f64)) {
    let faults = in_order(case);
    let breaks = |faults: &[(f64, Fault)]| flown(&starved(&with(case, faults), 0.0))[index].0 > 0.0;
    let needed = (0..=faults.len()).find(|count| breaks(&faults[..*count])).unwrap_or(faults.len());
    let Some((when, last)) = needed.checked_sub(1).map(|last| faults[last]) else {
        return ("the satellite itself".to_owned(), idle);
    };
    let alone = breaks(&[(when, last)]);
    let cause = if alone { last.kind.name().to_owned() } else { "several faults together".to_owned() };
    (cause, flown(&starved(case, when))[index])
}

/// The fault that nobody could have foreseen to break limit number `index`, and what is broken by a flight that does
/// nothing from the moment on at which it could be known; if none explains it, the deepest. Only a fault without
/// which those before it break less counts, and none before which the limit was broken.
fn unforeseen(case: &Case, index: usize, explains: impl Fn((f64, f64)) -> bool) -> (String, (f64, f64)) {
    let faults = in_order(case);
    let (mut deepest, mut depth) = ((String::new(), (0.0, 0.0)), 0.0);
    for (count, (when, fault)) in faults.iter().enumerate() {
        let broken = flown(&with(case, &faults[..=count]))[index].0;
        let before = flown(&Case { duration: fault.start.0.max(1e-3), ..case.clone() })[index].0;
        let is_cause = broken > depth && before <= 0.0;
        depth = broken;
        let witness = if is_cause { flown(&starved(case, *when))[index] } else { (0.0, 0.0) };
        if explains(witness) {
            return (format!("{}, {UNFORESEEN}", fault.kind.name()), witness);
        }
        if witness.0 > deepest.1.0 {
            deepest.1 = witness;
        }
    }
    deepest
}
