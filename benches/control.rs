//! What the control loop costs: steps of the envelope.
//!
//! `cargo bench --bench control`. A year of one-second steps is 31.6 million of them and must fly in under 4 s on
//! one core: 127 ns a step.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dawndusk::envelope::{Scale, Shown, Sky, Spacecraft};
use dawndusk::profile::{self, Override, Satellite};
use dawndusk::units::{Seconds, Watts};
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

criterion_group!(benches, envelope);
criterion_main!(benches);
