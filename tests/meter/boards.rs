//! Accelerator boards behind a driver's library.

use crate::fakes::{BoardState, FakeBoard};
use dawndusk::meter::Meter;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::nvml::{BoardSensor, DEFAULT_UPDATE_PERIOD};
use dawndusk::meter::probe::Refusal;
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};

fn open(board: &FakeBoard) -> Result<Channel<BoardSensor>, Refusal> {
    BoardSensor::open(board.board(), "nvml:0", &mut board.wait())
}

fn opened(change: impl FnOnce(&mut BoardState)) -> (FakeBoard, Channel<BoardSensor>) {
    let board = FakeBoard::with(change);
    let meter = open(&board).expect("the board can be read");
    (board, meter)
}

/// Lets the board run for `dt` and reads it then.
fn after(board: &FakeBoard, meter: &mut Channel<BoardSensor>, dt: f64) -> dawndusk::reading::Reading {
    let mut now = 0.0;
    board.change(|state| {
        state.time_s += dt;
        now = state.time_s;
    });
    meter.read(Seconds(now))
}

#[test]
fn the_counter_comes_first() {
    let (board, mut meter) = opened(|_| ());
    let source = meter.source();
    assert_eq!((source.provenance, source.boundary), (Provenance::BoardSensor, Boundary::Accelerator), "a board");
    assert_eq!(source.rated_w, Some(Watts(700.0)), "the limit in force");
    assert!(source.method.contains("GPU-0") && source.method.contains("counter"), "{}", source.method);
    assert!((source.update_period_s.0 - 0.02).abs() < 1e-9, "seen to be 20 ms: {}", source.update_period_s);
    after(&board, &mut meter, 0.0);
    let reading = after(&board, &mut meter, 2.0);
    let energy = reading.energy.expect("the counter moves");
    assert!((energy.0 - 500.0).abs() <= 250.0 * 0.02, "250 W for 2 s to one update, found {energy}");
    assert_eq!(reading.power, Ok(Watts(250.0)), "its power beside it");
}

#[test]
fn a_slow_counter_has_its_period_seen() {
    let (_, meter) = opened(|state| state.period_s = 0.07);
    let period = meter.source().update_period_s;
    assert!((period.0 - 0.07).abs() <= 0.002, "70 ms to one step of the watch, found {period}");
}

#[test]
fn a_counter_too_slow_to_time_gets_the_documented_period() {
    let (_, meter) = opened(|state| state.period_s = 0.19);
    assert_eq!(meter.source().update_period_s, DEFAULT_UPDATE_PERIOD, "two changes at most in the watch");
}

#[test]
fn a_board_without_a_counter_is_integrated() {
    let (board, mut meter) = opened(|state| state.energy_says = Some(Err(NoData::NotSupported)));
    assert!(meter.source().method.contains("integrated"), "{}", meter.source().method);
    after(&board, &mut meter, 0.0);
    for _ in 0..20 {
        after(&board, &mut meter, 0.1);
    }
    let energy = meter.read(Seconds(100.0)).energy.expect("power was read");
    assert!((energy.0 - 500.0).abs() < 1e-6, "250 W for 2 s, found {energy}");
    assert_eq!(meter.coverage().gaps, 0, "no gap");
}

#[test]
fn a_counter_that_stands_still_is_not_trusted() {
    let (_, meter) = opened(|state| state.energy_says = Some(Ok(123_456)));
    assert!(meter.source().method.contains("stood still"), "{}", meter.source().method);
}

#[test]
fn a_counter_in_other_units_is_not_trusted() {
    let (_, meter) = opened(|state| state.rate = 1000.0);
    assert!(meter.source().method.contains("times as fast"), "{}", meter.source().method);
}

#[test]
fn a_slow_counter_in_other_units_is_not_trusted() {
    for period_s in [0.1, 0.13] {
        let (_, meter) = opened(|state| (state.rate, state.period_s) = (1000.0, period_s));
        assert!(meter.source().method.contains("times as fast"), "{period_s} s: {}", meter.source().method);
    }
}

#[test]
fn a_library_that_starts_and_reads_nothing_is_refused() {
    let board = FakeBoard::with(|state| {
        state.energy_says = Some(Err(NoData::NotSupported));
        state.power_says = Some(Err(NoData::NotSupported));
    });
    let refusal = open(&board).err().expect("nothing can be read");
    assert_eq!(refusal.cause, NoData::NotSupported, "accepted by reading, not by starting: {}", refusal.detail);
}

#[test]
fn a_forbidden_board_is_refused_with_its_cause() {
    let board = FakeBoard::with(|state| {
        state.energy_says = Some(Err(NoData::NoPermission));
        state.power_says = Some(Err(NoData::NoPermission));
    });
    assert_eq!(open(&board).err().map(|refusal| refusal.cause), Some(NoData::NoPermission), "not 0 W");
}

#[test]
fn a_board_that_has_only_ever_said_zero_is_refused() {
    let board = FakeBoard::with(|state| {
        state.energy_says = Some(Err(NoData::NotSupported));
        state.power_says = Some(Ok(0));
    });
    assert_eq!(open(&board).err().map(|refusal| refusal.cause), Some(NoData::Implausible), "nothing is metered");
}

#[test]
fn a_driver_reload_is_a_reset_for_good() {
    let (board, mut meter) = opened(|_| ());
    after(&board, &mut meter, 0.0);
    board.change(|state| state.offset_mj = 0);
    assert_eq!(after(&board, &mut meter, 0.1).energy, Err(NoData::CounterReset), "it fell");
    let later = after(&board, &mut meter, 1.0);
    assert_eq!(later.energy, Err(NoData::CounterReset), "the total is gone");
    assert_eq!(later.power, Ok(Watts(250.0)), "the power is not");
}

