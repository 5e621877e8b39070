//! The spacecraft as a whole: ledger, breaches, steps and determinism.

use crate::reference::{fly, near, neutral, satellite, seeded};
use dawndusk::envelope::{Breaches, Ledger, Scale, Sky, Spacecraft, State};
use dawndusk::units::{Joules, Kelvin, Seconds, Watts};
use proptest::prelude::*;

#[track_caller]
fn closes(ledger: &Ledger) {
    let (sources, uses) = (ledger.sources(), ledger.uses());
    assert!((sources - uses).0.abs() <= 1e-9 * sources.0, "{sources} came in, {uses} went out: {ledger:?}");
}

#[test]
fn the_ledger_closes_over_a_week_of_switching_loads() {
    let mut spacecraft = fly(&satellite(&[]));
    for second in 0..7 * 86_400u32 {
        let watts = if (second / 977) % 3 == 0 { 100_000.0 } else { 55_000.0 };
        spacecraft.step(Seconds(1.0), Watts(watts), 0.0);
    }
    let ledger = spacecraft.ledger();
    closes(ledger);
    let stored = (spacecraft.state().soc - 0.80) * 120_000.0 * 3600.0;
    near("stored", ledger.stored_j.0, stored, 1.0);
    for (what, part) in [
        ("housekeeping", ledger.housekeeping_j),
        ("conversion", ledger.conversion_j),
        ("charge loss", ledger.charge_loss_j),
        ("discharge loss", ledger.discharge_loss_j),
        ("shunt", ledger.shunt_j),
    ] {
        assert!(part > Joules::ZERO, "{what} has its share: {ledger:?}");
    }
    near("housekeeping", ledger.housekeeping_j.0, 2000.0 * 7.0 * 86_400.0, 1e-3);
    near("conversion", ledger.conversion_j.0, ledger.compute_j.0 * (1.0 / 0.95 - 1.0), 1.0);
}

#[test]
fn the_ledger_closes_through_a_brownout() {
    let mut spacecraft = fly(&satellite(&["battery.capacity_wh=5000", "battery.discharge_rate_max_c=10"]));
    for _ in 0..5871 {
        spacecraft.step(Seconds(1.0), Watts(100_000.0), 0.0);
    }
    closes(spacecraft.ledger());
    let bus = spacecraft.breaches().bus;
    assert!(bus.time_s.0 > 600.0, "5 kWh do not last through the eclipse: {bus:?}");
    near("unserved", bus.energy_j.0, spacecraft.ledger().unserved_j.0, 1.0);
    near("empty", spacecraft.breaches().charge.deepest_share, 0.7, 1e-12);
}

#[test]
fn a_junction_held_exactly_at_its_limit_breaks_nothing() {
    let satellite = satellite(&[]);
    let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
    let environment = spacecraft.state().environment;
    let heat = spacecraft.forecast().thermal.heat_at_junction(spacecraft.limits().junction, environment);
    for _ in 0..40_000 {
        spacecraft.step(Seconds(1.0), heat, 0.0);
    }
    near("junction", spacecraft.state().temperatures.junction.0, 353.15, 1e-6);
    assert!(spacecraft.breaches().junction.time_s == Seconds::ZERO, "{:?}", spacecraft.breaches());
}

/// A quiet spacecraft's limits and state, to bend by hand.
fn quiet() -> (dawndusk::envelope::Limits, State) {
    let spacecraft = fly(&satellite(&[]));
    (*spacecraft.limits(), *spacecraft.state())
}

#[test]
fn a_breach_counts_its_seconds_kelvin_seconds_and_depth() {
    let (limits, cool) = quiet();
    let mut breaches = Breaches::default();
    let mut hot = cool;
    hot.simulated = Seconds(10.0);
    hot.temperatures.junction = limits.junction + Kelvin(4.0);
    let mut hotter = hot;
    hotter.simulated = Seconds(15.0);
    hotter.temperatures.junction = limits.junction + Kelvin(6.0);
    breaches.record(&limits, Joules(1000.0), &cool, &hot, Joules::ZERO);
    breaches.record(&limits, Joules(1000.0), &hot, &hotter, Joules::ZERO);
    let junction = breaches.junction;
    near("time", junction.time_s.0, 15.0, 1e-9);
    near("kelvin-seconds", junction.excess_k_s, 10.0 * 2.0 + 5.0 * 5.0, 1e-6);
    near("depth", junction.deepest_k.0, 6.0, 1e-9);
    assert!(breaches.any(), "a breach is a breach");
    assert_eq!(breaches.coolant, Default::default(), "the loop kept its limit");
}

#[test]
fn a_charge_breach_counts_what_was_taken_from_below_the_floor() {
    let (limits, full) = quiet();
    let mut breaches = Breaches::default();
    let at = |second: f64, soc: f64| State { simulated: Seconds(second), soc, ..full };
    let path = [at(0.0, 0.71), at(1.0, 0.69), at(2.0, 0.66), at(3.0, 0.68), at(4.0, 0.72)];
    for pair in path.windows(2) {
        breaches.record(&limits, Joules(1000.0), &pair[0], &pair[1], Joules::ZERO);
    }
    near("time", breaches.charge.time_s.0, 3.0, 1e-9);
    near("energy", breaches.charge.energy_j.0, 40.0, 1e-9);
    near("depth", breaches.charge.deepest_share, 0.04, 1e-12);
}

