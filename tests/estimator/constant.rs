//! A meter that shows 9 W whatever happens: how often it is renewed makes no difference to the spacecraft.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::estimator::{Assumptions, Estimator, OperatingRange};
use dawndusk::profile;
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};

/// The highest junction over one orbit in 30 s of a 9 W machine whose meter is renewed `rate` times a second, K.
fn hottest(rate: f64) -> f64 {
    let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
    let scale = Scale::new(Watts(9.0), Watts(satellite.compute.power_w), 195.7);
    let craft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    let range = OperatingRange {
        idle_w: Watts(2.0),
        full_w: Watts(9.0),
        sensor_lag_s: Seconds(0.5 / rate),
        update_period_s: Seconds(1.0 / rate),
        batch_s: Seconds(0.05),
    };
    let mut estimator = Estimator::new(craft, range, Assumptions::default(), Seconds(0.05), None);
    let (mut most, end) = (0.0_f64, Seconds(30.0));
    estimator.end(end);
    for tick in 0..=1200_u32 {
        let now = f64::from(tick) * 0.05;
        let taken_at = (now * rate + 1e-9).floor() / rate;
        let energy = Ok(Joules(9.0 * taken_at));
        let reading = Reading { taken_at: Seconds(taken_at), energy, power: Err(NoData::NotSupported) };
        estimator.read(Seconds(now), &reading);
        estimator.advance(Seconds(now));
        most = most.max(estimator.confirmed().state().temperatures.junction.0);
    }
    assert!(estimator.close(end).is_none(), "all of it was counted");
    assert!(estimator.confirmed().breaches().bus.energy_j.0 == 0.0, "a bus that feeds 9 W feeds it at any rate");
    most
}

#[test]
fn nine_watts_are_as_hot_at_a_tenth_of_a_hertz_as_at_ten() {
    let fast = hottest(10.0);
    for rate in [1.0, 0.1] {
        let slow = hottest(rate);
        assert!((slow - fast).abs() < 0.5, "{slow} K at {rate} Hz, {fast} K at 10 Hz");
    }
}
