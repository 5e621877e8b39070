//! What a board's figures cover follows from documented properties of its driver and its device number, or is unknown.

use crate::machine::Machine;

const NAME: &str = "amdgpu:0000:03:00.0";

/// An amdgpu device of this number at 0000:03:00.0 that draws `watts`, with further files.
fn amdgpu(device: Option<&str>, watts: f64, files: &[(&str, &str)]) -> Machine {
    let machine = Machine::new();
    let folder = "class/hwmon/hwmon0";
    let power = format!("{:.0}", watts * 1e6);
    machine.files(folder, &[("name", "amdgpu"), ("power1_input", &power), ("device/vendor", "0x1002")]);
    machine.write(&format!("{folder}/device/uevent"), "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:03:00.0\n");
    if let Some(device) = device {
        machine.write(&format!("{folder}/device/device"), device);
    }
    machine.files(folder, files);
    machine
}

const CAP: &[(&str, &str)] = &[("power1_cap", "300000000")];

#[test]
fn an_apu_without_a_cap_is_a_package_of_cpu_and_gpu() {
    let by_voltage = amdgpu(Some("0x9999"), 15.0, &[("in1_label", "vddnb"), ("in1_input", "800")]).doctor();
    assert_eq!(by_voltage.boundary(NAME), "apu", "only chips with a CPU have the voltage vddnb");
    assert!((by_voltage.number(NAME, "power_w") - 15.0).abs() < 1e-9, "and its power is read");
    let by_number = amdgpu(Some("0x15bf"), 15.0, &[]).doctor();
    assert_eq!(by_number.boundary(NAME), "apu", "Phoenix, by its device number");
    assert!(by_number.finding(NAME).contains("0x15bf"), "which is said: {}", by_number.finding(NAME));
    let version = [("major", "11"), ("minor", "5"), ("revision", "1")];
    let machine = amdgpu(Some("0x9999"), 15.0, &[]);
    machine.files("class/hwmon/hwmon0/device/ip_discovery/die/0/GC/0", &version);
    assert_eq!(machine.doctor().boundary(NAME), "apu", "a newer one, by the version of its graphics");
}

#[test]
fn van_gogh_and_mi300a_have_a_cap_and_hold_a_cpu() {
    for (device, chip) in [("0x163f", "Van Gogh"), ("0x1435", "Van Gogh's later number"), ("0x74a0", "MI300A")] {
        let found = amdgpu(Some(device), 120.0, CAP).doctor();
        assert_eq!(found.boundary(NAME), "apu", "{chip}: {}", found.finding(NAME));
        assert!(found.finding(NAME).contains("CPU and GPU"), "in words: {}", found.finding(NAME));
    }
}

#[test]
fn a_virtual_function_of_navi_32_has_no_cap_and_is_a_board() {
    let found = amdgpu(Some("0x7461"), 90.0, &[]).doctor();
    assert_eq!(found.boundary(NAME), "accelerator", "by its device number: {}", found.finding(NAME));
    let machine = amdgpu(None, 90.0, &[]);
    let version = [("major", "11"), ("minor", "0"), ("revision", "3")];
    machine.files("class/hwmon/hwmon0/device/ip_discovery/die/0/GC/0", &version);
    assert_eq!(machine.doctor().boundary(NAME), "accelerator", "by the version of its graphics");
}

#[test]
fn a_board_is_a_board_and_what_nobody_says_is_unknown_and_told() {
    for (device, chip) in [("0x744c", "Navi 31"), ("0x73bf", "Navi 21"), ("0x74a1", "MI300X"), ("0x7550", "Navi 48")] {
        assert_eq!(amdgpu(Some(device), 90.0, CAP).doctor().boundary(NAME), "accelerator", "{chip}");
    }
    for (device, files) in [(None, CAP), (None, &[][..]), (Some("0x9999"), &[][..]), (Some("0x9999"), CAP)] {
        let found = amdgpu(device, 90.0, files).doctor();
        assert_eq!(found.boundary(NAME), "unknown", "{device:?} with {files:?}: {}", found.finding(NAME));
        assert!(found.finding(NAME).contains("unknown boundary"), "in words: {}", found.finding(NAME));
        assert_eq!(found.line(NAME)["state"], "warn", "and what that is worth");
    }
}

