//! The pacer against a simulated machine: batches of full power, an idle floor, a sensor that is late.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::governor::pacer::{Admission, BatchId, Cost, Pacer};
use dawndusk::governor::{Fall, Junction, OperatingRange};
use dawndusk::profile;
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

const IDLE_W: f64 = 3.0;
const FULL_W: f64 = 12.0;
const STEP_S: f64 = 1e-3;
const UPDATE_S: f64 = 0.05;

/// What the simulated machine is.
#[derive(Clone, Copy, Debug)]
struct Case {
    batch_s: f64,
    lag_s: f64,
    /// From this time on a batch draws this much more than before, above idle.
    jump: (f64, f64),
    /// Readings stop at this time.
    silent_from: f64,
    /// The pacer was told this share of the true cost.
    told: f64,
    counter: bool,
    /// Every other reading is this much later than the sensor's lag.
    wobble_s: f64,
    /// At rest the machine draws this much more than calibration found.
    restless_w: f64,
}

const PLAIN: Case = Case {
    batch_s: 0.1,
    lag_s: 0.1,
    jump: (f64::INFINITY, 1.0),
    silent_from: f64::INFINITY,
    told: 1.0,
    counter: true,
    wobble_s: 0.0,
    restless_w: 0.0,
};

struct Machine {
    case: Case,
    pacer: Pacer,
    t: f64,
    running: Option<(BatchId, f64)>,
    energy: f64,
    /// Energy at each step, newest last; the sensor shows an old one.
    past: VecDeque<f64>,
    next_reading: f64,
    batches: u32,
}

impl Machine {
    fn new(case: Case) -> Machine {
        let range = OperatingRange {
            idle_w: Watts(IDLE_W),
            full_w: Watts(FULL_W),
            sensor_lag_s: Seconds(case.lag_s),
            update_period_s: Seconds(UPDATE_S),
            batch_s: Seconds(case.batch_s),
        };
        let mut pacer = Pacer::new(range);
        let item_j = Joules((FULL_W - IDLE_W) * case.batch_s / 4.0 * case.told);
        pacer.expect(7, Cost { item_j, item_s: Seconds(case.batch_s / 4.0) });
        Machine {
            case,
            pacer,
            t: 0.0,
            running: None,
            energy: 0.0,
            past: VecDeque::new(),
            next_reading: 0.0,
            batches: 0,
        }
    }

    fn read(&self, power: f64) -> Reading {
        let late = if ((self.t / UPDATE_S).round() as u64).is_multiple_of(2) { self.case.wobble_s } else { 0.0 };
        let lag = ((self.case.lag_s + late) / STEP_S).round() as usize;
        let shown = if self.past.len() > lag { self.past[self.past.len() - 1 - lag] } else { 0.0 };
        let taken_at = Seconds(self.t);
        if self.case.counter {
            return Reading { taken_at, energy: Ok(Joules(shown)), power: Err(NoData::NotSupported) };
        }
        Reading { taken_at, energy: Err(NoData::NotSupported), power: Ok(Watts(power)) }
    }

    /// Lets the running batch end.
    fn land(&mut self) -> Seconds {
        if let Some((id, end)) = self.running.take() {
            self.t = self.t.max(end);
            self.pacer.finish(Seconds(self.t), id);
        }
        Seconds(self.t)
    }

    /// Flies for `duration` under `budget`; the energy drawn in each step.
    fn fly(&mut self, duration: f64, budget: f64) -> Vec<f64> {
        self.pacer.set_budget(Seconds(self.t), Watts(budget), None);
        let mut drawn = Vec::new();
        let mut mean = IDLE_W;
        for _ in 0..(duration / STEP_S).round() as usize {
            let now = Seconds(self.t);
            if let Some((id, end)) = self.running
                && self.t >= end - 1e-9
            {
                self.pacer.finish(now, id);
                self.running = None;
                self.batches += 1;
            }
            if self.running.is_none() && self.pacer.admission(now, 7, 4) == Admission::Now {
                self.running = Some((self.pacer.start(now, 7, 4), self.t + self.case.batch_s));
            }
            let above = if self.t >= self.case.jump.0 { self.case.jump.1 } else { 1.0 } * (FULL_W - IDLE_W);
            let power = IDLE_W + if self.running.is_some() { above } else { self.case.restless_w };
            mean += (power - mean) * STEP_S / 0.1;
            self.energy += power * STEP_S;
            drawn.push(power * STEP_S);
            self.past.push_back(self.energy);
            self.t += STEP_S;
            if self.t >= self.next_reading && self.t < self.case.silent_from {
                self.next_reading += UPDATE_S;
                let reading = self.read(mean);
                self.pacer.settle(Seconds(self.t), &reading);
            }
        }
        drawn
    }
}

