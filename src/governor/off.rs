//! `off`: full power, whatever happens. The measure of what a governor is for; its breaches are reported.

use super::{Decision, Governor, LimitedBy, Observation, Regime};
use crate::units::Watts;

#[derive(Debug)]
pub(super) struct Off;

impl Governor for Off {
    fn tick(&mut self, observation: &Observation<'_>) -> Decision {
        let budget = observation.machine.full_w;
        let (limited_by, regime, shortfall) = (LimitedBy::Machine, Regime::Tracking, Watts::ZERO);
        Decision { budget, spare: budget, limited_by, regime, transition: None, shortfall, fall: None }
    }
}
