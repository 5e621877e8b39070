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
//! *A machine that is on or off* ([`ExogenousTrace::switching`]) charges in the one state and discharges in the other, at a loss
//! and at limited rates, where a mean between would do neither. With x the share of the time at full power, and what the
//! cells take up at a surplus s at the bus `g(s) = eta_c min(s, C_max)` for s >= 0, `s/eta_d` for `-D_max <= s < 0`,
//!
//! ```text
//! E' <= E + h [x g(array - full/eta - housekeeping) + (1 - x) g(array - idle/eta - housekeeping)]       x sigma h of work
//! ```
//!
//! which is exact in even light however often it switched; x = 0 where full power asks for more than `D_max`. g is
//! concave and rises. Where the light changes inside the bin, the array's energy is shared between the two states
//! as the flight likes, each share between the least and the most light; with means over each state g of the mean is no
//! less than the mean of g (Jensen), and g is the least of its three straight lines.
//!
//! A battery that is larger than all that could flow is cut to that, around its start, so that its size cannot spoil
//! the numbers. Energies are counted from [`Energy::zero`].

use super::Ends;
use super::exogenous::{ExogenousTrace, Light};
use super::model::{Level, Margins, Terms, Units};
use super::programme::{Inequality, KEPT, Programme, Variable};
use crate::envelope::{Battery, CHARGE_TOLERANCE};
use crate::units::{Joules, Seconds, Watts};

/// What sums of watts leave, share.
const ROUNDING: f64 = 1e-9;

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
pub(super) fn add(
    programme: &mut Programme,
    trace: &ExogenousTrace,
    ends: &Ends,
    units: &Units,
    margins: &Margins,
) -> Energy {
    let battery = &trace.battery;
    let swing = swing(trace);
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
    for (bin, light) in trace.bins().iter().zip(trace.lights()) {
        let next = Level::Free(programme.variable(0.0, held.0, held.1));
        energy.loads.push(add_bin(programme, trace, (bin, light), units, margins, (level, next)));
        level = next;
    }
    if let Some(change) = change(ends, trace) {
        let wanted = units.energy(change + battery.capacity * margins.stored);
        let row = Terms::new(-wanted).and(start, 1.0).and(level, -1.0);
        energy.stored = Some(programme.at_most(&row.terms, row.right));
    }
    energy
}

/// One bin; its segments come back.
fn add_bin(
    programme: &mut Programme,
    trace: &ExogenousTrace,
    (bin, light): (&super::Bin, &Light),
    units: &Units,
    margins: &Margins,
    (level, next): (Level, Level),
) -> Vec<Variable> {
    let (battery, h) = (&trace.battery, units.time(bin.dt));
    let segments: Vec<Variable> = trace
        .segments()
        .into_iter()
        .map(|(watts, slope)| programme.variable(h * slope * units.power.0, 0.0, units.watts(watts)))
        .collect();
    let most = trace.most(bin);
    if most < trace.curve.full() {
        let terms: Vec<_> = segments.iter().map(|&u| (u, 1.0)).collect();
        programme.at_most(&terms, units.watts(most - trace.curve.idle()));
    }
    if trace.is_switching() {
        let states = Switching { trace, units, dt: bin.dt, array: bin.array, on: segments[0] };
        states.add(programme, light, margins.held, (level, next));
        return segments;
    }
    if margins.held {
        let carried = light.least + battery.discharge_max * (1.0 - KEPT);
        let terms: Vec<_> = segments.iter().map(|&u| (u, 1.0 / trace.conversion_efficiency)).collect();
        programme.at_most(&terms, units.watts(carried - trace.bus_load(trace.curve.idle())));
    }
    let charge = programme.variable(0.0, 0.0, units.watts(battery.charge_max.min(bin.array.max(Watts::ZERO))));
    let needed = battery.discharge_max.min(trace.bus_load(trace.curve.full()));
    let discharge = programme.variable(0.0, 0.0, units.watts(needed));
    let mut bus: Vec<_> = segments.iter().map(|&u| (u, 1.0 / trace.conversion_efficiency)).collect();
    bus.extend([(charge, 1.0), (discharge, -1.0)]);
    programme.at_most(&bus, units.watts(bin.array - trace.bus_load(trace.curve.idle())));
    let store = Terms::new(0.0)
        .and(next, 1.0)
        .and(level, -1.0)
        .and(Level::Free(charge), -h * battery.charge_efficiency)
        .and(Level::Free(discharge), h / battery.discharge_efficiency);
    programme.equal(&store.terms, store.right);
    segments
}

/// A bin of a machine that is on or off.
struct Switching<'a> {
    trace: &'a ExogenousTrace,
    units: &'a Units,
    dt: Seconds,
    array: Watts,
    /// Power above idle.
    on: Variable,
}