fn mean(drawn: &[f64]) -> f64 {
    drawn.iter().sum::<f64>() / (drawn.len() as f64 * STEP_S)
}

/// The largest relative error of the mean power over any 10 s under budgets that change.
fn worst_under(drawn: &[f64], budgets: &[f64]) -> f64 {
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
fn worst_window(drawn: &[f64], budget: f64, batch_s: f64) -> f64 {
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

#[test]
fn any_ten_seconds_draw_the_budget_within_two_percent() {
    for batch_s in [0.005, 0.02, 0.1, 0.2] {
        for lag_s in [0.0, 0.1, 1.0] {
            for budget in [4.5, 7.5, 11.0] {
                let mut machine = Machine::new(Case { batch_s, lag_s, ..PLAIN });
                machine.fly(5.0, budget);
                let drawn = machine.fly(40.0, budget);
                let (mean, worst) = (mean(&drawn), worst_window(&drawn, budget, batch_s));
                let case = format!("batches of {batch_s} s, lag {lag_s} s, {budget} W");
                assert!((mean / budget - 1.0).abs() < 0.01, "{case}: {mean} W over 40 s");
                assert!(worst < 0.02, "{case}: {worst} off over some 10 s");
            }
        }
    }
}

#[test]
fn budgets_that_rise_from_idle_and_fall_again_are_drawn_within_two_percent() {
    for (batch_s, restless_w, lag_s) in [(0.02, 0.0, 0.0), (0.1, 0.012, 0.0), (0.1, 0.012, 0.1), (0.1, -0.01, 0.1)] {
        let mut machine = Machine::new(Case { batch_s, restless_w, lag_s, ..PLAIN });
        machine.fly(5.0, 9.0);
        machine.fly(2.0, IDLE_W);
        let (mut drawn, mut budgets) = (Vec::new(), Vec::new());
        for (duration, budget) in [(20.0, IDLE_W), (0.1, 5.0), (20.0, 11.5), (15.0, 6.0), (15.0, 9.0)] {
            drawn.extend(machine.fly(duration, budget));
            budgets.resize(drawn.len(), budget);
        }
        let worst = worst_under(&drawn, &budgets);
        assert!(worst < 0.02, "batches of {batch_s} s, {restless_w} W at rest, lag {lag_s} s: {worst} off");
    }
}

#[test]
fn a_batch_that_would_outlast_its_budget_is_not_started() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, FULL_W);
    let now = machine.land();
    let mut admission = |after: f64, to: f64| {
        let fall = Fall { after: Seconds(after), to: Watts(to) };
        machine.pacer.set_budget(now, Watts(FULL_W), Some(fall));
        machine.pacer.admission(now, 7, 4)
    };
    assert_eq!(admission(0.11, IDLE_W), Admission::Now, "it ends before the night");
    assert_eq!(
        admission(0.05, IDLE_W),
        Admission::Never,
        "half of it would run by night, and nothing is granted there"
    );
    assert_eq!(admission(0.05, 3.5), Admission::Now, "the night pays back within a second what runs on");
    assert_eq!(admission(0.05, 3.3), Admission::Never, "and here it does not");
}

#[test]
fn work_that_draws_no_more_than_its_budget_waits_for_nothing() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, IDLE_W);
    machine.fly(STEP_S, FULL_W);
    assert!(machine.running.is_some(), "a batch runs from the first moment on");
    machine.fly(2.0, IDLE_W);
    let now = Seconds(machine.t);
    machine.pacer.set_budget(now, Watts(7.5), None);
    let Admission::In(wait) = machine.pacer.admission(now, 7, 4) else { panic!("half the power is not granted yet") };
    let missing = (FULL_W - 7.5) * 0.1 - machine.pacer.credit().0;
    let expected = missing / (7.5 - IDLE_W);
    assert!((wait.0 / expected - 1.0).abs() < 0.05, "{wait}, not {expected} s, until a batch is paid for as it ends");
}

#[test]
fn a_batch_that_costs_forty_percent_more_is_paid_back_and_learned() {
    for lag_s in [0.0, 0.1, 1.0] {
        let mut machine = Machine::new(Case { lag_s, jump: (20.0, 1.4), ..PLAIN });
        machine.fly(20.0, 7.5);
        let after = machine.fly(12.0, 7.5);
        assert!((mean(&after) / 7.5 - 1.0).abs() < 0.02, "lag {lag_s} s: {} W after the jump", mean(&after));
        let item = machine.pacer.cost(7).expect("it was told").item_j.0;
        let truth = 1.4 * (FULL_W - IDLE_W) * 0.1 / 4.0;
        assert!((item / truth - 1.0).abs() < 0.05, "lag {lag_s} s: learned {item} J, not {truth}");
        let settled = machine.fly(20.0, 7.5);
        assert!(worst_window(&settled, 7.5, 0.14) < 0.02, "lag {lag_s} s: on the budget again");
    }
}

