//! Reasons why a device is slower than it could be.

use crate::fakes::FakeBoard;
use dawndusk::meter::Meter;
use dawndusk::meter::nvml::BoardSensor;
use dawndusk::meter::throttle::{Reason, ThrottleLook, ThrottleWatch};
use dawndusk::reading::{NoData, Throttling};
use dawndusk::units::Seconds;

fn active(reason: Reason) -> ThrottleLook {
    let mut look = ThrottleLook::default();
    look.active[reason as usize] = true;
    look
}

fn counted(reason: Reason, nanoseconds: u64) -> ThrottleLook {
    let mut look = ThrottleLook::default();
    look.counted_ns[reason as usize] = Some(nanoseconds);
    look
}

fn times(looks: &[(f64, Result<ThrottleLook, NoData>)]) -> Throttling {
    let mut watch = ThrottleWatch::default();
    for &(at, look) in looks {
        watch.advance(Seconds(at), look);
    }
    watch.times().expect("it has said something")
}

#[test]
fn a_counter_of_the_driver_gives_the_time_that_it_counts() {
    let (reason, start) = (Reason::PowerCap, 7_000_000_000);
    let found = times(&[(0.0, Ok(counted(reason, start))), (10.0, Ok(counted(reason, start + 2_500_000_000)))]);
    assert!((found.power_cap_s.0 - 2.5).abs() < 1e-9, "2.5 s since the first look, found {}", found.power_cap_s);
    assert!(found.counted, "by the device");
}

#[test]
fn a_throttle_counter_that_falls_starts_again() {
    let reason = Reason::HardwareThermal;
    let looks = [9_000_000_000, 1_000_000_000, 1_500_000_000];
    let looks: Vec<_> = looks.iter().enumerate().map(|(at, &ns)| (at as f64, Ok(counted(reason, ns)))).collect();
    let found = times(&looks);
    assert!((found.hardware_thermal_s.0 - 0.5).abs() < 1e-9, "half a second, and not centuries: {found:?}");
}

#[test]
fn reasons_in_force_are_added_up_from_looks() {
    let hot = Ok(active(Reason::Thermal));
    let found =
        times(&[(0.0, Ok(ThrottleLook::default())), (0.2, hot), (0.4, hot), (0.6, Ok(ThrottleLook::default()))]);
    assert!((found.thermal_s.0 - 0.4).abs() < 1e-9, "0.1 + 0.2 + 0.1 s, found {}", found.thermal_s);
    assert!(!found.counted, "from looks");
}

#[test]
fn a_silence_says_nothing_about_throttling() {
    let hot = Ok(active(Reason::Hardware));
    let found = times(&[(0.0, hot), (0.1, Err(NoData::Lost)), (50.0, hot), (100.0, hot)]);
    assert_eq!(found.hardware_s, Seconds(0.0), "nobody looked: {found:?}");
}

#[test]
fn a_device_that_answers_nothing_is_asked_no_more_often_than_one_that_does() {
    let mut watch = ThrottleWatch::default();
    let mut asked = 0;
    for look in 0..200 {
        let now = Seconds(f64::from(look) * 0.005);
        if watch.is_due(now) {
            asked += 1;
            watch.advance(now, Err(NoData::NotSupported));
        }
    }
    assert!((9..=11).contains(&asked), "ten times in a second of 200 looks, found {asked}");
    assert_eq!(watch.times(), None, "and nothing is known");
}

#[test]
fn bits_that_nobody_knows_are_kept() {
    let look = |unknown| Ok(ThrottleLook { unknown, ..ThrottleLook::default() });
    assert_eq!(times(&[(0.0, look(0x400)), (1.0, look(0x1000))]).unknown, 0x1400, "both of them");
}

#[test]
fn a_board_passes_on_what_slows_it_and_one_that_says_nothing_has_no_times() {
    let board = FakeBoard::with(|state| state.reasons_say = Ok(0x4));
    let mut meter = BoardSensor::open(board.board(), "nvml:0", &mut board.wait()).expect("it can be read");
    for step in 0..20 {
        meter.read(Seconds(f64::from(step) * 0.1));
    }
    let found = meter.throttling().expect("it says");
    assert!((found.power_cap_s.0 - 1.9).abs() < 0.11, "capped all along: {found:?}");
    let silent = FakeBoard::default();
    let mut meter = BoardSensor::open(silent.board(), "nvml:0", &mut silent.wait()).expect("it can be read");
    meter.read(Seconds(0.0));
    assert_eq!(meter.throttling(), None, "not zero seconds, but not known");
}
