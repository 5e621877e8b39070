//! The forecast as it turns out: what is foreseen, scaled by what is seen.
//!
//! ```text
//! array, environment   times (seen / foreseen), while both are steady; held through shadow and its edges, where an
//!                      array can only be found to give less: what it gives per light seen, over what was foreseen
//! emission             e = sum x lost / sum x^2, at most the profile's        x = T_R^4 - T_space^4
//!                      lost = G_LR (T_L - T_R) + q_env - C_R dT_R/dt          least squares that fades
//! ```
//!
//! A string of the array that is lost, or a year that is brighter than foreseen, shows in the first tick of sunlight;
//! a radiator panel that is lost shows in the balance of the radiator, which needs no wattmeter. A forecast that is renewed
//! may know it already: what was seen is kept, not its ratio. A small departure is
//! averaged, a large one taken as it is: a panel that is lost is lost at once. Less emission is believed, more is not:
//! the profile is what was built. Shares and memories below that name no source were found by trial on random flights.

use crate::envelope::{Forecast, Outlook, State, Temperatures, Thermal};
use crate::units::{Seconds, Watts};

/// A departure by more than this share is taken at once.
const LEAP: f64 = 0.02;
/// Smaller ones are averaged over this share of an orbit.
const AVERAGED: f64 = 0.01;
/// The forecast is made anew when a ratio has moved by this much.
const SAME: f64 = 5e-4;
/// No ratio is believed beyond these.
const RATIO: (f64, f64) = (0.05, 2.0);
/// Sunlight is full from here on.
const LIT: f64 = 0.999;
/// In this much sunlight an array that gives less by this share, beside what it should give there, has lost something.
const PARTLY_LIT: f64 = 0.1;
const LEAP_AT_DAWN: f64 = 0.04;
/// Environment heat of neighbouring samples that differs by less than this share is steady.
const STEADY: f64 = 0.01;
/// The emission is remembered for so many time constants of the loop.
const MEMORY: f64 = 2.0;
/// Of its last moments for so many, and such a drop there, as share of the emission, is a panel that was lost.
const MEMORY_LATEST: f64 = 0.12;
const PANEL: f64 = 0.04;
/// The drop from loop to radiator may change by this share within a tick, or its mean is not known.
const SWING: f64 = 0.05;
/// A radiator that lacks less than this emits all that it should.
const WHOLE: f64 = 0.985;

/// What is seen over what is foreseen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Departure {
    /// Of the array's power.
    pub(super) array: f64,
    /// Of the environment's heat.
    pub(super) environment: f64,
    /// Of the radiator's emission.
    pub(super) emission: f64,
}

impl Departure {
    const NONE: Departure = Departure { array: 1.0, environment: 1.0, emission: 1.0 };

    /// Whether a plan made for `other` still holds.
    pub(super) fn is_near(&self, other: &Departure) -> bool {
        let off = [self.array - other.array, self.emission - other.emission];
        off.iter().all(|off| off.abs() < LEAP / 2.0)
    }
}

/// What a forecast promises at best.
#[derive(Clone, Copy, Debug)]
struct Promise {
    made: Seconds,
    array: f64,
    environment: f64,
    emission: f64,
}

impl Promise {
    fn of(forecast: &Forecast) -> Promise {
        let most = |of: fn(&Outlook) -> Watts| forecast.samples.iter().fold(0.0, |most: f64, one| most.max(of(one).0));
        Promise {
            made: forecast.start,
            array: most(|sample| sample.array),
            environment: most(|sample| sample.environment),
            emission: forecast.thermal.emission_w_per_k4,
        }
    }
}

/// The last tick.
#[derive(Clone, Copy, Debug)]
struct Seen {
    t: Seconds,
    hot: Temperatures,
    environment: f64,
}

/// Sums of a fit by least squares that fades.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    lost: f64,
    square: f64,
}

