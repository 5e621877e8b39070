//! Judges a flight by the assumptions that it says were broken.
//!
//! The controller takes for granted what stands in the table of `dawndusk::governor::Assumptions`. A flight reports each
//! assumption that broke, and when each limit was first broken; both in seconds since departure on the machine's clock.
//!
//! | limit first broken | the breach is |
//! |---|---|
//! | never | none |
//! | when some assumption had broken, or in the same moment | explained; its cause is the last assumption to break until then |
//! | before any assumption broke | a fault of the program |
//!
//! No flight can see that its meter shows too little (`meter_share`); what a campaign has ordered of that it adds itself.
//!
//! Nothing else excuses a breach: not that an idle machine breaks the limit as well (then `idle_keeps_limits` broke, and
//! the flight must have said so in time), and not that a fault was ordered.

use dawndusk::governor::{Assumption, Broken};
use dawndusk::units::Seconds;
use std::collections::BTreeMap;
use std::fmt;

/// What the limits are called in counts and messages.
pub(super) const LIMITS: [&str; 4] = ["junction", "loop", "charge", "bus"];

/// When each of [`LIMITS`] was first broken; none if it was not.
pub(super) type FirstBreaches = [Option<Seconds>; 4];

/// A limit that was broken, and the assumption that explains it; none if the program is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Breach {
    pub(super) limit: &'static str,
    pub(super) cause: Option<Assumption>,
}

/// Every limit that was broken, with its cause.
pub(super) fn judge(first: &FirstBreaches, broken: &[Broken]) -> Vec<Breach> {
    let limits = LIMITS.into_iter().zip(first);
    limits.filter_map(|(limit, at)| Some(Breach { limit, cause: cause(at.as_ref()?, broken) })).collect()
}

/// The last assumption to break until `breach`; of several at once the last that was reported.
fn cause(breach: &Seconds, broken: &[Broken]) -> Option<Assumption> {
    let before = broken.iter().filter(|broken| broken.at_s <= *breach);
    before.max_by(|a, b| a.at_s.0.total_cmp(&b.at_s.0)).map(|broken| broken.assumption)
}

/// Breaches of many flights by limit and assumption.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    explained: BTreeMap<(&'static str, Assumption), usize>,
    /// What the program is at fault for, a sentence each.
    pub(super) faults: Vec<String>,
}

impl Counts {
    /// Adds the breaches of a flight that `command` repeats.
    pub(super) fn add(&mut self, breaches: &[Breach], command: &str) {
        for Breach { limit, cause } in breaches {
            match cause {
                Some(assumption) => *self.explained.entry((limit, *assumption)).or_default() += 1,
                None => self.faults.push(format!("{limit} was broken while every assumption held: {command}")),
            }
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((limit, assumption), count) in &self.explained {
            writeln!(f, "{count:>6} {limit} after {assumption}")?;
        }
        write!(f, "{:>6} with every assumption kept", self.faults.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(assumption: Assumption, at_s: f64) -> Broken {
        Broken { assumption, assumed: 1.25, seen: 1.4, at_s: Seconds(at_s) }
    }

    /// The junction was first broken then, and nothing else.
    fn junction(at_s: f64) -> FirstBreaches {
        [Some(Seconds(at_s)), None, None, None]
    }

    #[test]
    fn a_flight_that_breaks_no_limit_has_nothing_to_explain() {
        assert_eq!(judge(&[None; 4], &[broken(Assumption::ItemCost, 5.0)]), [], "an assumption alone is no breach");
    }

    #[test]
    fn the_last_assumption_to_break_before_a_breach_is_its_cause() {
        let told = [
            broken(Assumption::Silence, 20.0),
            broken(Assumption::ItemCost, 10.0),
            broken(Assumption::TickLength, 40.0),
        ];
        let cause = |at_s| judge(&junction(at_s), &told)[0].cause;
        assert_eq!(cause(15.0), Some(Assumption::ItemCost), "the only one so far");
        assert_eq!(cause(30.0), Some(Assumption::Silence), "the later one, wherever it stands in the list");
        assert_eq!(cause(40.0), Some(Assumption::TickLength), "in the same moment");
    }

    #[test]
    fn a_breach_before_any_assumption_broke_is_a_fault_of_the_program() {
        for told in [vec![], vec![broken(Assumption::IdleKeepsLimits, 30.001)]] {
            let expected = [Breach { limit: "junction", cause: None }];
            assert_eq!(judge(&junction(30.0), &told), expected, "{told:?} comes too late");
        }
    }

    #[test]
    fn each_limit_has_a_cause_of_its_own_and_is_counted_under_it() {
        let told = [broken(Assumption::ForecastShare, 10.0), broken(Assumption::IdleKeepsLimits, 50.0)];
        let first = [Some(Seconds(5.0)), None, Some(Seconds(20.0)), Some(Seconds(60.0))];
        let mut counts = Counts::default();
        let breaches = judge(&first, &told);
        counts.add(&breaches, "dawndusk simulate leo-100kw");
        counts.add(&breaches[1..], "dawndusk simulate ai1");
        let lines: Vec<String> = counts.to_string().lines().map(|line| line.trim().to_owned()).collect();
        let expected =
            ["2 bus after idle_keeps_limits", "2 charge after forecast_share", "1 with every assumption kept"];
        assert_eq!(lines, expected, "by limit and assumption");
        let fault = "junction was broken while every assumption held: dawndusk simulate leo-100kw";
        assert_eq!(counts.faults, [fault], "with the command that repeats it");
    }
}
