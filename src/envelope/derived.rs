//! What follows from a satellite on one date: the numbers of `profile show`.
//!
//! Sun and node stand still at the date for the whole orbit, as they do for a day of flight. Two numbers have a
//! convention behind them:
//!
//! * *Sustainable power* is the constant load at the bus, before housekeeping and conversion, that leaves the battery
//!   after an orbit where it was before: `mean of eta_c (P_array - P)+ - (P - P_array)+ / eta_d = 0`. The charge
//!   rate limit is not applied. The array has its temperature and its age.
//! * The *thermal* block is the steady state at the installed compute power, in full sunlight of 1361 W/m2.

use super::array::{Sunlight, full_sun};
use super::sun::SOLAR_CONSTANT_W_M2;
use super::{Absorbed, Eclipse, Orbit, Scale, Shadow, Thermal};
use crate::profile::{Battery, Satellite};
use crate::units::{Kelvin, Seconds, Watts};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The document of `profile show`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// The satellite, overrides included.
    pub profile: Satellite,
    /// What follows from it.
    pub derived: Derived,
}

impl Shown {
    /// A checked `satellite` on `date`.
    pub fn new(satellite: &Satellite, date: Timestamp) -> Shown {
        Shown { profile: satellite.clone(), derived: Derived::new(satellite, date) }
    }
}

/// What follows from a satellite on a date.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Derived {
    /// Its orbit.
    pub orbit: DerivedOrbit,
    /// The Sun.
    pub sun: DerivedSun,
    /// The shadow in one orbit.
    pub eclipse: DerivedEclipse,
    /// The energy of one orbit.
    pub power: DerivedPower,
    /// The heat of the installed compute.
    pub thermal: DerivedThermal,
}

/// The orbit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedOrbit {
    /// Inclination.
    pub inclination_deg: f64,
    /// Two-body period.
    pub kepler_period_s: Seconds,
    /// From node to node, with J2.
    pub nodal_period_s: Seconds,
    /// Right ascension of the ascending node, 0 to 360.
    pub raan_deg: f64,
}

/// The Sun.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedSun {
    /// Elevation over the plane of the orbit.
    pub beta_deg: f64,
    /// Distance from the Earth.
    pub distance_au: f64,
    /// Sunlight relative to that at 1 AU.
    pub flux_factor: f64,
    /// Sunlight.
    pub flux_w_m2: f64,
}

/// The shadow in one orbit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedEclipse {
    /// In the cylinder behind the Earth.
    pub cylinder_s: Seconds,
    /// In full shadow.
    pub umbra_s: Seconds,
    /// From penumbra entry to penumbra exit, umbra included.
    pub penumbra_s: Seconds,
    /// Integral of (1 - visible share of the disc).
    pub equivalent_s: Seconds,
}

/// The energy of one orbit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedPower {
    /// Constant load at the bus that the orbit can carry for ever.
    pub sustainable_w: Watts,
}

/// The heat of the installed compute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DerivedThermal {
    /// Radiator in the steady state.
    pub radiator_k: Kelvin,
    /// Coolant loop in the steady state.
    pub loop_k: Kelvin,
    /// Junction in the steady state.
    pub junction_k: Kelvin,
    /// Heat that holds the junction exactly at its limit.
    pub power_at_junction_limit_w: Watts,
    /// Time constants of the network around that steady state, fastest first.
    pub time_constants_s: [Seconds; 3],
}

impl Derived {
    /// What follows from a checked `satellite` on `date`.
    pub fn new(satellite: &Satellite, date: Timestamp) -> Derived {
        let orbit = Orbit::new(&satellite.orbit, date);
        let aspect = orbit.aspect(Seconds::ZERO);
        let eclipse = Eclipse::new(&orbit, Seconds::ZERO);
        Derived {
            orbit: DerivedOrbit {
                inclination_deg: orbit.inclination.to_degrees(),
                kepler_period_s: orbit.kepler_period,
                nodal_period_s: orbit.nodal_period,
                raan_deg: orbit.raan_deg(Seconds::ZERO),
            },
            sun: DerivedSun {
                beta_deg: aspect.beta_deg(),
                distance_au: aspect.sun.distance_au,
                flux_factor: aspect.sun.flux_factor(),
                flux_w_m2: aspect.sun.flux_w_m2(),
            },
            eclipse: DerivedEclipse {
                cylinder_s: eclipse.cylinder,
                umbra_s: eclipse.umbra,
                penumbra_s: eclipse.penumbra,
                equivalent_s: eclipse.equivalent,
            },
            power: DerivedPower { sustainable_w: sustainable(satellite, &orbit) },
            thermal: DerivedThermal::new(satellite),
        }
    }
}

impl DerivedThermal {
    fn new(satellite: &Satellite) -> DerivedThermal {
        let thermal = Thermal::scaled(&satellite.thermal, Scale::FULL);
        let environment = Absorbed::under(&satellite.thermal, SOLAR_CONSTANT_W_M2).at(1.0);
        let steady = thermal.steady(Watts(satellite.compute.power_w), environment);
        let limit = Kelvin(satellite.thermal.junction_limit_k);
        DerivedThermal {
            radiator_k: steady.radiator,
            loop_k: steady.coolant,
            junction_k: steady.junction,
            power_at_junction_limit_w: thermal.heat_at_junction(limit, environment),
            time_constants_s: thermal.time_constants(steady.radiator),
        }
    }
}

/// The constant load at the bus that `satellite` can carry for ever on `orbit` with the Sun as at its start.
pub fn sustainable(satellite: &Satellite, orbit: &Orbit) -> Watts {
    let aspect = orbit.aspect(Seconds::ZERO);
    let pieces = Shadow::new(orbit, &aspect).pieces();
    let light = Sunlight::on(satellite.array.pointing, &aspect);
    let array = full_sun(satellite, orbit, light, Seconds::ZERO).0;
    let &Battery { charge_efficiency, discharge_efficiency, .. } = &satellite.battery;
    // Falls with the load, from a gain at zero to a loss at full array power.
    let balance = |load: f64| -> f64 {
        let stored = |lit: f64| match lit * array - load {
            surplus if surplus >= 0.0 => surplus * charge_efficiency,
            deficit => deficit / discharge_efficiency,
        };
        pieces.iter().map(|&(share, lit)| share * stored(lit)).sum()
    };
    if balance(array) >= 0.0 {
        return Watts(array);
    }
    let (mut low, mut high) = (0.0, array);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if balance(middle) >= 0.0 { low = middle } else { high = middle }
    }
    Watts(0.5 * (low + high))
}
