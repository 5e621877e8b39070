//! What batches of each workload draw above idle, and how long an item takes; both learned in flight.
//!
//! A window of readings shows the energy of a mix of workloads. With shares `s_i` of the energy that the present powers
//! expect of the time that each ran, and the ratio `r` of measured over expected, each power moves by a normalised
//! least-mean-squares step in relative units:
//!
//! ```text
//! p_i <- p_i (1 + a (r - 1) s_i / sum s_j^2)
//! ```
//!
//! A window far off is an outlier until the next one is far off to the same side; then it is a change of the load, and
//! the step `a` is large. Power is what is learned, since it varies far less from batch to batch than their length.

use crate::units::{Joules, Seconds, Watts};
use std::collections::BTreeMap;

/// Step for a window near what was expected, for the first one far off, and for those that confirm it.
const STEP: f64 = 0.2;
const STEP_OUTLIER: f64 = 0.05;
const STEP_CONFIRMED: f64 = 0.6;
/// From here on a window is far off.
const FAR: f64 = 0.2;
/// No window is believed beyond this ratio.
const RATIO: (f64, f64) = (0.25, 4.0);
/// So many times longer than known is no length of an item.
const LONG_TIMES: f64 = 4.0;
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

impl Cost {
    /// Above idle, while its batches run.
    pub fn power(&self) -> Watts {
        self.item_j / self.item_s.max(Seconds(1e-9))
    }
}

/// The costs of all workloads, and the window that is being filled.
#[derive(Clone, Debug, Default)]
pub(super) struct Costs {
    known: BTreeMap<usize, Cost>,
    /// What the junction has felt them draw above idle since that was a surprise: no meter says less.
    felt: BTreeMap<usize, Watts>,
    /// Seconds that each workload ran in the window.
    busy: BTreeMap<usize, f64>,
    measured: f64,
    span: f64,
    /// The side to which the last window was far off: -1, 0 or 1.
    far: i8,
    /// The last item took many times longer than it should.
    long: bool,
}

impl Costs {
    pub(super) fn of(&self, workload: usize) -> Option<Cost> {
        self.known.get(&workload).copied()
    }

    pub(super) fn set(&mut self, workload: usize, cost: Cost) {
        self.known.insert(workload, cost);
    }

    /// The most that any workload draws above idle.
    pub(super) fn most(&self) -> Watts {
        self.known.values().fold(Watts::ZERO, |most, cost| most.max(cost.power()))
    }

    /// One item took `item_s`; a workload seen for the first time draws `worst` until measured. An item that seems to
    /// have taken many times longer than any before saw the clock leap; the second in a row is believed.
    pub(super) fn finished(&mut self, workload: usize, item_s: Seconds, worst: Watts) {
        let cost = self.known.entry(workload).or_insert(Cost { item_j: worst * item_s, item_s });
        self.long = item_s > cost.item_s * LONG_TIMES && !self.long;
        if self.long {
            return;
        }
        let power = cost.power();
        cost.item_s += (item_s - cost.item_s) * DURATION_STEP;
        cost.item_j = power * cost.item_s;
    }

    /// The junction felt a workload draw `power` above idle: from a surprise on it is followed.
    pub(super) fn feel(&mut self, workload: usize, power: Watts, surprise: bool) {
        let Some(cost) = self.known.get_mut(&workload) else { return };
        match self.felt.get_mut(&workload) {
            Some(felt) if !surprise => *felt += (power - *felt) * STEP,
            None if !surprise => return,
            _ => drop(self.felt.insert(workload, power)),
        }
        cost.item_j = cost.item_j.max(self.felt[&workload] * cost.item_s);
    }

