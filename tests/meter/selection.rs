//! Probing and choosing.

use crate::fakes::{EACCES, FakeBoard, FakeDriver, FakeSysfs};
use dawndusk::meter::board::BoardDriver;
use dawndusk::meter::sysfs::Tree;
use dawndusk::meter::{Accelerator, AcceleratorKind, MeterError, Probe, Refusal, Roots, open_all, probe};
use dawndusk::reading::{NoData, Provenance};
use dawndusk::units::Seconds;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn roots(tree: Tree, boards: Vec<FakeBoard>) -> Roots {
    let driver = if boards.is_empty() {
        FakeDriver(Err(Refusal::new(NoData::NotSupported, "no library").with_remedy("install the driver")))
    } else {
        FakeDriver(Ok(boards))
    };
    let drivers: Vec<Arc<dyn BoardDriver>> = vec![Arc::new(driver)];
    Roots {
        sysfs: tree,
        drivers,
        addresses: Vec::new(),
        library_deadline: Seconds(30.0),
        source_deadline: Seconds(30.0),
    }
}

fn adapter(kind: AcceleratorKind, pci_address: Option<&str>) -> Accelerator {
    Accelerator {
        kind,
        name: "NVIDIA Test Board".to_owned(),
        vendor_id: Some(0x10de),
        pci_address: pci_address.map(str::to_owned),
    }
}

fn find<'a>(probes: &'a [Probe], name: &str) -> &'a Probe {
    probes.iter().find(|probe| probe.name == name).expect("the candidate is in the report")
}

#[test]
fn a_bare_machine_has_the_model_and_says_why_not_more() {
    let sysfs = FakeSysfs::new();
    let probes = probe(&roots(sysfs.tree(), Vec::new()));
    let names: Vec<&str> = probes.iter().map(|probe| probe.name.as_str()).collect();
    assert_eq!(names, ["nvml", "rapl", "cpu-time"], "every candidate has its line");
    assert!(!find(&probes, "nvml").is_readable(), "no library");
    assert!(!find(&probes, "rapl").is_readable(), "no tree");
    let line = find(&probes, "nvml").to_string();
    assert!(line.contains("no library") && line.contains("install the driver"), "cause and remedy: {line}");
    for probe in &probes {
        assert_eq!(probe.to_string().lines().count(), 1, "one line each: {probe}");
    }
}

