//! Ten thousand random meters: late, coarse, ragged, with gaps, stuck, reset, from a millisecond to ten seconds.
//!
//! What moves the confirmed spacecraft is what was counted and what is assumed for the gaps, to the joule; and every counted
//! window is the difference of two readings that the meter gave.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::estimator::{Assumptions, Estimator, OperatingRange};
use dawndusk::profile;
use dawndusk::reading::{Basis, EnergyWindow, NoData, Reading};
use dawndusk::units::{Joules, Seconds, Watts};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const METERS: u64 = 10_000;
const IDLE: Watts = Watts(3.0);
const FULL: Watts = Watts(12.0);
/// Ticks of one flight.
const TICKS: u32 = 120;

/// A meter, drawn from a seed.
struct Meter {
    period: f64,
    lag: f64,
    /// Renewals come late by up to this share of the period.
    jitter: f64,
    /// Steps of the counter, J.
    step: f64,
    /// From and until which time it does what.
    fault: Option<(f64, f64, Fault)>,
    rng: ChaCha8Rng,
    /// Shown last.
    shown: Reading,
    next: f64,
    origin: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Silent,
    Stuck,
    Timeout,
    Lost,
    Reset,
    NotANumber,
}

impl Meter {
    fn draw(seed: u64) -> Meter {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let period = 1e-3 * 10f64.powf(rng.random_range(0.0..4.0));
        let faults = [Fault::Silent, Fault::Stuck, Fault::Timeout, Fault::Lost, Fault::Reset, Fault::NotANumber];
        let length = period.max(0.05) * f64::from(TICKS);
        let begin = length * rng.random_range(0.1..0.8);
        let fault = (begin, begin + length * rng.random_range(0.01..0.3), faults[rng.random_range(0..faults.len())]);
        Meter {
            period,
            lag: if rng.random_bool(0.3) { 0.0 } else { period * rng.random_range(0.0..3.0) },
            jitter: if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..0.3) },
            step: if rng.random_bool(0.5) { 0.0 } else { 10f64.powf(rng.random_range(-4.0..0.5)) },
            fault: rng.random_bool(0.7).then_some(fault),
            rng,
            shown: Reading::absent(Seconds::ZERO, NoData::NotYet),
            next: 0.0,
            origin: 0.0,
        }
    }

    /// What it shows at `now`, where `drawn` gives the energy until a time.
    fn look(&mut self, now: f64, drawn: impl Fn(f64) -> f64) -> Reading {
        let fault = self.fault.filter(|(from, until, _)| (*from..*until).contains(&now)).map(|(_, _, fault)| fault);
        if fault == Some(Fault::Silent) {
            return self.shown;
        }
        if now >= self.next {
            let taken_at = now;
            self.next = now + self.period * (1.0 + self.jitter * self.rng.random_range(0.0..1.0));
            let energy = drawn(taken_at - self.lag);
            if fault == Some(Fault::Reset) && self.origin == 0.0 {
                self.origin = energy;
            }
            let energy = (energy - self.origin).max(0.0);
            let stepped = if self.step > 0.0 { (energy / self.step).floor() * self.step } else { energy };
            let (taken_at, power) = (Seconds(taken_at), Err(NoData::NotSupported));
            self.shown = Reading { taken_at, energy: Ok(Joules(stepped)), power };
        }
        match fault {
            Some(Fault::Stuck) => Reading { taken_at: Seconds(now), ..self.shown },
            Some(Fault::Timeout) => Reading::absent(Seconds(now), NoData::Timeout),
            Some(Fault::Lost) => Reading::absent(Seconds(now), NoData::Lost),
            Some(Fault::NotANumber) => Reading { energy: Ok(Joules(f64::NAN)), ..self.shown },
            _ => self.shown,
        }
    }
}

/// Whether two readings of the meter show the energy of `window`: the whole of their difference, or its share after departure.
fn is_shown(window: &EnergyWindow, readings: &[Reading], lag: f64) -> bool {
    let of = |reading: &Reading| reading.energy.ok().map(|energy| (reading.taken_at.0 - lag, energy.0));
    let known: Vec<(f64, f64)> = readings.iter().filter_map(of).filter(|(_, energy)| energy.is_finite()).collect();
    let near = |one: f64, two: f64| (one - two).abs() <= 1e-9 * (1.0 + one.abs());
    known.iter().rev().filter(|(to, _)| near(*to, window.to_s.0)).any(|(to, after)| {
        known.iter().rev().any(|(from, before)| {
            let power = (after - before) / (to - from);
            from < to && near(power * window.span().0, window.energy_j.0) && *from <= window.from_s.0 + 1e-9
        })
    })
}

fn fly(seed: u64, craft: &Spacecraft) {
    let mut meter = Meter::draw(seed);
    let range = OperatingRange {
        idle_w: IDLE,
        full_w: FULL,
        sensor_lag_s: Seconds(meter.lag),
        update_period_s: Seconds(meter.period),
        batch_s: Seconds(0.1),
    };
    let tick = meter.period.max(0.05) / 2.0;
    let mut estimator = Estimator::new(craft.clone(), range, Assumptions::default(), Seconds(tick), None);
    let mut powers: Vec<f64> = Vec::new();
    let (mut windows, mut readings): (Vec<EnergyWindow>, Vec<Reading>) = (Vec::new(), Vec::new());
    for index in 0..=TICKS {
        let now = f64::from(index) * tick;
        let drawn = |until: f64| -> f64 {
            let ticks = (until / tick).max(0.0);
            let whole: f64 = powers.iter().take(ticks as usize).map(|power| power * tick).sum();
            whole + powers.get(ticks as usize).map_or(0.0, |power| power * (ticks.fract() * tick)) + 100.0
        };
        let reading = meter.look(now, drawn);
        readings.push(reading);
        windows.extend(estimator.read(Seconds(now), &reading).into_iter().flatten().map(|one| one.window));
        estimator.advance(Seconds(now));
        powers.push(if meter.rng.random_bool(0.5) { IDLE.0 } else { FULL.0 });
    }
    let end = Seconds(f64::from(TICKS) * tick);
    windows.extend(estimator.close(end).map(|one| one.window));
    let given = estimator.confirmed().ledger().compute_j.0;
    let booked: f64 = windows.iter().map(|window| window.energy_j.0).sum();
    assert!((given - booked).abs() <= 1e-9 * booked, "seed {seed}: {given} J given, {booked} J booked");
    let mut at = Seconds::ZERO;
    for window in &windows {
        assert!((window.from_s - at).0.abs() < 1e-9, "seed {seed}: windows touch: {window:?} after {at}");
        at = window.to_s;
        match window.basis {
            Basis::Counted => {
                assert!(is_shown(window, &readings, meter.lag), "seed {seed}: no reading shows {window:?}");
            }
            Basis::Assumed { .. } => {
                let power = window.power();
                assert!((power - IDLE).0.abs() < 1e-9, "seed {seed}: no batch ran, and {power} are assumed");
            }
        }
    }
    assert!((at - end).0.abs() < 1e-9, "seed {seed}: up to {at} of {end}");
}

#[test]
fn each_joule_of_any_meter_moves_the_spacecraft_once_and_none_that_no_reading_showed() {
    let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
    let scale = Scale::new(FULL, Watts(satellite.compute.power_w), 1.0);
    let craft = Spacecraft::new(&satellite, scale, Sky::Orbit, satellite.orbit.start);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let craft = &craft;
            scope.spawn(move || (0..METERS).filter(|seed| seed % 2 == half).for_each(|seed| fly(seed, craft)));
        }
    });
}
