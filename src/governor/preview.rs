//! Preview of the budget: a fall that is foreseen, since the shadow comes while a batch would run.
//!
//! A batch that has begun is not recalled. One that runs on in the shade draws what the budget there does not grant, and
//! where that leaves little above idle nothing pays it back within the orbit's night. So the pacer is told, and starts
//! none that would. The forecast knows the light as means over its samples; where it falls from `a` to `b` within two of
//! them, each is lit for the share `(mean - b) / (a - b)` of it.

use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// Less than this share of the power of now is a fall: chosen, more than what a forecast of the light errs.
const FALLS: f64 = 0.95;

/// A fall of the budget that is foreseen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preview {
    /// So long from now.
    pub after: Seconds,
    /// To so much, idle power included.
    pub to: Watts,
}

/// The first fall from `power` within `reach` of `now`, where an array that gives so much lets draw `level` of it.
pub(super) fn foreseen(
    forecast: &Forecast,
    level: impl Fn(Watts) -> Watts,
    (now, power): (Seconds, Watts),
    reach: Seconds,
) -> Option<Preview> {
    let step = forecast.step;
    let begun = Seconds((now - forecast.start).0.rem_euclid(step.0));
    let array = |sample: f64| forecast.at(now - begun + step * (sample + 0.5)).array;
    let level = |sample: f64| level(array(sample));
    let samples = ((begun + reach) / step).floor();
    let falls = (0..=samples as u32).map(f64::from).find(|sample| level(*sample) < power * FALLS)?;
    let (before, after) = (array(falls - 1.0), array(falls + 2.0));
    if before <= after {
        return None;
    }
    let lit = |sample| ((array(sample) - after) / (before - after)).clamp(0.0, 1.0);
    let lit = lit(falls) + lit(falls + 1.0);
    let after = (step * (falls + lit) - begun).max(Seconds::ZERO);
    (after <= reach).then(|| Preview { after, to: level(falls).min(level(falls + 2.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::profile;

    const FULL: Watts = Watts(100e3);
    const SHADE: Watts = Watts(20e3);

    #[test]
    fn the_dusk_is_foreseen_to_within_its_penumbra_and_the_dawn_is_no_fall() {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let start = "2027-12-22T00:00:00Z".parse().expect("an instant");
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, start);
        let (mut falls, mut dusk) = (Vec::new(), None);
        for _ in 0..10_000 {
            let state = *spacecraft.step(Seconds(0.5), SHADE, 0.0);
            let forecast = spacecraft.forecast();
            let level = |array: Watts| forecast.compute_from(array).min(FULL).max(SHADE);
            let fall = foreseen(forecast, level, (state.t, level(state.array)), Seconds(20.0));
            falls.push((state.t, fall));
            dusk = dusk.or((state.illumination < 0.5).then_some(state.t));
            assert_eq!(foreseen(forecast, |_| FULL, (state.t, FULL), Seconds(20.0)), None, "nothing falls");
        }
        let dusk = dusk.expect("there is a night");
        for (t, fall) in falls {
            let early = (dusk - t).0;
            if (2.0..14.0).contains(&early) {
                let Preview { after, to } = fall.unwrap_or_else(|| panic!("{early} s before"));
                assert!((after.0 - early).abs() < 6.0, "in {after}, and not in {early} s");
                assert_eq!(to, SHADE, "to the level of the shade");
            } else if !(-10.0..30.0).contains(&early) {
                assert_eq!(fall, None, "{early} s before the dusk: day, night or dawn");
            }
        }
    }
}
