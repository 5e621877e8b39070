//! Why a device is slower than it could be: for how long, and for which reason.
//!
//! | reason | in a measured window |
//! |---|---|
//! | [`Reason::PowerCap`] | the result says "capped"; that is what a set limit does |
//! | [`Reason::Sync`] | the result says so |
//! | all others | the machine was too hot or starved of current: the result is not ranked |
//!
//! A driver that counts the times itself is asked for its counters (ns), and their differences are taken. Otherwise the
//! reasons in force are looked at, and one that two looks in a row have seen is charged with the time between them, and
//! with half of it where only one has. A counter that falls was reset with its driver and starts again.

use crate::reading::{NoData, Throttling};
use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// The shortest time between two looks: the reasons last longer, and a look costs as much as a reading.
pub const LOOK_PERIOD: Seconds = Seconds(0.1);

/// A silence longer than this says nothing about what happened in it.
const LONGEST_STEP: Seconds = Seconds(5.0);

/// What slows a device down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, VariantArray)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Firmware keeps a power limit.
    #[strum(to_string = "firmware keeps the power limit")]
    PowerCap,
    /// The driver keeps a temperature.
    #[strum(to_string = "the driver keeps a temperature")]
    Thermal,
    /// The hardware protects itself from heat.
    #[strum(to_string = "the hardware protects itself from heat")]
    HardwareThermal,
    /// The power supply has signalled.
    #[strum(to_string = "the power supply has signalled")]
    PowerBrake,
    /// The hardware slows down and does not say why.
    #[strum(to_string = "the hardware slows down without a cause")]
    Hardware,
    /// Boards keep step with each other.
    #[strum(to_string = "it keeps step with other boards")]
    Sync,
}

/// One look at the reasons of a device, in the order of [`Reason::VARIANTS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThrottleLook {
    /// Whether it is in force now.
    pub active: [bool; 6],
    /// For how long it has been in force since the driver was loaded, ns; none where nobody counts.
    pub counted_ns: [Option<u64>; 6],
    /// Bits of reasons that nobody here knows.
    pub unknown: u64,
}

/// The times of one device, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThrottleWatch {
    last: Option<(Seconds, ThrottleLook)>,
    /// The last look, whether it saw anything or not.
    looked_at: Option<Seconds>,
    sums: [Seconds; 6],
    unknown: u64,
    counted: bool,
    has_seen: bool,
}

impl ThrottleLook {
    /// The reasons in force.
    pub fn in_force(&self) -> Vec<Reason> {
        Reason::VARIANTS.iter().copied().filter(|&reason| self.active[reason as usize]).collect()
    }
}

impl ThrottleWatch {
    /// True once it is time for another look.
    pub fn is_due(&self, now: Seconds) -> bool {
        self.looked_at.is_none_or(|at| now - at >= LOOK_PERIOD)
    }

    /// Takes what a look at `at` saw.
    pub fn advance(&mut self, at: Seconds, look: Result<ThrottleLook, NoData>) {
        self.looked_at = Some(at);
        let Ok(look) = look else {
            self.last = None;
            return;
        };
        self.has_seen = true;
        self.unknown |= look.unknown;
        self.counted = look.counted_ns.iter().any(Option::is_some);
        if let Some((since, before)) = self.last {
            let dt = at - since;
            for index in 0..self.sums.len() {
                self.sums[index] += step(&before, &look, index, dt);
            }
        }
        self.last = Some((at, look));
    }

    /// The times so far; none for a device that has never said anything.
    pub fn times(&self) -> Option<Throttling> {
        let [power_cap_s, thermal_s, hardware_thermal_s, power_brake_s, hardware_s, sync_s] = self.sums;
        self.has_seen.then_some(Throttling {
            power_cap_s,
            thermal_s,
            hardware_thermal_s,
            power_brake_s,
            hardware_s,
            sync_s,
            unknown: self.unknown,
            counted: self.counted,
        })
    }
}

/// The time that one reason was in force between two looks.
fn step(before: &ThrottleLook, now: &ThrottleLook, index: usize, dt: Seconds) -> Seconds {
    if let (Some(before), Some(now)) = (before.counted_ns[index], now.counted_ns[index]) {
        return Seconds(now.saturating_sub(before) as f64 * 1e-9);
    }
    let seen = u8::from(before.active[index]) + u8::from(now.active[index]);
    if dt.0 > 0.0 && dt.0 <= LONGEST_STEP.0 { dt * (f64::from(seen) / 2.0) } else { Seconds::ZERO }
}
