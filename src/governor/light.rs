//! The light ahead, in parts of even light.
//!
//! A sample of the forecast is a mean. In full sun and in full shade that is all there is to say; where the light comes or
//! goes, what a battery makes of the mean is not the mean of what it makes of the light.

use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

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

/// One orbit from machine time `now` on, in parts of even light.
pub(super) fn parts_ahead(forecast: &Forecast, now: Seconds) -> impl Iterator<Item = (Seconds, Watts)> {
    let (count, (first, begun)) = (forecast.samples.len(), forecast.place(now));
    let [one, two] = parts(forecast, first);
    let (gone, rest) = (begun.min(one.0), begun - begun.min(one.0));
    let head = [(one.0 - gone, one.1), (two.0 - rest, two.1)];
    let tail = [(gone, one.1), (rest, two.1)];
    let whole = (first + 1..count).chain(0..first).flat_map(move |index| parts(forecast, index));
    head.into_iter().chain(whole).chain(tail).filter(|(duration, _)| *duration > Seconds::ZERO)
}
