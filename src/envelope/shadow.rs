//! The Earth's shadow on a circular orbit.
//!
//! Seen from the satellite the Earth is a disc of radius `rho_E = asin(R_E/a)`, the Sun one of `rho_S = asin(R_S/D)`,
//! and `theta` parts their centres (Montenbruck & Gill, *Satellite Orbits*, 3.4.2):
//!
//! ```text
//! umbra      theta < rho_E - rho_S          penumbra   theta < rho_E + rho_S
//! between    lit share = 1 - (overlap of two plane circles) / (pi rho_S^2)
//! ```
//!
//! For a circular orbit and a round Earth, theta depends only on the arc from midnight, `v`: with the parallax
//! `gamma = asin(a sin theta / d)`, `cos(theta + gamma) = cos beta cos v`. So both edges are closed form, and the
//! overlap is computed between them only. Phases and arcs are shares of an orbit; durations follow from the nodal
//! period. No refraction, no terrain.

use super::orbit::{Aspect, EARTH_FLATTENING, EARTH_RADIUS_KM, Orbit, dot, turn};
use super::sun::{AU_KM, SUN_RADIUS_KM};
use crate::units::Seconds;
use std::f64::consts::{PI, TAU};

/// The shadow for one stand of Sun and node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shadow {
    /// Phase of the point farthest from the Sun.
    midnight: f64,
    /// Half the arc from penumbra entry to exit; zero without eclipse.
    penumbra: f64,
    /// Half the arc of the umbra; zero without.
    umbra: f64,
    cos_beta: f64,
    radius_km: f64,
    sun_km: f64,
}

impl Shadow {
    /// The shadow on `orbit` under `aspect`.
    pub fn new(orbit: &Orbit, aspect: &Aspect) -> Shadow {
        let (radius_km, sun_km) = (orbit.radius_km, aspect.sun.distance_au * AU_KM);
        let earth = (EARTH_RADIUS_KM / radius_km).asin();
        // At the edge of the shadow the Sun is farther than from the Earth's centre by the leg behind the limb.
        let leg = (radius_km * radius_km - EARTH_RADIUS_KM * EARTH_RADIUS_KM).sqrt();
        let sun = (SUN_RADIUS_KM / (sun_km + leg)).asin();
        let half_arc = |theta: f64| {
            let parallax = (radius_km * theta.sin() / sun_km).asin();
            let cosine = (theta + parallax).cos() / aspect.cos_beta;
            if cosine >= 1.0 { 0.0 } else { cosine.acos() / TAU }
        };
        Shadow {
            midnight: (aspect.noon_phase + 0.5).rem_euclid(1.0),
            penumbra: half_arc(earth + sun),
            umbra: half_arc(earth - sun),
            cos_beta: aspect.cos_beta,
            radius_km,
            sun_km,
        }
    }

    /// Visible share of the Sun's disc at `phase`, 0 to 1.
    pub fn illumination(&self, phase: f64) -> f64 {
        let arc = self.arc_from_midnight(phase);
        if arc >= self.penumbra {
            1.0
        } else if arc < self.umbra {
            0.0
        } else {
            self.visible_share(arc)
        }
    }

    /// Mean visible share over the `width` after `phase`, both shares of an orbit; `width` is small against the shadow.
    pub fn mean_illumination(&self, phase: f64, width: f64) -> f64 {
        const POINTS: u32 = 8;
        let arc = self.arc_from_midnight(phase + 0.5 * width);
        if arc >= self.penumbra + 0.5 * width {
            return 1.0;
        }
        if arc < self.umbra - 0.5 * width {
            return 0.0;
        }
        let share = |i: u32| self.illumination(phase + width * (f64::from(i) + 0.5) / f64::from(POINTS));
        (0..POINTS).map(share).sum::<f64>() / f64::from(POINTS)
    }

    /// Share of an orbit between `phase` and midnight, 0 to 0.5.
    fn arc_from_midnight(&self, phase: f64) -> f64 {
        let apart = turn((phase - self.midnight).abs());
        apart.min(1.0 - apart)
    }

    /// Visible share at `arc` from midnight, by the overlap of two plane circles.
    fn visible_share(&self, arc: f64) -> f64 {
        let cos_zenith = -self.cos_beta * (TAU * arc).cos();
        let (r, d) = (self.radius_km, self.sun_km);
        let to_sun = (d * d - 2.0 * d * r * cos_zenith + r * r).sqrt();
        let theta = ((r - d * cos_zenith) / to_sun).acos();
        let earth = (EARTH_RADIUS_KM / r).asin();
        let sun = (SUN_RADIUS_KM / to_sun).asin();
        1.0 - overlap(sun, earth, theta) / (PI * sun * sun)
    }

