//! `threshold`: full power until charge or temperature crosses a line, then idle until both are well again.
//!
//! The lines stand at fixed shares of the charge window and fixed distances from the limits, as on a satellite that
//! sheds load by telemetry alone. A cut made in mid-eclipse still lets the charge fall, so the line lies high.

use super::link::link_cap;
use super::{Answer, LimitedBy, Observation, Rule, Target};
use crate::units::Kelvin;

/// Shares of the charge window at which load is cut, and taken up again.
const CHARGE: (f64, f64) = (0.35, 0.6);
/// Distances from the limit at which load is cut, and taken up again, K.
const KELVIN: (f64, f64) = (4.0, 12.0);

#[derive(Debug)]
pub(super) struct Threshold {
    /// Why load is cut, while it is.
    cut: Option<LimitedBy>,
}

impl Threshold {
    pub(super) fn new() -> Threshold {
        Threshold { cut: None }
    }
}

impl Rule for Threshold {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer {
        let (limits, hot) = (observation.limits, &observation.state.temperatures);
        let window = observation.forecast.battery.soc_max - limits.soc_min;
        let charge = (observation.state.soc - limits.soc_min) / window;
        let junction = limits.junction - hot.junction;
        let coolant = limits.coolant - hot.coolant;
        if charge < CHARGE.0 {
            self.cut = Some(LimitedBy::Charge);
        } else if junction < Kelvin(KELVIN.0) {
            self.cut = Some(LimitedBy::Junction);
        } else if coolant < Kelvin(KELVIN.0) {
            self.cut = Some(LimitedBy::Loop);
        } else if charge >= CHARGE.1 && junction.min(coolant) >= Kelvin(KELVIN.1) {
            self.cut = None;
        }
        let machine = observation.machine;
        let target = self.cut.map_or(Target::FREE, |cause| Target::at(machine.idle_w, cause));
        target.and(link_cap(observation)).into()
    }
}
