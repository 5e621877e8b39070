//! The thermal network: junction, coolant loop and radiator.
//!
//! ```text
//! C_J dT_J/dt = P - (T_J - T_L)/R_JL
//! C_L dT_L/dt = (T_J - T_L)/R_JL - G_LR (T_L - T_R)
//! C_R dT_R/dt = G_LR (T_L - T_R) + q_env - q_rad(T_R)
//! q_rad(T)    = eta epsilon sigma 2A (T^4 - T_space^4)          q_env: see `radiator`
//! ```
//!
//! (Gilmore, *Spacecraft Thermal Control Handbook*.) Integrated by the classical Runge-Kutta method of fourth order
//! with sub-steps of an eighth of the fastest rate's bound (Gershgorin), which leaves 3e-7 of a node's change per
//! sub-step. The bound scales with the network, so a scaled and compressed spacecraft takes the same sub-steps.

use super::Scale;
use crate::profile;
use crate::units::{Kelvin, Seconds, Watts};

/// Stefan-Boltzmann constant, W/m2/K4 (CODATA 2018).
pub(super) const STEFAN_BOLTZMANN_W_M2_K4: f64 = 5.670_374_419e-8;
/// Temperature of the sky behind the radiator (cosmic background, rounded up).
pub(super) const SPACE_K: f64 = 3.0;
/// Sub-step times the bound of the fastest rate.
const SUB_STEP: f64 = 0.125;

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

/// The network with its divisions done: rates in 1/s, heat in K/J.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Network {
    junction: f64,
    loop_from_junction: f64,
    loop_to_radiator: f64,
    radiator: f64,
    emission: f64,
    /// Rise of the junction by a joule into it.
    heating: f64,
    /// Rise of the radiator by a joule into it.
    absorbing: f64,
}

impl Network {
    pub(super) fn new(thermal: &Thermal) -> Network {
        let up = 1.0 / thermal.junction_to_loop_k_per_w;
        let down = thermal.loop_to_radiator_w_per_k;
        Network {
            junction: up / thermal.junction_j_per_k,
            loop_from_junction: up / thermal.loop_j_per_k,
            loop_to_radiator: down / thermal.loop_j_per_k,
            radiator: down / thermal.radiator_j_per_k,
            emission: thermal.emission_w_per_k4 / thermal.radiator_j_per_k,
            heating: 1.0 / thermal.junction_j_per_k,
            absorbing: 1.0 / thermal.radiator_j_per_k,
        }
    }

    /// As [`Thermal::step`].
    pub(super) fn step(&self, from: Temperatures, heat: Watts, environment: Watts, dt: Seconds) -> Temperatures {
        let forcing = [heat.0 * self.heating, environment.0 * self.absorbing + self.emission * SPACE_K.powi(4)];
        let sub_steps = (dt.0 * self.bound(from.radiator.0) / SUB_STEP).ceil().max(1.0);
        let h = dt.0 / sub_steps;
        let mut y = [from.junction.0, from.coolant.0, from.radiator.0];
        for _ in 0..sub_steps as u64 {
            y = self.advance(y, forcing, h);
        }
        let [junction, coolant, radiator] = y.map(Kelvin);
        Temperatures { junction, coolant, radiator }
    }

    /// No eigenvalue at radiator temperature `t` is faster than this.
    fn bound(&self, t: f64) -> f64 {
        let coolant = 2.0 * (self.loop_from_junction + self.loop_to_radiator);
        let radiator = 2.0 * self.radiator + 4.0 * self.emission * t * t * t;
        (2.0 * self.junction).max(coolant).max(radiator)
    }

    fn slope(&self, [junction, coolant, radiator]: [f64; 3], [heated, absorbed]: [f64; 2]) -> [f64; 3] {
        let (up, down) = (junction - coolant, coolant - radiator);
        let square = radiator * radiator;
        [
            heated - self.junction * up,
            self.loop_from_junction * up - self.loop_to_radiator * down,
            self.radiator * down + (absorbed - self.emission * square * square),
        ]
    }

    /// One Runge-Kutta step of `h`, with heating and absorption in K/s.
    fn advance(&self, y: [f64; 3], forcing: [f64; 2], h: f64) -> [f64; 3] {
        let on = |k: [f64; 3], f: f64| [y[0] + f * k[0], y[1] + f * k[1], y[2] + f * k[2]];
        let (half, sixth) = (0.5 * h, h / 6.0);
        let k1 = self.slope(y, forcing);
        let k2 = self.slope(on(k1, half), forcing);
        let k3 = self.slope(on(k2, half), forcing);
        let k4 = self.slope(on(k3, h), forcing);
        std::array::from_fn(|i| y[i] + sixth * (k1[i] + 2.0 * (k2[i] + k3[i]) + k4[i]))
    }
}

