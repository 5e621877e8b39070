//! What slows an NVIDIA board down: the driver's own counters, and its bit mask where a reason has none.

use super::{Question, field};
use crate::meter::plausible;
use crate::meter::throttle::{Reason, ThrottleLook};
use crate::reading::NoData;

/// `NVML_FI_DEV_CLOCKS_EVENT_REASON_*`, ns, by their numbers in CUDA 12, best first. What older drivers count for heat
/// is `NVML_FI_DEV_PERF_POLICY_THERMAL` (75). Which of the two is asked is settled once for a board: one subtracted
/// from the other is no time. The violations of reliability and of a board's limit are not asked for: they are counted
/// at the highest clocks of a healthy board.
pub(super) const COUNTERS: [(Reason, &[Question]); 5] = [
    (Reason::PowerCap, &[field(74, 0)]),
    (Reason::Sync, &[field(76, 0)]),
    (Reason::Thermal, &[field(251, 0), field(75, 0)]),
    (Reason::HardwareThermal, &[field(252, 0)]),
    (Reason::PowerBrake, &[field(253, 0)]),
];

/// What a look has seen: `bits` of the mask, and an answer for each of [`COUNTERS`].
pub(super) fn look(bits: Result<u64, NoData>, counters: &[Result<u64, NoData>]) -> Result<ThrottleLook, NoData> {
    let mut look = bits.as_ref().map_or_else(|_| ThrottleLook::default(), |&bits| of_bits(bits));
    for ((reason, _), answer) in COUNTERS.iter().zip(counters) {
        look.counted_ns[*reason as usize] = answer.ok().filter(|&count| !plausible::is_sentinel(count));
    }
    match bits {
        Err(cause) if look.counted_ns.iter().all(Option::is_none) => Err(cause),
        _ => Ok(look),
    }
}

/// `nvmlClocksEventReason*`. Idle, clocks set by a user and the display's clock slow nothing down that anybody asked for.
fn of_bits(bits: u64) -> ThrottleLook {
    const HARMLESS: u64 = 0x1 | 0x2 | 0x100;
    const HARDWARE: u64 = 0x8;
    const CAUSES: [(Reason, u64); 5] = [
        (Reason::PowerCap, 0x4),
        (Reason::Sync, 0x10),
        (Reason::Thermal, 0x20),
        (Reason::HardwareThermal, 0x40),
        (Reason::PowerBrake, 0x80),
    ];
    let mut look = ThrottleLook::default();
    let mut known = HARMLESS | HARDWARE;
    for (reason, bit) in CAUSES {
        look.active[reason as usize] = bits & bit != 0;
        known |= bit;
    }
    // The bit of the hardware comes with those of its causes; alone it has none.
    let has_cause = look.active[Reason::HardwareThermal as usize] || look.active[Reason::PowerBrake as usize];
    look.active[Reason::Hardware as usize] = bits & HARDWARE != 0 && !has_cause;
    look.unknown = bits & !known;
    look
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Result<u64, NoData> = Err(NoData::NotSupported);

    #[test]
    fn reasons_are_told_apart_and_unknown_bits_are_kept() {
        let reasons = |bits: u64| {
            let look = look(Ok(bits), &[NONE; 5]).expect("a mask is enough");
            (look.in_force(), look.unknown)
        };
        assert_eq!(reasons(0x1 | 0x2 | 0x100), (vec![], 0), "idle, set clocks and the display harm nobody");
        assert_eq!(reasons(0x4), (vec![Reason::PowerCap], 0), "a power limit");
        assert_eq!(reasons(0x8 | 0x40), (vec![Reason::HardwareThermal], 0), "the hardware's bit comes with its cause");
        assert_eq!(reasons(0x8), (vec![Reason::Hardware], 0), "or alone");
        assert_eq!(reasons(0x20 | 0x800), (vec![Reason::Thermal], 0x800), "a bit of tomorrow's driver is kept");
    }

    #[test]
    fn a_sentinel_is_no_time_and_neither_mask_nor_counter_is_a_cause() {
        let thermal = |answers: [Result<u64, NoData>; 5]| {
            look(NONE, &answers).map(|look| look.counted_ns[Reason::Thermal as usize])
        };
        assert_eq!(thermal([NONE, NONE, Ok(7), NONE, NONE]), Ok(Some(7)), "a count");
        assert_eq!(thermal([Ok(1), NONE, Ok(u64::MAX), NONE, NONE]), Ok(None), "a sentinel is no time");
        assert_eq!(thermal([NONE; 5]), Err(NoData::NotSupported), "neither mask nor counter: nothing is known");
    }
}
