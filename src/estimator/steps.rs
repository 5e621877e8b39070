//! The steps in which a meter shows a value: what all its changes have in common.

/// After so many differences what they have in common is taken for the step: chosen, of four random multiples it is twice the
/// step in one of fifteen.
const ENOUGH: u32 = 4;
/// Two values that differ by less than this share are the same but for rounding.
const ROUNDING: f64 = 1e-6;

/// The steps of a value that is shown again and again: the largest by which all its changes can be told in whole numbers.
/// Values without steps soon leave next to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    pub(super) last: Option<f64>,
    common: Option<f64>,
    /// How many differed.
    differed: u32,
}

impl Steps {
    /// Takes in a value.
    pub(super) fn see(&mut self, value: f64) {
        let off = self.last.replace(value).map_or(0.0, |last| (value - last).abs());
        let rounding = value * ROUNDING;
        if off > rounding {
            // What is no more than rounding is no step, and stays so.
            self.common = Some(match self.common {
                Some(common) if common > rounding => common_divisor(common, off, rounding),
                Some(none) => none,
                None => off,
            });
            self.differed += 1;
        }
    }

    /// None until enough have differed: two changes may have more in common than one step.
    pub(super) fn step(&self) -> Option<f64> {
        self.common.filter(|_| self.differed >= ENOUGH)
    }
}

/// The greatest common divisor of two numbers (Euclid), to within `rounding`.
fn common_divisor(mut a: f64, mut b: f64, rounding: f64) -> f64 {
    while b > rounding {
        let rest = a % b;
        (a, b) = (b, if b - rest <= rounding { 0.0 } else { rest });
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_found_where_there_are_some_and_nowhere_else() {
        let shown = |step: f64| {
            let mut steps = Steps::default();
            let values = [3.7, 11.1, 7.93, 5.51, 9.28, 6.02, 8.81, 4.17].map(f64::sqrt);
            for value in values {
                steps.see(if step > 0.0 { (value / step).floor() * step } else { value });
            }
            steps.step().expect("they differ")
        };
        for step in [0.05, 0.5, 1.0] {
            assert!((shown(step) / step - 1.0).abs() < 1e-3, "steps of {step}, found {}", shown(step));
        }
        assert!(shown(0.0) < 1e-3, "no steps, found {}", shown(0.0));
    }
}
