//! What a run is equipped with: adapter, model, workloads and power source, each found, opened and described.
//!
//! Where the real weights are not in the store and no model was asked for, seeded weights of the same shape run
//! instead, and every page says so. What was asked for by name and is not there is an error.

use super::arguments::{DEFAULT_ENCODER, DEFAULT_VISION, MachineArguments, Requirement};
use super::loading::{Places, Purpose, is_missing, open_models};
use super::{Failure, say, system};
use crate::flight::Equipment;
use crate::gpu::{self, Adapter, Class, Device, Facts};
use crate::interrupt::{Interrupt, Interrupted};
use crate::journal::{AdapterClass, Conditions, Sharing, WorkloadRecord};
use crate::meter::several::Several;
use crate::meter::{self, Accelerator, AcceleratorKind, MeterError, Probe, Selection};
use crate::model::encoder::Checkpoint;
use crate::model::{self, ModelChoice, Provenance, vision};
use crate::tuner::{CacheFolder, Retune, Tuner};
use crate::workload::{Embed, FactoryError, LanguageShapes, Vision, Workload, WorkloadFactory};
use serde::Serialize;

/// Everything that this machine offers, for `devices`.
#[derive(Serialize)]
pub(super) struct MachineFacts {
    /// Adapters, in the order of `--adapter INDEX`.
    pub(super) adapters: Vec<Facts>,
    /// Devices of candle.
    pub(super) candle_devices: Vec<String>,
    /// Every power source that was tried.
    pub(super) power_sources: Vec<Probe>,
}

impl MachineFacts {
    /// Asks the drivers and reads every power source once, those at the addresses in `meters` among them.
    pub(super) fn read(meters: &[String]) -> Result<MachineFacts, Failure> {
        let power_sources = meter::probe_all(&system::meter_roots(), meters)
            .map_err(|error| Failure::input(format!("--meter: {error}")))?;
        Ok(MachineFacts {
            adapters: gpu::list().iter().map(|adapter| adapter.facts().clone()).collect(),
            candle_devices: model::Device::list().iter().map(|device| device.name().to_owned()).collect(),
            power_sources,
        })
    }

    /// The class of each adapter.
    pub(super) fn classes(&self) -> Vec<Class> {
        self.adapters.iter().map(|facts| facts.class).collect()
    }

    /// Whether any source measures power.
    pub(super) fn measures(&self) -> bool {
        let readable = self.power_sources.iter().filter(|probe| probe.is_readable());
        readable.filter_map(|probe| probe.source.as_ref()).any(|source| source.provenance.is_measured())
    }
}

/// Fails with exit code 14 where what is required is not among the adapters of these classes, or does not measure.
pub(super) fn require(requirement: Requirement, classes: &[Class], measures: bool) -> Result<(), Failure> {
    let (there, missing) = match requirement {
        Requirement::Hardware => (
            classes.contains(&Class::Hardware),
            "--require hardware: no hardware adapter; `dawndusk devices` lists what there is (a GPU needs its Vulkan, Metal or \
             Direct3D 12 driver)",
        ),
        Requirement::Software => (
            classes.contains(&Class::Software),
            "--require software: no software adapter; on Debian `apt-get install mesa-vulkan-drivers` brings one",
        ),
        Requirement::Power => (
            measures,
            "--require power: no source measures power here; `dawndusk devices` says what was tried and how to mend it",
        ),
    };
    if there { Ok(()) } else { Err(Failure::missing(missing)) }
}

