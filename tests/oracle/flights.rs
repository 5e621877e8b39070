//! Flights against the oracle of their own sky.

use super::sky::{SATELLITES, chance, satellite, spacecraft, tiring};
use dawndusk::envelope::{Scale, Spacecraft};
use dawndusk::estimator::{Assumptions, Freshness};
use dawndusk::governor::{self, Design, Observation, OperatingRange, Policy, WorkCurve, safe_all_year};
use dawndusk::oracle::{Ends, ExogenousTrace, Stores, analytic_bound, best};
use dawndusk::profile::Satellite;
use dawndusk::units::{Seconds, Watts};

/// What a flight did, and under which sky.
struct Flown {
    work: Seconds,
    trace: ExogenousTrace,
    ends: Ends,
    broken: bool,
}

/// Flies `policy` with an exact meter, in ticks of `tick` simulated seconds.
fn fly(craft: Spacecraft, satellite: &Satellite, policy: Policy, curve: &WorkCurve, tick: f64, span: f64) -> Flown {
    let mut craft = craft;
    let range = OperatingRange {
        idle_w: curve.idle(),
        full_w: curve.full(),
        sensor_lag_s: Seconds::ZERO,
        update_period_s: Seconds::ZERO,
        batch_s: Seconds::ZERO,
    };
    let sky = dawndusk::envelope::Sky::Orbit;
    let static_cap = safe_all_year(satellite, craft.scale(), sky, &range);
    let mut governor = governor::new(policy, &Design { static_cap, curve: curve.clone() });
    let mut trace = ExogenousTrace::of(&craft, curve.clone());
    let (from, dt) = (Stores::from(craft.state()), craft.scale().machine(Seconds(tick)));
    let (mut work, assumptions) = (Seconds::ZERO, Assumptions::default());
    for _ in 0..(span / tick) as u64 {
        let decision = governor.tick(&Observation {
            now: craft.state().t,
            tick: dt,
            state: craft.state(),
            worst: craft.state(),
            limits: craft.limits(),
            forecast: craft.forecast(),
            freshness: Freshness::FRESH,
            machine: &range,
            assumptions: &assumptions,
            has_own_sensors: false,
            power_step: Watts::ZERO,
            held: (Watts::ZERO, Seconds::ZERO),
        });
        let load = range.clamp(decision.budget);
        craft.step(dt, load, 0.0);
        trace.follow(&craft, curve.full());
        work += dt * curve.rate(load);
    }
    let ends = Ends::Change { from, to: craft.state().into() };
    Flown { work, trace, ends, broken: craft.breaches().any() }
}

#[test]
fn no_flight_without_a_breach_does_more_than_the_oracle() {
    let mut compared = 0;
    for name in SATELLITES {
        let satellite = satellite(name);
        let full = Watts(satellite.compute.power_w);
        let machines =
            [(tiring(full), Policy::ALL.to_vec()), (WorkCurve::linear(full * 0.2, full), vec![Policy::Predictive])];
        for (curve, policies) in machines {
            for policy in policies {
                let flown = fly(spacecraft(&satellite, Scale::FULL), &satellite, policy, &curve, 5.0, 6.5e3);
                if flown.broken {
                    continue;
                }
                compared += 1;
                let optimum = best(&flown.trace, &flown.ends)
                    .unwrap_or_else(|refusal| panic!("{name} under {policy} was flown, but: {refusal}"));
                let share = flown.work / optimum.upper;
                assert!(share <= 1.0, "{name} under {policy}: {share} of the oracle's work");
                let loose = analytic_bound(&flown.trace, &flown.ends);
                assert!(flown.work <= loose, "{name} under {policy}: more than the analytic bound {loose}");
            }
        }
    }
    assert!(compared >= 20, "only {compared} of 30 flights kept their limits");
}

#[test]
fn no_flight_of_an_odd_satellite_does_more_than_the_oracle() {
    let mut compared = 0;
    for seed in 0..12_u64 {
        let mut dice = seed;
        let mut between = |low: f64, high: f64| low + (high - low) * chance(&mut dice);
        let mut satellite = satellite(SATELLITES[seed as usize % 3]);
        satellite.array.power_w *= between(0.6, 1.3);
        satellite.battery.capacity_wh *= between(0.3, 1.2);
        satellite.battery.soc_initial = between(satellite.battery.soc_min, satellite.battery.soc_max);
        satellite.thermal.radiator_side_area_m2 *= between(0.6, 1.1);
        satellite.thermal.initial_k = between(230.0, 340.0);
        let curve = if between(0.0, 1.0) < 0.5 {
            tiring(Watts(satellite.compute.power_w))
        } else {
            WorkCurve::linear(Watts(satellite.compute.power_w * between(0.0, 0.4)), Watts(satellite.compute.power_w))
        };
        let scale = Scale { power: between(1e-4, 1.0), time: between(1.0, 50.0) };
        let small = |curve: &WorkCurve| {
            let points = [0.25, 0.5, 0.75, 1.0].map(|share| {
                let power = curve.idle() + (curve.full() - curve.idle()) * share;
                (power * scale.power, curve.rate(power))
            });
            WorkCurve::new(curve.idle() * scale.power, &points).expect("a curve")
        };
        let (curve, tick) = (small(&curve), between(1.0, 10.0));
        let policy = if seed % 2 == 0 { Policy::Predictive } else { Policy::Reactive };
        let flown = fly(spacecraft(&satellite, scale), &satellite, policy, &curve, tick, 6e3);
        if flown.broken {
            continue;
        }
        compared += 1;
        let optimum = best(&flown.trace, &flown.ends).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}"));
        let share = flown.work / optimum.upper;
        assert!(share <= 1.0, "seed {seed}: {policy} did {share} of the oracle's work");
    }
    assert!(compared >= 6, "only {compared} of 12 flights kept their limits");
}
