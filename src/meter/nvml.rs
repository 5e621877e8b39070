//! NVIDIA's management library, loaded when it is asked for: the one file that names it.
//!
//! `nvmlDeviceGetTotalEnergyConsumption` (mJ since the driver was loaded; Volta and newer),
//! `nvmlDeviceGetPowerUsage` (mW; a mean over 1 s on Ampere and newer, but for GA100) and
//! `nvmlDeviceGetEnforcedPowerLimit` (mW). The library is loaded once and never unloaded: a board that has hung
//! would hang its shutdown too.

use super::board::{Board, BoardDriver, BoardLimit, Boards};
use super::probe::{Place, Refusal};
use super::throttle::{Reason, ThrottleLook};
use crate::reading::{NoData, Sensing};
use crate::units::Seconds;
use nvml_wrapper::enums::device::{DeviceArchitecture, SampleValue};
use nvml_wrapper::error::{Bits, NvmlError};
use nvml_wrapper::structs::device::FieldId;
use nvml_wrapper::{Device, Nvml};
use std::sync::OnceLock;

/// PCI vendor of NVIDIA.
pub const VENDOR_ID: u32 = 0x10de;

static LIBRARY: OnceLock<Nvml> = OnceLock::new();

/// The library on this machine, if there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NvmlDriver;

impl NvmlDriver {
    fn library() -> Result<&'static Nvml, NvmlError> {
        match LIBRARY.get() {
            Some(library) => Ok(library),
            None => Nvml::init().map(|library| LIBRARY.get_or_init(|| library)),
        }
    }
}

impl BoardDriver for NvmlDriver {
    fn name(&self) -> &'static str {
        "nvml"
    }

    fn boards(&self) -> Boards {
        let library = NvmlDriver::library().map_err(|error| refusal(&error))?;
        let count = library.device_count().map_err(|error| refusal(&error))?;
        Ok((0..count).map(|index| board(library, index).map_err(|error| refusal(&error))).collect())
    }
}

fn board(library: &'static Nvml, index: u32) -> Result<Box<dyn Board>, NvmlError> {
    let device = library.device_by_index(index)?;
    let id = device.uuid()?;
    let name = device.name()?;
    let pci_address = device.pci_info().ok().map(|pci| pci.bus_id);
    Ok(Box::new(NvmlBoard { library, device, id, name, pci_address }))
}

struct NvmlBoard {
    library: &'static Nvml,
    device: Device<'static>,
    id: String,
    name: String,
    pci_address: Option<String>,
}

impl Board for NvmlBoard {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn place(&self) -> Place {
        Place { pci_address: self.pci_address.clone(), vendor_id: Some(VENDOR_ID), product: Some(self.name.clone()) }
    }

    fn energy_mj(&mut self) -> Result<u64, NoData> {
        self.device.total_energy_consumption().map_err(|error| cause_of(&error))
    }

    fn power_mw(&mut self) -> Result<u64, NoData> {
        self.device.power_usage().map(u64::from).map_err(|error| cause_of(&error))
    }

    fn power_limit_mw(&mut self) -> Result<u64, NoData> {
        self.device.enforced_power_limit().map(u64::from).map_err(|error| cause_of(&error))
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.device = self.library.device_by_uuid(self.id.as_str()).map_err(|error| cause_of(&error))?;
        Ok(())
    }

    fn power_sensing(&self) -> Sensing {
        sensing_of(self.device.architecture().ok(), &self.name)
    }

    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        let bits = match self.device.current_throttle_reasons_strict() {
            Ok(reasons) => reasons.bits(),
            // Reasons newer than the wrapper: their bits are kept.
            Err(NvmlError::IncorrectBits(Bits::U64(bits))) => bits,
            Err(error) => return Err(cause_of(&error)),
        };
        let mut look = look_of(bits);
        let fields = COUNTERS.map(|(_, field)| FieldId(field));
        if let Ok(values) = self.device.field_values_for(&fields) {
            for ((reason, _), sample) in COUNTERS.iter().zip(values) {
                let nanoseconds = sample.and_then(|sample| sample.value).ok().and_then(whole);
                look.counted_ns[*reason as usize] = nanoseconds;
            }
        }
        Ok(look)
    }
}

