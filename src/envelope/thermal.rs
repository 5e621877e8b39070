//! The thermal network: junction, coolant loop and radiator.

use crate::units::{Kelvin, Seconds, Watts};

/// Temperatures of the three nodes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperatures {
    /// Junctions and cold plates.
    pub junction: Kelvin,
    /// Coolant loop.
    pub coolant: Kelvin,
    /// Radiator.
    pub radiator: Kelvin,
}

/// The network, already scaled. Pure parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thermal {
    /// eta epsilon sigma 2 A: the radiator emits this times (T^4 - T_space^4), W/K^4.
    pub emission_w_per_k4: f64,
    /// Junction to loop, K/W.
    pub junction_to_loop_k_per_w: f64,
    /// Loop to radiator, W/K.
    pub loop_to_radiator_w_per_k: f64,
    /// Heat capacity of the junction node, J/K.
    pub junction_j_per_k: f64,
    /// Heat capacity of the loop, J/K.
    pub loop_j_per_k: f64,
    /// Heat capacity of the radiator, J/K.
    pub radiator_j_per_k: f64,
}

impl Thermal {
    /// The temperatures after `dt` with `heat` into the junction and `environment` absorbed by the radiator.
    pub fn step(&self, from: Temperatures, heat: Watts, environment: Watts, dt: Seconds) -> Temperatures {
        todo!("{from:?} {heat} {environment} {dt}")
    }

    /// Where the nodes settle under constant `heat` and `environment`.
    pub fn steady(&self, heat: Watts, environment: Watts) -> Temperatures {
        todo!("{heat} {environment}")
    }

    /// The constant heat that holds the junction at `limit` in the end.
    pub fn heat_at_junction(&self, limit: Kelvin, environment: Watts) -> Watts {
        todo!("{limit} {environment}")
    }

    /// The constant heat that holds the loop at `limit` in the end.
    pub fn heat_at_loop(&self, limit: Kelvin, environment: Watts) -> Watts {
        todo!("{limit} {environment}")
    }
}
