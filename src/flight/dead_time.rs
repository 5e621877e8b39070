//! Dead time, update period and gain of a power sensor, from its answer to a square wave of work. Pure.
//!
//! The power that a source shows, as means over one half period D, is fitted by what the work should have drawn, as late
//! as it fits best:
//!
//! ```text
//! E(t) - E(t - D) = a D + gain swing (B(t - theta) - B(t - theta - D))      B(t): time inside batches until t
//! theta = argmax r(theta)                                                   r: correlation of the two sides
//! ```
//!
//! Over D the steps of a counter are small, and what a sampled power misses at the edges does not add up.
//! Looks lie dense, so that theta holds all that makes the reading late: a sensor that shows the mean over W seconds and
//! is renewed every t_u has theta = W/2 + t_u/2, beside the delay of its path. The half periods of the wave differ, so
//! that no shift by a whole period fits as well. The range of theta is the delete-one-period jackknife (Efron & Tibshirani,
//! *An Introduction to the Bootstrap* (1993), ch. 11) with Student's t at 95 %, and half the distance of two looks.

use crate::stats;
use crate::units::{Joules, Seconds, Watts};

/// Steps in which the range of theta is searched before it is refined.
const COARSE_STEPS: u32 = 400;
/// Golden section, and how often the refinement divides by it: 1e-5 of the first width.
const GOLDEN: f64 = 0.618_033_988_749_895;
const REFINEMENTS: u32 = 24;
/// A reading that follows the work less than this says nothing about its delay.
const LEAST_CORRELATION: f64 = 0.9;
/// The swing may differ from the calibrated one by this factor.
const MOST_GAIN: f64 = 2.0;
/// Half of the range may be this share of theta, or so many update periods, or so long.
const MOST_UNCERTAIN: (f64, f64, Seconds) = (0.25, 1.0, Seconds(0.02));
/// Student's t at 97.5 % for 1, 2, ... degrees of freedom.
const STUDENT: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/// One look at the source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) at: Seconds,
    pub(super) energy: Joules,
}

/// What was done and what was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stepping<'a> {
    /// In order of time.
    pub(super) looks: &'a [Look],
    /// Begin and end of every batch, in order of time.
    pub(super) busy: &'a [(Seconds, Seconds)],
    /// What the work draws above idle, as calibrated.
    pub(super) swing: Watts,
    /// D, about a half period of the wave.
    pub(super) half: Seconds,
    /// Periods of the wave.
    pub(super) periods: u32,
    /// The latest answer that is looked for.
    pub(super) longest: Seconds,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// theta.
    pub(super) lag: Seconds,
    /// Its range.
    pub(super) low: Seconds,
    pub(super) high: Seconds,
    /// Median time between two changes of the energy; no shorter than the distance of two looks.
    pub(super) update_period: Seconds,
    /// Swing of the reading over the calibrated swing; less where the mean of the sensor is long enough to flatten the wave.
    pub(super) gain: f64,
    /// r at theta.
    pub(super) correlation: f64,
}

/// Finds them; the error says why nothing can be told.
pub(super) fn find(stepping: &Stepping<'_>) -> Result<Found, String> {
    let Stepping { looks, longest, swing, .. } = *stepping;
    let update_period = update_period(looks).ok_or("the reading did not change while it was watched")?;
    if swing.0 <= 0.0 || stepping.busy.is_empty() {
        return Err("the work draws no more than the idle machine".into());
    }
    let wave = Wave::new(stepping.busy);
    let points = over(looks, stepping.half);
    let whole = Fit::new(&points, stepping.half, &wave);
    let step = longest / f64::from(COARSE_STEPS);
    // The earliest is before the work, so that noise about no delay at all is no edge of the search.
    let from = -longest / 10.0;
    let shifts = (0..).map(|index| from + step * f64::from(index)).take_while(|&shift| shift <= longest);
    let tried = shifts.map(|shift| (shift, whole.correlation(shift)));
    let best = tried.max_by(|(_, one), (_, two)| one.total_cmp(two)).map_or(Seconds::ZERO, |(shift, _)| shift);
    let lag = whole.refine(best, step * 2.0);
    let spread = jackknife(&points, stepping, &wave, (lag, step * 8.0));
    let (correlation, gain) = (whole.correlation(lag), whole.slope(lag) / swing.0);
    let half = spread + distance(looks) / 2.0;
    let (low, high) = ((lag - half).max(Seconds::ZERO), (lag + half).max(Seconds::ZERO));
    let found = Found { lag: lag.max(Seconds::ZERO), low, high, update_period, gain, correlation };
    judge(&found, lag, (from + step, longest - step)).map(|()| found)
}

