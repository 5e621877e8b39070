//! Reads the reference tables, and makes the satellites that they were made for.

use dawndusk::envelope::{Orbit, Scale, Sky, Spacecraft};
use dawndusk::profile::{self, Override, Satellite};
use jiff::Timestamp;
use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;
use std::path::Path;

/// One row of a table, by column name.
pub(crate) struct Row {
    header: Vec<String>,
    cells: Vec<String>,
}

impl Row {
    pub(crate) fn text(&self, column: &str) -> &str {
        let place = self.header.iter().position(|name| name == column);
        &self.cells[place.unwrap_or_else(|| panic!("no column {column}"))]
    }

    pub(crate) fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or_else(|_| panic!("column {column} is {:?}", self.text(column)))
    }
}

/// The rows of `tests/reference/FILE`, without its comment lines.
pub(crate) fn rows(file: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).map(split);
    let header = lines.next().expect("a table has a header");
    let rows: Vec<Row> = lines.map(|cells| Row { header: header.clone(), cells }).collect();
    assert!(rows.iter().all(|row| row.cells.len() == header.len()), "{file}: a row is not as long as the header");
    assert!(!rows.is_empty(), "{file}: no rows");
    rows
}

fn split(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

/// `leo-100kw` with these overrides.
pub(crate) fn satellite(overrides: &[&str]) -> Satellite {
    let overrides: Vec<Override> =
        overrides.iter().map(|text| text.parse().unwrap_or_else(|cause| panic!("{cause}"))).collect();
    profile::satellite("leo-100kw", &overrides).unwrap_or_else(|cause| panic!("{cause}"))
}

/// What the references leave out: housekeeping, conversion, cell temperature, ageing, a floor.
pub(crate) const NEUTRAL: [&str; 6] = [
    "bus.housekeeping_w=0",
    "bus.conversion_efficiency=1",
    "array.temperature_coefficient_per_k=0",
    "array.degradation_per_year=0",
    "battery.soc_min=0",
    "battery.soc_initial=1",
];

/// `leo-100kw` as the references have it, with further overrides.
pub(crate) fn neutral(overrides: &[&str]) -> Satellite {
    satellite(&[&NEUTRAL[..], overrides].concat())
}

/// Midnight UTC of a day such as `2027-01-15`.
pub(crate) fn midnight(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().unwrap_or_else(|cause| panic!("{day}: {cause}"))
}

/// The orbit of `satellite` on `day`.
pub(crate) fn orbit_on(satellite: &Satellite, day: &str) -> Orbit {
    Orbit::new(&satellite.orbit, midnight(day))
}

/// `satellite` at full size, from the start of its profile.
pub(crate) fn fly(satellite: &Satellite) -> Spacecraft {
    Spacecraft::new(satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start)
}

/// Asserts that `found` is within `tolerance` of `expected`.
#[track_caller]
pub(crate) fn near(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{what}: {found}, expected {expected} within {tolerance}");
}

/// Generated cases, the same in every run: the seed is fixed here and a failure prints its case.
pub(crate) fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(2027), failure_persistence: None, ..ProptestConfig::default() }
}
