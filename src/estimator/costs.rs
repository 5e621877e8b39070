//! What batches of each workload draw above idle, and how long an item takes: learned in flight.
//!
//! The power of each workload is a state with a variance, and each energy window measures a mix of them (Kalman filter with
//! a diagonal covariance):
//!
//! ```text
//! E = sum_i p_i s_i + noise            s_i: seconds that batches of workload i ran in the window
//! S = sum_i v_i s_i² + R               gain_i = v_i s_i / S,  p_i += gain_i (E - sum p s),  v_i -= gain_i s_i v_i
//! R = (range (share period + 1 ms))²   nobody knows to better than that when a batch shows in the sensor
//! v_i grows by (DRIFT p_i)² a second
//! ```
//!
//! What one window has too much at its edge the next has too little, so windows are joined until their edges are small
//! beside their energy. A joined window that lies over two and a half standard deviations off is an outlier until the next one lies
//! off to the same side; then the cost of work has jumped, and the variance is opened so that the filter follows at once.

use crate::units::{Joules, Seconds, Watts};
use std::collections::BTreeMap;

/// Calibration knows a power to this share: chosen, rates of repeats differ by as much.
pub(super) const CALIBRATED_SHARE: f64 = 0.05;
/// A power drifts by this share in a second: chosen, a machine that warms up by a tenth takes several seconds.
const DRIFT: f64 = 0.01;
/// Standard deviation of a uniform error of one update, share of the period, at both ends of a window.
const EDGE_SHARE: f64 = 0.41;
const EDGE: Seconds = Seconds(1e-3);
/// Windows are joined until they hold so many times the energy of their edges, or are off by so many times.
const JOINED_TIMES: f64 = 8.0;
const OFF_TIMES: f64 = 4.0;
/// Standard deviations from which on a window is far off: chosen, by chance two in a row to one side are one in ten thousand.
const FAR: f64 = 2.5;
/// So many times longer than known is no length of an item, unless the next one is as long.
const LONG_TIMES: f64 = 4.0;
/// Share of the way to a new length of an item: a mean over some ten batches.
const LENGTH_STEP: f64 = 0.2;

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

/// One workload.
#[derive(Clone, Copy, Debug)]
struct Known {
    power: Watts,
    /// Of the power, W².
    variance: f64,
    /// The power as it was before it jumped: follows a fall at once, a rise by as much as a power drifts while it runs.
    settled: Watts,
    item_s: Seconds,
}

/// Windows that are joined.
#[derive(Clone, Debug)]
struct Joined {
    above_idle: Joules,
    busy: Vec<(usize, Seconds)>,
    from: Seconds,
    span: Seconds,
}

impl Joined {
    fn at(from: Seconds) -> Joined {
        Joined { above_idle: Joules::ZERO, busy: Vec::new(), from, span: Seconds::ZERO }
    }
}

/// All workloads.
#[derive(Clone, Debug)]
pub(super) struct Costs {
    known: BTreeMap<usize, Known>,
    /// From idle to full power.
    range: Watts,
    /// Of the sensor's renewal.
    period: Seconds,
    /// How far a power may jump, share.
    jump: f64,
    joined: Joined,
    /// Where the joined window before this one began.
    before: Seconds,
    /// Where the one before the first that was far off began: a jump may have begun in it.
    far_since: Seconds,
    /// The side to which the last window was far off: -1, 0 or 1.
    far: i8,
    /// The last item took many times longer than it should.
    long: bool,
}

impl Costs {
    /// For a machine of `range` watts whose sensor is renewed every `period`; costs jump by up to `jump` of what they were.
    pub(super) fn new(range: Watts, period: Seconds, jump: f64) -> Costs {
        Costs {
            known: BTreeMap::new(),
            range,
            period,
            jump,
            joined: Joined::at(Seconds::ZERO),
            before: Seconds::ZERO,
            far_since: Seconds::ZERO,
            far: 0,
            long: false,
        }
    }

    pub(super) fn of(&self, workload: usize) -> Option<Cost> {
        self.known.get(&workload).map(|known| Cost { item_j: known.power * known.item_s, item_s: known.item_s })
    }

    /// What calibration found.
    pub(super) fn set(&mut self, workload: usize, cost: Cost) {
        let power = cost.power();
        let variance = (power.0 * CALIBRATED_SHARE).powi(2);
        self.known.insert(workload, Known { power, variance, settled: power, item_s: cost.item_s });
    }

    /// The most that any workload draws above idle.
    pub(super) fn most(&self) -> Watts {
        self.known.values().fold(Watts::ZERO, |most, known| most.max(known.power))
    }

