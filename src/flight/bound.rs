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
//!   held against a higher bound.
//! * *heat*: a junction that rides its limit keeps the radiator as warm as can be at all times, and so emits the most
//!   (the temperatures rise with power: comparison principle). Under constant environment it settles at the steady
//!   power of the limit; what the nodes store on their way there comes on top.
//!
//! Not every flight can reach it (light is there at certain times, the battery has a size), so a share of less than 1
//! may still be the best possible.

use crate::envelope::{Forecast, Ledger, Limits, Temperatures};
use crate::governor::WorkCurve;
use crate::units::{Joules, Seconds, Watts};

/// Sums over a flight.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    curve: WorkCurve,
    from: Temperatures,
    elapsed: Seconds,
    /// At the bus.
    usable: Joules,
    forced: Joules,
    coolest: Watts,
}

impl Bound {
    pub(super) fn new(curve: WorkCurve, from: Temperatures) -> Bound {
        let none = Joules::ZERO;
        Bound { curve, from, elapsed: Seconds::ZERO, usable: none, forced: none, coolest: Watts(f64::INFINITY) }
    }

    /// A step of `dt` machine time with `array` and `environment` on average.
    pub(super) fn add(&mut self, forecast: &Forecast, array: Watts, environment: Watts, dt: Seconds) {
        let most = forecast.bus_load(self.curve.full()) + forecast.battery.charge_max;
        self.usable += array.min(most) * dt;
        self.forced += (forecast.bus_load(self.curve.idle()) - array).max(Watts::ZERO) * dt;
        self.coolest = self.coolest.min(environment);
        self.elapsed += dt;
    }

    /// The most work, in seconds of full speed.
    pub(super) fn work(&self, forecast: &Forecast, limits: &Limits, ledger: &Ledger) -> Seconds {
        let power = self.energy(forecast, ledger).min(self.heat(forecast, limits)).min(self.curve.full());
        self.elapsed * self.curve.rate(power)
    }

    fn energy(&self, forecast: &Forecast, ledger: &Ledger) -> Watts {
        let battery = &forecast.battery;
        let (into, out) = (battery.charge_efficiency, battery.discharge_efficiency);
        let stored = ledger.stored_j;
        let discharged = self.forced.max(-stored * out);
        let load = self.usable - stored / into - discharged * (1.0 / (into * out) - 1.0);
        forecast.compute_from(load / self.elapsed)
    }

    fn heat(&self, forecast: &Forecast, limits: &Limits) -> Watts {
        let thermal = &forecast.thermal;
        let junction = thermal.heat_at_junction(limits.junction, self.coolest);
        let settled = junction.min(thermal.heat_at_loop(limits.coolant, self.coolest)).max(Watts::ZERO);
        let end = thermal.steady(settled, self.coolest);
        let stored = thermal.junction_j_per_k * (end.junction - self.from.junction).0.max(0.0)
            + thermal.loop_j_per_k * (end.coolant - self.from.coolant).0.max(0.0)
            + thermal.radiator_j_per_k * (end.radiator - self.from.radiator).0.max(0.0);
        settled + Joules(stored) / self.elapsed
    }
}
