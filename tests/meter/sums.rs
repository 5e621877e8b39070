//! Sums of sources whose values are of different times, and of some that are missing.

use dawndusk::meter::Meter;
use dawndusk::meter::sum::Sum;
use dawndusk::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source};
use dawndusk::units::{Joules, Seconds, Watts};
use proptest::prelude::*;

/// A source of a power that rises with time, `W = begin + slope t`, which is renewed at its own times.
struct Supply {
    source: Source,
    begin: f64,
    slope: f64,
    phase: f64,
    missing: Option<(f64, f64)>,
    coverage: Coverage,
}

fn supply(name: &str, begin: f64, slope: f64, phase: f64) -> Supply {
    let source = Source {
        name: name.into(),
        provenance: Provenance::ExternalMeter,
        boundary: Boundary::Wall,
        method: "a stand-in".into(),
        update_period_s: Seconds(1.0),
        relative_uncertainty: Some(0.02),
        rated_w: Some(Watts(500.0)),
        sensing: Sensing::default(),
    };
    Supply { source, begin, slope, phase, missing: None, coverage: Coverage::default() }
}

impl Supply {
    fn energy(&self, at: f64) -> f64 {
        self.begin * at + 0.5 * self.slope * at * at
    }
}

impl Meter for Supply {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.coverage.looks += 1;
        if self.missing.is_some_and(|(from, until)| from <= now.0 && now.0 < until) {
            return Reading::absent(now, NoData::Lost);
        }
        let at = (now.0 - self.phase).floor().max(-self.phase) + self.phase;
        let power = Ok(Watts(self.begin + self.slope * at));
        Reading { taken_at: Seconds(at), energy: Ok(Joules(self.energy(at))), power }
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }
}

fn sum(supplies: Vec<Supply>) -> Sum {
    let meters = supplies.into_iter().map(|supply| Box::new(supply) as Box<dyn Meter>).collect();
    Sum::of("sum:0", meters).expect("alike")
}

proptest! {
    #[test]
    fn steady_supplies_that_are_renewed_at_different_times_are_added_to_the_joule(
        first in 1.0..500.0_f64,
        second in 1.0..500.0_f64,
        phase in 0.0..0.99_f64,
        pause in 0.05..1.5_f64,
    ) {
        let mut sum = sum(vec![supply("a", first, 0.0, 0.0), supply("b", second, 0.0, phase)]);
        let mut last = Joules::ZERO;
        for look in 2..60 {
            let reading = sum.read(Seconds(pause * f64::from(look)));
            let Ok(energy) = reading.energy else { continue };
            let expected = (first + second) * reading.taken_at.0;
            prop_assert!((energy.0 - expected).abs() < 1e-6 * expected.max(1.0), "{energy} for {expected} J");
            prop_assert!(energy >= last, "it never falls: {energy} after {last}");
            last = energy;
        }
        prop_assert!(last > Joules::ZERO, "it counted");
    }
}

#[test]
fn rising_powers_are_added_within_what_a_line_between_looks_can_miss() {
    let mut sum = sum(vec![supply("a", 100.0, 10.0, 0.0), supply("b", 50.0, -2.0, 0.4)]);
    let mut worst: f64 = 0.0;
    for look in 1..100 {
        let reading = sum.read(Seconds(0.2 * f64::from(look)));
        let Ok(energy) = reading.energy else { continue };
        let at = reading.taken_at.0;
        let truth = 150.0 * at + 0.5 * 8.0 * at * at;
        worst = worst.max((energy.0 - truth).abs());
    }
    // A chord over one second of a parabola of slope s misses s / 8.
    assert!(worst <= 10.0 / 8.0 + 1e-9, "the worst is {worst} J");
}

#[test]
fn a_part_without_an_energy_leaves_the_sum_without() {
    let gone = Supply { missing: Some((5.0, 8.0)), ..supply("b", 50.0, 0.0, 0.3) };
    let mut sum = sum(vec![supply("a", 100.0, 0.0, 0.0), gone]);
    let seen = (0..5).filter(|look| sum.read(Seconds(f64::from(*look))).energy.is_ok()).count();
    assert!(seen >= 3, "until then it is whole: {seen}");
    assert_eq!(sum.read(Seconds(6.0)).energy, Err(NoData::Lost), "half a sum is none");
    assert_eq!(sum.read(Seconds(7.0)).power, Err(NoData::Lost), "nor half a power");
    let back = sum.read(Seconds(10.0));
    let energy = back.energy.expect("it is back");
    assert!((energy.0 - 150.0 * back.taken_at.0).abs() < 1e-6, "{energy} at {}", back.taken_at);
}

#[test]
fn what_a_sum_is_follows_from_its_parts() {
    let mut board = supply("c", 10.0, 0.0, 0.0);
    board.source.boundary = Boundary::Accelerator;
    let unlike: Vec<Box<dyn Meter>> = vec![Box::new(supply("a", 1.0, 0.0, 0.0)), Box::new(board)];
    let why = Sum::of("sum:0", unlike).err().expect("unlike");
    assert!(why.contains("a covers the whole machine, c covers one board"), "{why}");
    let mut model = supply("b", 1.0, 0.0, 0.0);
    (model.source.provenance, model.source.relative_uncertainty) = (Provenance::Modelled, None);
    let mixed = sum(vec![supply("a", 1.0, 0.0, 0.0), model]);
    let source = mixed.source();
    assert_eq!((source.provenance, source.relative_uncertainty), (Provenance::Modelled, None), "the worst of them");
    assert_eq!(source.rated_w, Some(Watts(1000.0)), "together");
}
