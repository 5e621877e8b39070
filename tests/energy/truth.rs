//! How often the bounds hold, and how wide they are.

use crate::power::{IDLE, Power, Random, SHAPES, Shape};
use crate::sensors::{MODELS, Model, Polled, World};
use dawndusk::meter::suspend::SuspendWatch;
use dawndusk::meter::{Drawn, Gauge, Window};
use dawndusk::reading::Source;
use dawndusk::units::{Seconds, Watts};
use std::sync::{Arc, Mutex};

/// Cases of each source model.
pub(crate) const CASES: u64 = 10_000;
pub(crate) const SEED: u64 = 20_270_101;

/// Before the window, in which the load may already run.
const BEFORE: f64 = 3.0;

/// What one case found.
pub(crate) struct Found {
    pub(crate) shape: Shape,
    pub(crate) length: f64,
    pub(crate) truth: f64,
    pub(crate) drawn: Drawn,
    pub(crate) source: Source,
}

impl Found {
    pub(crate) fn half_width(&self) -> Option<f64> {
        self.bounds().map(|(low, high)| (high - low) / 2.0 / self.truth)
    }

    pub(crate) fn bounds(&self) -> Option<(f64, f64)> {
        self.drawn.bounds(&self.source).map(|(low, high)| (low.0, high.0))
    }

    pub(crate) fn holds(&self) -> Option<bool> {
        self.bounds().map(|(low, high)| low <= self.truth && self.truth <= high)
    }
}

