//! The light of an orbit, in parts of even light.
//!
//! A sample of the forecast is a mean. In full sun and in full shade that is all there is to say; where the light comes or
//! goes, what a battery makes of the mean is not the mean of what it makes of the light.

use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// Parts whose arrays differ by less than this share of the brightest are alike: rounding.
const ALIKE: f64 = 1e-9;

/// One orbit, which repeats.
#[derive(Clone, Debug)]
pub(super) struct Light {
    start: Seconds,
    period: Seconds,
    alike: Watts,
    /// How long, and what the array gives, from `start` on.
    parts: Vec<(Seconds, Watts)>,
}

/// A sample as two parts of even light, in order. Light that comes or goes over several samples lies between that of the samples
/// beside it, and charge gains less than in line with the light, so a part in each of the two gains no more than the true
/// course does. A shadow that comes and goes within two samples is a mean.
fn parts(forecast: &Forecast, index: usize) -> [(Seconds, Watts); 2] {
    let (samples, count) = (&forecast.samples, forecast.samples.len());
    let array = |index: usize| samples[index % count].array;
    let (before, now, after) = (array(index + count - 1), array(index), array(index + 1));
    let share = (now - after) / (before - after);
    match 0.0 < share && share < 1.0 {
        true => [(forecast.step * share, before), (forecast.step * (1.0 - share), after)],
        false => [(forecast.step, now), (Seconds::ZERO, now)],
    }
}

/// The least that the array gives in a sample, which is a mean, between those before and after it. Where the light goes and comes
/// back it is taken for a parabola: wherever in the sample that turns, it lies below its mean there by a sixth at most of
/// what the samples on both sides are above it together.
pub(super) fn least_array([before, mean, after]: [Watts; 3]) -> Watts {
    let above = (before - mean) + (after - mean);
    (mean - above.max(Watts::ZERO) / 6.0).max(Watts::ZERO)
}

impl Light {
    pub(super) fn new(forecast: &Forecast) -> Light {
        let brightest = forecast.samples.iter().fold(Watts::ZERO, |most, sample| most.max(sample.array));
        let (start, period, alike) = (forecast.start, forecast.period(), brightest * ALIKE);
        let all = (0..forecast.samples.len()).flat_map(|index| parts(forecast, index));
        Light { start, period, alike, parts: joined(all, alike) }
    }

    /// One orbit from machine time `now` on.
    pub(super) fn ahead(&self, now: Seconds) -> Vec<(Seconds, Watts)> {
        let mut begun = Seconds((now - self.start).0.rem_euclid(self.period.0));
        let first = self.parts.iter().position(|(duration, _)| {
            let holds = begun < *duration;
            begun -= if holds { Seconds::ZERO } else { *duration };
            holds
        });
        // Rounding may leave `now` behind the last part.
        let (first, begun) = first.map_or((0, Seconds::ZERO), |first| (first, begun));
        let (duration, array) = self.parts[first];
        let whole = self.parts[first + 1..].iter().chain(&self.parts[..first]).copied();
        let head = std::iter::once((duration - begun, array));
        joined(head.chain(whole).chain(std::iter::once((begun, array))), self.alike)
    }
}

/// Parts one after the other, those that are alike as one.
fn joined(parts: impl Iterator<Item = (Seconds, Watts)>, alike: Watts) -> Vec<(Seconds, Watts)> {
    let mut joined: Vec<(Seconds, Watts)> = Vec::with_capacity(16);
    for (duration, array) in parts.filter(|(duration, _)| *duration > Seconds::ZERO) {
        match joined.last_mut() {
            Some((last, same)) if (*same - array).0.abs() <= alike.0 => *last += duration,
            _ => joined.push((duration, array)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::profile;

    #[test]
    fn the_orbit_ahead_of_any_moment_is_the_same_light_in_turn() {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let craft =
            Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, "2027-12-22T00:00:00Z".parse().expect("an instant"));
        let forecast = craft.forecast();
        let light = Light::new(forecast);
        // What the array gives, summed up to some time ahead, from sample to sample.
        let summed = |from: Seconds, until: Seconds| {
            let mut sum = 0.0;
            let mut at = forecast.start - forecast.period();
            for index in (0..forecast.samples.len()).cycle().take(forecast.samples.len() * 4) {
                for (duration, array) in parts(forecast, index) {
                    let within = ((at + duration).min(until) - at.max(from)).max(Seconds::ZERO);
                    sum += array.0 * within.0;
                    at += duration;
                }
            }
            sum
        };
        for minute in -20..100 {
            let now = forecast.start + Seconds(f64::from(minute) * 60.0 + 7.0);
            let ahead = light.ahead(now);
            assert!(ahead.len() < 24, "{} parts", ahead.len());
            let (mut at, mut sum) = (now, 0.0);
            for (duration, array) in ahead {
                (at, sum) = (at + duration, sum + array.0 * duration.0);
                let expected = summed(now, at);
                assert!((sum - expected).abs() <= 1e-3, "{sum} J until {at}, not {expected}");
            }
            assert!((at - now - forecast.period()).0.abs() < 1e-6, "{} is no orbit", at - now);
        }
    }

    /// Samples are means; light that dips along a parabola is least between them.
    #[test]
    fn a_dip_of_the_light_is_no_shallower_than_the_samples_show() {
        for turn in (0..=20).map(|twentieth| f64::from(twentieth) / 20.0) {
            let light = |at: f64| 5.0 + 3.0 * (at - turn).powi(2);
            // The mean over a sample, by Simpson's rule, which is exact here.
            let mean = |from: f64| Watts((light(from) + 4.0 * light(from + 0.5) + light(from + 1.0)) / 6.0);
            let least = least_array([mean(-1.0), mean(0.0), mean(1.0)]);
            assert!(least <= Watts(5.0 + 1e-9) && least > Watts(4.0), "{least} where 5 W is least, turning at {turn}");
        }
        let even = [Watts(7.0); 3];
        assert_eq!(least_array(even), Watts(7.0), "even light is what it is");
        assert_eq!(
            least_array([Watts(7.0), Watts(7.0), Watts(1.0)]),
            Watts(7.0),
            "light that only goes is in the next sample"
        );
    }
}
