//! The main job's regime: a machine of 12 W stands for 100 kW, fifty times faster than the sky, its batches last
//! longer than a tick, and its sensor is late. Pacer, governor and spacecraft in one loop, judged on the true power.

use dawndusk::envelope::{Breaches, Scale, Sky, Spacecraft};
use dawndusk::governor::pacer::{Admission, BatchId, Cost, Pacer};
use dawndusk::governor::{
    self, Design, Governor, LimitedBy, Observation, OperatingRange, Policy, WorkCurve, safe_all_year,
};
use dawndusk::profile::{self, Satellite};
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;

const FULL_W: f64 = 12.0;
const ORBIT_S: f64 = 5871.0;

/// What is flown.
#[derive(Clone, Debug)]
struct Case {
    satellite: Satellite,
    policy: Policy,
    compression: f64,
    idle_w: f64,
    tick_s: f64,
    /// Longest batch; they last from half of this on.
    batch_s: f64,
    lag_s: f64,
    update_s: f64,
    /// What the sensor shows over what is drawn.
    gain: f64,
    /// From this machine time on a batch draws this many times more above idle.
    jump: (f64, f64),
    /// Machine times between which the sensor is out of order, and how.
    fault: (f64, f64, Fault),
    /// The governor sees a spacecraft that is driven by the readings, as it is in a flight. The true one then moves at
    /// the same pace: on and off within one step would charge and discharge its battery at a loss that no reading shows.
    by_readings: bool,
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Silent,
    NotANumber,
    Zero,
    Stuck,
    Reset,
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
        jump: (f64::INFINITY, 1.0),
        fault: (0.0, 0.0, Fault::None),
        by_readings: false,
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

/// The machine: draws idle power, and more while a batch runs.
struct Flight {
    case: Case,
    truth: Spacecraft,
    /// What the governor sees.
    seen: Spacecraft,
    governor: Box<dyn Governor + Send>,
    pacer: Pacer,
    range: OperatingRange,
    rng: ChaCha8Rng,
    t: f64,
    running: Option<(BatchId, f64)>,
    /// Machine time and energy drawn until then.
    past: VecDeque<(f64, f64)>,
    reading: Reading,
    shown: (f64, f64),
    /// What the counter showed when it was reset.
    lost: Option<f64>,
    outcome: Outcome,
}

impl Flight {
    fn new(case: Case) -> Flight {
        let installed = Watts(case.satellite.compute.power_w);
        let scale = Scale::new(Watts(FULL_W), installed, case.compression);
        let truth = Spacecraft::new(&case.satellite, scale, Sky::Orbit, case.satellite.orbit.start);
        let range = OperatingRange {
            idle_w: Watts(case.idle_w),
            full_w: Watts(FULL_W),
            sensor_lag_s: Seconds(case.lag_s),
            update_period_s: Seconds(case.update_s),
            batch_s: Seconds(case.batch_s),
        };
        let static_cap = match case.policy {
            Policy::Static => safe_all_year(&case.satellite, scale, Sky::Orbit, &range),
            _ => Watts::ZERO,
        };
        let design = Design { static_cap, curve: WorkCurve::linear(range.idle_w, range.full_w) };
        let mut pacer = Pacer::new(range);
        let item_s = Seconds(0.75 * case.batch_s);
        pacer.expect(0, Cost { item_j: Watts(FULL_W - case.idle_w) * item_s, item_s });
        Flight {
            seen: truth.clone(),
            truth,
            governor: governor::new(case.policy, &design),
            pacer,
            range,
            rng: ChaCha8Rng::seed_from_u64(case.seed),
            t: 0.0,
            running: None,
            past: VecDeque::from([(0.0, 0.0)]),
            reading: Reading::absent(Seconds(0.0), NoData::Off),
            shown: (0.0, 0.0),
            lost: None,
            outcome: Outcome { breaches: Breaches::default(), busy: 0.0, flown: 0.0, stale_ticks: 0 },
            case,
        }
    }

    /// Flies for `simulated` seconds, from event to event.
    fn fly(mut self, simulated: f64) -> Outcome {
        let end = simulated / self.case.compression;
        let (mut tick, mut read, mut admit) = (0.0, 0.0, 0.0);
        while self.t < end {
            if self.t >= read - 1e-9 {
                read += self.case.update_s;
                self.read();
            }
            if self.t >= tick - 1e-9 {
                tick += self.case.tick_s;
                self.tick();
                admit = self.t;
            }
            if let Some((id, _)) = self.running.filter(|(_, until)| self.t >= until - 1e-9) {
                self.pacer.finish(Seconds(self.t), id);
                self.running = None;
                admit = self.t;
            }
            if self.running.is_none() && self.t >= admit - 1e-9 {
                admit = self.admit();
            }
            let busy = self.running.map_or(admit.max(self.t + 1e-6), |(_, until)| until);
            self.advance(tick.min(read).min(busy).min(end));
        }
        self.outcome.breaches = *self.truth.breaches();
        self.outcome.flown = self.t;
        self.outcome
    }

    fn admit(&mut self) -> f64 {
        match self.pacer.admission(Seconds(self.t), 0, 1) {
            Admission::Now => {
                let length = self.case.batch_s * self.rng.random_range(0.5..1.0);
                self.running = Some((self.pacer.start(Seconds(self.t), 0, 1), self.t + length));
                f64::INFINITY
            }
            Admission::In(wait) => self.t + wait.0,
            Admission::Never => f64::INFINITY,
        }
    }

