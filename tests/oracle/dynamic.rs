//! Dynamic programmes: the same question answered another way, on a grid, backwards in time (Bellman).
//!
//! For a periodic sky the value function is carried around the orbit until what an orbit adds to it is the same
//! everywhere; that gain is the work of the best periodic flight. A grid can only do worse than no grid, so the gain lies
//! under the oracle's bound, by less than a thousandth.

use super::sky::{battery, cold, minutes, tiring};
use dawndusk::envelope::Battery;
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Ends, ExogenousTrace, Step, best};
use dawndusk::units::Watts;

/// Cannot be done.
pub(crate) const NEVER: f64 = f64::NEG_INFINITY;

/// What one orbit adds to a value function in the end.
pub(crate) fn gain(mut value: Vec<f64>, orbit: impl Fn(&[f64]) -> Vec<f64>) -> f64 {
    for _ in 0..40 {
        let next = orbit(&value);
        let added = next.iter().zip(&value).filter(|(after, _)| **after > NEVER).map(|(after, before)| after - before);
        let (least, most) = added.fold((f64::INFINITY, NEVER), |(low, high), one| (low.min(one), high.max(one)));
        if most - least < 1e-6 * most {
            return most;
        }
        value = next;
    }
    panic!("the value function did not settle in 40 orbits");
}

/// Best periodic work with the charge on `points` levels, one move for each bin.
fn by_charge(trace: &ExogenousTrace, battery: &Battery, curve: &WorkCurve, points: usize) -> f64 {
    let level = battery.capacity.0 * (battery.soc_max - battery.soc_min) / (points - 1) as f64;
    // Work of a bin by levels won or lost, from the deepest discharge to the strongest charge.
    let moves = |bin: &Step| -> Vec<(isize, f64)> {
        let (h, array) = (bin.dt.0, bin.array.0);
        let reach = (battery.discharge_max.0.max(battery.charge_max.0) * h / level) as isize + 1;
        let of = |by: isize| {
            let stored = by as f64 * level / h;
            let bus = if by > 0 { stored / battery.charge_efficiency } else { stored * battery.discharge_efficiency };
            let allowed = bus <= battery.charge_max.0 && -bus <= battery.discharge_max.0;
            let load = (array - bus).min(curve.full().0);
            (allowed && load >= curve.idle().0 - 1e-9).then(|| (by, h * curve.rate(Watts(load))))
        };
        (-reach..=reach).filter_map(of).collect()
    };
    let moves: Vec<_> = trace.bins().iter().map(moves).collect();
    gain(vec![0.0; points], |end| {
        moves.iter().rev().fold(end.to_vec(), |after, moves| {
            let from = |at: usize| {
                let reached =
                    moves.iter().filter_map(|(by, work)| Some(work + after.get(at.checked_add_signed(*by)?)?));
                reached.fold(NEVER, f64::max)
            };
            (0..points).map(from).collect()
        })
    })
}

#[test]
fn the_battery_alone_is_that_of_a_dynamic_programme() {
    let curve = tiring(Watts(110.0));
    for (capacity, sun) in [(200.0, 80), (30.0, 70), (20.0, 55)] {
        let array: Vec<f64> = (0..100).map(|minute| if minute < sun { 113.0 } else { 0.0 }).collect();
        let battery = Battery { charge_max: Watts(30.0), ..battery(capacity) };
        let trace = minutes(battery, cold(), 400.0, &curve, &array);
        let upper = best(&trace, &Ends::Periodic).expect("it can be flown").upper.0;
        let found = by_charge(&trace, &battery, &curve, 1201);
        assert!(found <= upper, "{capacity} Wh: {found} s on a grid, over the bound of {upper} s");
        assert!(found >= upper * 0.999, "{capacity} Wh: {found} s on a grid, far under the bound of {upper} s");
    }
}
