//! `price`: a joule has a price that rises without bound towards every limit, and is bought while it earns more.
//!
//! In the manner of Equinox (Erol and Mahajan, "Equinox: Decentralized Scheduling for Hardware-Aware Orbital
//! Intelligence", arXiv 2604.19958), which folds charge, thermal head-room and backlog into one marginal cost of
//! execution, derived from barrier functions, and runs what is worth more. There is no forecast and no plan. The
//! coefficients and the horizon are this program's own:
//!
//! ```text
//! price(P) = k_E (1/x_E - 1) eta + k_T (1/x_J - 1) + k_T (1/x_L - 1) + k_Q (1/x_Q - 1)      P: the root of
//! w'(P)    = price(P)                   w' = 1 is one share of full speed for that share of idle to full power
//!
//! x_E  share of the charge window that is left     x_J, x_L  share of `RANGE` that is left below the limit
//! x_Q  share of two orbits of downlink that is left
//! eta  eta_c while the array alone feeds P, 1/eta_d otherwise, 0 if the battery cannot take what is left over
//! ```
//!
//! Each x is taken where `P` leads within a short horizon (charge: a share of an orbit, heat: the settled nodes over
//! the radiator of then), so the price rises with the power and the root is one power, not full power and idle in turn.

use super::horizon::carried;
use super::{Answer, LimitedBy, Observation, Rule, Target, WorkCurve};
use crate::units::{Kelvin, Watts};

/// Weight of the charge: alone it stops work of even worth with this over one plus this of the window left.
const CHARGE_WEIGHT: f64 = 0.3;
/// Weight of a temperature, and the distance to the limit over which it has a price.
const HEAT_WEIGHT: f64 = 0.1;
const RANGE: Kelvin = Kelvin(20.0);
/// Weight of the backlog.
const QUEUE_WEIGHT: f64 = 0.3;
/// How far the charge is looked ahead, in orbits.
const CHARGE_HORIZON: f64 = 0.05;
/// A battery this near its upper end takes nothing more.
const FULL_WITHIN: f64 = 1e-6;
/// Bisections: to one part in four million of the machine's range.
const BISECTIONS: usize = 22;

#[derive(Debug)]
pub(super) struct Price {
    curve: WorkCurve,
}

/// The parts of the price at one power.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Parts {
    charge: f64,
    junction: f64,
    coolant: f64,
    queue: f64,
}

impl Parts {
    fn sum(&self) -> f64 {
        self.charge + self.junction + self.coolant + self.queue
    }

    /// What costs the most.
    fn dearest(&self) -> LimitedBy {
        let named = [
            (self.charge, LimitedBy::Charge),
            (self.junction, LimitedBy::Junction),
            (self.coolant, LimitedBy::Loop),
            (self.queue, LimitedBy::Downlink),
        ];
        named.into_iter().fold((0.0, LimitedBy::Charge), |most, next| if next.0 > most.0 { next } else { most }).1
    }
}

/// The slope of a logarithmic barrier, less its slope at one: nothing at `left` = 1, without bound towards 0.
fn barrier(left: f64) -> f64 {
    (1.0 / left.clamp(1e-9, 1.0)) - 1.0
}

impl Price {
    pub(super) fn new(curve: WorkCurve) -> Price {
        Price { curve }
    }

    /// What a joule costs while `power` is drawn.
    fn parts(observation: &Observation<'_>, power: Watts) -> Parts {
        let Observation { forecast, limits, state, .. } = *observation;
        let thermal = &forecast.thermal;
        let coolant = Self::radiator_soon(observation, power) + Kelvin(power.0 / thermal.loop_to_radiator_w_per_k);
        let junction = coolant + Kelvin(power.0 * thermal.junction_to_loop_k_per_w);
        let waiting = state.backlog_bits / limits.downlink_bits_per_orbit.max(f64::MIN_POSITIVE);
        Parts {
            charge: Self::charge(observation, power),
            junction: HEAT_WEIGHT * barrier((limits.junction - junction) / RANGE),
            coolant: HEAT_WEIGHT * barrier((limits.coolant - coolant) / RANGE),
            queue: QUEUE_WEIGHT * barrier(1.0 - waiting / 2.0),
        }
    }

    fn charge(observation: &Observation<'_>, power: Watts) -> f64 {
        let Observation { forecast, limits, state, .. } = *observation;
        let battery = &forecast.battery;
        let surplus = state.array - forecast.bus_load(power);
        let full = state.soc >= battery.soc_max - FULL_WITHIN;
        let taken = if full { Watts::ZERO } else { battery.charge_max };
        let efficiency = if surplus > taken {
            return 0.0;
        } else if surplus > Watts::ZERO {
            battery.charge_efficiency
        } else {
            1.0 / battery.discharge_efficiency
        };
        let stored = if surplus > Watts::ZERO { surplus * efficiency } else { surplus / battery.discharge_efficiency };
        let soon = state.soc + stored * forecast.period() * CHARGE_HORIZON / battery.capacity;
        let left = (soon - limits.soc_min) / (battery.soc_max - limits.soc_min);
        CHARGE_WEIGHT * barrier(left) * efficiency
    }

