//! `bench`: the workloads without an envelope, in llama-bench's formats.

use super::arguments::{BenchArguments, BenchFormat};
use super::{Exit, Failure, answer, answer_json, equipment, say};
use crate::flight::{self, FlightError, Length, Recorder};
use crate::journal::Event;
use crate::live::Screen;
use crate::report::Benchmark;
use crate::units::Seconds;
use crate::workload::{LanguageShape, LanguageShapes};
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPT: AtomicBool = AtomicBool::new(false);

/// Warm-up of each workload; one batch at least.
const WARM_UP: Seconds = Seconds(0.3);
/// Shortest repeat; a model's repeat is a whole prompt or answer, however long that takes.
const REPEAT: Seconds = Seconds(0.5);

/// Most tokens of one batch, as llama-bench's `-ub`; a prompt or an answer is as many batches as it needs.
const PREFILL_BATCH: usize = 512;
const DECODE_BATCH: usize = 16;

/// Measures and prints.
pub(super) fn bench(arguments: &BenchArguments) -> Result<Exit, Failure> {
    let (depth, prompt, answer_length) =
        (arguments.n_depth as usize, arguments.n_prompt as usize, arguments.n_gen as usize);
    let shapes = LanguageShapes {
        prefill: LanguageShape { depth, length: prompt, batch: prompt.min(PREFILL_BATCH) },
        decode: LanguageShape { depth, length: answer_length, batch: answer_length.min(DECODE_BATCH) },
    };
    let equipment = equipment::prepare(&arguments.machine, shapes)?;
    ctrlc::set_handler(|| INTERRUPT.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::tool(format!("the interrupt handler cannot be set: {error}")))?;
    let length = Length { repeats: arguments.repetitions, warm_up: WARM_UP, repeat: REPEAT, ..Length::STANDARD };
    let mut events = Vec::new();
    let format = if arguments.json { BenchFormat::Json } else { arguments.output };
    let mut screen = Screen::new(format != BenchFormat::Md);
    let mut spectator = |event: &Event| {
        screen.show(event);
        events.push(event.clone());
    };
    let ended = flight::bench(&mut Recorder::new(None, &mut spectator, &INTERRUPT), &length, equipment);
    let benchmark = Benchmark::from_events(&events)
        .ok_or_else(|| Failure::tool("the run ended before the machine was described"))?;
    print(&benchmark, format)?;
    match ended {
        Ok(()) if benchmark.verified(&events) => Ok(Exit::Valid),
        Ok(()) => {
            say("a kernel disagrees with its twin: the driver computes wrong results");
            Ok(Exit::Invalid)
        }
        Err(FlightError::Interrupted) => Ok(Exit::Interrupted),
        Err(error) => Err(Failure::tool(error)),
    }
}

fn print(benchmark: &Benchmark, format: BenchFormat) -> Result<(), Failure> {
    match format {
        BenchFormat::Md => answer(&benchmark.markdown()),
        BenchFormat::Csv => answer(&benchmark.csv()),
        BenchFormat::Json => answer_json(benchmark)?,
        BenchFormat::Jsonl => {
            for row in &benchmark.rows {
                let line = serde_json::to_string(row).map_err(|error| Failure::tool(format!("JSON: {error}")))?;
                answer(&format!("{line}\n"));
            }
        }
    }
    Ok(())
}
