//! Exogenous traces: of shipped satellites, and made by hand.

use dawndusk::envelope::{Battery, Condition, Limits, Scale, Sky, Spacecraft, Thermal};
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{ExogenousTrace, Step, Stores};
use dawndusk::profile::{self, Satellite};
use dawndusk::units::{Joules, Kelvin, Seconds, Watts};
use jiff::Timestamp;

/// The shipped satellites.
pub(crate) const SATELLITES: [&str; 5] = ["leo-100kw", "ai1", "equatorial-stress", "suncatcher", "unlimited"];

pub(crate) fn satellite(name: &str) -> Satellite {
    profile::satellite(name, &[]).unwrap_or_else(|refusal| panic!("{name}: {refusal}"))
}

/// A spacecraft of a shipped satellite in the deepest eclipses of 2027.
pub(crate) fn spacecraft(satellite: &Satellite, scale: Scale) -> Spacecraft {
    let start: Timestamp = "2027-12-22T00:00:00Z".parse().expect("an instant");
    Spacecraft::new(satellite, scale, Sky::Orbit, start)
}

/// A machine that tires: half the power does 62 % of the work.
pub(crate) fn tiring(full: Watts) -> WorkCurve {
    let points = [(full * 0.5, 0.62), (full * 0.75, 0.85), (full, 1.0)];
    WorkCurve::new(full * 0.1, &points).expect("a curve")
}

/// The trace of one orbit of `spacecraft`, in steps of a simulated second.
pub(crate) fn orbit(mut spacecraft: Spacecraft, curve: &WorkCurve) -> ExogenousTrace {
    let mut trace = ExogenousTrace::of(&spacecraft, curve.clone());
    let dt = spacecraft.scale().machine(Seconds(1.0));
    for _ in 0..spacecraft.orbit().nodal_period.0.round() as u64 {
        spacecraft.step(dt, curve.idle(), 0.0);
        trace.follow(&spacecraft, curve.full());
    }
    trace
}

/// A satellite without heat troubles: 0.96 each way, no limit on rates, floor at 0.2.
pub(crate) fn battery(capacity_wh: f64) -> Battery {
    Battery {
        capacity: Joules(capacity_wh * 3600.0),
        charge_efficiency: 0.96,
        discharge_efficiency: 0.96,
        charge_max: Watts(1e3),
        discharge_max: Watts(1e3),
        soc_min: 0.2,
        soc_max: 1.0,
    }
}

/// A radiator that never warms to speak of.
pub(crate) fn cold() -> Thermal {
    Thermal {
        emission_w_per_k4: 1e-6,
        junction_to_loop_k_per_w: 1e-3,
        loop_to_radiator_w_per_k: 1e3,
        junction_j_per_k: 100.0,
        loop_j_per_k: 400.0,
        radiator_j_per_k: 1000.0,
    }
}

pub(crate) fn limits(kelvin: f64) -> Limits {
    Limits {
        junction: Kelvin(kelvin),
        coolant: Kelvin(kelvin),
        soc_min: 0.2,
        compute: Watts(1e3),
        downlink_bits_per_orbit: 0.0,
    }
}

/// A trace without losses at the bus and without housekeeping: `array` by bin of a minute, 10 W of environment.
pub(crate) fn minutes(
    battery: Battery,
    thermal: Thermal,
    kelvin: f64,
    curve: &WorkCurve,
    array: &[f64],
) -> ExogenousTrace {
    let minute = Seconds(60.0);
    let mut trace = ExogenousTrace::new(battery, thermal, Watts::ZERO, 1.0, limits(kelvin), curve.clone(), minute);
    for &watts in array {
        trace.add(Step {
            dt: minute,
            array: Watts(watts),
            environment: Watts(10.0),
            most: curve.full(),
            emission_w_per_k4: thermal.emission_w_per_k4,
            condition: Condition::SOUND,
        });
    }
    trace
}

/// Charge and temperatures of a satellite at rest.
pub(crate) fn stores(soc: f64, kelvin: f64) -> Stores {
    let at = Kelvin(kelvin);
    Stores { soc, temperatures: dawndusk::envelope::Temperatures { junction: at, coolant: at, radiator: at } }
}

/// Numbers from 0 to 1 out of `seed` (SplitMix64, Steele et al. 2014).
pub(crate) fn chance(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
