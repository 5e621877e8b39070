//! What slows a board down, by the attributes of AMD's and Intel's drivers.

use crate::fakes::{EACCES, FakeSysfs};
use dawndusk::meter::Meter;
use dawndusk::meter::hwmon::Hwmon;
use dawndusk::meter::throttle::Reason;
use dawndusk::reading::{NoData, Throttling};
use dawndusk::units::Seconds;

/// Two seconds of looks at the chip.
fn times(sysfs: &FakeSysfs) -> Option<Throttling> {
    let mut meter = Hwmon::open(&sysfs.tree(), "hwmon0").expect("it can be read").expect("a board");
    (0..=16).for_each(|look| {
        meter.read(Seconds(f64::from(look) * 0.125));
    });
    meter.throttling()
}

fn reasons(sysfs: &FakeSysfs) -> Result<Vec<Reason>, NoData> {
    let meter = Hwmon::open(&sysfs.tree(), "hwmon0").expect("it can be read").expect("a board");
    meter.sensor.facts().slowed_by.known().cloned()
}

/// An amdgpu board at `power_uw` under a cap of 300 W, its junction at 70 °C of 100 °C.
fn amdgpu(power_uw: &str) -> FakeSysfs {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon0", power_uw);
    let sensor = [("temp2_input", "70000"), ("temp2_crit", "100000"), ("temp2_emergency", "105000")];
    sensor.iter().for_each(|(file, text)| sysfs.write(&format!("class/hwmon/hwmon0/{file}"), text));
    sysfs
}

/// An Arc board of `driver` with an energy counter and the flags in `folder`.
fn intel(driver: &str, folder: &str, flags: &[(&str, &str)]) -> FakeSysfs {
    let sysfs = FakeSysfs::new();
    sysfs.write("class/hwmon/hwmon0/name", driver);
    sysfs.write("class/hwmon/hwmon0/energy1_input", "5000000");
    flags.iter().for_each(|(file, text)| sysfs.write(&format!("class/hwmon/hwmon0/device/{folder}/{file}"), text));
    sysfs
}

#[test]
fn a_board_at_its_cap_is_kept_there_by_firmware() {
    let capped = times(&amdgpu("297000000")).expect("a cap says something");
    assert!((capped.power_cap_s.0 - 2.0).abs() < 1e-9, "297 W of 300 W for 2 s: {capped:?}");
    assert!(!capped.counted && capped.harmful_s() == Seconds(0.0), "seen by looks, and harmless: {capped:?}");
    let free = times(&amdgpu("250000000")).expect("a cap says something");
    assert_eq!(free.power_cap_s, Seconds(0.0), "250 W of 300 W");
}

#[test]
fn a_cap_of_zero_is_no_cap() {
    let sysfs = amdgpu("250000000");
    sysfs.write("class/hwmon/hwmon0/power1_cap", "0");
    assert_eq!(reasons(&sysfs), Ok(vec![]), "nothing limits it");
}

#[test]
fn a_board_at_its_critical_temperature_is_hot_and_beyond_it_protects_itself() {
    let sysfs = amdgpu("250000000");
    sysfs.write("class/hwmon/hwmon0/temp2_input", "100000");
    assert_eq!(reasons(&sysfs), Ok(vec![Reason::Thermal]), "at the limit of its firmware");
    sysfs.write("class/hwmon/hwmon0/temp2_input", "106000");
    assert_eq!(reasons(&sysfs), Ok(vec![Reason::Thermal, Reason::HardwareThermal]), "over the emergency");
    let hot = times(&sysfs).expect("limits say something");
    assert!(hot.harmful_s() > Seconds(3.9), "2 s by each: such a result is not ranked: {hot:?}");
}

#[test]
fn intels_flags_are_told_apart_by_name() {
    let xe = "tile0/gt0/freq0/throttle";
    for (name, reason) in [
        ("reason_pl1", Reason::PowerCap),
        ("reason_psys_pl2", Reason::PowerCap),
        ("reason_thermal", Reason::Thermal),
        ("reason_soc_thermal", Reason::Thermal),
        ("reason_ratl", Reason::Thermal),
        ("reason_prochot", Reason::HardwareThermal),
        ("reason_vr_thermalert", Reason::HardwareThermal),
        ("reason_vr_tdc", Reason::PowerBrake),
    ] {
        let sysfs = intel("xe", xe, &[("status", "1"), ("reason_pl4", "0"), (name, "1")]);
        assert_eq!(reasons(&sysfs), Ok(vec![reason]), "xe: {name}");
    }
    let flags = [("throttle_reason_status", "1"), ("throttle_reason_pl1", "0"), ("throttle_reason_prochot", "1")];
    let sysfs = intel("i915", "drm/card0/gt/gt0", &flags);
    assert_eq!(reasons(&sysfs), Ok(vec![Reason::HardwareThermal]), "i915: prochot");
}

#[test]
fn every_tile_is_asked() {
    let sysfs = intel("xe", "tile0/gt0/freq0/throttle", &[("reason_thermal", "0")]);
    sysfs.write("class/hwmon/hwmon0/device/tile1/gt1/freq0/throttle/reason_thermal", "1");
    assert_eq!(reasons(&sysfs), Ok(vec![Reason::Thermal]), "the second tile is hot");
}

#[test]
fn a_reason_that_nobody_knows_is_kept_as_unknown() {
    let sysfs = intel("xe", "tile0/gt0/freq0/throttle", &[("reason_tomorrow", "1")]);
    let found = times(&sysfs).expect("it says something");
    assert!(found.unknown != 0 && found.harmful_s() == Seconds(0.0), "neither dropped nor guessed at: {found:?}");
}

#[test]
fn a_board_that_says_nothing_has_a_cause_and_no_times() {
    let silent = intel("i915", "drm/card0", &[]);
    assert_eq!((times(&silent), reasons(&silent)), (None, Err(NoData::NotSupported)), "not zero seconds");
    let forbidden = intel("xe", "tile0/gt0/freq0/throttle", &[("reason_pl1", "1")]);
    forbidden.fail("class/hwmon/hwmon0/device/tile0/gt0/freq0/throttle/reason_pl1", EACCES);
    let cause = reasons(&forbidden).err();
    assert_eq!((times(&forbidden), cause), (None, Some(NoData::NoPermission)), "nor where it is forbidden");
}
