//! A flight again, from its journal: the spacecraft under the recorded loads, tick by tick.
//!
//! The spacecraft is a pure function of the satellite, the scale, the start and the loads, and the journal holds them
//! all. So what it was given can be recovered for the oracle, and what the journal says of it can be checked.

use crate::envelope::{Scale, Sky, Spacecraft, State};
use crate::governor::WorkCurve;
use crate::journal::{FlightPlan, ScaleRecord, Tick};
use crate::oracle::{Course, Stores};
use crate::units::{Kelvin, Seconds};
use serde::Serialize;

/// Charges agree to this share of capacity.
const CHARGE_TOLERANCE: f64 = 1e-6;
/// Temperatures agree to this, K.
const KELVIN_TOLERANCE: f64 = 1e-3;

/// Whether the recorded states follow from the recorded loads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// They do, at every tick.
    pub agrees: bool,
    /// The first tick that does not, machine clock; null where all do.
    pub first_apart_s: Option<Seconds>,
    /// Charges may be apart by this share of capacity.
    pub charge_tolerance: f64,
    /// Temperatures may be apart by this.
    pub temperature_tolerance_k: Kelvin,
}

/// What a flight was given, and where it began and ended.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    pub(super) course: Course,
    pub(super) from: Stores,
    pub(super) to: Stores,
    /// One orbit on the machine's clock.
    pub(super) period: Seconds,
    pub(super) agreement: Agreement,
}

/// Flies `ticks` again. What a watt buys is told by `curve`.
pub(super) fn replay(plan: &FlightPlan, record: &ScaleRecord, ticks: &[&Tick], curve: WorkCurve) -> Replay {
    let scale = Scale { power: record.power_scale, time: record.time_compression };
    let mut spacecraft = Spacecraft::new(&plan.satellite, scale, Sky::Orbit, plan.satellite.orbit.start);
    let mut course = Course::of(&spacecraft, curve);
    let from = Stores::from(spacecraft.state());
    let mut before = Seconds::ZERO;
    let mut first_apart_s = None;
    for tick in ticks {
        spacecraft.step(tick.flight_s - before, tick.load_w, 0.0);
        course.follow(&spacecraft, record.full_w);
        before = tick.flight_s;
        if !agrees(spacecraft.state(), tick) {
            first_apart_s.get_or_insert(tick.flight_s);
        }
    }
    Replay {
        course,
        from,
        to: Stores::from(spacecraft.state()),
        period: spacecraft.forecast().period(),
        agreement: Agreement {
            agrees: first_apart_s.is_none(),
            first_apart_s,
            charge_tolerance: CHARGE_TOLERANCE,
            temperature_tolerance_k: Kelvin(KELVIN_TOLERANCE),
        },
    }
}

fn agrees(state: &State, tick: &Tick) -> bool {
    let hot = &state.temperatures;
    let nodes = [(hot.junction, tick.junction_k), (hot.coolant, tick.loop_k), (hot.radiator, tick.radiator_k)];
    let charge = (state.soc - tick.soc).abs() <= CHARGE_TOLERANCE;
    charge && nodes.iter().all(|(flown, told)| (*flown - *told).0.abs() <= KELVIN_TOLERANCE)
}
