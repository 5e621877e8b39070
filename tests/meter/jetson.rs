//! INA3221 monitors on the rails of a Jetson module.

use crate::fakes::{EACCES, FakeSysfs};
use dawndusk::meter::Meter;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::jetson::Jetson;
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};

const CHIP: &str = "class/hwmon/hwmon1";

/// The device tree of an Orin, as it stands there.
fn is_orin(sysfs: &FakeSysfs) {
    sysfs.write(
        "firmware/devicetree/base/compatible",
        "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
    );
}

/// A monitor with rails as `(label, millivolts, milliamperes)`.
fn monitor(sysfs: &FakeSysfs, chip: &str, rails: &[(&str, &str, &str)]) {
    is_orin(sysfs);
    sysfs.write(&format!("{chip}/name"), "ina3221\n");
    for (index, (label, millivolts, milliamperes)) in rails.iter().enumerate() {
        let channel = index + 1;
        sysfs.write(&format!("{chip}/in{channel}_label"), &format!("{label}\n"));
        sysfs.write(&format!("{chip}/in{channel}_input"), millivolts);
        sysfs.write(&format!("{chip}/curr{channel}_input"), milliamperes);
    }
}

fn orin(sysfs: &FakeSysfs) {
    let rails = [("VDD_IN", "5000", "3000"), ("VDD_CPU_CV", "5000", "700"), ("VDD_GPU_SOC", "5000", "1100")];
    monitor(sysfs, CHIP, &rails);
}

fn open(sysfs: &FakeSysfs) -> Channel<Jetson> {
    Jetson::open(&sysfs.tree()).expect("the rail can be read").expect("there is a monitor")
}

#[test]
fn the_total_is_the_input_rail_and_its_parts_are_not_added_to_it() {
    let sysfs = FakeSysfs::new();
    orin(&sysfs);
    let mut jetson = open(&sysfs);
    let source = jetson.source();
    assert_eq!((source.provenance, source.boundary), (Provenance::BoardSensor, Boundary::Module), "the whole module");
    assert!(source.method.contains("VDD_IN"), "the rail is named: {}", source.method);
    assert_eq!(jetson.read(Seconds(0.0)).power, Ok(Watts(15.0)), "5 V and 3 A, not 24 W");
    assert_eq!(jetson.read(Seconds(0.1)).energy, Ok(Joules(1.5)), "0.1 s of it");
}

#[test]
fn an_input_rail_that_cannot_be_read_leaves_the_total_unknown() {
    let sysfs = FakeSysfs::new();
    orin(&sysfs);
    let mut jetson = open(&sysfs);
    jetson.read(Seconds(0.0));
    sysfs.fail(&format!("{CHIP}/curr1_input"), EACCES);
    let reading = jetson.read(Seconds(0.1));
    assert_eq!(reading.energy, Err(NoData::NoPermission), "two known rails are no total");
    assert_eq!(reading.power, Err(NoData::NoPermission), "nor a power");
    let refusal = Jetson::open(&sysfs.tree()).err().expect("not accepted either");
    assert_eq!(refusal.cause, NoData::NoPermission, "{}", refusal.detail);
    assert!(refusal.remedy.is_some_and(|remedy| remedy.contains("chmod a+r")), "a way out is named");
}

#[test]
fn a_module_without_an_input_rail_is_not_summed_up_by_guess() {
    let sysfs = FakeSysfs::new();
    let rails = [("VDD_GPU_SOC", "843", "6170"), ("VDD_CPU_CV", "780", "3437"), ("VIN_SYS_5V0", "4968", "953")];
    monitor(&sysfs, CHIP, &rails);
    monitor(&sysfs, "class/hwmon/hwmon2", &[("NC", "0", "0"), ("VDDQ_VDD2_1V8AO", "4968", "80")]);
    let refusal = Jetson::open(&sysfs.tree()).err().expect("no rail of the whole module");
    assert_eq!(refusal.cause, NoData::NotSupported, "{}", refusal.detail);
    for rail in ["VDD_GPU_SOC", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO", "VDD_IN"] {
        assert!(refusal.detail.contains(rail), "{rail} is named: {}", refusal.detail);
    }
    assert!(!refusal.detail.contains("NC,"), "an empty channel is no rail: {}", refusal.detail);
}

#[test]
fn the_rail_is_found_on_whichever_monitor_it_is() {
    let sysfs = FakeSysfs::new();
    monitor(&sysfs, CHIP, &[("VDD_SOC", "5000", "100")]);
    monitor(&sysfs, "class/hwmon/hwmon7", &[("NC", "0", "0"), ("VDD_IN", "19000", "2000")]);
    sysfs.write("class/hwmon/hwmon7/update_interval", "250");
    let mut jetson = open(&sysfs);
    assert_eq!(jetson.read(Seconds(0.0)).power, Ok(Watts(38.0)), "19 V and 2 A");
    assert_eq!(jetson.source().update_period_s, Seconds(0.25), "as the driver states it");
}

#[test]
fn a_rail_without_current_or_with_an_impossible_one_is_no_reading() {
    let sysfs = FakeSysfs::new();
    monitor(&sysfs, CHIP, &[("VDD_IN", "5000", "0")]);
    let refusal = Jetson::open(&sysfs.tree()).err().expect("a module that runs draws current");
    assert_eq!(refusal.cause, NoData::Implausible, "0 W is no reading: {}", refusal.detail);
    orin(&sysfs);
    let mut jetson = open(&sysfs);
    for (text, cause) in [("-40", NoData::Implausible), ("[N/A]", NoData::NotSupported), ("nan", NoData::Implausible)] {
        sysfs.write(&format!("{CHIP}/curr1_input"), text);
        assert_eq!(jetson.read(Seconds(1.0)).power, Err(cause), "{text} mA");
    }
    std::fs::remove_file(sysfs.path(&format!("{CHIP}/in1_input"))).expect("it was written above");
    assert_eq!(jetson.read(Seconds(2.0)).energy, Err(NoData::Lost), "the monitor is gone");
    assert_eq!(jetson.coverage().missed, 4, "each is counted");
}

#[test]
fn a_machine_without_such_a_monitor_has_no_line_for_it() {
    let sysfs = FakeSysfs::new();
    sysfs.write("class/hwmon/hwmon0/name", "coretemp");
    assert!(Jetson::open(&sysfs.tree()).expect("nothing went wrong").is_none(), "no monitor, no source");
}
