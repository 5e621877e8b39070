//! What one item of each workload costs above idle, learned from energy readings.
//!
//! A window of readings shows the energy of a mix of workloads. With shares `s_i` of the energy that the present costs
//! expect of it and the ratio `r` of measured over expected, each cost moves by a normalised least-mean-squares step in
//! relative units:
//!
//! ```text
//! c_i <- c_i (1 + a (r - 1) s_i / sum s_j^2)
//! ```
//!
//! A window far off is an outlier until the next one is far off to the same side; then it is a change of the load, and
//! the step `a` is large.

use crate::units::{Joules, Seconds};
use std::collections::BTreeMap;

/// Step for a window near what was expected, for the first one far off, and for those that confirm it.
const STEP: f64 = 0.2;
const STEP_OUTLIER: f64 = 0.05;
const STEP_CONFIRMED: f64 = 0.6;
/// From here on a window is far off.
const FAR: f64 = 0.2;
/// No window is believed beyond this ratio.
const RATIO: (f64, f64) = (0.25, 4.0);
/// Step of the duration average.
const DURATION_STEP: f64 = 0.2;

/// What one item of a workload takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Energy above idle.
    pub item_j: Joules,
    /// Time.
    pub item_s: Seconds,
}

/// The costs of all workloads, and the window that is being filled.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    known: BTreeMap<usize, Cost>,
    /// Items of each workload in the window.
    items: BTreeMap<usize, f64>,
    measured: f64,
    span: f64,
    /// The side to which the last window was far off: -1, 0 or 1.
    far: i8,
}

impl Costs {
    pub(super) fn of(&self, workload: usize) -> Option<Cost> {
        self.known.get(&workload).copied()
    }

    pub(super) fn set(&mut self, workload: usize, cost: Cost) {
        self.known.insert(workload, cost);
    }

    /// One item took `item_s`; a workload seen for the first time costs `worst` for each item until measured.
    pub(super) fn finished(&mut self, workload: usize, item_s: Seconds, worst: Joules) {
        let cost = self.known.entry(workload).or_insert(Cost { item_j: worst, item_s });
        cost.item_s += (item_s - cost.item_s) * DURATION_STEP;
    }

    /// Adds `span` in which `measured` joules above idle were drawn while so many `items` of each workload ran (parts of
    /// an item count). Learns once `window` is full.
    pub(super) fn learn(&mut self, measured: Joules, items: &[(usize, f64)], span: Seconds, window: Seconds) {
        self.measured += measured.0;
        self.span += span.0;
        for (workload, count) in items {
            *self.items.entry(*workload).or_default() += count;
        }
        if self.span < window.0 {
            return;
        }
        let items = std::mem::take(&mut self.items);
        let cost = |workload: &usize| self.known.get(workload).map_or(0.0, |cost| cost.item_j.0);
        let expected: Vec<(usize, f64)> = items.iter().map(|(workload, n)| (*workload, n * cost(workload))).collect();
        let total: f64 = expected.iter().map(|(_, energy)| energy).sum();
        if total > 0.0 {
            self.apply((self.measured / total).clamp(RATIO.0, RATIO.1), &expected, total);
        }
        (self.measured, self.span) = (0.0, 0.0);
    }

    fn apply(&mut self, ratio: f64, expected: &[(usize, f64)], total: f64) {
        let far = if ratio > 1.0 + FAR {
            1
        } else if ratio < 1.0 - FAR {
            -1
        } else {
            0
        };
        let step = match (far, far == self.far) {
            (0, _) => STEP,
            (_, true) => STEP_CONFIRMED,
            (_, false) => STEP_OUTLIER,
        };
        self.far = far;
        let squares: f64 = expected.iter().map(|(_, energy)| (energy / total).powi(2)).sum();
        for (workload, energy) in expected {
            if let Some(cost) = self.known.get_mut(workload) {
                let change = step * (ratio - 1.0) * (energy / total) / squares;
                cost.item_j = cost.item_j * (1.0 + change).clamp(RATIO.0, RATIO.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Seconds = Seconds(1.0);

    fn costs(items: &[f64]) -> Costs {
        let mut costs = Costs::default();
        for (workload, item) in items.iter().enumerate() {
            costs.set(workload, Cost { item_j: Joules(*item), item_s: Seconds(0.1) });
        }
        costs
    }

    fn item(costs: &Costs, workload: usize) -> f64 {
        costs.of(workload).expect("it was set").item_j.0
    }

    #[test]
    fn one_wild_window_hardly_moves_a_cost_and_a_second_one_does() {
        let mut costs = costs(&[2.0]);
        costs.learn(Joules(40.0), &[(0, 10.0)], WINDOW, WINDOW);
        assert!(item(&costs, 0) < 2.2, "{} J after one outlier", item(&costs, 0));
        costs.learn(Joules(40.0), &[(0, 10.0)], WINDOW, WINDOW);
        assert!(item(&costs, 0) > 3.0, "{} J once it is confirmed", item(&costs, 0));
    }

    #[test]
    fn two_workloads_are_told_apart_by_their_mixes() {
        let truth = [1.0, 3.0];
        let mut costs = costs(&[2.0, 2.0]);
        for round in 0..400 {
            let counts = if round % 3 == 0 { [8.0, 2.0] } else { [2.0, 8.0] };
            let measured = counts[0] * truth[0] + counts[1] * truth[1];
            costs.learn(Joules(measured), &[(0, counts[0]), (1, counts[1])], WINDOW, WINDOW);
        }
        for (workload, cost) in truth.iter().enumerate() {
            assert!((item(&costs, workload) / cost - 1.0).abs() < 0.03, "{} J, not {cost}", item(&costs, workload));
        }
    }

    #[test]
    fn a_window_without_work_teaches_nothing() {
        let mut costs = costs(&[2.0]);
        costs.learn(Joules(5.0), &[], WINDOW, WINDOW);
        assert_eq!(item(&costs, 0), 2.0, "idle noise is not the workload's");
    }
}