    /// The orbit as `(share of it, visible share of the disc)`: one piece in full sunlight, one in the umbra, and
    /// Simpson's points and weights over both penumbras. The weights add up to 1.
    pub fn pieces(&self) -> Vec<(f64, f64)> {
        const PANELS: u32 = 512;
        let mut pieces = vec![(1.0 - 2.0 * self.penumbra, 1.0), (2.0 * self.umbra, 0.0)];
        let width = self.penumbra - self.umbra;
        if width > 0.0 {
            pieces.extend((0..=PANELS).map(|i| {
                let weight = if i == 0 || i == PANELS { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
                let arc = self.umbra + width * f64::from(i) / f64::from(PANELS);
                let share = 2.0 * width * weight / (3.0 * f64::from(PANELS));
                (share, self.visible_share(arc).clamp(0.0, 1.0))
            }));
        }
        pieces
    }
}

/// Area shared by two circles of radii `a` and `b` whose centres are `c` apart.
fn overlap(a: f64, b: f64, c: f64) -> f64 {
    if c >= a + b {
        return 0.0;
    }
    if c <= (a - b).abs() {
        let inner = a.min(b);
        return PI * inner * inner;
    }
    // The common chord stands x from the first centre.
    let x = (c * c + a * a - b * b) / (2.0 * c);
    let half_chord = (a * a - x * x).max(0.0).sqrt();
    a * a * (x / a).clamp(-1.0, 1.0).acos() + b * b * ((c - x) / b).clamp(-1.0, 1.0).acos() - c * half_chord
}

/// Durations of the shadow in one orbit, with Sun and node held still.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Eclipse {
    /// In the cylinder that touches the Earth and points away from the Sun's centre.
    pub cylinder: Seconds,
    /// In full shadow.
    pub umbra: Seconds,
    /// From penumbra entry to penumbra exit, so the umbra is in it.
    pub penumbra: Seconds,
    /// Integral of (1 - visible share): the number that matters for energy.
    pub equivalent: Seconds,
    /// In the full shadow of the WGS84 ellipsoid instead of the sphere.
    pub oblate_umbra: Seconds,
}

impl Eclipse {
    /// The eclipse of one orbit that begins at `simulated`.
    pub fn new(orbit: &Orbit, simulated: Seconds) -> Eclipse {
        let aspect = orbit.aspect(simulated);
        let shadow = Shadow::new(orbit, &aspect);
        let (r, earth) = (orbit.radius_km, EARTH_RADIUS_KM);
        let cosine = (r * r - earth * earth).sqrt() / (r * aspect.cos_beta);
        let cylinder = if cosine >= 1.0 { 0.0 } else { cosine.acos() / PI };
        let period = orbit.nodal_period;
        Eclipse {
            cylinder: period * cylinder,
            umbra: period * (2.0 * shadow.umbra),
            penumbra: period * (2.0 * shadow.penumbra),
            equivalent: period * shadow.pieces().iter().map(|(share, lit)| share * (1.0 - lit)).sum(),
            oblate_umbra: period * oblate_umbra(orbit, simulated),
        }
    }
}

/// Share of the orbit in the umbra of the ellipsoid: the polar axis is stretched until the Earth is a sphere, the
/// Sun's disc is kept round. Counted on a fine grid with linear edges.
fn oblate_umbra(orbit: &Orbit, simulated: Seconds) -> f64 {
    const POINTS: u32 = 8192;
    let aspect = orbit.aspect(simulated);
    let [node, quarter, _] = orbit.axes(simulated);
    let stretch = 1.0 / (1.0 - EARTH_FLATTENING);
    let sun_km = aspect.sun.direction.map(|x| x * aspect.sun.distance_au * AU_KM);
    // Positive inside the umbra, radians.
    let depth = |i: u32| {
        let (sin_u, cos_u) = (TAU * f64::from(i) / f64::from(POINTS)).sin_cos();
        let at: [f64; 3] = std::array::from_fn(|j| orbit.radius_km * (cos_u * node[j] + sin_u * quarter[j]));
        let to_sun: [f64; 3] = std::array::from_fn(|j| sun_km[j] - at[j]);
        let sun = (SUN_RADIUS_KM / dot(to_sun, to_sun).sqrt()).asin();
        let (at, to_sun) = ([at[0], at[1], at[2] * stretch], [to_sun[0], to_sun[1], to_sun[2] * stretch]);
        let (height, distance) = (dot(at, at).sqrt(), dot(to_sun, to_sun).sqrt());
        let theta = (-dot(at, to_sun) / (height * distance)).clamp(-1.0, 1.0).acos();
        (EARTH_RADIUS_KM / height).asin() - sun - theta
    };
    let mut inside = 0.0;
    let mut before = depth(0);
    for i in 1..=POINTS {
        let after = depth(i);
        inside += match (before > 0.0, after > 0.0) {
            (true, true) => 1.0,
            (false, false) => 0.0,
            (true, false) => before / (before - after),
            (false, true) => after / (after - before),
        };
        before = after;
    }
    inside / f64::from(POINTS)
}
