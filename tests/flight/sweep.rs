//! Sweeps on the same stand-ins: a machine whose power follows its duty, 2 W idle and 10 W in a batch.

use crate::standins::{Fault, equipment};
use dawndusk::flight::{self, FlightError, Recorder, Sweep};
use dawndusk::journal::Event;
use dawndusk::reading::NoData;
use dawndusk::report::{OperatingPoints, SweepError};
use dawndusk::units::Seconds;
use std::sync::atomic::AtomicBool;

/// What was recorded, and how it ended.
fn sweep(fault: Fault, interrupted: bool) -> (Vec<Event>, Result<(), FlightError>) {
    let mut events = Vec::new();
    let interrupt = AtomicBool::new(interrupted);
    let mut spectator = |event: &Event| events.push(event.clone());
    let mut recorder = Recorder::new(None, &mut spectator, &interrupt);
    recorder.record(Event::Benched {
        program: "test".into(),
        test_time: "2026-01-01T00:00:00Z".into(),
        repeats: 1,
        measured_too: Vec::new(),
    });
    let request = Sweep { duties: vec![0.25, 0.5, 1.0], duration: Seconds(0.4) };
    let ended = flight::sweep(&mut recorder, &request, equipment(fault));
    (events, ended)
}

#[test]
fn a_sweep_finds_the_power_that_goes_with_each_rate() {
    let (events, ended) = sweep(Fault::None, false);
    assert!(ended.is_ok(), "nothing went wrong: {ended:?}");
    let duties: Vec<f64> =
        events.iter().filter_map(|event| if let Event::Duty(held) = event { Some(held.duty) } else { None }).collect();
    assert_eq!(duties, [0.25, 0.5, 1.0, 1.0, 0.5, 0.25].repeat(2), "upwards and downwards, twice");
    let found = OperatingPoints::from_events(&events, "stand-in").expect("the meter told everything");
    let machine = &found.machine;
    assert!((machine.idle_w - 2.0).abs() < 0.2, "idle: {found:?}");
    for point in &machine.points {
        // Sleeps are never shorter than asked for, and sometimes longer: a fifth of the span is left for that.
        let expected = 2.0 + 8.0 * point.rate;
        assert!((point.power_w - expected).abs() < 1.6, "{point:?}, expected {expected} W: {found:?}");
    }
    let first = machine.points.first().expect("points");
    assert!(first.rate > 0.15 && first.rate < 0.35, "a quarter of the duty is about a quarter of the rate: {found:?}");
}

#[test]
fn a_meter_that_goes_away_leaves_no_profile() {
    let (events, ended) = sweep(Fault::MeterLostAfter(Seconds(0.6)), false);
    assert!(ended.is_ok(), "the work goes on: {ended:?}");
    let error = OperatingPoints::from_events(&events, "stand-in").expect_err("nothing is made up");
    assert!(matches!(error, SweepError::NoReading { cause: NoData::Lost, .. }), "and it says why: {error}");
    assert!(error.is_missing_power(), "a power source is missing");
}

#[test]
fn a_workload_that_fails_and_an_interrupt_end_a_sweep_without_a_profile() {
    let (events, ended) = sweep(Fault::WorkloadFailsAfter(20), false);
    assert!(matches!(ended, Err(FlightError::Workload(_))), "the device was lost: {ended:?}");
    let error = OperatingPoints::from_events(&events, "stand-in").expect_err("too little was held");
    assert_eq!(error, SweepError::Incomplete, "not every duty");
    let (_, ended) = sweep(Fault::None, true);
    assert!(matches!(ended, Err(FlightError::Interrupted)), "the user stopped it: {ended:?}");
}
