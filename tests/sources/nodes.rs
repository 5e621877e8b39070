//! Modules, nodes and whole machines: the rails of Grace, meters of the firmware, Cray's counters, Jetson's monitors.

use crate::machine::Machine;

/// A firmware's power meter that says `watts`, under the device as older kernels have it.
fn meter(machine: &Machine, chip: &str, info: &str, watts: f64) {
    let folder = format!("class/hwmon/{chip}");
    machine.write(&format!("{folder}/name"), "power_meter");
    let power = format!("{:.0}", watts * 1e6);
    machine.files(&format!("{folder}/device"), &[("power1_average", &power), ("power1_average_interval", "50")]);
    machine.files(&format!("{folder}/device"), &[("power1_oem_info", info), ("power1_is_battery", "0")]);
}

const GH200: &str = r#"
[[board]]
name = "NVIDIA GH200 480GB"
id = "GPU-7"
architecture = "hopper"
power_w = 305.0
[board.says]
power_usage = 305000
"field 186" = 305000
"field 185 scope 1" = 610000
highest_limit = 900000
"#;

#[test]
fn a_gh200_shows_its_module_and_its_gpu_each_under_its_name() {
    let machine = Machine::new();
    machine.write("library.toml", GH200);
    for (chip, info, watts) in [
        ("hwmon1", "Module Power Socket 0", 612.0),
        ("hwmon2", "Grace Power Socket 0", 180.0),
        ("hwmon3", "CPU Power Socket 0", 130.0),
        ("hwmon4", "SysIO Power Socket 0", 25.0),
    ] {
        meter(&machine, chip, info, watts);
    }
    let found = machine.doctor();
    for (name, boundary, watts) in [
        ("nvml-stand-in:0", "accelerator", 305.0),
        ("nvml-stand-in:0/module", "module", 610.0),
        ("acpi:module:0", "module", 612.0),
        ("acpi:grace", "cpu_package", 180.0),
        ("acpi:cpu:0", "rail", 130.0),
        ("acpi:sysio:0", "rail", 25.0),
    ] {
        assert_eq!(found.boundary(name), boundary, "{name}: {}", found.finding(name));
        let power = found.number(name, "power_w");
        assert!((power - watts).abs() < 0.06 * watts, "{name}: {power} W, not {watts} W");
    }
    assert_eq!(found.chosen(), "acpi:grace", "work on the CPU is seen by its socket: {:#}", found.0["power"]);
    assert!((found.number("acpi:module:0", "update_period_s") - 0.05).abs() < 1e-9, "by its interval");
}

#[test]
fn a_reported_power_that_is_the_modules_is_not_called_the_gpus() {
    let machine = Machine::new();
    let silent = GH200.replace("\"field 186\" = 305000\n", "energy = \"not_supported\"\n");
    machine.write("library.toml", &silent.replace("power_usage = 305000", "power_usage = 608000"));
    let found = machine.doctor();
    assert_eq!(found.boundary("nvml-stand-in:0"), "module", "{}", found.finding("nvml-stand-in:0"));
    machine.write("library.toml", &silent);
    let found = machine.doctor();
    assert_eq!(found.boundary("nvml-stand-in:0"), "accelerator", "half of it is the GPU's own");
    assert_eq!(found.boundary("nvml-stand-in:0/module"), "module", "beside the module's");
}

#[test]
fn the_sockets_of_a_grace_superchip_are_added_and_its_rails_are_not() {
    let machine = Machine::new();
    meter(&machine, "hwmon1", "Grace Power Socket 0", 180.0);
    meter(&machine, "hwmon2", "Grace Power Socket 1", 150.0);
    meter(&machine, "hwmon3", "CPU Power Socket 0", 130.0);
    let found = machine.doctor();
    let power = found.number("acpi:grace", "power_w");
    assert!((power - 330.0).abs() < 1e-6, "both sockets and no rail of them: {power} W");
}

