//! What a meter wrote for itself, read afterwards.

use dawndusk::meter::Drawn;
use dawndusk::meter::meter_file::{Choices, MeterFile, PowerUnit};
use dawndusk::meter::replay::windows;
use dawndusk::reading::{Boundary, NoData, Provenance, Sensing, Source};
use dawndusk::units::{Joules, Seconds};

/// A file whose powers are in watts.
fn parse(text: &str) -> Result<MeterFile, String> {
    MeterFile::parse(text, &Choices { unit: PowerUnit::named("W"), ..Choices::default() })
}

fn parsed(text: &str) -> MeterFile {
    parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn source(file: &MeterFile, band: Option<f64>) -> Source {
    Source {
        name: "file:0".into(),
        provenance: Provenance::ExternalMeter,
        boundary: Boundary::Wall,
        method: "a file".into(),
        update_period_s: file.period(),
        relative_uncertainty: band,
        rated_w: None,
        sensing: Sensing::default(),
    }
}

fn drawn(file: &MeterFile, begin: f64, end: f64) -> Drawn {
    windows(file, source(file, Some(0.02)), &[(Seconds(begin), Seconds(end))], &[])[0]
}

fn energy(file: &MeterFile, begin: f64, end: f64) -> f64 {
    let drawn = drawn(file, begin, end);
    drawn.energy_j.unwrap_or_else(|| panic!("{drawn:?}")).0
}

#[test]
fn a_steady_power_is_integrated_between_its_samples_and_windows_that_touch_add_up() {
    let file = parsed(&(0..100).map(|s| format!("{s},50\n")).collect::<String>());
    assert!((energy(&file, 10.3, 70.8) - 50.0 * 60.5).abs() < 1e-9, "ends between samples");
    let edges = [3.0, 10.5, 20.25, 60.0].map(Seconds);
    let parts = [(edges[0], edges[1]), (edges[1], edges[2]), (edges[2], edges[3]), (edges[0], edges[3])];
    let found: Vec<f64> =
        windows(&file, source(&file, None), &parts, &[0]).iter().map(|drawn| drawn.energy_j.expect("seen").0).collect();
    assert!((found[..3].iter().sum::<f64>() - found[3]).abs() < 1e-9, "in any order of windows: {found:?}");
}

#[test]
fn a_ramp_is_within_its_bounds_whether_samples_are_instants_or_means() {
    // A watt more each second; written as it is, and as the mean of the second before.
    for late in [0.0, 0.5] {
        let file = parsed(&(0..60).map(|s| format!("{s},{}\n", 100.0 + f64::from(s) - late)).collect::<String>());
        let drawn = drawn(&file, 10.0, 50.0);
        let (low, high) = drawn.bounds(&source(&file, Some(0.001))).expect("a band");
        let truth = Joules(100.0 * 40.0 + (50.0 * 50.0 - 10.0 * 10.0) / 2.0);
        assert!(low <= truth && truth <= high, "{truth} from {low} to {high}");
        assert!(high - low < truth * 0.02, "and not much wider than that: {low} to {high}");
    }
}

#[test]
fn a_ramp_of_means_is_integrated_exactly() {
    let file = parsed(&(0..60).map(|s| format!("{s},{}\n", 99.5 + f64::from(s))).collect::<String>());
    let (found, truth) = (energy(&file, 10.0, 50.0), 100.0 * 40.0 + (50.0 * 50.0 - 10.0 * 10.0) / 2.0);
    assert!((found - truth).abs() < 1e-6, "each sample is the mean of the second before it: {found} J, not {truth} J");
}

#[test]
fn columns_are_found_by_name_and_times_may_be_instants() {
    let line = |second: &str| format!("230;50;2026-11-22T10:00:{second}Z\n");
    let file = parsed(&format!("volts;watts;timestamp\n{}", ["00", "02.5", "05", "07.5"].map(line).concat()));
    assert!(file.is_wall_clock && file.what.contains("`watts` in W"), "instants");
    let file = file.shifted(Seconds(-1_795_341_600.0));
    assert!((energy(&file, 0.0, 7.5) - 375.0).abs() < 1e-6, "50 W for 7.5 s");
    let quoted = parsed("\"note\",\"power\",\"time\"\n\"a;b, c\",\"50\",\"0\"\n\"\",\"50\",\"1\"\n");
    assert_eq!(quoted.samples(), 2, "a quoted field may hold a separator");
    assert!(parsed("1795341600.0,50\n1795341601.0,50\n").is_wall_clock, "numbers since 1970 are instants too");
    assert!(!parsed("0,50\n1,50\n").is_wall_clock, "small numbers are not");
}

#[test]
fn a_daemons_log_is_read_and_its_errors_are_dropped() {
    let log = "some banner\nTime,11-22-2026 10:00:00.000,Watts,100.0,Volts,230,Amps,0.4,PF,0.9,Mark,run\n\
               Time,11-22-2026 10:00:01.000,Watts,-1.0,Volts,-1\n11-22-2026 10:00:02.000,Watts,200.0,Volts,230\n\
               Time,11-22-2026 10:00:03.000,Temp,21.5\n";
    let file = parsed(log);
    assert!(file.what == "the log of PTDaemon" && file.is_wall_clock, "PTDaemon's, by the clock");
    assert_eq!(
        (file.samples(), file.lost()),
        (2, &[3][..]),
        "an error of the analyser is no power, a temperature neither"
    );
}

#[test]
fn a_window_that_was_not_seen_has_no_energy() {
    let file = parsed("0,10\n1,10\n2,10\n30,10\n31,10\n32,10\n33,10\n");
    let gap = drawn(&file, 0.0, 32.0);
    assert_eq!((gap.energy_j, gap.no_data), (None, Some(NoData::Gap)), "28 s were not seen, and are not bridged");
    assert_eq!(gap.gap_s, Seconds(28.0), "and it says how much");
    for (begin, end, what) in
        [(-20.0, -10.0, "before"), (-1.0, 2.0, "from before"), (0.0, 15.0, "into the gap"), (31.0, 60.0, "beyond")]
    {
        let unseen = drawn(&file, begin, end);
        assert_eq!((unseen.energy_j, unseen.no_data), (None, Some(NoData::Gap)), "{what}: none of it, not 0 J");
    }
    let bridged = parsed(&(0..100).filter(|s| !(50..=52).contains(s)).map(|s| format!("{s},10\n")).collect::<String>());
    assert!((energy(&bridged, 0.0, 99.0) - 990.0).abs() < 1e-9, "three late samples are no gap");
}

#[test]
fn a_gap_inside_is_filled_with_the_mean_and_is_inside_the_bounds() {
    // The same load as in the gap was seen at another time: what was never seen cannot be bounded.
    let power = |s: i32| if (40..50).contains(&s) || (100..150).contains(&s) { 30.0 } else { 10.0 };
    let text = |seen: fn(i32) -> bool| -> String {
        (0..400).filter(|s| seen(*s)).map(|s| format!("{s},{}\n", power(s))).collect()
    };
    let (whole, holed) = (parsed(&text(|_| true)), parsed(&text(|s| !(40..50).contains(&s))));
    let (all, some) = (drawn(&whole, 0.0, 399.0), drawn(&holed, 0.0, 399.0));
    let truth = all.energy_j.expect("seen");
    let known = source(&holed, Some(0.01));
    let (low, high) = some.bounds(&known).expect("a band");
    assert!(low <= truth && truth <= high, "what happened in the gap: {truth} from {low} to {high}");
    let (tight, wide) = (all.bounds(&known).expect("a band"), (low, high));
    assert!(wide.1 - wide.0 > tight.1 - tight.0 + Joules(50.0), "a gap widens the bounds: {tight:?}, {wide:?}");
    assert!(some.coverage().is_some_and(|share| (share - (1.0 - 11.0 / 399.0)).abs() < 1e-9), "{some:?}");
    assert_eq!(some.bounds(&source(&holed, None)), None, "without a band there are none");
}

#[test]
fn a_file_that_is_none_says_which_line() {
    for (text, fragment) in [
        ("", "two powers"),
        ("0,5\n", "two powers"),
        ("0,5\n0,6\n", "line 2"),
        ("1,5\n0,6\n", "line 2"),
        ("hello\nworld\n", "line 1"),
        ("never,5\n0,5\n", "line 1"),
        ("0,5\n2026-11-22T10:00:00Z,5\n", "line 2"),
        ("0\n1\n", "line 1"),
    ] {
        let error = parse(text).expect_err("it is no meter's file");
        assert!(error.contains(fragment), "{text:?} must name {fragment}: {error}");
    }
    assert_eq!(parsed("0,5\n1,nan\n2,-4\n3,5\n").lost(), [2, 3], "powers that cannot be are dropped and counted");
}
