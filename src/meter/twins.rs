//! Two sources that report the same watts: the dies of one package, each of which gives the total.
//!
//! Names do not tell: the dies have addresses of their own, and two boards of one kind have the same name. So the sources
//! are looked at side by side, and told by what they show ([`Twins`]):
//!
//! * the same to within [`TOLERANCE`] at every look but a few ([`STRAYS`]: one may be renewed between two reads),
//! * while each moves by more than [`MOVEMENT`] of its mean.
//!
//! Two idle boards of one kind may well show the same steady watts: as long as nothing moves, nothing is said. On some
//! boards (MI250X) the second die gives 0 W in place of the total; a source that has only ever said 0 W is refused anyway.

use crate::units::Watts;

/// Largest difference, as a share of the larger of the two.
pub const TOLERANCE: f64 = 0.02;

/// Smallest range of what each shows, as a share of its mean: more than twice the difference that is let pass.
pub const MOVEMENT: f64 = 0.05;

/// Share of looks that may differ by more.
pub const STRAYS: f64 = 0.1;

/// Looks before anything is said.
pub const LOOKS: usize = 10;

/// What the looks so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// Both show the same watts.
    Same,
    /// They do not.
    Different,
    /// Alike, but too steady or too short to tell.
    Unknown,
}

/// Two sources side by side.
#[derive(Clone, Debug, Default)]
pub struct Twins {
    looks: Vec<(f64, f64)>,
}

impl Twins {
    /// Takes what both showed at one moment.
    pub fn look(&mut self, one: Watts, other: Watts) {
        if one.is_finite() && other.is_finite() {
            self.looks.push((one.0, other.0));
        }
    }

    /// What that says.
    pub fn kinship(&self) -> Kinship {
        if self.looks.len() < LOOKS {
            return Kinship::Unknown;
        }
        let differs = |&&(one, other): &&(f64, f64)| (one - other).abs() > TOLERANCE * one.abs().max(other.abs());
        let strays = self.looks.iter().filter(differs).count() as f64;
        if strays > STRAYS * self.looks.len() as f64 {
            return Kinship::Different;
        }
        let moves = |show: fn(&(f64, f64)) -> f64| {
            let shown = self.looks.iter().map(show);
            let (low, high) = shown
                .clone()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), watts| (low.min(watts), high.max(watts)));
            high - low > MOVEMENT * shown.sum::<f64>() / self.looks.len() as f64
        };
        if moves(|look| look.0) && moves(|look| look.1) { Kinship::Same } else { Kinship::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinship(one: impl Fn(f64) -> f64, other: impl Fn(f64) -> f64) -> Kinship {
        let mut twins = Twins::default();
        (0..40).for_each(|look| twins.look(Watts(one(f64::from(look))), Watts(other(f64::from(look)))));
        twins.kinship()
    }

    fn wave(look: f64) -> f64 {
        200.0 + 50.0 * (look * 0.4).sin()
    }

    #[test]
    fn dies_that_show_the_same_moving_watts_are_the_same() {
        assert_eq!(kinship(wave, wave), Kinship::Same, "to the last digit");
        assert_eq!(kinship(wave, |look| wave(look) * 1.015), Kinship::Same, "to within the tolerance");
        let late = |look: f64| if look == 7.0 { wave(look - 3.0) } else { wave(look) };
        assert_eq!(kinship(wave, late), Kinship::Same, "one look that fell between two renewals");
    }

    #[test]
    fn boards_that_work_for_themselves_are_different() {
        assert_eq!(kinship(wave, |look| wave(look + 4.0)), Kinship::Different, "the same load at another time");
        assert_eq!(kinship(wave, |_| 200.0), Kinship::Different, "one works, one idles");
        assert_eq!(kinship(wave, |_| 0.0), Kinship::Different, "a die that says nothing");
    }

    #[test]
    fn idle_boards_of_a_kind_are_not_taken_for_one() {
        assert_eq!(kinship(|_| 41.0, |_| 41.0), Kinship::Unknown, "nothing moves, nothing is said");
        let mut twins = Twins::default();
        (0..LOOKS - 1).for_each(|look| twins.look(Watts(wave(look as f64)), Watts(wave(look as f64))));
        assert_eq!(twins.kinship(), Kinship::Unknown, "too few looks");
    }
}