#[test]
fn a_result_by_a_source_of_unknown_boundary_is_not_ranked() {
    let flown = amdgpu(None, 90.0, CAP).flown(NAME);
    let because = flown.result["verdict"]["unranked_because"].to_string();
    assert!(because.contains("what amdgpu:0000:03:00.0 covers is unknown"), "{because}\n{}", flown.said);
    assert_eq!(flown.result["verdict"]["ranked"], false, "printed, and never ranked");
}

#[test]
fn a_result_by_a_meter_whose_boundary_nobody_states_is_not_ranked_and_every_whole_can_be_stated() {
    let machine = Machine::new();
    let meter = "exec,unit=W:while true; do echo 90; sleep 0.1; done";
    let found = machine.doctor_with(&["--meter", meter]);
    assert_eq!((found.boundary("exec:0"), &found.line("exec:0")["state"]), ("not_stated", &"warn".into()));
    let flown = machine.flown(meter);
    let because = flown.result["verdict"]["unranked_because"].to_string();
    assert!(because.contains("nobody states what exec:0 covers"), "{because}\n{}", flown.said);
    let mut words = Vec::new();
    for boundary in ["wall", "accelerator", "package", "apu", "module", "cpu_package"] {
        let stated = meter.replace("exec,", &format!("exec,boundary={boundary},"));
        let found = machine.doctor_with(&["--meter", &stated]);
        assert_eq!(found.boundary("exec:0"), boundary, "as it is said");
        let covers = found.finding("exec:0").split("; ").nth(1).expect("what it covers").to_owned();
        assert!(!words.contains(&covers), "no two read alike: {covers}");
        words.push(covers);
    }
}

#[test]
fn the_counter_of_a_discrete_i915_is_its_package() {
    let mut machine = Machine::new();
    machine.files("class/hwmon/hwmon1", &[("name", "i915"), ("power1_max", "190000000"), ("device/vendor", "0x8086")]);
    machine.counter("class/hwmon/hwmon1/energy1_input", 62.0);
    let found = machine.doctor();
    assert_eq!(found.boundary("i915:hwmon1"), "package", "not the card: {}", found.finding("i915:hwmon1"));
    let power = found.number("i915:hwmon1", "power_w");
    assert!((power - 62.0).abs() < 25.0, "and it is read: {power} W");
}

#[test]
fn several_energies_of_one_device_stand_under_their_labels() {
    let mut machine = Machine::new();
    let folder = "class/hwmon/hwmon1";
    // In the order that no driver has, so that only the labels can tell.
    machine.files(folder, &[("name", "xe"), ("energy1_label", "pkg"), ("energy2_label", "card"), ("power1_max", "0")]);
    let files = ["energy1_input", "energy2_input"].map(|file| format!("{folder}/{file}"));
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    machine.run(&files, |seconds, index| format!("{:.0}\n", 1e9 + seconds * [30e6, 95e6][index]));
    let found = machine.doctor();
    assert_eq!(found.boundary("xe:hwmon1"), "accelerator", "the card counts: {}", found.finding("xe:hwmon1"));
    let power = found.number("xe:hwmon1", "power_w");
    assert!((power - 95.0).abs() < 30.0, "the card's: {power} W");
    assert_eq!(found.boundary("xe:hwmon1/package"), "package", "the package stands beside it");
    let power = found.number("xe:hwmon1/package", "power_w");
    assert!((power - 30.0).abs() < 15.0, "with its own power: {power} W");
}

#[test]
fn a_counter_that_is_not_connected_leaves_its_place_to_the_one_that_counts() {
    let mut machine = Machine::new();
    let folder = "class/hwmon/hwmon1";
    machine
        .files(folder, &[("name", "xe"), ("energy1_label", "card"), ("energy1_input", "0"), ("energy2_label", "pkg")]);
    machine.counter(&format!("{folder}/energy2_input"), 70.0);
    let found = machine.doctor();
    assert_eq!(found.boundary("xe:hwmon1"), "package", "{}", found.finding("xe:hwmon1"));
}
