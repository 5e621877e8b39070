//! From duties to a machine profile that the rest of the program takes.

use dawndusk::journal::{Conditions, Drawn, DutyHeld, Event, IdleWatch};
use dawndusk::profile;
use dawndusk::reading::{NoData, Provenance};
use dawndusk::report::{OperatingPoints, SweepError};
use dawndusk::units::{Joules, Seconds, Watts};

/// Watts of the machine at idle.
const IDLE: f64 = 20.0;

fn drawn(energy: Option<f64>) -> Drawn {
    let no_data = energy.is_none().then_some(NoData::Lost);
    Drawn { energy_j: energy.map(Joules), updates: 9, windows: 1, no_data, ..Drawn::default() }
}

/// One pass over a duty: 2 s at so many watts, with so many rounds.
fn held(duty: f64, power: f64, rounds: u64) -> Event {
    Event::Duty(DutyHeld { duty, rounds, duration_s: Seconds(2.0), drawn: drawn(Some(2.0 * power)) })
}

fn recorded(duties: &[(f64, f64, u64)]) -> Vec<Event> {
    let mut events: Vec<Event> = include_str!("recorded.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an event"))
        .filter(|event| matches!(event, Event::Benched { .. } | Event::Conditions(_)))
        .collect();
    events.push(Event::Idle(IdleWatch { duration_s: Seconds(4.0), drawn: drawn(Some(4.0 * IDLE)) }));
    events.extend(duties.iter().map(|&(duty, power, rounds)| held(duty, power, rounds)));
    events
}

fn points(duties: &[(f64, f64, u64)]) -> OperatingPoints {
    OperatingPoints::from_events(&recorded(duties), "bench-machine").expect("every duty was held")
}

fn conditions(events: &mut [Event]) -> &mut Conditions {
    let found =
        events.iter_mut().find_map(|event| if let Event::Conditions(found) = event { Some(found) } else { None });
    found.expect("the machine is described")
}

#[test]
fn two_passes_become_one_point_and_the_last_rate_is_one() {
    let duties = [(0.5, 60.0, 50), (1.0, 100.0, 102), (1.0, 104.0, 98), (0.5, 64.0, 50)];
    let machine = points(&duties).machine;
    assert_eq!(machine.idle_w, IDLE, "80 J in 4 s");
    let found: Vec<(f64, f64)> = machine.points.iter().map(|point| (point.power_w, point.rate)).collect();
    assert_eq!(found, [(62.0, 0.5), (102.0, 1.0)], "means over both passes, rates of the full one");
    assert_eq!(machine.provenance, Provenance::Modelled, "as its source is");
    assert_eq!(machine.date.to_string(), "2026-11-22", "the day of the run");
}

#[test]
fn a_profile_reads_back_as_it_was_written_and_serves_a_simulation() {
    let points = points(&[(0.1, 30.0, 10), (0.5, 62.0, 50), (1.0, 102.0, 100)]);
    let text = points.toml().expect("TOML");
    assert!(
        text.starts_with("# Operating points of A \"quoted\", renderer: the powers are MODELLED"),
        "said first: {text}"
    );
    let read = profile::machine_from_text("written.toml", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read, points.machine, "nothing is lost");
    assert_eq!(read.rate_at(Watts(62.0)), 0.5, "half the work at 62 W");
    assert!(read.rate_at(Watts(IDLE)) == 0.0 && read.rate_at(Watts(500.0)) == 1.0, "nothing at idle, all beyond");
}

#[test]
fn neighbours_that_noise_has_turned_round_are_taken_together_and_said() {
    let points = points(&[(0.5, 60.0, 50), (0.75, 83.0, 78), (0.9, 81.0, 88), (1.0, 100.0, 100)]);
    let found: Vec<(f64, f64)> = points.machine.points.iter().map(|point| (point.power_w, point.rate)).collect();
    assert_eq!(found, [(60.0, 0.5), (82.0, 0.83), (100.0, 1.0)], "one point of two");
    let said =
        points.remarks.iter().any(|remark| remark.contains("together") && remark.contains("duty 0.75, duty 0.90"));
    assert!(said, "and the file says so: {:?}", points.remarks);
}

#[test]
fn a_full_duty_that_is_slower_than_a_lower_one_still_ends_at_a_rate_of_one() {
    let machine = points(&[(0.5, 60.0, 50), (0.9, 95.0, 104), (1.0, 100.0, 96)]).machine;
    let last = machine.points.last().expect("a point");
    assert_eq!((last.power_w, last.rate), (97.5, 1.0), "both together are full speed");
}

#[test]
fn a_point_that_is_not_above_idle_power_is_left_out_and_said() {
    let points = points(&[(0.1, 19.0, 10), (1.0, 100.0, 100)]);
    assert_eq!(points.machine.points.len(), 1, "one is left: {:?}", points.machine.points);
    assert!(points.remarks.iter().any(|remark| remark.contains("left out")), "said: {:?}", points.remarks);
}

#[test]
fn where_nothing_tells_power_there_is_no_profile() {
    let refused = |events: &[Event]| OperatingPoints::from_events(events, "x").expect_err("no profile");
    let mut lost = recorded(&[(0.5, 60.0, 50)]);
    lost.push(Event::Duty(DutyHeld { duty: 1.0, rounds: 9, duration_s: Seconds(2.0), drawn: drawn(None) }));
    let error = refused(&lost);
    assert!(matches!(error, SweepError::NoReading { cause: NoData::Lost, .. }), "lost on the way: {error}");

    let mut blind = recorded(&[(1.0, 100.0, 100)]);
    conditions(&mut blind).source_covers_adapter = false;
    let error = refused(&blind);
    assert!(matches!(error, SweepError::NotSeen { .. }), "the source sees another machine: {error}");

    let error = refused(&recorded(&[(0.5, IDLE, 50), (1.0, IDLE, 100)]));
    assert!(matches!(error, SweepError::Flat { .. }), "work that draws nothing is not seen: {error}");
    assert!(error.is_missing_power(), "exit code 14");

    let error = refused(&recorded(&[(0.5, 60.0, 50)]));
    assert_eq!(error, SweepError::Incomplete, "never at full speed");
    assert!(!error.is_missing_power(), "which is no matter of power");
}