impl Fit {
    /// `lost` watts at a radiator of `fourth` K4, for this share of the fit's memory.
    fn add(&mut self, lost: f64, fourth: f64, share: f64) {
        let kept = (-share).exp();
        self.lost = self.lost * kept + lost * fourth * (1.0 - kept);
        self.square = self.square * kept + fourth * fourth * (1.0 - kept);
    }
}

/// What has turned out, and the forecast by it.
#[derive(Debug)]
pub(super) struct Reality {
    departure: Departure,
    /// The one that `believed` was made with.
    applied: Departure,
    /// What the forecast in force promises.
    promise: Option<Promise>,
    last: Option<Seen>,
    balance: Fit,
    /// The same of the last moments only.
    latest: Fit,
    believed: Option<Forecast>,
}

impl Reality {
    pub(super) fn new() -> Reality {
        Reality {
            departure: Departure::NONE,
            applied: Departure::NONE,
            promise: None,
            last: None,
            balance: Fit::default(),
            latest: Fit::default(),
            believed: None,
        }
    }

    /// The forecast by what has been seen until `state`, and how far that is from what was foreseen.
    pub(super) fn believe(&mut self, forecast: &Forecast, state: &State) -> (&Forecast, Departure) {
        let span = self.last.map_or(Seconds::ZERO, |last| (state.t - last.t).max(Seconds::ZERO));
        self.keep(forecast);
        self.compare(forecast, state, span);
        self.balance(&forecast.thermal, state, span);
        let environment = state.environment.0;
        self.last = Some(Seen { t: state.t, hot: state.temperatures, environment });
        let current = self.believed.as_ref().is_some_and(|believed| self.is_current(believed, forecast));
        let departure = self.departure;
        let believed = self.believed.get_or_insert_with(|| forecast.clone());
        if !current {
            self.applied = departure;
            scale(believed, forecast, &departure);
        }
        (believed, self.applied)
    }

    /// Whether `believed` still is `forecast` by what has turned out.
    fn is_current(&self, believed: &Forecast, forecast: &Forecast) -> bool {
        let (now, then) = (&self.departure, &self.applied);
        let off = [now.array - then.array, now.environment - then.environment, now.emission - then.emission];
        let same = believed.start == forecast.start && believed.battery == forecast.battery;
        same && off.iter().all(|off| off.abs() < SAME)
    }

    /// A forecast that is renewed promises something else; what was seen stays what it was.
    fn keep(&mut self, forecast: &Forecast) {
        if self.promise.is_some_and(|promise| promise.made == forecast.start) {
            return;
        }
        let new = Promise::of(forecast);
        if let Some(old) = self.promise.replace(new) {
            let moved = |old: f64, new: f64| if old > 0.0 && new > 0.0 { old / new } else { 1.0 };
            let of = &mut self.departure;
            of.array = (of.array * moved(old.array, new.array)).clamp(RATIO.0, RATIO.1);
            of.environment = (of.environment * moved(old.environment, new.environment)).clamp(RATIO.0, RATIO.1);
            of.emission = (of.emission * moved(old.emission, new.emission)).clamp(RATIO.0, 1.0);
        }
    }

    /// Sunlight and environment against the forecast.
    fn compare(&mut self, forecast: &Forecast, state: &State, span: Seconds) {
        let share = span / (span + forecast.period() * AVERAGED);
        let around = [-1.0, 0.0, 1.0].map(|samples| *forecast.at(state.t + forecast.step * samples));
        let [_, here, _] = around;
        if state.illumination > LIT && around.iter().all(|sample| sample.illumination > LIT) && here.array.0 > 0.0 {
            follow(&mut self.departure.array, state.array / here.array, share);
        }
        // An array that gives less in part of the light will not give more in all of it.
        let dawn = state.illumination.min(here.illumination) > PARTLY_LIT && here.array.0 > 0.0;
        let seen = (state.array.0 / state.illumination) / (here.array.0 / here.illumination);
        if dawn && seen < self.departure.array * (1.0 - LEAP_AT_DAWN) {
            self.departure.array = seen.max(RATIO.0);
        }
        let steady = |heat: f64| (heat - here.environment.0).abs() < STEADY * here.environment.0;
        if around.iter().all(|sample| steady(sample.environment.0)) && here.environment.0 > 0.0 {
            follow(&mut self.departure.environment, state.environment / here.environment, share);
        }
    }

