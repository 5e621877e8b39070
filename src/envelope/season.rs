//! What changes slowly: Sun, node and age of the array, and what follows from them for one day of flight.
//!
//! Sun and node stand still for each day from the start on, as they stood at its beginning; inside it only the phase
//! counts. So a day of flight is the orbit that `profile show` describes for its beginning, flown some fifteen times,
//! and it can be compared with references made the same way. Against a Sun that moves all the time this shifts the
//! shadow along the orbit by up to a third of a percent of it by the end of the day; the charge of a 120 kWh battery
//! under 100 kW then differs by up to 8e-4 at the height of the eclipse season. At its edges, where the eclipse
//! changes by 100 s from day to day, the season opens and closes in steps of a day.

use super::Scale;
use super::Sky;
use super::array::{Sunlight, full_sun};
use super::orbit::Orbit;
use super::radiator::Absorbed;
use super::shadow::Shadow;
use super::sun::{DAY_S, SOLAR_CONSTANT_W_M2};
use crate::profile::Satellite;
use crate::units::{Seconds, Watts};

/// Sunlight and heat for one stand of the Sun, scaled to the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Season {
    /// The Earth's shadow; none under a constant sky.
    shadow: Option<Shadow>,
    /// What the array gives in full sun.
    array: Watts,
    absorbed: Absorbed,
}

impl Season {
    /// How long a season is held, simulated time.
    pub(super) const HELD_S: f64 = DAY_S;

    /// The beginning of the stretch that holds `simulated`.
    pub(super) fn beginning(simulated: Seconds) -> Seconds {
        Seconds((simulated.0 / Season::HELD_S).floor() * Season::HELD_S)
    }

    /// The season with Sun, node and age of `simulated` seconds after the start.
    pub(super) fn new(satellite: &Satellite, orbit: &Orbit, sky: Sky, scale: Scale, simulated: Seconds) -> Season {
        let (shadow, light) = match sky {
            Sky::Orbit => {
                let aspect = orbit.aspect(simulated);
                (Some(Shadow::new(orbit, &aspect)), Sunlight::on(satellite.array.pointing, &aspect))
            }
            Sky::Constant => (None, Sunlight { flux_w_m2: SOLAR_CONSTANT_W_M2, cosine: 1.0 }),
        };
        let absorbed = Absorbed::under(&satellite.thermal, light.flux_w_m2);
        Season {
            shadow,
            array: full_sun(satellite, orbit, light, simulated) * scale.power,
            absorbed: Absorbed { earth: absorbed.earth * scale.power, sun: absorbed.sun * scale.power },
        }
    }

    /// Visible share of the Sun's disc at `phase`.
    pub(super) fn illumination(&self, phase: f64) -> f64 {
        self.shadow.map_or(1.0, |shadow| shadow.illumination(phase))
    }

    /// Its mean over the `width` after `phase`.
    pub(super) fn mean_illumination(&self, phase: f64, width: f64) -> f64 {
        self.shadow.map_or(1.0, |shadow| shadow.mean_illumination(phase, width))
    }

    /// What the array gives with this share of the disc visible.
    pub(super) fn array(&self, illumination: f64) -> Watts {
        self.array * illumination
    }

    /// What the radiator absorbs with this share of the disc visible.
    pub(super) fn environment(&self, illumination: f64) -> Watts {
        self.absorbed.at(illumination)
    }
}