#[test]
fn dearer_work_that_the_junction_feels_is_known_before_a_reading_shows_it() {
    let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
    let scale = Scale::new(Watts(FULL_W), Watts(satellite.compute.power_w), 50.0);
    let mut spacecraft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    let mut junction = Junction::default();
    let mut machine = Machine::new(Case { lag_s: 1.0, jump: (10.0, 1.5), ..PLAIN });
    let mut peaks = Vec::new();
    for _ in 0..106 {
        for joules in machine.fly(0.1, 9.0) {
            spacecraft.step(Seconds(STEP_S), Watts(joules / STEP_S), 0.0);
        }
        let felt = junction.feel(&spacecraft.forecast().thermal, spacecraft.state());
        felt.into_iter().for_each(|felt| machine.pacer.feel(Seconds(machine.t), &felt));
        peaks.push(machine.pacer.peak().0);
    }
    assert!(peaks[..100].iter().all(|peak| *peak < FULL_W * 1.03), "nothing before the jump");
    let truth = IDLE_W + 1.5 * (FULL_W - IDLE_W);
    assert!((peaks[103] / truth - 1.0).abs() < 0.06, "{} W within four ticks, not {truth}", peaks[103]);
    machine.fly(10.0, IDLE_W);
    let peak = machine.pacer.peak().0;
    assert!((peak / truth - 1.0).abs() < 0.06, "{peak} W after readings of work before the jump have come");
}

#[test]
fn a_wrong_calibration_is_corrected_by_the_counter() {
    for told in [0.5, 2.0] {
        let mut machine = Machine::new(Case { told, ..PLAIN });
        machine.fly(10.0, 7.5);
        let settled = mean(&machine.fly(20.0, 7.5));
        assert!((settled / 7.5 - 1.0).abs() < 0.01, "told {told} of the cost: {settled} W");
    }
}

#[test]
fn without_readings_learned_costs_hold_the_budget() {
    let mut machine = Machine::new(Case { silent_from: 20.0, ..PLAIN });
    machine.fly(20.0, 7.5);
    let blind = mean(&machine.fly(60.0, 6.0));
    assert!((blind / 6.0 - 1.0).abs() < 0.02, "{blind} W without a reading");
}

#[test]
fn momentary_power_serves_where_there_is_no_counter() {
    let mut machine = Machine::new(Case { counter: false, told: 0.7, ..PLAIN });
    machine.fly(10.0, 7.5);
    let settled = mean(&machine.fly(30.0, 7.5));
    assert!((settled / 7.5 - 1.0).abs() < 0.02, "{settled} W by power readings alone");
}

#[test]
fn idle_time_is_not_saved_up() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let pause = machine.land() + Seconds(600.0);
    machine.pacer.set_budget(pause, Watts(7.5), None);
    let ceiling = 1.1 * (FULL_W - IDLE_W) * 0.1 * 1.02;
    assert!(machine.pacer.credit().0 <= ceiling, "{} after ten minutes without work", machine.pacer.credit());
}

#[test]
fn a_budget_of_idle_power_admits_nothing_and_one_above_says_when() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let now = machine.land();
    machine.pacer.set_budget(now, Watts(IDLE_W), None);
    assert_eq!(machine.pacer.admission(now, 7, 4), Admission::Never, "nothing above idle");
    machine.pacer.set_budget(now, Watts(4.0), None);
    let Admission::In(wait) = machine.pacer.admission(now, 7, 40) else {
        panic!("ten batches at once cannot be admitted");
    };
    let early = machine.pacer.admission(now + wait * 0.98, 7, 40);
    assert!(matches!(early, Admission::In(rest) if rest < wait * 0.03), "{early:?} shortly before");
    assert_eq!(machine.pacer.admission(now + wait * 1.001, 7, 40), Admission::Now, "as announced");
}

#[test]
fn at_full_power_nothing_waits() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, FULL_W);
    let before = machine.batches;
    let drawn = machine.fly(20.0, FULL_W);
    assert!(mean(&drawn) > 0.985 * FULL_W, "{} W of {FULL_W} W", mean(&drawn));
    assert!(machine.batches - before >= 196, "{} batches of 0.1 s in 20 s", machine.batches - before);
}

