//! Means over a trailing window, and moments over a whole flight.

use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// Power, budget and target over a while.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mean {
    pub(super) power: Watts,
    pub(super) budget: Watts,
    pub(super) target: Watts,
}

/// A trailing window of fixed length.
#[derive(Clone, Debug)]
pub(super) struct Window {
    length: Seconds,
    pieces: VecDeque<(Seconds, Mean)>,
    span: Seconds,
}

impl Window {
    pub(super) fn new(length: Seconds) -> Window {
        Window { length, pieces: VecDeque::new(), span: Seconds::ZERO }
    }

    pub(super) fn length(&self) -> Seconds {
        self.length
    }

    /// Forgets: what comes next has no past.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.span = Seconds::ZERO;
    }

    /// The means over the window that ends with this piece; none until it is full.
    pub(super) fn add(&mut self, dt: Seconds, power: Watts, budget: Watts, target: Watts) -> Option<Mean> {
        let mean = Mean { power, budget, target };
        if dt >= self.length {
            self.clear();
            if self.length > Seconds::ZERO {
                self.pieces.push_back((dt, mean));
                self.span = dt;
            }
            return Some(mean);
        }
        self.pieces.push_back((dt, mean));
        self.span += dt;
        while let Some((oldest, _)) = self.pieces.front()
            && self.span - *oldest >= self.length
        {
            self.span -= *oldest;
            self.pieces.pop_front();
        }
        // A whole window but for what rounding makes of many small pieces.
        (self.span >= self.length * (1.0 - 1e-9)).then(|| self.mean())
    }

    fn mean(&self) -> Mean {
        let sum = |of: fn(&Mean) -> Watts| {
            let energy = self.pieces.iter().fold(Joules::ZERO, |sum, (dt, mean)| sum + of(mean) * *dt);
            let span = self.pieces.iter().fold(Seconds::ZERO, |sum, (dt, _)| sum + *dt);
            energy / span
        };
        Mean { power: sum(|mean| mean.power), budget: sum(|mean| mean.budget), target: sum(|mean| mean.target) }
    }
}

/// Moments of the distance from the target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Means {
    time: Seconds,
    /// Mean distance, and the sum of squares about it times time.
    distance: f64,
    squares: f64,
    target: Joules,
}

impl Means {
    /// `distance` from `target` for `dt` (West, "Updating Mean and Variance Estimates", CACM 1979).
    pub(super) fn add(&mut self, dt: Seconds, distance: Watts, target: Watts) {
        self.time += dt;
        let off = distance.0 - self.distance;
        self.distance += off * (dt / self.time);
        self.squares += dt.0 * off * (distance.0 - self.distance);
        self.target += target * dt;
    }

    /// Whether anything was added.
    pub(super) fn weighed(&self) -> bool {
        self.time > Seconds::ZERO
    }

    /// Standard deviation over mean target.
    pub(super) fn ripple(&self) -> Option<f64> {
        let target = (self.target / self.time).0;
        (target > 0.0).then(|| (self.squares / self.time.0).max(0.0).sqrt() / target)
    }

    /// `energy` over that of the target.
    pub(super) fn share_of_target(&self, energy: Joules) -> Option<f64> {
        (self.target > Joules::ZERO).then(|| energy / self.target)
    }
}