    /// The radiator's balance since the last tick.
    fn balance(&mut self, thermal: &Thermal, state: &State, span: Seconds) {
        let Some(last) = self.last.filter(|_| span.0 > 0.0) else { return };
        let drop = |hot: &Temperatures| (hot.coolant - hot.radiator).0;
        let (before, after) = (drop(&last.hot), drop(&state.temperatures));
        let mean = 0.5 * (before + after);
        if mean <= 0.0 || (after - before).abs() > SWING * mean {
            return;
        }
        let radiator = 0.5 * (last.hot.radiator + state.temperatures.radiator).0;
        let stored = thermal.radiator_j_per_k * (state.temperatures.radiator - last.hot.radiator).0 / span.0;
        let absorbed = 0.5 * (last.environment + state.environment.0);
        let lost = thermal.loop_to_radiator_w_per_k * mean + absorbed - stored;
        // The sky's own 3 K is one part in 1e8 of this.
        let fourth = radiator.powi(4);
        let constants = span.0 / (thermal.loop_j_per_k / thermal.loop_to_radiator_w_per_k);
        self.balance.add(lost, fourth, constants / MEMORY);
        self.latest.add(lost, fourth, constants / MEMORY_LATEST);
        let found = |fit: &Fit| fit.lost / fit.square / thermal.emission_w_per_k4;
        // A panel is lost at once.
        if found(&self.latest) < found(&self.balance) - PANEL {
            self.balance = self.latest;
        }
        let found = found(&self.balance);
        self.departure.emission = if found < WHOLE { found.max(RATIO.0) } else { 1.0 };
    }
}

/// Makes `believed` the `forecast` by `departure`.
fn scale(believed: &mut Forecast, forecast: &Forecast, departure: &Departure) {
    believed.clone_from(forecast);
    believed.thermal.emission_w_per_k4 *= departure.emission;
    for sample in &mut believed.samples {
        sample.array = sample.array * departure.array;
        sample.environment = sample.environment * departure.environment;
    }
}