/// Whether it can be steered by.
fn judge(found: &Found, lag: Seconds, (from, to): (Seconds, Seconds)) -> Result<(), String> {
    let Found { correlation, gain, update_period, low, high, .. } = *found;
    if correlation.is_nan() || correlation < LEAST_CORRELATION {
        return Err(format!("the reading does not follow the work (correlation {correlation:.2})"));
    }
    if !(1.0 / MOST_GAIN..=MOST_GAIN).contains(&gain) {
        return Err(format!("the reading swings by {gain:.2} of what calibration saw"));
    }
    if lag <= from || lag >= to {
        return Err(format!("no delay between {:.2} and {:.2} s fits", from.0.max(0.0), to.0));
    }
    let (share, updates, least) = MOST_UNCERTAIN;
    let most = (lag * share).max(update_period * updates).max(least);
    let half = (high - lag).max(lag - low);
    if half > most {
        return Err(format!("the delay of {:.3} s is uncertain by {:.3} s", lag.0.max(0.0), half.0));
    }
    Ok(())
}

/// Standard error of theta times Student's t.
fn jackknife(
    points: &[(Seconds, f64)],
    stepping: &Stepping<'_>,
    wave: &Wave,
    (lag, reach): (Seconds, Seconds),
) -> Seconds {
    let blocks = stepping.periods.max(2) as usize;
    let without = |block: usize| {
        let (begin, end) = (points.len() * block / blocks, points.len() * (block + 1) / blocks);
        let kept: Vec<_> = points[..begin].iter().chain(&points[end..]).copied().collect();
        Fit::new(&kept, stepping.half, wave).refine(lag, reach).0
    };
    let lags: Vec<f64> = (0..blocks).map(without).collect();
    let deviation = stats::sample_standard_deviation(&lags).unwrap_or(f64::INFINITY);
    let n = blocks as f64;
    let student = STUDENT.get(blocks - 2).copied().unwrap_or(STUDENT[STUDENT.len() - 1]);
    Seconds(student * deviation * (n - 1.0) / n.sqrt())
}

/// The energy over the `span` that ends at each look.
fn over(looks: &[Look], span: Seconds) -> Vec<(Seconds, f64)> {
    let mut first = 0;
    let mut points = Vec::new();
    for look in looks {
        let begin = look.at - span;
        while looks.get(first + 1).is_some_and(|next| next.at <= begin) {
            first += 1;
        }
        let (Some(before), Some(after)) = (looks.get(first), looks.get(first + 1)) else { break };
        if before.at <= begin && after.at > before.at {
            let share = (begin - before.at) / (after.at - before.at);
            points.push((look.at, (look.energy - before.energy - (after.energy - before.energy) * share).0));
        }
    }
    points
}

/// Median distance of two looks.
fn distance(looks: &[Look]) -> Seconds {
    let gaps: Vec<f64> = looks.windows(2).map(|pair| (pair[1].at - pair[0].at).0).collect();
    Seconds(stats::median(&gaps).unwrap_or(0.0))
}

/// Median distance of two looks at which the energy had changed.
fn update_period(looks: &[Look]) -> Option<Seconds> {
    let changed: Vec<Seconds> =
        looks.windows(2).filter(|pair| pair[1].energy != pair[0].energy).map(|pair| pair[1].at).collect();
    let gaps: Vec<f64> = changed.windows(2).map(|pair| (pair[1] - pair[0]).0).collect();
    stats::median(&gaps).map(Seconds)
}

/// Time inside batches until any instant.
struct Wave {
    /// Begin, end, and the time inside the batches before.
    batches: Vec<(Seconds, Seconds, Seconds)>,
}

impl Wave {
    fn new(busy: &[(Seconds, Seconds)]) -> Wave {
        let mut before = Seconds::ZERO;
        let batches = busy.iter().map(|&(begin, end)| {
            let batch = (begin, end, before);
            before += end - begin;
            batch
        });
        Wave { batches: batches.collect() }
    }

