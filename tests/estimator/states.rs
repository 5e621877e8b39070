//! Confirmed, expected and worst: what is known at each moment.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::estimator::{Assumption, Assumptions, Cost, Estimator, OperatingRange};
use dawndusk::profile;
use dawndusk::reading::{Basis, NoData, Reading, Refusal};
use dawndusk::units::{Joules, Seconds, Watts};

const RANGE: OperatingRange = OperatingRange {
    idle_w: Watts(3.0),
    full_w: Watts(12.0),
    sensor_lag_s: Seconds(0.2),
    update_period_s: Seconds(0.1),
    batch_s: Seconds(1.0),
};

fn estimator() -> Estimator {
    estimator_of(RANGE, Seconds(0.1))
}

/// Of a machine whose power follows its budget.
fn smooth() -> Estimator {
    estimator_of(OperatingRange { batch_s: Seconds::ZERO, ..RANGE }, Seconds(0.1))
}

fn estimator_of(range: OperatingRange, tick: Seconds) -> Estimator {
    let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
    let scale = Scale::new(Watts(12.0), Watts(satellite.compute.power_w), 50.0);
    let craft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    let mut estimator = Estimator::new(craft, range, Assumptions::default(), tick, None);
    estimator.expect(0, Cost { item_j: Joules(9.0), item_s: Seconds(1.0) });
    estimator
}

fn counter(t: f64, joules: f64) -> Reading {
    Reading { taken_at: Seconds(t), energy: Ok(Joules(joules)), power: Err(NoData::NotSupported) }
}

fn power(t: f64) -> Reading {
    Reading { taken_at: Seconds(t), energy: Err(NoData::NotSupported), power: Ok(Watts(12.0)) }
}

#[test]
fn between_readings_the_expected_state_goes_by_what_was_admitted_and_the_worst_is_hotter() {
    let mut estimator = estimator();
    estimator.read(Seconds(0.0), &counter(0.0, 0.0));
    estimator.begin(Seconds(0.0), 0, 1.0);
    estimator.advance(Seconds(0.5));
    let (confirmed, expected, worst) = (*estimator.confirmed().state(), *estimator.expected(), estimator.worst());
    assert_eq!(confirmed.t, Seconds(0.0), "nothing was counted yet");
    assert_eq!((expected.t, worst.t), (Seconds(0.5), Seconds(0.5)), "both are of now");
    let mut flown = estimator.confirmed().clone();
    flown.step(Seconds(0.5), Watts(12.0), 0.0);
    let off = (flown.state().temperatures.junction - expected.temperatures.junction).0.abs();
    assert!(off < 0.05, "a batch of full power: {off} K from where that leads");
    assert!(worst.temperatures.junction > expected.temperatures.junction, "an item may cost more");
    assert!(worst.soc < expected.soc + 1e-12, "and take out more");
}

#[test]
fn a_reading_confirms_what_was_drawn_and_the_cost_of_work_is_learned_from_it() {
    let mut estimator = estimator();
    estimator.read(Seconds(0.0), &counter(0.0, 0.0));
    let mut id = estimator.begin(Seconds(0.0), 0, 1.0);
    for tick in 1..=100_u32 {
        let now = Seconds(0.1 * f64::from(tick));
        if tick % 10 == 0 {
            estimator.finish(now, id, 0.0);
            id = estimator.begin(now, 0, 1.0);
        }
        // The machine draws 15 W instead of 12.
        let confirmed = estimator.read(now, &counter(now.0, 15.0 * (now.0 - 0.2).max(0.0)));
        estimator.advance(now);
        assert!(confirmed[0].is_none(), "no window was left out: {confirmed:?}");
    }
    let power = estimator.cost(0).expect("it was told").power();
    assert!((power.0 / 12.0 - 1.0).abs() < 0.02, "{power} above idle, and not the 9 W of calibration");
    assert!((estimator.machine().full_w.0 / 15.0 - 1.0).abs() < 0.02, "full power is {}", estimator.machine().full_w);
    assert!((estimator.confirmed_until() - Seconds(9.8)).0.abs() < 1e-9, "up to a lag before the last reading");
    let broken = estimator.broken();
    let item = broken.iter().find(|broken| broken.assumption == Assumption::ItemCost);
    assert!(item.is_some_and(|item| item.seen > 1.25), "a third more than was known: {broken:?}");
}

#[test]
fn what_nobody_counted_is_assumed_at_the_most_that_was_seen_while_batches_ran() {
    let mut estimator = estimator();
    estimator.read(Seconds(0.0), &counter(0.0, 0.0));
    let id = estimator.begin(Seconds(1.0), 0, 1.0);
    estimator.finish(Seconds(2.0), id, 0.0);
    for tick in 1..=40_u32 {
        let now = Seconds(0.1 * f64::from(tick));
        estimator.read(now, &Reading::absent(now, NoData::Lost));
        estimator.advance(now);
    }
    let window = estimator.close(Seconds(4.0)).expect("nothing was counted").window;
    assert_eq!(window.basis, Basis::Assumed { cause: Refusal::Absent(NoData::Lost) }, "and it says why");
    assert!((window.energy_j.0 - (4.0 * 3.0 + 9.0)).abs() < 1e-9, "{}: idle, and one second of 12 W", window.energy_j);
    assert_eq!(window.high_j, None, "an assumption has no band");
}

