//! The gauge: how much of the power that warms the junction the meter shows.
//!
//! ```text
//! gain = sum(measured energy) / sum(felt energy)          both over the last minute of full power, at most 1
//! ```
//!
//! The junction's answer is made as late as the meter's before they are compared. A meter that reads high is believed:
//! the gain only ever lowers a budget.

use super::OperatingRange;
use crate::units::{Joules, Seconds, Watts};

/// Both sums fade with the energy that passes, over so much time at full power, and no less than so many spans.
const MEMORY_S: Seconds = Seconds(60.0);
const MEMORY_SPANS: f64 = 20.0;
/// Nothing is said before both have been watched for this long.
const QUIET_S: Seconds = Seconds(5.0);
/// What a meter may show too little once it has been watched for long, and before.
const UNCERTAIN: (f64, f64) = (0.01, 0.05);
/// A meter that shows less than this is broken; the trims see to the rest.
const LEAST: f64 = 0.8;

/// Two sums of energy that fade.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gauge {
    measured: Joules,
    felt: Joules,
    /// What was felt, as late as the meter.
    late: Option<Watts>,
    watched: Seconds,
    /// By how much more time one of the sums may reach over than the other.
    ragged: Seconds,
}

impl Gauge {
    /// The junction felt `power` for `span`.
    pub(super) fn feel(&mut self, power: Watts, span: Seconds, machine: &OperatingRange) {
        let late = self.late.get_or_insert(Watts::ZERO);
        *late += (power - *late) * if machine.sensor_lag_s > span { span / machine.sensor_lag_s } else { 1.0 };
        let memory = machine.full_w * MEMORY_S.max(span * MEMORY_SPANS);
        let kept = 1.0 - (*late * span / memory).clamp(0.0, 1.0);
        self.felt = self.felt * kept + *late * span;
        self.measured = self.measured * kept;
        self.watched = (self.watched + span).min(MEMORY_S.max(span * MEMORY_SPANS));
        self.ragged = span + machine.update_period_s;
    }

    /// The meter showed `power` for `span`.
    pub(super) fn measure(&mut self, power: Watts, span: Seconds) {
        self.measured += power * span;
    }

    /// By how much the gain may yet be wrong: the two sums reach over spans that differ by a tick and a period.
    pub(super) fn uncertainty(&self) -> f64 {
        let (least, most) = UNCERTAIN;
        if self.watched < QUIET_S { most } else { (least + self.ragged / self.watched).min(most) }
    }

    /// What the meter shows over what there is, at most 1.
    pub(super) fn gain(&self) -> f64 {
        if self.watched < QUIET_S || self.felt.0 <= 0.0 {
            return 1.0;
        }
        (self.measured / self.felt).clamp(LEAST, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: OperatingRange = OperatingRange {
        idle_w: Watts(3.0),
        full_w: Watts(12.0),
        sensor_lag_s: Seconds(0.0),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(0.1),
    };

    fn gauged(gain: f64) -> f64 {
        let mut gauge = Gauge::default();
        for tick in 0..2000 {
            let power = Watts(if tick % 7 < 4 { 12.0 } else { 3.0 });
            gauge.feel(power, Seconds(0.1), &MACHINE);
            gauge.measure(power * gain, Seconds(0.1));
        }
        gauge.gain()
    }

    #[test]
    fn a_meter_that_reads_low_is_found_out() {
        assert!((gauged(0.95) - 0.95).abs() < 1e-3, "{} for 0.95", gauged(0.95));
    }

    #[test]
    fn a_meter_that_reads_high_changes_nothing_and_a_broken_one_little() {
        for (gain, found) in [(1.0, 1.0), (1.05, 1.0), (0.5, LEAST), (0.0, LEAST)] {
            assert!((gauged(gain) - found).abs() < 1e-3, "{} for a meter that shows {gain}", gauged(gain));
        }
    }
}
