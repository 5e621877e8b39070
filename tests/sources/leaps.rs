//! An Intel board (Arc B570) whose counter says what cannot be: a reading beyond its limits, and a leap.

use crate::machine::Machine;

const FOLDER: &str = "class/hwmon/hwmon1";
const NAME: &str = "xe:0000:03:00.0";

/// The board, limited to 328 W, at 60 W with `extra` joules from the second `at` on.
fn b570(at: f64, extra: f64) -> Machine {
    let mut machine = Machine::new();
    machine.files(
        FOLDER,
        &[
            ("name", "xe"),
            ("energy1_label", "card"),
            ("power1_crit", "328000000"),
            ("power1_max", "150000000"),
            ("device/vendor", "0x8086"),
            ("device/uevent", "DRIVER=xe\nPCI_SLOT_NAME=0000:03:00.0\n"),
        ],
    );
    machine.run(&[&format!("{FOLDER}/energy1_input")], move |seconds, _| {
        let leapt = if seconds >= at { extra * 1e6 } else { 0.0 };
        format!("{:.0}\n", 1e9 + seconds * 60e6 + leapt)
    });
    machine
}

#[test]
fn the_critical_limit_is_the_rating() {
    let found = b570(f64::INFINITY, 0.0).doctor();
    assert!((found.number(NAME, "rated_w") - 328.0).abs() < 1e-9, "{}", found.line(NAME));
}

#[test]
fn a_leap_of_the_counter_is_implausible_and_ends_its_total() {
    // While the flight runs: the trial is over within two seconds.
    let flown = b570(5.0, 7_700.0).flown(NAME);
    let drawn = flown.drawn();
    assert!(drawn["energy_j"].is_null(), "no energy is made of a leap of 7.7 kJ: {drawn}");
    assert_eq!(drawn["no_data"], "implausible", "and no reset is told where none was: {drawn}");
    let highest = flown.highest_w();
    assert!(highest.is_none_or(|highest| highest < 492.0), "nor is it a power: {highest:?} W");
}

#[test]
fn one_reading_of_4344_watts_is_no_power_and_its_joules_are_not_counted() {
    // 4344 W over a tenth of a second.
    let flown = b570(5.0, 434.4).flown(NAME);
    let highest = flown.highest_w();
    assert!(highest.is_none_or(|highest| highest < 492.0), "328 W and half as much again: {highest:?} W");
    let drawn = flown.drawn();
    let mean = drawn["energy_j"].as_f64().map(|energy| energy / drawn["window_s"].as_f64().expect("a length"));
    assert!(mean.is_none_or(|mean| mean < 66.0), "60 W, or a cause: {drawn}");
    assert!(mean.is_some() || drawn["no_data"] == "implausible", "which is named: {drawn}");
}