#[test]
fn a_firmwares_meter_covers_what_it_says_that_it_measures() {
    let machine = Machine::new();
    meter(&machine, "hwmon0", "", 410.0);
    machine.write("class/hwmon/hwmon0/device/power1_accuracy", "95.0%");
    let found = machine.doctor();
    assert_eq!(found.boundary("acpi:hwmon0"), "unknown", "{}", found.finding("acpi:hwmon0"));
    assert_ne!(found.chosen(), "acpi:hwmon0", "and nothing is measured by it");
    machine.write("class/hwmon/hwmon0/device/measures/LNXSYBUS:00", "");
    let found = machine.doctor();
    assert_eq!(
        found.boundary("acpi:hwmon0"),
        "wall",
        "the system bus is the machine: {}",
        found.finding("acpi:hwmon0")
    );
    let band = found.number("acpi:hwmon0", "relative_uncertainty");
    assert!((band - 0.05).abs() < 1e-9, "as it states: {band}");
    assert_eq!(found.chosen(), "acpi:hwmon0", "better than a model: {:#}", found.0["power"]);
}

#[test]
fn a_meter_that_says_unknown_or_is_a_batterys_is_refused() {
    let machine = Machine::new();
    meter(&machine, "hwmon0", "", 4_294_967.295);
    meter(&machine, "hwmon1", "", 30.0);
    machine.write("class/hwmon/hwmon1/device/power1_is_battery", "1");
    let found = machine.doctor();
    let finding = found.finding("acpi:hwmon0");
    assert!(finding.contains("implausible") && finding.contains("power1_average"), "its word for none: {finding}");
    assert!(found.finding("acpi:hwmon1").contains("battery"), "{}", found.finding("acpi:hwmon1"));
}

