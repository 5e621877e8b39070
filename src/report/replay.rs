//! A flight again, from its journal: the confirmed spacecraft, moved by the recorded energy windows.
//!
//! The spacecraft is a pure function of the satellite, the scale, the start and the energies, and the journal holds them
//! all. So what it was given can be recovered for the oracle, what the journal says of it can be checked, and it can be
//! flown with every energy at the upper end of the meter's band.

use super::record::Record;
use crate::envelope::{Breaches, OverTemperature, Scale, Sky, Spacecraft, State};
use crate::governor::WorkCurve;
use crate::journal::{FaultsRecord, FlightPlan, ScaleRecord, Tick};
use crate::oracle::{ExogenousTrace, Stores};
use crate::reading::{Basis, EnergyWindow};
use crate::units::{Joules, Kelvin, Seconds};
use serde::Serialize;

/// Charges agree to this share of capacity.
const CHARGE_TOLERANCE: f64 = 1e-6;
/// Temperatures agree to this, K.
const KELVIN_TOLERANCE: f64 = 1e-3;
/// Figures of breaches agree to this, relative: what rounding makes of sums over a flight.
const BREACH_TOLERANCE: f64 = 1e-9;

/// Whether the recorded spacecraft follows from the recorded energies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// It does, at every tick.
    pub agrees: bool,
    /// The first time at which it does not, machine clock; null where it does.
    pub first_apart_s: Option<Seconds>,
    /// What does not follow then.
    pub apart: Option<Apart>,
    /// Charges may be apart by this share of capacity.
    pub charge_tolerance: f64,
    /// Temperatures may be apart by this.
    pub temperature_tolerance_k: Kelvin,
    /// Figures of breaches may be apart by this, relative.
    pub breach_tolerance: f64,
}

/// What does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "snake_case")]
pub enum Apart {
    /// Windows do not touch, or one holds no energy that can be.
    #[strum(to_string = "the energy windows do not cover the time until then without gap or overlap")]
    Energy,
    /// Charge or temperatures.
    #[strum(to_string = "the state does not follow from the energies before it")]
    State,
    /// Breaches.
    #[strum(to_string = "the breaches do not follow from the energies before them")]
    Breaches,
}

/// Whether the limits would have held with every energy at the upper end of the meter's band.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AtUpperBand {
    /// They would; null where a band is not stated or the source is a model.
    pub held: Option<bool>,
    /// What would have been broken; null where that is not known.
    pub breaches: Option<Breaches>,
}

/// What a flight was given, where it began and ended, and what it broke.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) trace: ExogenousTrace,
    pub(super) from: Stores,
    pub(super) to: Stores,
    /// One orbit on the machine's clock.
    pub(super) period: Seconds,
    pub(super) agreement: Agreement,
    pub(super) at_upper_band: AtUpperBand,
}

/// Flies it again. What a watt buys is told by `curve`.
pub(super) fn replay(record: &Record<'_>, plan: &FlightPlan, scale: &ScaleRecord, curve: WorkCurve) -> Replay {
    let mut spacecraft = departing(plan, scale, record.faults);
    let mut trace = ExogenousTrace::of(&spacecraft, curve);
    let from = Stores::from(spacecraft.state());
    let mut apart = untouched(&record.energy).map(|at| (at, Apart::Energy));
    let mut ticks = record.ticks.iter().peekable();
    for window in &record.energy {
        let mut now = window.from_s;
        while now < window.to_s {
            while let Some(tick) = ticks.next_if(|tick| tick.confirmed_s <= now) {
                compare(&mut apart, spacecraft.state(), tick);
            }
            // Cut where a tick tells the state.
            let told = ticks.peek().map(|tick| tick.confirmed_s).filter(|told| now < *told && *told < window.to_s);
            let end = told.unwrap_or(window.to_s);
            spacecraft.step(end - now, window.power(), 0.0);
            trace.follow(&spacecraft, scale.full_w);
            now = end;
        }
    }
    let end = record.energy.last().map_or(Seconds::ZERO, |window| window.to_s);
    for tick in ticks {
        compare(&mut apart, spacecraft.state(), tick);
        if tick.confirmed_s > end {
            apart.get_or_insert((tick.confirmed_s, Apart::Energy));
        }
    }
    if record.arrival.is_some_and(|arrival| !are_same(&arrival.breaches, spacecraft.breaches())) {
        apart.get_or_insert((end, Apart::Breaches));
    }
    Replay {
        trace,
        from,
        to: Stores::from(spacecraft.state()),
        period: spacecraft.forecast().period(),
        agreement: Agreement {
            agrees: apart.is_none(),
            first_apart_s: apart.map(|(at, _)| at),
            apart: apart.map(|(_, what)| what),
            charge_tolerance: CHARGE_TOLERANCE,
            temperature_tolerance_k: Kelvin(KELVIN_TOLERANCE),
            breach_tolerance: BREACH_TOLERANCE,
        },
        at_upper_band: at_upper_band(departing(plan, scale, record.faults), &record.energy),
    }
}

