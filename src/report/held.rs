//! How well the budget was held: power against budget, both as means over the same stretch of the machine's time.
//!
//! A budget binds in a stretch if each of its decisions asked for less than the machine is known to draw, and if the
//! batches that ran could draw all of it: a machine whose cores are taken by its neighbours draws less than it is granted,
//! and no governor can help that. What is lost while nothing runs counts against the governor. A stretch with more power
//! than budget counts in any case.

use crate::governor::Window;
use crate::journal::Tick;
use crate::units::{Seconds, Watts};

/// The stretch over which both are averaged.
pub(super) const WINDOW: Seconds = Seconds(10.0);
/// Of the budget, so much may have been out of the machine's reach in a stretch in which it bound.
const UNUSED_SHARE: f64 = 0.005;

/// What is known of how the budget was held.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Held {
    /// The largest `|mean power / mean budget - 1|` over any [`WINDOW`] in which the budget bound and every tick had a
    /// reading. None where there is no such stretch.
    pub(super) largest_deviation: Option<f64>,
    /// Time at the ends of such stretches, share of the flight.
    pub(super) bound_share: f64,
}

/// A tick's power is that since the tick before, whose budget held.
pub(super) fn held(ticks: &[&Tick]) -> Held {
    let mut window = Window::new(WINDOW);
    let (mut most, mut bound) = (None, Seconds::ZERO);
    for pair in ticks.windows(2) {
        let (before, now) = (pair[0], pair[1]);
        let dt = now.flight_s - before.flight_s;
        if dt <= Seconds::ZERO {
            continue;
        }
        let Some(power) = now.power_w.filter(|_| before.budget_binds()) else {
            window.clear();
            continue;
        };
        let Some([power, budget, unused]) = window.add(dt, [power, before.budget_w, now.unused_j / dt]) else {
            continue;
        };
        let binds = power > budget || unused <= budget * UNUSED_SHARE;
        if binds && budget > Watts::ZERO {
            let deviation = (power / budget - 1.0).abs();
            most = Some(most.map_or(deviation, |most: f64| most.max(deviation)));
            bound += dt;
        }
    }
    let duration = ticks.last().map_or(Seconds::ZERO, |last| last.flight_s);
    Held { largest_deviation: most, bound_share: if duration > Seconds::ZERO { bound / duration } else { 0.0 } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governor::{LimitedBy, Regime};
    use crate::units::{Joules, Kelvin};

    /// A tick each 0.1 s under a budget of 100 W: what is drawn (0: unknown), what binds, what is out of reach.
    fn flight(seconds: u32, at: impl Fn(f64) -> (f64, LimitedBy, f64)) -> Held {
        let ticks: Vec<Tick> = (0..=seconds * 10)
            .map(|index| {
                let t = f64::from(index) * 0.1;
                let (power, limited_by, unused) = at(t);
                Tick {
                    flight_s: Seconds(t),
                    simulated_s: Seconds(t),
                    illumination: 1.0,
                    array_w: Watts(100.0),
                    power_w: Some(Watts(power)).filter(|power| power.0 > 0.0),
                    no_data: None,
                    load_w: Watts(power),
                    budget_w: Watts(100.0),
                    unused_j: Joules(unused * 0.1),
                    limited_by,
                    regime: Regime::Tracking,
                    soc: 0.9,
                    junction_k: Kelvin(300.0),
                    loop_k: Kelvin(300.0),
                    radiator_k: Kelvin(300.0),
                    workload: 0,
                }
            })
            .collect();
        held(&ticks.iter().collect::<Vec<_>>())
    }

    fn near(what: &str, found: Held, deviation: f64) {
        let close = found.largest_deviation.is_some_and(|found| (found - deviation).abs() < 1e-6);
        assert!(close, "{what}: {deviation}, found {found:?}");
    }

    const BOUND: LimitedBy = LimitedBy::Energy;

    #[test]
    fn the_worst_stretch_of_ten_seconds_counts_and_a_shorter_flight_has_none() {
        let found = flight(30, |t| (if t > 12.05 && t < 17.05 { 90.0 } else { 100.0 }, BOUND, 0.0));
        near("5 s of 10 W too little", found, 0.05);
        assert!((found.bound_share - 20.1 / 30.0).abs() < 1e-6, "20 s end whole stretches: {found:?}");
        assert_eq!(flight(9, |_| (100.0, BOUND, 0.0)), Held::default(), "nine seconds");
    }

    #[test]
    fn only_stretches_count_in_which_the_budget_binds_and_the_power_is_known() {
        let free = |t: f64| if t < 12.0 { LimitedBy::Machine } else { LimitedBy::Junction };
        near("the free half is left out", flight(30, |t| (if t <= 12.0 { 50.0 } else { 98.0 }, free(t), 0.0)), 0.02);
        assert_eq!(flight(30, |_| (50.0, LimitedBy::Machine, 0.0)), Held::default(), "nothing binds");
        let holes = |t: f64| if ((t * 10.0).round() as u32).is_multiple_of(50) { 0.0 } else { 100.0 };
        assert_eq!(flight(30, |t| (holes(t), BOUND, 0.0)), Held::default(), "a hole every five seconds");
    }

    #[test]
    fn what_a_busy_machine_cannot_draw_is_not_held_against_the_governor() {
        let slow = flight(30, |t| if t < 15.0 { (60.0, BOUND, 40.0) } else { (99.0, BOUND, 0.0) });
        near("0.1 s of 60 W is under the tolerance", slow, 0.0139);
    }

    #[test]
    fn too_much_counts_whatever_the_machine_could_not_draw_before() {
        near("over", flight(30, |t| (if t > 20.0 { 130.0 } else { 100.0 }, BOUND, 5.0)), 0.3);
    }
}
