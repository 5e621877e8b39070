//! A recording in place of a meter, and the choice between sources that stand side by side.

use crate::fakes::{FakeBoard, FakeDriver, FakeSysfs};
use dawndusk::meter::channel::Channel;
use dawndusk::meter::recorded::Recorded;
use dawndusk::meter::{Accelerator, AcceleratorKind, Meter, MeterError, Roots, open_all};
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

fn recording(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let file = folder.path().join("looks.csv");
    std::fs::write(&file, text).expect("files can be written");
    (folder, file)
}

fn open(text: &str) -> Result<Channel<Recorded>, dawndusk::meter::Refusal> {
    let (_folder, file) = recording(text);
    Recorded::open("recorded:0", &file, Boundary::Wall)
}

#[test]
fn a_recording_is_replayed_from_the_first_look_on() {
    let mut meter = open("t_s,energy_j\n100,50\n100.5,100\n101,200\n102,300\n").expect("a good file");
    assert_eq!(meter.read(Seconds(7.0)).energy, Ok(Joules(0.0)), "the first line is the first look");
    assert_eq!(meter.read(Seconds(7.4)).energy, Ok(Joules(0.0)), "until the second");
    let reading = meter.read(Seconds(7.6));
    assert_eq!((reading.energy, reading.power), (Ok(Joules(50.0)), Ok(Watts(100.0))), "50 J in 0.5 s");
    assert_eq!(reading.taken_at, Seconds(7.5), "and it is as old as the line");
    assert_eq!(meter.read(Seconds(8.0)).energy, Ok(Joules(150.0)), "100 J more");
    assert_eq!(meter.read(Seconds(9.0)).energy, Err(NoData::Lost), "after the last line nobody knows");
}

#[test]
fn blank_lines_remarks_and_quotes_are_understood_and_counted() {
    let text = "# seconds, \"joules\"\r\nt_s,energy_j\r\n\r\n\"0\", 50\r\n 1 ,\"60\"\r\n2,70\r\n";
    let mut meter = open(text).expect("a good file");
    meter.read(Seconds(0.0));
    assert_eq!(meter.read(Seconds(1.0)).energy, Ok(Joules(10.0)), "quotes and white space are no part of a value");
    let refusal = open(&format!("{text}\r\n# the end\r\n3,much\r\n")).err().expect("no energy");
    assert!(refusal.detail.contains("line 9: the energy is neither"), "as an editor counts: {}", refusal.detail);
}

#[test]
fn a_recording_is_never_a_measurement() {
    let meter = open("0,0\n1,10\n").expect("a good file");
    let source = meter.source();
    assert_eq!(source.provenance, Provenance::Modelled, "it is not measured here and now");
    assert_eq!(source.relative_uncertainty, None, "no band");
    assert!(source.method.contains("a recording, not a measurement"), "{}", source.method);
}

#[test]
fn causes_in_a_recording_are_replayed_too() {
    let mut meter = open("0,0\n1,lost\n2,asleep\n3,30\n4,5\n5,9\n").expect("a good file");
    meter.read(Seconds(0.0));
    let lost = meter.read(Seconds(1.4));
    assert_eq!((lost.energy, lost.taken_at), (Err(NoData::Lost), Seconds(1.0)), "lost since its line");
    assert_eq!(meter.read(Seconds(2.0)).energy, Err(NoData::Asleep), "asleep");
    assert_eq!(meter.read(Seconds(3.0)).energy, Ok(Joules(30.0)), "and back");
    assert_eq!(meter.read(Seconds(4.0)).energy, Err(NoData::CounterReset), "it fell");
    assert_eq!(meter.coverage().missed, 3, "each is counted");
}

#[test]
fn a_bad_recording_is_refused_with_its_line() {
    for (text, fragment) in [
        ("", "two lines"),
        ("0,0\n", "two lines"),
        ("0,0\n0,1\n", "line 2"),
        ("0,0\nnan,1\n", "line 2"),
        ("0,0\n1,-5\n", "line 2"),
        ("0,0\n1,inf\n", "line 2"),
        ("0,0\n1,much\n", "line 2"),
        ("0,0\n1\n", "line 2"),
        ("0,0\n1,1,1\n", "line 2"),
        ("t_s,energy_j,heat\n0,0,0\n1,1,0\n", "`heat` is no column"),
        ("t_s,energy_j,thermal_s\n0,0,0\n1,1\n", "line 3: a column is missing"),
        ("t_s,energy_j,thermal_s\n0,0,2\n1,1,1\n", "line 3: a slowdown is finite and does not fall"),
        ("t_s,energy_j,thermal_s\n0,0,nan\n1,1,1\n", "line 2: a slowdown is finite"),
        ("t_s,energy_j,thermal_s\n0,0,0,0\n1,1,1\n", "line 2: more columns"),
    ] {
        let refusal = open(text).err().unwrap_or_else(|| panic!("{text:?} is no recording"));
        assert!(
            refusal.detail.contains(fragment) && refusal.detail.contains("looks.csv"),
            "{text:?}: {}",
            refusal.detail
        );
    }
}

