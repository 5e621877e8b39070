//! The bus and the battery as rows of the programme.
//!
//! ```text
//! P = P_idle + sum_i u_i,  0 <= u_i <= w_i                        segments of the work curve, worth sigma_i u_i h
//! P/eta + housekeeping + c - d <= array                           what is left is shunted
//! E' = E + h (eta_c c - d/eta_d),  0 <= c <= C_max,  0 <= d <= D_max,  floor <= E <= full
//! ```
//!
//! With means over a bin of length h these are exact for any flight without a breach, however it switched inside the
//! bin; the rate of work is concave, so its mean is at most the rate at the mean (Jensen). What is relaxed: inside a bin
//! charge and discharge are netted, charge may be held back (the battery itself always takes what it can), and the
//! window holds at the ends of bins only.
//!
//! A battery that is larger than all that could flow is cut to that, around its start, so that its size cannot spoil
//! the numbers. Energies are counted from [`Energy::zero`].

use super::Ends;
use super::course::Course;
use super::model::{Level, Margins, Terms, Units};
use super::programme::{Inequality, Programme, Variable};
use crate::envelope::CHARGE_TOLERANCE;
use crate::units::{Joules, Seconds, Watts};

/// The variables of bus and battery.
pub(super) struct Energy {
    /// Power above idle by bin and segment.
    pub(super) loads: Vec<Vec<Variable>>,
    /// The charge at the start.
    pub(super) start: Level,
    /// What the battery holds where its variables are zero.
    pub(super) zero: Joules,
    /// The row that asks for the change of charge.
    pub(super) stored: Option<Inequality>,
}

/// Adds them.
pub(super) fn add(programme: &mut Programme, course: &Course, ends: &Ends, units: &Units, margins: &Margins) -> Energy {
    let battery = &course.battery;
    let swing = swing(course);
    let mut floor = battery.capacity * (battery.soc_min - CHARGE_TOLERANCE + margins.soc);
    let mut full = battery.capacity * battery.soc_max;
    let zero = match ends {
        Ends::From(start) => {
            let start = battery.capacity * start.soc;
            (floor, full) = (floor.max(start - swing), full.max(start).min(start + swing));
            start
        }
        Ends::Change { from, to } => {
            full = full.max(battery.capacity * from.soc.max(to.soc)).min(floor + swing);
            floor
        }
        Ends::Periodic => {
            full = full.min(floor + swing);
            floor
        }
    };
    let held = (units.energy(floor - zero), units.energy(full - zero));
    let start = match ends {
        Ends::From(_) => Level::Fixed(0.0),
        _ => Level::Free(programme.variable(0.0, held.0, held.1)),
    };
    let mut energy = Energy { loads: Vec::new(), start, zero, stored: None };
    let mut level = start;
    for bin in course.bins() {
        let next = Level::Free(programme.variable(0.0, held.0, held.1));
        energy.loads.push(add_bin(programme, course, bin, units, margins, (level, next)));
        level = next;
    }
    if let Some(change) = change(ends, course) {
        let wanted = units.energy(change + battery.capacity * margins.stored);
        let row = Terms::new(-wanted).and(start, 1.0).and(level, -1.0);
        energy.stored = Some(programme.at_most(&row.terms, row.right));
    }
    energy
}

/// One bin; its segments come back.
fn add_bin(
    programme: &mut Programme,
    course: &Course,
    bin: &super::Bin,
    units: &Units,
    margins: &Margins,
    (level, next): (Level, Level),
) -> Vec<Variable> {
    let (battery, h) = (&course.battery, units.time(bin.dt));
    let segments: Vec<Variable> = course
        .curve
        .segments()
        .map(|segment| {
            let worth = h * segment.slope * units.power.0;
            programme.variable(worth, 0.0, units.watts(segment.watts))
        })
        .collect();
    let most = course.most(bin);
    if most < course.curve.full() {
        let terms: Vec<_> = segments.iter().map(|&u| (u, 1.0)).collect();
        programme.at_most(&terms, units.watts(most - course.curve.idle()));
    }
    let charge = programme.variable(0.0, 0.0, units.watts(battery.charge_max.min(bin.array.max(Watts::ZERO))));
    let given = (battery.discharge_max - Watts(margins.discharge)).max(Watts::ZERO);
    let needed = given.min(course.bus_load(course.curve.full()));
    let discharge = programme.variable(0.0, 0.0, units.watts(needed));
    let mut bus: Vec<_> = segments.iter().map(|&u| (u, 1.0 / course.conversion_efficiency)).collect();
    bus.extend([(charge, 1.0), (discharge, -1.0)]);
    programme.at_most(&bus, units.watts(bin.array - course.bus_load(course.curve.idle())));
    let store = Terms::new(0.0)
        .and(next, 1.0)
        .and(level, -1.0)
        .and(Level::Free(charge), -h * battery.charge_efficiency)
        .and(Level::Free(discharge), h / battery.discharge_efficiency);
    programme.equal(&store.terms, store.right);
    segments
}

/// The change of charge that the ends ask for; none if the end is free.
fn change(ends: &Ends, course: &Course) -> Option<Joules> {
    match ends {
        Ends::Periodic => Some(Joules::ZERO),
        Ends::Change { from, to } => Some(course.battery.capacity * (to.soc - from.soc)),
        Ends::From(_) => None,
    }
}

/// More than the charge could ever move on this course.
fn swing(course: &Course) -> Joules {
    let battery = &course.battery;
    let out = battery.discharge_max.min(course.bus_load(course.curve.full())) / battery.discharge_efficiency;
    let brightest = course.bins().iter().fold(Watts::ZERO, |most, bin| most.max(bin.array));
    let into = battery.charge_max.min(brightest);
    (out + into) * course.duration().max(Seconds::ZERO)
}
