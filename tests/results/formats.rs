//! Files as loggers really write them, through `report --meter-file`: the right energy, or a refusal that names the way out.

use crate::flown::{Copied, copied, files, number, phase, said};
use jiff::{SignedDuration, Timestamp};

/// Lines a second, from a second before the flight on, and for how long.
const RATE: i64 = 10;
const LINES: std::ops::Range<i64> = -RATE..60 * RATE;

/// A file of `titles` and a line for each time.
pub(crate) fn written(titles: &str, line: impl Fn(f64) -> String) -> String {
    let lines = LINES.map(|index| format!("{}\n", line(index as f64 / RATE as f64)));
    format!("{titles}\n{}", lines.collect::<String>())
}

/// The instant of the flight's clock, as `form` writes it.
pub(crate) fn instant(copy: &Copied, t: f64, form: &str) -> String {
    let began: Timestamp = copy.result()["test_time"].as_str().expect("an instant").parse().expect("as it is written");
    (began + SignedDuration::from_micros((t * 1e6).round() as i64)).strftime(form).to_string()
}

/// The mean power of the whole flight by `text`, and what the summary says.
fn watts(text: impl AsRef<[u8]>, words: &[&str]) -> (f64, String) {
    watts_of(&copied(), text, words)
}

pub(crate) fn watts_of(copy: &Copied, text: impl AsRef<[u8]>, words: &[&str]) -> (f64, String) {
    let file = copy.file("log.csv", text);
    let result = copy.report(&[&["--meter-file", file.as_str()], words].concat());
    copy.is_sound();
    let whole = phase(&result, 0, "whole");
    assert!(whole["energy"]["value_j"].is_f64(), "an energy: {whole}");
    (number(whole, "/energy/value_j") / number(whole, "/window_s"), copy.summary())
}

pub(crate) fn close(found: f64, wanted: f64) {
    assert!((found / wanted - 1.0).abs() < 1e-6, "{found} W, not {wanted} W");
}

/// `text` is refused with these words in the message, and nothing is touched.
pub(crate) fn refused(text: impl AsRef<[u8]>, words: &[&str], fragments: &[&str]) {
    let copy = copied();
    let file = copy.file("log.csv", text);
    let before = files(&copy.directory);
    let output = copy.command("report", &[&["--meter-file", file.as_str()], words].concat());
    assert_eq!(output.status.code(), Some(2), "bad input: {}", said(&output));
    for fragment in fragments {
        assert!(said(&output).contains(fragment), "it must say `{fragment}`: {}", said(&output));
    }
    assert!(files(&copy.directory) == before, "nothing is touched");
}

#[test]
fn decimal_commas_are_read_between_semicolons_and_in_quotes_and_refused_bare() {
    // Every fourth power has no decimals, as spreadsheets write them.
    let power = |t: f64| if (t * 10.0).round() as i64 % 4 == 0 { "52".to_owned() } else { "52,71".to_owned() };
    let time = |t: f64| format!("{t:.1}").replace('.', ",");
    let (found, _) = watts(written("t_s;power_w", |t| format!("{};{}", time(t), power(t))), &[]);
    assert!((found - (52.0 + 3.0 * 52.71) / 4.0).abs() < 0.01, "no line is dropped: {found}");
    let (found, _) = watts(written("t_s,power_w", |t| format!("\"{}\",\"52,71\"", time(t))), &[]);
    close(found, 52.71);
    refused(written("t_s,power_w", |t| format!("{},52,71", time(t))), &[], &["line 2", "decimal commas", "semicolons"]);
    let both = written("t_s;power_w", |t| if t < 10.0 { format!("{t:.1};52,71") } else { format!("{t:.1};52.71") });
    refused(both, &[], &["decimal point", "decimal comma", "--meter-decimal"]);
}

