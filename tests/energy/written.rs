//! The same promise for what a meter wrote for itself and is merged afterwards.

use crate::power::{Power, Random, SHAPES, Shape};
use crate::truth::{CASES, Found, SEED, median};
use dawndusk::meter::meter_file::{Choices, MeterFile};
use dawndusk::meter::replay;
use dawndusk::reading::{Boundary, Provenance, Sensing, Source};
use dawndusk::units::Seconds;

/// Half width of the band that the user states.
const BAND: f64 = 0.01;

/// How a meter stamps what it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stamp {
    /// The power of that instant, as far as a meter can: the mean of a tenth of its period.
    Instant,
    /// The mean since the sample before, at its end.
    End,
    /// The same, as late as a quarter of a period after its end.
    Late,
}

/// Lines of a file as a meter writes them, some late, some lost.
fn written(power: &Power, until: f64, (period, stamp, gain): (f64, Stamp, f64), random: &mut Random) -> String {
    let (mut text, mut at) = ("t_s,power_w\n".to_owned(), period * random.between(1.0, 2.0));
    let loses = random.chance(0.3);
    while at < until {
        let over = if stamp == Stamp::Instant { 0.1 * period } else { period };
        let shown = gain * power.mean(at - over, at);
        let late = if stamp == Stamp::Late { random.between(0.0, 0.25) * period } else { 0.0 };
        if !(loses && random.chance(0.01)) {
            text.push_str(&format!("{:.4},{shown:.2}\n", at + late));
        }
        at += period;
    }
    text
}

fn case(number: u64, is_faulty: bool, fixed: Option<f64>) -> Found {
    let mut random = Random(SEED ^ (number << 8) ^ 0x66_69_6c_65);
    let shape = if is_faulty { SHAPES[number as usize % SHAPES.len()] } else { Shape::Steady };
    let period = random.scale(0.1, 1.0);
    let length = fixed.unwrap_or_else(|| period * random.scale(6.0, 60.0));
    let begin = 10.0 * period + random.between(0.0, 1.0) * period;
    let end = begin + length;
    let power = Power::random(&mut random, shape, period, (begin, end + 2.0));
    let stamps = [Stamp::Instant, Stamp::End, Stamp::Late];
    // Instants of a load that changes within the period say nothing of the mean.
    let is_slow = matches!(shape, Shape::Steady | Shape::Ramp);
    let stamp = if is_slow { stamps[number as usize % 3] } else { stamps[1 + number as usize % 2] };
    let gain = if is_faulty { 1.0 + random.between(-1.0, 1.0) * BAND } else { 1.0 };
    let text = written(&power, end + 2.0, (period, stamp, gain), &mut random);
    let file = MeterFile::parse(&text, &Choices::default()).expect("it is a meter's file");
    let source = Source {
        name: "file:0".into(),
        provenance: Provenance::ExternalMeter,
        boundary: Boundary::Wall,
        method: "a file".into(),
        update_period_s: file.period(),
        relative_uncertainty: Some(BAND),
        rated_w: None,
        sensing: Sensing::default(),
    };
    let drawn = replay::windows(&file, source.clone(), &[(Seconds(begin), Seconds(end))], &[])[0];
    Found { shape, length, truth: power.energy(end) - power.energy(begin), drawn, source }
}

#[test]
#[expect(clippy::print_stderr, reason = "a promise in figures says what was found")]
fn the_bounds_of_a_meters_own_file_hold() {
    let found: Vec<Found> = (0..CASES).map(|number| case(number, true, None)).collect();
    let judged: Vec<&Found> = found.iter().filter(|found| found.bounds().is_some()).collect();
    let broken: Vec<&&Found> = judged.iter().filter(|found| found.holds() == Some(false)).collect();
    let by_shape: Vec<String> = SHAPES
        .iter()
        .map(|&shape| format!("{shape:?} {}", broken.iter().filter(|found| found.shape == shape).count()))
        .collect();
    let share = 1.0 - broken.len() as f64 / judged.len() as f64;
    let is_steady = |found: &&&Found| found.shape == Shape::Steady && found.length >= 10.0;
    let steady = median(judged.iter().filter(is_steady).filter_map(|found| found.half_width()).collect());
    eprintln!(
        "File: seed {SEED}, {} of {CASES} with an energy, bounds hold in {:.2} % (broken: {}); half width {:.2} % of a steady \
         load of 10 s and more, {:.1} % of all",
        judged.len(),
        100.0 * share,
        by_shape.join(", "),
        100.0 * steady,
        100.0 * median(judged.iter().filter_map(|found| found.half_width()).collect())
    );
    assert!(judged.len() as f64 >= 0.9 * CASES as f64, "most windows have an energy, {} have", judged.len());
    assert!(share >= 0.99, "the true energy lies within the bounds in {:.2} %", 100.0 * share);
    assert!((BAND..0.03).contains(&steady), "a steady load has half a width of {steady}");
}

#[test]
fn a_steady_load_is_read_to_half_a_percent_and_a_minute_of_it_has_a_narrow_band() {
    for number in 0..300 {
        let found = case(number, false, Some(60.0));
        let energy = found.drawn.energy_j.expect("nothing was lost that matters").0;
        assert!((energy / found.truth - 1.0).abs() < 0.005, "case {number}: {energy} J of {} J", found.truth);
        let bare = Source { relative_uncertainty: Some(0.0), ..found.source.clone() };
        let (low, high) = found.drawn.bounds(&bare).expect("an energy");
        let width = (high - low).0 / 2.0 / energy;
        assert!(width < 0.01, "case {number}: {width} beside the gain");
    }
}