#[test]
fn rounding_is_no_breach() {
    let (limits, before) = quiet();
    let mut breaches = Breaches::default();
    let mut after = before;
    after.simulated = Seconds(1.0);
    after.temperatures.junction = limits.junction + Kelvin(5e-7);
    after.temperatures.coolant = limits.coolant;
    after.soc = limits.soc_min - 5e-10;
    breaches.record(&limits, Joules(4e8), &before, &after, Joules(1e-5));
    assert!(!breaches.any(), "{breaches:?}");
}

#[test]
fn breaches_keep_units_in_their_keys() {
    let json = serde_json::to_value(Breaches::default()).expect("plain numbers serialise");
    let keys = |name: &str| json[name].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(" "));
    assert_eq!(keys("junction").as_deref(), Some("time_s excess_k_s deepest_k"), "{json}");
    assert_eq!(keys("loop").as_deref(), Some("time_s excess_k_s deepest_k"), "{json}");
    assert_eq!(keys("charge").as_deref(), Some("time_s energy_j deepest_share"), "{json}");
    assert_eq!(keys("bus").as_deref(), Some("time_s energy_j"), "{json}");
}

#[test]
fn time_does_not_run_backwards_and_nothing_panics() {
    let mut spacecraft = fly(&satellite(&[]));
    let before = *spacecraft.state();
    for dt in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(*spacecraft.step(Seconds(dt), Watts(1e5), 1.0), before, "dt {dt}");
    }
    spacecraft.step(Seconds(1.0), Watts(f64::NAN), f64::NAN);
    assert!(spacecraft.state().temperatures.junction.0.is_nan(), "a NaN load is seen, not hidden");
}

#[test]
fn an_unchecked_satellite_gives_nan_and_not_a_panic() {
    let mut satellite = satellite(&[]);
    satellite.orbit.ltan = Some("noon".to_owned());
    let mut spacecraft = fly(&satellite);
    spacecraft.step(Seconds(100.0), Watts(1e5), 0.0);
    assert!(spacecraft.orbit().raan_deg(Seconds::ZERO).is_nan(), "no local time, no node");
}

#[test]
fn the_same_flight_gives_the_same_bits() {
    let flight = || {
        let mut spacecraft = fly(&satellite(&["link.mode=direct"]));
        for second in 0..20_000u32 {
            spacecraft.step(Seconds(0.7), Watts(f64::from(second % 1000) * 100.0), 1e5);
        }
        (*spacecraft.state(), *spacecraft.ledger(), *spacecraft.breaches())
    };
    assert_eq!(flight(), flight(), "a flight is a function of its inputs");
}

#[test]
fn a_constant_sky_is_always_lit_at_one_astronomical_unit() {
    let satellite = neutral(&["array.pointing=orbit-normal"]);
    let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
    for _ in 0..6000 {
        let state = *spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
        assert_eq!((state.illumination, state.array), (1.0, Watts(110_000.0)), "at {}", state.t);
    }
    near("environment", spacecraft.state().environment.0, 11_476.509, 1e-3);
    assert!(spacecraft.forecast().samples.iter().all(|sample| sample.array == Watts(110_000.0)), "forecast");
}

#[test]
fn sunlight_is_held_for_a_day_and_then_moves_on() {
    let satellite = satellite(&["orbit.start=2027-01-25T00:00:00Z"]);
    let mut spacecraft = fly(&satellite);
    let array = spacecraft.state().array;
    while spacecraft.state().t.0 < 86_399.0 {
        spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
        let state = spacecraft.state();
        assert!(state.illumination < 1.0 || state.array == array, "the array changed at {}", state.t);
    }
    for _ in 0..2 {
        spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
    }
    assert!(spacecraft.state().array != array, "a new day has new sunlight");
}

proptest! {
    #![proptest_config(seeded(24))]

    #[test]
    fn a_long_step_is_the_sum_of_its_seconds(seconds in 2u32..90, watts in 0.0..150_000.0f64, skip in 0u32..5000) {
        let mut one = fly(&satellite(&[]));
        one.step(Seconds(f64::from(skip) + 1.0), Watts(70_000.0), 0.0);
        let mut many = one.clone();
        one.step(Seconds(f64::from(seconds)), Watts(watts), 1e6);
        for _ in 0..seconds {
            many.step(Seconds(1.0), Watts(watts), 1e6 / f64::from(seconds));
        }
        prop_assert!((one.state().soc - many.state().soc).abs() < 1e-12, "charge");
        let apart = one.state().temperatures.junction - many.state().temperatures.junction;
        prop_assert!(apart.0.abs() < 1e-9, "junction {apart} apart");
    }

    #[test]
    fn the_ledger_closes_for_any_load(
        loads in prop::collection::vec((0.0..250_000.0f64, 1.0..900.0f64), 1..30),
        capacity in 1_000.0..200_000.0f64, k in 0.5..80.0f64,
    ) {
        let satellite = satellite(&[&format!("battery.capacity_wh={capacity}")]);
        let scale = Scale { power: 0.01, time: k };
        let mut spacecraft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
        for (watts, seconds) in loads {
            spacecraft.step(Seconds(seconds / k), Watts(watts * 0.01), 0.0);
        }
        closes(spacecraft.ledger());
    }
}
