//! The heat cap: the most power under which junction and loop stay below their limits.
//!
//! Junction and loop follow power within seconds and are taken as settled (quasi-static); the radiator moves slowly
//! and goes by its own equation over the time that a decision reaches ahead:
//!
//! ```text
//! T_R(ahead) = T_R + ahead/C_R (P + q_env - q_rad(T_R))
//! T_L = T_R(ahead) + P/G_LR            T_J = T_L + P R_JL          each + ripple <= limit - margin
//! ```
//!
//! All of it is linear in P, so the cap is one division. It is then tried on the whole network from the temperatures
//! of now, and lowered if a node that is still hot would overshoot.
//!
//! Mostly that can be seen without a trial. The network is cooperative (each node warms its neighbours), so a start
//! that is warmer in every node stays so. Let `d` be the most by which junction or loop stand over their settled
//! values above the radiator, and `c >= 0` the pace at which the radiator warms now. All three nodes settled, raised
//! by `d` and rising at `c` are warmer at the start and warm no slower than the network would (emission grows with
//! temperature), so nothing rises over `settled + d + c t` within `t`.
//!
//! Batches are full power or nothing, so around a mean of P the junction swings. One batch, and what the pacer's
//! credit adds to it, lift a node of time constant tau by `r (full - P)(1 - exp(-t_on/tau)) + E_burst/C`; so does a
//! small share of what is drawn before the sensor shows it.

use super::pacer::burst;
use super::{LimitedBy, Observation, OperatingRange, Target};
use crate::envelope::{Limits, Temperatures, Thermal};
use crate::units::{Kelvin, Seconds, Watts};

/// Distance kept from both limits, beside the ripple: what the quasi-static view leaves out.
const MARGIN: Kelvin = Kelvin(0.4);
/// Of which a trial on the whole network may use the larger part.
const TRIAL_MARGIN: Kelvin = Kelvin(0.1);
/// Share of the energy drawn within the sensor's dead time that may be unforeseen.
const UNSEEN_SHARE: f64 = 0.03;
/// Trial length in slowest fast time constants.
const TRIAL_CONSTANTS: f64 = 3.0;
/// Points at which a trial is looked at.
const TRIAL_POINTS: u32 = 6;

/// How one node answers to power, in the settled state over the radiator.
#[derive(Clone, Copy, Debug)]
struct Node {
    limit: Kelvin,
    /// Kelvin over the radiator per watt.
    k_per_w: f64,
    /// Swing per watt of `full - P`.
    swing_k_per_w: f64,
    /// Swing of the burst.
    burst: Kelvin,
    name: LimitedBy,
}

/// Both nodes of a network under a machine's batches.
fn nodes(thermal: &Thermal, limits: &Limits, machine: &OperatingRange) -> [Node; 2] {
    let (to_loop, to_radiator) = (thermal.junction_to_loop_k_per_w, 1.0 / thermal.loop_to_radiator_w_per_k);
    let rise = |constant: f64| 1.0 - (-machine.batch_s.0 / constant).exp();
    let coolant_swing = to_radiator * rise(to_radiator * thermal.loop_j_per_k);
    let junction_swing = to_loop * rise(to_loop * thermal.junction_j_per_k) + coolant_swing;
    let unseen = (machine.full_w - machine.idle_w) * machine.sensor_lag_s * UNSEEN_SHARE;
    let burst = burst(machine) + unseen;
    [
        Node {
            limit: limits.junction,
            k_per_w: to_loop + to_radiator,
            swing_k_per_w: junction_swing,
            burst: Kelvin(burst.0 / thermal.junction_j_per_k),
            name: LimitedBy::Junction,
        },
        Node {
            limit: limits.coolant,
            k_per_w: to_radiator,
            swing_k_per_w: coolant_swing,
            burst: Kelvin(burst.0 / thermal.loop_j_per_k),
            name: LimitedBy::Loop,
        },
    ]
}

impl Node {
    /// What mean power P must keep from the limit, as (kelvin at P = 0, kelvin per watt of P).
    fn reserve(&self, full: Watts) -> (f64, f64) {
        ((MARGIN + self.burst).0 + self.swing_k_per_w * full.0, -self.swing_k_per_w)
    }
}

