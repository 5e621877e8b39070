//! RAPL and hwmon over a tree of files.

use crate::fakes::{EACCES, EBUSY, FakeSysfs};
use dawndusk::meter::Meter;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::hwmon::{self, Hwmon};
use dawndusk::meter::rapl::Rapl;
use dawndusk::meter::sysfs::{cause_of, parse_count};
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};

const ZONE: &str = "intel-rapl:0";
const RANGE: u64 = 262_143_328_850;

fn open_hwmon(sysfs: &FakeSysfs, chip: &str) -> Channel<Hwmon> {
    Hwmon::open(&sysfs.tree(), chip).expect("the chip can be read").expect("it is an accelerator")
}

#[test]
fn a_package_is_read_and_says_what_it_is() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 1_000_000);
    let mut rapl = Rapl::open(&sysfs.tree()).expect("one package");
    assert_eq!(rapl.source().provenance, Provenance::SocCounter, "a counter in the chip");
    assert_eq!(rapl.source().boundary, Boundary::CpuPackage, "the package");
    assert_eq!(rapl.source().rated_w, Some(Watts(240.0)), "the highest of its limits, not the long-term one");
    assert_eq!(rapl.read(Seconds(0.0)).energy, Ok(Joules(0.0)), "nothing since the first look");
    assert_eq!(rapl.read(Seconds(0.0)).power, Err(NoData::NotYet), "no mean from one moment");
    sysfs.set_energy(ZONE, 101_000_000);
    let reading = rapl.read(Seconds(1.0));
    assert_eq!(reading.energy, Ok(Joules(100.0)), "100 J");
    assert_eq!(reading.power, Ok(Watts(100.0)), "in 1 s");
    assert_eq!((rapl.coverage().looks, rapl.coverage().updates), (3, 2), "one look saw nothing new");
}

#[test]
fn only_packages_are_added() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 0);
    sysfs.rapl_zone("intel-rapl:1", "package-1", 0);
    let others = [
        ("intel-rapl:2", "psys"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:0:1", "dram"),
        ("intel-rapl-mmio:0", "package-0"),
    ];
    for (zone, name) in others {
        sysfs.rapl_zone(zone, name, 0);
    }
    let mut rapl = Rapl::open(&sysfs.tree()).expect("two packages");
    rapl.read(Seconds(0.0));
    for (zone, _) in others {
        sysfs.set_energy(zone, 7_000_000);
    }
    sysfs.set_energy(ZONE, 40_000_000);
    sysfs.set_energy("intel-rapl:1", 60_000_000);
    assert_eq!(rapl.read(Seconds(1.0)).energy, Ok(Joules(100.0)), "40 J and 60 J, and no joule twice");
    assert_eq!(rapl.source().rated_w, Some(Watts(480.0)), "the highest of both");
}

#[test]
fn every_package_wraps_alone() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", RANGE - 10_000_000);
    sysfs.rapl_zone("intel-rapl:1", "package-1", 50_000_000_000);
    let mut rapl = Rapl::open(&sysfs.tree()).expect("two packages");
    rapl.read(Seconds(0.0));
    sysfs.set_energy(ZONE, 90_000_000);
    sysfs.set_energy("intel-rapl:1", 50_050_000_000);
    let energy = rapl.read(Seconds(1.0)).energy.expect("a wrap is no reset");
    assert!((energy.0 - 150.0).abs() < 1e-6, "100 J over the end and 50 J, found {energy}");
}

#[test]
fn a_reset_package_voids_the_sum_of_all() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 100_000_000_000);
    sysfs.rapl_zone("intel-rapl:1", "package-1", 0);
    let mut rapl = Rapl::open(&sysfs.tree()).expect("two packages");
    rapl.read(Seconds(0.0));
    sysfs.set_energy(ZONE, 1_000_000);
    sysfs.set_energy("intel-rapl:1", 50_000_000);
    assert_eq!(rapl.read(Seconds(1.0)).energy, Err(NoData::CounterReset), "no partial total");
    assert_eq!(rapl.read(Seconds(2.0)).energy, Err(NoData::CounterReset), "nor later");
}

