//! Physical quantities, each with its unit in its name, and only the products that physics allows.
//!
//! Every quantity is one `f64` in SI units and serialises as that bare number: the unit stands in the key
//! (`energy_j`, `junction_k`). Inside a formula the number is taken out with `.0` and put back at its end.

use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $symbol:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// None of it.
            pub const ZERO: $name = $name(0.0);

            /// The smaller of two; a NaN on either side gives the other.
            pub fn min(self, other: $name) -> $name {
                $name(self.0.min(other.0))
            }

            /// The larger of two; a NaN on either side gives the other.
            pub fn max(self, other: $name) -> $name {
                $name(self.0.max(other.0))
            }

            /// Neither NaN nor infinite.
            pub fn is_finite(self) -> bool {
                self.0.is_finite()
            }
        }

        impl Add for $name {
            type Output = $name;
            fn add(self, other: $name) -> $name {
                $name(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = $name;
            fn sub(self, other: $name) -> $name {
                $name(self.0 - other.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: $name) {
                self.0 += other.0;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: $name) {
                self.0 -= other.0;
            }
        }

        impl Neg for $name {
            type Output = $name;
            fn neg(self) -> $name {
                $name(-self.0)
            }
        }

        impl Mul<f64> for $name {
            type Output = $name;
            fn mul(self, factor: f64) -> $name {
                $name(self.0 * factor)
            }
        }

        impl Div<f64> for $name {
            type Output = $name;
            fn div(self, divisor: f64) -> $name {
                $name(self.0 / divisor)
            }
        }

        impl Div for $name {
            /// A quantity over its own kind is a bare ratio.
            type Output = f64;
            fn div(self, other: $name) -> f64 {
                self.0 / other.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)?;
                f.write_str(concat!(" ", $symbol))
            }
        }
    };
}

quantity!(
    /// Power, in watts.
    Watts, "W"
);
quantity!(
    /// Energy, in joules.
    Joules, "J"
);
quantity!(
    /// A duration, or a point on a clock that the context names, in seconds.
    Seconds, "s"
);
quantity!(
    /// Absolute temperature or a difference of two, in kelvin.
    Kelvin, "K"
);

impl Mul<Seconds> for Watts {
    type Output = Joules;
    fn mul(self, duration: Seconds) -> Joules {
        Joules(self.0 * duration.0)
    }
}

impl Div<Seconds> for Joules {
    type Output = Watts;
    fn div(self, duration: Seconds) -> Watts {
        Watts(self.0 / duration.0)
    }
}

impl Div<Watts> for Joules {
    type Output = Seconds;
    fn div(self, power: Watts) -> Seconds {
        Seconds(self.0 / power.0)
    }
}

/// Joules in one watt-hour.
pub const JOULES_PER_WATT_HOUR: f64 = 3600.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_over_time_is_energy_and_back() {
        let energy = Watts(250.0) * Seconds(4.0);
        assert_eq!(energy, Joules(1000.0), "250 W for 4 s");
        assert_eq!(energy / Seconds(4.0), Watts(250.0), "1000 J in 4 s");
        assert_eq!(energy / Watts(250.0), Seconds(4.0), "1000 J at 250 W");
    }

    #[test]
    fn a_quantity_serialises_as_a_bare_number() {
        let text = serde_json::to_string(&Joules(12.5)).expect("a finite number serialises");
        assert_eq!(text, "12.5", "the key carries the unit, the value does not");
    }

    #[test]
    fn display_keeps_the_asked_precision() {
        assert_eq!(format!("{:.1}", Watts(3.27)), "3.3 W", "precision reaches the number");
    }
}
