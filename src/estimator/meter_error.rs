//! What the meter may show of a power that follows its budget: more than is held, by its steps, and sooner than it is drawn,
//! since a window knows one mean.
//!
//! What the meter counts moves the spacecraft, so a limit must be kept by what it may show. Batches do not follow a budget;
//! what may be shown of them is a matter of their cost.

use super::Estimator;
use super::activity::Activity;
use crate::units::{Joules, Seconds, Watts};

/// Updates that fit a tick but for this share of one fit it: rounding.
const ROUNDING: f64 = 1e-9;

impl Estimator {
    /// By how much the meter may show more than a power that is held: by its steps.
    pub fn power_step(&self) -> Watts {
        self.steps().max(self.above_held)
    }

    /// The steps in which the meter shows a power, as they have been seen, or as they are assumed where a held power needs them.
    pub(super) fn steps(&self) -> Watts {
        let seen = self.account.power_step().or(self.account.step().map(|step| step / self.shortest_window()));
        seen.unwrap_or(if self.range.is_switching() { Watts::ZERO } else { self.assumed_steps() })
    }

    pub(super) fn assumed_steps(&self) -> Watts {
        self.range.full_w * self.assumptions.meter_step
    }

    /// What a window may show too much somewhere in it, where a power that follows its budget has moved.
    pub(super) fn timing_error(&self) -> Joules {
        let early = self.shown_early();
        if early.0 <= 0.0 {
            return Joules::ZERO;
        }
        let from = self.booked - self.window();
        let moved = if self.account.is_sampled() { Activity::risen } else { Activity::moved };
        moved(&self.activity, from, self.at) * early
    }

    /// For how long a change of a power that follows its budget may seem to last before it came.
    ///
    /// * A shown power stands for the whole window, so one that has risen in it may stand for the time before too.
    /// * A counter has counted all of it, but spreads it evenly: half of what moved for half of the window.
    pub fn shown_early(&self) -> Seconds {
        let share = if self.account.is_sampled() { 1.0 } else { 0.25 };
        if self.range.is_switching() || self.has_own_sensors { Seconds::ZERO } else { self.window() * share }
    }

    /// The power that is held, where it follows its budget.
    pub fn held(&self) -> Watts {
        self.range.idle_w + self.activity.power().unwrap_or(Watts::ZERO)
    }

    /// The longest window that is to be expected: as long as the last one, and as all updates that may come from one tick to
    /// the next.
    pub(super) fn window(&self) -> Seconds {
        let longest = self.updates(|updates| (updates - ROUNDING).ceil());
        self.last.map_or(Seconds::ZERO, |last| last.span()).max(longest)
    }

    /// The shortest between two ticks: a step of the meter is the highest power there.
    fn shortest_window(&self) -> Seconds {
        self.updates(|updates| (updates + ROUNDING).floor())
    }

    /// So many updates of a tick as `whole` makes of their number.
    fn updates(&self, whole: impl Fn(f64) -> f64) -> Seconds {
        let update = self.range.update_period_s;
        if update.0 > 0.0 { update * whole(self.tick / update).max(1.0) } else { self.tick }
    }
}
