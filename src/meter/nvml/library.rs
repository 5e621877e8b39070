//! NVIDIA's management library, loaded when it is asked for: the one file that names it.
//!
//! What it offers safely is asked for so; fields with a scope, the clocks' event reasons and the temperature by its new
//! call are asked for through its bare functions, since the safe ones leave the scope out or call what NVIDIA takes away
//! with CUDA 14. The library is loaded once and never unloaded: a board that has hung would hang its shutdown too.

use super::{Architecture, Device, Identity, Question};
use crate::meter::board::{BoardDriver, Boards};
use crate::meter::probe::Refusal;
use crate::reading::NoData;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::DeviceArchitecture;
use nvml_wrapper::error::{NvmlError, nvml_try};
use nvml_wrapper::{FieldIdScheme, Nvml};
use nvml_wrapper_sys::bindings as sys;
use std::sync::OnceLock;

/// The library's own words for a board.
type Handle = nvml_wrapper::Device<'static>;

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

fn board(library: &'static Nvml, index: u32) -> Result<Box<dyn Device>, NvmlError> {
    let handle = library.device_by_index(index)?;
    let name = handle.name()?;
    let architecture = match handle.architecture() {
        Ok(
            DeviceArchitecture::Kepler
            | DeviceArchitecture::Maxwell
            | DeviceArchitecture::Pascal
            | DeviceArchitecture::Volta
            | DeviceArchitecture::Turing,
        ) => Architecture::BeforeAmpere,
        Ok(DeviceArchitecture::Ampere) => Architecture::of_ampere(&name),
        Ok(DeviceArchitecture::Ada) => Architecture::AmpereOrAda,
        Ok(DeviceArchitecture::Hopper) => Architecture::Hopper,
        _ => Architecture::Other,
    };
    let pci_address = handle.pci_info().ok().map(|pci| pci.bus_id);
    let identity = Identity { id: handle.uuid()?, name, pci_address, architecture };
    Ok(Box::new(LibraryDevice { library, handle, identity }))
}

/// A board behind the library.
struct LibraryDevice {
    library: &'static Nvml,
    handle: Handle,
    identity: Identity,
}

impl Device for LibraryDevice {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Result<u64, NoData>> {
        let fields: Vec<(u32, u32)> = questions
            .iter()
            .filter_map(|question| if let Question::Field { id, scope } = *question { Some((id, scope)) } else { None })
            .collect();
        let mut answers = fields_of(self.library, &self.handle, &fields).into_iter();
        let answer = |question: &Question| match question {
            Question::Field { .. } => answers.next().unwrap_or(Err(NoData::NotSupported)),
            other => answer(self.library, &self.handle, *other).map_err(|error| cause_of(&error)),
        };
        questions.iter().map(answer).collect()
    }

    fn processes(&mut self) -> Result<Vec<u32>, NoData> {
        let compute = self.handle.running_compute_processes().map_err(|error| cause_of(&error))?;
        // Boards without a display's part may not know the other kind.
        let graphics = self.handle.running_graphics_processes().unwrap_or_default();
        Ok(compute.iter().chain(&graphics).map(|process| process.pid).collect())
    }

    fn reopen(&mut self) -> Result<(), NoData> {
        self.handle = self.library.device_by_uuid(self.identity.id.as_str()).map_err(|error| cause_of(&error))?;
        Ok(())
    }
}

/// The answer to everything but a field.
fn answer(library: &Nvml, handle: &Handle, question: Question) -> Result<u64, NvmlError> {
    let limits = || handle.power_management_limit_constraints();
    match question {
        Question::Energy => handle.total_energy_consumption(),
        Question::PowerUsage => handle.power_usage().map(u64::from),
        Question::EnforcedLimit => handle.enforced_power_limit().map(u64::from),
        Question::DefaultLimit => handle.power_management_limit_default().map(u64::from),
        Question::LowestLimit => limits().map(|range| u64::from(range.min_limit)),
        Question::HighestLimit => limits().map(|range| u64::from(range.max_limit)),
        Question::EventReasons => event_reasons(library, handle),
        Question::Temperature => millikelvin(library, handle),
        Question::CoreClock => handle.clock_info(Clock::SM).map(u64::from),
        Question::MemoryClock => handle.clock_info(Clock::Memory).map(u64::from),
        Question::Partitioned => handle.mig_mode().map(|mode| u64::from(mode.current)),
        #[cfg(target_os = "linux")]
        Question::Persistent => handle.is_in_persistent_mode().map(u64::from),
        _ => Err(NvmlError::NotSupported),
    }
}

