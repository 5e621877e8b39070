//! Whether physics forced a breach.
//!
//! *Comparison principle.* More power is never cooler and never leaves more charge. The thermal network is cooperative:
//! each node's rate rises with its neighbours' temperatures and with the heat into it, and its own emission rises with
//! its own temperature alone, so of two flights that begin alike the one with less power is nowhere hotter, ever
//! (Kamke; Smith, *Monotone Dynamical Systems*, 1995). The charge after a step rises with the charge before it and
//! falls with the load. Under the same faults, therefore, the flight that does nothing breaks the least.
//!
//! A breach is forced if a witness breaks the same limit, and as deep but for a tolerance:
//!
//! 1. *Idle*: nothing is ever admitted. Not even perfect knowledge avoids what this flight breaks.
//! 2. *Idle, then recovery*: idle breaks the limit, but less deep, since a machine that works is warm and has drawn on
//!    its battery when the inevitable comes. Then the same flight must come as deep that admits nothing from the
//!    moment on at which the limit was passed.
//! 3. *Gone idle*: the same flight admits nothing from the moment on at which a fault could first be known, and had
//!    broken nothing before the fault. Nobody who cannot foresee it avoids what this flight breaks. A fault of the
//!    spacecraft is known at the tick after it. Work that costs more is known once a reading can show it: after
//!    dead time, update, tick and one batch, in which it draws up to `full power x jump x dead time` more than was
//!    granted. The witness draws just that.
//!
//! Depth is kelvin over the limit, share of capacity under the floor, share of capacity that the bus lacked.

use crate::case::{Case, RATED_W};
use dawndusk::envelope::Breaches;
use dawndusk::flight::simulation::{Fault, FaultKind, Row};
use dawndusk::units::{JOULES_PER_WATT_HOUR, Seconds};

/// The limits, with the depth to which a witness must come: a governor that turns to idle ends one batch and one tick
/// later than its witness.
pub(super) const LIMITS: [(&str, f64); 4] = [("junction", 0.05), ("loop", 0.05), ("charge", 2e-4), ("bus", 2e-4)];

/// How deep each limit was broken.
pub(super) type Depths = [f64; 4];

/// What came of a flight.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    /// Nothing was broken.
    Clean,
    /// Physics broke these: limit and cause.
    Forced(Vec<(&'static str, String)>),
    /// The governor broke this limit by so much, and its witnesses by at most so much.
    Broken { limit: &'static str, depth: f64, witness: f64 },
}

fn depths(case: &Case, breaches: &Breaches) -> Depths {
    let satellite = case.satellite();
    let scale = RATED_W / satellite.compute.power_w / case.compression;
    let capacity_j = satellite.battery.capacity_wh * JOULES_PER_WATT_HOUR * scale;
    [
        breaches.junction.deepest_k.0,
        breaches.coolant.deepest_k.0,
        breaches.charge.deepest_share,
        breaches.bus.energy_j.0 / capacity_j,
    ]
}

fn flown(case: &Case) -> Depths {
    depths(case, &case.fly().breaches)
}

/// Nothing is admitted from `start` on.
fn starved(case: &Case, start: f64) -> Case {
    case.and(Fault::new(FaultKind::Starved, Seconds(start), None))
}

/// Simulated seconds until a fault can be known.
fn unknown_for(case: &Case, fault: &Fault) -> f64 {
    let late = 1.0 + case.jitter;
    let tick = case.tick * late;
    let shown = case.sensor.lag.0 + case.sensor.update_period.0 * late + case.batch;
    let machine = if fault.kind == FaultKind::Load { tick + shown } else { tick };
    machine * case.compression
}

/// Flies a case and judges it.
pub(super) fn judge(case: &Case) -> Verdict {
    let broken = flown(case);
    if broken.iter().all(|depth| *depth <= 0.0) {
        return Verdict::Clean;
    }
    let idle = flown(&starved(case, 0.0));
    let mut witnesses: Option<Vec<(Fault, Depths)>> = None;
    let mut forced = Vec::new();
    for (index, (limit, tolerance)) in LIMITS.into_iter().enumerate() {
        let depth = broken[index];
        let explains = |witness: f64| witness > 0.0 && depth <= witness + tolerance;
        if depth <= 0.0 {
            continue;
        }
        if explains(idle[index]) || (idle[index] > 0.0 && explains(recovered(case, index))) {
            forced.push((limit, cause(case, index)));
            continue;
        }
        let witnesses = witnesses.get_or_insert_with(|| gone_idle(case));
        let Some((fault, _)) = witnesses.iter().find(|(_, depths)| explains(depths[index])) else {
            let witness = witnesses.iter().map(|(_, depths)| depths[index]).fold(idle[index], f64::max);
            return Verdict::Broken { limit, depth, witness };
        };
        forced.push((limit, format!("{}, unforeseen", fault.kind.name())));
    }
    Verdict::Forced(forced)
}

/// How deep limit number `index` is broken if nothing is admitted from the moment on at which it was passed.
fn recovered(case: &Case, index: usize) -> f64 {
    let satellite = case.satellite();
    let mut passed = None;
    case.trace(Some(&mut |row: &Row| {
        let (hot, thermal) = (&row.state.temperatures, &satellite.thermal);
        let over = [
            hot.junction.0 - thermal.junction_limit_k,
            hot.coolant.0 - thermal.loop_limit_k,
            satellite.battery.soc_min - row.state.soc,
            // The bus lacks nothing while the battery holds anything.
            -row.state.soc,
        ];
        if over[index] > 0.0 && passed.is_none() {
            passed = Some(row.t_s.0);
        }
    }));
    passed.map_or(0.0, |passed| flown(&starved(case, passed))[index])
}

/// What each fault forces on a flight that could not foresee it; a limit that was broken before it counts as kept.
fn gone_idle(case: &Case) -> Vec<(Fault, Depths)> {
    let witness = |fault: &Fault| {
        let before = flown(&Case { duration: fault.start.0.max(1e-3), ..case.clone() });
        let mut after = flown(&starved(case, fault.start.0 + unknown_for(case, fault)));
        after.iter_mut().zip(before).filter(|(_, before)| *before > 0.0).for_each(|(after, _)| *after = 0.0);
        (*fault, after)
    };
    case.faults.iter().map(witness).collect()
}

/// Which fault breaks limit number `index` in a flight that does nothing.
fn cause(case: &Case, index: usize) -> String {
    let breaks = |faults: Vec<Fault>| flown(&starved(&Case { faults, ..case.clone() }, 0.0))[index] > 0.0;
    if breaks(Vec::new()) {
        return "the satellite itself".to_owned();
    }
    let alone = case.faults.iter().find(|fault| breaks(vec![**fault]));
    alone.map_or("several faults together".to_owned(), |fault| fault.kind.name().to_owned())
}