    fn advance(&mut self, until: f64) {
        let dt = until - self.t;
        let more = if self.t >= self.case.jump.0 { self.case.jump.1 } else { 1.0 };
        let above = if self.running.is_some() { (FULL_W - self.case.idle_w) * more } else { 0.0 };
        let power = self.case.idle_w + above;
        if !self.case.by_readings {
            self.truth.step(Seconds(dt), Watts(power), 0.0);
        }
        let energy = self.past.back().map_or(0.0, |past| past.1) + power * dt;
        self.past.push_back((until, energy));
        while self.past.len() > 2 && self.past[1].0 < until - self.case.lag_s - 1.0 {
            self.past.pop_front();
        }
        self.outcome.busy += if self.running.is_some() { dt } else { 0.0 };
        self.t = until;
    }

    fn energy(&self, t: f64) -> f64 {
        let after = self.past.partition_point(|past| past.0 <= t);
        let (from, before) = if after == 0 { (0.0, 0.0) } else { self.past[after - 1] };
        self.past.get(after).map_or(before, |(to, then)| before + (then - before) * (t - from) / (to - from))
    }

    fn read(&mut self) {
        let drawn = self.energy(self.t - self.case.lag_s);
        let span = self.t - self.shown.0;
        if span > 0.0 && self.case.by_readings {
            self.seen.step(Seconds(span), Watts((drawn - self.shown.1).max(0.0) / span), 0.0);
            let truly = self.energy(self.t) - self.energy(self.shown.0);
            self.truth.step(Seconds(span), Watts(truly / span), 0.0);
        }
        self.shown = (self.t, drawn);
        let (from, to, fault) = self.case.fault;
        let energy = Ok(Joules(drawn * self.case.gain));
        let taken_at = Seconds(self.t);
        let sound = Reading { taken_at, energy, power: Err(NoData::NotSupported) };
        self.reading = match if self.t >= from && self.t < to { fault } else { Fault::None } {
            Fault::None => sound,
            Fault::Silent => return,
            Fault::NotANumber => Reading { taken_at, energy: Ok(Joules(f64::NAN)), power: Ok(Watts(f64::NAN)) },
            Fault::Zero => Reading { taken_at, energy: Err(NoData::Timeout), power: Ok(Watts(0.0)) },
            Fault::Stuck => Reading { taken_at, ..self.reading },
            Fault::Reset => Reading { energy: Ok(Joules(drawn - *self.lost.get_or_insert(drawn))), ..sound },
        };
        self.pacer.settle(taken_at, &self.reading);
    }

    fn tick(&mut self) {
        let seen = if self.case.by_readings { &self.seen } else { &self.truth };
        let machine = OperatingRange { full_w: self.range.full_w.max(self.pacer.peak()), ..self.range };
        let decision = self.governor.tick(&Observation {
            now: Seconds(self.t),
            dt: Seconds(self.case.tick_s),
            state: seen.state(),
            limits: seen.limits(),
            forecast: seen.forecast(),
            reading: &self.reading,
            machine: &machine,
        });
        self.outcome.stale_ticks += u32::from(decision.limited_by == LimitedBy::Stale);
        self.pacer.set_budget(Seconds(self.t), decision.budget);
    }
}

/// Flies three orbits.
fn fly(case: Case) -> Outcome {
    Flight::new(case).fly(3.0 * ORBIT_S)
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
        let outcome = fly(Case { lag_s, by_readings: true, ..case() });
        assert_clean(&outcome, &format!("by readings {lag_s} s late"));
    }
}

#[test]
fn a_load_that_costs_forty_percent_more_breaks_nothing() {
    for lag_s in [0.0, 0.1, 1.0] {
        let outcome = fly(Case { lag_s, jump: (150.0, 1.4), ..case() });
        assert_clean(&outcome, &format!("+40 % with a lag of {lag_s} s"));
    }
}

#[test]
fn a_sensor_that_fails_costs_work_and_breaks_nothing() {
    let well = fly(case());
    assert_eq!(well.stale_ticks, 0, "a sound sensor is never stale");
    for fault in [Fault::Silent, Fault::NotANumber, Fault::Zero, Fault::Stuck, Fault::Reset] {
        let outcome = fly(Case { fault: (100.0, 130.0, fault), ..case() });
        assert_clean(&outcome, &format!("{fault:?} for 30 s"));
        if fault == Fault::Reset {
            assert!(outcome.stale_ticks < 10, "a reset counter is picked up again: {} ticks", outcome.stale_ticks);
        } else {
            assert!(outcome.stale_ticks > 400, "{fault:?}: only {} ticks were stale", outcome.stale_ticks);
            assert!(outcome.busy < well.busy - 5.0, "{fault:?}: {} s of work, {} s if well", outcome.busy, well.busy);
        }
    }
}

#[test]
fn longer_batches_and_other_compressions_break_nothing() {
    for (compression, batch_s) in [(1.0, 0.2), (10.0, 0.2), (20.0, 0.1), (50.0, 0.005), (50.0, 0.2), (100.0, 0.1)] {
        let flight = Flight::new(Case { compression, batch_s, ..case() });
        let outcome = flight.fly(if compression < 10.0 { 0.5 } else { 2.0 } * ORBIT_S);
        assert_clean(&outcome, &format!("k {compression}, batches of {batch_s} s"));
    }
}

#[test]
fn predictive_does_more_than_static_threshold_and_reactive() {
    let work = |policy| {
        let outcome = fly(Case { policy, ..case() });
        (outcome.busy / outcome.flown, outcome.breaches.any())
    };
    let (predictive, broken) = work(Policy::Predictive);
    assert!(!broken, "predictive breaks nothing");
    for policy in [Policy::Static, Policy::Threshold, Policy::Reactive] {
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
        assert_clean(&Flight::new(case).fly(1.5 * ORBIT_S), &what);
    }
}
