//! Power laid over budget: the flight cut into stretches in which both are constant.
//!
//! ```text
//!   ticks      |--- budget 0 ---|--- budget 1 ---|--- budget 2 ---|
//!   energy     |------ 10 W -------|---- 9 W ---------|--- ? ------|
//!   pieces     |-------|--------|--|-------------|----|-----------|
//! ```

use crate::journal::Tick;
use crate::reading::{Basis, EnergyWindow};
use crate::units::{Seconds, Watts};

/// A stretch of one power under one budget.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Its length.
    pub(super) dt: Seconds,
    /// What was drawn; none where nobody counted it.
    pub(super) power: Option<Watts>,
    /// The tick whose budget holds in it; none before the first tick.
    pub(super) granted: Option<&'a Tick>,
    /// The tick that ends it, which says what held work back until then.
    pub(super) ended: &'a Tick,
}

impl Piece<'_> {
    /// What was granted and could not be drawn, as a mean power over the tick.
    pub(super) fn unused(&self) -> Watts {
        let begin = self.granted.map_or(Seconds::ZERO, |tick| tick.flight_s);
        self.ended.unused_j / (self.ended.flight_s - begin)
    }
}

/// All of the flight until its last tick.
pub(super) fn laid<'a>(ticks: &'a [Tick], windows: &[EnergyWindow]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut windows = windows.iter().peekable();
    let (mut now, mut granted) = (Seconds::ZERO, None);
    for ended in ticks {
        while now < ended.flight_s {
            while windows.next_if(|window| window.to_s <= now).is_some() {}
            let (end, power) = match windows.peek() {
                Some(window) if window.from_s <= now => {
                    (window.to_s, (window.basis == Basis::Counted).then(|| window.power()))
                }
                Some(later) => (later.from_s, None),
                None => (ended.flight_s, None),
            };
            let end = end.min(ended.flight_s);
            pieces.push(Piece { dt: end - now, power, granted, ended });
            now = end;
        }
        granted = Some(ended);
    }
    pieces
}