#[test]
fn a_report_goes_through_json_and_back() {
    let sysfs = FakeSysfs::new();
    let probes = probe(&roots(sysfs.tree(), vec![FakeBoard::default()]));
    let text = serde_json::to_string(&probes).expect("a report serialises");
    let back: Vec<Probe> = serde_json::from_str(&text).expect("and comes back");
    assert_eq!(back.len(), probes.len(), "no line is lost");
    let board = find(&back, "nvml:0");
    assert!(board.source.is_some() && board.read_cost_s.is_some() && board.refusal.is_none(), "{board}");
    assert!(text.contains(r#""provenance":"board_sensor""#), "the provenance travels: {text}");
}

#[test]
fn a_hardware_adapter_gets_its_own_board() {
    let sysfs = FakeSysfs::new();
    let other = FakeBoard::with(|state| state.pci_address = Some("00000000:17:00.0".to_owned()));
    let roots = roots(sysfs.tree(), vec![other, FakeBoard::default()]);
    let adapter = adapter(AcceleratorKind::Discrete, Some("0000:65:00.0"));
    let mut selection = open_all(&roots, &[], &adapter).expect("a board");
    assert_eq!(selection.meter.source().name, "nvml:1", "the one at the adapter's address");
    assert!(selection.covers_accelerator, "it measures what computes");
    let start = Instant::now();
    let early = selection.meter.read(Seconds(0.0)).energy.expect("it answers");
    std::thread::sleep(Duration::from_millis(50));
    let reading = selection.meter.read(Seconds(start.elapsed().as_secs_f64()));
    assert!(reading.energy.is_ok_and(|late| late.0 > early.0), "its counter moves: {early} then {reading:?}");
}

#[test]
fn two_boards_that_cannot_be_told_apart_are_not_guessed_at() {
    let sysfs = FakeSysfs::new();
    let roots = roots(sysfs.tree(), vec![FakeBoard::default(), FakeBoard::default()]);
    let adapter = adapter(AcceleratorKind::Discrete, None);
    let error = open_all(&roots, &[], &adapter).err().expect("a guess");
    assert!(matches!(&error, MeterError::Ambiguous { boards, .. } if boards == "nvml:0, nvml:1"), "{error}");
    let named = open_all(&roots, &["nvml:1".to_owned()], &adapter).expect("named");
    assert_eq!(named.meter.source().name, "nvml:1", "a name settles it");
}

#[test]
fn a_board_of_another_vendor_is_not_the_adapters() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon0", "90000000");
    let roots = roots(sysfs.tree(), Vec::new());
    let adapter = adapter(AcceleratorKind::Discrete, None);
    let selection = open_all(&roots, &[], &adapter).expect("the model remains");
    assert_eq!(selection.meter.source().name, "cpu-time", "AMD's board does not measure NVIDIA's adapter");
    assert!(!selection.covers_accelerator, "and the model does not see the board");
    let amd = Accelerator { vendor_id: Some(0x1002), name: "AMD Test Board".to_owned(), ..adapter };
    let selection = open_all(&roots, &[], &amd).expect("a board");
    assert_eq!(selection.meter.source().name, "amdgpu:0000:03:00.0", "but AMD's adapter");
    assert!(selection.covers_accelerator, "it measures what computes");
}

#[test]
fn a_software_renderer_gets_the_package_if_it_can_be_read() {
    let mut sysfs = FakeSysfs::new();
    sysfs.rapl_zone("intel-rapl:0", "package-0", 0);
    sysfs.run("intel-rapl:0", 100.0);
    let roots = roots(sysfs.tree(), vec![FakeBoard::default()]);
    let mut selection = open_all(&roots, &[], &Accelerator::software()).expect("the package");
    assert_eq!(selection.meter.source().name, "rapl", "not the idle board beside it");
    assert!(selection.covers_accelerator, "the package computes");
    let power = selection.meter.read(Seconds(0.0)).power.expect("a mean since it was probed");
    assert!(power.0 > 0.0, "a package draws power, found {power}");
    sysfs.fail("class/powercap/intel-rapl:0/energy_uj", EACCES);
    let selection = open_all(&roots, &[], &Accelerator::software()).expect("the model remains");
    assert_eq!(selection.meter.source().provenance, Provenance::Modelled, "without permission");
    assert!(selection.covers_accelerator, "the model's process computes");
    let cause = find(&selection.probes, "rapl").refusal.as_ref().map(|refusal| refusal.cause);
    assert_eq!(cause, Some(NoData::NoPermission), "the report says why");
}

#[test]
fn a_counter_that_never_moves_is_refused() {
    let sysfs = FakeSysfs::new();
    sysfs.rapl_zone("intel-rapl:0", "package-0", 77);
    let probes = probe(&roots(sysfs.tree(), Vec::new()));
    let cause = find(&probes, "rapl").refusal.as_ref().map(|refusal| refusal.cause);
    assert_eq!(cause, Some(NoData::Implausible), "a package in use does not draw 0 W");
}

#[test]
fn a_source_asked_for_by_name_is_given_or_refused() {
    let sysfs = FakeSysfs::new();
    let roots = roots(sysfs.tree(), vec![FakeBoard::default()]);
    let software = Accelerator::software();
    let by_prefix = open_all(&roots, &["nvml".to_owned()], &software).expect("the only one");
    assert_eq!(by_prefix.meter.source().name, "nvml:0", "a prefix is enough if it fits one");
    assert!(!by_prefix.covers_accelerator, "the board is not what computes");
    let refused = open_all(&roots, &["rapl".to_owned()], &software).err().expect("no tree");
    assert!(matches!(&refused, MeterError::Refused(probe) if probe.name == "rapl"), "no silent stand-in: {refused}");
    let unknown = open_all(&roots, &["wattmeter".to_owned()], &software).err().expect("no such");
    let text = unknown.to_string();
    assert!(text.contains("wattmeter") && text.contains("nvml:0, rapl, cpu-time"), "both sides are named: {text}");
}

fn hang(sysfs: &FakeSysfs, file: &str) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let path = sysfs.path(file);
    std::fs::remove_file(&path).expect("it was written before");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe that nobody writes to");
}

#[test]
fn a_sensor_that_hangs_when_it_is_opened_is_named_and_the_rest_goes_on() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon0", "90000000");
    sysfs.amdgpu("hwmon1", "90000000");
    hang(&sysfs, "class/hwmon/hwmon0/power1_average");
    let roots = Roots { source_deadline: Seconds(2.0), ..roots(sysfs.tree(), Vec::new()) };
    let start = Instant::now();
    let probes = probe(&roots);
    assert!(start.elapsed().as_secs_f64() < 20.0, "the deadline holds, took {:?}", start.elapsed());
    let cause = find(&probes, "hwmon0").refusal.as_ref().map(|refusal| refusal.cause);
    assert_eq!(cause, Some(NoData::Timeout), "the sensor that hangs is named");
    assert!(find(&probes, "amdgpu:0000:03:00.0").is_readable(), "the one beside it is read");
}

#[test]
fn a_sensor_that_hangs_in_flight_is_abandoned() {
    let sysfs = FakeSysfs::new();
    sysfs.amdgpu("hwmon0", "90000000");
    let roots = roots(sysfs.tree(), Vec::new());
    let mut selection = open_all(&roots, &["amdgpu".to_owned()], &Accelerator::software()).expect("read");
    assert!(selection.meter.read(Seconds(0.0)).power.is_ok(), "it works at first");
    hang(&sysfs, "class/hwmon/hwmon0/power1_average");
    // The thread's own look may fall between removing and making the file: then the board is lost for one look.
    let mut causes = Vec::new();
    let start = Instant::now();
    while causes.last() != Some(&NoData::Timeout) && start.elapsed().as_secs_f64() < 30.0 {
        causes.extend(selection.meter.read(Seconds(1.0)).power.err());
    }
    assert_eq!(causes.last(), Some(&NoData::Timeout), "the flight goes on without it");
    let before = Instant::now();
    for _ in 0..100 {
        assert_eq!(selection.meter.read(Seconds(2.0)).energy, Err(NoData::Timeout), "and stays without it");
    }
    assert!(before.elapsed().as_secs_f64() < 10.0, "without waiting each time, took {:?}", before.elapsed());
}
