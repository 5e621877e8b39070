//! A meter's own file, merged after the flight.

use crate::flown::{BUSY_W, Copied, copied, number, phase, steady};
use jiff::Timestamp;
use serde_json::Value;

const POWER: f64 = 66.0;
const NO_HOLE: (f64, f64) = (0.0, 0.0);

fn seconds(phase: &Value) -> f64 {
    number(phase, "/window_s")
}

#[test]
fn a_csv_file_gives_an_energy_with_bounds_to_every_phase_and_stands_beside_the_flights_own() {
    let copy = copied();
    let own = number(&copy.result(), "/flight/energy/value_j");
    let file = copy.file("plug.csv", steady(POWER, 20, NO_HOLE));
    let result = copy.report(&["--meter-file", &file, "--meter-band", "2", "--meter-boundary", "wall"]);
    for name in ["idle", "unconstrained", "flight", "idle_after", "whole"] {
        let phase = phase(&result, 0, name);
        let energy = &phase["energy"];
        let value = number(energy, "/value_j");
        assert!((value / (POWER * seconds(phase)) - 1.0).abs() < 1e-6, "{name}: {value} J of 66 W");
        let (low, high) = (number(energy, "/low_j"), number(energy, "/high_j"));
        assert!(low < value * 0.981 && value * 1.019 < high, "{name}: the band at least, {low} to {high} J");
        assert_eq!((&energy["kind"], &energy["boundary"]), (&"measured".into(), &"wall".into()), "{name}: {energy}");
    }
    let of_flight = phase(&result, 0, "flight");
    let (low, high) = (number(of_flight, "/energy/low_j"), number(of_flight, "/energy/high_j"));
    assert!((high - low) / 2.0 < 0.035 * number(of_flight, "/energy/value_j"), "and not much more: {low} to {high} J");
    assert_eq!(phase(&result, 0, "unconstrained")["workload"], "fma", "by name");
    assert_eq!(number(&result, "/flight/energy/value_j"), own, "the flight's own energy stays what it was");
    for place in ["/flight", "/unconstrained/0"] {
        let beside = result.pointer(place).expect("it is there")["energy"]["beside"].clone();
        let merged = &beside[1];
        assert!(merged["source"].as_str().is_some_and(|source| source.starts_with("file:0")), "{place}: {beside}");
        assert!(merged["disagreement_share"].is_f64(), "{place}: it is set against the flight's own: {merged}");
    }
    let share = number(&result, "/flight/energy/beside/1/disagreement_share");
    assert!((share - 2.0 * (POWER - BUSY_W) / (POWER + BUSY_W)).abs() < 0.02, "66 W and 60 W: {share}");
    assert!(result["verdict"]["notes"].to_string().contains("by file:0 differ"), "over 5 %: {}", result["verdict"]);
    let page = copy.summary();
    assert!(page.contains("plug.csv (the whole machine; within 2.00 %, k = 2; offset 0.000 s)"), "{page}");
    copy.is_sound();
}

/// PTDaemon's log, in the local time of a machine two hours east.
fn log(copy: &Copied) -> String {
    let began: Timestamp = copy.result()["test_time"].as_str().expect("an instant").parse().expect("as it is written");
    let mut text = "PTDaemon 1.10.0 log\n".to_owned();
    for line in -30..600 {
        let at = began + jiff::SignedDuration::from_millis(line * 100 + 2 * 3_600_000);
        let at = at.strftime("%m-%d-%Y %H:%M:%S%.3f");
        text.push_str(&format!("Time,{at},Watts,{POWER:.3},Volts,230.1,Amps,0.3,PF,0.98,Mark,run\n"));
    }
    text
}