#[test]
fn a_package_without_limits_has_no_rating_and_still_wraps() {
    let sysfs = FakeSysfs::new();
    sysfs.write("class/powercap/intel-rapl:0/name", "package-0");
    sysfs.write("class/powercap/intel-rapl:0/energy_uj", "65532000000");
    sysfs.write("class/powercap/intel-rapl:0/max_energy_range_uj", "65532610987");
    let mut rapl = Rapl::open(&sysfs.tree()).expect("as AMD's packages are");
    assert_eq!(rapl.source().rated_w, None, "nobody states one");
    rapl.read(Seconds(0.0));
    sysfs.set_energy(ZONE, 99_389_013);
    let energy = rapl.read(Seconds(1.0)).energy.expect("a wrap");
    assert!((energy.0 - 100.0).abs() < 1e-6, "0.61 J to the end, 99.39 J after it, found {energy}");
}

#[test]
fn a_forbidden_counter_says_how_to_mend_it() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 0);
    sysfs.fail("class/powercap/intel-rapl:0/energy_uj", EACCES);
    let refusal = Rapl::open(&sysfs.tree()).err().expect("the counter cannot be read");
    assert_eq!(refusal.cause, NoData::NoPermission, "and it is known why");
    assert!(refusal.detail.ends_with("intel-rapl:0/energy_uj"), "the file is named: {}", refusal.detail);
    assert!(refusal.remedy.is_some_and(|remedy| remedy.contains("chmod a+r")), "a way out is named");
}

#[test]
fn a_masked_or_missing_tree_is_not_supported() {
    let sysfs = FakeSysfs::new();
    let missing = Rapl::open(&sysfs.tree()).err().expect("there is no tree");
    assert_eq!(missing.cause, NoData::NotSupported, "no powercap at all");
    sysfs.write("class/powercap/intel-rapl/enabled", "1");
    let empty = Rapl::open(&sysfs.tree()).err().expect("there is no zone");
    assert_eq!(empty.cause, NoData::NotSupported, "powercap without zones");
    std::fs::create_dir(sysfs.path("class/powercap/intel-rapl:0")).expect("directories can be made");
    let masked = Rapl::open(&sysfs.tree()).err().expect("the zone is empty");
    assert_eq!(masked.cause, NoData::NotSupported, "a container's mask leaves the name and nothing behind it");
    assert!(masked.remedy.is_some_and(|remedy| remedy.contains("container")), "a way out is named");
}

#[test]
fn a_directory_in_place_of_a_counter_is_not_supported() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 0);
    let counter = sysfs.path("class/powercap/intel-rapl:0/energy_uj");
    std::fs::remove_file(&counter).expect("it was written above");
    std::fs::create_dir(&counter).expect("directories can be made");
    let refusal = Rapl::open(&sysfs.tree()).err().expect("a directory has no number");
    assert_eq!(refusal.cause, NoData::NotSupported, "not a counter");
}

#[test]
fn texts_that_are_no_count_have_a_cause() {
    for text in ["", "\n", "[N/A]", "N/A\n", "[Not Supported]"] {
        assert_eq!(parse_count(text), Err(NoData::NotSupported), "{text:?} says that there is nothing");
    }
    for text in ["nan", "-1", "1.5", "18446744073709551615", "18446744073709551616", "4294967295", "12 W"] {
        assert_eq!(parse_count(text), Err(NoData::Implausible), "{text:?} cannot be");
    }
    assert_eq!(parse_count(" 42\n"), Ok(42), "a count between white space");
}

#[cfg(target_os = "linux")]
#[test]
fn errors_of_the_system_have_a_cause() {
    let causes = [
        (EACCES, NoData::NoPermission),
        (1, NoData::NoPermission),
        (EBUSY, NoData::Asleep),
        (19, NoData::Lost),
        (5, NoData::Lost),
        (6, NoData::Lost),
        (11, NoData::Timeout),
        (110, NoData::Timeout),
        (2, NoData::NotSupported),
        (21, NoData::NotSupported),
        (95, NoData::NotSupported),
    ];
    for (errno, cause) in causes {
        assert_eq!(cause_of(&std::io::Error::from_raw_os_error(errno)), cause, "error {errno}");
    }
}

