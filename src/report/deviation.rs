//! How well the budget was followed: power against budget, both as means over the same stretch of the machine's time.
//!
//! A stretch is judged if work was held back in all of it, if all of its energy was counted, and if the batches that ran
//! could draw what was granted: a machine whose cores are taken by its neighbours draws less, and no governor can help
//! that. What is lost while nothing runs counts against the governor. More power than budget counts in any case.

use super::laid::Piece;
use crate::governor::Window;
use crate::units::{Seconds, Watts};

/// The stretch over which both are averaged.
pub(super) const STRETCH: Seconds = Seconds(10.0);
/// Of the budget, so much may have been out of the machine's reach in a stretch that is judged.
const UNUSED_SHARE: f64 = 0.005;

/// Power against budget.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Deviation {
    /// The largest `|mean power / mean budget - 1|` over any [`STRETCH`] that is judged; none where there is none.
    pub(super) largest: Option<f64>,
    /// Time at the ends of such stretches, share of the flight.
    pub(super) judged_share: f64,
}

/// Judges all pieces of a flight.
pub(super) fn deviation(pieces: &[Piece<'_>]) -> Deviation {
    let mut window = Window::new(STRETCH);
    let (mut largest, mut judged, mut duration) = (None, Seconds::ZERO, Seconds::ZERO);
    for piece in pieces {
        duration += piece.dt;
        let limited = piece.ended.limited_by.is_some();
        let Some((power, granted)) = piece.power.zip(piece.granted).filter(|_| limited) else {
            window.clear();
            continue;
        };
        let Some([power, budget, unused]) = window.add(piece.dt, [power, granted.budget_w, piece.unused()]) else {
            continue;
        };
        if (power > budget || unused <= budget * UNUSED_SHARE) && budget > Watts::ZERO {
            let deviation = (power / budget - 1.0).abs();
            largest = Some(largest.map_or(deviation, |most: f64| most.max(deviation)));
            judged += piece.dt;
        }
    }
    Deviation { largest, judged_share: if duration > Seconds::ZERO { judged / duration } else { 0.0 } }
}

#[cfg(test)]
mod tests {
    use super::super::laid::laid;
    use super::*;
    use crate::governor::{LimitedBy, Regime};
    use crate::journal::{Predicted, Tick};
    use crate::reading::{Basis, EnergyWindow, Refusal};
    use crate::units::{Joules, Kelvin};

    /// A tick each 0.1 s under a budget of 100 W: what is drawn (0: unknown), what holds work back, what is out of reach.
    fn flight(seconds: u32, at: impl Fn(f64) -> (f64, Option<LimitedBy>, f64)) -> Deviation {
        let tick = |t: f64, limited_by, unused: f64| Tick {
            flight_s: Seconds(t),
            simulated_s: Seconds(t),
            illumination: 1.0,
            array_w: Watts(100.0),
            confirmed_s: Seconds(t),
            soc: 0.9,
            junction_k: Kelvin(300.0),
            loop_k: Kelvin(300.0),
            radiator_k: Kelvin(300.0),
            predicted: Predicted {
                soc: 0.9,
                junction_k: Kelvin(300.0),
                loop_k: Kelvin(300.0),
                radiator_k: Kelvin(300.0),
            },
            power_w: None,
            expected_w: Watts(0.0),
            no_reading: None,
            budget_w: Watts(100.0),
            unused_j: Joules(unused * 0.1),
            limited_by,
            regime: Regime::Tracking,
            workload: 0,
        };
        let (mut ticks, mut windows) = (Vec::new(), Vec::new());
        for index in 0..=seconds * 10 {
            let t = f64::from(index) * 0.1;
            let (power, limited_by, unused) = at(t);
            ticks.push(tick(t, limited_by, unused));
            let from_s = windows.last().map_or(Seconds::ZERO, |window: &EnergyWindow| window.to_s);
            let basis = if power > 0.0 { Basis::Counted } else { Basis::Assumed { cause: Refusal::Old } };
            let energy_j = Watts(power) * (Seconds(t) - from_s);
            if index > 0 {
                windows.push(EnergyWindow { from_s, to_s: Seconds(t), energy_j, high_j: None, basis });
            }
        }
        deviation(&laid(&ticks, &windows))
    }

    fn near(what: &str, found: Deviation, deviation: f64) {
        let close = found.largest.is_some_and(|found| (found - deviation).abs() < 1e-6);
        assert!(close, "{what}: {deviation}, found {found:?}");
    }

    const BOUND: Option<LimitedBy> = Some(LimitedBy::Energy);

    #[test]
    fn the_worst_stretch_of_ten_seconds_counts_and_a_shorter_flight_has_none() {
        let found = flight(30, |t| (if t > 12.05 && t < 17.05 { 90.0 } else { 100.0 }, BOUND, 0.0));
        near("5 s of 10 W too little", found, 0.05);
        assert!((found.judged_share - 20.1 / 30.0).abs() < 1e-6, "20 s end whole stretches: {found:?}");
        assert_eq!(flight(9, |_| (100.0, BOUND, 0.0)), Deviation::default(), "nine seconds");
    }

    #[test]
    fn only_stretches_count_in_which_work_is_held_back_and_the_power_is_known() {
        let free = |t: f64| if t <= 12.0 { None } else { Some(LimitedBy::Junction) };
        near("the free half is left out", flight(30, |t| (if t <= 12.0 { 50.0 } else { 98.0 }, free(t), 0.0)), 0.02);
        assert_eq!(flight(30, |_| (50.0, None, 0.0)), Deviation::default(), "nothing holds work back");
        let holes = |t: f64| if ((t * 10.0).round() as u32).is_multiple_of(50) { 0.0 } else { 100.0 };
        assert_eq!(flight(30, |t| (holes(t), BOUND, 0.0)), Deviation::default(), "a hole every five seconds");
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