#[test]
fn slowdowns_in_a_recording_are_those_of_the_last_line_that_has_passed() {
    let (_folder, file) = recording("t_s,energy_j,hardware_s,thermal_s\n0,0,0,0\n1,10,0.5,0\n2,20,0.5,1\n3,30,0.5,1\n");
    let mut meter = Recorded::open("recorded:0", &file, Boundary::Wall).expect("a recording");
    let mut at = |now: f64| {
        meter.read(Seconds(now));
        let times = meter.throttling().expect("it has columns of them");
        (times.hardware_s.0, times.thermal_s.0, times.counted)
    };
    assert_eq!(at(100.0), (0.0, 0.0, true), "the first line is the first look");
    assert_eq!(at(101.5), (0.5, 0.0, true), "after the second");
    assert_eq!(at(102.0), (0.5, 1.0, true), "columns by name, in any order");
    let (_folder, file) = recording("0,0\n1,10\n");
    let mut bare = Recorded::open("recorded:0", &file, Boundary::Wall).expect("a recording");
    bare.read(Seconds(0.0));
    assert_eq!(bare.throttling(), None, "without columns nobody says, which is not zero");
}

fn roots(sysfs: &FakeSysfs, boards: Vec<FakeBoard>) -> Roots {
    let (library_deadline, source_deadline) = (Seconds(30.0), Seconds(30.0));
    let drivers: Vec<Arc<dyn dawndusk::meter::board::BoardDriver>> = vec![Arc::new(FakeDriver(Ok(boards)))];
    Roots { sysfs: sysfs.tree(), drivers, addresses: Vec::new(), library_deadline, source_deadline }
}

fn wanted(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn sources_with_other_boundaries_stand_beside_the_flights_own() {
    let mut sysfs = FakeSysfs::new();
    sysfs.rapl_zone("intel-rapl:0", "package-0", 0);
    sysfs.run("intel-rapl:0", 100.0);
    let roots = roots(&sysfs, vec![FakeBoard::default(), FakeBoard::default()]);
    let adapter = Accelerator {
        kind: AcceleratorKind::Discrete,
        name: String::new(),
        vendor_id: Some(0x10de),
        pci_address: Some("0000:65:00.0".to_owned()),
    };
    let names = |wanted_names: &[&str]| {
        let selection = open_all(&roots, &wanted(wanted_names), &adapter).expect("they can be read");
        let beside: Vec<String> = selection.beside.iter().map(|meter| meter.source().name.clone()).collect();
        (selection.meter.source().name.clone(), beside)
    };
    let both = (String::from("nvml:1"), wanted(&["rapl"]));
    assert_eq!(names(&["nvml:1"]), both, "the package, but not the other board, which is not this flight's");
    let (_folder, file) = recording("0,0\n1,100\n");
    let address = format!("recorded://{}", file.display());
    let all = (String::from("nvml:0"), wanted(&["nvml:1", "recorded:0", "rapl"]));
    assert_eq!(names(&["nvml:0", "nvml:1", &address]), all, "what is asked for, in that order");
    assert_eq!(names(&[&address]).0, "recorded:0", "the first is the flight's");
}

#[test]
fn a_source_asked_for_twice_or_not_there_is_refused() {
    let sysfs = FakeSysfs::new();
    let roots = roots(&sysfs, vec![FakeBoard::default()]);
    let open = |names: &[&str]| open_all(&roots, &wanted(names), &Accelerator::software()).err().expect("refused");
    assert!(matches!(open(&["nvml", "nvml:0"]), MeterError::Twice { .. }), "one source has one place");
    let unknown = open(&["cpu-time", "wattmeter"]);
    assert!(unknown.to_string().contains("nvml:0, rapl, cpu-time"), "what there is: {unknown}");
    assert!(
        matches!(open(&["cpu-time", "rapl"]), MeterError::Refused(_)),
        "no silent stand-in beside the first either"
    );
    assert!(matches!(open(&["recorded://"]), MeterError::Address(_)), "no file");
}
