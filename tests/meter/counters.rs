//! Counter differences and power integrals, without any device.

use dawndusk::meter::counter::{Counter, Limits, MICROJOULE, MILLIJOULE, MeanPower, SLACK, Step};
use dawndusk::meter::integral::{GAP_PERIODS, PowerIntegral};
use dawndusk::reading::NoData;
use dawndusk::units::{Joules, Seconds, Watts};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const RANGE: u64 = 262_143_328_850;

fn rapl() -> Limits {
    Limits { unit: MICROJOULE, range: Some(RANGE), ceiling: Some(Watts(360.0)), slack: SLACK }
}

fn board() -> Limits {
    Limits { unit: MILLIJOULE, range: None, ceiling: Some(Watts(1050.0)), slack: SLACK }
}

#[test]
fn a_first_look_has_no_energy() {
    let mut counter = Counter::new(rapl());
    assert_eq!(counter.advance(Seconds(5.0), 123_456_789), Step::First, "only a level is known");
    assert_eq!(counter.total(), Ok(Joules(0.0)), "what was drawn before the flight is not the flight's");
}

#[test]
fn a_rise_is_its_energy() {
    let mut counter = Counter::new(rapl());
    counter.advance(Seconds(0.0), 1_000_000);
    assert_eq!(counter.advance(Seconds(1.0), 151_000_000), Step::Advanced(Joules(150.0)), "150 J in a second");
    assert_eq!(counter.advance(Seconds(2.0), 151_000_000), Step::Advanced(Joules(0.0)), "it may stand");
    assert_eq!(counter.total(), Ok(Joules(150.0)), "both steps together");
}

#[test]
fn a_fall_near_the_end_of_a_known_range_is_a_wrap() {
    let mut counter = Counter::new(rapl());
    counter.advance(Seconds(0.0), RANGE - 40_000_000);
    let step = counter.advance(Seconds(1.0), 60_000_000);
    assert_eq!(step, Step::Wrapped(Joules(100.0)), "40 J to the end and 60 J after it");
    assert_eq!(counter.total(), Ok(Joules(100.0)), "a wrap is counted through");
}

#[test]
fn a_fall_that_the_time_does_not_allow_is_a_reset() {
    let mut counter = Counter::new(rapl());
    counter.advance(Seconds(0.0), 100_000_000_000);
    assert_eq!(counter.advance(Seconds(1.0), 60_000_000), Step::Reset, "162 kJ in a second is no wrap");
}

#[test]
fn a_fall_without_a_known_range_is_a_reset() {
    let mut counter = Counter::new(board());
    counter.advance(Seconds(0.0), u64::MAX - 20);
    assert_eq!(counter.advance(Seconds(1.0), 5), Step::Reset, "not even at the end of 64 bits");
}

#[test]
fn a_reset_counter_yields_no_total() {
    let mut counter = Counter::new(board());
    counter.advance(Seconds(0.0), 900_000);
    counter.advance(Seconds(1.0), 1_000_000);
    assert_eq!(counter.advance(Seconds(2.0), 30_000), Step::Reset, "the driver was loaded again");
    assert_eq!(counter.advance(Seconds(3.0), 130_000), Step::Advanced(Joules(100.0)), "steps go on");
    assert_eq!(counter.total(), Err(NoData::CounterReset), "a sum with a hole is no sum, not even a partial one");
}

#[test]
fn a_rise_that_no_load_explains_is_a_leap_and_ends_the_total_with_that_cause() {
    let mut counter = Counter::new(board());
    counter.advance(Seconds(0.0), 1_000);
    assert_eq!(counter.advance(Seconds(1.0), 1_000_000_000), Step::Leap, "1 MJ in a second");
    counter.advance(Seconds(2.0), 1_000_100_000);
    assert_eq!(counter.total(), Err(NoData::Implausible), "no reset: it says what cannot be");
}

#[test]
fn a_late_update_is_no_reset() {
    let mut counter = Counter::new(board());
    counter.advance(Seconds(0.0), 0);
    counter.advance(Seconds(0.3), 0);
    let step = counter.advance(Seconds(0.301), 210_000);
    assert_eq!(step, Step::Advanced(Joules(210.0)), "0.3 s at 700 W, all in the last millisecond");
}

#[test]
fn a_silence_long_enough_to_hide_a_wrap_is_a_reset() {
    let mut counter = Counter::new(rapl());
    counter.advance(Seconds(0.0), 10);
    let range_at_ceiling = RANGE as f64 * 1e-6 / 360.0;
    assert_eq!(counter.advance(Seconds(range_at_ceiling), 20), Step::Reset, "10 uJ, or a whole range and 10 uJ");
}

#[test]
fn without_a_ceiling_nothing_wraps() {
    let mut counter = Counter::new(Limits { ceiling: None, ..rapl() });
    counter.advance(Seconds(0.0), RANGE - 1);
    assert_eq!(counter.advance(Seconds(1.0), 1), Step::Reset, "no power, no proof");
}

#[test]
fn a_count_beyond_the_range_is_a_reset() {
    let mut counter = Counter::new(rapl());
    counter.advance(Seconds(0.0), RANGE - 10);
    assert_eq!(counter.advance(Seconds(1.0), RANGE + 1), Step::Reset, "then the range is not what it says");
}

