//! An upper bound on the work of any governor, without a solver.
//!
//! By Jensen's inequality a concave rate of work w over the mean power is at least the mean rate, so
//! `work <= T w(P)` with P the least of three means that no flight can pass:
//!
//! * *machine*: full power.
//! * *energy*: at the bus `array = load + C - D + shunt` and in the cells `dE = eta_c C - D/eta_d`, so exactly
//!   `load = array - dE/eta_c - D (1/(eta_c eta_d) - 1) - shunt`. Nothing can use more of the array than full power
//!   and the largest charge; D is at least what idle power and housekeeping need beyond the array, and at least
//!   `-eta_d dE`. The change of charge dE is that of the flight itself, so a governor that empties its battery is
//!   held against a higher bound; where the end is free, dE is what the battery can give.
//! * *heat*: a junction that rides its limit keeps the radiator as warm as can be at all times, and so emits the most
//!   (the temperatures rise with power: comparison principle). Under constant environment it settles at the steady
//!   power of the limit; what the nodes store on their way there comes on top.
//!
//! A machine that is on or off ([`ExogenousTrace::switching`]) works in proportion to its mean power above idle, which is the first
//! bound, and pays for each second at full power with charge: what the cells take up at idle less what they take up at
//! full power, in the most light of the bin. The charge that idle power leaves over the whole flight, less the change
//! asked for, buys at most as many seconds as the cheapest that it can pay: the second bound. The less is taken.
//!
//! Not every flight can reach it (light is there at certain times, the battery has a size), so a share of less than 1
//! may still be the best possible. The programme of [`super::best`] sees both and lies lower.

use super::energy::taken;
use super::{Ends, ExogenousTrace};
use crate::envelope::{Temperatures, Thermal};
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// The most work, in seconds of full speed, that any flight on `trace` between `ends` can do. Zero for an empty trace.
pub fn analytic_bound(trace: &ExogenousTrace, ends: &Ends) -> Seconds {
    let elapsed = trace.duration();
    if elapsed <= Seconds::ZERO {
        return Seconds::ZERO;
    }
    let power = energy(trace, ends, elapsed).min(heat(trace, ends, elapsed)).min(trace.curve.full());
    let mean = elapsed * trace.rate(power);
    if trace.is_switching() { mean.min(switched(trace, ends)) } else { mean }
}

/// Time at full power, dearest last, until the charge is spent.
fn switched(trace: &ExogenousTrace, ends: &Ends) -> Seconds {
    let battery = &trace.battery;
    let [on, off] = [trace.curve.full(), trace.curve.idle()].map(|load| trace.bus_load(load));
    let mut left = -wanted(trace, ends);
    let mut priced: Vec<(Watts, Seconds)> = Vec::with_capacity(trace.bins().len());
    for (bin, light) in trace.bins().iter().zip(trace.lights()) {
        let surplus = [on, off].map(|load| light.most - load);
        let [on, off] = surplus.map(|surplus| taken(battery, surplus));
        left += off * bin.dt;
        if surplus[0] >= -battery.discharge_max {
            priced.push((off - on, bin.dt));
        }
    }
    priced.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
    let time = priced.into_iter().fold(Seconds::ZERO, |sum, (price, dt)| {
        let bought = if price * dt <= left { dt } else { (left / price).max(Seconds::ZERO) };
        left -= price * bought;
        sum + bought
    });
    time * trace.curve.rate(trace.curve.full())
}

/// The least change of charge that the ends ask for.
fn wanted(trace: &ExogenousTrace, ends: &Ends) -> Joules {
    let battery = &trace.battery;
    let change = match ends {
        Ends::Periodic => 0.0,
        Ends::Change { from, to } => to.soc - from.soc,
        Ends::From(start) => battery.soc_min.min(start.soc) - start.soc,
    };
    battery.capacity * change
}

fn energy(trace: &ExogenousTrace, ends: &Ends, elapsed: Seconds) -> Watts {
    let battery = &trace.battery;
    let (into, out) = (battery.charge_efficiency, battery.discharge_efficiency);
    let stored = wanted(trace, ends);
    let (usable, forced) = trace.light();
    let discharged = forced.max(-stored * out);
    let load = usable - stored / into - discharged * (1.0 / (into * out) - 1.0);
    ((load / elapsed - trace.housekeeping) * trace.conversion_efficiency).max(Watts::ZERO)
}

fn heat(trace: &ExogenousTrace, ends: &Ends, elapsed: Seconds) -> Watts {
    let strongest = trace.bins().iter().fold(0.0, |most: f64, bin| most.max(bin.emission_w_per_k4));
    let thermal = Thermal { emission_w_per_k4: strongest, ..trace.thermal };
    let (limits, coolest) = (&trace.limits, trace.environment().0);
    let junction = thermal.heat_at_junction(limits.junction, coolest);
    let settled = junction.min(thermal.heat_at_loop(limits.coolant, coolest)).max(Watts::ZERO);
    let warmed = |from: &Temperatures, to: &Temperatures| {
        let by = |from: Kelvin, to: Kelvin| (to - from).0.max(0.0);
        thermal.junction_j_per_k * by(from.junction, to.junction)
            + thermal.loop_j_per_k * by(from.coolant, to.coolant)
            + thermal.radiator_j_per_k * by(from.radiator, to.radiator)
    };
    let stored = match ends {
        Ends::Periodic => 0.0,
        Ends::Change { from, .. } | Ends::From(from) => warmed(&from.temperatures, &thermal.steady(settled, coolest)),
    };
    settled + Joules(stored) / elapsed
}