/// A window of `length` over a load, with what may go wrong on the way.
fn case(model: Model, shape: Shape, length: f64, is_faulty: bool, mut random: Random) -> Found {
    let (begin, end) = (BEFORE + random.between(0.0, 1.0), 0.0);
    let end = end + begin + length;
    let (period, averaging) = model.timing(&mut random);
    let gain = if is_faulty { 1.0 + random.between(-1.0, 1.0) * model.gain() } else { 1.0 };
    let silence = if is_faulty && random.chance(0.1) { random.scale(0.02, 1.0) } else { 0.0 };
    let silent_from = random.between(begin, end);
    let world = World {
        now: 0.0,
        power: Power::random(&mut random, shape, period, (begin, end + 1.0)),
        gain,
        period,
        phase: random.between(0.0, 1.0) * period,
        averaging,
        silent: (silent_from, silent_from + silence),
    };
    let truth = world.power.energy(end) - world.power.energy(begin);
    let world = Arc::new(Mutex::new(world));
    let (meter, poll) = model.open(&world);
    let next = BEFORE - 1.5;
    let polled = Polled { meter, world, period: poll, random: Random(random.between(0.0, 1e15) as u64), next };
    let source = polled.meter.source().clone();
    let mut gauge = Gauge::with_watch(Box::new(polled), SuspendWatch::with_clock(Box::new(|| None)));
    gauge.set_idle(Watts(IDLE / 0.9));
    let mut now = BEFORE - 1.4;
    while now < begin - 0.1 {
        gauge.look(Seconds(now));
        now += random.between(0.05, 0.15);
    }
    let mut window = Window::open(&mut gauge, Seconds(begin));
    let mut now = begin + random.between(0.02, 0.3);
    while now < end {
        window.look(&mut gauge, Seconds(now));
        now += random.between(0.02, 0.3);
    }
    window.look(&mut gauge, Seconds(end));
    Found { shape, length, truth, drawn: window.drawn(&gauge), source }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Half widths as shares of the energy.
fn median_width(found: &[Found], keep: impl Fn(&Found) -> bool) -> f64 {
    median(found.iter().filter(|found| keep(found)).filter_map(Found::half_width).collect())
}

#[expect(clippy::print_stderr, reason = "a promise in figures says what was found")]
fn holds_its_promise(model: Model) {
    let found: Vec<Found> = (0..CASES)
        .map(|number| {
            let mut random = Random(SEED ^ (number << 8) ^ model as u64);
            let shape = SHAPES[number as usize % SHAPES.len()];
            let longest = if model.shortest() > 1.0 { 60.0 } else { 20.0 };
            let length = random.scale(model.shortest(), longest);
            case(model, shape, length, true, random)
        })
        .collect();
    let judged = found.iter().filter_map(Found::holds).count();
    let broken: Vec<&Found> = found.iter().filter(|found| found.holds() == Some(false)).collect();
    let share = 1.0 - broken.len() as f64 / judged as f64;
    let of = |shape| broken.iter().filter(|found| found.shape == shape).count();
    let by_shape: Vec<String> = SHAPES.iter().map(|&shape| format!("{shape:?} {}", of(shape))).collect();
    let is_steady = |found: &Found| found.shape == Shape::Steady && found.length >= 10.0;
    let steady = median_width(&found, is_steady);
    eprintln!(
        "{model:?}: seed {SEED}, {judged} of {CASES} with an energy, bounds hold in {:.2} % (broken: {}); \
         half width {:.2} % of a steady load of 10 s and more, {:.1} % of all",
        100.0 * share,
        by_shape.join(", "),
        100.0 * steady,
        100.0 * median_width(&found, |_| true)
    );
    assert!(judged as f64 >= 0.9 * CASES as f64, "{model:?}: most windows have an energy, {judged} of {CASES} have");
    assert!(share >= 0.99, "{model:?}: the true energy lies within the bounds in {:.2} % of {judged}", 100.0 * share);
    let widest = 1.5 * model.gain().max(0.02);
    assert!(steady <= widest, "{model:?}: a steady load has half a width of {steady}, over {widest}: it says nothing");
    assert!(steady >= model.gain(), "{model:?}: {steady} is narrower than the gain's band");
}

#[test]
fn the_bounds_of_nvmls_counter_hold() {
    holds_its_promise(Model::NvmlCounter);
}

#[test]
fn the_bounds_of_nvmls_power_that_sees_a_quarter_of_the_time_hold() {
    holds_its_promise(Model::NvmlQuarter);
}

#[test]
fn the_bounds_of_nvmls_power_averaged_over_a_second_hold() {
    holds_its_promise(Model::NvmlAverage);
}

#[test]
fn the_bounds_of_a_hwmon_power_hold() {
    holds_its_promise(Model::Hwmon);
}

#[test]
fn the_bounds_of_rapl_hold() {
    holds_its_promise(Model::Rapl);
}

#[test]
fn the_bounds_of_a_wall_meter_hold() {
    holds_its_promise(Model::Wall);
}

#[test]
fn the_bounds_of_a_wall_meter_that_averages_over_three_seconds_hold() {
    holds_its_promise(Model::WallAverage);
}

#[test]
fn the_bounds_of_lines_that_arrive_late_hold() {
    holds_its_promise(Model::Lines);
}

#[test]
#[expect(clippy::print_stderr, reason = "a promise in figures says what was found")]
fn a_steady_load_is_measured_to_half_a_percent_beside_the_gain() {
    for model in MODELS {
        let error = |number: u64| {
            let mut random = Random(SEED ^ (number << 8) ^ model as u64);
            let length = random.between(model.shortest().max(10.0), 30.0);
            let found = case(model, Shape::Steady, length, false, random);
            let energy = found.drawn.energy_j.expect("nothing went wrong").0;
            (energy / found.truth - 1.0).abs()
        };
        let worst = (0..500).map(error).fold(0.0, f64::max);
        eprintln!("{model:?}: the worst of 500 steady loads is off by {:.3} %", 100.0 * worst);
        assert!(worst < 0.005, "{model:?}: off by {:.3} %", 100.0 * worst);
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a promise in figures says what was found")]
fn a_minute_of_a_steady_load_has_a_band_of_under_a_percent_beside_the_gain() {
    for model in MODELS {
        let width = |number: u64| {
            let random = Random(SEED ^ (number << 8) ^ model as u64);
            let found = case(model, Shape::Steady, 60.0, false, random);
            let bare = Source { relative_uncertainty: Some(0.0), ..found.source.clone() };
            let (low, high) = found.drawn.bounds(&bare).expect("nothing went wrong");
            (high - low).0 / 2.0 / found.truth
        };
        let widest = (0..300).map(width).fold(0.0, f64::max);
        eprintln!("{model:?}: half a width of {:.3} % at the most over 60 s, beside the gain", 100.0 * widest);
        assert!(widest < 0.01, "{model:?}: {:.3} % beside the gain", 100.0 * widest);
    }
}

#[test]
fn windows_that_touch_add_up_to_the_window_over_both() {
    for model in MODELS {
        let mut random = Random(SEED);
        let (period, averaging) = model.timing(&mut random);
        let power = Power::random(&mut random, Shape::Steps, period, (3.0, 60.0));
        let world = World { now: 0.0, power, gain: 1.0, period, phase: 0.01, averaging, silent: (0.0, 0.0) };
        let world = Arc::new(Mutex::new(world));
        let (meter, poll) = model.open(&world);
        let polled = Polled { meter, world, period: poll, random, next: 1.0 };
        let mut gauge = Gauge::with_watch(Box::new(polled), SuspendWatch::with_clock(Box::new(|| None)));
        let looks: Vec<_> = (0..5).map(|step| gauge.look(Seconds(2.0 + 13.0 * f64::from(step)))).collect();
        let energy = |first, last| gauge.between(first, last).energy_j.expect("nothing went wrong").0;
        let sum: f64 = looks.windows(2).map(|pair| energy(&pair[0], &pair[1])).sum();
        let whole = energy(&looks[0], &looks[4]);
        assert!((sum - whole).abs() < 1e-6 * whole, "{model:?}: slices of {sum} J make {whole} J");
    }
}