#[test]
fn a_sentinel_is_dropped_and_the_total_goes_on() {
    let (board, mut meter) = opened(|_| ());
    after(&board, &mut meter, 0.0);
    for sentinel in [u64::MAX, 0x7fff_ffff_ffff_fff0, u64::from(u32::MAX)] {
        board.change(|state| (state.energy_says, state.power_says) = (Some(Ok(sentinel)), Some(Ok(sentinel))));
        let reading = after(&board, &mut meter, 0.5);
        assert_eq!(reading.energy, Err(NoData::Implausible), "{sentinel:#x} mJ");
        assert_eq!(reading.power, Err(NoData::Implausible), "{sentinel:#x} mW");
    }
    board.change(|state| (state.energy_says, state.power_says) = (None, None));
    let energy = after(&board, &mut meter, 0.5).energy.expect("good again");
    assert!((energy.0 - 500.0).abs() <= 250.0 * 0.02, "2 s at 250 W, found {energy}");
    assert_eq!(meter.coverage().missed, 3, "three looks were dropped");
}

#[test]
fn a_power_far_over_the_limit_is_dropped() {
    let (board, mut meter) = opened(|_| ());
    board.change(|state| state.power_says = Some(Ok(1_050_001)));
    let reading = after(&board, &mut meter, 0.1);
    assert_eq!(reading.power, Err(NoData::Implausible), "more than 1.5 times 700 W");
    assert!(reading.energy.is_ok(), "the counter is another sensor");
}

#[test]
fn a_zero_from_a_board_that_has_shown_power_is_taken() {
    let (board, mut meter) = opened(|_| ());
    after(&board, &mut meter, 0.1);
    board.change(|state| state.power_says = Some(Ok(0)));
    assert_eq!(after(&board, &mut meter, 0.1).power, Ok(Watts(0.0)), "an idle, rounded");
}

#[test]
fn a_lost_board_is_lost_and_its_counter_goes_on_when_it_is_back() {
    let (board, mut meter) = opened(|_| ());
    after(&board, &mut meter, 0.0);
    board.change(|state| state.failure = Some(NoData::Lost));
    let lost = after(&board, &mut meter, 0.5);
    assert_eq!((lost.energy, lost.power), (Err(NoData::Lost), Err(NoData::Lost)), "neither last value nor zero");
    board.change(|state| state.failure = None);
    assert_eq!(after(&board, &mut meter, 0.1).energy, Err(NoData::Lost), "it is not looked for at once");
    let back = after(&board, &mut meter, 1.4).energy.expect("found again");
    assert!((back.0 - 500.0).abs() <= 250.0 * 0.02, "the counter went on for 2 s, found {back}");
}

#[test]
fn a_board_that_comes_back_with_a_new_counter_has_no_total() {
    let (board, mut meter) = opened(|_| ());
    after(&board, &mut meter, 0.0);
    board.change(|state| state.failure = Some(NoData::Lost));
    after(&board, &mut meter, 0.5);
    board.change(|state| (state.failure, state.offset_mj) = (None, 0));
    assert_eq!(after(&board, &mut meter, 2.0).energy, Err(NoData::CounterReset), "a reset ends it");
}

#[test]
fn an_integrated_board_that_was_lost_has_a_gap() {
    let (board, mut meter) = opened(|state| state.energy_says = Some(Err(NoData::NotSupported)));
    after(&board, &mut meter, 0.0);
    after(&board, &mut meter, 0.1);
    board.change(|state| state.failure = Some(NoData::Lost));
    after(&board, &mut meter, 0.1);
    board.change(|state| state.failure = None);
    let energy = after(&board, &mut meter, 2.0).energy.expect("found again");
    assert!((energy.0 - 25.0).abs() < 1e-9, "0.1 s at 250 W and nothing invented, found {energy}");
    let coverage = meter.coverage();
    assert_eq!(coverage.gaps, 1, "one gap");
    assert!((coverage.gap_s.0 - 2.1).abs() < 1e-9, "2.1 s long, found {}", coverage.gap_s);
}

#[test]
fn a_board_without_a_limit_has_no_rating() {
    for says in [Err(NoData::NotSupported), Ok(0), Ok(u64::from(u32::MAX))] {
        let (_, meter) = opened(|state| state.limit_says = says);
        assert_eq!(meter.source().rated_w, None, "{says:?} is no limit");
    }
}

#[test]
fn energy_since_opening_starts_at_zero() {
    let (board, mut meter) = opened(|_| ());
    assert_eq!(after(&board, &mut meter, 3.0).energy, Ok(Joules(0.0)), "not the energy since the driver was loaded");
}

#[test]
fn beside_a_counter_powers_are_asked_for_no_more_often_than_they_are_renewed() {
    let (board, mut meter) = opened(|state| state.period_s = 0.02);
    after(&board, &mut meter, 0.0);
    let asked = |board: &FakeBoard| {
        let mut asked = 0;
        board.change(|state| asked = state.powers_asked);
        asked
    };
    let before = asked(&board);
    (0..200).for_each(|_| {
        after(&board, &mut meter, 0.005);
    });
    let questions = asked(&board) - before;
    assert!((20..=25).contains(&questions), "200 looks in a second, and the power is new 10 times: {questions}");
    let (reading, coverage) = meter.beside()[0];
    assert!(reading.energy.is_ok_and(|energy| (energy.0 - 250.0).abs() < 15.0), "250 W for a second: {reading:?}");
    assert_eq!(coverage.gaps, 0, "and nothing is missed");
}
