//! What a flight breaks that it would not break if the machine idled.
//!
//! More power is never cooler and never leaves more charge, so a satellite breaks the least while its machine idles. Of
//! a limit that even then is broken, a governed flight must break no more, but for what rounding and the grid of steps
//! leave: batches begin and end between ticks, and both flights count whole steps.

use crate::flight::Flight;
use dawndusk::envelope::{CHARGE_TOLERANCE, KELVIN_TOLERANCE};
use dawndusk::flight::simulation::Summary;
use dawndusk::units::JOULES_PER_WATT_HOUR;

/// The limits, with the depth that is rounding, as the count of breaches itself has it: K of the nodes, share of capacity
/// for the floor and for what the bus lacked.
const LIMITS: [(&str, f64); 4] = [
    ("junction", KELVIN_TOLERANCE),
    ("loop", KELVIN_TOLERANCE),
    ("charge", CHARGE_TOLERANCE),
    ("bus", CHARGE_TOLERANCE),
];
/// A breach may last longer by so many ticks, one at each end, and by one batch.
const LONGER_TICKS: f64 = 2.0;

/// Depth, and time in s.
type Breach = (f64, f64);

/// A limit that was broken deeper or longer than by an idle machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Excess {
    pub(super) limit: &'static str,
    pub(super) flown: Breach,
    pub(super) idle: Breach,
}

/// Each limit with the breach of it.
fn breaches(summary: &Summary, capacity_j: f64) -> [Breach; 4] {
    let broken = &summary.breaches;
    [
        (broken.junction.deepest_k.0, broken.junction.time_s.0),
        (broken.coolant.deepest_k.0, broken.coolant.time_s.0),
        (broken.charge.deepest_share, broken.charge.time_s.0),
        (broken.bus.energy_j.0 / capacity_j, broken.bus.time_s.0),
    ]
}

/// What `flown`, a governed flight of `flight`, broke more than the same flight with the machine idle.
pub(super) fn excess(flight: &Flight, flown: &Summary) -> Vec<Excess> {
    if !flown.breaches.any() {
        return Vec::new();
    }
    let capacity_wh = flight.satellite().expect("it has flown").battery.capacity_wh;
    let [flown, idle] = [flown, &flight.idle()].map(|summary| breaches(summary, capacity_wh * JOULES_PER_WATT_HOUR));
    let longer = LONGER_TICKS * flight.dt + flight.batch;
    let each = LIMITS.into_iter().zip(flown).zip(idle);
    let over = each.filter(|((limit, flown), idle)| is_over(limit.1, longer, *flown, *idle));
    over.map(|((limit, flown), idle)| Excess { limit: limit.0, flown, idle }).collect()
}

/// Nothing is forgiven where the idle machine breaks nothing.
fn is_over(depth: f64, longer: f64, flown: Breach, idle: Breach) -> bool {
    match idle.1 > 0.0 {
        true => flown.0 > idle.0 + depth || flown.1 > idle.1 + longer,
        false => flown.1 > 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_forgiven_where_an_idle_machine_breaks_nothing() {
        assert!(is_over(1e-4, 10.0, (1e-6, 1.0), (0.0, 0.0)), "a second is a breach");
        assert!(!is_over(1e-4, 10.0, (0.0, 0.0), (0.0, 0.0)), "nothing is none");
    }

    #[test]
    fn what_an_idle_machine_breaks_may_be_broken_as_deep_and_as_long() {
        let idle = (2.0, 100.0);
        assert!(!is_over(1e-4, 10.0, (2.0, 110.0), idle), "as deep, and two ticks longer");
        assert!(is_over(1e-4, 10.0, (2.001, 100.0), idle), "deeper");
        assert!(is_over(1e-4, 10.0, (2.0, 111.0), idle), "longer");
    }

    #[test]
    fn a_satellite_whose_battery_an_eclipse_empties_breaks_its_floor_with_an_idle_machine() {
        let small = Flight::new("equatorial-stress", "2027-03-20T00:00:00Z", 6000.0);
        let small = small.set(&["battery.capacity_wh=2000", "bus.housekeeping_w=9000"]);
        let idle = small.idle();
        assert!(idle.breaches.charge.time_s.0 > 0.0 && idle.breaches.bus.time_s.0 > 0.0, "{:?}", idle.breaches);
        assert_eq!(excess(&small, &idle), Vec::new(), "it breaks no more than itself");
    }
}