impl Switching<'_> {
    fn add(&self, programme: &mut Programme, light: &Light, held: bool, (level, next): (Level, Level)) {
        let (units, battery, h) = (self.units, &self.trace.battery, self.units.time(self.dt));
        let states = [self.trace.curve.full(), self.trace.curve.idle()].map(|load| self.trace.bus_load(load));
        let store = Terms::new(0.0).and(next, 1.0).and(level, -1.0);
        if light.least < light.most && !held {
            let shares = self.shares(programme, light);
            let taken = states.iter().zip(shares).map(|(load, share)| self.taken(programme, *load, &share));
            let row = taken.fold(store, |row, taken| row.and(Level::Free(taken), -h));
            programme.at_most(&row.terms, row.right);
            return;
        }
        let lacking = states.map(|load| load - light.least - battery.discharge_max);
        if lacking[1] > battery.discharge_max * ROUNDING {
            // Idle power alone asks for too much; no time at full power can be less than none.
            programme.at_most(&[(self.on, 1.0)], -units.watts(lacking[1]));
        } else if lacking[0] > battery.discharge_max * ROUNDING {
            programme.cap(self.on, 0.0);
        }
        let [on, off] = states.map(|load| taken(battery, self.array - load));
        let row = store.and(Level::Free(self.on), -h * ((on - off) / self.trace.width()));
        programme.at_most(&row.terms, row.right + h * units.watts(off));
    }

    /// Share of the time, and the array's energy in it, at full power and at idle, each as `constant + factor variable`.
    fn shares(&self, programme: &mut Programme, light: &Light) -> [State; 2] {
        let units = self.units;
        let array = programme.variable(0.0, 0.0, units.watts(light.most));
        let time = 1.0 / units.watts(self.trace.width());
        let on = State { time: (0.0, self.on, time), array: (0.0, array, 1.0) };
        let off = State { time: (1.0, self.on, -time), array: (units.watts(self.array), array, -1.0) };
        for state in [&on, &off] {
            for (bound, sign) in [(light.most, 1.0), (light.least, -1.0)] {
                let row = Terms::new(0.0).part(state.array, sign).part(state.time, -sign * units.watts(bound));
                programme.at_most(&row.terms, row.right);
            }
        }
        [on, off]
    }

    /// What the cells take up in `state`, where the bus asks for `load`.
    fn taken(&self, programme: &mut Programme, load: Watts, state: &State) -> Variable {
        let (battery, units) = (&self.trace.battery, self.units);
        let most = units.watts(battery.charge_max) * battery.charge_efficiency;
        let least = -units.watts(battery.discharge_max) / battery.discharge_efficiency;
        let taken = programme.variable(0.0, least, most);
        let (into, out) = (battery.charge_efficiency, 1.0 / battery.discharge_efficiency);
        let (load, given) = (units.watts(load), units.watts(battery.discharge_max));
        let rows = [(1.0, into, into * load), (1.0, out, out * load), (1.0, 0.0, -most), (0.0, 1.0, load - given)];
        for (of_taken, of_array, of_time) in rows {
            let row = Terms::new(0.0).and(Level::Free(taken), of_taken);
            let row = row.part(state.array, -of_array).part(state.time, of_time);
            programme.at_most(&row.terms, row.right);
        }
        taken
    }
}

/// What the cells take up at `surplus` watts at the bus.
pub(super) fn taken(battery: &Battery, surplus: Watts) -> Watts {
    if surplus < Watts::ZERO {
        return surplus / battery.discharge_efficiency;
    }
    surplus.min(battery.charge_max) * battery.charge_efficiency
}

/// A share of a bin: its time, and the array's energy in it, each a constant, a variable and its factor.
struct State {
    time: (f64, Variable, f64),
    array: (f64, Variable, f64),
}

/// The change of charge that the ends ask for; none if the end is free.
fn change(ends: &Ends, trace: &ExogenousTrace) -> Option<Joules> {
    match ends {
        Ends::Periodic => Some(Joules::ZERO),
        Ends::Change { from, to } => Some(trace.battery.capacity * (to.soc - from.soc)),
        Ends::From(_) => None,
    }
}

/// More than the charge could ever move on this trace.
fn swing(trace: &ExogenousTrace) -> Joules {
    let battery = &trace.battery;
    let out = battery.discharge_max.min(trace.bus_load(trace.curve.full())) / battery.discharge_efficiency;
    let brightest = trace.bins().iter().fold(Watts::ZERO, |most, bin| most.max(bin.array));
    let into = battery.charge_max.min(brightest);
    (out + into) * trace.duration().max(Seconds::ZERO)
}
