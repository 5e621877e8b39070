//! `bench`: the workloads without an envelope, in llama-bench's formats.

use super::arguments::MachineArguments;
use super::bench_arguments::{BenchArguments, BenchFormat};
use super::interrupts::Interrupts;
use super::loading::Purpose;
use super::{Exit, Failure, answer, answer_json, equipment, limits, overhead, say, sweep};
use crate::flight::{self, FlightError, Length, Recorder};
use crate::interrupt::Interrupt;
use crate::journal::{Conditions, Event};
use crate::live::Screen;
use crate::reading::Source;
use crate::report::Benchmark;
use crate::tuner::Retune;
use crate::workload::{LanguageShape, LanguageShapes, PEAKS};
use jiff::Timestamp;

/// Most tokens of one batch, as llama-bench's `-ub`; a prompt or an answer is as many batches as it needs.
const PREFILL_BATCH: usize = 512;
const DECODE_BATCH: usize = 16;

/// What is said where a kernel was checked and is wrong.
pub(super) const DISAGREES: &str = "a kernel disagrees with its twin: the driver computes wrong results";

/// Measures and prints.
pub(super) fn bench(arguments: &BenchArguments) -> Result<Exit, Failure> {
    let interrupts = Interrupts::handle()?;
    limits::put_back()?;
    if let Some(file) = &arguments.sweep {
        return sweep::sweep(arguments, file, &interrupts);
    }
    if let Some(pairs) = arguments.overhead {
        return overhead::overhead(arguments, pairs, &interrupts);
    }
    let shapes = shapes(arguments);
    let (machine, measured_too) = with_peaks(&arguments.machine);
    let prepared = interrupts
        .prepare(|interrupt| equipment::prepare(&machine, shapes, Purpose::Bench, (retune(arguments), interrupt)))?;
    let Some(equipment) = prepared else { return Ok(Exit::Interrupted) };
    if equipment.workloads.is_empty() {
        return Err(Failure::input("nothing to measure: --workloads names only models, and -p and -n are 0"));
    }
    let format = if arguments.json { BenchFormat::Json } else { arguments.output };
    let length = for_source(arguments.length(), &equipment.conditions);
    let opening = opening(arguments.repetitions, measured_too);
    let (events, ended) = recorded(format != BenchFormat::Md, opening, interrupts.interrupt(), |recorder| {
        flight::bench(recorder, &length, equipment)
    });
    let benchmark = Benchmark::from_events(&events)
        .ok_or_else(|| Failure::tool("the run ended before the machine was described"))?;
    print(&benchmark, format)?;
    match ended {
        Err(FlightError::Interrupted) => Ok(Exit::Interrupted),
        Ok(()) if benchmark.verified(&events) => Ok(interrupts.exit(Exit::Valid)),
        Ok(()) => {
            say(DISAGREES);
            Ok(interrupts.exit(Exit::Invalid))
        }
        Err(error) => Err(Failure::tool(error)),
    }
}

/// The length that the power source needs, which is said where a repeat takes longer than its name promises.
fn for_source(named: Length, conditions: &Conditions) -> Length {
    let Source { name, update_period_s, .. } = &conditions.source;
    let length = named.for_source(&conditions.source, conditions.workloads.len());
    if length.repeat > named.repeat {
        let (least, promised) = (length.repeat.0, named.repeat.0);
        say(&format!(
            "{name} is renewed every {} s, so a repeat lasts at least {least} s instead of {promised} s",
            update_period_s.0
        ));
    }
    length
}

/// The first line of what is recorded.
pub(super) fn opening(repeats: u32, measured_too: Vec<String>) -> Event {
    Event::Benched {
        program: concat!("dawndusk ", env!("CARGO_PKG_VERSION")).into(),
        test_time: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        repeats,
        measured_too,
    }
}

/// Measures with a recorder that shows its events, unless `quiet`, and keeps them.
pub(super) fn recorded<T>(
    quiet: bool,
    opening: Event,
    interrupt: &Interrupt,
    measure: impl FnOnce(&mut Recorder<'_>) -> T,
) -> (Vec<Event>, T) {
    let mut events = Vec::new();
    let mut screen = Screen::new(quiet);
    let mut spectator = |event: &Event| {
        screen.show(event);
        events.push(event.clone());
    };
    let mut recorder = Recorder::new(None, &mut spectator, interrupt.flag());
    recorder.record(opening);
    let ended = measure(&mut recorder);
    (events, ended)
}

/// Whether `--retune` was given.
pub(super) fn retune(arguments: &BenchArguments) -> Retune {
    if arguments.retune { Retune::Yes } else { Retune::No }
}

/// Every length at every depth, decoded by every number of sequences; a length of 0 leaves its test out.
fn shapes(arguments: &BenchArguments) -> LanguageShapes {
    let tests = |lengths: &[u32], batch: usize, npl: &[u32]| {
        let mut tests = Vec::new();
        for &length in lengths.iter().filter(|&&length| length > 0) {
            for &depth in &arguments.n_depth {
                for &sequences in npl {
                    let [depth, length, sequences] = [depth, length, sequences].map(|size| size as usize);
                    tests.push(LanguageShape { depth, length, batch: length.min(batch), sequences });
                }
            }
        }
        tests
    };
    LanguageShapes {
        prefill: tests(&arguments.n_prompt, PREFILL_BATCH, &[1]),
        decode: tests(&arguments.n_gen, DECODE_BATCH, &arguments.npl),
    }
}

/// Where only some kernels are wanted, the peaks that they are shares of are measured as well.
fn with_peaks(machine: &MachineArguments) -> (MachineArguments, Vec<String>) {
    const MODELS: [&str; 5] = ["classify", "prefill", "decode", "embed", "vision"];
    let is_judged = |name: &str| !PEAKS.contains(&name) && !MODELS.contains(&name);
    let mut machine = machine.clone();
    let mut added = Vec::new();
    if machine.workloads.iter().any(|name| is_judged(name)) {
        added.extend(PEAKS.map(str::to_owned).into_iter().filter(|peak| !machine.workloads.contains(peak)));
        machine.workloads.extend(added.iter().cloned());
    }
    (machine, added)
}

fn print(benchmark: &Benchmark, format: BenchFormat) -> Result<(), Failure> {
    match format {
        BenchFormat::Md => answer(&benchmark.markdown()),
        BenchFormat::Csv => answer(&benchmark.csv()),
        BenchFormat::Json => answer_json(benchmark)?,
        BenchFormat::Jsonl => answer(&benchmark.json_lines()),
    }
    Ok(())
}
