//! What speaks for a flight's energy and against it: idle before and after, heat, sleep, the meter's own cost.

use crate::standins::Fault;
use crate::{Flown, fly};
use dawndusk::governor::Policy;
use dawndusk::journal::{self, Entry, Event, Sharing};
use dawndusk::reading::{Boundary, NoData, Provenance, Source};
use dawndusk::report::{Class, ConstraintName, FlightResult, summary};
use dawndusk::units::Seconds;

fn entries(flown: &Flown) -> Vec<Entry> {
    journal::read(&flown.directory.journal()).expect("the journal is whole")
}

#[test]
fn idle_is_watched_before_and_after_and_never_taken_off_in_silence() {
    let flown = fly(Policy::Predictive, Fault::None, None);
    let (before, after) = (flown.result.idle_power_w.expect("before"), flown.result.idle_power_after_w.expect("after"));
    assert!((before.0 - 2.0).abs() < 0.5 && (after.0 - 2.0).abs() < 0.5, "2 W of nothing: {before} and {after}");
    for workload in &flown.result.unconstrained {
        let work = &workload.work_per_joule;
        let (gross, above) = (work.value.expect("an energy"), work.above_idle.expect("an idle"));
        assert!(above > gross, "{}: gross {gross} first, {above} above idle beside it", workload.name);
    }
    let page = summary(&flown.result);
    assert!(page.contains("before the work") && page.contains("above idle"), "both are on the page:\n{page}");
}

#[test]
fn what_the_meter_takes_is_on_the_page() {
    let flown = fly(Policy::Predictive, Fault::None, Some(40));
    let cost = flown.result.meter_cost.expect("a flight that ended");
    assert!(cost.looks > 40 && cost.work_share > 0.0, "looks cost something: {cost:?}");
    assert!(cost.work_share < 0.05, "but not much, at a hundred looks a second: {cost:?}");
    let page = summary(&flown.result);
    assert!(page.contains("of the throughput"), "and the page says how much:\n{page}");
    if let Some(share) = cost.core_share {
        assert!(0.0 < share && share < 0.05 && page.contains("of one core"), "of a core as well: {cost:?}");
    }
}

#[test]
fn a_machine_that_was_too_hot_is_not_ranked_and_the_verdict_says_why() {
    let flown = fly(Policy::Predictive, Fault::Hot, None);
    let verdict = &flown.result.verdict;
    assert!(!verdict.ranked, "not ranked");
    let reasons = verdict.unranked_because.join("; ");
    assert!(reasons.contains("throttled in the flight") && reasons.contains("hot for"), "the reason: {reasons}");
    assert!(reasons.contains("throttled in sleep:"), "in the unconstrained part as well: {reasons}");
    assert!(verdict.notes.iter().any(|note| note.starts_with("capped in the flight")), "a cap is a note");
    let flight = flown.result.flight.as_ref().expect("it flew");
    let heat = flight.slowed_by.thermal_share.expect("the device says");
    assert!((heat - 0.1).abs() < 0.02, "a tenth of the time: {heat}");
    assert!(summary(&flown.result).contains("UNRANKED"), "and it is on the page");
    let cool = fly(Policy::Predictive, Fault::None, Some(20));
    assert_eq!(cool.result.flight.expect("it flew").slowed_by.thermal_share, None, "not known is not zero");
}

#[test]
fn a_board_that_is_shared_speaks_against_a_rank_and_one_of_its_own_does_not() {
    let flown = fly(Policy::Predictive, Fault::None, Some(20));
    let reasons = |is_partitioned: Result<bool, NoData>, others: Result<Vec<u32>, NoData>| {
        let mut entries = entries(&flown);
        for entry in &mut entries {
            if let Event::Conditions(conditions) = &mut entry.event {
                let (is_partitioned, other_processes) = (is_partitioned.into(), others.clone().into());
                conditions.sharing = Some(Sharing { is_partitioned, other_processes });
            }
        }
        FlightResult::from_journal(&entries).expect("a journal").verdict.unranked_because
    };
    let none: [String; 0] = [];
    assert_eq!(reasons(Ok(false), Ok(vec![])), none, "nobody else is on it");
    assert_eq!(reasons(Err(NoData::NotSupported), Err(NoData::NoPermission)), none, "nobody can tell: nothing is said");
    let said = reasons(Ok(true), Ok(vec![]));
    assert!(said.len() == 1 && said[0].contains("cut into instances"), "MIG: {said:?}");
    let said = reasons(Ok(false), Ok(vec![4242]));
    assert!(said.len() == 1 && said[0].contains("1 other process was on the board"), "company: {said:?}");
}

