//! A kernel made ready to run, on an adapter or on the CPU.

use super::compilation::{Compilation, Compiled};
use super::packing::Memory;
use super::{Error, Kernel, Packing, Plan, Verification};
use crate::gpu::{Batch, Buffer, Class, Device, Elapsed, Facts, Held, POISON, Pipeline, Program, Resource};
use crate::units::Seconds;
use std::sync::Arc;
use std::time::Instant;

/// After so many iterations, counted over all loops of an invocation, lavapipe leaves every loop and says nothing
/// (`LP_MAX_TGSI_LOOP_ITERATIONS` in Mesa's gallivm; seen on Mesa 22.3.6).
const ITERATIONS_MAX: u32 = 65535;

/// A kernel with its operands in place.
#[derive(Debug)]
pub struct Prepared {
    kernel: Arc<dyn Kernel>,
    seed: u64,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Adapter(Box<OnAdapter>),
    Cpu { inputs: Vec<Vec<f32>>, output: Vec<f32> },
}

/// Compiled and bound.
#[derive(Debug)]
struct OnAdapter {
    batch: Batch,
    inputs: Vec<Held>,
    outputs: Vec<(Packing, Buffer)>,
    plan: Plan,
    readiness: Readiness,
}

/// How far a kernel is compiled: its pipeline is there, but drivers compile again at the first dispatch.
#[derive(Debug)]
enum Readiness {
    Created { identity: Compiled, took: Seconds },
    Ran { cold: Option<Seconds> },
}

impl Prepared {
    /// Puts a kernel with operands from `seed` on a device; without one, its twin on the CPU.
    ///
    /// # Errors
    /// [`Error::Gpu`] for a shape over the adapter's limits, before anything is computed, and for what the adapter
    /// refuses.
    pub fn new(kernel: Arc<dyn Kernel>, device: Option<&Device>, seed: u64) -> Result<Prepared, Error> {
        let place = match device {
            Some(device) => place_on(kernel.as_ref(), device, seed)?,
            None => Place::Cpu { inputs: kernel.inputs(seed), output: poison(kernel.output_len()) },
        };
        Ok(Prepared { kernel, seed, place })
    }

    /// The kernel.
    pub fn kernel(&self) -> &dyn Kernel {
        self.kernel.as_ref()
    }

    /// Runs it `times` times in one batch and waits. One batch should stay far below a driver's patience (2 s on
    /// some systems): run once, then choose.
    ///
    /// # Errors
    /// [`Error::Gpu`] where the device is lost, refuses, or does not answer in time.
    pub fn run(&mut self, times: u32) -> Result<Elapsed, Error> {
        match &mut self.place {
            Place::Adapter(place) => {
                let OnAdapter { batch, readiness, .. } = place.as_mut();
                let elapsed = batch.run(times)?;
                if let Readiness::Created { identity, took } = readiness {
                    // More than one dispatch would hide what the first one took.
                    let first = (times == 1).then(|| *took + elapsed.host);
                    *readiness = Readiness::Ran { cold: identity.took(first) };
                }
                Ok(elapsed)
            }
            Place::Cpu { inputs, output } => {
                let start = Instant::now();
                for _ in 0..times {
                    self.kernel.twin(inputs, output);
                    std::hint::black_box(&mut *output);
                }
                Ok(Elapsed::by_host(Seconds(start.elapsed().as_secs_f64())))
            }
        }
    }

    /// The result of one fresh run, unpadded; words that were not written are [`POISON`].
    ///
    /// # Errors
    /// As [`Prepared::run`].
    pub fn result(&mut self) -> Result<Vec<f32>, Error> {
        match &mut self.place {
            Place::Adapter(place) => {
                place.outputs.iter().try_for_each(|(_, output)| place.batch.device().poison(output))?;
            }
            Place::Cpu { output, .. } => output.fill(f32::from_bits(POISON)),
        }
        self.run(1)?;
        match &self.place {
            Place::Adapter(place) => {
                let mut words = Vec::with_capacity(self.kernel.output_len());
                for (packing, output) in &place.outputs {
                    words.extend(packing.unpack(&place.batch.device().read(output)?));
                }
                Ok(words)
            }
            Place::Cpu { output, .. } => Ok(output.clone()),
        }
    }

    /// Compiles it once more, and says what that took and what the first time took. None where the twin runs, and where
    /// the first time was not a dispatch by itself.
    ///
    /// # Errors
    /// As [`Prepared::run`].
    pub fn compile_again(&mut self) -> Result<Option<Compilation>, Error> {
        self.run(1)?;
        let Place::Adapter(place) = &self.place else { return Ok(None) };
        let OnAdapter { batch, inputs, outputs, plan, readiness } = place.as_ref();
        let Readiness::Ran { cold: Some(cold) } = readiness else { return Ok(None) };
        let (mut again, created) = compile(batch.device(), plan, inputs, outputs)?;
        Ok(Some(Compilation { cold: *cold, warm: created + again.run(1)?.host }))
    }

