//! NVIDIA's management library, loaded when it is asked for: the one file that names it.
//!
//! `nvmlDeviceGetTotalEnergyConsumption` (mJ since the driver was loaded; Volta and newer),
//! `nvmlDeviceGetPowerUsage` (mW; a mean over 1 s on Ampere and newer, but for GA100) and
//! `nvmlDeviceGetEnforcedPowerLimit` (mW). The library is loaded once and never unloaded: a board that has hung
//! would hang its shutdown too.

use super::board::{Board, BoardDriver, Boards};
use super::probe::{Place, Refusal};
use crate::reading::NoData;
use nvml_wrapper::error::NvmlError;
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
    fn a_mismatched_driver_says_what_to_do() {
        let refusal = refusal(&NvmlError::LibRmVersionMismatch);
        assert!(refusal.remedy.is_some_and(|remedy| remedy.contains("restart")), "a way out is named");
    }
}