    fn until(&self, t: Seconds) -> f64 {
        let begun = self.batches.partition_point(|&(begin, ..)| begin <= t);
        let Some(&(begin, end, before)) = begun.checked_sub(1).and_then(|last| self.batches.get(last)) else {
            return 0.0;
        };
        (before + t.min(end) - begin).0
    }
}

/// Energies over D, to be compared with the wave at any delay.
struct Fit<'a> {
    wave: &'a Wave,
    span: Seconds,
    /// When D ends, and the energy in it from the mean of all.
    points: Vec<(Seconds, f64)>,
    squares_of_energy: f64,
}

impl Fit<'_> {
    fn new<'a>(points: &[(Seconds, f64)], span: Seconds, wave: &'a Wave) -> Fit<'a> {
        let mean = points.iter().map(|(_, energy)| energy).sum::<f64>() / points.len().max(1) as f64;
        let points: Vec<_> = points.iter().map(|&(at, energy)| (at, energy - mean)).collect();
        let squares_of_energy = points.iter().map(|(_, energy)| energy * energy).sum();
        Fit { wave, span, points, squares_of_energy }
    }

    /// Sums of what was worked with the energy and with itself, both from their means.
    fn products(&self, shift: Seconds) -> (f64, f64) {
        let (mut sum, mut squares, mut with_energy) = (0.0, 0.0, 0.0);
        for &(at, energy) in &self.points {
            let busy = self.wave.until(at - shift) - self.wave.until(at - shift - self.span);
            sum += busy;
            squares += busy * busy;
            with_energy += busy * energy;
        }
        (with_energy, squares - sum * sum / self.points.len().max(1) as f64)
    }

    fn correlation(&self, shift: Seconds) -> f64 {
        let (with_energy, squares) = self.products(shift);
        let scale = (squares * self.squares_of_energy).sqrt();
        if scale > 0.0 { with_energy / scale } else { 0.0 }
    }

    /// Watts for a unit of B.
    fn slope(&self, shift: Seconds) -> f64 {
        let (with_energy, squares) = self.products(shift);
        if squares > 0.0 { with_energy / squares } else { 0.0 }
    }

    /// The best shift within `reach` of `near`, by golden-section search.
    fn refine(&self, near: Seconds, reach: Seconds) -> Seconds {
        let (mut low, mut high) = (near - reach, near + reach);
        for _ in 0..REFINEMENTS {
            let (left, right) = (high - (high - low) * GOLDEN, low + (high - low) * GOLDEN);
            if self.correlation(left) >= self.correlation(right) {
                high = right;
            } else {
                low = left;
            }
        }
        (low + high) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const IDLE: f64 = 70.0;
    const SWING: f64 = 280.0;
    /// One batch; no part of an update period.
    const BATCH: f64 = 0.0437;
    /// The inside of the sensor is stepped so, and looked at every so many steps.
    const STEP: f64 = 0.001;
    const LOOK: u32 = 4;

    /// A sensor that shows the mean power over a window, late, renewed now and then, as an integrated energy.
    #[derive(Clone, Copy)]
    struct Sensor {
        delay: f64,
        window: f64,
        renewed_every: f64,
        noise: f64,
        gain: f64,
    }

    impl Sensor {
        fn theta(&self) -> f64 {
            self.delay + (self.window + self.renewed_every) / 2.0
        }
    }

    /// Eight periods of batches, half periods about `half`, and what the sensor shows.
    fn stepped(sensor: Sensor, half: f64, seed: u64) -> (Vec<Look>, Vec<(Seconds, Seconds)>) {
        let (mut busy, mut t) = (Vec::new(), half);
        for period in 0..8 {
            let on = half * [1.0, 1.3, 0.8, 0.9][period % 4];
            for _ in 0..(on / BATCH) as usize {
                busy.push((Seconds(t), Seconds(t + BATCH)));
                t += BATCH;
            }
            t += half * [0.8, 1.1, 1.2, 0.9][period % 4];
        }
        let wave = Wave::new(&busy);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut shown, mut energy, mut renewed_at) = (IDLE, 0.0, 0.0);
        let mut looks = Vec::new();
        for index in 0..(t / STEP) as u32 {
            let now = f64::from(index) * STEP;
            if now >= renewed_at {
                let until = Seconds(now - sensor.delay);
                let from = until - Seconds(sensor.window.max(STEP));
                let share = (wave.until(until) - wave.until(from)) / (until - from).0;
                let noise = 1.0 + sensor.noise * random.random_range(-1.0..1.0);
                shown = (IDLE + sensor.gain * SWING * share) * noise;
                renewed_at += sensor.renewed_every;
            }
            energy += shown * STEP;
            if index % LOOK == 0 {
                looks.push(Look { at: Seconds(now + STEP), energy: Joules(energy) });
            }
        }
        (looks, busy)
    }

    fn found(sensor: Sensor, half: f64, seed: u64) -> Result<Found, String> {
        let (looks, busy) = stepped(sensor, half, seed);
        let longest = (looks[looks.len() - 1].at - looks[0].at) / 3.0;
        find(&Stepping { looks: &looks, busy: &busy, swing: Watts(SWING), half: Seconds(half), periods: 8, longest })
    }

    #[test]
    fn the_delay_of_a_sensor_is_found_within_half_an_update() {
        for seed in 0..4 {
            for (delay, window, half) in
                [(0.0, 0.0, 0.4), (0.1, 0.0, 0.4), (1.0, 0.0, 0.6), (0.0, 1.0, 1.1), (1.0, 1.0, 1.1)]
            {
                let sensor = Sensor { delay, window, renewed_every: 0.1, noise: 0.05, gain: 1.0 };
                let name = format!("delay {delay} s, mean over {window} s, seed {seed}");
                let found = found(sensor, half, seed).unwrap_or_else(|reason| panic!("{name}: {reason}"));
                let error = found.lag.0 - sensor.theta();
                assert!(error.abs() < 0.05, "{name}: {:.3} s, not {:.3} s", found.lag.0, sensor.theta());
                let flattened = window > 0.0;
                assert!(flattened || (found.gain - 1.0).abs() < 0.1, "{name}: gain {}", found.gain);
            }
        }
    }

    #[test]
    fn the_update_period_and_the_gain_are_the_sensor_s() {
        let sensor = Sensor { delay: 0.05, window: 0.1, renewed_every: 0.1, noise: 0.02, gain: 0.8 };
        let (looks, busy) = stepped(sensor, 0.5, 7);
        // A counter that is renewed every 0.1 s shows the same energy until then.
        let counted =
            |look: &Look| Look { at: look.at, energy: Joules(looks[(look.at.0 / 0.1 + 1e-6) as usize * 25].energy.0) };
        let looks: Vec<Look> = looks.iter().take(looks.len() / 25 * 25 - 1).map(counted).collect();
        let half = Seconds(0.5);
        let found = find(&Stepping {
            looks: &looks,
            busy: &busy,
            swing: Watts(SWING),
            half,
            periods: 8,
            longest: Seconds(2.0),
        })
        .expect("a plain counter");
        assert!((found.update_period.0 - 0.1).abs() < 0.005, "renewed every 0.1 s: {found:?}");
        assert!((found.gain - 0.8).abs() < 0.05, "it shows 0.8 of the swing: {found:?}");
        assert!(found.low <= found.lag && found.lag <= found.high, "the range holds it: {found:?}");
        assert!((found.lag.0 - 0.2).abs() < 0.05, "0.05 s + 0.1 s of the mean + 0.05 s of the counter: {found:?}");
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_the_reason() {
        let steady = Sensor { delay: 0.0, window: 0.0, renewed_every: 0.1, noise: 0.1, gain: 0.0 };
        let reason = found(steady, 0.4, 1).expect_err("it does not follow the work");
        assert!(reason.contains("does not follow the work"), "{reason}");
        let weak = Sensor { gain: 0.3, noise: 0.0, ..steady };
        let reason = found(weak, 0.4, 1).expect_err("it shows a third");
        assert!(reason.contains("swings by 0.29"), "names the gain: {reason}");
        let (looks, busy) = stepped(weak, 0.4, 1);
        let stuck: Vec<Look> = looks.iter().map(|look| Look { energy: Joules(5.0), ..*look }).collect();
        let stepping = Stepping {
            looks: &stuck,
            busy: &busy,
            swing: Watts(SWING),
            half: Seconds(0.4),
            periods: 8,
            longest: Seconds(2.0),
        };
        assert!(find(&stepping).is_err_and(|reason| reason.contains("did not change")), "a stuck counter");
        assert!(find(&Stepping { swing: Watts::ZERO, looks: &looks, ..stepping }).is_err(), "no swing, no gain");
        assert!(find(&Stepping { looks: &[], ..stepping }).is_err(), "no look at all");
    }
}
