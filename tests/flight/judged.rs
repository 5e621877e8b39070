//! How a flight is judged: by what was counted, at the upper end of the meter's band, and against what was assumed.

use crate::standins::Fault;
use crate::{Flown, fly};
use dawndusk::governor::{Assumption, Broken, LimitedBy, Policy};
use dawndusk::journal::{self, Arrival, Entry, Event};
use dawndusk::reading::{Basis, EnergyWindow};
use dawndusk::report::{Apart, ConstraintName, FlightResult, Record, summary, verify};
use dawndusk::units::{Joules, Seconds};

fn entries(flown: &Flown) -> Vec<Entry> {
    journal::read(&flown.directory.journal()).expect("the journal is whole")
}

/// The result of the same journal with its events changed.
fn changed(entries: &[Entry], change: impl Fn(&mut Event)) -> FlightResult {
    let mut entries = entries.to_vec();
    entries.iter_mut().for_each(|entry| change(&mut entry.event));
    FlightResult::from_journal(&entries).expect("a journal")
}

fn envelope(result: &FlightResult) -> String {
    let found = result.verdict.constraints.iter().find(|constraint| constraint.name == ConstraintName::Envelope);
    found.expect("it is judged").detail.clone()
}

#[test]
fn energy_windows_touch_from_departure_to_the_last_tick() {
    let flown = fly(Policy::Predictive, Fault::None, Some(60));
    let entries = entries(&flown);
    let record = Record::from_entries(&entries).expect("a journal");
    let mut now = Seconds::ZERO;
    for window in &record.energy {
        assert_eq!(window.from_s, now, "no gap and no overlap: {window:?}");
        assert!(window.span() > Seconds::ZERO && window.energy_j >= Joules::ZERO, "{window:?}");
        now = window.to_s;
    }
    let last = record.ticks.last().expect("ticks");
    assert!(last.confirmed_s <= now && last.confirmed_s <= last.flight_s, "{last:?} and windows until {now}");
    let sum: f64 = record.energy.iter().map(|window| window.energy_j.0).sum();
    let drawn = record.arrival.expect("it arrived").drawn.energy_j.expect("it was counted").0;
    assert!((sum / drawn - 1.0).abs() < 0.05, "each joule once: {sum} J moved it, {drawn} J were drawn");
}

#[test]
fn a_journal_whose_spacecraft_does_not_follow_from_its_energies_is_found_out() {
    let flown = fly(Policy::Predictive, Fault::None, None);
    let entries = entries(&flown);
    let apart = |change: &dyn Fn(&mut Event)| changed(&entries, change).flight.expect("it flew").scored.replay.apart;
    assert_eq!(apart(&|_| {}), None, "as it was written");
    let more = |event: &mut Event| {
        if let Event::Energy(window) = event {
            window.energy_j = window.energy_j * 1.2;
        }
    };
    assert_eq!(apart(&more), Some(Apart::State), "a fifth more energy");
    let hole = |event: &mut Event| {
        if let Event::Energy(window) = event
            && window.from_s > Seconds(1.0)
        {
            window.from_s += Seconds(1e-4);
        }
    };
    assert_eq!(apart(&hole), Some(Apart::Energy), "windows that do not touch");
    let hidden = |event: &mut Event| {
        if let Event::Arrived(Arrival { breaches, .. }) = event {
            breaches.charge.time_s = Seconds(60.0);
        }
    };
    assert_eq!(apart(&hidden), Some(Apart::Breaches), "breaches that nothing broke");
}

#[test]
fn the_upper_end_of_the_band_is_flown_where_it_is_stated_and_not_known_elsewhere() {
    let flown = fly(Policy::Predictive, Fault::None, None);
    let band = flown.result.flight.as_ref().expect("it flew").envelope_at_upper_band;
    assert_eq!((band.held, band.breaches), (None, None), "a model has no band");
    assert!(flown.result.verdict.envelope_at_upper_band.contains("not known"), "and the verdict says so");
    let entries = entries(&flown);
    let with = |gain: f64| {
        changed(&entries, |event| {
            if let Event::Energy(EnergyWindow { energy_j, high_j, basis: Basis::Counted, .. }) = event {
                *high_j = Some(*energy_j * gain);
            }
        })
    };
    let held = |result: &FlightResult| result.flight.as_ref().expect("it flew").envelope_at_upper_band.held;
    assert_eq!(held(&with(1.0)), Some(true), "what was counted broke nothing");
    let wrong = with(3.0);
    assert_eq!(held(&wrong), Some(false), "three times as much is too much");
    assert!(!wrong.verdict.envelope_violated, "that is no breach as counted");
    let page = summary(&wrong);
    assert!(page.contains("as counted, every limit was held") && page.contains("would not have held"), "{page}");
}