    /// Runs it once over poisoned memory and compares the result with the twin's. Where the twin itself runs, there
    /// is nothing to compare with, and the verification says so.
    ///
    /// # Errors
    /// As [`Prepared::run`]. A wrong result is no error here: see [`Verification::passed`].
    pub fn verify(&mut self) -> Result<Verification, Error> {
        let result = self.result()?;
        let reference = match self.place {
            Place::Adapter(_) => {
                let mut reference = poison(self.kernel.output_len());
                self.kernel.twin(&self.kernel.inputs(self.seed), &mut reference);
                Some(reference)
            }
            Place::Cpu { .. } => None,
        };
        Ok(Verification::of(&result, reference.as_deref(), self.kernel.tolerance()))
    }
}

fn poison(words: usize) -> Vec<f32> {
    vec![f32::from_bits(POISON); words]
}

fn place_on(kernel: &dyn Kernel, device: &Device, seed: u64) -> Result<Place, Error> {
    let plan = kernel.plan(device.facts());
    within_limits(kernel, &plan, device)?;
    let file = plan.source.file;
    let mut inputs = Vec::with_capacity(plan.inputs.len());
    for (packing, words) in plan.inputs.iter().zip(kernel.inputs(seed)) {
        for buffer in packing.buffers(&words) {
            inputs.push(match packing.is_packed() {
                true => packing.memory().hold(device, file, &buffer)?,
                false => packing.memory().hold::<f32>(device, file, &bytemuck::cast_vec(buffer))?,
            });
        }
    }
    let mut outputs = Vec::with_capacity(1 + plan.more_outputs.len());
    for packing in [plan.output].iter().chain(&plan.more_outputs) {
        let words = packing.words().iter().sum::<u64>() as usize;
        outputs.push((*packing, device.poisoned(file, words)?));
    }
    let (batch, took) = compile(device, &plan, &inputs, &outputs)?;
    let identity = Compiled::of(device, plan.source, &plan.constants);
    let readiness = Readiness::Created { identity, took };
    Ok(Place::Adapter(Box::new(OnAdapter { batch, inputs, outputs, plan, readiness })))
}

/// A batch of one dispatch, and how long its pipeline took to make.
fn compile(
    device: &Device,
    plan: &Plan,
    inputs: &[Held],
    outputs: &[(Packing, Buffer)],
) -> Result<(Batch, Seconds), Error> {
    let results = outputs.iter().map(|(_, output)| Resource::Buffer(output));
    let resources: Vec<Resource<'_>> = inputs.iter().map(Held::resource).chain(results).collect();
    let start = Instant::now();
    let program = Program::new(device, plan.source, &plan.constants)?;
    let pipeline = Pipeline::with_resources(device, &program, &resources, plan.workgroups)?;
    let took = Seconds(start.elapsed().as_secs_f64());
    Ok((Batch::new(device, vec![pipeline.with_immediates(&plan.immediates)])?, took))
}

/// Whether an adapter has room for a kernel as it is planned.
///
/// # Errors
/// [`Error::Gpu`] for the limit that it is over, [`Error::Shape`] for loops that a renderer would cut short.
pub fn within_limits(kernel: &dyn Kernel, plan: &Plan, device: &Device) -> Result<(), Error> {
    let what = format!("{} of shape {}", kernel.name(), kernel.shape());
    for packing in plan.inputs.iter().chain([&plan.output]).chain(&plan.more_outputs) {
        for words in packing.words() {
            match packing.memory() {
                Memory::Image => drop(device.lines(&what, words.div_ceil(4))?),
                Memory::Words | Memory::Halves => device.holds(&what, words * size_of::<f32>() as u64)?,
            }
        }
    }
    device.shares(&what, plan.workgroup_bytes)?;
    device.dispatches(&what, plan.workgroups)?;
    within_iterations(kernel.name(), &kernel.shape(), plan.iterations, device.facts())
}

/// Whether the loops of one invocation run to their ends on an adapter.
///
/// # Errors
/// [`Error::Shape`] for more iterations than a renderer takes.
pub fn within_iterations(kernel: &'static str, shape: &str, iterations: u32, facts: &Facts) -> Result<(), Error> {
    if facts.class == Class::Software && iterations > ITERATIONS_MAX {
        let reason =
            format!("its loops take {iterations} iterations, over the {ITERATIONS_MAX} that a renderer allows");
        return Err(Error::Shape { kernel, shape: shape.to_owned(), reason });
    }
    Ok(())
}