fn departing(plan: &FlightPlan, scale: &ScaleRecord, faults: Option<&FaultsRecord>) -> Spacecraft {
    let scale = Scale { power: scale.power_scale, time: scale.time_compression };
    let spacecraft = Spacecraft::new(&plan.satellite, scale, Sky::Orbit, plan.satellite.orbit.start);
    spacecraft.becoming(faults.map(|faults| faults.conditions.clone()).unwrap_or_default())
}

/// The first time at which windows do not touch, or that of an energy that cannot be.
fn untouched(windows: &[EnergyWindow]) -> Option<Seconds> {
    let mut now = Seconds::ZERO;
    windows.iter().find_map(|window| {
        let touches = window.from_s == std::mem::replace(&mut now, window.to_s) && window.span() > Seconds::ZERO;
        let can_be = window.energy_j.is_finite() && window.energy_j >= Joules::ZERO;
        (!(touches && can_be)).then_some(window.from_s)
    })
}

fn compare(apart: &mut Option<(Seconds, Apart)>, state: &State, tick: &Tick) {
    let hot = &state.temperatures;
    let nodes = [(hot.junction, tick.junction_k), (hot.coolant, tick.loop_k), (hot.radiator, tick.radiator_k)];
    let charge = (state.soc - tick.soc).abs() <= CHARGE_TOLERANCE;
    if !(charge && nodes.iter().all(|(flown, told)| (*flown - *told).0.abs() <= KELVIN_TOLERANCE)) {
        apart.get_or_insert((tick.flight_s, Apart::State));
    }
}

fn are_same(told: &Breaches, flown: &Breaches) -> bool {
    let figures = |all: &Breaches| {
        let (charge, bus) = (all.charge, all.bus);
        let of = |node: OverTemperature| [node.time_s.0, node.excess_k_s, node.deepest_k.0];
        let charge = [charge.time_s.0, charge.energy_j.0, charge.deepest_share];
        [of(all.junction), of(all.coolant), charge, [bus.time_s.0, bus.energy_j.0, 0.0]]
    };
    let (told, flown) = (figures(told), figures(flown));
    let near = |(one, two): (&f64, &f64)| (one - two).abs() <= BREACH_TOLERANCE * one.abs().max(two.abs());
    told.as_flattened().iter().zip(flown.as_flattened()).all(near)
}

/// What nobody counted is assumed at its worst already.
fn at_upper_band(mut spacecraft: Spacecraft, windows: &[EnergyWindow]) -> AtUpperBand {
    let is_counted = |window: &&EnergyWindow| window.basis == Basis::Counted;
    let mut counted = windows.iter().filter(is_counted).peekable();
    if counted.peek().is_none() || counted.any(|window| window.high_j.is_none()) {
        return AtUpperBand { held: None, breaches: None };
    }
    for window in windows {
        let energy = window.high_j.unwrap_or(window.energy_j);
        spacecraft.step(window.span(), energy / window.span(), 0.0);
    }
    let breaches = *spacecraft.breaches();
    AtUpperBand { held: Some(!breaches.any()), breaches: Some(breaches) }
}
