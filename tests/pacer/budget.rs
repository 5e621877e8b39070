//! The budget: what is drawn of it, and what work is learned to cost.

use crate::machine::{Case, FULL_W, IDLE_W, ITEMS, Machine, PLAIN, WORKLOAD, mean, worst_under, worst_window};

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
fn a_batch_that_costs_forty_percent_more_is_paid_back_and_learned() {
    for lag_s in [0.0, 0.1, 1.0] {
        let mut machine = Machine::new(Case { lag_s, jump: (20.0, 1.4), ..PLAIN });
        machine.fly(20.0, 7.5);
        let after = machine.fly(12.0, 7.5);
        assert!((mean(&after) / 7.5 - 1.0).abs() < 0.02, "lag {lag_s} s: {} W after the jump", mean(&after));
        let item = machine.estimator.cost(WORKLOAD).expect("it was told").item_j.0;
        let truth = 1.4 * (FULL_W - IDLE_W) * 0.1 / ITEMS;
        assert!((item / truth - 1.0).abs() < 0.05, "lag {lag_s} s: learned {item} J, not {truth}");
        let settled = machine.fly(20.0, 7.5);
        assert!(worst_window(&settled, 7.5, 0.14) < 0.02, "lag {lag_s} s: on the budget again");
    }
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
