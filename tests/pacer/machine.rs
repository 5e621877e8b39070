//! The simulated machine: batches of full power, an idle floor, a sensor that is late. Estimator and pacer are driven as the
//! control loop does it, on a spacecraft without limits.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::estimator::{Assumptions, BatchId, Cost, Estimator, OperatingRange};
use dawndusk::governor::pacer::{Admission, Pacer};
use dawndusk::governor::{Decision, LimitedBy, Preview, Regime};
use dawndusk::profile;
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

pub(crate) const IDLE_W: f64 = 3.0;
pub(crate) const FULL_W: f64 = 12.0;
pub(crate) const STEP_S: f64 = 1e-3;
const UPDATE_S: f64 = 0.05;
/// The workload, and the items of a batch.
pub(crate) const WORKLOAD: usize = 7;
pub(crate) const ITEMS: f64 = 4.0;

/// What the simulated machine is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) batch_s: f64,
    pub(crate) lag_s: f64,
    /// From this time on a batch draws this much more than before, above idle.
    pub(crate) jump: (f64, f64),
    /// Readings stop at this time.
    pub(crate) silent_from: f64,
    /// The estimator was told this share of the true cost.
    pub(crate) told: f64,
    pub(crate) counter: bool,
    /// Every other reading is this much later than the sensor's lag.
    pub(crate) wobble_s: f64,
    /// At rest the machine draws this much more than calibration found.
    pub(crate) restless_w: f64,
}

pub(crate) const PLAIN: Case = Case {
    batch_s: 0.1,
    lag_s: 0.1,
    jump: (f64::INFINITY, 1.0),
    silent_from: f64::INFINITY,
    told: 1.0,
    counter: true,
    wobble_s: 0.0,
    restless_w: 0.0,
};

pub(crate) struct Machine {
    pub(crate) case: Case,
    pub(crate) pacer: Pacer,
    pub(crate) estimator: Estimator,
    pub(crate) t: f64,
    pub(crate) running: Option<(BatchId, f64)>,
    pub(crate) energy: f64,
    /// Energy at each step, newest last; the sensor shows an old one.
    pub(crate) past: VecDeque<f64>,
    /// Shown last.
    pub(crate) shown: Reading,
    pub(crate) next_tick: f64,
    pub(crate) batches: u32,
    began: Seconds,
}

/// The estimator of a machine on a spacecraft that has no limits.
pub(crate) fn estimator(range: OperatingRange, tick: Seconds) -> Estimator {
    let satellite = profile::satellite("unlimited", &[]).expect("a shipped profile");
    let scale = Scale::new(Watts(FULL_W), Watts(satellite.compute.power_w), 1.0);
    let craft = Spacecraft::new(&satellite, scale, Sky::Constant, satellite.orbit.start);
    Estimator::new(craft, range, Assumptions::default(), tick, None)
}

/// The decision that a governor makes of a budget: free where the machine may run at full power.
pub(crate) fn decision(budget: f64, full: Watts) -> Decision {
    Decision {
        budget: Watts(budget),
        on_time_max: None,
        limited_by: (Watts(budget) < full).then_some(LimitedBy::Energy),
        regime: Regime::Tracking,
        transition: None,
        infeasible: None,
        preview: None,
    }
}

impl Machine {
    pub(crate) fn new(case: Case) -> Machine {
        let range = OperatingRange {
            idle_w: Watts(IDLE_W),
            full_w: Watts(FULL_W),
            sensor_lag_s: Seconds(case.lag_s),
            update_period_s: Seconds(UPDATE_S),
            batch_s: Seconds(case.batch_s),
        };
        let mut estimator = estimator(range, Seconds(UPDATE_S));
        let item_j = Joules((FULL_W - IDLE_W) * case.batch_s / ITEMS * case.told);
        estimator.expect(WORKLOAD, Cost { item_j, item_s: Seconds(case.batch_s / ITEMS) });
        Machine {
            case,
            pacer: Pacer::new(range),
            estimator,
            t: 0.0,
            running: None,
            energy: 0.0,
            past: VecDeque::new(),
            shown: Reading::absent(Seconds::ZERO, NoData::NotYet),
            next_tick: 0.0,
            batches: 0,
            began: Seconds::ZERO,
        }
    }

    pub(crate) fn read(&self, power: f64) -> Reading {
        let late = if ((self.t / UPDATE_S).round() as u64).is_multiple_of(2) { self.case.wobble_s } else { 0.0 };
        let lag = ((self.case.lag_s + late) / STEP_S).round() as usize;
        let shown = if self.past.len() > lag { self.past[self.past.len() - 1 - lag] } else { 0.0 };
        let taken_at = Seconds(self.t);
        if self.case.counter {
            return Reading { taken_at, energy: Ok(Joules(shown)), power: Err(NoData::NotSupported) };
        }
        Reading { taken_at, energy: Err(NoData::NotSupported), power: Ok(Watts(power)) }
    }

    /// Takes in a look at the meter.
    pub(crate) fn look(&mut self, now: Seconds, reading: &Reading) {
        self.pacer.advance(now, &self.estimator);
        for confirmed in self.estimator.read(now, reading).into_iter().flatten() {
            self.pacer.settle(now, &confirmed, &self.estimator);
        }
        self.estimator.advance(now);
    }

