//! What a value can be: sentinels, limits, and zeros that mean "nothing is measured here".
//!
//! Drivers say "no value" in many ways that look like numbers. They are filtered here, once, before any arithmetic.

use crate::reading::NoData;
use crate::units::Watts;

/// A limiter needs time to act, so a board may pass its limit for a moment; this many times the limit is an error of
/// the sensor. The factor is chosen, not measured.
pub const OVER_RATED: f64 = 1.5;

/// Where no limit is known. No board that is sold draws as much: the largest are rated near 1.4 kW (NVIDIA HGX B300).
pub const BOARD_CEILING: Watts = Watts(10_000.0);

/// The same for a CPU package. The largest are rated at 500 W (AMD EPYC 9965, Intel Xeon 6980P, data sheets).
pub const PACKAGE_CEILING: Watts = Watts(1_000.0);

/// The same for a whole machine, a node of a cluster at most. The largest are rated near 15 kW (NVIDIA DGX B300).
pub const MACHINE_CEILING: Watts = Watts(50_000.0);

/// What the band of a meter may be, in percent.
pub const BAND_RANGE: &str = "over 0 and up to 50";

/// Widest band that a person can state, in percent. Chosen: what may be wrong by more than half tells no energy.
const BAND_MOST: f64 = 50.0;

/// The band of so many percent, as a share; none outside [`BAND_RANGE`]: no meter is without a fault.
pub fn band(percent: f64) -> Option<f64> {
    (percent > 0.0 && percent <= BAND_MOST).then_some(percent * 1e-2)
}

/// The most that can be believed of something rated at `rated`, or `otherwise` if nobody says.
pub fn ceiling(rated: Option<Watts>, otherwise: Watts) -> Watts {
    rated.map_or(otherwise, |rated| rated * OVER_RATED)
}

/// True for the counts by which drivers say that they have none: all ones in 32, 63 and 64 bits, and the sixteen
/// values at the end of the 63 bits, the first of which are DCGM's "blank", "not found", "not supported" and "refused".
pub fn is_sentinel(count: u64) -> bool {
    const BLANKS: u64 = i64::MAX as u64 - 0xf;
    count == u64::from(u32::MAX) || count == u64::MAX || (BLANKS..=i64::MAX as u64).contains(&count)
}

/// The count, where it is one.
///
/// # Errors
/// [`NoData::Implausible`] for a sentinel.
pub fn count(count: u64) -> Result<u64, NoData> {
    if is_sentinel(count) { Err(NoData::Implausible) } else { Ok(count) }
}

/// Judges the powers of one sensor.
///
/// A zero is taken at its word only from a sensor that has said something else before. A board that runs draws power,
/// so a sensor that has only ever said 0 W has nothing behind it; one that has shown a load may round its idle to zero.
#[derive(Clone, Copy, Debug)]
pub struct PowerFilter {
    ceiling: Watts,
    has_shown_power: bool,
}

impl PowerFilter {
    /// A filter for a board rated at `rated`, if that is known.
    pub fn new(rated: Option<Watts>) -> PowerFilter {
        PowerFilter { ceiling: ceiling(rated, BOARD_CEILING), has_shown_power: false }
    }

    /// A filter for what can draw `ceiling` at most.
    pub fn below(ceiling: Watts) -> PowerFilter {
        PowerFilter { ceiling, has_shown_power: false }
    }

    /// The most that is believed.
    pub fn ceiling(&self) -> Watts {
        self.ceiling
    }

    /// More than the board can draw.
    pub fn is_over(&self, power: Watts) -> bool {
        power.is_finite() && power.0 > self.ceiling.0
    }

    /// From now on the board is known to be able to draw `ceiling`; what is lower than before changes nothing.
    pub fn raise(&mut self, ceiling: Watts) {
        self.ceiling = self.ceiling.max(ceiling);
    }

    /// The power; [`NoData::Negative`] for less than none, [`NoData::Implausible`] for what else cannot be.
    pub fn check(&mut self, power: Watts) -> Result<Watts, NoData> {
        if power.is_finite() && power < Watts::ZERO {
            return Err(NoData::Negative);
        }
        let is_possible = power.is_finite() && power.0 <= self.ceiling.0;
        if !is_possible || (power == Watts::ZERO && !self.has_shown_power) {
            return Err(NoData::Implausible);
        }
        self.has_shown_power = true;
        Ok(power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinels_are_no_counts() {
        for count in [u64::MAX, i64::MAX as u64, i64::MAX as u64 - 0xf, u64::from(u32::MAX)] {
            assert!(is_sentinel(count), "{count:#x} says that there is no value");
        }
        for count in [0, 1, 65_535, 262_143_328_850, 1 << 62] {
            assert!(!is_sentinel(count), "{count:#x} is a count");
        }
    }

    #[test]
    fn powers_that_cannot_be_are_dropped() {
        let mut filter = PowerFilter::new(Some(Watts(300.0)));
        for power in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 450.1] {
            assert_eq!(filter.check(Watts(power)), Err(NoData::Implausible), "{power} W from a 300 W board");
        }
        assert_eq!(filter.check(Watts(-1.0)), Err(NoData::Negative), "a meter that is wired backwards");
        assert_eq!(filter.check(Watts(449.0)), Ok(Watts(449.0)), "a spike is still a power");
    }

    #[test]
    fn a_zero_counts_only_after_the_sensor_has_shown_power() {
        let mut filter = PowerFilter::new(None);
        assert_eq!(filter.check(Watts(0.0)), Err(NoData::Implausible), "nothing metered, for all that is known");
        assert_eq!(filter.check(Watts(12.0)), Ok(Watts(12.0)), "it meters");
        assert_eq!(filter.check(Watts(0.0)), Ok(Watts(0.0)), "an idle rounded to zero");
    }
}
