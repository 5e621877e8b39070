//! A scaled and compressed spacecraft is the full-size one at another size and pace.

use crate::reference::{near, satellite};
use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::units::{Seconds, Watts};

/// A load that swings between nothing and more than is healthy, by simulated time.
fn load(simulated: f64) -> f64 {
    60_000.0 + 60_000.0 * (simulated / 700.0).sin()
}

#[test]
fn temperatures_and_charge_do_not_see_the_scale() {
    let satellite = satellite(&["link.mode=direct", "link.downlink_bps=1e6"]);
    let mut full = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    let scales = [(3.5e-3, 1.0), (3.5e-3, 10.0), (0.2, 50.0), (7.0, 3.0), (1.0, 0.25), (1e-4, 97.0)];
    let mut others: Vec<(f64, f64, Spacecraft)> = scales
        .iter()
        .map(|&(power, time)| {
            (power, time, Spacecraft::new(&satellite, Scale { power, time }, Sky::Orbit, satellite.orbit.start))
        })
        .collect();
    for second in 0..12_000 {
        let watts = load(f64::from(second));
        full.step(Seconds(1.0), Watts(watts), 1e6);
        for (s, k, other) in &mut others {
            other.step(Seconds(1.0 / *k), Watts(watts * *s), 1e6 * *s / *k);
        }
        if second % 500 != 499 {
            continue;
        }
        let expected = *full.state();
        for (s, k, other) in &others {
            let what = format!("s {s}, k {k}, second {second}");
            let state = other.state();
            near(&format!("{what}: simulated time"), state.simulated.0, expected.simulated.0, 1e-6);
            near(&format!("{what}: charge"), state.soc, expected.soc, 1e-9);
            let (found, wanted) = (state.temperatures, expected.temperatures);
            near(&format!("{what}: junction"), found.junction.0, wanted.junction.0, 1e-9 * wanted.junction.0);
            near(&format!("{what}: loop"), found.coolant.0, wanted.coolant.0, 1e-9 * wanted.coolant.0);
            near(&format!("{what}: radiator"), found.radiator.0, wanted.radiator.0, 1e-9 * wanted.radiator.0);
            near(&format!("{what}: array"), state.array.0 / s, expected.array.0, 1e-6);
            let bits = (state.backlog_bits + state.sent_bits) * k / s;
            near(&format!("{what}: bits"), bits, expected.backlog_bits + expected.sent_bits, 1e-3 * 1e6);
        }
    }
    let wanted = full.breaches();
    assert!(wanted.any(), "the load is meant to break something: {wanted:?}");
    for (s, k, other) in &others {
        let found = other.breaches();
        near("junction breach", found.junction.time_s.0, wanted.junction.time_s.0, 1e-6);
        near("charge breach", found.charge.time_s.0, wanted.charge.time_s.0, 1e-6);
        let energy = found.charge.energy_j.0 * k / s;
        near("energy below the floor", energy, wanted.charge.energy_j.0, 1e-6 * wanted.charge.energy_j.0);
    }
}

#[test]
fn limits_scale_as_power_and_share() {
    let satellite = satellite(&[]);
    let scale = Scale::new(Watts(350.0), Watts(100_000.0), 10.0);
    near("s", scale.power, 3.5e-3, 1e-15);
    let small = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    near("compute", small.limits().compute.0, 350.0, 1e-9);
    near("capacity, J", small.forecast().battery.capacity.0, 42.0 * 3600.0, 1e-6);
    near("orbit", small.forecast().period().0, 587.094, 1e-3);
    near("array", small.state().array.0 / 350.0, 110_000.0 * 1.033_334 * 0.96 / 100_000.0, 0.02);
    let full = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    let bits = full.limits().downlink_bits_per_orbit;
    near("bits in an orbit", small.limits().downlink_bits_per_orbit, bits * 3.5e-4, 1.0);
    assert_eq!(small.limits().junction, full.limits().junction, "temperatures are not scaled");
}