/// `NVML_FI_DEV_CLOCKS_EVENT_REASON_*`, ns; by the numbers of CUDA 12, which the wrapper turns into the driver's own.
const COUNTERS: [(Reason, u32); 5] = [
    (Reason::PowerCap, 74),
    (Reason::Sync, 76),
    (Reason::Thermal, 251),
    (Reason::HardwareThermal, 252),
    (Reason::PowerBrake, 253),
];

/// A count, whatever its width; a sentinel is none.
fn whole(value: SampleValue) -> Option<u64> {
    let count = match value {
        SampleValue::U32(count) => u64::from(count),
        SampleValue::U64(count) => count,
        SampleValue::I64(count) => u64::try_from(count).ok()?,
        _ => return None,
    };
    (!super::plausible::is_sentinel(count)).then_some(count)
}

/// `nvmlClocksEventReason*`. Idle, clocks set by a user and the display's clock slow nothing down that anybody asked for.
fn look_of(bits: u64) -> ThrottleLook {
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

/// `nvmlDeviceGetPowerUsage`: on GA100 the mean of 25 ms out of every 100 (Yang, Adamek & Armour, SC24,
/// arXiv:2312.02741), on Ampere otherwise and on newer ones a mean over 1 s (NVML's manual), on older ones an instant.
fn sensing_of(architecture: Option<DeviceArchitecture>, name: &str) -> Sensing {
    use DeviceArchitecture::{Kepler, Maxwell, Pascal, Turing, Volta};
    match architecture {
        Some(Kepler | Maxwell | Pascal | Volta | Turing) => Sensing::default(),
        Some(DeviceArchitecture::Ampere) if name.contains("A100") || name.contains("A30") => {
            Sensing { averaging_s: Seconds(0.025), seen_share: 0.25 }
        }
        _ => Sensing { averaging_s: Seconds(1.0), seen_share: 1.0 },
    }
}

/// The power limit of the board at `index`.
///
/// # Errors
/// Why the library or the board does not answer.
pub fn limit_of(index: u32) -> Result<Box<dyn BoardLimit>, NoData> {
    let found = NvmlDriver::library().and_then(|library| library.device_by_index(index));
    limit(found)
}

/// The power limit of the board with this identifier.
///
/// # Errors
/// Why the library or the board does not answer.
pub fn limit_by_id(id: &str) -> Result<Box<dyn BoardLimit>, NoData> {
    limit(NvmlDriver::library().and_then(|library| library.device_by_uuid(id)))
}

fn limit(found: Result<Device<'static>, NvmlError>) -> Result<Box<dyn BoardLimit>, NoData> {
    let opened = found.and_then(|device| Ok(NvmlLimit { id: device.uuid()?, name: device.name()?, device }));
    opened.map(|limit| -> Box<dyn BoardLimit> { Box::new(limit) }).map_err(|error| cause_of(&error))
}

/// `nvmlDeviceGetPowerManagementLimit`, `...LimitConstraints` and `nvmlDeviceSetPowerManagementLimit` (mW, root alone).
struct NvmlLimit {
    device: Device<'static>,
    id: String,
    name: String,
}

impl BoardLimit for NvmlLimit {
    fn name(&self) -> String {
        format!("of {}", self.name)
    }

    fn id(&self) -> String {
        self.id.clone()
    }

    fn range_mw(&mut self) -> Result<(u64, u64), NoData> {
        let range = self.device.power_management_limit_constraints().map_err(|error| cause_of(&error))?;
        Ok((u64::from(range.min_limit), u64::from(range.max_limit)))
    }

    fn limit_mw(&mut self) -> Result<u64, NoData> {
        self.device.power_management_limit().map(u64::from).map_err(|error| cause_of(&error))
    }

    fn set_limit_mw(&mut self, milliwatts: u64) -> Result<(), NoData> {
        let limit = u32::try_from(milliwatts).map_err(|_| NoData::Implausible)?;
        self.device.set_power_management_limit(limit).map_err(|error| cause_of(&error))
    }
}

/// What an error of the library means for a reading.
fn cause_of(error: &NvmlError) -> NoData {
    match error {
        // Blocked by the system's control groups, or by the driver.
        NvmlError::NoPermission | NvmlError::OperatingSystem => NoData::NoPermission,
        NvmlError::Timeout | NvmlError::InUse => NoData::Timeout,
        NvmlError::InsufficientPower => NoData::Off,
        // After it has lost a board, the driver also answers with its unspecific error.
        NvmlError::GpuLost
        | NvmlError::ResetRequired
        | NvmlError::IrqIssue
        | NvmlError::NotFound
        | NvmlError::Unknown => NoData::Lost,
        _ => NoData::NotSupported,
    }
}

/// Why the library or its list of boards cannot be used, with what helps.
fn refusal(error: &NvmlError) -> Refusal {
    let refusal = Refusal::new(cause_of(error), format!("NVML: {error}"));
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => Refusal {
            detail: "NVML: the library is not on this machine".to_owned(),
            ..refusal.with_remedy("install the NVIDIA driver, or start the container with access to the GPU")
        },
        NvmlError::DriverNotLoaded => {
            refusal.with_remedy("load the NVIDIA kernel module, or start the container with access to the GPU")
        }
        NvmlError::LibRmVersionMismatch => {
            refusal.with_remedy("the library is of another version than the loaded kernel module: restart the machine")
        }
        NvmlError::NoPermission | NvmlError::OperatingSystem => {
            refusal.with_remedy("give this user access to /dev/nvidiactl and /dev/nvidia0")
        }
        _ => refusal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_library_has_a_cause() {
        for (error, cause) in [
            (NvmlError::NotSupported, NoData::NotSupported),
            (NvmlError::FunctionNotFound, NoData::NotSupported),
            (NvmlError::DriverNotLoaded, NoData::NotSupported),
            (NvmlError::NoPermission, NoData::NoPermission),
            (NvmlError::OperatingSystem, NoData::NoPermission),
            (NvmlError::GpuLost, NoData::Lost),
            (NvmlError::ResetRequired, NoData::Lost),
            (NvmlError::Unknown, NoData::Lost),
            (NvmlError::Timeout, NoData::Timeout),
            (NvmlError::InsufficientPower, NoData::Off),
        ] {
            assert_eq!(cause_of(&error), cause, "{error}");
        }
    }

    #[test]
    fn reasons_are_told_apart_and_unknown_bits_are_kept() {
        let reasons = |bits: u64| {
            let look = look_of(bits);
            let active: Vec<Reason> = Reason::ALL.into_iter().filter(|&reason| look.active[reason as usize]).collect();
            (active, look.unknown)
        };
        assert_eq!(reasons(0x1 | 0x2 | 0x100), (vec![], 0), "idle, set clocks and the display harm nobody");
        assert_eq!(reasons(0x4), (vec![Reason::PowerCap], 0), "a power limit");
        assert_eq!(reasons(0x8 | 0x40), (vec![Reason::HardwareThermal], 0), "the hardware's bit comes with its cause");
        assert_eq!(reasons(0x8), (vec![Reason::Hardware], 0), "or alone");
        assert_eq!(reasons(0x20 | 0x800), (vec![Reason::Thermal], 0x800), "a bit of tomorrow's driver is kept");
    }

    #[test]
    fn the_reported_power_is_an_average_on_newer_boards() {
        let hopper = sensing_of(Some(DeviceArchitecture::Hopper), "NVIDIA H100 80GB HBM3");
        assert_eq!(hopper.averaging_s, Seconds(1.0), "over one second");
        let ampere = sensing_of(Some(DeviceArchitecture::Ampere), "NVIDIA A100-SXM4-40GB");
        assert!((ampere.seen_share - 0.25).abs() < 1e-12, "a quarter of the time: {ampere:?}");
        let volta = sensing_of(Some(DeviceArchitecture::Volta), "Tesla V100-SXM2-16GB");
        assert_eq!(volta, Sensing::default(), "an instant");
    }

    #[test]
    fn a_mismatched_driver_says_what_to_do() {
        let refusal = refusal(&NvmlError::LibRmVersionMismatch);
        assert!(refusal.remedy.is_some_and(|remedy| remedy.contains("restart")), "a way out is named");
    }
}
