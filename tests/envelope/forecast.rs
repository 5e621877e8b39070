//! The forecast is what will be flown.

use crate::reference::{fly, near, satellite};
use dawndusk::units::{Joules, Seconds, Watts};

#[test]
fn the_forecast_of_an_orbit_is_the_energy_that_comes() {
    for start in ["2027-12-22T00:00:00Z", "2027-01-30T00:00:00Z", "2027-06-01T00:00:00Z"] {
        let mut spacecraft = fly(&satellite(&[&format!("orbit.start={start}")]));
        let forecast = spacecraft.forecast().clone();
        near("period", forecast.period().0, spacecraft.orbit().nodal_period.0, 1e-6);
        let mut energy = Joules::ZERO;
        for sample in &forecast.samples {
            energy += sample.array * forecast.step;
            let before = spacecraft.ledger().array_j;
            spacecraft.step(forecast.step, Watts(50_000.0), 0.0);
            let flown = (spacecraft.ledger().array_j - before) / forecast.step;
            near(&format!("{start} at {}", spacecraft.state().t), sample.array.0, flown.0, 2e-3 * 115_000.0);
        }
        let flown = spacecraft.ledger().array_j;
        near(&format!("{start}: orbit"), energy / flown, 1.0, 1e-5);
    }
}

#[test]
fn the_forecast_begins_at_most_an_eighth_of_an_orbit_ago() {
    let mut spacecraft = fly(&satellite(&[]));
    for _ in 0..20_000 {
        spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
        let age = spacecraft.state().t - spacecraft.forecast().start;
        assert!((0.0..=5871.0 / 8.0 + 1.0).contains(&age.0), "forecast {age} old");
    }
}

#[test]
fn the_forecast_knows_the_sunlight_of_tomorrow() {
    // Early in February the eclipse shrinks by about 100 s from one day to the next.
    let mut spacecraft = fly(&satellite(&["orbit.start=2027-02-01T00:00:00Z"]));
    while spacecraft.state().t.0 < 86_000.0 {
        spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
    }
    let forecast = spacecraft.forecast().clone();
    while spacecraft.state().t.0 < forecast.start.0 + 5000.0 {
        let t = spacecraft.state().t;
        let expected = forecast.at(t + Seconds(0.5)).illumination;
        spacecraft.step(Seconds(1.0), Watts(50_000.0), 0.0);
        near(&format!("visible share at {t}"), spacecraft.state().illumination, expected, 0.2);
    }
}

#[test]
fn the_forecast_repeats_after_an_orbit() {
    let forecast = fly(&satellite(&[])).forecast().clone();
    let period = forecast.period();
    for t in [0.0, 1234.5, 3000.0] {
        assert_eq!(forecast.at(Seconds(t)), forecast.at(Seconds(t) + period), "one orbit after {t} s");
    }
}

#[test]
fn bus_and_compute_are_two_sides_of_one_conversion() {
    let forecast = fly(&satellite(&[])).forecast().clone();
    let bus = forecast.bus_load(Watts(95_000.0));
    near("bus", bus.0, 102_000.0, 1e-6);
    near("and back", forecast.compute_from(bus).0, 95_000.0, 1e-6);
    assert_eq!(forecast.compute_from(Watts(500.0)), Watts::ZERO, "housekeeping comes first");
}