/// `nvmlDeviceGetFieldValues` for each number and scope; one call for all.
#[expect(unsafe_code, reason = "the safe call leaves the scope out, and refuses types that the driver gives")]
fn fields_of(library: &Nvml, handle: &Handle, fields: &[(u32, u32)]) -> Vec<Result<u64, NoData>> {
    let none = |cause| vec![Err(cause); fields.len()];
    let (Ok(count), Ok(call)) = (i32::try_from(fields.len()), &library.lib().nvmlDeviceGetFieldValues) else {
        return none(NoData::NotSupported);
    };
    if fields.is_empty() {
        return Vec::new();
    }
    let scheme = library.field_id_scheme();
    let asked = |&(id, scope): &(u32, u32)| sys::nvmlFieldValue_t {
        fieldId: number_of(scheme, id),
        scopeId: scope,
        timestamp: 0,
        latencyUsec: 0,
        valueType: sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG,
        // What the driver does not write stays an error.
        nvmlReturn: sys::nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED,
        value: sys::nvmlValue_t { ullVal: 0 },
    };
    let mut values: Vec<sys::nvmlFieldValue_t> = fields.iter().map(asked).collect();
    // SAFETY: the handle is of this library, which is never unloaded; the driver writes no more than `count` values, and
    // `values` holds that many.
    let done = unsafe { call(handle.handle(), count, values.as_mut_ptr()) };
    match nvml_try(done) {
        Ok(()) => values.iter().map(value_of).collect(),
        Err(error) => none(cause_of(&error)),
    }
}

/// The driver's own number of a field: 251 to 255 have moved with release 580.82.
fn number_of(scheme: FieldIdScheme, id: u32) -> u32 {
    match (scheme, id) {
        (FieldIdScheme::V13Update1, 251..=255) => id + 18,
        _ => id,
    }
}

/// A field's value as a count; what is negative, a fraction or of an unknown type is none.
#[expect(unsafe_code, reason = "a value of many types is a union in C")]
fn value_of(field: &sys::nvmlFieldValue_t) -> Result<u64, NoData> {
    nvml_try(field.nvmlReturn).map_err(|error| match error {
        // A board that is there and has no such scope; one that is gone says so, here or to the call.
        NvmlError::Unknown => NoData::NotSupported,
        error => cause_of(&error),
    })?;
    let value = field.value;
    // SAFETY: all members are plain numbers, for which every bit pattern is a value; all bytes were written before the
    // call, and the driver writes the member that the type names.
    let count = unsafe {
        match field.valueType {
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT => Ok(u64::from(value.uiVal)),
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG_LONG => Ok(value.ullVal),
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_SHORT => Ok(u64::from(value.usVal)),
            #[allow(clippy::useless_conversion, reason = "a long has 32 bits on Windows")]
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_LONG => Ok(u64::from(value.ulVal)),
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_LONG_LONG => u64::try_from(value.sllVal),
            sys::nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT => u64::try_from(value.siVal),
            _ => return Err(NoData::Implausible),
        }
    };
    count.map_err(|_| NoData::Implausible)
}

/// `nvmlDeviceGetCurrentClocksEventReasons`, by its older name where the driver has no other.
#[expect(unsafe_code, reason = "the safe call has the older name alone, which goes with CUDA 14")]
fn event_reasons(library: &Nvml, handle: &Handle) -> Result<u64, NvmlError> {
    let functions = library.lib();
    let newer = functions.nvmlDeviceGetCurrentClocksEventReasons.as_ref();
    let call = newer.or(functions.nvmlDeviceGetCurrentClocksThrottleReasons.as_ref());
    let call = call.map_err(|_| NvmlError::FunctionNotFound)?;
    let mut bits = 0;
    // SAFETY: the handle is of this library, which is never unloaded; `bits` outlives the call, which writes one number.
    nvml_try(unsafe { call(handle.handle(), &mut bits) })?;
    Ok(bits)
}

/// `nvmlDeviceGetTemperatureV` of the chip, else the older call. In thousandths of a kelvin: the answer may lie below 0 °C.
#[expect(unsafe_code, reason = "the safe call is the older one, which goes with CUDA 14")]
fn millikelvin(library: &Nvml, handle: &Handle) -> Result<u64, NvmlError> {
    const CHIP: u32 = sys::nvmlTemperatureSensors_enum_NVML_TEMPERATURE_GPU;
    // `NVML_STRUCT_VERSION(Temperature, 1)` of nvml.h: size and version in one number.
    const VERSION: u32 = size_of::<sys::nvmlTemperature_t>() as u32 | (1 << 24);
    let newer = match &library.lib().nvmlDeviceGetTemperatureV {
        Ok(call) => {
            let mut answer = sys::nvmlTemperature_t { version: VERSION, sensorType: CHIP, temperature: 0 };
            // SAFETY: the handle is of this library, which is never unloaded; `answer` outlives the call, and its version
            // tells the driver how long it is.
            nvml_try(unsafe { call(handle.handle(), &mut answer) }).map(|()| i64::from(answer.temperature))
        }
        Err(_) => Err(NvmlError::FunctionNotFound),
    };
    let celsius = newer.or_else(|_| handle.temperature(TemperatureSensor::Gpu).map(i64::from))?;
    u64::try_from(celsius * 1000 + 273_150).map_err(|_| NvmlError::Unknown)
}