/// Energy that the radiator emits over what it absorbs, without any compute.
fn emitted(thermal: &Thermal, radiator: Kelvin, environment: Watts) -> Watts {
    let square = radiator.0 * radiator.0;
    Watts(thermal.emission_w_per_k4 * square * square) - environment
}

/// What was meant lately. Where the temperatures are those that late readings make, it is still on its way to them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lately {
    /// The most within the sensor's dead time; what lies further back fades.
    recent: Watts,
    /// The power that the radiator has come to terms with: it follows what is meant with its time constant.
    settled: Watts,
}

impl Lately {
    /// `meant` holds from now until the next tick.
    pub(super) fn remember(&mut self, meant: Watts, observation: &Observation<'_>) {
        let Observation { forecast, machine, state, .. } = *observation;
        let dt = observation.dt.max(Seconds::ZERO);
        let fade = dt / (machine.sensor_lag_s + dt).max(Seconds(1e-9));
        self.recent = meant.max(self.recent + (meant - self.recent) * fade);
        let thermal = &forecast.thermal;
        let per_kelvin = 4.0 * thermal.emission_w_per_k4 * state.temperatures.radiator.0.powi(3);
        let constant = Seconds(thermal.radiator_j_per_k / per_kelvin);
        self.settled += (meant - self.settled) * (dt / (constant + dt));
    }

    /// How far the radiator of late readings lags behind.
    fn unseen(&self, thermal: &Thermal, machine: &OperatingRange) -> Kelvin {
        let late = machine.sensor_lag_s + machine.update_period_s;
        Kelvin((self.recent - self.settled).max(Watts::ZERO).0 * late.0 / thermal.radiator_j_per_k)
    }
}

/// The cap for now.
pub(super) fn heat_cap(observation: &Observation<'_>, lately: &Lately) -> Target {
    let Observation { forecast, machine, state, limits, .. } = *observation;
    let thermal = &forecast.thermal;
    let hot = state.temperatures;
    let decided = observation.dt.max(Seconds::ZERO) + machine.batch_s;
    let soon = forecast.at(state.t + decided + machine.sensor_lag_s).environment.max(state.environment);
    let radiator = hot.radiator + lately.unseen(thermal, machine);
    let per_watt = decided.0 / thermal.radiator_j_per_k;
    let drift = -emitted(thermal, radiator, soon).0 * per_watt;
    let mut cap = Target { power: Watts(f64::INFINITY), limited_by: LimitedBy::Machine };
    for node in nodes(thermal, limits, machine) {
        let (fixed, slope) = node.reserve(machine.full_w);
        let room = node.limit.0 - fixed - radiator.0 - drift;
        // The swing vanishes at full power, so the slope stays positive.
        let power = Watts(room / (node.k_per_w + slope + per_watt));
        cap = cap.and(Target { power, limited_by: node.name });
    }
    let tried = machine.clamp(cap.power);
    if tried <= machine.idle_w || stays_below(thermal, hot, tried, soon, limits) {
        return cap;
    }
    match trial(thermal, hot, tried, soon, limits) {
        Some(name) => {
            let lowered = lower(thermal, hot, (machine.idle_w, tried), soon, limits);
            cap.and(Target { power: lowered, limited_by: name })
        }
        None => cap,
    }
}

/// How long a trial lasts.
fn trial_length(thermal: &Thermal) -> Seconds {
    let constant = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k
        + thermal.loop_j_per_k / thermal.loop_to_radiator_w_per_k;
    Seconds(constant * TRIAL_CONSTANTS)
}

/// Whether a trial of `power` can be seen to pass: see the module's second half.
fn stays_below(thermal: &Thermal, from: Temperatures, power: Watts, environment: Watts, limits: &Limits) -> bool {
    let coolant = from.radiator + Kelvin(power.0 / thermal.loop_to_radiator_w_per_k);
    let junction = coolant + Kelvin(power.0 * thermal.junction_to_loop_k_per_w);
    let over = (from.junction - junction).max(from.coolant - coolant).max(Kelvin::ZERO);
    let pace = (power - emitted(thermal, from.radiator, environment)).max(Watts::ZERO).0 / thermal.radiator_j_per_k;
    let rise = over + Kelvin(pace * trial_length(thermal).0 + TRIAL_MARGIN.0);
    junction + rise <= limits.junction && coolant + rise <= limits.coolant
}