fn fixed(seed: u64) -> ProptestConfig {
    ProptestConfig { rng_seed: RngSeed::Fixed(seed), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(fixed(20_270_101))]

    /// Whatever a counter says, and whatever the clock does.
    #[test]
    fn no_step_is_negative_or_more_than_the_ceiling_allows(
        range in prop::option::of(1u64..=u64::MAX),
        looks in prop::collection::vec((-1.0f64..2000.0, any::<u64>()), 1..40),
        near in prop::collection::vec(0u64..1_000_000_000, 40),
    ) {
        let limits = Limits { range, ..rapl() };
        let mut counter = Counter::new(limits);
        let mut now = Seconds(0.0);
        let mut total_before = Joules(0.0);
        for (index, (dt, anywhere)) in looks.into_iter().enumerate() {
            now += Seconds(dt);
            // Half the looks lie near the end of the range, where wraps are.
            let count = match range {
                Some(range) if index % 2 == 0 => range.saturating_sub(near[index]),
                Some(_) if index % 4 == 1 => near[index],
                _ => anywhere,
            };
            let step = counter.advance(now, count);
            if let Some(energy) = step.energy() {
                let most = 360.0 * (dt.max(0.0) + SLACK.0);
                prop_assert!(energy.0 >= 0.0, "{step:?} is negative");
                prop_assert!(energy.0 <= most, "{step:?} is over {most} J in {dt} s");
            }
            if let Ok(total) = counter.total() {
                prop_assert!(total.0 >= total_before.0, "the total fell from {total_before} to {total}");
                total_before = total;
            }
        }
    }

    /// A true load below the ceiling, looked at often enough, through any number of wraps.
    #[test]
    fn a_true_load_is_counted_exactly_through_its_wraps(
        start in 0u64..RANGE,
        steps in prop::collection::vec((0.01f64..60.0, 0.0f64..350.0), 1..200),
    ) {
        let mut counter = Counter::new(rapl());
        let mut true_uj = start;
        let mut now = Seconds(0.0);
        counter.advance(now, true_uj % RANGE);
        for (dt, power) in steps {
            now += Seconds(dt);
            true_uj += (power * dt * 1e6) as u64;
            counter.advance(now, true_uj % RANGE);
        }
        let expected = (true_uj - start) as f64 * 1e-6;
        let found = counter.total().map(|total| total.0);
        prop_assert!(found.is_ok_and(|found| (found - expected).abs() < 1e-6), "{found:?}, not {expected}");
    }
}

#[test]
fn a_steady_power_integrates_to_power_times_time() {
    let mut integral = PowerIntegral::new(Seconds(0.1));
    for step in 0..=100 {
        integral.advance(Seconds(f64::from(step) * 0.05), Watts(200.0));
    }
    assert!((integral.total().0 - 1000.0).abs() < 1e-9, "200 W for 5 s, found {}", integral.total());
    assert_eq!(integral.gaps(), (0, Seconds(0.0)), "no gap");
}

#[test]
fn a_ramp_integrates_as_a_trapezoid() {
    let mut integral = PowerIntegral::new(Seconds(1.0));
    integral.advance(Seconds(0.0), Watts(100.0));
    integral.advance(Seconds(2.0), Watts(300.0));
    assert_eq!(integral.total(), Joules(400.0), "mean of 100 W and 300 W over 2 s");
}

#[test]
fn a_gap_is_counted_and_gets_no_energy() {
    let mut integral = PowerIntegral::new(Seconds(0.1));
    integral.advance(Seconds(0.0), Watts(100.0));
    integral.advance(Seconds(0.1), Watts(100.0));
    let length = 0.1 * GAP_PERIODS + 0.01;
    integral.advance(Seconds(0.1 + length), Watts(100.0));
    integral.advance(Seconds(0.2 + length), Watts(100.0));
    assert!((integral.total().0 - 20.0).abs() < 1e-9, "two steps of 10 J, found {}", integral.total());
    let (gaps, gap_s) = integral.gaps();
    assert_eq!(gaps, 1, "one gap");
    assert!((gap_s.0 - length).abs() < 1e-12, "{length} s long, found {gap_s}");
}

#[test]
fn a_clock_that_stands_adds_nothing() {
    let mut integral = PowerIntegral::new(Seconds(0.1));
    integral.advance(Seconds(1.0), Watts(100.0));
    integral.advance(Seconds(1.0), Watts(900.0));
    integral.advance(Seconds(0.5), Watts(900.0));
    assert_eq!(integral.total(), Joules(0.0), "no time, no energy");
}

#[test]
fn a_mean_needs_a_full_window() {
    let mut mean = MeanPower::default();
    mean.advance(Seconds(0.0), None);
    assert_eq!(mean.watts(), Err(NoData::NotYet), "one look");
    mean.advance(Seconds(0.05), Some(Joules(5.0)));
    assert_eq!(mean.watts(), Err(NoData::NotYet), "half a window");
    mean.advance(Seconds(0.1), Some(Joules(15.0)));
    assert_eq!(mean.watts(), Ok(Watts(200.0)), "20 J in 0.1 s");
    mean.advance(Seconds(0.15), Some(Joules(1.0)));
    assert_eq!(mean.watts(), Ok(Watts(200.0)), "still the window before");
}

#[test]
fn a_hole_in_the_energies_starts_the_mean_again() {
    let mut mean = MeanPower::default();
    mean.advance(Seconds(0.0), None);
    mean.advance(Seconds(1.0), Some(Joules(50.0)));
    mean.advance(Seconds(2.0), None);
    assert_eq!(mean.watts(), Err(NoData::NotYet), "the old mean says nothing about the time after a reset");
    mean.advance(Seconds(3.0), Some(Joules(70.0)));
    assert_eq!(mean.watts(), Ok(Watts(70.0)), "70 J in the second after it");
}