/// Opens everything.
pub(super) fn prepare(
    arguments: &MachineArguments,
    shapes: LanguageShapes,
    purpose: Purpose,
    (retune, interrupt): (Retune, &Interrupt),
) -> Result<Equipment, Failure> {
    let adapter = gpu::choose(arguments.adapter.as_deref()).map_err(Failure::input)?;
    let class = adapter.as_ref().map(|adapter| adapter.facts().class);
    let selection = power_source(arguments, adapter.as_ref())?;
    for requirement in &arguments.require {
        let measures = selection.meter.source().provenance.is_measured() && selection.covers_accelerator;
        require(*requirement, class.as_slice(), measures)?;
    }
    let device = adapter.as_ref().map(Device::open).transpose().map_err(Failure::tool)?;
    let candle = candle_device(class);
    let mut tuner = Tuner::open(device.as_ref(), &CacheFolder::of_user(), retune).until(interrupt);
    let places = Places { device: device.as_ref(), candle: &candle, interrupt };
    let models = open_models(arguments, &shapes, purpose, places, &mut tuner)?;
    let stopped = |interrupted: Interrupted| Failure::tool(interrupted);
    interrupt.check().map_err(stopped)?;
    let checkpoint = open_encoder(arguments)?;
    interrupt.check().map_err(stopped)?;
    let network = open_vision(arguments, class)?;
    let described: Vec<(String, Provenance)> = models
        .iter()
        .map(|model| (sentence(model.describe()), model.describe().provenance.clone()))
        .chain(checkpoint.iter().map(|encoder| of_f32(&encoder.name, &encoder.provenance)))
        .chain(network.iter().map(|network| of_f32(&network.name, &network.provenance)))
        .collect();
    interrupt.check().map_err(stopped)?;
    let embed = checkpoint.map(|checkpoint| Embed::new(checkpoint, device.as_ref(), &candle, arguments.seed));
    let embed = embed.transpose().map_err(Failure::tool)?;
    interrupt.check().map_err(stopped)?;
    let vision = network.map(|network| Vision::new(network, device.as_ref(), &candle, arguments.seed));
    let vision = vision.transpose().map_err(Failure::tool)?;
    let (tuning, seed, interrupt) = (Some(&mut tuner), arguments.seed, interrupt.clone());
    let factory =
        WorkloadFactory { device: device.as_ref(), tuner: tuning, models, shapes, embed, vision, seed, interrupt };
    let workloads = factory.workloads(&arguments.workloads).map_err(|error| match error {
        FactoryError::Unknown { .. } | FactoryError::Room(_) => Failure::input(error),
        FactoryError::Interrupted(_) | FactoryError::Workload(_) => Failure::tool(error),
    })?;
    let conditions = Conditions {
        os: system::operating_system(),
        arch: std::env::consts::ARCH.into(),
        cpu_info: system::processor(),
        cpu_threads: system::threads(),
        gpu_info: adapter.as_ref().map(|adapter| adapter.facts().name.clone()),
        driver: adapter.as_ref().map(|adapter| format!("{} {}", adapter.facts().driver, adapter.facts().driver_info)),
        adapter_class: adapter_class(class),
        backends: backends(&workloads),
        model: (!described.is_empty())
            .then(|| described.iter().map(|(sentence, _)| sentence.as_str()).collect::<Vec<_>>().join("; ")),
        model_is_real: !described.is_empty()
            && described.iter().all(|(_, origin)| matches!(origin, Provenance::Real { .. })),
        source: selection.meter.source().clone(),
        power_limit: None,
        source_covers_adapter: selection.covers_accelerator,
        source_doubt: selection.doubt().map(str::to_owned),
        sharing: Sharing::of(&selection.facts()),
        sources_refused: refused(&selection.probes),
        environment: system::environment(),
        tuning: tuner.choices().to_vec(),
        workloads: workloads.iter().map(|workload| WorkloadRecord::from(workload.description())).collect(),
    };
    let meter = Box::new(Several::new(selection.meter, selection.beside));
    Ok(Equipment { workloads, meter, conditions, actuator: None })
}

/// The source of power and those beside it; what is in doubt is said at the door.
fn power_source(arguments: &MachineArguments, adapter: Option<&Adapter>) -> Result<Selection, Failure> {
    let selection = meter::open_all(&system::meter_roots(), &arguments.meter, &accelerator(adapter));
    let selection = selection.map_err(|error| match error {
        MeterError::None | MeterError::Refused(_) => Failure::missing(format!("--meter: {error}")),
        error => Failure::input(format!("--meter: {error}")),
    })?;
    selection.probes.iter().filter_map(Probe::doubted).for_each(|doubt| say(&doubt));
    Ok(selection)
}

/// As the journal names it.
fn adapter_class(class: Option<Class>) -> AdapterClass {
    match class {
        Some(Class::Hardware) => AdapterClass::Hardware,
        Some(Class::Software) => AdapterClass::Software,
        None => AdapterClass::None,
    }
}