    /// The same of those that are known to draw more than `known`, beyond two standard deviations.
    pub(super) fn most_beyond(&self, known: Watts) -> Watts {
        let surely = |one: &&Known| one.power.0 - 2.0 * one.variance.max(0.0).sqrt() > known.0;
        self.known.values().filter(surely).fold(known, |most, one| most.max(one.power))
    }

    /// Energy that the edges of a window hold of another's: one standard deviation.
    fn edge(&self) -> Joules {
        self.range.max(self.most()) * (self.period * EDGE_SHARE + EDGE)
    }

    /// The most that it can be: a whole update.
    pub(super) fn largest_edge(&self) -> Joules {
        self.range.max(self.most()) * (self.period + EDGE)
    }

    /// One item took `item_s`; a workload seen for the first time draws `worst` until measured.
    pub(super) fn finished(&mut self, workload: usize, item_s: Seconds, worst: Watts) {
        let fresh = Known { power: worst, variance: worst.0.powi(2), settled: worst, item_s };
        let known = self.known.entry(workload).or_insert(fresh);
        self.long = item_s > known.item_s * LONG_TIMES && !self.long;
        if !self.long {
            known.item_s += (item_s - known.item_s) * LENGTH_STEP;
        }
    }

    /// `above_idle` was counted in a window of `span` from `from` on in which each workload ran for so long. If the power of one
    /// jumps: how many times what it was, and since when.
    pub(super) fn learn(
        &mut self,
        above_idle: Joules,
        busy: &[(usize, Seconds)],
        (from, span): (Seconds, Seconds),
    ) -> Option<(f64, Seconds)> {
        // Also while nothing runs: what is known grows old.
        for known in self.known.values_mut() {
            known.variance += (known.power.0 * DRIFT).powi(2) * span.0;
        }
        if self.joined.span.0 <= 0.0 {
            self.joined.from = from;
        }
        self.joined.above_idle += above_idle;
        self.joined.span += span;
        for (workload, ran) in busy {
            match self.joined.busy.iter_mut().find(|(known, _)| known == workload) {
                Some((_, sum)) => *sum += *ran,
                None => self.joined.busy.push((*workload, *ran)),
            }
        }
        let power = |workload: &usize| self.known.get(workload).map_or(0.0, |known| known.power.0);
        let expected: f64 = self.joined.busy.iter().map(|(workload, ran)| power(workload) * ran.0).sum();
        let edge = self.edge().0;
        let says_much =
            expected >= edge * JOINED_TIMES || (self.joined.above_idle.0 - expected).abs() >= edge * OFF_TIMES;
        if !says_much {
            return None;
        }
        let joined = std::mem::replace(&mut self.joined, Joined::at(from));
        self.update(&joined);
        self.before = joined.from;
        self.jumped(&joined)
    }

    /// The largest jump of what ran, and since when.
    fn jumped(&mut self, joined: &Joined) -> Option<(f64, Seconds)> {
        let mut most = None;
        for (workload, ran) in &joined.busy {
            let Some(known) = self.known.get_mut(workload) else { continue };
            let drift = known.settled * (DRIFT * ran.0);
            known.settled = known.power.min(known.settled + drift);
            let times = known.power / known.settled.max(Watts(1e-9));
            most = Some(times).filter(|times| most.is_none_or(|most| *times > most)).or(most);
        }
        most.map(|times| (times, self.far_since))
    }

