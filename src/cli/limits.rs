//! Power limits that a killed flight left: put back before anything is measured under them.

use super::{Failure, say, system};
use crate::actuator::{self, LeftLimit, StateFolder};

/// Puts them back, with a line on each. A limit that is there and cannot be put back is a failure: whatever is measured
/// under it is the limit's doing.
pub(super) fn put_back() -> Result<(), Failure> {
    let recovery = actuator::recover(&StateFolder::of_user(), &system::meter_roots().sysfs);
    recovery.lines.iter().for_each(|line| say(line));
    if recovery.stuck.is_empty() { Ok(()) } else { Err(Failure::tool(recovery.stuck.join("; "))) }
}

/// What is still to be put back; nothing is touched.
pub(super) fn left() -> Result<Vec<LeftLimit>, String> {
    actuator::left(&StateFolder::of_user(), &system::meter_roots().sysfs)
}