#[test]
fn time_before_the_first_reading_and_through_a_silent_power_is_assumed_beside_what_is_counted() {
    // A counter says nothing of the time before its first look, a power nothing of a silence that is too long to be bridged.
    for (first, second) in [(counter(2.0, 0.0), counter(2.1, 1.2)), (power(0.2), power(5.0))] {
        let mut estimator = estimator();
        let before = estimator.read(first.taken_at, &first);
        assert_eq!(before, [None, None], "nothing has passed that it could tell of");
        let [gap, counted] = estimator.read(second.taken_at, &second).map(|window| window.expect("both").window);
        let (from, to) = (gap.from_s, counted.to_s);
        assert_eq!((from, gap.to_s), (Seconds::ZERO, counted.from_s), "the gap ends where counting begins");
        assert!((to - second.taken_at + RANGE.sensor_lag_s).0.abs() < 1e-9, "and that goes on to a lag ago: {to}");
        assert!(matches!(gap.basis, Basis::Assumed { .. }) && counted.basis == Basis::Counted, "{gap:?}, {counted:?}");
        let powers = (gap.power() - RANGE.idle_w, counted.power() - Watts(12.0));
        assert!(powers.0.0.abs() < 1e-9 && powers.1.0.abs() < 1e-9, "idle, then what is shown: {gap:?}, {counted:?}");
    }
}

/// A counter spreads what has moved over its window, up or down; a power stands for a whole window, so only a rise is early.
#[test]
fn a_smooth_power_that_has_moved_makes_the_worst_state_hotter_and_emptier_by_what_a_window_may_show_early() {
    let worst = |first: &Reading, powers: [f64; 2]| {
        let mut estimator = smooth();
        estimator.read(first.taken_at, first);
        for (now, held) in [0.0, 0.5].map(Seconds).into_iter().zip(powers) {
            estimator.advance(now);
            estimator.hold(now, Watts(held));
        }
        estimator.advance(Seconds(0.5 + 1e-6));
        (estimator.worst(), estimator.forecast().clone())
    };
    for (first, powers, windows) in [
        (counter(0.0, 0.0), [3.0, 12.0], 0.25),
        (counter(0.0, 0.0), [12.0, 3.0], 0.25),
        (power(0.0), [3.0, 12.0], 1.0),
        (power(0.0), [12.0, 3.0], 0.0),
    ] {
        let ((moved, forecast), (held, _)) = (worst(&first, powers), worst(&first, [powers[0]; 2]));
        let early_j = 9.0 * RANGE.update_period_s.0 * windows;
        let hotter = (moved.temperatures.junction - held.temperatures.junction).0 * forecast.thermal.junction_j_per_k;
        let battery = &forecast.battery;
        let given = battery.capacity.0 * battery.discharge_efficiency * forecast.conversion_efficiency;
        let emptier = (held.soc - moved.soc) * given;
        for (what, joules) in [("hotter", hotter), ("emptier", emptier)] {
            assert!((joules - early_j).abs() < 1e-3, "{powers:?} W by {first:?}: {what} by {joules}, not {early_j} J");
        }
    }
}

#[test]
fn a_smooth_power_that_is_held_is_at_worst_higher_by_the_steps_of_its_meter() {
    let mut estimator = smooth();
    estimator.read(Seconds(0.0), &counter(0.0, 0.0));
    estimator.hold(Seconds(0.0), Watts(12.0));
    estimator.advance(Seconds(0.5));
    let step = estimator.power_step();
    assert!(step > Watts::ZERO, "a meter whose steps nobody has seen has those that are assumed");
    let mut flown = estimator.confirmed().clone();
    flown.step(Seconds(0.5), Watts(12.0) + step, 0.0);
    let (state, worst) = (flown.state(), estimator.worst());
    let colder = (state.temperatures.junction - worst.temperatures.junction).0;
    let hotter = (worst.temperatures.junction - estimator.expected().temperatures.junction).0;
    assert!(colder.abs() < 0.1 * hotter, "{colder} K colder than that power, {hotter} K hotter than without its step");
}

#[test]
fn a_meter_may_show_a_power_that_has_fallen_for_two_windows_more_but_not_for_ever() {
    let mut estimator = smooth();
    estimator.hold(Seconds(0.0), Watts(12.0));
    for tick in 0..=17 {
        let now = Seconds(0.1 * f64::from(tick));
        if tick == 10 {
            estimator.hold(now, Watts(3.0));
        }
        estimator.read(now, &power(now.0));
        estimator.advance(now);
        let told = estimator.broken().iter().any(|broken| broken.assumption == Assumption::PeakPower);
        assert!(!told || tick > 13, "told at {now}, and two windows of 0.1 s behind a lag of 0.2 s may show it");
        if told {
            return;
        }
    }
    panic!("12 W were shown for half a second after they had ended");
}

/// Ticks of 0.15 s and updates of 0.1 s: one window holds one update, the next two.
#[test]
fn a_change_may_seem_to_come_as_early_as_the_longest_window_lasts() {
    let range = OperatingRange { batch_s: Seconds::ZERO, ..RANGE };
    for (tick, early) in [(0.1, 0.1), (0.15, 0.2), (0.02, 0.1), (0.3, 0.3)] {
        let mut estimator = estimator_of(range, Seconds(tick));
        estimator.read(Seconds(0.0), &power(0.0));
        estimator.read(Seconds(0.1), &power(0.1));
        let found = estimator.shown_early();
        assert!((found - Seconds(early)).0.abs() < 1e-9, "{found} with ticks of {tick} s, not {early} s");
    }
}