    /// A decision that holds from `now` on.
    pub(crate) fn follow(&mut self, now: Seconds, budget: f64) {
        self.decide(now, decision(budget, self.estimator.machine().full_w));
    }

    /// The same with a fall that is foreseen.
    pub(crate) fn foresee(&mut self, now: Seconds, budget: f64, preview: Preview) {
        self.decide(now, Decision { preview: Some(preview), ..decision(budget, self.estimator.machine().full_w) });
    }

    /// The same with what the constraints leave.
    pub(crate) fn leave(&mut self, now: Seconds, budget: f64, on_time_max: f64) {
        let decision = decision(budget, self.estimator.machine().full_w);
        self.decide(now, Decision { on_time_max: Some(Seconds(on_time_max)), ..decision });
    }

    fn decide(&mut self, now: Seconds, decision: Decision) {
        self.pacer.follow(now, &decision, &self.estimator);
    }

    /// When so many items may start.
    pub(crate) fn admission(&mut self, now: Seconds, items: f64) -> Admission {
        self.pacer.admission(now, &self.estimator, WORKLOAD, items)
    }

    /// Starts a batch.
    pub(crate) fn start(&mut self, now: Seconds) -> BatchId {
        self.began = now;
        self.pacer.started(now, &self.estimator, WORKLOAD, ITEMS);
        self.estimator.begin(now, WORKLOAD, ITEMS)
    }

    /// A batch ends.
    pub(crate) fn finish(&mut self, now: Seconds, id: BatchId) {
        self.pacer.advance(now, &self.estimator);
        self.estimator.finish(now, id, 0.0);
        self.pacer.ended(now - self.began, &self.estimator);
    }

    /// Lets the running batch end.
    pub(crate) fn land(&mut self) -> Seconds {
        if let Some((id, end)) = self.running.take() {
            self.t = self.t.max(end);
            self.finish(Seconds(self.t), id);
        }
        Seconds(self.t)
    }

    /// Flies for `duration` under `budget`; the energy drawn in each step.
    pub(crate) fn fly(&mut self, duration: f64, budget: f64) -> Vec<f64> {
        self.follow(Seconds(self.t), budget);
        let mut drawn = Vec::new();
        let mut mean = IDLE_W;
        for _ in 0..(duration / STEP_S).round() as usize {
            let now = Seconds(self.t);
            if let Some((id, end)) = self.running
                && self.t >= end - 1e-9
            {
                self.finish(now, id);
                self.running = None;
                self.batches += 1;
            }
            if self.running.is_none() && self.admission(now, ITEMS) == Admission::Now {
                self.running = Some((self.start(now), self.t + self.case.batch_s));
            }
            let above = if self.t >= self.case.jump.0 { self.case.jump.1 } else { 1.0 } * (FULL_W - IDLE_W);
            let power = IDLE_W + if self.running.is_some() { above } else { self.case.restless_w };
            mean += (power - mean) * STEP_S / 0.1;
            self.energy += power * STEP_S;
            drawn.push(power * STEP_S);
            self.past.push_back(self.energy);
            self.t += STEP_S;
            if self.t >= self.next_tick {
                self.tick(mean, budget);
            }
        }
        drawn
    }

    fn tick(&mut self, mean: f64, budget: f64) {
        self.next_tick += UPDATE_S;
        if self.t < self.case.silent_from {
            self.shown = self.read(mean);
        }
        let (now, shown) = (Seconds(self.t), self.shown);
        self.look(now, &shown);
        self.follow(now, budget);
    }
}

pub(crate) fn mean(drawn: &[f64]) -> f64 {
    drawn.iter().sum::<f64>() / (drawn.len() as f64 * STEP_S)
}

/// The largest relative error of the mean power over any 10 s under budgets that change.
pub(crate) fn worst_under(drawn: &[f64], budgets: &[f64]) -> f64 {
    let width = (10.0 / STEP_S) as usize;
    let means = |series: &[f64], scale: f64| -> Vec<f64> {
        let mut sum: f64 = series[..width].iter().sum();
        let later = (width..series.len()).map(|i| {
            sum += series[i] - series[i - width];
            sum * scale / width as f64
        });
        later.collect()
    };
    let (power, budget) = (means(drawn, 1.0 / STEP_S), means(budgets, 1.0));
    power.iter().zip(budget).map(|(power, budget)| (power / budget - 1.0).abs()).fold(0.0, f64::max)
}

/// The largest relative error of the mean power over any 10 s, less what one batch at the edge of a window must make.
pub(crate) fn worst_window(drawn: &[f64], budget: f64, batch_s: f64) -> f64 {
    let width = (10.0 / STEP_S) as usize;
    let edge = (FULL_W - budget) * batch_s / 10.0;
    let mut sum: f64 = drawn[..width].iter().sum();
    let mut worst: f64 = 0.0;
    for i in width..drawn.len() {
        sum += drawn[i] - drawn[i - width];
        worst = worst.max(((sum / 10.0 - budget).abs() - edge) / budget);
    }
    worst
}
