//! Which limit idle power alone breaks during the orbit ahead: then no budget keeps it.

use super::{LimitedBy, Observation};
use crate::envelope::{Limits, Temperatures, Thermal};
use crate::units::{Kelvin, Watts};

/// Which limit idle power alone breaks during the orbit ahead, as far as it can be foreseen, where the lowest charge that it leads
/// to is `idle_lowest`.
pub(super) fn infeasible(observation: &Observation<'_>, idle_lowest: f64) -> Option<LimitedBy> {
    let Observation { forecast, machine, limits, .. } = *observation;
    if idle_lowest < limits.soc_min {
        return Some(LimitedBy::Charge);
    }
    let given = |sample: &crate::envelope::Outlook| sample.array + forecast.battery.discharge_max;
    if forecast.samples.iter().any(|sample| given(sample) < forecast.bus_load(machine.idle_w)) {
        return Some(LimitedBy::Bus);
    }
    heat_infeasible(observation)
}

fn heat_infeasible(observation: &Observation<'_>) -> Option<LimitedBy> {
    let Observation { forecast, machine, state, limits, .. } = *observation;
    let thermal = &forecast.thermal;
    let over = |hot: &Temperatures| match (hot.junction > limits.junction, hot.coolant > limits.coolant) {
        (true, _) => Some(LimitedBy::Junction),
        (_, true) => Some(LimitedBy::Loop),
        _ => None,
    };
    let most = forecast.samples.iter().fold(Watts::ZERO, |most, sample| most.max(sample.environment));
    let settled = settled_within(thermal, limits, machine.idle_w, most);
    let stays = |hot: &Temperatures| {
        settled.is_some_and(|most| {
            hot.junction <= most.junction && hot.coolant <= most.coolant && hot.radiator <= most.radiator
        })
    };
    let mut hot = state.temperatures;
    for (dt, sample) in forecast.ahead(state.t) {
        if stays(&hot) {
            return None;
        }
        hot = thermal.step(hot, machine.idle_w, sample.environment, dt);
        if let Some(limit) = over(&hot) {
            return Some(limit);
        }
    }
    None
}

/// The hottest temperatures within both limits from which none rises under `power` and `environment`: each node warms its
/// neighbours, so whoever is below them stays there. None where the radiator emits too little for that.
fn settled_within(thermal: &Thermal, limits: &Limits, power: Watts, environment: Watts) -> Option<Temperatures> {
    let (to_loop, to_radiator) = (thermal.junction_to_loop_k_per_w, 1.0 / thermal.loop_to_radiator_w_per_k);
    let coolant = limits.coolant.min(limits.junction - Kelvin(power.0 * to_loop));
    let radiator = coolant - Kelvin(power.0 * to_radiator);
    let junction = coolant + Kelvin(power.0 * to_loop);
    (thermal.emitted(radiator) >= power + environment).then_some(Temperatures { junction, coolant, radiator })
}

#[cfg(test)]
mod tests {
    use super::super::constraints::tests::ENVIRONMENT;
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::estimator::{Assumptions, Freshness, OperatingRange};
    use crate::profile;
    use crate::units::Seconds;

    /// Idle power of 80 kW and nodes that all begin at `kelvin`.
    fn found(kelvin: f64) -> Option<LimitedBy> {
        let initial = format!("thermal.initial_k={kelvin}").parse().expect("an override");
        let satellite = profile::satellite("leo-100kw", &[initial]).expect("a shipped profile");
        let start = "2027-12-22T00:00:00Z".parse().expect("an instant");
        let craft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, start);
        let machine = OperatingRange {
            idle_w: Watts(80e3),
            full_w: Watts(120e3),
            sensor_lag_s: Seconds(0.1),
            update_period_s: Seconds(0.1),
            batch_s: Seconds::ZERO,
        };
        let steady = craft.forecast().thermal.steady(machine.idle_w, ENVIRONMENT);
        assert!(steady.junction < craft.limits().junction && steady.coolant < craft.limits().coolant, "{steady:?}");
        heat_infeasible(&Observation {
            now: Seconds::ZERO,
            tick: Seconds(0.5),
            state: craft.state(),
            worst: craft.state(),
            limits: craft.limits(),
            forecast: craft.forecast(),
            freshness: Freshness::FRESH,
            machine: &machine,
            assumptions: &Assumptions::default(),
            has_own_sensors: false,
            power_step: Watts::ZERO,
            held: (Watts::ZERO, Seconds::ZERO),
        })
    }

    /// It settles below both limits; from a hot start it passes the junction's before the radiator has cooled.
    #[test]
    fn idle_power_that_breaks_a_limit_before_it_settles_is_foreseen() {
        assert_eq!(found(320.0), None, "from 320 K it does not come near");
        assert_eq!(found(337.0), Some(LimitedBy::Junction), "from 337 K it does");
    }
}
