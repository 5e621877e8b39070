//! What the control loop costs: steps of the envelope, ticks of the governor, answers of the pacer.
//!
//! `cargo bench --bench control`. A year of one-second steps is 31.6 million of them and must fly in under 4 s on
//! one core: 127 ns a step.
//! A tick must take under 50 us on the median, one that plans the orbit anew under 20 ms.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dawndusk::envelope::{Scale, Shown, Sky, Spacecraft, State};
use dawndusk::estimator::{Assumptions, Cost, Estimator, Freshness};
use dawndusk::governor::pacer::Pacer;
use dawndusk::governor::{self, Decision, Design, Governor, Observation, OperatingRange, Policy, WorkCurve};
use dawndusk::profile::{self, Override, Satellite};
use dawndusk::reading::{NoData, Reading};
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

const TICK: Seconds = Seconds(0.05);
const MACHINE: OperatingRange = OperatingRange {
    idle_w: Watts(3.0),
    full_w: Watts(12.0),
    sensor_lag_s: Seconds(0.1),
    update_period_s: Seconds(0.05),
    batch_s: Seconds(0.1),
};

/// At the scale of the main job.
fn small() -> Spacecraft {
    let satellite = satellite(&[]);
    let scale = Scale::new(Watts(12.0), Watts(satellite.compute.power_w), 50.0);
    Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start)
}

fn design() -> Design {
    Design { static_cap: Watts(8.0), curve: WorkCurve::linear(MACHINE.idle_w, MACHINE.full_w) }
}

/// The governor alone.
fn governor(criterion: &mut Criterion) {
    let (spacecraft, design, assumptions) = (small(), design(), Assumptions::default());
    let look = |governor: &mut dyn Governor, t: f64| {
        let now = spacecraft.state().t + Seconds(t);
        let state = State { t: now, ..*spacecraft.state() };
        let observation = Observation {
            now,
            tick: TICK,
            state: &state,
            worst: &state,
            limits: spacecraft.limits(),
            forecast: spacecraft.forecast(),
            freshness: Freshness::FRESH,
            machine: &MACHINE,
            assumptions: &assumptions,
            has_own_sensors: false,
            power_step: Watts::ZERO,
            held: (Watts::ZERO, Seconds::ZERO),
        };
        governor.tick(&observation).budget
    };
    let mut group = criterion.benchmark_group("governor");
    for policy in Policy::ALL {
        let mut flying = governor::new(policy, &design);
        let mut t = 0.0;
        group.bench_function(format!("tick, {policy}"), |bencher| {
            bencher.iter(|| {
                t += TICK.0;
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
}

/// Estimator, governor and pacer as the control loop drives them, with a counter that is 0.1 s late.
struct Loop {
    estimator: Estimator,
    pacer: Pacer,
    governor: Box<dyn Governor + Send>,
    decision: Decision,
    now: Seconds,
    /// Drawn until now, and until one and two ticks ago.
    drawn: [Joules; 3],
}

impl Loop {
    fn new(policy: Policy) -> Loop {
        let mut estimator = Estimator::new(small(), MACHINE, Assumptions::default(), TICK, None);
        estimator.expect(0, Cost { item_j: Joules(0.9), item_s: Seconds(0.1) });
        Loop {
            estimator,
            pacer: Pacer::new(MACHINE),
            governor: governor::new(policy, &design()),
            decision: Decision::idle(&MACHINE),
            now: Seconds::ZERO,
            drawn: [Joules::ZERO; 3],
        }
    }

    /// Looks, advances, decides.
    fn turn(&mut self) -> Watts {
        let Loop { estimator, pacer, governor, now, .. } = self;
        *now += TICK;
        let now = *now;
        let drawn = self.drawn[0] + self.decision.budget * TICK;
        self.drawn = [drawn, self.drawn[0], self.drawn[1]];
        pacer.advance(now, estimator);
        let reading = Reading { taken_at: now, energy: Ok(self.drawn[2]), power: Err(NoData::NotSupported) };
        for confirmed in estimator.read(now, &reading).into_iter().flatten() {
            pacer.settle(now, &confirmed, estimator);
        }
        estimator.advance(now);
        let freshness = estimator.freshness(now);
        let (worst, range, limits) = (estimator.worst(), estimator.machine(), estimator.limits());
        let observation = Observation::of(estimator, &worst, &range, &limits, (now, TICK), freshness);
        self.decision = governor.tick(&observation);
        pacer.follow(now, &self.decision, estimator);
        self.decision.budget
    }

    /// A batch of two ticks, with the turns in between.
    fn batch(&mut self) -> Watts {
        self.pacer.started(self.now, &self.estimator, 0, 1.0);
        let batch = self.estimator.begin(self.now, 0, 1.0);
        self.turn();
        let budget = self.turn();
        self.pacer.advance(self.now, &self.estimator);
        self.estimator.finish(self.now, batch, 1e3);
        budget
    }
}

fn control(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("control");
    for policy in Policy::ALL {
        let mut flying = Loop::new(policy);
        group.bench_function(format!("one turn, {policy}"), |bencher| bencher.iter(|| black_box(&mut flying).turn()));
    }
    let mut flying = Loop::new(Policy::Predictive);
    group.bench_function("one batch and its two turns", |bencher| bencher.iter(|| black_box(&mut flying).batch()));
    let Loop { estimator, mut pacer, now, .. } = flying;
    let mut now = now;
    group.bench_function("pacer, one admission", |bencher| {
        bencher.iter(|| {
            now += Seconds(1e-3);
            pacer.admission(black_box(now), &estimator, 0, 1.0)
        });
    });
    group.finish();
}

criterion_group!(benches, envelope, governor, control);
criterion_main!(benches);
