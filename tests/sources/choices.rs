//! A source is chosen by what it sees: one that contradicts the CPU package, or itself, is told and left.

use crate::machine::Machine;
use dawndusk::meter::board::BoardDriver;
use dawndusk::meter::nvml::StandInDriver;
use dawndusk::meter::sysfs::Tree;
use dawndusk::meter::{Accelerator, AcceleratorKind, Roots, Selection, open_all};
use std::sync::Arc;

const GPU: &str = "amdgpu:0000:c1:00.0";

/// A package at 84 W with a GPU in it, device `device`, that says `watts`.
fn integrated(device: &str, watts: f64) -> Machine {
    let mut machine = Machine::new();
    machine.package(84.0, &[("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "120000000")]);
    let power = format!("{:.0}", watts * 1e6);
    let files = [("name", "amdgpu"), ("power1_input", &power), ("device/vendor", "0x1002"), ("device/device", device)];
    machine.files("class/hwmon/hwmon3", &files);
    machine.write("class/hwmon/hwmon3/device/uevent", "DRIVER=amdgpu\nPCI_SLOT_NAME=0000:c1:00.0\n");
    machine
}

/// What a flight on an adapter of this kind would be measured with.
fn chosen(machine: &Machine, kind: AcceleratorKind, vendor_id: u32, wanted: &[String]) -> Selection {
    let driver: Arc<dyn BoardDriver> = Arc::new(StandInDriver { file: machine.path("library.toml") });
    let roots = Roots { sysfs: Tree::new(machine.path("")), drivers: vec![driver], ..Roots::default() };
    let accelerator = Accelerator { kind, name: String::new(), vendor_id: Some(vendor_id), pci_address: None };
    open_all(&roots, wanted, &accelerator).expect("a source")
}

#[test]
fn milliwatts_of_an_integrated_gpu_are_left_for_the_package() {
    let machine = integrated("0x15bf", 0.012);
    let found = machine.doctor();
    assert_eq!(found.chosen(), "rapl", "84 W are there: {:#}", found.0["power"]);
    let line = found.line(GPU);
    assert_eq!(line["state"], "warn", "told at the door: {line:#}");
    for fragment in ["12 mW", "rapl, the CPU package", "not chosen"] {
        assert!(found.finding(GPU).contains(fragment), "`{fragment}`: {}", found.finding(GPU));
        assert!(!found.finding(GPU).starts_with("0.0 W"), "milliwatts are no zero: {}", found.finding(GPU));
    }
    let selection = chosen(&machine, AcceleratorKind::Integrated, 0x1002, &[]);
    assert_eq!(selection.meter.source().name, "rapl", "for work on that GPU as well");
    assert!(selection.covers_accelerator, "which lies in the package");
}

#[test]
fn a_module_that_reads_less_than_the_package_inside_it_is_left() {
    let machine = integrated("0x15bf", 20.0);
    let found = machine.doctor();
    assert_eq!(found.line(GPU)["state"], "warn", "{:#}", found.line(GPU));
    assert!(found.finding(GPU).contains("it shows 20.0 W, less than the"), "by how much: {}", found.finding(GPU));
    let selection = chosen(&machine, AcceleratorKind::Integrated, 0x1002, &[]);
    assert_eq!(selection.meter.source().name, "rapl", "20 W cannot hold 84 W");
    assert!(selection.beside.iter().all(|meter| meter.source().name != GPU), "nor is it read beside it");
}

#[test]
fn a_module_that_reads_more_than_its_package_is_taken() {
    let machine = integrated("0x15bf", 97.0);
    assert_eq!(machine.doctor().line(GPU)["state"], "pass", "no contradiction");
    let selection = chosen(&machine, AcceleratorKind::Integrated, 0x1002, &[]);
    assert_eq!(selection.meter.source().name, GPU, "it sees the GPU and the CPU");
}

#[test]
fn a_board_that_draws_less_than_the_package_is_no_contradiction() {
    let machine = integrated("0x744c", 20.0);
    machine.write("class/hwmon/hwmon3/power1_cap", "300000000");
    assert_eq!(machine.doctor().line(GPU)["state"], "pass", "an idle board beside a busy CPU");
    let selection = chosen(&machine, AcceleratorKind::Discrete, 0x1002, &[]);
    assert_eq!(selection.meter.source().name, GPU, "and it is the adapter's");
}

const DISPUTED: &str = r#"
[[board]]
name = "NVIDIA Test Board"
id = "GPU-7"
architecture = "hopper"
power_w = 37.5
[board.says]
power_usage = 65400
enforced_limit = 300000
"#;

#[test]
fn a_counter_and_a_power_that_disagree_are_told_and_not_chosen() {
    let machine = Machine::new();
    machine.write("library.toml", DISPUTED);
    let found = machine.doctor();
    let finding = found.finding("nvml-stand-in:0");
    assert_eq!(found.line("nvml-stand-in:0")["state"], "warn", "told at the door: {finding}");
    for fragment in ["37.", "65.4 W", "43 %", "not chosen"] {
        assert!(finding.contains(fragment), "`{fragment}`: {finding}");
    }
    let selection = chosen(&machine, AcceleratorKind::Discrete, 0x10de, &[]);
    assert_ne!(selection.meter.source().name, "nvml-stand-in:0", "nobody knows which of the two is wrong");
    let agreeing = DISPUTED.replace("65400", "38000");
    machine.write("library.toml", &agreeing);
    let selection = chosen(&machine, AcceleratorKind::Discrete, 0x10de, &[]);
    assert_eq!(selection.meter.source().name, "nvml-stand-in:0", "to a percent they agree, and it is taken");
}

#[test]
fn a_run_says_what_is_in_doubt_and_a_result_by_it_is_not_ranked() {
    let machine = Machine::new();
    machine.write("library.toml", DISPUTED);
    let flown = machine.flown("nvml-stand-in:0");
    assert!(flown.said.contains("nvml-stand-in:0 is in doubt"), "at the door: {}", flown.said);
    let because = flown.result["verdict"]["unranked_because"].to_string();
    assert!(because.contains("nvml-stand-in:0 is in doubt") && because.contains("43 %"), "{because}");
}

#[test]
fn a_run_leaves_what_is_in_doubt_and_says_so() {
    let flown = integrated("0x15bf", 0.012).flown_with(&[]);
    assert!(flown.said.contains("amdgpu:0000:c1:00.0 is in doubt"), "at the door: {}", flown.said);
    let conditions = &flown.result["conditions"];
    assert_eq!(conditions["source"]["name"], "rapl", "the package is taken: {}", conditions["source"]);
    assert!(flown.drawn()["energy_j"].is_f64(), "and counts: {}", flown.drawn());
}

/// A meter at the wall that the firmware describes and renews every `interval` ms.
fn wall(machine: &Machine, watts: f64, interval: &str) {
    let folder = "class/hwmon/hwmon5";
    let power = format!("{:.0}", watts * 1e6);
    machine.files(folder, &[("name", "power_meter"), ("device/measures/LNXSYBUS:00", "")]);
    machine.files(folder, &[("device/power1_average", &power), ("device/power1_average_interval", interval)]);
}

#[test]
fn a_number_that_a_person_brings_speaks_against_no_sensor() {
    let mut machine = Machine::new();
    wall(&machine, 300.0, "50");
    let own = "exec,unit=W,boundary=cpu_package:while true; do echo 400; sleep 0.1; done";
    let found = machine.doctor_with(&["--meter", own]);
    assert!((found.number("exec:0", "power_w") - 400.0).abs() < 1e-9, "it is read: {}", found.finding("exec:0"));
    let line = found.line("acpi:hwmon5");
    assert_eq!(line["state"], "pass", "300 W at the wall stand: {line:#}");
    // The machine's own counter does speak against it.
    machine.package(400.0, &[("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "500000000")]);
    let line = machine.doctor().line("acpi:hwmon5").clone();
    assert_eq!(line["state"], "warn", "{line:#}");
}

#[test]
fn an_old_value_is_held_against_nothing_and_a_slow_one_is_waited_for() {
    for (interval, state) in [("30000", "pass"), ("1000", "warn")] {
        let mut machine = Machine::new();
        wall(&machine, 20.0, interval);
        machine.package(84.0, &[("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "120000000")]);
        let line = machine.doctor().line("acpi:hwmon5").clone();
        assert_eq!(line["state"], state, "a mean over {interval} ms: {line:#}");
    }
}
