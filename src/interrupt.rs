//! The user's wish to stop, as a value that is handed to whatever takes long.
//!
//! Loading looks at it between tensors, the tuner between trials, a flight between batches. Whoever sets it (the
//! handler of Ctrl-C) and whoever looks share one flag; what is never to be stopped has one of its own, which nobody sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that is raised once and stays up. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

/// The work was stopped before its end, since the user wished so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

impl Interrupt {
    /// Raises it.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was raised.
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once it was raised, for use between two steps.
    ///
    /// # Errors
    /// [`Interrupted`].
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.is_requested() { Err(Interrupted) } else { Ok(()) }
    }

    /// The flag itself.
    pub fn flag(&self) -> &AtomicBool {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_clones_see_one_wish_and_others_do_not() {
        let (asked, other) = (Interrupt::default(), Interrupt::default());
        let shared = asked.clone();
        assert_eq!(shared.check(), Ok(()), "nobody has asked");
        asked.request();
        assert_eq!(shared.check(), Err(Interrupted), "a clone sees it");
        assert_eq!(other.check(), Ok(()), "another one does not");
    }
}