/// What is known of an adapter, to find its power source; the CPU where there is none.
pub(super) fn accelerator(adapter: Option<&Adapter>) -> Accelerator {
    let Some(facts) = adapter.map(Adapter::facts) else { return Accelerator::software() };
    let kind = match (facts.class, facts.device_type) {
        (Class::Software, _) => return Accelerator::software(),
        (Class::Hardware, "integrated") => AcceleratorKind::Integrated,
        (Class::Hardware, _) => AcceleratorKind::Discrete,
    };
    let pci_address = (!facts.pci_bus_id.is_empty()).then(|| facts.pci_bus_id.clone());
    Accelerator { kind, name: facts.name.clone(), vendor_id: Some(facts.vendor_id), pci_address }
}

/// candle's device on a hardware adapter, where this program was built with one; its CPU device otherwise.
fn candle_device(class: Option<Class>) -> model::Device {
    let on_board = (class == Some(Class::Hardware))
        .then(|| model::Device::list().into_iter().find(|device| !device.is_cpu()))
        .flatten();
    on_board.unwrap_or_else(model::Device::cpu)
}

/// The encoder's checkpoint; none where it is not wanted. Where seeded weights are asked for, it has them too.
fn open_encoder(arguments: &MachineArguments) -> Result<Option<Checkpoint>, Failure> {
    if !arguments.workloads.is_empty() && !arguments.workloads.iter().any(|known| known == "embed") {
        return Ok(None);
    }
    let synthetic = ModelChoice::Synthetic { name: DEFAULT_ENCODER.into(), seed: arguments.seed };
    if arguments.model.iter().any(|model| model.starts_with("synthetic")) {
        return Checkpoint::open(&synthetic).map(Some).map_err(Failure::tool);
    }
    match Checkpoint::open(&ModelChoice::Registered(DEFAULT_ENCODER.into())) {
        Ok(checkpoint) => Ok(Some(checkpoint)),
        Err(error) if !is_missing(&error) => Err(Failure::input(error)),
        Err(error) => {
            say(&format!("no real weights: {error}; seeded weights of the same shape run instead"));
            Checkpoint::open(&synthetic).map(Some).map_err(Failure::tool)
        }
    }
}

/// The vision transformer, always of seeded weights; none where it is not wanted. An image is too much for a CPU to look at
/// unless it is asked for by name.
fn open_vision(arguments: &MachineArguments, class: Option<Class>) -> Result<Option<vision::Checkpoint>, Failure> {
    let wanted = match arguments.workloads.as_slice() {
        [] => class == Some(Class::Hardware),
        names => names.iter().any(|name| name == "vision"),
    };
    let choice = ModelChoice::Synthetic { name: DEFAULT_VISION.into(), seed: arguments.seed };
    wanted.then(|| vision::Checkpoint::open(&choice)).transpose().map_err(Failure::tool)
}

/// What is said of a network in f32, and where its weights are from.
fn of_f32(name: &str, provenance: &Provenance) -> (String, Provenance) {
    (format!("{name}, {}; f32", origin(provenance)), provenance.clone())
}

fn origin(provenance: &Provenance) -> String {
    match provenance {
        Provenance::Real { file, pinned: true, .. } => format!("real weights ({file}, SHA-256 as pinned)"),
        Provenance::Real { file, sha256, .. } => format!("weights of {file} (SHA-256 {sha256}, not pinned)"),
        Provenance::Synthetic { seed } => format!("SYNTHETIC weights of the same shape, seed {seed}"),
    }
}

fn sentence(model: &model::Description) -> String {
    let origin = origin(&model.provenance);
    let matrices: Vec<String> = model
        .quantisation
        .iter()
        .map(|kind| match kind.file == kind.loaded {
            true => format!("{} matrices {}", kind.matrices, kind.loaded),
            false => format!("{} matrices {} requantised to {}", kind.matrices, kind.file, kind.loaded),
        })
        .collect();
    format!("{}, {origin}; {}", model.name, matrices.join(", "))
}

fn backends(workloads: &[Box<dyn Workload>]) -> String {
    let mut names: Vec<&str> = workloads.iter().map(|workload| workload.description().backend.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

fn refused(probes: &[Probe]) -> Vec<String> {
    probes.iter().filter(|probe| !probe.is_readable()).map(ToString::to_string).collect()
}