#[test]
fn an_analysers_log_in_local_time_is_put_right_by_its_offset_and_what_is_not_stated_is_not_invented() {
    let copy = copied();
    let file = copy.file("spl.txt", log(&copy));
    let early = copy.command("report", &["--meter-file", &file]);
    assert_eq!(early.status.code(), Some(2), "two hours off is another time");
    let result = copy.report(&["--meter-file", &file, "--meter-offset", "-7200"]);
    let merged = &result["meter_files"][0];
    let is_silent = merged["boundary"] == "not_stated" && merged["relative_uncertainty"].is_null();
    assert!(is_silent, "not stated, and in one word everywhere: {merged}");
    let flight = phase(&result, 0, "flight");
    let energy = &flight["energy"];
    assert!((number(energy, "/value_j") / (POWER * seconds(flight)) - 1.0).abs() < 1e-6, "66 W: {flight}");
    assert!(energy["low_j"].is_null() && energy["high_j"].is_null(), "no band, no bounds: {energy}");
    assert_eq!(energy["boundary"], "not_stated", "{energy}");
    let other = &result["flight"]["energy"]["beside"][1];
    assert!(other["disagreement_share"].is_null(), "it cannot be set against another: {other}");
    assert!(
        copy.summary().contains("spl.txt (boundary not stated; band not stated; offset -7200.000 s)"),
        "{}",
        copy.summary()
    );
    copy.is_sound();
}

#[test]
fn a_gap_widens_the_bounds_and_a_long_one_leaves_no_energy() {
    let width = |hole: (f64, f64)| {
        let copy = copied();
        let file = copy.file("plug.csv", steady(POWER, 20, hole));
        let result = copy.report(&["--meter-file", &file, "--meter-band", "1", "--meter-boundary", "wall"]);
        copy.is_sound();
        (phase(&result, 0, "flight").clone(), copy.summary())
    };
    let (whole, _) = width(NO_HOLE);
    let begin = number(&whole, "/begin_s") + 3.0;
    let (holed, page) = width((begin, begin + 0.35));
    let spread = |phase: &Value| number(phase, "/energy/high_j") - number(phase, "/energy/low_j");
    let value = number(&holed, "/energy/value_j");
    assert!(
        (value / (POWER * seconds(&holed)) - 1.0).abs() < 1e-6,
        "the mean stands in for what was not seen: {holed}"
    );
    assert!(spread(&holed) > spread(&whole) + 10.0, "{} J wide with a gap, {} without", spread(&holed), spread(&whole));
    let share = number(&holed, "/energy/coverage_share");
    assert!((0.95..0.98).contains(&share) && page.contains("% seen"), "and it says so: {share}, {page}");
    let (lost, page) = width((begin, begin + 4.0));
    assert!(lost["energy"]["value_j"].is_null(), "four seconds of ten are too many: {lost}");
    assert_eq!((&lost["no_data"], &lost["energy"]["kind"]), (&"gap".into(), &"unmeasured".into()), "{lost}");
    assert!(page.contains("flight no energy (too much of the time was not seen)"), "{page}");
}

#[test]
fn a_file_that_is_merged_again_replaces_itself_and_another_one_stands_beside_it() {
    let copy = copied();
    let one = copy.file("one.csv", steady(POWER, 20, NO_HOLE));
    let two = copy.file("two.csv", steady(2.0 * POWER, 20, NO_HOLE));
    copy.report(&["--meter-file", &one]);
    let before = crate::flown::files(&copy.directory);
    let again = copy.command("report", &["--meter-file", &one]);
    assert_eq!(again.status.code(), Some(2), "the same in every word");
    assert!(crate::flown::said(&again).contains("merged already"), "{}", crate::flown::said(&again));
    assert_eq!(crate::flown::files(&copy.directory), before, "and nothing was touched");
    let result = copy.report(&["--meter-file", &two, "--meter-boundary", "wall"]);
    assert_eq!(result["meter_files"].as_array().map(Vec::len), Some(2), "two files");
    assert_eq!(result["flight"]["energy"]["beside"].as_array().map(Vec::len), Some(3), "beside the second recording");
    let result = copy.report(&["--meter-file", &one, "--meter-offset", "0.5", "--meter-band", "3"]);
    let files = result["meter_files"].as_array().expect("a list");
    assert_eq!(files.len(), 2, "the first one again, with what is known of it now");
    assert_eq!((&files[0]["file"], &files[0]["relative_uncertainty"]), (&"one.csv".into(), &0.03.into()), "{files:#?}");
    let sources = result["flight"]["energy"]["beside"].to_string();
    assert!(sources.contains("file:0:") && sources.contains("file:1:") && !sources.contains("file:2:"), "{sources}");
    copy.is_sound();
}
