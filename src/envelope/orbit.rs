//! A circular orbit under J2: its period, its plane and how the plane drifts.
//!
//! ```text
//! n = sqrt(mu/a^3)                                          a = R_E + altitude
//! Omega' = -1.5 n J2 (R_E/a)^2 cos i                        drift of the node
//! n_d = n [1 + 0.75 J2 (R_E/a)^2 (8 cos^2 i - 2)]           node to node
//! ```
//!
//! (Vallado, *Fundamentals of Astrodynamics*, secular J2.) Sun-synchronous means `Omega' = 2 pi / tropical year`;
//! its node follows the mean Sun, so the local time of the node holds by definition and the equation of time is in
//! the true Sun. The argument of latitude runs evenly from node to node. An inclined plane is the profile's at the
//! profile's `start` and drifts from there. A satellite that was not checked (see [`crate::profile`]) gives NaN.

use super::sun::{DAY_S, Sun, days_since_j2000};
use crate::profile::{self, Plane};
use crate::units::Seconds;
use jiff::Timestamp;
use std::f64::consts::TAU;

/// Gravitational parameter of the Earth, km3/s2 (WGS84).
pub(super) const EARTH_MU_KM3_S2: f64 = 398_600.441_8;
/// Equatorial radius of the Earth, km (WGS84).
pub(super) const EARTH_RADIUS_KM: f64 = 6_378.137;
/// Flattening of the Earth (WGS84).
pub(super) const EARTH_FLATTENING: f64 = 1.0 / 298.257_223_563;
/// Second zonal harmonic of the Earth (EGM96).
pub(super) const EARTH_J2: f64 = 1.082_626_68e-3;
/// Days in a tropical year.
pub(super) const TROPICAL_YEAR_DAYS: f64 = 365.242_19;
/// Right ascension of the mean Sun at J2000 and its rate, degrees and degrees per day (GMST 1982 less the day's turn).
const MEAN_SUN_DEG: f64 = 280.460_618_37;
const MEAN_SUN_DEG_PER_DAY: f64 = 0.985_647_366_29;

/// A circular orbit, at its ascending node at the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Orbit {
    /// Mean semi-major axis, km.
    pub radius_km: f64,
    /// Inclination, radians.
    pub inclination: f64,
    /// Period of the two-body orbit.
    pub kepler_period: Seconds,
    /// From ascending node to ascending node: the period of sunlight and shadow.
    pub nodal_period: Seconds,
    /// Days from J2000 to the start.
    start_days: f64,
    /// Right ascension of the node at the start, degrees.
    node_deg: f64,
    /// Its drift, degrees per day.
    node_deg_per_day: f64,
}

impl Orbit {
    /// The orbit of a checked profile, flown from `start`.
    pub fn new(profile: &profile::Orbit, start: Timestamp) -> Orbit {
        let radius_km = EARTH_RADIUS_KM + profile.altitude_km;
        let motion = (EARTH_MU_KM3_S2 / radius_km.powi(3)).sqrt();
        let oblateness = EARTH_J2 * (EARTH_RADIUS_KM / radius_km).powi(2);
        let start_days = days_since_j2000(start);
        let (cos_i, node_deg, node_deg_per_day) = match profile.plane() {
            Plane::SunSynchronous { ltan_h } => {
                let rate = TAU / (TROPICAL_YEAR_DAYS * DAY_S);
                let mean_sun = MEAN_SUN_DEG + MEAN_SUN_DEG_PER_DAY * start_days;
                (-rate / (1.5 * motion * oblateness), mean_sun + 15.0 * (ltan_h - 12.0), MEAN_SUN_DEG_PER_DAY)
            }
            Plane::Inclined { inclination_deg, raan_deg } => {
                let cos_i = inclination_deg.to_radians().cos();
                let rate = (-1.5 * motion * oblateness * cos_i).to_degrees() * DAY_S;
                (cos_i, raan_deg + rate * (start_days - days_since_j2000(profile.start)), rate)
            }
        };
        let nodal_motion = motion * (1.0 + 0.75 * oblateness * (8.0 * cos_i * cos_i - 2.0));
        Orbit {
            radius_km,
            inclination: cos_i.acos(),
            kepler_period: Seconds(TAU / motion),
            nodal_period: Seconds(TAU / nodal_motion),
            start_days,
            node_deg,
            node_deg_per_day,
        }
    }

    /// Days from J2000 to `simulated` seconds after the start.
    pub fn days(&self, simulated: Seconds) -> f64 {
        self.start_days + simulated.0 / DAY_S
    }

    /// Right ascension of the ascending node, degrees from 0 to 360.
    pub fn raan_deg(&self, simulated: Seconds) -> f64 {
        (self.node_deg + self.node_deg_per_day * simulated.0 / DAY_S).rem_euclid(360.0)
    }

    /// Share of the orbit since the last ascending node, 0 to 1.
    pub fn phase(&self, simulated: Seconds) -> f64 {
        turn(simulated / self.nodal_period)
    }

    /// Unit vectors of the plane: to the node, a quarter orbit on, and along the normal.
    pub fn axes(&self, simulated: Seconds) -> [[f64; 3]; 3] {
        let (sin_node, cos_node) = self.raan_deg(simulated).to_radians().sin_cos();
        let (sin_i, cos_i) = self.inclination.sin_cos();
        [
            [cos_node, sin_node, 0.0],
            [-sin_node * cos_i, cos_node * cos_i, sin_i],
            [sin_i * sin_node, -sin_i * cos_node, cos_i],
        ]
    }

    /// How the Sun stands to the plane at `simulated` seconds after the start.
    pub fn aspect(&self, simulated: Seconds) -> Aspect {
        let sun = Sun::at(self.days(simulated));
        let [node, quarter, normal] = self.axes(simulated);
        let (along, across) = (dot(node, sun.direction), dot(quarter, sun.direction));
        Aspect {
            sun,
            sin_beta: dot(normal, sun.direction),
            cos_beta: along.hypot(across),
            noon_phase: (across.atan2(along) / TAU).rem_euclid(1.0),
        }
    }

    /// View factor to the Earth of a small plate that holds the nadir in its plane
    /// (Gilmore, *Spacecraft Thermal Control Handbook*): `(atan(1/q) - q/H^2)/pi`, `H = a/R_E`, `q = sqrt(H^2 - 1)`.
    pub fn edge_view_factor(&self) -> f64 {
        let height = self.radius_km / EARTH_RADIUS_KM;
        let q = (height * height - 1.0).sqrt();
        ((1.0 / q).atan() - q / (height * height)) / std::f64::consts::PI
    }
}

/// How the Sun stands to the plane of the orbit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aspect {
    /// The Sun.
    pub sun: Sun,
    /// Sine of its elevation over the plane; negative on the side away from the normal (LTAN 06:00).
    pub sin_beta: f64,
    /// Cosine of that elevation.
    pub cos_beta: f64,
    /// Share of the orbit from the node to the point nearest the Sun.
    pub noon_phase: f64,
}

impl Aspect {
    /// Elevation of the Sun over the plane, degrees.
    pub fn beta_deg(&self) -> f64 {
        self.sin_beta.atan2(self.cos_beta).to_degrees()
    }
}

/// The share of a turn that `revolutions`, not negative, have begun. A cast, since `floor` is a call on plain x86-64.
pub(super) fn turn(revolutions: f64) -> f64 {
    revolutions - (revolutions as i64) as f64
}

/// Scalar product.
pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}
