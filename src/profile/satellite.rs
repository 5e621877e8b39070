//! The satellite profile: every key of the file, with its unit in its name.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A satellite, as its profile describes it at full size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Satellite {
    /// Where it flies, and from when.
    pub orbit: Orbit,
    /// Its solar array.
    pub array: Array,
    /// Its battery.
    pub battery: Battery,
    /// What stands between array, battery and compute.
    pub bus: Bus,
    /// The installed compute.
    pub compute: Compute,
    /// Junction, coolant loop and radiator.
    pub thermal: Thermal,
    /// The link to the ground.
    pub link: Link,
}

/// `[orbit]`: a circular orbit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orbit {
    /// Height over the equatorial radius, km.
    pub altitude_km: f64,
    /// Sun-synchronous: local time of the ascending node, `"HH:MM"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ltan: Option<String>,
    /// Not Sun-synchronous: inclination, degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inclination_deg: Option<f64>,
    /// Not Sun-synchronous: right ascension of the ascending node at `start`, degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raan_deg: Option<f64>,
    /// The instant at which the satellite crosses its ascending node, UTC.
    pub start: Timestamp,
}

/// How the plane of the orbit is fixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plane {
    /// The node keeps its local time: hours after midnight, 0 to 24.
    SunSynchronous {
        /// Local time of the ascending node, hours.
        ltan_h: f64,
    },
    /// The plane is given, and drifts with J2.
    Inclined {
        /// Inclination, degrees.
        inclination_deg: f64,
        /// Right ascension of the ascending node at the start, degrees.
        raan_deg: f64,
    },
}

impl Orbit {
    /// How the plane is fixed. An inclination with a node wins over a local time; a malformed local time is NaN.
    /// Neither occurs in a satellite that was checked.
    pub fn plane(&self) -> Plane {
        match (self.inclination_deg, self.raan_deg) {
            (Some(inclination_deg), Some(raan_deg)) => Plane::Inclined { inclination_deg, raan_deg },
            _ => Plane::SunSynchronous { ltan_h: self.ltan.as_deref().and_then(local_time_h).unwrap_or(f64::NAN) },
        }
    }
}

/// Hours after midnight of a local time `"HH:MM"`, from `"00:00"` to `"23:59"`.
pub(super) fn local_time_h(text: &str) -> Option<f64> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !(two_digits(hours) && two_digits(minutes)) {
        return None;
    }
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours < 24 && minutes < 60).then(|| f64::from(hours) + f64::from(minutes) / 60.0)
}

/// `[array]`: the solar array.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Array {
    /// Power at 1 AU, normal incidence, cell at 301.15 K, new.
    pub power_w: f64,
    /// Where it points.
    pub pointing: Pointing,
    /// Relative change of power per kelvin of cell temperature over 301.15 K (negative).
    pub temperature_coefficient_per_k: f64,
    /// Share of power lost in each year.
    pub degradation_per_year: f64,
    /// Age at the start, years.
    pub age_years: f64,
}

/// Where the array points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pointing {
    /// Always at the Sun.
    SunTracking,
    /// Fixed along the normal of the orbit, on the side of the Sun.
    OrbitNormal,
}

/// `[battery]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Battery {
    /// Energy when full.
    pub capacity_wh: f64,
    /// Share of the bus energy that reaches the cells.
    pub charge_efficiency: f64,
    /// Share of the cells' energy that reaches the bus.
    pub discharge_efficiency: f64,
    /// Most charging power at the bus, in capacities per hour.
    pub charge_rate_max_c: f64,
    /// Most discharging power at the bus, in capacities per hour.
    pub discharge_rate_max_c: f64,
    /// The floor that a governor must keep, share of capacity.
    pub soc_min: f64,
    /// Where charging ends, share of capacity.
    pub soc_max: f64,
    /// Charge at the start, share of capacity.
    pub soc_initial: f64,
}

/// `[bus]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// What the satellite draws without any compute, at the bus.
    pub housekeeping_w: f64,
    /// Share of the bus power that reaches the compute.
    pub conversion_efficiency: f64,
}

/// `[compute]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compute {
    /// Installed compute at full tilt: what the test machine's rated power stands for.
    pub power_w: f64,
}

/// `[thermal]`: three nodes (junction, loop, radiator) and a flat two-sided radiator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thermal {
    /// Area of one side of the radiator.
    pub radiator_side_area_m2: f64,
    /// Infrared emissivity.
    pub emissivity: f64,
    /// Solar absorptivity.
    pub absorptivity: f64,
    /// Fin efficiency, on emission only.
    pub fin_efficiency: f64,
    /// View factor from side 1 to Earth.
    pub earth_view_factor_1: f64,
    /// View factor from side 2 to Earth.
    pub earth_view_factor_2: f64,
    /// Cosine of incidence of sunlight on side 1 (0 is edge-on).
    pub sun_cosine_1: f64,
    /// Cosine of incidence of sunlight on side 2.
    pub sun_cosine_2: f64,
    /// Infrared flux of the Earth.
    pub earth_ir_w_m2: f64,
    /// Share of sunlight that the Earth reflects.
    pub albedo: f64,
    /// Share of the albedo that reaches the radiator on average over the orbit.
    pub albedo_phase_factor: f64,
    /// Thermal resistance from junction to loop.
    pub junction_to_loop_k_per_w: f64,
    /// Thermal conductance from loop to radiator.
    pub loop_to_radiator_w_per_k: f64,
    /// Heat capacity of junctions and cold plates.
    pub junction_j_per_k: f64,
    /// Heat capacity of the coolant loop.
    pub loop_j_per_k: f64,
    /// Heat capacity of the radiator.
    pub radiator_j_per_k: f64,
    /// The junction must stay at or below this.
    pub junction_limit_k: f64,
    /// The loop must stay at or below this.
    pub loop_limit_k: f64,
    /// All nodes at the start.
    pub initial_k: f64,
}

/// `[link]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Through other satellites at any time, or straight to one station when it is in view.
    pub mode: LinkMode,
    /// Results down, bit/s while the link is up.
    pub downlink_bps: f64,
    /// Requests up, bit/s while the link is up.
    pub uplink_bps: f64,
    /// Satellites between this one and the ground.
    pub relay_hops: u32,
    /// Latitude of the ground station.
    pub station_latitude_deg: f64,
    /// Lowest usable elevation over the station's horizon.
    pub elevation_min_deg: f64,
}

/// How results reach the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMode {
    /// By inter-satellite links, always.
    Relay,
    /// To one station, in windows.
    Direct,
}
