//! The account: what is saved up, what is owed, when a batch may start.

use crate::machine::{Case, FULL_W, IDLE_W, ITEMS, Machine, PLAIN, STEP_S, decision, estimator, mean};
use dawndusk::estimator::{Cost, OperatingRange};
use dawndusk::governor::Preview;
use dawndusk::governor::pacer::{Admission, Pacer};
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};

#[test]
fn a_batch_that_would_outlast_its_budget_is_not_started() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, FULL_W);
    let now = machine.land();
    let mut admission = |after: f64, to: f64| {
        let preview = Preview { after: Seconds(after), to: Watts(to) };
        machine.foresee(now, FULL_W, preview);
        machine.admission(now, ITEMS)
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
    machine.follow(now, 7.5);
    let Admission::In(wait) = machine.admission(now, ITEMS) else { panic!("half the power is not granted yet") };
    let missing = (FULL_W - 7.5) * 0.1 - machine.pacer.credit().0;
    let expected = missing / (7.5 - IDLE_W);
    assert!((wait.0 / expected - 1.0).abs() < 0.05, "{wait}, not {expected} s, until a batch is paid for as it ends");
}

#[test]
fn idle_time_is_not_saved_up() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let pause = machine.land() + Seconds(600.0);
    machine.follow(pause, 7.5);
    let ceiling = 1.1 * (FULL_W - IDLE_W) * 0.1 * 1.02;
    assert!(machine.pacer.credit().0 <= ceiling, "{} after ten minutes without work", machine.pacer.credit());
}

#[test]
fn beside_a_batch_that_runs_another_waits_for_what_the_first_will_still_draw() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let now = machine.land();
    machine.start(now);
    let half = now + Seconds(0.05);
    let Admission::In(wait) = machine.admission(half, ITEMS) else { panic!("half the power is not enough for two") };
    let (batch, granted) = ((FULL_W - IDLE_W) * 0.1, 7.5 - IDLE_W);
    let expected = (batch + batch / 2.0 - granted * 0.1 - machine.pacer.credit().0) / granted;
    assert!((wait.0 / expected - 1.0).abs() < 0.05, "{wait}, not {expected} s: half of the first is still to be drawn");
}

#[test]
fn a_budget_of_idle_power_admits_nothing_and_one_above_says_when() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, 7.5);
    let now = machine.land();
    machine.follow(now, IDLE_W);
    assert_eq!(machine.admission(now, ITEMS), Admission::Never, "nothing above idle");
    machine.follow(now, 4.0);
    let Admission::In(wait) = machine.admission(now, 10.0 * ITEMS) else {
        panic!("ten batches at once cannot be admitted");
    };
    let early = machine.admission(now + wait * 0.98, 10.0 * ITEMS);
    assert!(matches!(early, Admission::In(rest) if rest < wait * 0.03), "{early:?} shortly before");
    assert_eq!(machine.admission(now + wait * 1.001, 10.0 * ITEMS), Admission::Now, "as announced");
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
    let (mut pacer, mut estimator) = (Pacer::new(range), estimator(range, Seconds(1.0)));
    estimator.expect(0, Cost { item_j: Joules(0.18), item_s: Seconds(0.02) });
    let (mut t, mut drawn) = (0.0, 0.0);
    pacer.follow(Seconds(t), &decision(7.5, range.full_w), &estimator);
    for second in 1..=20_u32 {
        while t < f64::from(second) {
            if pacer.admission(Seconds(t), &estimator, 0, 1.0) == Admission::Now {
                pacer.started(Seconds(t), &estimator, 0, 1.0);
                let id = estimator.begin(Seconds(t), 0, 1.0);
                t += 0.02;
                // Three quarters of what it is thought to cost.
                drawn += 0.18 * 0.75;
                pacer.advance(Seconds(t), &estimator);
                estimator.finish(Seconds(t), id, 0.0);
            } else {
                t += STEP_S;
            }
        }
        let energy = Ok(Joules(drawn + IDLE_W * t));
        let reading = Reading { taken_at: Seconds(t), energy, power: Err(NoData::NotSupported) };
        for confirmed in estimator.read(Seconds(t), &reading).into_iter().flatten() {
            pacer.settle(Seconds(t), &confirmed, &estimator);
        }
        estimator.advance(Seconds(t));
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
    machine.follow(Seconds(1.0), 7.5);
    let wild = Reading { taken_at: Seconds(machine.t), energy: Ok(Joules(1e9)), power: Ok(Watts(f64::NAN)) };
    let now = Seconds(machine.t);
    machine.look(now, &wild);
    machine.look(now, &Reading::absent(now, NoData::Timeout));
    assert_eq!(machine.pacer.credit(), credit, "the account stands");
}

/// What the constraints leave is counted in batches as long as is assumed: half as long again as the longest that is known.
const ASSUMED_S: f64 = 0.15;

#[test]
fn batches_stay_within_the_time_that_the_constraints_leave() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, FULL_W);
    let now = machine.land();
    machine.leave(now, FULL_W, 0.27);
    let first = machine.start(now);
    machine.finish(now + Seconds(0.1), first);
    assert_eq!(
        machine.admission(now + Seconds(0.1), ITEMS),
        Admission::Now,
        "two batches fit: the first was no longer"
    );
    let second = machine.start(now + Seconds(0.1));
    machine.finish(now + Seconds(0.2), second);
    assert_eq!(machine.admission(now + Seconds(0.2), ITEMS), Admission::Never, "a third does not, free or not");
    machine.leave(now + Seconds(0.2), FULL_W, 0.2);
    assert_eq!(machine.admission(now + Seconds(0.2), ITEMS), Admission::Now, "the next decision leaves more");
    machine.start(now + Seconds(0.2));
    machine.leave(now + Seconds(0.25), FULL_W, 0.2);
    assert_eq!(machine.admission(now + Seconds(0.25), ITEMS), Admission::Never, "one may still run for 0.1 s");
}

#[test]
fn within_what_the_constraints_leave_batches_run_until_one_more_might_not_fit() {
    let mut machine = Machine::new(PLAIN);
    machine.fly(5.0, FULL_W);
    for left in [0.0, 0.1, 0.2, 0.57, 0.92] {
        let now = machine.land();
        machine.leave(now, FULL_W, left);
        let mut ran = 0.0;
        for step in 0..10 {
            let at = now + Seconds(0.1 * f64::from(step));
            if machine.admission(at, ITEMS) == Admission::Now {
                let id = machine.start(at);
                machine.finish(at + Seconds(0.1), id);
                ran += 0.1;
            }
        }
        machine.t = now.0 + 1.0;
        assert!(ran <= left, "{ran} s of batches where {left} s are left");
        assert!(left - ran < ASSUMED_S, "only {ran} s of batches where {left} s are left");
    }
}
