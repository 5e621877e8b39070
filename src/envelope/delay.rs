//! How long light takes between satellite and ground.
//!
//! ```text
//! slant range  rho = -R sin e + sqrt(R^2 sin^2 e + h^2 + 2 R h)      at elevation e
//! longest hop  2 sqrt((R + h)^2 - (R + 80 km)^2)                     chord that clears the air, both ends at height h
//! ```
//!
//! Light time is in real seconds at every time compression: it is added to a latency, never compressed. Where relays
//! stand is not in the profile, so it is bounded: from none of the way to the longest hop for each of them.

use super::orbit::EARTH_RADIUS_KM;
use crate::profile::{LinkMode, Satellite};
use crate::units::Seconds;

/// Speed of light, km/s (exact).
const LIGHT_KM_S: f64 = 299_792.458;
/// Height below which a beam is bent and absorbed by air, km.
const AIR_KM: f64 = 80.0;

/// One-way light time, in real seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delay {
    /// Straight down, relays beside the satellite.
    pub shortest: Seconds,
    /// At the lowest usable elevation, each relay as far as the limb allows.
    pub longest: Seconds,
}

impl Delay {
    /// The bounds for `satellite`. A direct link has no relays, whatever the profile's `relay_hops`.
    pub fn new(satellite: &Satellite) -> Delay {
        let height = satellite.orbit.altitude_km;
        let hops = match satellite.link.mode {
            LinkMode::Relay => f64::from(satellite.link.relay_hops),
            LinkMode::Direct => 0.0,
        };
        let (orbit, air) = (EARTH_RADIUS_KM + height, EARTH_RADIUS_KM + AIR_KM);
        let hop = 2.0 * (orbit * orbit - air * air).sqrt();
        let last = slant_range_km(height, satellite.link.elevation_min_deg);
        Delay { shortest: Seconds(height / LIGHT_KM_S), longest: Seconds((last + hops * hop) / LIGHT_KM_S) }
    }
}

/// Distance from a station to a satellite at `height_km` that it sees at `elevation_deg`.
pub fn slant_range_km(height_km: f64, elevation_deg: f64) -> f64 {
    let rise = EARTH_RADIUS_KM * elevation_deg.to_radians().sin();
    (rise * rise + height_km * height_km + 2.0 * EARTH_RADIUS_KM * height_km).sqrt() - rise
}
