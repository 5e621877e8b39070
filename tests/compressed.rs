//! The main job's regime: a machine of 12 W stands for 100 kW, fifty times faster than the sky, its batches last
//! longer than a tick, and its sensor is late. Pacer, governor and spacecraft in one loop, judged on the true power.

use dawndusk::envelope::{Breaches, Scale, Sky};
use dawndusk::flight::simulation::{Fault, KnownBy, Load, Plant, Row, Sensor, Simulation, simulate};
use dawndusk::governor::{LimitedBy, Policy};
use dawndusk::profile::{self, Machine, Point, Satellite};
use dawndusk::units::{Seconds, Watts};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FULL_W: f64 = 12.0;
const ORBIT_S: f64 = 5871.0;

/// What is flown. Times are machine seconds.
#[derive(Clone, Debug)]
struct Case {
    satellite: Satellite,
    policy: Policy,
    compression: f64,
    idle_w: f64,
    tick_s: f64,
    /// Longest batch.
    batch_s: f64,
    lag_s: f64,
    update_s: f64,
    /// What the sensor shows over what is drawn.
    gain: f64,
    /// Name, beginning and length of what goes wrong.
    fault: Option<(&'static str, f64, f64)>,
    known_by: KnownBy,
    seed: u64,
}

fn case() -> Case {
    Case {
        satellite: profile::satellite("leo-100kw", &[]).expect("a shipped profile"),
        policy: Policy::Predictive,
        compression: 50.0,
        idle_w: 3.0,
        tick_s: 0.05,
        batch_s: 0.1,
        lag_s: 0.1,
        update_s: 0.05,
        gain: 1.0,
        fault: None,
        known_by: KnownBy::OwnSensors,
        seed: 1,
    }
}

/// What came of it.
#[derive(Debug)]
struct Outcome {
    breaches: Breaches,
    /// Machine seconds in which a batch ran.
    busy: f64,
    /// Machine seconds flown.
    flown: f64,
    stale_ticks: u32,
}

impl Case {
    fn machine(&self) -> Machine {
        let points = vec![Point { power_w: FULL_W, rate: 1.0 }];
        let ideal = profile::machine("ideal").expect("a shipped profile");
        Machine { rated_w: FULL_W, idle_w: self.idle_w, points, ..ideal }
    }

    fn plant(&self) -> Plant {
        let simulated = |machine: f64| machine * self.compression;
        let faults = self.fault.iter().map(|(name, start, length)| {
            let text = format!("{name}@{}", simulated(*start));
            let fault: Fault = text.parse().expect("a fault");
            let lasts = length.is_finite().then_some(Seconds(simulated(*length)));
            Fault { duration: lasts, ..fault }
        });
        Plant {
            batch: Seconds(self.batch_s),
            jitter: 0.0,
            known_by: self.known_by,
            faults: faults.collect(),
            seed: self.seed,
        }
    }

