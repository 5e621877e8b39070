//! CPU time of the thread that asks: what the meter and the loop of a flight themselves cost.

use crate::units::Seconds;

/// CPU time of the calling thread; none where the system does not tell.
#[cfg(unix)]
pub fn of_this_thread() -> Option<Seconds> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Seconds(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9))
}

/// The standard library has no such clock.
#[cfg(not(unix))]
pub fn of_this_thread() -> Option<Seconds> {
    None
}