#[test]
fn thousands_in_quotes_are_thousands_and_what_may_be_either_is_asked_for() {
    let (found, _) = watts(written("t_s,power_w", |t| format!("{t:.1},\"1,200.5\"")), &[]);
    close(found, 1200.5);
    let (found, _) = watts(written("t_s,power_w", |t| format!("{t:.1},\"1,200\"")), &[]);
    close(found, 1200.0);
    let whole = |separator: &str| {
        written(&format!("t_ms{separator}power_w"), |t| format!("{:.0}{separator}\"1,200\"", 1e3 * t))
    };
    let copy = copied();
    let (found, _) = watts_of(&copy, whole(","), &[]);
    close(found, 1200.0);
    let method = copy.result()["meter_files"][0]["method"].to_string();
    assert!(method.contains("`1,200` read as 1200"), "what was taken for granted is told: {method}");
    refused(whole(";"), &[], &["`1,200` may be 1200 or 1.2", "--meter-decimal"]);
    close(watts(whole(";"), &["--meter-decimal", "point"]).0, 1200.0);
    close(watts(whole(";"), &["--meter-decimal", "comma"]).0, 1.2);
    refused(whole(";"), &["--meter-decimal", "dot"], &["--meter-decimal", "point, comma"]);
}

#[test]
fn a_power_without_a_unit_is_refused_and_the_flag_or_the_header_tells_it() {
    for (titles, value) in [("time,power", "57300"), ("time,power", "0.0573"), ("t_s,value", "57.3")] {
        let text = written(titles, |t| format!("{t:.1},{value}"));
        refused(text, &[], &["line 2", "no unit", "--meter-unit uW|mW|W|kW"]);
    }
    let bare: String = (0..600).map(|line| format!("{line},57300\n")).collect();
    refused(bare.clone(), &[], &["line 1", "no unit", "--meter-unit"]);
    close(watts(bare, &["--meter-unit", "mW", "--meter-offset", "-10"]).0, 57.3);
    for (unit, value) in [("mW", "57300"), ("kW", "0.0573"), ("uW", "57300000"), ("W", "57.3")] {
        close(watts(written("time,power", |t| format!("{t:.1},{value}")), &["--meter-unit", unit]).0, 57.3);
        close(watts(written(&format!("time (s),load [{unit}]"), |t| format!("{t:.1},{value}")), &[]).0, 57.3);
        close(watts(written("time,power", |t| format!("{t:.1},{value} {unit}")), &[]).0, 57.3);
    }
    close(watts(written("t_ms,power_mw", |t| format!("{:.0},57300", 1e3 * t)), &[]).0, 57.3);
    let named = written("time,power_mw", |t| format!("{t:.1},57300"));
    refused(named, &["--meter-unit", "W"], &["says mW", "--meter-unit W"]);
    refused("0,1\n1,1\n", &["--meter-unit", "MW"], &["--meter-unit", "uW, mW, W, kW"]);
}

/// What `nvidia-smi --query-gpu=timestamp,index,power.draw --format=csv -lms 100` writes for four boards.
fn four_boards(copy: &Copied, with_index: bool) -> String {
    let titles = if with_index { "timestamp, index, power.draw [W]" } else { "timestamp, power.draw [W]" };
    let line = |t: f64| {
        let board = |index: i32| {
            let at = instant(copy, t + 0.002 * f64::from(index), "%Y/%m/%d %H:%M:%S%.3f");
            let index_column = if with_index { format!(" {index},") } else { String::new() };
            format!("{at},{index_column} {}.00 W", 100 + 20 * index)
        };
        (0..4).map(board).collect::<Vec<_>>().join("\n")
    };
    written(titles, line)
}

