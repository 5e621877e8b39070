//! Where the Sun stands and how strong it is.
//!
//! The low-precision Sun of the *Astronomical Almanac* (section C): with `n` days since J2000,
//!
//! ```text
//! L = 280.460 + 0.9856474 n          mean longitude, degrees
//! g = 357.528 + 0.9856003 n          mean anomaly
//! lambda = L + 1.915 sin g + 0.020 sin 2g
//! epsilon = 23.439 - 4e-7 n          obliquity
//! R = 1.00014 - 0.01671 cos g - 0.00014 cos 2g     distance, AU
//! ```
//!
//! Over 2027 it stays within 0.0055 degrees and 5.2e-5 AU of the full ephemeris. Directions are in the
//! equator and equinox of date; UTC stands for dynamical time (69 s, or 0.0008 degrees, apart).

use jiff::Timestamp;

/// Astronomical unit, km (IAU 2012 resolution B2).
pub(super) const AU_KM: f64 = 149_597_870.7;
/// Radius of the Sun, km (IAU 2015 resolution B3).
pub(super) const SUN_RADIUS_KM: f64 = 695_700.0;
/// Sunlight at 1 AU, W/m2 (Kopp & Lean 2011, GRL 38 L01706: 1360.8 +- 0.5).
pub const SOLAR_CONSTANT_W_M2: f64 = 1361.0;
/// Seconds in a day.
pub(super) const DAY_S: f64 = 86_400.0;
/// The instant J2000 (2000-01-01T12:00 UTC), seconds since 1970.
const J2000_UNIX_S: f64 = 946_728_000.0;

/// Days from J2000 to `instant`, negative before it.
pub fn days_since_j2000(instant: Timestamp) -> f64 {
    (instant.as_nanosecond() as f64 * 1e-9 - J2000_UNIX_S) / DAY_S
}

/// The Sun at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sun {
    /// Unit vector from the Earth to the Sun, equatorial frame of date.
    pub direction: [f64; 3],
    /// Distance from the Earth, AU.
    pub distance_au: f64,
}

impl Sun {
    /// The Sun `days` after J2000.
    pub fn at(days: f64) -> Sun {
        let mean_longitude = 280.460 + 0.985_647_4 * days;
        let anomaly = (357.528 + 0.985_600_3 * days).to_radians();
        let (sin_g, cos_g) = anomaly.sin_cos();
        let (sin_2g, cos_2g) = (2.0 * sin_g * cos_g, 2.0 * cos_g * cos_g - 1.0);
        let longitude = (mean_longitude + 1.915 * sin_g + 0.020 * sin_2g).to_radians();
        let obliquity = (23.439 - 4e-7 * days).to_radians();
        let (sin_l, cos_l) = longitude.sin_cos();
        let (sin_e, cos_e) = obliquity.sin_cos();
        Sun {
            direction: [cos_l, cos_e * sin_l, sin_e * sin_l],
            distance_au: 1.000_14 - 0.016_71 * cos_g - 0.000_14 * cos_2g,
        }
    }

    /// Sunlight relative to that at 1 AU.
    pub fn flux_factor(&self) -> f64 {
        1.0 / (self.distance_au * self.distance_au)
    }

    /// Sunlight on a surface that faces it, W/m2.
    pub fn flux_w_m2(&self) -> f64 {
        SOLAR_CONSTANT_W_M2 * self.flux_factor()
    }
}
