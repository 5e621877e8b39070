//! The solar array: what it gives the bus in full sun.
//!
//! ```text
//! P = P_0 (S/1361) cos(incidence) [1 + kappa (T_c - 301.15 K)] (1 - d)^years
//! (alpha - eta) S cos + q_earth = 2 epsilon sigma T_c^4                 cell temperature
//! ```
//!
//! In penumbra this is multiplied by the visible share of the disc. The cells keep their full-sun temperature there:
//! a wing takes minutes to cool and the penumbra lasts half a minute, so the gain of cold cells is not counted.

use super::orbit::{Aspect, Orbit, TROPICAL_YEAR_DAYS};
use super::sun::{DAY_S, SOLAR_CONSTANT_W_M2};
use super::thermal::STEFAN_BOLTZMANN_W_M2_K4;
use crate::profile::{Pointing, Satellite};
use crate::units::{Kelvin, Seconds, Watts};

/// The cell temperature at which an array's power is stated (28 degC, as on cell data sheets).
pub const RATED_CELL_K: f64 = 301.15;
/// Share of sunlight that a covered cell absorbs (0.92 is usual on triple-junction data sheets).
const CELL_ABSORPTIVITY: f64 = 0.92;
/// Share that leaves as electricity (XTJ, 29.8 % at AM0 and 28 degC, Fetzer et al.).
const CELL_EFFICIENCY: f64 = 0.298;
/// Infrared emissivity of cover glass and painted back (0.85 is usual).
const WING_EMISSIVITY: f64 = 0.85;

/// Incidence and strength of the sunlight on the array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sunlight {
    /// Sunlight, W/m2.
    pub flux_w_m2: f64,
    /// Cosine of incidence.
    pub cosine: f64,
}

impl Sunlight {
    /// What reaches an array with this `pointing`.
    pub fn on(pointing: Pointing, aspect: &Aspect) -> Sunlight {
        let cosine = match pointing {
            Pointing::SunTracking => 1.0,
            Pointing::OrbitNormal => aspect.sin_beta.abs(),
        };
        Sunlight { flux_w_m2: aspect.sun.flux_w_m2(), cosine }
    }
}

/// Temperature of cells in steady `light`, with `earth_heat_w_m2` from the Earth on both sides of the wing together.
pub fn cell_temperature(light: Sunlight, earth_heat_w_m2: f64) -> Kelvin {
    let sun = (CELL_ABSORPTIVITY - CELL_EFFICIENCY) * light.flux_w_m2 * light.cosine;
    let emission = 2.0 * WING_EMISSIVITY * STEFAN_BOLTZMANN_W_M2_K4;
    Kelvin(((sun + earth_heat_w_m2) / emission).sqrt().sqrt())
}

/// What the array of a full-size `satellite` gives in full `light`, `simulated` seconds after the start.
pub fn full_sun(satellite: &Satellite, orbit: &Orbit, light: Sunlight, simulated: Seconds) -> Watts {
    let array = &satellite.array;
    // The wing faces the Sun, which stands near the normal of a dawn-dusk plane: both sides see the Earth edge-on.
    let earth_heat = WING_EMISSIVITY * 2.0 * orbit.edge_view_factor() * satellite.thermal.earth_ir_w_m2;
    let warmth = cell_temperature(light, earth_heat).0 - RATED_CELL_K;
    let thermal = (1.0 + array.temperature_coefficient_per_k * warmth).max(0.0);
    let years = array.age_years + simulated.0 / (TROPICAL_YEAR_DAYS * DAY_S);
    let ageing = (1.0 - array.degradation_per_year).powf(years);
    Watts(array.power_w * light.flux_w_m2 / SOLAR_CONSTANT_W_M2 * light.cosine * thermal * ageing)
}