impl Thermal {
    /// The network of `profile`, scaled: area and conductance by s, resistance by 1/s, heat capacities by s/k.
    pub fn scaled(profile: &profile::Thermal, scale: Scale) -> Thermal {
        let (s, storage) = (scale.power, scale.power / scale.time);
        let surface = profile.fin_efficiency * profile.emissivity * 2.0 * profile.radiator_side_area_m2;
        Thermal {
            emission_w_per_k4: surface * STEFAN_BOLTZMANN_W_M2_K4 * s,
            junction_to_loop_k_per_w: profile.junction_to_loop_k_per_w / s,
            loop_to_radiator_w_per_k: profile.loop_to_radiator_w_per_k * s,
            junction_j_per_k: profile.junction_j_per_k * storage,
            loop_j_per_k: profile.loop_j_per_k * storage,
            radiator_j_per_k: profile.radiator_j_per_k * storage,
        }
    }

    /// The temperatures after `dt` with `heat` into the junction and `environment` absorbed by the radiator.
    /// The cost grows with `dt` over the fastest time constant.
    pub fn step(&self, from: Temperatures, heat: Watts, environment: Watts, dt: Seconds) -> Temperatures {
        Network::new(self).step(from, heat, environment, dt)
    }

    /// What the radiator emits at `radiator`, less what the sky behind it returns.
    pub fn emitted(&self, radiator: Kelvin) -> Watts {
        Watts(self.emission_w_per_k4 * (radiator.0.powi(4) - SPACE_K.powi(4)))
    }

    /// Where the nodes settle under constant `heat` and `environment`.
    pub fn steady(&self, heat: Watts, environment: Watts) -> Temperatures {
        let fourth = (heat + environment).0 / self.emission_w_per_k4 + SPACE_K.powi(4);
        let radiator = fourth.max(0.0).sqrt().sqrt();
        let coolant = radiator + heat.0 / self.loop_to_radiator_w_per_k;
        let junction = coolant + heat.0 * self.junction_to_loop_k_per_w;
        Temperatures { junction: Kelvin(junction), coolant: Kelvin(coolant), radiator: Kelvin(radiator) }
    }

    /// The constant heat that holds the junction at `limit` in the end. Negative when `environment` alone is too much.
    pub fn heat_at_junction(&self, limit: Kelvin, environment: Watts) -> Watts {
        let drop = self.junction_to_loop_k_per_w + 1.0 / self.loop_to_radiator_w_per_k;
        self.heat_at(limit, drop, environment)
    }

    /// The constant heat that holds the loop at `limit` in the end. Negative when `environment` alone is too much.
    pub fn heat_at_loop(&self, limit: Kelvin, environment: Watts) -> Watts {
        self.heat_at(limit, 1.0 / self.loop_to_radiator_w_per_k, environment)
    }

    /// Solves `emission ((limit - P drop)^4 - T_space^4) = P + environment` for P. The difference of the two sides is
    /// convex and falls with P, so Newton's method from the left climbs to the root without overshooting.
    fn heat_at(&self, limit: Kelvin, drop: f64, environment: Watts) -> Watts {
        let mut heat = -environment.0;
        for _ in 0..100 {
            let radiator = limit.0 - heat * drop;
            let excess = self.emission_w_per_k4 * (radiator.powi(4) - SPACE_K.powi(4)) - heat - environment.0;
            let slope = -4.0 * self.emission_w_per_k4 * drop * radiator.powi(3) - 1.0;
            let change = excess / slope;
            heat -= change;
            if change.abs() <= 1e-14 * heat.abs() {
                break;
            }
        }
        Watts(heat)
    }

    /// Time constants of small departures while the radiator is at `radiator`, fastest first.
    ///
    /// With every temperature multiplied by the root of its node's heat capacity the network is a symmetric matrix of
    /// three rows, whose eigenvalues have a closed form (Smith 1961, Comm. ACM 4, 168).
    pub fn time_constants(&self, radiator: Kelvin) -> [Seconds; 3] {
        let rates = Network::new(self);
        let diagonal = [
            rates.junction,
            rates.loop_from_junction + rates.loop_to_radiator,
            rates.radiator + 4.0 * rates.emission * radiator.0.powi(3),
        ];
        let beside = [rates.junction * rates.loop_from_junction, rates.loop_to_radiator * rates.radiator];
        let mean = diagonal.iter().sum::<f64>() / 3.0;
        let [a, b, c] = diagonal.map(|rate| rate - mean);
        let spread = ((a * a + b * b + c * c + 2.0 * (beside[0] + beside[1])) / 6.0).sqrt();
        let determinant = a * (b * c - beside[1]) - beside[0] * c;
        let angle = (determinant / (2.0 * spread.powi(3))).clamp(-1.0, 1.0).acos() / 3.0;
        // The angles a third of a turn apart give the largest, the middle and the smallest eigenvalue.
        let third = std::f64::consts::TAU / 3.0;
        [0.0, -third, third].map(|turn| Seconds(1.0 / (mean + 2.0 * spread * (angle + turn).cos())))
    }
}