    /// Adds `span` in which `measured` joules above idle were drawn while each workload ran for so many seconds.
    /// Learns once `window` is full.
    pub(super) fn learn(&mut self, measured: Joules, busy: &[(usize, Seconds)], span: Seconds, window: Seconds) {
        self.measured += measured.0;
        self.span += span.0;
        for (workload, seconds) in busy {
            *self.busy.entry(*workload).or_default() += seconds.0;
        }
        if self.span < window.0 {
            return;
        }
        let busy = std::mem::take(&mut self.busy);
        let power = |workload: &usize| self.known.get(workload).map_or(0.0, |cost| cost.power().0);
        let expected: Vec<(usize, f64)> = busy.iter().map(|(workload, s)| (*workload, s * power(workload))).collect();
        let total: f64 = expected.iter().map(|(_, energy)| energy).sum();
        if total > 0.0 {
            self.apply((self.measured / total).clamp(RATIO.0, RATIO.1), &expected, total);
        }
        (self.measured, self.span) = (0.0, 0.0);
    }

    /// Leaves out what the window holds so far.
    pub(super) fn skip(&mut self) {
        self.busy.clear();
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
                let felt = self.felt.get(workload).copied().unwrap_or_default();
                cost.item_j = (cost.item_j * (1.0 + change).clamp(RATIO.0, RATIO.1)).max(felt * cost.item_s);
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
        costs.learn(Joules(40.0), &[(0, Seconds(1.0))], WINDOW, WINDOW);
        assert!(item(&costs, 0) < 2.2, "{} J after one outlier", item(&costs, 0));
        costs.learn(Joules(40.0), &[(0, Seconds(1.0))], WINDOW, WINDOW);
        assert!(item(&costs, 0) > 3.0, "{} J once it is confirmed", item(&costs, 0));
    }

    #[test]
    fn two_workloads_are_told_apart_by_their_mixes() {
        let truth = [1.0, 3.0];
        let mut costs = costs(&[2.0, 2.0]);
        for round in 0..400 {
            let counts = if round % 3 == 0 { [8.0, 2.0] } else { [2.0, 8.0] };
            let measured = counts[0] * truth[0] + counts[1] * truth[1];
            let busy = counts.map(|count| Seconds(count * 0.1));
            costs.learn(Joules(measured), &[(0, busy[0]), (1, busy[1])], WINDOW, WINDOW);
        }
        for (workload, cost) in truth.iter().enumerate() {
            assert!((item(&costs, workload) / cost - 1.0).abs() < 0.03, "{} J, not {cost}", item(&costs, workload));
        }
    }

    #[test]
    fn an_item_as_long_as_a_leap_of_the_clock_is_not_believed_but_a_second_one_is() {
        let mut costs = costs(&[2.0]);
        let length = |costs: &Costs| costs.of(0).expect("it was set").item_s;
        costs.finished(0, Seconds(600.0), Watts(20.0));
        assert_eq!(length(&costs), Seconds(0.1), "ten minutes for an item of 0.1 s");
        costs.finished(0, Seconds(600.0), Watts(20.0));
        assert!(length(&costs) > Seconds(100.0), "twice in a row");
        assert!((costs.most().0 - 20.0).abs() < 1e-9, "and its power is what it was");
    }

    #[test]
    fn what_the_junction_feels_is_followed_down_and_no_meter_says_less() {
        let mut costs = costs(&[2.0]);
        costs.feel(0, Watts(15.0), false);
        assert_eq!(item(&costs, 0), 2.0, "no surprise, and nothing was felt before");
        costs.feel(0, Watts(30.0), true);
        for _ in 0..5 {
            costs.learn(Joules(20.0), &[(0, Seconds(1.0))], WINDOW, WINDOW);
        }
        assert_eq!(item(&costs, 0), 3.0, "a meter that shows two thirds of what is felt");
        for _ in 0..30 {
            costs.feel(0, Watts(20.0), false);
            costs.learn(Joules(20.0), &[(0, Seconds(1.0))], WINDOW, WINDOW);
        }
        assert!((item(&costs, 0) - 2.0).abs() < 0.02, "{} J once less is felt", item(&costs, 0));
    }

    #[test]
    fn a_window_without_work_teaches_nothing() {
        let mut costs = costs(&[2.0]);
        costs.learn(Joules(5.0), &[], WINDOW, WINDOW);
        assert_eq!(item(&costs, 0), 2.0, "idle noise is not the workload's");
    }
}