#[test]
fn a_counter_that_fails_once_has_missed_nothing() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone(ZONE, "package-0", 0);
    let file = "class/powercap/intel-rapl:0/energy_uj";
    let mut rapl = Rapl::open(&sysfs.tree()).expect("one package");
    rapl.read(Seconds(0.0));
    sysfs.write(file, "[N/A]");
    let silent = rapl.read(Seconds(1.0));
    assert_eq!((silent.energy, silent.power), (Err(NoData::NotSupported), Err(NoData::NotSupported)), "never 0 W");
    std::fs::remove_file(sysfs.path(file)).expect("it was written above");
    assert_eq!(rapl.read(Seconds(2.0)).energy, Err(NoData::Lost), "a file that was there is lost, not unsupported");
    sysfs.set_energy(ZONE, 300_000_000);
    assert_eq!(rapl.read(Seconds(3.0)).energy, Ok(Joules(300.0)), "the counter went on without us");
    assert_eq!(rapl.coverage().missed, 2, "two looks brought nothing");
}

#[test]
fn an_amd_board_is_integrated_from_its_power() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "150000000\n");
    let mut board = open_hwmon(&sysfs, "hwmon2");
    assert_eq!(board.source().name, "amdgpu:0000:03:00.0", "named by its address");
    assert_eq!(board.source().boundary, Boundary::Accelerator, "it states a cap, so it is a board");
    assert_eq!(board.source().rated_w, Some(Watts(300.0)), "its cap");
    assert_eq!(board.sensor.place().vendor_id, Some(0x1002), "AMD");
    assert_eq!(board.read(Seconds(0.0)).power, Ok(Watts(150.0)), "microwatts to watts");
    sysfs.amdgpu("hwmon2", "250000000\n");
    assert_eq!(board.read(Seconds(0.4)).energy, Ok(Joules(80.0)), "200 W on average for 0.4 s");
}

#[test]
fn a_sleeping_board_is_asleep_and_leaves_a_gap() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "150000000\n");
    let mut board = open_hwmon(&sysfs, "hwmon2");
    board.read(Seconds(0.0));
    let file = "class/hwmon/hwmon2/power1_average";
    sysfs.fail(file, EBUSY);
    let asleep = board.read(Seconds(0.4));
    assert_eq!((asleep.energy, asleep.power), (Err(NoData::Asleep), Err(NoData::Asleep)), "no error and not 0 W");
    sysfs.mend(file);
    assert_eq!(board.read(Seconds(5.0)).energy, Ok(Joules(0.0)), "nothing is invented for the gap");
    let coverage = board.coverage();
    assert_eq!((coverage.gaps, coverage.gap_s, coverage.missed), (1, Seconds(5.0), 1), "the gap is counted");
}

#[test]
fn a_board_that_sleeps_when_it_is_opened_says_how_to_wake_it() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "150000000\n");
    sysfs.fail("class/hwmon/hwmon2/power1_average", EBUSY);
    let refusal = Hwmon::open(&sysfs.tree(), "hwmon2").err().expect("it sleeps");
    assert_eq!(refusal.cause, NoData::Asleep, "and says so");
    assert!(refusal.remedy.is_some(), "a way out is named");
}

#[test]
fn impossible_powers_are_dropped_not_integrated() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "100000000\n");
    let mut board = open_hwmon(&sysfs, "hwmon2");
    board.read(Seconds(0.0));
    for (step, text) in ["nan", "4294967295", "65535000000", "-5"].into_iter().enumerate() {
        sysfs.amdgpu("hwmon2", text);
        let reading = board.read(Seconds(0.05 * (step + 1) as f64));
        assert_eq!(reading.power, Err(NoData::Implausible), "{text} uW from a 300 W board");
        let fact = board.sensor.facts().reported_power_w;
        assert_eq!(fact.known(), Err(NoData::Implausible), "nor is it shown as a fact: {text}");
    }
    sysfs.amdgpu("hwmon2", "100000000\n");
    let energy = board.read(Seconds(0.4)).energy.expect("a good look again");
    assert!((energy.0 - 40.0).abs() < 1e-9, "100 W bridged over 0.4 s, found {energy}");
}

