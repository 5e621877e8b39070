//! A dynamic programme over charge and radiator temperature, against the plan that a spacecraft flew.

use super::dynamic::{NEVER, gain};
use super::sky::{orbit, satellite, spacecraft, tiring};
use dawndusk::envelope::{Battery, Scale, Thermal};
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Ends, ExogenousTrace, best, feasible};
use dawndusk::profile::Satellite;
use dawndusk::units::{Kelvin, Seconds, Watts};

/// A grid over charge and radiator temperature.
struct Plane {
    charges: usize,
    kelvins: usize,
    /// Coldest node of the grid, and its width, K.
    cold: f64,
    width: f64,
}

impl Plane {
    /// The value between four points; charge in grid units.
    fn at(&self, value: &[f64], charge: f64, kelvin: f64) -> f64 {
        let place = |at: f64, count: usize| {
            let low = (at.max(0.0) as usize).min(count - 2);
            (low, (at - low as f64).clamp(0.0, 1.0))
        };
        let (c, cs) = place(charge, self.charges);
        let (k, ks) = place((kelvin - self.cold) / self.width, self.kelvins);
        let row = |k: usize| {
            let base = k * self.charges + c;
            value[base] * (1.0 - cs) + value[base + 1] * cs
        };
        row(k) * (1.0 - ks) + row(k + 1) * ks
    }
}

/// The radiator after `h` seconds as the only node that stores heat (Runge-Kutta of fourth order).
fn warmed(thermal: &Thermal, from: f64, heat: f64, h: f64) -> f64 {
    let slope = |at: f64| (heat - thermal.emitted(Kelvin(at)).0) / thermal.radiator_j_per_k;
    let (steps, mut at) = (4, from);
    for _ in 0..steps {
        let h = h / f64::from(steps);
        let k1 = slope(at);
        let k2 = slope(at + 0.5 * h * k1);
        let k3 = slope(at + 0.5 * h * k2);
        let k4 = slope(at + h * k3);
        at += h / 6.0 * (k1 + 2.0 * (k2 + k3) + k4);
    }
    at
}

/// What is flown on the grid.
struct Craft<'a> {
    battery: Battery,
    thermal: Thermal,
    curve: &'a WorkCurve,
    /// Junction limit, K.
    limit: f64,
    /// Watts at the bus per watt of compute, and without any.
    bus: (f64, f64),
}

/// Best periodic work with charge and radiator on a grid and `loads` loads to choose from in each bin.
fn by_charge_and_heat(trace: &ExogenousTrace, craft: &Craft<'_>, plane: &Plane, loads: usize) -> f64 {
    let Craft { battery, thermal, curve, limit, bus } = craft;
    let drop = thermal.junction_to_loop_k_per_w + 1.0 / thermal.loop_to_radiator_w_per_k;
    let unit = battery.capacity.0 * (battery.soc_max - battery.soc_min) / (plane.charges - 1) as f64;
    let top = (plane.charges - 1) as f64;
    let share = |index: usize| index as f64 / (loads - 1) as f64;
    let choices: Vec<f64> =
        (0..loads).map(|index| (curve.idle() + (curve.full() - curve.idle()) * share(index)).0).collect();
    let work: Vec<f64> = choices.iter().map(|load| curve.rate(Watts(*load))).collect();
    gain(vec![0.0; plane.charges * plane.kelvins], |end| {
        trace.bins().iter().rev().fold(end.to_vec(), |after, bin| {
            let mut before = vec![NEVER; after.len()];
            for k in 0..plane.kelvins {
                let from = plane.cold + k as f64 * plane.width;
                for (load, work) in choices.iter().zip(&work) {
                    let to = warmed(thermal, from, load + bin.environment.0, bin.dt.0);
                    if to.max(from) + load * drop > *limit {
                        break;
                    }
                    let surplus = bin.array.0 - bus.0 * load - bus.1;
                    let stored = if surplus > 0.0 {
                        surplus.min(battery.charge_max.0) * battery.charge_efficiency
                    } else {
                        surplus / battery.discharge_efficiency
                    };
                    for c in 0..plane.charges {
                        let charge = (c as f64 + stored * bin.dt.0 / unit).min(top);
                        if charge < -1e-9 {
                            continue;
                        }
                        let here = &mut before[k * plane.charges + c];
                        *here = here.max(bin.dt.0 * work + plane.at(&after, charge, to));
                    }
                }
            }
            before
        })
    })
}

/// A satellite whose heat is kept by the radiator alone, and binds while the Sun shines; its battery carries half of the
/// shade.
fn peaking() -> Satellite {
    let mut satellite = satellite("equatorial-stress");
    satellite.array.power_w = 135e3;
    satellite.battery.capacity_wh = 75e3;
    satellite.battery.charge_rate_max_c = 1.0;
    satellite.thermal.junction_j_per_k = 2e3;
    satellite.thermal.loop_j_per_k = 2e3;
    satellite.thermal.loop_to_radiator_w_per_k = 1e4;
    satellite.thermal.radiator_j_per_k = 1.5e6;
    satellite.thermal.junction_limit_k = 338.0;
    satellite
}

#[test]
fn battery_and_heat_together_are_that_of_a_dynamic_programme() {
    let satellite = peaking();
    let curve = tiring(Watts(satellite.compute.power_w));
    let craft = spacecraft(&satellite, Scale::FULL);
    let (sky, limits) = (craft.forecast(), *craft.limits());
    let losses = sky.conversion_efficiency;
    let mut trace =
        ExogenousTrace::new(sky.battery, sky.thermal, sky.housekeeping, losses, limits, curve.clone(), Seconds(160.0));
    orbit(craft.clone(), &curve).bins().iter().for_each(|bin| trace.add(*bin));
    let bound = |trace: &ExogenousTrace| best(trace, &Ends::Periodic).expect("it can be flown").upper.0;
    let (upper, plan) = (bound(&trace), feasible(&craft, &trace, &Ends::Periodic).expect("a plan").work.0);

    let mut cool = peaking();
    cool.thermal.junction_limit_k += 60.0;
    cool.thermal.loop_limit_k += 60.0;
    let free = bound(&orbit(spacecraft(&cool, Scale::FULL), &curve));
    assert!(plan < free * 0.99, "heat binds: {plan} s of work, without it {free} s");

    let grid = Plane { charges: 201, kelvins: 121, cold: 285.0, width: 0.4 };
    let bus = (1.0 / losses, sky.housekeeping.0);
    let parts = Craft { battery: sky.battery, thermal: sky.thermal, curve: &curve, limit: limits.junction.0, bus };
    let found = by_charge_and_heat(&trace, &parts, &grid, 37);
    assert!(found <= upper, "{found} s on a grid, over the bound of {upper} s");
    assert!((found / plan - 1.0).abs() < 1e-3, "{found} s on a grid, {plan} s by the plan that was flown");
    // The chord of the radiator's emission is at its worst where heat binds in a part of the orbit only.
    assert!(plan > upper * 0.98, "{plan} s by the plan, {upper} s at most");
}
