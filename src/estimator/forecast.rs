//! The forecast as it turns out: what is foreseen, scaled by what the spacecraft sees of itself.
//!
//! ```text
//! array      seen / foreseen, each over its light; held in the dark
//! radiator   emission seen / foreseen, for what it emits and what it absorbs
//! ```
//!
//! The spacecraft tells what its array gives and which of its panels are connected, exactly, so a departure is taken as it
//! is seen. A forecast that is renewed may know it already: then the ratio is 1 again.

use crate::envelope::{Forecast, State};

/// In less light than this an array says little of what it gives in full light.
const LIT: f64 = 0.1;
/// The forecast is made anew when a ratio has moved by this much: rounding.
const SAME: f64 = 1e-6;
/// Around dawn and dusk a sample of the forecast is a mean over more light than there is now.
const DAWN: f64 = 1e-3;

/// Seen over foreseen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Departure {
    /// Of the array's power.
    pub(super) array: f64,
    /// Of the radiator.
    pub(super) radiator: f64,
}

impl Departure {
    /// All as foreseen.
    pub(super) const NONE: Departure = Departure { array: 1.0, radiator: 1.0 };

    fn is_near(&self, other: &Departure) -> bool {
        (self.array - other.array).abs() < SAME && (self.radiator - other.radiator).abs() < SAME
    }
}

/// The forecast in force, corrected.
#[derive(Clone, Debug)]
pub(super) struct Corrected {
    forecast: Forecast,
    departure: Departure,
    /// What the array gave over what was foreseen by the forecast of `start`, when it was last in the light.
    seen: f64,
}

impl Corrected {
    pub(super) fn new(foreseen: &Forecast) -> Corrected {
        Corrected { forecast: foreseen.clone(), departure: Departure::NONE, seen: 1.0 }
    }

    pub(super) fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    pub(super) fn departure(&self) -> Departure {
        self.departure
    }

    /// Takes in where the spacecraft is, and what it now foresees.
    pub(super) fn see(&mut self, foreseen: &Forecast, state: &State) {
        let renewed = self.forecast.start != foreseen.start;
        if renewed {
            // What the new forecast promises at best, over what the old one did: a loss that it knows is not counted twice.
            let best = |forecast: &Forecast| forecast.samples.iter().fold(0.0, |most: f64, one| most.max(one.array.0));
            let (old, new) = (best(&self.forecast), best(foreseen));
            self.seen = if new > 0.0 { old / new } else { 1.0 };
        }
        let here = foreseen.at(state.t);
        if state.illumination > LIT && here.illumination > LIT && here.array.0 > 0.0 {
            let ratio = (state.array.0 / state.illumination) / (here.array.0 / here.illumination);
            // From one day to the next the light changes by less, and not at once.
            self.seen = if (ratio - 1.0).abs() < DAWN { 1.0 } else { ratio };
        }
        let radiator = state.emission_w_per_k4 / foreseen.thermal.emission_w_per_k4;
        let departure = Departure { array: self.seen, radiator };
        if renewed || !departure.is_near(&self.departure) {
            self.departure = departure;
            self.apply(foreseen);
        }
    }

    fn apply(&mut self, foreseen: &Forecast) {
        let Departure { array, radiator } = self.departure;
        self.forecast.clone_from(foreseen);
        self.forecast.thermal.emission_w_per_k4 *= radiator;
        for sample in &mut self.forecast.samples {
            sample.array = sample.array * array;
            sample.environment = sample.environment * radiator;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Condition, Scale, Sky, Spacecraft};
    use crate::profile;
    use crate::units::{Seconds, Watts};

    fn spacecraft(condition: (f64, Condition)) -> Spacecraft {
        let satellite = profile::satellite("equatorial-stress", &[]).expect("a shipped profile");
        let spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        spacecraft.becoming(vec![(Seconds(condition.0), condition.1)])
    }

    /// Departures of an orbit, second by second, with the light; `foresee` gives the forecast of each second.
    fn flown(mut craft: Spacecraft, foresee: impl Fn(&Spacecraft) -> Forecast) -> Vec<(f64, Departure)> {
        let mut corrected = Corrected::new(&foresee(&craft));
        (0..5700)
            .map(|_| {
                let state = *craft.step(Seconds(1.0), Watts(60e3), 0.0);
                corrected.see(&foresee(&craft), &state);
                (state.illumination, corrected.departure())
            })
            .collect()
    }

    #[test]
    fn a_forecast_that_holds_is_left_alone() {
        let sound = spacecraft((1e9, Condition::SOUND));
        for (light, departure) in flown(sound, |craft| craft.forecast().clone()) {
            assert_eq!(departure, Departure::NONE, "in {light} of the light");
        }
    }

    #[test]
    fn an_array_that_gives_less_is_found_in_the_first_light_and_remembered_in_the_dark() {
        let lost = spacecraft((1500.0, Condition { array: 0.8, ..Condition::SOUND }));
        let first = lost.forecast().clone();
        let departures = flown(lost, |_| first.clone());
        let after: Vec<_> = departures.iter().skip(1500).skip_while(|(light, _)| *light < 0.5).collect();
        assert!(!after.is_empty(), "it is light again");
        for (light, departure) in after {
            assert!((departure.array - 0.8).abs() < 2e-3, "{} of the array in {light} of the light", departure.array);
        }
    }

    #[test]
    fn a_renewed_forecast_that_knows_of_the_loss_does_not_count_it_twice() {
        let lost = spacecraft((1000.0, Condition { array: 0.8, radiator: 0.7, ..Condition::SOUND }));
        let departures = flown(lost, |craft| craft.forecast().clone());
        let (_, last) = departures[departures.len() - 1];
        assert!((last.array - 1.0).abs() < 2e-3 && (last.radiator - 1.0).abs() < 1e-9, "{last:?} of what it knows");
        let (_, at_once) = departures[1001];
        assert!((at_once.radiator - 0.7).abs() < 1e-9, "{at_once:?}: panels are known at once");
    }
}
