//! What a power of an NVIDIA board is a mean of.
//!
//! | power | before Ampere | GA100 | Ampere otherwise, Ada | Hopper | newer |
//! |---|---|---|---|---|---|
//! | newest (field 186) | an instant | 25 ms of each 100 ms | 100 ms | 25 ms of each 100 ms | as Hopper |
//! | running mean (field 185) | 1 s | 1 s | 1 s | 1 s | 1 s |
//! | reported (`nvmlDeviceGetPowerUsage`) | an instant | as newest | as mean | as mean | as mean |
//!
//! From Yang, Adamek & Armour (SC24, arXiv:2312.02741), who looked at more than 70 boards up to Hopper, and from NVML's
//! manual, by which the reported power is a mean over 1 s on Ampere and newer, but for GA100. A board that is newer than
//! both is taken to see as little as Hopper does. Module and memory are taken to be as the board's own.

use super::{Architecture, PowerKind};
use crate::reading::Sensing;
use crate::units::Seconds;

const QUARTER: Sensing = Sensing { averaging_s: Seconds(0.025), seen_share: 0.25 };
const MEAN: Sensing = Sensing { averaging_s: Seconds(1.0), seen_share: 1.0 };
const WHOLE_UPDATE: Sensing = Sensing { averaging_s: Seconds(0.1), seen_share: 1.0 };

/// How the power of this kind comes about. `is_instant` for what is read from the field of the newest power.
pub(super) fn of(architecture: Architecture, kind: PowerKind, is_instant: bool) -> Sensing {
    let is_mean = match kind {
        PowerKind::Reported => !matches!(architecture, Architecture::BeforeAmpere | Architecture::Ga100),
        _ => !is_instant,
    };
    if is_mean {
        return MEAN;
    }
    match architecture {
        Architecture::BeforeAmpere => Sensing::default(),
        Architecture::AmpereOrAda => WHOLE_UPDATE,
        Architecture::Ga100 | Architecture::Hopper | Architecture::Other => QUARTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reported_power_is_an_average_on_newer_boards() {
        let reported = |architecture| of(architecture, PowerKind::Reported, false);
        assert_eq!(reported(Architecture::Hopper), MEAN, "over one second");
        assert_eq!(reported(Architecture::Ga100), QUARTER, "a quarter of the time");
        assert_eq!(reported(Architecture::BeforeAmpere), Sensing::default(), "an instant");
    }

    #[test]
    fn the_newest_power_sees_a_quarter_of_the_time_where_the_sensor_does() {
        let newest = |architecture| of(architecture, PowerKind::Instant, true);
        assert_eq!(newest(Architecture::Hopper), QUARTER, "25 ms of each 100 ms");
        assert_eq!(newest(Architecture::AmpereOrAda), WHOLE_UPDATE, "all of each update");
        assert_eq!(newest(Architecture::Other), QUARTER, "nobody knows: the worst that is known");
        let of_module = |is_instant| of(Architecture::Hopper, PowerKind::Module, is_instant);
        assert_eq!((of_module(true), of_module(false)), (QUARTER, MEAN), "as the field that answers");
    }
}
