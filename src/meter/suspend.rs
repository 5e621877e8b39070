//! Whether the machine slept: the clock that counts sleep against the clock that does not.
//!
//! Linux's `CLOCK_BOOTTIME` runs while the machine is suspended and `CLOCK_MONOTONIC`, on which everything here is timed,
//! stands. A leap of their difference of more than [`LEAP`] is a suspend. Nobody knows what was drawn in it, and the
//! machine that wakes is a colder one, so a window that holds one has no energy. The wall clock is not asked: it may be
//! set by an hour at any time, and nothing here would notice.

use crate::units::Seconds;

/// The shortest suspend that is told from jitter between two clocks.
pub const LEAP: Seconds = Seconds(1.0);

/// Time since the system started, sleep included, less the same without sleep; none where there are no such clocks.
pub type SleepClock = Box<dyn FnMut() -> Option<Seconds> + Send>;

/// Watches for suspends.
pub struct SuspendWatch {
    clock: SleepClock,
    last: Option<Seconds>,
}

impl Default for SuspendWatch {
    fn default() -> SuspendWatch {
        SuspendWatch::with_clock(Box::new(slept_since_start))
    }
}

impl SuspendWatch {
    /// A watch over any clock.
    pub fn with_clock(mut clock: SleepClock) -> SuspendWatch {
        let last = clock();
        SuspendWatch { clock, last }
    }

    /// For how long the machine slept since the last call, where it did.
    pub fn slept(&mut self) -> Option<Seconds> {
        let now = (self.clock)()?;
        let slept = self.last.map(|last| now - last).filter(|slept| *slept > LEAP);
        self.last = Some(now);
        slept
    }
}

/// Sleep since the system started; none where no pair of clocks tells.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn slept_since_start() -> Option<Seconds> {
    use rustix::time::{ClockId, clock_gettime};
    let seconds = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    // The two are read one after the other.
    Some(Seconds((seconds(ClockId::Boottime) - seconds(ClockId::Monotonic)).max(0.0)))
}

/// Sleep since the system started: other systems have no pair of such clocks that is read here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn slept_since_start() -> Option<Seconds> {
    None
}
