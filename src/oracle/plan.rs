//! A plan of loads, flown by the spacecraft.
//!
//! A load is held all over its bin. A machine that is on or off ([`ExogenousTrace::switching`]) spends a share of the bin at full
//! power instead, in turns of a quarter of a simulated second, off, on and off again: as often as that, the junction
//! moves by hundredths of a kelvin between two turns.
//!
//! Where the start is free it is moved until the flight joins itself. Temperatures follow the end: heat fades, so that
//! converges. Charge, where it is to be [settled](Start::Settled), begins at the top and follows the end down: more
//! charge at the start is never less at the end, so the highest start that gives what is asked for is reached from above,
//! at once where the battery is full in between.

use super::exogenous::{Bin, ExogenousTrace};
use super::{Broken, Ends, Stores};
use crate::envelope::{Breaches, CHARGE_TOLERANCE, Spacecraft, Temperatures};
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// Most flights to find where the ends join.
const TURNS: usize = 60;
/// A start this much warmer than where the flight joins itself is sure to be met, K: the surplus fades.
const WARMER_K: f64 = 1e-3;
/// One turn of a machine that is on or off, simulated.
const TURN_S: f64 = 0.25;

/// What is done about the charge at the start, where that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is the plan's.
    Planned,
    /// The highest that gives the charge asked for.
    Settled,
}

/// One flight of a plan.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) start: Stores,
    pub(super) end: Stores,
    pub(super) breaches: Breaches,
    /// What broke first, and how long after the start, machine time.
    first: Option<(Broken, Seconds)>,
    /// Charge missing at the end, share of capacity.
    pub(super) missing: f64,
    /// Whether the temperatures at the end are as asked for.
    cool: bool,
}

impl Flight {
    /// Nothing broke and the ends are as asked for.
    pub(super) fn survived(&self) -> bool {
        !self.breaches.any() && self.missing <= CHARGE_TOLERANCE && self.cool
    }

    /// Which limit broke, and when; an end that is not as asked for breaks after `duration`.
    pub(super) fn broke(&self, duration: Seconds) -> (Broken, Seconds) {
        let ends = if self.missing > CHARGE_TOLERANCE { Broken::Charge } else { Broken::Heat };
        self.first.unwrap_or((ends, duration))
    }
}

/// What a flight is asked for at its end, over its start.
#[derive(Clone, Copy, Debug)]
struct Asked {
    /// At least so much more charge, share of capacity.
    charge: f64,
    /// Each node at most so much warmer, K.
    warmed: [f64; 3],
}

/// Flies `loads` on `trace` from `start`, moved until the ends are as `ends` ask if that can be.
pub(super) fn joined(
    spacecraft: &Spacecraft,
    trace: &ExogenousTrace,
    ends: &Ends,
    loads: &[Watts],
    (mut start, charge): (Stores, Start),
) -> Flight {
    let asked = match ends {
        Ends::From(_) => return flown(spacecraft, trace, loads, start, None),
        Ends::Periodic => Asked { charge: 0.0, warmed: [0.0; 3] },
        Ends::Change { from, to } => {
            Asked { charge: to.soc - from.soc, warmed: between(&from.temperatures, &to.temperatures) }
        }
    };
    let floor = trace.limits.soc_min;
    let mut flight = flown(spacecraft, trace, loads, start, Some(asked));
    for _ in 0..TURNS {
        let lower = charge == Start::Settled && flight.missing > CHARGE_TOLERANCE && start.soc > floor;
        if flight.cool && !lower {
            break;
        }
        if lower {
            start.soc = (start.soc - flight.missing).max(floor);
        }
        if !flight.cool {
            start.temperatures = moved(&flight.end.temperatures, asked.warmed.map(|warmer| WARMER_K - warmer));
        }
        flight = flown(spacecraft, trace, loads, start, Some(asked));
    }
    flight
}

fn flown(
    spacecraft: &Spacecraft,
    trace: &ExogenousTrace,
    loads: &[Watts],
    start: Stores,
    asked: Option<Asked>,
) -> Flight {
    let mut craft = spacecraft.clone().holding(start.soc, start.temperatures);
    let mut first = None;
    for (bin, load) in trace.bins().iter().zip(loads) {
        if bin.condition != craft.condition() {
            craft.set_condition(bin.condition);
        }
        fly(&mut craft, trace, bin, *load);
        if first.is_none() {
            let since = craft.state().t - spacecraft.state().t;
            first = broken(craft.breaches()).map(|limit| (limit, since));
        }
    }
    let end = Stores::from(craft.state());
    let (missing, cool) = asked.map_or((0.0, true), |asked| {
        let rise = between(&start.temperatures, &end.temperatures);
        (start.soc + asked.charge - end.soc, rise.iter().zip(asked.warmed).all(|(rise, asked)| *rise <= asked))
    });
    Flight { start, end, breaches: *craft.breaches(), first, missing, cool }
}

/// One bin.
fn fly(craft: &mut Spacecraft, trace: &ExogenousTrace, bin: &Bin, load: Watts) {
    let share = trace.on_share(load);
    if !trace.is_switching() || share == 0.0 || share == 1.0 {
        craft.step(bin.dt, load, 0.0);
        return;
    }
    let turns = (craft.scale().simulated(bin.dt).0 / TURN_S).ceil().max(1.0);
    let turn = bin.dt / turns;
    let on = turn * share;
    let off = (turn - on) / 2.0;
    let (idle, full) = (trace.curve.idle(), trace.curve.full());
    for _ in 0..turns as u64 {
        for (dt, load) in [(off, idle), (on, full), (off, idle)] {
            craft.step(dt, load, 0.0);
        }
    }
}

/// The first kind of breach.
fn broken(breaches: &Breaches) -> Option<Broken> {
    let Breaches { junction, coolant, charge, bus } = breaches;
    if bus.energy_j > Joules::ZERO {
        return Some(Broken::Bus);
    }
    if charge.time_s > Seconds::ZERO {
        return Some(Broken::Charge);
    }
    (junction.time_s.max(coolant.time_s) > Seconds::ZERO).then_some(Broken::Heat)
}

fn between(from: &Temperatures, to: &Temperatures) -> [f64; 3] {
    [(to.junction - from.junction).0, (to.coolant - from.coolant).0, (to.radiator - from.radiator).0]
}

fn moved(from: &Temperatures, by: [f64; 3]) -> Temperatures {
    Temperatures {
        junction: from.junction + Kelvin(by[0]),
        coolant: from.coolant + Kelvin(by[1]),
        radiator: from.radiator + Kelvin(by[2]),
    }
}