/// Which limit constant `power` would break within the fast time constants, if any.
fn trial(
    thermal: &Thermal,
    from: Temperatures,
    power: Watts,
    environment: Watts,
    limits: &Limits,
) -> Option<LimitedBy> {
    let dt = trial_length(thermal) / f64::from(TRIAL_POINTS);
    // A node that is over the limit already must only not rise.
    let most = |limit: Kelvin, now: Kelvin| (limit - TRIAL_MARGIN).max(now);
    let mut hot = from;
    for _ in 0..TRIAL_POINTS {
        hot = thermal.step(hot, power, environment, dt);
        if hot.junction > most(limits.junction, from.junction) {
            return Some(LimitedBy::Junction);
        }
        if hot.coolant > most(limits.coolant, from.coolant) {
            return Some(LimitedBy::Loop);
        }
    }
    None
}

/// The most power in a range that passes the trial, to one part in 64; its lower end if none does.
fn lower(thermal: &Thermal, from: Temperatures, range: (Watts, Watts), environment: Watts, limits: &Limits) -> Watts {
    let (mut low, mut high) = range;
    for _ in 0..6 {
        let middle = (low + high) / 2.0;
        if trial(thermal, from, middle, environment, limits).is_none() {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The constant power that settles below both limits under `environment`.
pub(super) fn steady_cap(thermal: &Thermal, limits: &Limits, machine: &OperatingRange, environment: Watts) -> Target {
    let mut cap = Target { power: Watts(f64::INFINITY), limited_by: LimitedBy::Machine };
    for node in nodes(thermal, limits, machine) {
        let (fixed, slope) = node.reserve(machine.full_w);
        let settled = |reserve: f64| match node.name {
            LimitedBy::Loop => thermal.heat_at_loop(node.limit - Kelvin(reserve), environment),
            _ => thermal.heat_at_junction(node.limit - Kelvin(reserve), environment),
        };
        // More power, less swing: from the largest swing on, the powers climb to the cap and never pass it.
        let mut power = settled(fixed);
        for _ in 0..8 {
            power = settled(fixed + slope * power.0.clamp(0.0, machine.full_w.0));
        }
        cap = cap.and(Target { power, limited_by: node.name });
    }
    cap
}

/// Which limit idle power alone breaks during the orbit ahead, if any: nothing done by then makes it better.
pub(super) fn doom(observation: &Observation<'_>) -> Option<LimitedBy> {
    let Observation { forecast, machine, state, limits, .. } = *observation;
    let thermal = &forecast.thermal;
    let over = |hot: &Temperatures| match (hot.junction > limits.junction, hot.coolant > limits.coolant) {
        (true, _) => Some(LimitedBy::Junction),
        (_, true) => Some(LimitedBy::Loop),
        _ => None,
    };
    let most = forecast.samples.iter().fold(Watts::ZERO, |most, sample| most.max(sample.environment));
    // Where even the worst of the sky would settle below both limits there is nothing to foresee.
    over(&thermal.steady(machine.idle_w, most))?;
    let mut hot = state.temperatures;
    (0..forecast.samples.len()).find_map(|index| {
        let middle = state.t + forecast.step * (index as f64 + 0.5);
        hot = thermal.step(hot, machine.idle_w, forecast.at(middle).environment, forecast.step);
        over(&hot)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::profile;
    use crate::reading::{NoData, Reading};

    /// The default chain of the satellite profiles at full size.
    const THERMAL: Thermal = Thermal {
        emission_w_per_k4: 0.9 * 0.88 * 5.670_374_419e-8 * 220.0,
        junction_to_loop_k_per_w: 2.5e-4,
        loop_to_radiator_w_per_k: 2e4,
        junction_j_per_k: 1.5e5,
        loop_j_per_k: 4e5,
        radiator_j_per_k: 1e6,
    };
    const LIMITS: Limits = Limits {
        junction: Kelvin(353.15),
        coolant: Kelvin(340.0),
        soc_min: 0.2,
        compute: Watts(100e3),
        downlink_bits_per_orbit: 1e12,
    };
    const ENVIRONMENT: Watts = Watts(11.5e3);

    fn machine(batch_s: f64) -> OperatingRange {
        OperatingRange {
            idle_w: Watts(15e3),
            full_w: Watts(120e3),
            sensor_lag_s: Seconds(0.1),
            update_period_s: Seconds(0.1),
            batch_s: Seconds(batch_s),
        }
    }

    #[test]
    fn the_steady_cap_settles_a_margin_below_the_limit() {
        let exact = OperatingRange { sensor_lag_s: Seconds::ZERO, ..machine(0.0) };
        let cap = steady_cap(&THERMAL, &LIMITS, &exact, ENVIRONMENT);
        let hot = THERMAL.steady(cap.power, ENVIRONMENT);
        let room = (LIMITS.junction - hot.junction).min(LIMITS.coolant - hot.coolant);
        assert!((room - MARGIN).0.abs() < 1e-6, "{room} of room at {}, not {MARGIN}", cap.power);
    }

    #[test]
    fn what_is_seen_to_stay_below_passes_its_trial() {
        let (mut seen, mut tried) = (0, 0);
        for radiator in (280..340).map(f64::from) {
            for (loop_over, junction_over) in [(0.0, 0.0), (2.0, 20.0), (5.0, 30.0), (8.0, 35.0)] {
                let coolant = radiator + loop_over;
                let junction = Kelvin(coolant + junction_over);
                let from = Temperatures { junction, coolant: Kelvin(coolant), radiator: Kelvin(radiator) };
                for power in [20e3, 60e3, 90e3, 120e3].map(Watts) {
                    let passes = trial(&THERMAL, from, power, ENVIRONMENT, &LIMITS).is_none();
                    let below = stays_below(&THERMAL, from, power, ENVIRONMENT, &LIMITS);
                    assert!(passes || !below, "{power} from {from:?} is over a limit");
                    seen += u32::from(below);
                    tried += u32::from(passes);
                }
            }
        }
        assert!(seen * 3 > tried, "{seen} of {tried} that pass are seen to");
    }

    #[test]
    fn a_radiator_that_cannot_shed_idle_power_is_doomed_before_it_is_hot() {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let machine = OperatingRange { idle_w: Watts(6e4), ..machine(0.1) };
        let doomed = |left: f64| {
            let mut forecast = spacecraft.forecast().clone();
            forecast.thermal.emission_w_per_k4 *= left;
            doom(&Observation {
                now: Seconds::ZERO,
                dt: Seconds(1.0),
                state: spacecraft.state(),
                limits: spacecraft.limits(),
                forecast: &forecast,
                reading: &Reading::absent(Seconds::ZERO, NoData::Off),
                machine: &machine,
            })
        };
        assert_eq!(doomed(1.0), None, "a whole radiator sheds 60 kW");
        assert_eq!(doomed(0.5), Some(LimitedBy::Junction), "half of one does not");
    }

    #[test]
    fn longer_batches_leave_more_room() {
        let caps: Vec<f64> =
            [0.0, 1.0, 5.0].map(|s| steady_cap(&THERMAL, &LIMITS, &machine(s), ENVIRONMENT).power.0).to_vec();
        assert!(caps.windows(2).all(|pair| pair[1] < pair[0]), "{caps:?} W for batches of 0, 1 and 5 s");
    }

    #[test]
    fn a_batch_of_full_power_from_the_steady_cap_breaks_no_limit() {
        for batch_s in [0.5, 2.0, 5.0] {
            let machine = machine(batch_s);
            let cap = steady_cap(&THERMAL, &LIMITS, &machine, ENVIRONMENT).power;
            let settled = THERMAL.steady(cap, ENVIRONMENT);
            let peak = THERMAL.step(settled, machine.full_w, ENVIRONMENT, machine.batch_s);
            assert!(peak.junction <= LIMITS.junction, "{} after a batch of {batch_s} s", peak.junction);
            assert!(peak.coolant <= LIMITS.coolant, "{} after a batch of {batch_s} s", peak.coolant);
        }
    }
}
