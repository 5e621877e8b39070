//! What `doctor` writes: a page of 100 columns, and JSON by a published schema.

use crate::machine::Machine;
use serde_json::Value;

const COLUMNS: usize = 100;

/// A machine with names that are longer than the page is wide, and one of everything that can be said.
fn talkative() -> Machine {
    let mut machine = Machine::new();
    let (name, id) = ("NVIDIA Board Of A Very Long Name ".repeat(6), "GPU-0123456789abcdef".repeat(8));
    machine.write(
        "library.toml",
        &format!(
            "[[board]]\nname = \"{name}\"\nid = \"{id}\"\npower_w = 37.5\nprocesses = [1, 2]\n[board.says]\n\
             power_usage = 65400\nenforced_limit = 300000\ndefault_limit = 400000\npartitioned = 1\npersistent = 0\n"
        ),
    );
    machine.package(84.0, &[("constraint_0_name", "long_term"), ("constraint_0_power_limit_uw", "120000000")]);
    let label = "VDD_A_RAIL_WHOSE_NAME_DOES_NOT_END_BEFORE_THE_PAGE_DOES_".repeat(3);
    machine.files("class/hwmon/hwmon0", &[("name", "ina3221"), ("in1_label", &label)]);
    machine.write("firmware/devicetree/base/compatible", "nvidia,tegra234\0");
    machine.files("class/hwmon/hwmon1", &[("name", "amdgpu"), ("power1_input", "0")]);
    machine.files("class/hwmon/hwmon2", &[("name", "power_meter"), ("power1_average", "250000000")]);
    machine
}

#[test]
fn the_page_fits_a_hundred_columns_whatever_the_names_are() {
    let output = talkative().command(&["doctor"]).output().expect("the binary runs");
    let page = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in page.lines() {
        let columns = line.chars().count();
        assert!(columns <= COLUMNS, "{columns} columns: {line}");
    }
    let whole: String = page.split_whitespace().collect();
    for said in ["GPU-0123456789abcdef".repeat(8), "VDD_A_RAIL_WHOSE_NAME_DOES_NOT_END_BEFORE_THE_PAGE_DOES_".repeat(3)]
    {
        assert!(whole.contains(&said), "folded, and nothing is left out: {said}\n{page}");
    }
    assert!(page.lines().last().is_some_and(|line| line.starts_with("overall: ")), "{page}");
}

fn schema() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/doctor.json");
    serde_json::from_str(&std::fs::read_to_string(file).expect("it is published")).expect("a schema is JSON")
}

#[test]
fn real_output_follows_the_published_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema itself is right");
    for (machine, what) in [(Machine::new(), "a bare machine"), (talkative(), "one with everything")] {
        let found = machine.doctor().0;
        let faults: Vec<String> =
            validator.iter_errors(&found).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(faults.is_empty(), "{what}: {faults:#?}");
    }
}

#[test]
fn the_schema_refuses_what_doctor_does_not_write() {
    let validator = jsonschema::validator_for(&schema()).expect("the schema itself is right");
    let good = Machine::new().doctor().0;
    assert!(validator.is_valid(&good), "as it is written");
    for (pointer, wrong) in [
        ("/overall", Value::from("perhaps")),
        ("/power/provenance", Value::from("guessed")),
        ("/checks/0/state", Value::Null),
        ("/checks", Value::from("none")),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).expect("it is there") = wrong.clone();
        assert!(!validator.is_valid(&bad), "{pointer} is {wrong}");
    }
}
