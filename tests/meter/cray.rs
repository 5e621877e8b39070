//! A Cray node's counters, file by file.

use crate::fakes::FakeSysfs;
use dawndusk::meter::Meter;
use dawndusk::meter::cray::Cray;
use dawndusk::meter::sysfs::Tree;
use dawndusk::reading::NoData;
use dawndusk::units::{Joules, Seconds, Watts};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const FOLDER: &str = "cray/pm_counters";

fn node(freshness: u64, joules: u64, watts: u64) -> FakeSysfs {
    let sysfs = FakeSysfs::new();
    for (file, text) in [("raw_scan_hz", "10"), ("generation", "1"), ("power_cap", "0 W")] {
        sysfs.write(&format!("{FOLDER}/{file}"), text);
    }
    renew(&sysfs, freshness, joules, watts);
    sysfs
}

fn renew(sysfs: &FakeSysfs, freshness: u64, joules: u64, watts: u64) {
    sysfs.write(&format!("{FOLDER}/freshness"), &format!("{freshness}\n"));
    sysfs.write(&format!("{FOLDER}/energy"), &format!("{joules} J\n"));
    sysfs.write(&format!("{FOLDER}/power"), &format!("{watts} W\n"));
}

#[test]
fn a_reading_grows_older_while_freshness_stands() {
    let sysfs = node(7, 1_000, 500);
    let mut meter = Cray::open(&sysfs.tree()).expect("it can be read").expect("a node");
    meter.read(Seconds(0.0));
    renew(&sysfs, 8, 1_050, 510);
    let fresh = meter.read(Seconds(0.1));
    assert_eq!((fresh.energy, fresh.power), (Ok(Joules(50.0)), Ok(Watts(510.0))), "a renewal");
    let old = meter.read(Seconds(0.9));
    assert_eq!(old.taken_at, Seconds(0.1), "the same renewal is as old as it is: {old:?}");
}

#[test]
fn values_of_two_renewals_are_not_mixed() {
    let sysfs = node(7, 1_000, 500);
    let root = sysfs.path("");
    let looks = AtomicU64::new(0);
    // The node is renewed between the first and the second look at freshness.
    let read = move |path: &Path| {
        let text = std::fs::read_to_string(path)?;
        Ok(match path.file_name().and_then(|name| name.to_str()) {
            Some("freshness") => looks.fetch_add(1, Ordering::Relaxed).clamp(1, 2).to_string(),
            Some("energy") if looks.load(Ordering::Relaxed) > 2 => "1100 J".to_owned(),
            _ => text,
        })
    };
    let mut meter = Cray::open(&Tree::with_reader(root, Arc::new(read))).expect("it can be read").expect("a node");
    let first = meter.read(Seconds(0.0));
    assert_eq!(first.energy, Ok(Joules(0.0)), "one look, of one renewal: {first:?}");
    assert_eq!(meter.coverage().missed, 0, "read again, and nothing is lost");
}

#[test]
fn a_cap_is_read_anew_when_its_generation_changes() {
    let sysfs = node(1, 1_000, 500);
    let mut meter = Cray::open(&sysfs.tree()).expect("it can be read").expect("a node");
    meter.read(Seconds(0.0));
    renew(&sysfs, 2, 1_500, 500);
    meter.read(Seconds(1.0));
    let capped = |meter: &dyn Meter| meter.throttling().map(|times| times.power_cap_s);
    assert_eq!(capped(&meter), Some(Seconds(0.0)), "no cap, nothing is capped");
    sysfs.write(&format!("{FOLDER}/power_cap"), "505 W");
    sysfs.write(&format!("{FOLDER}/generation"), "2");
    for (step, joules) in [(2.0, 2_000), (3.0, 2_500)] {
        renew(&sysfs, step as u64 + 1, joules, 500);
        meter.read(Seconds(step));
    }
    assert!(capped(&meter).is_some_and(|time| time.0 >= 1.0), "500 W at a cap of 505 W: {:?}", capped(&meter));
}

#[test]
fn a_value_in_another_unit_or_of_no_number_is_refused() {
    for (text, cause) in [("1000 kJ", NoData::Implausible), ("", NoData::NotSupported), ("-5 J", NoData::Implausible)] {
        let sysfs = node(1, 1_000, 500);
        sysfs.write(&format!("{FOLDER}/energy"), text);
        let refusal = Cray::open(&sysfs.tree()).err().expect("no joules");
        assert_eq!(refusal.cause, cause, "`{text}`: {}", refusal.detail);
        assert!(refusal.detail.ends_with("pm_counters/energy"), "the file is named: {}", refusal.detail);
    }
}