#[test]
fn a_breach_names_the_assumption_that_did_not_hold_or_asks_for_a_report() {
    let flown = fly(Policy::Predictive, Fault::None, Some(40));
    let mut entries = entries(&flown);
    // A busy machine breaks some by itself.
    entries.retain(|entry| !matches!(entry.event, Event::Broken(_)));
    let breach = |event: &mut Event| {
        if let Event::Arrived(Arrival { breaches, .. }) = event {
            breaches.charge.time_s = Seconds(60.0);
        }
    };
    let unexplained = changed(&entries, breach);
    assert!(envelope(&unexplained).contains("report this as a fault of dawndusk"), "{}", envelope(&unexplained));
    let mut explained = entries.clone();
    for (seen, at) in [(1.4, 0.5), (1.6, 0.7)] {
        let broken = Broken { assumption: Assumption::ItemCost, assumed: 1.25, seen, at_s: Seconds(at) };
        explained.insert(explained.len() - 4, Entry { event: Event::Broken(broken), ..entries[3].clone() });
    }
    let explained = changed(&explained, breach);
    assert!(envelope(&explained).contains("item_cost 1.25 BROKEN: 1.6"), "{}", envelope(&explained));
    let row = explained.assumptions.iter().find(|row| row.assumption == Assumption::ItemCost).expect("in the table");
    assert_eq!((row.held, row.worst_seen, row.first_broken_at_s), (false, Some(1.6), Some(Seconds(0.5))), "{row:?}");
    assert_eq!(explained.assumptions.len(), Assumption::ALL.len(), "the whole table");
    let page = summary(&explained);
    assert!(page.contains("BROKEN: 1.6000 at 0.7 s, first at 0.5 s") && page.contains("silence 3 held"), "{page}");
}

#[test]
fn what_held_work_back_is_told_as_shares_of_the_time() {
    let flown = fly(Policy::Predictive, Fault::None, Some(60));
    let entries = entries(&flown);
    let half = |event: &mut Event| {
        if let Event::Tick(tick) = event {
            tick.limited_by = (tick.flight_s > Seconds(0.2)).then_some(LimitedBy::Energy);
        }
    };
    let result = changed(&entries, half);
    let flight = result.flight.as_ref().expect("it flew");
    let shares = &flight.limited_by_share.0;
    let sum: f64 = shares.iter().map(|(_, share)| share).sum();
    assert!((sum - 1.0).abs() < 1e-9, "of all the time: {shares:?}");
    let free = shares.iter().find(|(limit, _)| limit.is_none()).expect("it ran free at first").1;
    assert!((free - 0.2 / flight.duration_s.0).abs() < 0.1, "the first 0.2 s: {free}");
    let document = serde_json::to_value(flight).expect("JSON");
    assert!(document["limited_by_share"]["free"].is_f64(), "by name: {}", document["limited_by_share"]);
}

#[test]
fn verify_names_the_figure_that_differs_and_by_how_much() {
    let flown = fly(Policy::Predictive, Fault::None, None);
    let path = flown.directory.path().join("result.json");
    let text = std::fs::read_to_string(&path).expect("the page is there");
    let mut document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let upper = document["flight"]["oracle"]["upper_s"].as_f64().expect("an oracle");
    document["flight"]["oracle"]["upper_s"] = (upper * (1.0 + 1e-8)).into();
    std::fs::write(&path, document.to_string()).expect("it can be written");
    let wrong = verify(&flown.directory).expect("it can be checked").disagreements;
    assert!(wrong.len() == 1 && wrong[0].contains("SHA-256"), "the hash alone, for a solver's rounding: {wrong:?}");
    document["flight"]["work_s"] = 1000.0.into();
    std::fs::write(&path, document.to_string()).expect("it can be written");
    let wrong = verify(&flown.directory).expect("it can be checked").disagreements.join("; ");
    assert!(wrong.contains("/flight/work_s is 1000.0, and the journal gives") && wrong.contains("apart"), "{wrong}");
}
