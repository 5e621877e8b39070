//! What a meter wrote for itself, read afterwards.

use dawndusk::meter::meter_file::MeterFile;
use dawndusk::reading::NoData;
use dawndusk::units::{Joules, Seconds};

fn parsed(text: &str) -> MeterFile {
    MeterFile::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn energy(file: &MeterFile, begin: f64, end: f64) -> f64 {
    file.energy(Seconds(begin), Seconds(end), 0.02).energy.unwrap_or_else(|cause| panic!("{cause}")).0
}

#[test]
fn a_ramp_is_integrated_with_its_ends_in_between() {
    let file = parsed("t_s,power_w\n0,0\n1,10\n2,20\n3,30\n4,40\n");
    assert!((energy(&file, 0.0, 4.0) - 80.0).abs() < 1e-9, "all of it");
    assert!((energy(&file, 0.5, 2.5) - 30.0).abs() < 1e-9, "from 5 W to 25 W in 2 s");
    let window = file.energy(Seconds(0.0), Seconds(4.0), 0.02);
    let (low, high) = window.bounds.expect("it has bounds");
    assert!(low < Joules(80.0) && high > Joules(80.0), "on both sides: {low} to {high}");
    assert!((window.coverage - 1.0).abs() < 1e-12, "all of it was seen");
}

#[test]
fn columns_are_found_by_name_and_times_may_be_instants() {
    let file = parsed("volts;watts;timestamp\n230;50;2026-11-22T10:00:00Z\n230;50;2026-11-22T10:00:02.5Z\n");
    assert!(file.is_wall_clock && !file.is_spl, "instants");
    let file = file.shifted(Seconds(-1_795_341_600.0));
    assert!((energy(&file, 0.0, 2.5) - 125.0).abs() < 1e-6, "50 W for 2.5 s");
    assert!(parsed("1795341600.0,50\n1795341601.0,50\n").is_wall_clock, "numbers since 1970 are instants too");
    assert!(!parsed("0,50\n1,50\n").is_wall_clock, "small numbers are not");
}

#[test]
fn a_daemons_log_is_read_and_its_errors_are_dropped() {
    let log = "some banner\nTime,11-22-2026 10:00:00.000,Watts,100.0,Volts,230,Amps,0.4,PF,0.9,Mark,run\n\
               Time,11-22-2026 10:00:01.000,Watts,-1.0,Volts,-1\n11-22-2026 10:00:02.000,Watts,200.0,Volts,230\n\
               Time,11-22-2026 10:00:03.000,Temp,21.5\n";
    let file = parsed(log);
    assert!(file.is_spl && file.is_wall_clock, "PTDaemon's, by the clock");
    assert_eq!((file.samples(), file.dropped), (2, 1), "an error of the analyser is no power, a temperature neither");
}

#[test]
fn a_window_that_was_not_seen_has_no_energy() {
    let file = parsed("0,10\n1,10\n2,10\n30,10\n31,10\n32,10\n");
    let gap = file.energy(Seconds(0.0), Seconds(32.0), 0.02);
    assert_eq!((gap.energy, gap.bounds), (Err(NoData::Gap), None), "28 s were not seen, and are not bridged");
    assert!((gap.coverage - 4.0 / 32.0).abs() < 1e-12, "and it says how much was: {}", gap.coverage);
    let before = file.energy(Seconds(-20.0), Seconds(-10.0), 0.02);
    assert_eq!((before.energy, before.samples), (Err(NoData::NotSupported), 0), "none of it, not 0 J");
    let hidden = parsed(&(0..100).filter(|s| !(50..=52).contains(s)).map(|s| format!("{s},10\n")).collect::<String>());
    let window = hidden.energy(Seconds(0.0), Seconds(99.0), 0.0);
    assert!((window.energy.expect("bridged").0 - 990.0).abs() < 1e-9, "four late samples are no gap");
}

#[test]
fn a_file_that_is_none_says_which_line() {
    for (text, fragment) in [
        ("", "two powers"),
        ("0,5\n", "two powers"),
        ("0,5\n0,6\n", "line 2"),
        ("1,5\n0,6\n", "line 2"),
        ("hello\nworld\n", "line 1"),
        ("0,5\nnever,5\n", "line 2"),
        ("0,5\n2026-11-22T10:00:00Z,5\n", "line 2"),
        ("0\n1\n", "line 1"),
    ] {
        let error = MeterFile::parse(text).expect_err("it is no meter's file");
        assert!(error.contains(fragment), "{text:?} must name {fragment}: {error}");
    }
    assert_eq!(parsed("0,5\n1,nan\n2,-4\n3,5\n").dropped, 2, "powers that cannot be are dropped and counted");
}
