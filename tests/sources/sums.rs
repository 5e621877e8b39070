//! Sums of sensors of one machine: what speaks against a part speaks against the sum, and what is one is not added twice.

use crate::machine::{Found, Machine};

/// Two meters of the firmware at the supplies, of `watts` each, around a CPU package that draws 50 W.
fn supplied(watts: f64) -> Machine {
    let mut machine = Machine::new();
    machine.package(50.0, &[("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "200000000")]);
    for chip in ["hwmon2", "hwmon3"] {
        let folder = format!("class/hwmon/{chip}");
        machine.write(&format!("{folder}/name"), "power_meter");
        let power = format!("{:.0}", watts * 1e6);
        machine.files(&format!("{folder}/device"), &[("power1_average", &power), ("power1_average_interval", "50")]);
        machine.write(&format!("{folder}/device/measures/LNXSYBUS:00"), "");
    }
    machine
}

fn doctor(machine: &Machine, sum: &str) -> (Option<i32>, Found) {
    let output = machine.command(&["doctor", "--json", "--meter", sum]).output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let document = serde_json::from_str(&text);
    (output.status.code(), Found(document.unwrap_or_else(|error| panic!("one JSON document: {error}\n{text}"))))
}

#[test]
fn a_sum_is_held_against_the_package_as_a_whole_and_doubted_where_it_is_less() {
    const SUM: &str = "sum:acpi:hwmon2,acpi:hwmon3";
    let (_, found) = doctor(&supplied(10.0), SUM);
    assert_eq!(found.line("sum:0")["state"], "warn", "20 W cannot hold 50 W: {:#}", found.line("sum:0"));
    assert!(found.finding("sum:0").contains("it shows 20.0 W, less than the"), "{}", found.finding("sum:0"));
    let (_, found) = doctor(&supplied(40.0), SUM);
    assert_eq!(found.line("sum:0")["state"], "pass", "80 W can, and each supply has a part: {:#}", found.line("sum:0"));
    assert!((found.number("sum:0", "power_w") - 80.0).abs() < 1e-6, "together: {:#}", found.line("sum:0"));
    assert!(found.finding("sum:0").contains("2 supplies"), "how many: {}", found.finding("sum:0"));
    let flown = supplied(10.0).flown(SUM);
    let doubt = flown.result["conditions"]["source_doubt"].as_str().unwrap_or_default().to_owned();
    assert!(doubt.contains("less than"), "nor is a result by it believed: {doubt}");
}

fn boards(second: &str) -> String {
    let board = |id: &str, more: &str| {
        format!(
            "[[board]]\nname = \"NVIDIA Test\"\nid = \"{id}\"\npower_w = 40.0\n{more}\n[board.says]\npower_usage = 40000\n"
        )
    };
    board("GPU-1", "pci_address = \"0000:65:00.0\"\nprocesses = []") + "partitioned = 0\n" + &board("GPU-2", second)
}

#[test]
fn a_sum_is_shared_where_one_of_its_boards_is() {
    const SUM: &str = "sum:nvml-stand-in:0,nvml-stand-in:1";
    let machine = Machine::new();
    machine.write("library.toml", &(boards("processes = [4242]") + "partitioned = 1\n"));
    let flown = machine.flown(SUM);
    let sharing = &flown.result["conditions"]["sharing"];
    assert_eq!(sharing["is_partitioned"]["value"], true, "one is cut into instances: {sharing:#}");
    assert_eq!(sharing["other_processes"]["value"], serde_json::json!([4242]), "and somebody is on it: {sharing:#}");
    let method = flown.result["conditions"]["source"]["method"].as_str().expect("a sentence").to_owned();
    assert!(method.starts_with("2 boards, the sum of nvml-stand-in:0 and nvml-stand-in:1"), "{method}");
}

#[test]
fn two_sensors_of_one_device_and_what_nobody_documents_are_not_added() {
    let machine = Machine::new();
    machine.write("library.toml", &boards("pci_address = \"00000000:65:00.0\""));
    let (_, found) = doctor(&machine, "sum:nvml-stand-in:0,nvml-stand-in:1");
    assert_eq!(found.line("sum:0")["state"], "fail", "{:#}", found.line("sum:0"));
    assert!(found.finding("sum:0").contains("sensors of one device, at 0000:65:00.0"), "{}", found.finding("sum:0"));
    let machine = supplied(80.0);
    for chip in ["hwmon2", "hwmon3"] {
        std::fs::remove_file(machine.path(&format!("class/hwmon/{chip}/device/measures/LNXSYBUS:00")))
            .expect("it is there");
    }
    let (_, found) = doctor(&machine, "sum:acpi:hwmon2,acpi:hwmon3");
    assert!(found.finding("sum:0").contains("nobody documents what"), "{}", found.finding("sum:0"));
}
