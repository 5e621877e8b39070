//! Flights on stand-ins: a workload that sleeps and a meter that knows when it does. What must hold whatever the
//! machine: the journal is whole, the verdict is right, and nothing that was measured is lost.

mod believed;
mod judged;
mod standins;
mod sweep;
mod virtual_flights;

use dawndusk::flight::{self, Length, Recorder, Request};
use dawndusk::governor::{Policy, Unscored};
use dawndusk::journal::{self, Breaches, Event, Journal, LengthName, Outcome};
use dawndusk::profile;
use dawndusk::reading::{Basis, NoData, Refusal};
use dawndusk::report::{self, Class, ConstraintName, FlightResult, Kind, Record, ResultDirectory, verify};
use dawndusk::units::{Joules, Seconds};
use standins::{Fault, equipment_until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A whole orbit in two seconds.
const LENGTH: Length = Length {
    name: LengthName::Quick,
    idle: Seconds(0.1),
    warm_up: Seconds(0.02),
    repeat: Seconds(0.1),
    repeats: 3,
    identification: Seconds(0.4),
    orbit: Seconds(2.0),
    tick: Seconds(0.01),
    slice: Seconds(0.2),
};

struct Flown {
    outcome: Outcome,
    result: FlightResult,
    directory: ResultDirectory,
    _parent: tempfile::TempDir,
}

fn fly(policy: Policy, fault: Fault, interrupt_after: Option<usize>) -> Flown {
    let request = Request {
        satellite_name: "leo-100kw".into(),
        satellite: profile::satellite("leo-100kw", &[]).expect("a shipped profile"),
        policy,
        length: LENGTH,
        compression: None,
        assumptions: Default::default(),
        seed: 1,
    };
    let parent = tempfile::tempdir().expect("a temporary directory");
    let directory = ResultDirectory::create(parent.path(), "test").expect("the directory can be written");
    let journal = Journal::create(&directory.journal()).expect("the journal can be written");
    let interrupt = AtomicBool::new(false);
    let gone = Arc::new(AtomicBool::new(false));
    let mut ticks = 0;
    let mut spectator = |event: &Event| {
        ticks += usize::from(matches!(event, Event::Tick(_)));
        if matches!(fault, Fault::MeterLostAtTick(tick) if ticks >= tick) {
            gone.store(true, Ordering::Relaxed);
        }
        if interrupt_after.is_some_and(|limit| ticks >= limit) {
            interrupt.store(true, Ordering::Relaxed);
        }
    };
    let equipment = equipment_until(fault, Arc::clone(&gone));
    let mut recorder = Recorder::new(Some(journal), &mut spectator, &interrupt);
    flight::open(&mut recorder, &request, "2026-01-01T00:00:00Z".into(), &equipment.conditions);
    let outcome = flight::fly(&mut recorder, &request, equipment);
    recorder.close().expect("the journal was written");
    let result = directory.write_pages().expect("the pages can be written");
    Flown { outcome, result, directory, _parent: parent }
}

fn breaches(flight: &report::FlightFigures) -> Breaches {
    flight.breaches.expect("it arrived")
}

#[test]
fn a_governed_orbit_breaks_nothing_and_says_what_its_watts_are() {
    let flown = fly(Policy::Predictive, Fault::None, None);
    assert_eq!(flown.outcome, Outcome::Completed, "one whole orbit");
    let flight = flown.result.flight.expect("it flew");
    let residual = flight.ledger_residual.expect("it arrived");
    assert!(!breaches(&flight).any(), "no breach: {:?}", flight.breaches);
    let broken: Vec<ConstraintName> =
        flown.result.verdict.constraints.iter().filter(|c| !c.satisfied).map(|c| c.name).collect();
    assert_eq!(broken, [ConstraintName::Duration], "two seconds are too short to count, and nothing else is wrong");
    assert_eq!(flight.energy.kind, Kind::Modelled, "the stand-in is a model");
    assert_eq!((flight.energy.low_j, flight.energy.high_j), (None, None), "a model has no band");
    assert!(residual.abs() < 1e-9, "the books close: {residual:e}");
    let sum: f64 = flight.workloads.iter().filter_map(|workload| workload.energy.value_j).map(|energy| energy.0).sum();
    let total = flight.energy.value_j.expect("there were readings").0;
    assert!((sum - total).abs() < 1e-9 * total, "slices add up to the flight: {sum} J of {total} J");
    let report::Scored { score, oracle, replay } = &flight.scored;
    assert!(replay.agrees, "the journal gives its own states again: {replay:?}");
    let best = oracle.expect("an unbroken flight with readings has an oracle");
    assert!(
        best.upper_s <= best.analytic_bound_s * (1.0 + 1e-5),
        "the programme is closer than the analytic bound: {best:?}"
    );
    let share = flight.work_s / best.upper_s;
    match score.share_of_oracle {
        Some(found) => assert!((found - share).abs() < 1e-12 && found <= 1.0, "{found}, expected {share}"),
        None => {
            assert!(share > 1.0 && score.unscored == Some(Unscored::NotComparable), "{share}: {:?}", score.unscored);
        }
    }
    assert_eq!(score.ticks, flight.ticks, "every tick is scored");
}

#[test]
fn the_sensor_is_identified_before_the_satellite_leaves() {
    let flown = fly(Policy::Predictive, Fault::None, Some(20));
    let found = flown.result.identification.expect("the work was stepped");
    assert_eq!(found.refused, None, "the stand-in follows its work: {found:?}");
    assert!(found.lag_s.is_some_and(|lag| lag < Seconds(0.01)), "at once: {found:?}");
    assert!(found.gain.is_some_and(|gain| (gain - 1.0).abs() < 0.2), "as calibrated: {found:?}");
    let summary = std::fs::read_to_string(flown.directory.path().join("summary.txt")).expect("the page is there");
    assert!(summary.contains("sensor ") && summary.contains("by what the source says"), "it is printed: {summary}");
    let entries = journal::read(&flown.directory.journal()).expect("the journal is whole");
    let place = |wanted: fn(&Event) -> bool| entries.iter().position(|entry| wanted(&entry.event));
    let (stepped, left) = (place(|e| matches!(e, Event::Identified(_))), place(|e| matches!(e, Event::Departed)));
    assert!(stepped.is_some() && stepped < left, "before the orbit: {stepped:?} and {left:?}");
}

#[test]
fn without_a_governor_the_floor_of_the_charge_is_broken() {
    let flown = fly(Policy::Off, Fault::None, None);
    let flight = flown.result.flight.as_ref().expect("it flew");
    assert!(breaches(flight).charge.time_s > Seconds(100.0), "{:?}", flight.breaches);
    assert_eq!(flown.result.verdict.class, Class::Invalid, "a breach makes it invalid");
    assert!(flown.result.verdict.envelope_violated, "and says so");
    let score = &flight.scored.score;
    assert_eq!(
        (score.share_of_oracle, score.unscored),
        (None, Some(Unscored::Ungoverned)),
        "a broken limit buys no score"
    );
    assert!(score.charge_shortfall_j.expect("it arrived") > Joules(0.0), "what was taken from under the floor is told");
}

#[test]
fn a_meter_that_goes_silent_costs_power_and_never_becomes_zero_watts() {
    // Late: full power is assumed from here on, and half an orbit of it is too hot for the junction whatever is done
    // (353.3 K by `simulate` with 60 kW before, and the limit is 353.15 K).
    let flown = fly(Policy::Predictive, Fault::MeterLostAtTick(150), None);
    let flight = flown.result.flight.as_ref().expect("it flew");
    assert!(flight.counted_share < 0.99, "the loss shows: {}", flight.counted_share);
    assert_eq!(flown.result.verdict.class, Class::Invalid, "readings were missing");
    assert_eq!(flight.energy.value_j, None, "no partial total");
    let entries = journal::read(&flown.directory.journal()).expect("the journal is whole");
    let record = Record::from_entries(&entries).expect("a journal");
    // Before the first reading nobody has counted either.
    let since = record.energy.iter().find(|window| window.basis == Basis::Counted).expect("it was counted").from_s;
    let blind: Vec<_> =
        record.energy.iter().filter(|window| window.basis != Basis::Counted && window.from_s > since).collect();
    for window in &blind {
        // The worst is assumed: full power for as long as batches may have run, and idle power at rest.
        assert!(window.power().0 > 2.0, "batches ran, and zero watts are never assumed: {window:?}");
        assert_eq!(window.basis, Basis::Assumed { cause: Refusal::Absent(NoData::Lost) }, "with its cause");
    }
    let lost = blind.iter().fold(Seconds::ZERO, |sum, window| sum + window.span());
    assert!(lost > Seconds(0.2), "it was blind for a while: {lost}");
    let told = record.ticks.iter().filter(|tick| tick.no_reading == Some(Refusal::Absent(NoData::Lost))).count();
    assert!(told > 10, "and the ticks say why: {told}");
    assert!(!breaches(flight).any(), "and the envelope holds: {:?}", flight.breaches);
}

#[test]
fn a_device_that_is_lost_in_flight_leaves_all_that_was_measured_before() {
    let flown = fly(Policy::Predictive, Fault::WorkloadFailsAfter(120), None);
    let Outcome::Failed { message } = &flown.outcome else { panic!("it must fail, not {:?}", flown.outcome) };
    assert!(message.contains("sleep") && message.contains("lost"), "names workload and cause: {message}");
    assert_eq!(flown.result.unconstrained.len(), 2, "the unconstrained figures stand");
    assert_eq!(flown.result.verdict.class, Class::Invalid, "but the result is invalid");
}

#[test]
fn an_interrupt_leaves_a_readable_partial_result() {
    let flown = fly(Policy::Predictive, Fault::None, Some(30));
    assert_eq!(flown.outcome, Outcome::Interrupted, "by the user");
    let flight = flown.result.flight.as_ref().expect("it had left");
    assert!(flight.ticks >= 30 && flight.simulated_s < Seconds(5000.0), "partial: {} ticks", flight.ticks);
    assert!(flown.result.verdict.notes.iter().any(|note| note.starts_with("partial")), "and says so");
}

#[test]
fn a_saved_journal_gives_its_pages_again_byte_for_byte() {
    let flown = fly(Policy::Threshold, Fault::None, Some(40));
    let path = flown.directory.path();
    let pages = ["result.json", "conditions.json", "timeline.csv", "summary.txt", "report.html", "SHA256SUMS"];
    let read = || pages.map(|name| std::fs::read(path.join(name)).expect("the page is there"));
    let before = read();
    flown.directory.write_pages().expect("the pages can be written again");
    assert!(before == read(), "every page is the same");
    assert!(verify(&flown.directory).expect("it can be checked").disagreements.is_empty(), "and verify agrees");
    std::fs::write(path.join("summary.txt"), "Result is : VALID").expect("the page can be forged");
    let wrong = verify(&flown.directory).expect("it can be checked").disagreements;
    assert_eq!(wrong.len(), 2, "the hash and the content both tell: {wrong:?}");
}

#[test]
fn a_torn_last_line_is_dropped_and_a_torn_middle_is_refused() {
    let flown = fly(Policy::Static, Fault::None, Some(20));
    let path = flown.directory.journal();
    let whole = std::fs::read_to_string(&path).expect("the journal is there");
    let count = journal::read(&path).expect("it is whole").len();
    std::fs::write(&path, &whole[..whole.len() - 10]).expect("it can be torn");
    assert_eq!(journal::read(&path).expect("torn at its end").len(), count - 1, "one entry fewer");
    let result = flown.directory.write_pages().expect("a torn journal still gives a result");
    assert_eq!(result.verdict.class, Class::Invalid, "but an invalid one: it never closed");
    std::fs::write(&path, whole.replacen("\"event\"", "\"evnt\"", 2)).expect("it can be damaged");
    let error = journal::read(&path).expect_err("damaged in the middle").to_string();
    assert!(error.contains("line 1"), "names the line: {error}");
}