    /// The radiator when junction and loop have settled.
    fn radiator_soon(observation: &Observation<'_>, power: Watts) -> Kelvin {
        let Observation { forecast, state, .. } = *observation;
        let (thermal, radiator) = (&forecast.thermal, state.temperatures.radiator);
        let constant = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k
            + thermal.loop_j_per_k / thermal.loop_to_radiator_w_per_k;
        let net = power.0 + state.environment.0 - thermal.emission_w_per_k4 * radiator.0.powi(4);
        radiator + Kelvin(net * constant / thermal.radiator_j_per_k)
    }

    /// What one more watt earns at `power`, full speed for the machine's whole range being 1.
    fn worth(&self, power: Watts) -> f64 {
        let range = (self.curve.full() - self.curve.idle()).0;
        let mut end = self.curve.idle();
        let mut slope = 0.0;
        for segment in self.curve.segments() {
            end += segment.watts;
            slope = segment.slope;
            if power < end {
                break;
            }
        }
        slope * range
    }
}

impl Rule for Price {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer {
        let machine = observation.machine;
        let pays = |power: Watts| self.worth(power) >= Self::parts(observation, power).sum();
        let (mut low, mut high) = (machine.idle_w, machine.full_w);
        if pays(high) {
            low = high;
        }
        for _ in 0..BISECTIONS {
            let middle = low.min(high) + (high - low) / 2.0;
            if pays(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        let bought = Target::at(low, Self::parts(observation, high).dearest());
        let fed = carried(observation.forecast, machine, machine.full_w, observation.state.array).max(machine.idle_w);
        bought.and(Target::at(fed, LimitedBy::Bus)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::OperatingRange;
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft, State, Temperatures};
    use crate::profile;
    use crate::units::Seconds;

    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(10e3),
        full_w: Watts(100e3),
        sensor_lag_s: Seconds(0.0),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.0),
    };

    fn bought(curve: WorkCurve, change: impl Fn(&mut State)) -> Target {
        let satellite = profile::satellite("leo-100kw", &[]).expect("a shipped profile");
        let spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
        let cool = Temperatures { junction: Kelvin(300.0), coolant: Kelvin(295.0), radiator: Kelvin(290.0) };
        let mut state = State { soc: 0.95, temperatures: cool, array: Watts::ZERO, ..*spacecraft.state() };
        change(&mut state);
        let observation = Observation {
            now: Seconds::ZERO,
            tick: Seconds(1.0),
            state: &state,
            worst: &state,
            limits: spacecraft.limits(),
            forecast: spacecraft.forecast(),
            freshness: crate::estimator::Freshness::FRESH,
            machine: &MACHINE,
            assumptions: &crate::estimator::Assumptions::default(),
            has_own_sensors: false,
            power_step: Watts::ZERO,
            held: (Watts::ZERO, Seconds::ZERO),
        };
        Price::new(curve).answer(&observation).target
    }

    fn linear() -> WorkCurve {
        WorkCurve::linear(MACHINE.idle_w, MACHINE.full_w)
    }

    #[test]
    fn less_charge_makes_a_joule_dearer() {
        let at = |soc: f64| bought(linear(), |state| state.soc = soc).power;
        let powers = [0.95, 0.85, 0.8, 0.77, 0.74, 0.7].map(at);
        assert!(powers.windows(2).all(|pair| pair[1] <= pair[0]), "{powers:?} only falls");
        assert_eq!((powers[0], powers[5]), (MACHINE.full_w, MACHINE.idle_w), "from full power to idle at the floor");
    }

    #[test]
    fn a_hot_radiator_is_named_and_leaves_room_to_the_limit() {
        let hot = bought(linear(), |state| state.temperatures.radiator = Kelvin(330.0));
        assert!(matches!(hot.limited_by, Some(LimitedBy::Junction | LimitedBy::Loop)), "{:?}", hot.limited_by);
        assert!(hot.power < MACHINE.full_w && hot.power > MACHINE.idle_w, "{} is neither idle nor full", hot.power);
    }

    #[test]
    fn a_machine_that_tires_spends_less_on_its_dear_watts() {
        let points = [(Watts(60e3), 0.9), (Watts(100e3), 1.0)];
        let tiring = WorkCurve::new(MACHINE.idle_w, &points).expect("possible points");
        let even = bought(linear(), |state| state.soc = 0.83).power;
        let tired = bought(tiring, |state| state.soc = 0.83).power;
        assert!(tired < even, "{tired} for a machine that tires, {even} for one that does not");
        assert!((tired.0 - 60e3).abs() < 1.0, "the watts up to the corner earn more than they cost: {tired}");
    }

    #[test]
    fn sunlight_that_a_full_battery_cannot_take_is_free() {
        let free = bought(linear(), |state| (state.soc, state.array) = (1.0, Watts(150e3)));
        assert_eq!(free, Target { power: MACHINE.full_w, limited_by: free.limited_by }, "nothing else to do with it");
    }

    #[test]
    fn a_queue_without_room_stops_the_work() {
        let full = bought(linear(), |state| state.backlog_bits = 1e18);
        let idle = Target::at(MACHINE.idle_w, LimitedBy::Downlink);
        assert!((full.power - idle.power).0.abs() < 1.0, "{full:?}, not {idle:?}");
        assert_eq!(full.limited_by, idle.limited_by, "and says why");
    }
}