    /// Flies for so many orbits.
    fn fly(&self, orbits: f64) -> Outcome {
        let dt = Seconds(self.tick_s * self.compression);
        let mut stale_ticks = 0;
        let mut count = |row: &Row| {
            let tick = row.t_s / dt;
            let at_tick = (tick - tick.round()).abs() < 1e-9;
            stale_ticks += u32::from(at_tick && row.limited_by == Some(LimitedBy::Stale));
        };
        let machine = self.machine();
        let simulation = Simulation {
            satellite: &self.satellite,
            scale: Scale::new(Watts(FULL_W), Watts(self.satellite.compute.power_w), self.compression),
            sky: Sky::Orbit,
            start: self.satellite.orbit.start,
            duration: Seconds(orbits * ORBIT_S),
            dt,
            load: Load::Governed,
            policy: self.policy,
            machine: &machine,
            sensor: Sensor {
                lag: Seconds(self.lag_s),
                update_period: Seconds(self.update_s),
                gain: self.gain,
                ..Sensor::IDEAL
            },
            plant: self.plant(),
            assumptions: Default::default(),
        };
        let summary = simulate(&simulation, Some(&mut count)).expect("it can be flown");
        Outcome {
            breaches: summary.breaches,
            busy: summary.work_s.0 / self.compression,
            flown: summary.duration_s.0 / self.compression,
            stale_ticks,
        }
    }
}

/// Flies three orbits.
fn fly(case: Case) -> Outcome {
    case.fly(3.0)
}

fn assert_clean(outcome: &Outcome, what: &str) {
    assert!(!outcome.breaches.any(), "{what}: {:?}", outcome.breaches);
}

#[test]
fn ticks_of_fifty_and_a_hundred_milliseconds_break_nothing() {
    for tick_s in [0.05, 0.1] {
        for idle_w in [0.0, 3.0] {
            let outcome = fly(Case { tick_s, idle_w, ..case() });
            assert_clean(&outcome, &format!("ticks of {tick_s} s, idle {idle_w} W"));
        }
    }
}

#[test]
fn a_late_or_wrong_sensor_breaks_nothing() {
    for lag_s in [0.0, 0.1, 1.0] {
        for gain in [0.95, 1.0, 1.05] {
            let outcome = fly(Case { lag_s, gain, ..case() });
            assert_clean(&outcome, &format!("lag {lag_s} s, gain {gain}"));
        }
    }
}

#[test]
fn a_spacecraft_that_is_known_by_late_readings_only_breaks_nothing() {
    for lag_s in [0.0, 0.1, 1.0] {
        let outcome = fly(Case { lag_s, known_by: KnownBy::Readings, ..case() });
        assert_clean(&outcome, &format!("by readings {lag_s} s late"));
    }
}

#[test]
fn a_load_that_costs_forty_percent_more_breaks_nothing() {
    for lag_s in [0.0, 0.1, 1.0] {
        let outcome = fly(Case { lag_s, fault: Some(("load=1.4", 150.0, f64::INFINITY)), ..case() });
        assert_clean(&outcome, &format!("+40 % with a lag of {lag_s} s"));
    }
}

#[test]
fn a_sensor_that_fails_costs_work_and_breaks_nothing() {
    let well = fly(case());
    assert_eq!(well.stale_ticks, 0, "a sound sensor is never stale");
    for fault in ["silent", "nan", "zero", "stuck", "counter-lost", "counter-reset"] {
        let lasts = if fault == "counter-reset" { f64::INFINITY } else { 30.0 };
        let outcome = fly(Case { fault: Some((fault, 100.0, lasts)), ..case() });
        assert_clean(&outcome, &format!("{fault} for 30 s"));
        if fault == "counter-reset" {
            assert!(outcome.stale_ticks < 10, "a reset counter is picked up again: {} ticks", outcome.stale_ticks);
        } else {
            assert!(outcome.stale_ticks > 400, "{fault}: only {} ticks were stale", outcome.stale_ticks);
            assert!(outcome.busy < well.busy - 5.0, "{fault}: {} s of work, {} s if well", outcome.busy, well.busy);
        }
    }
}

#[test]
fn longer_batches_and_other_compressions_break_nothing() {
    for (compression, batch_s) in [(1.0, 0.2), (10.0, 0.2), (20.0, 0.1), (50.0, 0.005), (50.0, 0.2), (100.0, 0.1)] {
        let flight = Case { compression, batch_s, ..case() };
        let outcome = flight.fly(if compression < 10.0 { 0.5 } else { 2.0 });
        assert_clean(&outcome, &format!("k {compression}, batches of {batch_s} s"));
    }
}

#[test]
fn predictive_does_more_than_every_baseline() {
    let work = |policy| {
        let outcome = fly(Case { policy, ..case() });
        (outcome.busy / outcome.flown, outcome.breaches.any())
    };
    let (predictive, broken) = work(Policy::Predictive);
    assert!(!broken, "predictive breaks nothing");
    for policy in [Policy::Static, Policy::Threshold, Policy::Reactive, Policy::Price] {
        let (other, broken) = work(policy);
        assert!(broken || predictive > other, "predictive is busy {predictive}, {policy} {other}");
    }
    assert!(work(Policy::Off).1, "without a governor limits break");
}

#[test]
fn any_seed_and_any_tight_limit_is_held() {
    let mut rng = ChaCha8Rng::seed_from_u64(20_271_222);
    for _ in 0..12 {
        let mut case = case();
        case.satellite.thermal.junction_limit_k = rng.random_range(335.0..370.0);
        case.satellite.array.power_w = rng.random_range(80e3..150e3);
        case.satellite.battery.capacity_wh = rng.random_range(60e3..200e3);
        case.lag_s = rng.random_range(0.0..1.0);
        case.batch_s = rng.random_range(0.005..0.15);
        case.seed = rng.next_u64();
        let (thermal, power) = (case.satellite.thermal.junction_limit_k, case.satellite.array.power_w);
        let (capacity, lag, batch) = (case.satellite.battery.capacity_wh, case.lag_s, case.batch_s);
        let what = format!(
            "seed {}: junction {thermal} K, array {power} W, battery {capacity} Wh, lag {lag} s, batch {batch} s",
            case.seed
        );
        assert_clean(&case.fly(1.5), &what);
    }
}
