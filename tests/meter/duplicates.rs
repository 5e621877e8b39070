//! Two dies of one package that both report its total, told from two boards of a kind by what they show.

use crate::fakes::FakeSysfs;
use dawndusk::meter::{Accelerator, AcceleratorKind, MeterError, Roots, Selection, open_all, probe};
use dawndusk::reading::NoData;
use dawndusk::units::Seconds;

const FIRST: &str = "amdgpu:0000:03:00.0";
const SECOND: &str = "amdgpu:0000:04:00.0";

/// Two chips of AMD's, on bus 3 and 4, that draw what `powers` say.
fn two_chips(powers: [fn(f64) -> f64; 2]) -> (FakeSysfs, Roots) {
    let mut sysfs = FakeSysfs::new();
    for (index, power) in powers.into_iter().enumerate() {
        let chip = format!("hwmon{index}");
        sysfs.amdgpu(&chip, "280000000");
        let uevent = format!("DRIVER=amdgpu\nPCI_ID=1002:744C\nPCI_SLOT_NAME=0000:0{}:00.0\n", index + 3);
        sysfs.write(&format!("class/hwmon/{chip}/device/uevent"), &uevent);
        sysfs.follow(&format!("class/hwmon/{chip}/power1_average"), power);
    }
    let roots = Roots { sysfs: sysfs.tree(), drivers: Vec::new(), ..Roots::default() };
    (sysfs, roots)
}

fn adapter(pci_address: Option<&str>) -> Accelerator {
    Accelerator {
        kind: AcceleratorKind::Discrete,
        name: "AMD Test Board".to_owned(),
        vendor_id: Some(0x1002),
        pci_address: pci_address.map(str::to_owned),
    }
}

fn chosen(roots: &Roots, address: Option<&str>) -> Result<Selection, MeterError> {
    open_all(roots, &[], &adapter(address))
}

/// Who is said to be the same as whom.
fn marks(roots: &Roots) -> Vec<(String, String)> {
    let probes = probe(roots).into_iter();
    probes.filter_map(|probe| Some((probe.name.clone(), probe.same_as?))).collect()
}

fn wave(seconds: f64) -> f64 {
    200.0 + 60.0 * (seconds * 9.0).sin()
}

#[test]
fn two_dies_that_both_report_the_total_are_counted_once() {
    // A percent apart, as two filters of the same current are.
    let (_sysfs, roots) = two_chips([wave, |seconds| wave(seconds) * 1.01]);
    assert_eq!(marks(&roots), [(SECOND.to_owned(), FIRST.to_owned())], "told from what they show");
    let mut selection = chosen(&roots, None).expect("either is the right one");
    assert_eq!(selection.meter.source().name, FIRST, "the first counts");
    assert!(selection.covers_accelerator, "and covers what computes");
    assert!(selection.beside.iter().all(|meter| meter.source().name != SECOND), "the second is not taken beside it");
    let power = selection.meter.read(Seconds(0.0)).power.expect("it is read");
    assert!(power.0 > 130.0 && power.0 < 270.0, "200 W and 60 W around it, once: {power}");
    let line = selection.probes.iter().find(|probe| probe.name == SECOND).expect("it keeps its line").to_string();
    assert!(line.contains(FIRST) && line.contains("one of them counts"), "and says so: {line}");
    let by_address = chosen(&roots, Some("0000:04:00.0")).expect("the die at that address");
    assert_eq!(by_address.meter.source().name, SECOND, "an address is an address");
}

#[test]
fn two_dies_that_both_report_the_total_are_not_added_and_two_boards_are() {
    let sum = [format!("sum:{FIRST},{SECOND}")];
    let (_sysfs, roots) = two_chips([wave, wave]);
    let error = open_all(&roots, &sum, &adapter(None)).err().expect("it would be twice the package").to_string();
    assert!(error.contains("shows the same watts as"), "{error}");
    let (_sysfs, roots) = two_chips([wave, |seconds| wave(seconds + 0.35)]);
    for (address, is_covered) in [("0000:03:00.0", true), ("0000:04:00.0", true), ("0000:09:00.0", false)] {
        let selection = open_all(&roots, &sum, &adapter(Some(address))).expect("two boards");
        assert_eq!(selection.covers_accelerator, is_covered, "the adapter at {address}");
    }
}

#[test]
fn two_boards_that_work_for_themselves_are_two() {
    let (_sysfs, roots) = two_chips([wave, |seconds| wave(seconds + 0.35)]);
    assert_eq!(marks(&roots), [], "the same load at another time");
    let error = chosen(&roots, None).err().expect("a guess");
    assert!(matches!(error, MeterError::Ambiguous { .. }), "not guessed at: {error}");
}

#[test]
fn two_boards_that_idle_alike_are_not_taken_for_one() {
    let (_sysfs, roots) = two_chips([|_| 41.0, |_| 41.0]);
    assert_eq!(marks(&roots), [], "nothing moves, nothing is known");
    assert!(matches!(chosen(&roots, None), Err(MeterError::Ambiguous { .. })), "and nothing is guessed");
}

#[test]
fn a_die_that_leaves_its_power_to_the_other_is_refused_for_its_zero() {
    let (_sysfs, roots) = two_chips([wave, |_| 0.0]);
    let probes = probe(&roots);
    let second = probes.iter().find(|probe| probe.name == "hwmon1").expect("it has its line");
    let refusal = second.refusal.as_ref().expect("0 W of a die that works is no reading");
    assert_eq!(refusal.cause, NoData::Implausible, "{refusal:?}");
    let remedy = refusal.remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains("second die") && remedy.contains("--meter"), "where its power is: {remedy}");
    assert_eq!(chosen(&roots, None).expect("the first").meter.source().name, FIRST, "which is taken");
}
