//! What the control loop costs: steps of the envelope, ticks of the governor, answers of the pacer.
//!
//! `cargo bench --bench control`. A year of one-second steps is 31.6 million of them and must fly in under 4 s on
//! one core: 127 ns a step.
//! A tick must take under 50 us on the median, one that plans the orbit anew under 20 ms.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dawndusk::envelope::{Scale, Shown, Sky, Spacecraft, State};
use dawndusk::governor::pacer::Pacer;
use dawndusk::governor::{self, Design, Governor, Observation, OperatingRange, Policy, WorkCurve};
use dawndusk::profile::{self, Override, Satellite};
use dawndusk::reading::Reading;
use dawndusk::units::{Joules, Seconds, Watts};
use std::hint::black_box;

fn satellite(overrides: &[&str]) -> Satellite {
    let overrides: Vec<Override> = overrides.iter().map(|text| text.parse().expect("an override")).collect();
    profile::satellite("leo-100kw", &overrides).expect("a shipped profile is valid")
}

fn spacecraft(overrides: &[&str]) -> Spacecraft {
    let satellite = satellite(overrides);
    Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start)
}

fn envelope(criterion: &mut Criterion) {
    const DAY: u64 = 86_400;
    let mut group = criterion.benchmark_group("envelope");
    let mut flying = spacecraft(&[]);
    group.throughput(Throughput::Elements(1));
    group.bench_function("step of 1 s", |bencher| {
        bencher.iter(|| flying.step(black_box(Seconds(1.0)), black_box(Watts(80_000.0)), black_box(1e6)).soc);
    });
    group.sample_size(20);
    group.throughput(Throughput::Elements(DAY));
    for (name, overrides) in [("relay", [].as_slice()), ("direct link", &["link.mode=direct"])] {
        let start = spacecraft(overrides);
        group.bench_function(format!("day of steps, {name}"), |bencher| {
            bencher.iter(|| {
                let mut flying = start.clone();
                for _ in 0..DAY {
                    flying.step(Seconds(1.0), black_box(Watts(80_000.0)), 1e6);
                }
                flying.state().soc
            });
        });
    }
    group.finish();
    let satellite = satellite(&[]);
    criterion.bench_function("profile show", |bencher| {
        bencher.iter(|| Shown::new(black_box(&satellite), satellite.orbit.start).derived.power.sustainable_w);
    });
}

/// The predictive governor on the deepest eclipse day, at the scale of the main job.
fn governor(criterion: &mut Criterion) {
    let satellite = satellite(&[]);
    let scale = Scale::new(Watts(12.0), Watts(satellite.compute.power_w), 50.0);
    let spacecraft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    let machine = OperatingRange {
        idle_w: Watts(3.0),
        full_w: Watts(12.0),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.05),
        batch_s: Seconds(0.1),
    };
    let curve = WorkCurve::linear(machine.idle_w, machine.full_w);
    let design = Design { static_cap: Watts(8.0), curve };
    let look = |governor: &mut dyn Governor, t: f64| {
        let now = spacecraft.state().t + Seconds(t);
        let state = State { t: now, ..*spacecraft.state() };
        let reading = Reading { taken_at: now, energy: Ok(Joules(8.0 * t)), power: Ok(Watts(8.0)) };
        let (limits, forecast) = (spacecraft.limits(), spacecraft.forecast());
        let dt = Seconds(0.05);
        governor
            .tick(&Observation { now, dt, state: &state, limits, forecast, reading: &reading, machine: &machine })
            .budget
    };
    let mut group = criterion.benchmark_group("governor");
    for policy in Policy::ALL {
        let mut flying = governor::new(policy, &design);
        let mut t = 0.0;
        group.bench_function(format!("tick, {policy}"), |bencher| {
            bencher.iter(|| {
                t += 0.05;
                look(black_box(flying.as_mut()), t)
            });
        });
    }
    let mut flying = governor::new(Policy::Predictive, &design);
    let mut t = 0.0;
    group.bench_function("tick that plans the way on", |bencher| {
        bencher.iter(|| {
            t += spacecraft.forecast().step.0 * 5.0;
            look(black_box(flying.as_mut()), t)
        });
    });
    group.bench_function("tick that plans the orbit", |bencher| {
        bencher.iter(|| look(governor::new(Policy::Predictive, black_box(&design)).as_mut(), 0.05));
    });
    group.finish();
    let mut pacer = Pacer::new(machine);
    let (mut t, mut energy) = (0.0, 0.0);
    criterion.bench_function("pacer, one batch and its readings", |bencher| {
        bencher.iter(|| {
            pacer.set_budget(Seconds(t), Watts(8.0), None);
            let admission = pacer.admission(Seconds(t), 0, 8);
            let batch = pacer.start(Seconds(t), 0, 8);
            t += 0.1;
            energy += 0.8;
            pacer.finish(Seconds(t), batch);
            let reading = Reading { taken_at: Seconds(t), energy: Ok(Joules(energy)), power: Ok(Watts(8.0)) };
            pacer.settle(Seconds(t), &reading);
            admission
        });
    });
}

criterion_group!(benches, envelope, governor);
criterion_main!(benches);
