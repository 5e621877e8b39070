//! The downlink as a bit budget: results wait until the link is open, then leave at its rate.
//!
//! *Relay* is always open. *Direct* is open while the satellite stands above the lowest usable elevation of one
//! station, which lies at the profile's latitude and at longitude 0 and turns with the Earth (Greenwich mean sidereal
//! time, IAU 1982; round Earth). A satellite at radius `a` is above elevation `e` within the central angle
//! `acos(R cos e / a) - e` of the station.

use super::Scale;
use super::orbit::{EARTH_RADIUS_KM, Orbit, dot};
use super::sun::DAY_S;
use crate::profile::{self, LinkMode};
use crate::units::Seconds;
use std::f64::consts::TAU;

/// One turn of the Earth against the stars, s.
const SIDEREAL_DAY_S: f64 = 86_164.090_5;

/// The link, scaled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Link {
    /// Bits per machine second while open.
    rate_bps: f64,
    /// None through relays.
    station: Option<Station>,
}

/// A ground station.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Station {
    sin_latitude: f64,
    cos_latitude: f64,
    /// The satellite is usable within this angle at the Earth's centre, radians.
    reach: f64,
}

/// What is known of the link for a stretch of [`Contact::HELD_S`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    Open,
    Closed,
    /// It opens or closes within the stretch: ask at each instant.
    Changing,
}

impl Contact {
    /// Length of the stretch, simulated time.
    pub(super) const HELD_S: f64 = 60.0;
}

impl Link {
    pub(super) fn new(profile: &profile::Link, orbit: &Orbit, scale: Scale) -> Link {
        let station = (profile.mode == LinkMode::Direct).then(|| {
            let (sin_latitude, cos_latitude) = profile.station_latitude_deg.to_radians().sin_cos();
            let elevation = profile.elevation_min_deg.to_radians();
            let reach = (EARTH_RADIUS_KM * elevation.cos() / orbit.radius_km).acos() - elevation;
            Station { sin_latitude, cos_latitude, reach }
        });
        Link { rate_bps: profile.downlink_bps * scale.power, station }
    }

    /// Bits that can leave in `dt` of machine time while open.
    pub(super) fn bits(&self, dt: Seconds) -> f64 {
        self.rate_bps * dt.0
    }

    /// Whether it is open at `simulated`.
    pub(super) fn is_open(&self, orbit: &Orbit, simulated: Seconds) -> bool {
        self.station.is_none_or(|station| station.distance(orbit, simulated) <= station.reach)
    }

    /// What holds for the whole stretch of [`Contact::HELD_S`] around `middle`.
    pub(super) fn contact(&self, orbit: &Orbit, middle: Seconds) -> Contact {
        let Some(station) = self.station else { return Contact::Open };
        // Satellite and station move towards each other at most this far in half the stretch.
        let turn = TAU / orbit.nodal_period.0 + TAU / SIDEREAL_DAY_S;
        let margin = turn * 0.5 * Contact::HELD_S;
        let distance = station.distance(orbit, middle);
        if distance > station.reach + margin {
            Contact::Closed
        } else if distance < station.reach - margin {
            Contact::Open
        } else {
            Contact::Changing
        }
    }

    /// Share of the first day in which it is open, sampled every ten seconds.
    pub(super) fn open_share(&self, orbit: &Orbit) -> f64 {
        const SAMPLES: u32 = 8640;
        if self.station.is_none() {
            return 1.0;
        }
        let instant = |i: u32| Seconds((f64::from(i) + 0.5) * DAY_S / f64::from(SAMPLES));
        let open = (0..SAMPLES).filter(|&i| self.is_open(orbit, instant(i))).count();
        open as f64 / f64::from(SAMPLES)
    }
}

impl Station {
    /// Angle at the Earth's centre between the satellite and the station, radians.
    fn distance(&self, orbit: &Orbit, simulated: Seconds) -> f64 {
        let sidereal = 280.460_618_37 + 360.985_647_366_29 * orbit.days(simulated);
        let (sin_t, cos_t) = sidereal.rem_euclid(360.0).to_radians().sin_cos();
        let station = [self.cos_latitude * cos_t, self.cos_latitude * sin_t, self.sin_latitude];
        let [node, quarter, _] = orbit.axes(simulated);
        let (sin_u, cos_u) = (TAU * orbit.phase(simulated)).sin_cos();
        (cos_u * dot(node, station) + sin_u * dot(quarter, station)).clamp(-1.0, 1.0).acos()
    }
}