#[test]
fn an_unmetered_board_is_refused_for_its_zero() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "0\n");
    let refusal = Hwmon::open(&sysfs.tree(), "hwmon2").err().expect("0 W from a running board");
    assert_eq!(refusal.cause, NoData::Implausible, "a board that has never shown power is not measured");
}

#[test]
fn a_board_with_the_newer_file_alone_is_read_too() {
    let sysfs = FakeSysfs::new();
    sysfs.write("class/hwmon/hwmon0/name", "amdgpu");
    sysfs.write("class/hwmon/hwmon0/power1_input", "15000000");
    let mut board = open_hwmon(&sysfs, "hwmon0");
    assert_eq!(board.read(Seconds(0.0)).power, Ok(Watts(15.0)), "power1_input");
    assert_eq!(board.source().boundary, Boundary::Unknown, "no cap, and no number: nobody says what it covers");
    assert_eq!(board.source().name, "amdgpu:hwmon0", "no address is known");
}

#[test]
fn an_intel_board_is_read_from_its_counter() {
    for (driver, file) in [("i915", "energy1_input"), ("xe", "energy2_input")] {
        let sysfs = FakeSysfs::new();
        sysfs.write("class/hwmon/hwmon1/name", driver);
        sysfs.write(&format!("class/hwmon/hwmon1/{file}"), "5000000000");
        sysfs.write("class/hwmon/hwmon1/power1_max", "0");
        sysfs.write("class/hwmon/hwmon1/power1_rated_max", "190000000");
        let mut board = open_hwmon(&sysfs, "hwmon1");
        assert_eq!(board.source().rated_w, Some(Watts(190.0)), "{driver}: a limit of 0 is switched off");
        board.read(Seconds(0.0));
        sysfs.write(&format!("class/hwmon/hwmon1/{file}"), "5120000000");
        assert_eq!(board.read(Seconds(1.0)).energy, Ok(Joules(120.0)), "{driver}: microjoules");
        sysfs.write(&format!("class/hwmon/hwmon1/{file}"), "1000000");
        assert_eq!(board.read(Seconds(2.0)).energy, Err(NoData::CounterReset), "{driver}: the kernel repairs wraps");
    }
}

#[test]
fn a_chip_that_is_no_accelerator_is_passed_over() {
    let sysfs = FakeSysfs::new();
    sysfs.write("class/hwmon/hwmon0/name", "nvme");
    sysfs.write("class/hwmon/hwmon10/name", "coretemp");
    sysfs.write("class/hwmon/hwmon9/name", "amdgpu");
    assert_eq!(hwmon::chips(&sysfs.tree()), ["hwmon0", "hwmon9", "hwmon10"], "in the order of their numbers");
    let disk = Hwmon::open(&sysfs.tree(), "hwmon0").expect("nothing went wrong");
    assert!(disk.is_none(), "a disk is no accelerator");
    let bare = Hwmon::open(&sysfs.tree(), "hwmon9").err().expect("no power file");
    assert_eq!(bare.cause, NoData::NotSupported, "a board without a power sensor");
}

#[test]
fn a_board_that_says_that_it_sleeps_is_not_woken_by_a_read() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon2", "150000000\n");
    sysfs.write("class/hwmon/hwmon2/device/power/runtime_status", "suspended\n");
    let refusal = Hwmon::open(&sysfs.tree(), "hwmon2").err().expect("it sleeps");
    assert_eq!(refusal.cause, NoData::Asleep, "although its file would answer: {}", refusal.detail);
    sysfs.write("class/hwmon/hwmon2/device/power/runtime_status", "active\n");
    assert!(Hwmon::open(&sysfs.tree(), "hwmon2").is_ok_and(|board| board.is_some()), "awake, it is read");
}
