//! What the oracle costs: the bound over one orbit and over a day, and the best plan that survives one orbit.
//!
//! `cargo bench --bench oracle`. One orbit has some 300 bins, a day some 1300 of 80 s.

use criterion::{Criterion, criterion_group, criterion_main};
use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Ends, ExogenousTrace, analytic_bound, best, feasible};
use dawndusk::profile;
use dawndusk::units::{Seconds, Watts};
use std::hint::black_box;

/// A satellite, where it starts, and its trace over `orbits`.
fn flown(name: &str, orbits: f64) -> (Spacecraft, ExogenousTrace) {
    let satellite = profile::satellite(name, &[]).expect("a shipped profile is valid");
    let start = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    let full = Watts(satellite.compute.power_w);
    let curve = WorkCurve::new(full * 0.1, &[(full * 0.5, 0.62), (full * 0.75, 0.85), (full, 1.0)]).expect("a curve");
    let (mut flying, mut trace) = (start.clone(), ExogenousTrace::of(&start, curve));
    for _ in 0..(start.orbit().nodal_period.0 * orbits) as u64 {
        flying.step(Seconds(1.0), full * 0.1, 0.0);
        trace.follow(&flying, full);
    }
    (start, trace)
}

fn bounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("oracle");
    group.sample_size(10);
    for name in ["leo-100kw", "equatorial-stress"] {
        for (span, orbits) in [("orbit", 1.0), ("day", 15.0)] {
            let (_, trace) = flown(name, orbits);
            group.bench_function(format!("best {span}, {name}, {} bins", trace.bins().len()), |bencher| {
                bencher.iter(|| best(black_box(&trace), &Ends::Periodic).map(|found| found.upper));
            });
        }
    }
    let (start, trace) = flown("leo-100kw", 1.0);
    group.bench_function("feasible orbit, leo-100kw", |bencher| {
        bencher.iter(|| feasible(black_box(&start), &trace, &Ends::Periodic).map(|found| found.work));
    });
    group.bench_function("analytic bound, orbit, leo-100kw", |bencher| {
        bencher.iter(|| analytic_bound(black_box(&trace), &Ends::Periodic));
    });
    group.finish();
}

criterion_group!(benches, bounds);
criterion_main!(benches);