#[test]
fn four_boards_in_one_file_are_added_or_chosen_and_never_their_mean() {
    let copy = copied();
    let text = four_boards(&copy, true);
    refused(&text, &[], &["4 boards, 0, 1, 2, 3", "--meter-board NAME", "--meter-board all"]);
    refused(&text, &["--meter-board", "7"], &["--meter-board `7`", "there are 0, 1, 2, 3"]);
    close(watts_of(&copy, &text, &["--meter-board", "all"]).0, 100.0 + 120.0 + 140.0 + 160.0);
    let method = copy.result()["meter_files"][0]["method"].to_string();
    assert!(method.contains("`power.draw [W]` in W, 4 added: 0, 1, 2, 3"), "it says so: {method}");
    let copy = copied();
    close(watts_of(&copy, four_boards(&copy, true), &["--meter-board", "2"]).0, 140.0);
    close(watts_of(&copied(), &text, &["--meter-board", "1", "--meter-board", "3"]).0, 280.0);
    refused(four_boards(&copied(), false), &[], &["4 at a time", "several boards", "index"]);
}

#[test]
fn a_board_without_a_power_for_a_while_leaves_the_sum_without_one() {
    let copy = copied();
    let whole = four_boards(&copy, true);
    let begin = LINES.count() / 3 * 4;
    let lines: Vec<String> = whole
        .lines()
        .enumerate()
        .map(|(index, line)| match (begin..begin + 4).contains(&index) && line.contains(", 2, ") {
            true => line.replace("140.00 W", "[N/A]"),
            false => line.to_owned(),
        })
        .collect();
    let place = lines.iter().position(|line| line.contains("[N/A]")).expect("one line") + 1;
    let (found, page) = watts_of(&copy, lines.join("\n"), &["--meter-board", "all"]);
    close(found, 520.0);
    assert!(page.contains(&format!("line {place} gives no power and is a gap")), "{page}");
}

#[test]
fn what_cannot_be_read_is_a_gap_with_its_number_or_a_refusal() {
    let lost = |value: &str| {
        let (found, page) =
            watts(written("t_s,power_w", |t| format!("{t:.1},{}", if t == 5.0 { value } else { "50" })), &[]);
        close(found, 50.0);
        assert!(page.contains("line 62 gives no power and is a gap"), "{value}: {page}");
        assert!(page.contains("% seen"), "{value}: {page}");
    };
    for value in ["[N/A]", "", "unavailable", "-1", "nan", "9e9"] {
        lost(value);
    }
    let torn = written("t_s,power_w,fan", |t| format!("{t:.1},50,3")) + "60.0,5";
    let (_, page) = watts(torn, &[]);
    assert!(page.contains("line 612 gives no power and is a gap"), "the logger was stopped in a line: {page}");
    let mostly = written("t_s,power_w", |t| format!("{t:.1},{}", if t < 1.0 { "50" } else { "off" }));
    refused(mostly, &[], &["line 22", "most lines"]);
    refused("0,50,1,2\n1,50,1,2\n2,50,1,2\n", &[], &["line 1", "4 columns", "names"]);
    refused("t_s,power_w\n0,5\n1,5\nnever,5\n2,5\n1,5\n", &[], &["line 6", "does not rise"]);
    refused("t_s,volts [V],amps [A]\n0,5,1\n1,5,1\n", &[], &["--meter-column", "`volts [V]`"]);
    refused("a,b\n1,2\n", &[], &["line"]);
}

#[test]
fn every_coding_and_separator_is_read() {
    let text = written("t_s,power_w", |t| format!("{t:.1},57.3"));
    let bytes = |order: fn(u16) -> [u8; 2], mark: &[u8]| {
        [mark, &text.encode_utf16().flat_map(order).collect::<Vec<u8>>()].concat()
    };
    close(watts(bytes(u16::to_le_bytes, &[0xff, 0xfe]), &[]).0, 57.3);
    close(watts(bytes(u16::to_be_bytes, &[0xfe, 0xff]), &[]).0, 57.3);
    close(watts(format!("\u{feff}{text}"), &[]).0, 57.3);
    close(watts(text.replace(',', "\t"), &[]).0, 57.3);
    close(watts(text.replace('\n', "\r\n"), &[]).0, 57.3);
    close(watts(format!("sep=;\n{}", text.replace(',', ";")), &[]).0, 57.3);
    refused([0xff, 0xfe, 0x30], &[], &["no text"]);
}
