//! Power limits that a killed flight left behind, in a line each: what is measured under them is worth less than it seems.

use super::{Check, State};
use crate::cli::limits;
use crate::units::Watts;

/// What a person does about it besides setting the limit by hand.
const BY_ITSELF: &str = "the next `dawndusk run` or `dawndusk bench` puts it back, where it may";

pub(super) fn checks() -> Vec<Check> {
    let left = match limits::left() {
        Ok(left) => left,
        Err(trouble) => return vec![Check::new("limit", "state file", State::Warn, trouble)],
    };
    let line = |limit: crate::actuator::LeftLimit| {
        let watts = |power: Watts| format!("{:.1} W", power.0);
        let now = limit.now_w.map_or("unknown".into(), watts);
        let finding = format!("a flight was killed and left it at {now}; it was {} before", watts(limit.found_w));
        Check::new("limit", limit.name, State::Warn, finding).mend(format!("{BY_ITSELF}; {}", limit.by_hand))
    };
    left.into_iter().map(line).collect()
}
