//! The rating is the most that a board or package can draw, not the limit that happens to be in force.

use crate::machine::Machine;

const LAPTOP: &[(&str, &str)] = &[
    ("constraint_0_name", "long_term"),
    ("constraint_0_power_limit_uw", "15000000"),
    ("constraint_0_max_power_uw", "15000000"),
    ("constraint_1_name", "short_term"),
    ("constraint_1_power_limit_uw", "64000000"),
    ("constraint_1_max_power_uw", "200000000"),
];

#[test]
fn a_laptops_package_is_rated_by_the_highest_of_its_limits() {
    let mut machine = Machine::new();
    machine.package(58.0, LAPTOP);
    let found = machine.doctor();
    assert!((found.number("rapl", "rated_w") - 200.0).abs() < 1e-9, "15 W, 64 W and 200 W: {}", found.line("rapl"));
    let power = found.number("rapl", "power_w");
    assert!(power > 30.0 && power < 90.0, "58 W is no error of a package whose long-term limit is 15 W: {power} W");
}

#[test]
fn an_amd_board_is_rated_by_the_most_that_can_be_set() {
    let machine = Machine::new();
    let limits = [("power1_cap", "150000000"), ("power1_cap_max", "312000000"), ("power1_cap_default", "257000000")];
    machine.files(
        "class/hwmon/hwmon0",
        &[("name", "amdgpu"), ("power1_average", "240000000"), ("device/device", "0x744c")],
    );
    machine.files("class/hwmon/hwmon0", &limits);
    let found = machine.doctor();
    assert!((found.number("amdgpu:hwmon0", "rated_w") - 312.0).abs() < 1e-9, "{}", found.line("amdgpu:hwmon0"));
    assert!((found.number("amdgpu:hwmon0", "power_w") - 240.0).abs() < 1e-9, "more than 1.5 times the cap in force");
}

const RAISED: &str = r#"
[[board]]
name = "NVIDIA H100 80GB HBM3"
id = "GPU-7"
architecture = "hopper"
energy_period_s = 0.02
[board.says]
power_usage = 180000
enforced_limit = 200000
[[board.later]]
after_s = 3.0
[board.later.says]
power_usage = 650000
enforced_limit = 700000
"#;

#[test]
fn a_limit_that_is_raised_in_flight_raises_what_is_believed() {
    let machine = Machine::new();
    machine.write("library.toml", RAISED);
    let flown = machine.flown("nvml-stand-in:0");
    let highest = flown.highest_w();
    assert!(
        highest.is_some_and(|highest| (highest - 650.0).abs() < 20.0),
        "650 W of a board that was limited to 200 W is read: {highest:?} W"
    );
    assert!(flown.drawn()["energy_j"].is_f64(), "and counted: {}", flown.drawn());
}

#[test]
fn the_highest_limit_of_a_board_is_its_rating_and_what_is_beyond_is_implausible() {
    let machine = Machine::new();
    let text = RAISED.replace("enforced_limit = 200000", "enforced_limit = 200000\nhighest_limit = 700000");
    machine.write("library.toml", &text);
    let found = machine.doctor();
    assert!((found.number("nvml-stand-in:0", "rated_w") - 700.0).abs() < 1e-9, "{}", found.line("nvml-stand-in:0"));
    let text = text.replace("power_usage = 180000", "power_usage = 1100000");
    machine.write("library.toml", &text);
    let found = machine.doctor();
    let finding = found.finding("nvml-stand-in:0");
    assert!(finding.contains("implausible"), "1100 W of a board that can draw 700 W: {finding}");
    assert!(found.line("nvml-stand-in:0")["reads"].is_null(), "no number is made of it");
}
