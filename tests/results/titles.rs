//! What titles say of the numbers below them: a unit, a kind, a name. What they do not say is asked for, and what they deny is
//! refused.

use crate::flown::copied;
use crate::formats::{close, refused, watts_of, written};

/// A file of one power beside its times.
fn steady(titles: &str, value: &str) -> String {
    written(titles, |t| format!("{t:.1},{value}"))
}

#[test]
fn a_time_in_a_unit_that_nobody_knows_is_refused_and_the_usual_names_are_known() {
    for (title, each) in
        [("Time (msec)", 1e3), ("time (milliseconds)", 1e3), ("time [h]", 1.0 / 3600.0), ("elapsed_usec", 1e6)]
    {
        let text = written(&format!("{title},Power (W)"), |t| format!("{:.9},57.3", t * each));
        close(watts_of(&copied(), text, &[]).0, 57.3);
    }
    for unit in ["ticks", "frames", "W", "min:s"] {
        let text = steady(&format!("Time ({unit}),Power (W)"), "57.3");
        refused(text, &[], &["line 2", &format!("`{unit}`"), "no unit of time", "ns, us, ms, s, min, h and d"]);
    }
    let copy = copied();
    let instants = written("Time (UTC),Power (W)", |t| {
        format!("{},57.3", crate::formats::instant(&copy, t, "%Y-%m-%d %H:%M:%S%.3f"))
    });
    close(watts_of(&copy, instants, &[]).0, 57.3);
}

#[test]
fn a_column_whose_title_denies_that_it_is_a_power_is_none_whatever_is_said_of_it() {
    for (title, unit) in [
        ("energy_kwh", "kW"),
        ("Energy [Wh]", "W"),
        ("Voltage (V)", "W"),
        ("Apparent Power (VA)", "W"),
        ("power [MW]", "kW"),
        ("CPU Temp [C]", "W"),
    ] {
        let text = steady(&format!("time,{title}"), "57.3");
        refused(&text, &["--meter-unit", unit], &["line 1", "no column is known as a power", title]);
        let said = title.rsplit(['_', '[', '(']).next().expect("a unit").trim_end_matches([']', ')']);
        refused(&text, &["--meter-unit", unit, "--meter-column", title], &["line 1", title, &format!("says `{said}`")]);
    }
}

#[test]
fn a_column_whose_title_does_not_say_that_it_is_a_power_is_taken_only_by_its_name() {
    for title in ["temperature", "voltage", "pdu-a", "Load (CPU)", "power_state", "apparent_power"] {
        let text = steady(&format!("time,{title}"), "57.3");
        refused(&text, &["--meter-unit", "W"], &["line 1", "no column is known as a power", "--meter-column", title]);
        close(watts_of(&copied(), &text, &["--meter-unit", "W", "--meter-column", title]).0, 57.3);
    }
    let shown = steady("time,server 4", "57.3 W");
    close(watts_of(&copied(), shown, &[]).0, 57.3);
    let two = written("time,fan [W],power", |t| format!("{t:.1},3.0,57.3"));
    refused(&two, &["--meter-unit", "W"], &["2 columns of powers", "`fan [W]`, `power`"]);
}

#[test]
fn a_column_or_a_channel_that_is_named_twice_counts_once() {
    let text = steady("time,power_w", "100");
    close(watts_of(&copied(), &text, &["--meter-column", "power_w", "--meter-column", "POWER_W"]).0, 100.0);
    let copy = copied();
    let at = |t: f64| crate::formats::instant(&copy, t, "%m-%d-%Y %H:%M:%S%.3f");
    let line = |t: f64, mark: &str| {
        format!("Time,{},Watts,100.0,Volts,230,Mark,{mark},Ch1,Watts,60.0,Volts,230,Ch2,Watts,40.0,Volts,230", at(t))
    };
    let log = written("PTDaemon log", |t| line(t, "run"));
    close(watts_of(&copied(), &log, &["--meter-board", "Ch2", "--meter-board", "ch2"]).0, 40.0);
    close(watts_of(&copied(), &log, &["--meter-board", "Ch2", "--meter-board", "ch1"]).0, 100.0);
    let two = written("PTDaemon log", |t| format!("{}\n{}", line(t, "left"), line(t + 0.05, "right")));
    refused(&two, &["--meter-board", "Ch1"], &["--meter-board `Ch1`", "several analysers", "left, right"]);
}

#[test]
fn two_columns_of_one_title_are_refused_by_their_places() {
    let fragments = ["line 1", "columns 2 and 3 are both called `power_w`"];
    let text = written("time,power_w,power_w", |t| format!("{t:.1},57.3,42.7"));
    refused(&text, &[], &fragments);
    refused(&text, &["--meter-column", "power_w"], &fragments);
    let times = written("time,time,power_w", |t| format!("{t:.1},{t:.1},57.3"));
    refused(times, &[], &["columns 1 and 2 are both called `time`"]);
    let alike = written("time,Power,power", |t| format!("{t:.1},57.3,42.7"));
    refused(&alike, &["--meter-column", "POWER", "--meter-unit", "W"], &["may be any of `Power`, `power`"]);
    close(watts_of(&copied(), &alike, &["--meter-column", "Power", "--meter-unit", "W"]).0, 57.3);
}

#[test]
fn numbers_of_rows_are_no_boards() {
    let rows = written("index,time,power_w", |t| format!("{:.0},{t:.1},57.3", 10.0 * t));
    close(watts_of(&copied(), rows, &[]).0, 57.3);
    let both = written("index,time,gpu,power_w", |t| {
        let row = 20.0 * t;
        format!("{row:.0},{t:.1},a,57.3\n{:.0},{t:.1},b,42.7", row + 1.0)
    });
    refused(&both, &[], &["2 boards, a, b"]);
    close(watts_of(&copied(), &both, &["--meter-board", "all"]).0, 100.0);
}

#[test]
fn a_power_that_cannot_be_is_judged_in_a_file_as_in_flight() {
    refused(steady("time,power_w", "0"), &[], &["line 2", "most lines have none", "the value is implausible"]);
    refused(steady("time,power_w", "-57.3"), &[], &["line 2", "most lines have none", "the power is negative"]);
    let dips = |value: &str| written("t_s,power_w", |t| format!("{t:.1},{}", if t == 5.0 { value } else { "50" }));
    let (_, page) = watts_of(&copied(), dips("-50"), &[]);
    assert!(page.contains("line 62 gives no power and is a gap (the power is negative"), "{page}");
    let (found, page) = watts_of(&copied(), dips("0"), &[]);
    assert!(
        found < 50.0 && !page.contains("gives no power"),
        "it has shown power, so its zero counts: {found}: {page}"
    );
    let fed_back = written("time,left_w,right_w", |t| format!("{t:.1},-20,100"));
    let both = ["--meter-column", "left_w", "--meter-column", "right_w"];
    refused(fed_back, &both, &["most lines have none", "the power is negative"]);
}
