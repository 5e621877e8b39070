//! `off`: full power, whatever happens. The measure of what a governor is for; its breaches are reported.

use super::{Decision, Governor, Observation};

#[derive(Debug)]
pub(super) struct Off;

impl Governor for Off {
    fn tick(&mut self, observation: &Observation<'_>) -> Decision {
        let machine = observation.machine;
        Decision { budget: machine.full_w, limited_by: None, ..Decision::idle(machine) }
    }
}