/// The power limit of the board at `index`.
///
/// # Errors
/// Why the library or the board does not answer.
pub fn limit_of(index: u32) -> Result<NvmlLimit, NoData> {
    let found = NvmlDriver::library().and_then(|library| library.device_by_index(index));
    limit(found)
}

/// The power limit of the board with this identifier.
///
/// # Errors
/// Why the library or the board does not answer.
pub fn limit_by_id(id: &str) -> Result<NvmlLimit, NoData> {
    limit(NvmlDriver::library().and_then(|library| library.device_by_uuid(id)))
}

fn limit(found: Result<Handle, NvmlError>) -> Result<NvmlLimit, NoData> {
    let opened = found.and_then(|device| Ok(NvmlLimit { id: device.uuid()?, name: device.name()?, device }));
    opened.map_err(|error| cause_of(&error))
}

/// The power limit of a board: `nvmlDeviceGetPowerManagementLimit`, `...LimitConstraints` and
/// `nvmlDeviceSetPowerManagementLimit` (mW, root alone).
pub struct NvmlLimit {
    device: Handle,
    /// An identifier that stays when boards are counted anew.
    pub id: String,
    /// Product name.
    pub name: String,
}

impl NvmlLimit {
    /// The lowest and the highest limit, in milliwatts.
    ///
    /// # Errors
    /// Why the board does not answer; so with the limit itself and with setting it.
    pub fn range_mw(&mut self) -> Result<(u64, u64), NoData> {
        let range = self.device.power_management_limit_constraints().map_err(|error| cause_of(&error))?;
        Ok((u64::from(range.min_limit), u64::from(range.max_limit)))
    }

    /// The limit that was asked for last, in milliwatts.
    pub fn limit_mw(&mut self) -> Result<u64, NoData> {
        self.device.power_management_limit().map(u64::from).map_err(|error| cause_of(&error))
    }

    /// Asks for a limit in milliwatts.
    pub fn set_limit_mw(&mut self, milliwatts: u64) -> Result<(), NoData> {
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
    fn a_mismatched_driver_says_what_to_do() {
        let refusal = refusal(&NvmlError::LibRmVersionMismatch);
        assert!(refusal.remedy.is_some_and(|remedy| remedy.contains("restart")), "a way out is named");
    }

    #[test]
    fn fields_are_asked_for_by_the_drivers_own_numbers() {
        let (older, newer) = (FieldIdScheme::V12, FieldIdScheme::V13Update1);
        for (id, moved) in [(251, 269), (252, 270), (253, 271), (186, 186), (74, 74), (82, 82)] {
            assert_eq!((number_of(older, id), number_of(newer, id)), (id, moved), "field {id}");
        }
    }

    #[test]
    fn a_fields_value_is_a_count_or_has_a_cause() {
        let field = |value_type, answer, value| sys::nvmlFieldValue_t {
            fieldId: 186,
            scopeId: 0,
            timestamp: 0,
            latencyUsec: 0,
            valueType: value_type,
            nvmlReturn: answer,
            value,
        };
        let (ok, gone) = (sys::nvmlReturn_enum_NVML_SUCCESS, sys::nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST);
        let int = sys::nvmlValueType_enum_NVML_VALUE_TYPE_UNSIGNED_INT;
        let signed = sys::nvmlValueType_enum_NVML_VALUE_TYPE_SIGNED_INT;
        let real = sys::nvmlValueType_enum_NVML_VALUE_TYPE_DOUBLE;
        let of = |count| sys::nvmlValue_t { uiVal: count };
        assert_eq!(value_of(&field(int, ok, of(250_000))), Ok(250_000), "250 W");
        assert_eq!(value_of(&field(int, gone, of(250_000))), Err(NoData::Lost), "its own error counts, not its value");
        let negative = sys::nvmlValue_t { siVal: -1 };
        assert_eq!(value_of(&field(signed, ok, negative)), Err(NoData::Implausible), "a negative count");
        assert_eq!(value_of(&field(real, ok, of(1))), Err(NoData::Implausible), "no count at all");
    }
}