    fn update(&mut self, joined: &Joined) {
        let Joined { above_idle, ref busy, .. } = *joined;
        let noise = self.edge().0.powi(2);
        let (mut expected, mut spread) = (0.0, noise);
        for (workload, ran) in busy {
            let Some(known) = self.known.get(workload) else { return };
            expected += known.power.0 * ran.0;
            spread += known.variance * ran.0.powi(2);
        }
        if busy.is_empty() {
            return;
        }
        let off = above_idle.0 - expected;
        let side = if off.abs() > FAR * spread.sqrt() { off.signum() as i8 } else { 0 };
        let jumped = side != 0 && side == self.far;
        if side != 0 && !jumped {
            // As likely a fault of the reading: it counts as if its noise were as large as it is off.
            spread += (off / FAR).powi(2);
        }
        if self.far == 0 {
            self.far_since = self.before;
        }
        self.far = side;
        if jumped {
            spread = noise;
            for (workload, ran) in busy {
                if let Some(known) = self.known.get_mut(workload) {
                    known.variance = known.variance.max((known.power.0 * self.jump).powi(2));
                    spread += known.variance * ran.0.powi(2);
                }
            }
        }
        for (workload, ran) in busy {
            if let Some(known) = self.known.get_mut(workload) {
                let gain = known.variance * ran.0 / spread;
                known.power = Watts((known.power.0 + gain * off).max(0.0));
                known.variance -= gain * ran.0 * known.variance;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Seconds = Seconds(1.0);

    fn costs(powers: &[f64]) -> Costs {
        let mut costs = Costs::new(Watts(30.0), Seconds(0.05), 0.5);
        for (workload, power) in powers.iter().enumerate() {
            costs.set(workload, Cost { item_j: Joules(power * 0.1), item_s: Seconds(0.1) });
        }
        costs
    }

    fn power(costs: &Costs, workload: usize) -> f64 {
        costs.of(workload).expect("it was set").power().0
    }

    #[test]
    fn one_wild_window_hardly_moves_a_cost_and_a_second_one_does() {
        let mut costs = costs(&[20.0]);
        costs.learn(Joules(40.0), &[(0, SPAN)], (Seconds::ZERO, SPAN));
        assert!(power(&costs, 0) < 22.5, "{} W after one outlier", power(&costs, 0));
        costs.learn(Joules(40.0), &[(0, SPAN)], (Seconds::ZERO, SPAN));
        assert!(power(&costs, 0) > 38.0, "{} W once it is confirmed", power(&costs, 0));
    }

    #[test]
    fn a_cost_that_jumps_is_told_from_before_it_was_seen_and_one_that_drifts_is_not() {
        let mut costs = costs(&[20.0]);
        let mut seen = |from: f64, power: f64| costs.learn(Joules(power), &[(0, SPAN)], (Seconds(from), SPAN));
        for from in 0..10 {
            let drifted = seen(f64::from(from), 20.0 + 0.1 * f64::from(from));
            assert!(drifted.is_none_or(|(times, _)| times < 1.02), "{drifted:?}");
        }
        seen(10.0, 28.0);
        let (times, since) = seen(11.0, 28.0).expect("it jumped");
        assert!(times > 1.25 && since == Seconds(9.0), "{times} times since {since}");
    }

    #[test]
    fn a_power_that_was_steady_for_long_is_followed_when_it_drifts() {
        let mut costs = costs(&[20.0]);
        let drifts = (0..14).map(|second| 20.1 + 0.1 * f64::from(second));
        for (second, power) in std::iter::repeat_n(20.0, 1000).chain(drifts).enumerate() {
            costs.learn(Joules(power), &[(0, SPAN)], (Seconds(second as f64), SPAN));
        }
        assert!((power(&costs, 0) / 21.4 - 1.0).abs() < 0.025, "{} W, not 21.4", power(&costs, 0));
    }

    #[test]
    fn two_workloads_are_told_apart_by_their_mixes() {
        let truth = [10.0, 30.0];
        let mut costs = costs(&[20.0, 20.0]);
        for round in 0..400 {
            let seconds = if round % 3 == 0 { [0.8, 0.2] } else { [0.2, 0.8] };
            let counted = seconds[0] * truth[0] + seconds[1] * truth[1];
            costs.learn(Joules(counted), &[(0, Seconds(seconds[0])), (1, Seconds(seconds[1]))], (Seconds::ZERO, SPAN));
        }
        for (workload, truth) in truth.iter().enumerate() {
            assert!((power(&costs, workload) / truth - 1.0).abs() < 0.03, "{} W, not {truth}", power(&costs, workload));
        }
    }

    #[test]
    fn noise_at_the_edges_of_windows_averages_out() {
        let mut costs = costs(&[20.0]);
        for window in 0..200 {
            let edge = if window % 2 == 0 { 0.5 } else { -0.5 };
            costs.learn(Joules(20.0 * 0.05 + edge), &[(0, Seconds(0.05))], (Seconds::ZERO, Seconds(0.05)));
        }
        assert!((power(&costs, 0) / 20.0 - 1.0).abs() < 0.03, "{} W, not 20", power(&costs, 0));
    }

    #[test]
    fn an_item_as_long_as_a_leap_of_the_clock_is_not_believed_but_a_second_one_is() {
        let mut costs = costs(&[20.0]);
        costs.finished(0, Seconds(600.0), Watts(30.0));
        assert_eq!(costs.of(0).map(|cost| cost.item_s), Some(Seconds(0.1)), "ten minutes for an item of 0.1 s");
        costs.finished(0, Seconds(600.0), Watts(30.0));
        assert!(costs.of(0).map(|cost| cost.item_s) > Some(Seconds(100.0)), "twice in a row");
        assert!((costs.most().0 - 20.0).abs() < 1e-9, "and its power is what it was");
    }

    #[test]
    fn a_window_without_work_teaches_nothing() {
        let mut costs = costs(&[20.0]);
        costs.learn(Joules(5.0), &[], (Seconds::ZERO, SPAN));
        assert_eq!(power(&costs, 0), 20.0, "idle noise is not the workload's");
    }
}