#[test]
fn a_governor_that_holds_work_back_is_told_from_a_device_that_waits() {
    let flown = fly(Policy::Static, Fault::None, None);
    let flight = flown.result.flight.as_ref().expect("it flew");
    let busy: Seconds = flight.workloads.iter().fold(Seconds::ZERO, |sum, workload| sum + workload.busy_s);
    let all: Seconds = flight.workloads.iter().fold(Seconds::ZERO, |sum, workload| sum + workload.slice_s);
    let sum = busy / all + flight.slowed_by.governor_share + flight.slowed_by.starved_share;
    assert!((sum - 1.0).abs() < 0.02, "busy, held back or waiting: {sum} of the time");
    assert!(flight.slowed_by.governor_share > flight.slowed_by.starved_share, "{:?}", flight.slowed_by);
}

#[test]
fn a_flight_across_a_suspend_is_invalid() {
    let flown = fly(Policy::Predictive, Fault::None, Some(40));
    let mut entries = entries(&flown);
    let slept = Entry { event: Event::Suspended { slept_s: Seconds(600.0) }, ..entries[3].clone() };
    entries.insert(entries.len() - 2, slept);
    let result = FlightResult::from_journal(&entries).expect("a journal");
    let awake = result
        .verdict
        .constraints
        .iter()
        .find(|constraint| constraint.name == ConstraintName::Awake)
        .expect("it is judged");
    assert!(!awake.satisfied && awake.detail.contains("600 s"), "{}", awake.detail);
    assert_eq!(result.verdict.class, Class::Invalid, "nobody knows what was drawn");
}

#[test]
fn a_meter_that_comes_back_with_its_counter_has_lost_nothing() {
    let flown = fly(Policy::Predictive, Fault::MeterLostBetween(Seconds(2.2), Seconds(2.6)), None);
    let flight = flown.result.flight.as_ref().expect("it flew");
    assert!(flight.counted_share < 1.0, "the loss shows in the ticks: {}", flight.counted_share);
    let energy = flight.energy.value_j.expect("the counter went on");
    let mean = energy.0 / flight.duration_s.0;
    assert!(mean > 2.0 && mean < 10.5, "between idle and full power: {mean} W");
    assert_eq!(flight.energy.coverage_share, Some(1.0), "a counter has no gap");
}

#[test]
fn a_measurement_whose_uncertainty_nobody_states_is_not_ranked() {
    let flown = fly(Policy::Predictive, Fault::None, Some(40));
    let result = |band: Option<f64>| {
        let mut entries = entries(&flown);
        for entry in &mut entries {
            if let Event::Conditions(conditions) = &mut entry.event {
                let known = conditions.source.clone();
                let (provenance, boundary) = (Provenance::ExternalMeter, Boundary::Wall);
                conditions.source = Source { provenance, boundary, relative_uncertainty: band, ..known };
            }
        }
        FlightResult::from_journal(&entries).expect("a journal")
    };
    let (bare, banded) = (result(None), result(Some(0.01)));
    let energy = &bare.flight.as_ref().expect("it flew").energy;
    assert!(energy.value_j.is_some() && energy.low_j.is_none(), "measured, without bounds: {energy:?}");
    let reasons = bare.verdict.unranked_because.join("; ");
    assert!(!bare.verdict.ranked && reasons.contains("nobody states the uncertainty of"), "the reason: {reasons}");
    assert!(summary(&bare).contains("its band is not stated"), "and on the page");
    assert!(banded.verdict.unranked_because.is_empty(), "with a band: {:?}", banded.verdict.unranked_because);
}