/// A Cray node with an accelerator: `freshness` rises ten times a second unless it `stands`, its power says `watts`.
fn cray(watts: f64, stands: bool) -> Machine {
    let mut machine = Machine::new();
    let folder = "cray/pm_counters";
    machine.files(folder, &[("raw_scan_hz", "10"), ("generation", "3"), ("version", "2"), ("power_cap", "0 W")]);
    let names = ["freshness", "energy", "power", "accel0_energy"].map(|name| format!("{folder}/{name}"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    machine.run(&names, move |seconds, index| {
        let scan = if stands { 0.0 } else { (seconds * 10.0).floor() };
        let (at, made) = (scan / 10.0, format!("{:.0} us", 1.434e15 + scan * 1e5));
        match index {
            0 => format!("{scan:.0}\n"),
            1 => format!("{:.0} J {made}\n", 5e8 + at * 620.0),
            2 => format!("{watts:.0} W {made}\n"),
            _ => format!("{:.0} J {made}\n", 2e8 + at * 410.0),
        }
    });
    machine
}

#[test]
fn a_cray_node_is_counted_whole_with_its_accelerator_beside_it() {
    let found = cray(620.0, false).doctor();
    assert_eq!(found.boundary("cray"), "wall", "the node: {}", found.finding("cray"));
    assert!((found.number("cray", "power_w") - 620.0).abs() < 1e-9, "as its power says");
    assert!((found.number("cray", "update_period_s") - 0.1).abs() < 1e-9, "by its scan rate");
    assert_eq!(found.boundary("cray/accel0"), "accelerator", "a part that stands beside it");
    assert_eq!(found.chosen(), "cray", "it sees what computes");
}

#[test]
fn a_cray_node_that_is_not_renewed_or_contradicts_itself_is_told() {
    let found = cray(620.0, true).doctor();
    assert!(found.finding("cray").contains("freshness stood still"), "{}", found.finding("cray"));
    assert!(found.line("cray")["reads"].is_null(), "no number is made of it");
    let found = cray(400.0, false).doctor();
    assert_eq!(found.line("cray")["state"], "warn", "620 W by the counter, 400 W by the power");
    assert!(found.finding("cray").contains("differ by 3"), "{}", found.finding("cray"));
    assert_ne!(found.chosen(), "cray", "and is not chosen");
}

#[test]
fn a_newer_jetson_is_read_from_its_monitor_of_one_rail() {
    let machine = Machine::new();
    machine.write("firmware/devicetree/base/compatible", "nvidia,p4071-0000+p3834-0008\0nvidia,tegra264\0");
    machine.files("class/hwmon/hwmon0", &[("name", "ina3221"), ("in1_label", "VDD_GPU")]);
    machine.files("class/hwmon/hwmon0", &[("in1_input", "12000"), ("curr1_input", "900")]);
    machine.files("class/hwmon/hwmon1", &[("name", "ina238"), ("label", "VIN"), ("power1_input", "41500000")]);
    let found = machine.doctor();
    assert_eq!(found.boundary("jetson"), "module", "the input of the module: {}", found.finding("jetson"));
    let power = found.number("jetson", "power_w");
    assert!((power - 41.5).abs() < 1e-9, "microwatts of VIN, and no part added: {power} W");
    let band = &found.line("jetson")["reads"]["relative_uncertainty"];
    assert!(band.is_null(), "the band of an INA3221 is not that of another monitor: {band}");
    machine.write("class/hwmon/hwmon1/label", "");
    let finding = machine.doctor().finding("jetson").to_owned();
    assert!(finding.contains("no rail of the whole module"), "a monitor without a name is not guessed at: {finding}");
}

#[test]
fn a_rail_that_is_called_like_a_modules_makes_no_jetson() {
    let machine = Machine::new();
    machine.files("class/hwmon/hwmon0", &[("name", "ina226"), ("label", "VIN"), ("power1_input", "9000000")]);
    machine.write("firmware/devicetree/base/compatible", "raspberrypi,4-model-b\0brcm,bcm2711\0");
    let found = machine.doctor();
    let finding = found.finding("ina226:hwmon0");
    assert_eq!(found.boundary("ina226:hwmon0"), "unknown", "{finding}");
    assert_eq!(found.line("ina226:hwmon0")["state"], "warn", "and told: {finding}");
    assert!(finding.contains("no band") && finding.contains("nothing says that this machine is a Jetson"), "{finding}");
    assert_ne!(found.chosen(), "ina226:hwmon0", "nothing is measured by it");
    machine.files("class/hwmon/hwmon0", &[("name", "ina3221"), ("in1_label", "VDD_IN"), ("in1_input", "5000")]);
    machine.write("class/hwmon/hwmon0/curr1_input", "3000");
    let found = machine.doctor();
    assert_eq!(found.boundary("ina3221:hwmon0"), "unknown", "whichever the monitor is");
    let band = &found.line("ina3221:hwmon0")["reads"]["relative_uncertainty"];
    assert!(band.is_null(), "nor is the band of an unknown shunt known: {band}");
    machine.write("class/hwmon/hwmon0/in1_label", "VDD_3V3");
    let lines = machine.doctor().0["checks"].to_string();
    assert!(!lines.contains("jetson") && !lines.contains("VDD_3V3"), "any other rail is no affair of ours: {lines}");
}

#[test]
fn a_jetson_with_jetpack_4_is_read_from_its_own_tree() {
    let machine = Machine::new();
    let folder = "bus/i2c/drivers/ina3221x/1-0040/iio:device0";
    machine.files(folder, &[("rail_name_0", "VDD_IN"), ("in_power0_input", "7350")]);
    machine.files(folder, &[("rail_name_1", "VDD_CPU_GPU_CV"), ("in_power1_input", "2100")]);
    let found = machine.doctor();
    assert_eq!(found.boundary("jetson"), "module", "{}", found.finding("jetson"));
    let power = found.number("jetson", "power_w");
    assert!((power - 7.35).abs() < 1e-9, "milliwatts: {power} W");
    machine.files(folder, &[("rail_name_0", "GPU")]);
    let finding = machine.doctor().finding("jetson").to_owned();
    assert!(finding.contains("no rail of the whole module") && finding.contains("GPU"), "not summed up: {finding}");
}
