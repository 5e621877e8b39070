//! Means over a trailing window, and moments over a whole flight.

use crate::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

/// A trailing window of fixed length over `N` powers. Sums move with it, so a piece costs the same whatever the window
/// holds.
#[derive(Clone, Debug)]
pub(crate) struct Window<const N: usize> {
    length: Seconds,
    pieces: VecDeque<(Seconds, [Watts; N])>,
    span: Seconds,
    /// Powers times their time.
    sums: [Joules; N],
    /// Pieces that have left since the sums were last made anew.
    left: usize,
}

impl<const N: usize> Window<N> {
    pub(crate) fn new(length: Seconds) -> Window<N> {
        Window { length, pieces: VecDeque::new(), span: Seconds::ZERO, sums: [Joules::ZERO; N], left: 0 }
    }

    pub(super) fn length(&self) -> Seconds {
        self.length
    }

    /// Forgets: what comes next has no past.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
        (self.span, self.sums, self.left) = (Seconds::ZERO, [Joules::ZERO; N], 0);
    }

    /// The means over the window that ends with this piece; none until it is full.
    pub(crate) fn add(&mut self, dt: Seconds, powers: [Watts; N]) -> Option<[Watts; N]> {
        if dt >= self.length {
            self.clear();
            if self.length > Seconds::ZERO {
                self.enter(dt, powers);
            }
            return Some(powers);
        }
        self.enter(dt, powers);
        while let Some(&(oldest, then)) = self.pieces.front()
            && self.span - oldest >= self.full()
        {
            self.pieces.pop_front();
            self.span -= oldest;
            self.sums.iter_mut().zip(then).for_each(|(sum, power)| *sum -= power * oldest);
            self.left += 1;
        }
        if self.left > self.pieces.len() {
            self.sum_up();
        }
        (self.span >= self.full()).then(|| self.sums.map(|sum| sum / self.span))
    }

    /// A whole window, but for what rounding makes of many small pieces.
    fn full(&self) -> Seconds {
        self.length * (1.0 - 1e-9)
    }

    fn enter(&mut self, dt: Seconds, powers: [Watts; N]) {
        self.pieces.push_back((dt, powers));
        self.span += dt;
        self.sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power * dt);
    }

    /// Makes the sums anew, before rounding of what came and went adds up: once for each window that has passed.
    fn sum_up(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        self.clear();
        pieces.into_iter().for_each(|(dt, powers)| self.enter(dt, powers));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_move_are_the_sums_of_what_the_window_holds() {
        let length = Seconds(10.0);
        let mut window = Window::new(length);
        let mut past: Vec<(Seconds, Watts)> = Vec::new();
        for piece in 0..20_000_u32 {
            let (dt, power) = (Seconds([0.05, 0.1, 0.25][piece as usize % 3]), Watts(f64::from(piece * 7919 % 1000)));
            past.push((dt, power));
            let found = window.add(dt, [power, power * 2.0, power * 3.0]);
            let (mut span, mut energy) = (Seconds::ZERO, Joules::ZERO);
            for (dt, power) in past.iter().rev() {
                (span, energy) = (span + *dt, energy + *power * *dt);
                if span >= length * (1.0 - 1e-9) {
                    break;
                }
            }
            let Some(found) = found else {
                assert!(span < length * (1.0 - 1e-9), "{span} of pieces are a window");
                continue;
            };
            let mean = energy / span;
            for (found, factor) in found.into_iter().zip([1.0, 2.0, 3.0]) {
                assert!(
                    (found - mean * factor).0.abs() < 1e-9,
                    "{found} after piece {piece}, not {factor} times {mean}"
                );
            }
        }
    }
}