/// Moves `ratio` towards what is seen.
fn follow(ratio: &mut f64, seen: f64, share: f64) {
    let off = seen.clamp(RATIO.0, RATIO.1) - *ratio;
    *ratio += if off.abs() > LEAP { off } else { off * share };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Condition, Scale, Sky, Spacecraft};
    use crate::profile;

    /// Flies an orbit at 60 kW, foreseen as `foresee` makes it; gives the departures and the forecast in the end.
    fn flown(change: impl Fn(&mut profile::Satellite), foresee: impl Fn(&mut Forecast)) -> (Vec<Departure>, Forecast) {
        let mut satellite = profile::satellite("equatorial-stress", &[]).expect("a shipped profile");
        change(&mut satellite);
        let start = satellite.orbit.start;
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, start);
        let mut reality = Reality::new();
        let mut departures = Vec::new();
        for second in 0..5700 {
            let load = if second % 1000 < 500 { Watts(60e3) } else { Watts(20e3) };
            spacecraft.step(Seconds(1.0), load, 0.0);
            let mut forecast = spacecraft.forecast().clone();
            foresee(&mut forecast);
            departures.push(reality.believe(&forecast, spacecraft.state()).1);
        }
        (departures, reality.believed.expect("it was asked"))
    }

    #[test]
    fn a_forecast_that_holds_is_left_alone() {
        let (departures, _) = flown(|_| (), |_| ());
        for departure in departures {
            assert!((departure.array - 1.0).abs() < 2e-3, "{departure:?}");
            assert!((departure.environment - 1.0).abs() < 2e-3, "{departure:?}");
            assert_eq!(departure.emission, 1.0, "the radiator is whole");
        }
    }

    #[test]
    fn an_array_that_gives_less_is_found_in_sunlight_and_remembered_in_the_shade() {
        let brighter = |forecast: &mut Forecast| {
            for sample in &mut forecast.samples {
                sample.array = sample.array * 1.25;
            }
        };
        let (departures, believed) = flown(|_| (), brighter);
        let found = departures[departures.len() - 1].array;
        assert!((found - 0.8).abs() < 2e-3, "{found}, not 0.8");
        let dark = departures.windows(2).filter(|pair| pair[0].array == pair[1].array).count();
        assert!(dark > 1000, "held for {dark} s");
        assert!(believed.samples.iter().all(|sample| sample.array.is_finite()), "every sample is a number");
    }

    #[test]
    fn a_string_that_is_lost_in_the_shade_is_found_in_the_first_light() {
        let satellite = profile::satellite("equatorial-stress", &[]).expect("a shipped profile");
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let mut reality = Reality::new();
        let foreseen = spacecraft.forecast().clone();
        let (mut was_dark, mut lost, mut found) = (false, false, None);
        for _ in 0..6000 {
            spacecraft.step(Seconds(1.0), Watts(60e3), 0.0);
            let state = *spacecraft.state();
            let departure = reality.believe(&foreseen, &state).1;
            if state.illumination == 0.0 && !lost {
                (was_dark, lost) = (true, true);
                spacecraft.set_condition(Condition { array: 0.8, ..Condition::SOUND });
            } else if was_dark && state.illumination > 0.0 && departure.array < 0.9 {
                found = found.or(Some((state.illumination, departure.array)));
            }
        }
        let (light, share) = found.expect("it was found");
        assert!(light < 0.5, "found in {light} of the light");
        assert!((share - 0.8).abs() < 0.05, "{share} of the array, not 0.8");
    }

    #[test]
    fn a_panel_that_is_lost_is_found_within_a_time_constant_of_the_loop() {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let mut reality = Reality::new();
        let foreseen = spacecraft.forecast().clone();
        let mut found = Vec::new();
        for second in 0..1000 {
            if second == 900 {
                spacecraft.set_condition(Condition { radiator: 0.7, ..Condition::SOUND });
            }
            spacecraft.step(Seconds(1.0), Watts(60e3), 0.0);
            found.push(reality.believe(&foreseen, spacecraft.state()).1.emission);
        }
        assert!(found[100..900].iter().all(|share| *share == 1.0), "whole before");
        assert!((found[915] - 0.7).abs() < 0.05, "{} of the radiator after 15 s, not 0.7", found[915]);
    }

    #[test]
    fn a_renewed_forecast_that_knows_of_the_loss_does_not_count_it_twice() {
        let mut satellite = profile::satellite("equatorial-stress", &[]).expect("a shipped profile");
        satellite.orbit.altitude_km = 600.0;
        let start = satellite.orbit.start;
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, start);
        let mut reality = Reality::new();
        let full = Promise::of(spacecraft.forecast()).array;
        let mut believed = Vec::new();
        for second in 0..5700 {
            if second == 1000 {
                spacecraft.set_condition(Condition { array: 0.8, ..Condition::SOUND });
            }
            spacecraft.step(Seconds(1.0), Watts(60e3), 0.0);
            let (forecast, _) = reality.believe(spacecraft.forecast(), spacecraft.state());
            believed.push(Promise::of(forecast).array / full);
        }
        assert!(believed[..1000].iter().all(|share| (share - 1.0).abs() < 5e-3), "before the loss");
        assert!(believed[1001..].iter().all(|share| (share - 0.8).abs() < 5e-3), "and after it, in the shade too");
    }

    #[test]
    fn a_radiator_that_lacks_a_panel_is_found_and_one_with_more_is_not_believed() {
        for (foreseen, found) in [(1.25, 0.8), (0.8, 1.0)] {
            let (departures, _) = flown(|_| (), |forecast| forecast.thermal.emission_w_per_k4 *= foreseen);
            let last = departures[departures.len() - 1].emission;
            assert!((last - found).abs() < 0.01, "{last}, not {found}, where {foreseen} of it was foreseen");
        }
    }
}