#[test]
fn a_machine_that_may_run_free_is_not_held_back_by_readings_that_wobble() {
    let mut machine = Machine::new(Case { batch_s: 0.02, wobble_s: 0.02, ..PLAIN });
    machine.fly(5.0, 1.05 * FULL_W);
    let before = machine.batches;
    machine.fly(20.0, 1.05 * FULL_W);
    assert!(machine.batches - before >= 995, "{} batches of 0.02 s in 20 s", machine.batches - before);
    let held = mean(&machine.fly(10.0, 0.7 * FULL_W));
    assert!(held < 0.705 * FULL_W, "{held} W, and what was saved up at full power is gone under a lower budget");
}

#[test]
fn what_a_batch_cannot_draw_is_unused_and_credit_that_a_lower_budget_takes_away_is_not() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 1.05 * FULL_W);
    let before = machine.pacer.unused();
    machine.fly(10.0, 1.05 * FULL_W);
    let unused = (machine.pacer.unused() - before).0;
    assert!((unused - 0.05 * FULL_W * 10.0).abs() < 0.5, "a twentieth of full power for ten seconds: {unused} J");
    let before = machine.pacer.unused();
    machine.fly(10.0, 0.7 * FULL_W);
    let unused = (machine.pacer.unused() - before).0;
    assert!(unused < 0.05, "a budget that binds is used: {unused} J");
}

#[test]
fn what_a_pacer_that_thinks_work_dearer_withholds_is_not_unused() {
    let range = OperatingRange {
        idle_w: Watts(IDLE_W),
        full_w: Watts(FULL_W),
        sensor_lag_s: Seconds(0.0),
        update_period_s: Seconds(1.0),
        batch_s: Seconds(0.02),
    };
    let mut pacer = Pacer::new(range);
    pacer.expect(0, Cost { item_j: Joules(0.18), item_s: Seconds(0.02) });
    let (mut t, mut drawn) = (0.0, 0.0);
    pacer.set_budget(Seconds(t), Watts(7.5), None);
    for second in 1..=20_u32 {
        while t < f64::from(second) {
            if pacer.admission(Seconds(t), 0, 1) == Admission::Now {
                let id = pacer.start(Seconds(t), 0, 1);
                t += 0.02;
                // Three quarters of what it is thought to cost.
                drawn += 0.18 * 0.75;
                pacer.finish(Seconds(t), id);
            } else {
                t += STEP_S;
            }
        }
        let energy = Ok(Joules(drawn + IDLE_W * t));
        pacer.settle(Seconds(t), &Reading { taken_at: Seconds(t), energy, power: Err(NoData::NotSupported) });
    }
    let (granted, unused) = (4.5 * t, pacer.unused().0);
    let withheld = granted - drawn - pacer.credit().0;
    let share = unused / withheld;
    assert!((0.3..0.6).contains(&share), "{unused} J of {withheld} J: batches ran for half of the time");
}

#[test]
fn a_budget_over_what_calibration_saw_is_not_cut_to_it() {
    let mut machine = Machine::new(Case { jump: (0.0, 1.3), ..PLAIN });
    let draws = IDLE_W + 1.3 * (FULL_W - IDLE_W);
    machine.fly(5.0, 1.05 * draws);
    let before = machine.batches;
    machine.fly(20.0, 1.05 * draws);
    assert!(machine.batches - before >= 198, "{} batches of 0.1 s in 20 s", machine.batches - before);
    machine.fly(5.0, FULL_W);
    let held = mean(&machine.fly(20.0, FULL_W));
    assert!(held < 1.025 * FULL_W, "{held} W under a budget of {FULL_W} W");
}

#[test]
fn time_that_runs_backwards_and_impossible_readings_change_nothing() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let credit = machine.pacer.credit();
    machine.pacer.set_budget(Seconds(1.0), Watts(7.5), None);
    let wild = Reading { taken_at: Seconds(machine.t), energy: Ok(Joules(1e9)), power: Ok(Watts(f64::NAN)) };
    machine.pacer.settle(Seconds(machine.t), &wild);
    machine.pacer.settle(Seconds(machine.t), &Reading::absent(Seconds(machine.t), NoData::Timeout));
    assert_eq!(machine.pacer.credit(), credit, "the account stands");
}

#[test]
fn a_clock_that_is_set_back_an_hour_does_not_stop_the_work() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let before = machine.pacer.credit();
    let set = Seconds(machine.t - 3600.0);
    machine.pacer.set_budget(set, Watts(7.5), None);
    assert_eq!(machine.pacer.credit(), before, "the step itself earns nothing");
    machine.pacer.set_budget(set + Seconds(0.05), Watts(7.5), None);
    assert_ne!(machine.pacer.credit(), before, "and the account goes on from there");
}
