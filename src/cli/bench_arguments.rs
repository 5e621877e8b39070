//! The words of `bench`; its letters are llama-bench's.

use super::arguments::{MachineArguments, length};
use crate::flight::Length;
use crate::journal::LengthName;
use crate::units::Seconds;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Most tokens of a test. A model has room for fewer, and says for how many.
const TOKENS_MAX: u32 = 1 << 20;

/// Most repeats.
const REPEATS_MAX: u32 = 1000;

/// Most sequences decoded together.
const SEQUENCES_MAX: u32 = 512;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub(super) struct BenchArguments {
    /// Tokens of the prompt, one test for each; 0 for none
    #[arg(short = 'p', long, value_name = "N,..", default_value = "512", value_delimiter = ',', value_parser = tokens)]
    pub(super) n_prompt: Vec<u32>,
    /// Tokens to generate, one test for each; 0 for none
    #[arg(short = 'n', long, value_name = "N,..", default_value = "64", value_delimiter = ',', value_parser = tokens)]
    pub(super) n_gen: Vec<u32>,
    /// Tokens already in the cache before the prompt or the generation; each test at each depth
    #[arg(short = 'd', long, value_name = "N,..", default_value = "0", value_delimiter = ',', value_parser = tokens)]
    pub(super) n_depth: Vec<u32>,
    /// Sequences decoded together, as llama-batched-bench's; more than 1 on the engine only
    #[arg(long, value_name = "N,..", default_value = "1", value_delimiter = ',', value_parser = sequences)]
    pub(super) npl: Vec<u32>,
    /// Repeats of each measurement
    #[arg(short = 'r', long, value_name = "N", default_value = "5", value_parser = repeats)]
    pub(super) repetitions: u32,
    /// How long idle power is watched, each workload warms up and one repeat lasts at least (0.5, 0.1, 0.1 s; 5, 0.3,
    /// 0.5 s; 30, 10, 60 s); longer where the power source is renewed slowly
    #[arg(long, value_enum, default_value_t = LengthName::Standard)]
    pub(super) length: LengthName,
    /// Format
    #[arg(short = 'o', long, value_enum, default_value_t = BenchFormat::Md)]
    pub(super) output: BenchFormat,
    /// Same as -o json
    #[arg(long)]
    pub(super) json: bool,
    /// Choose between kernels by a new trial, whatever is remembered
    #[arg(long)]
    pub(super) retune: bool,
    /// Measure power against rate instead, and write it as a machine profile
    #[arg(long, value_name = "FILE", conflicts_with_all = ["n_prompt", "n_gen", "n_depth", "npl", "repetitions", "length", "output"])]
    pub(super) sweep: Option<PathBuf>,
    /// How long --sweep holds each operating point
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds, requires = "sweep")]
    pub(super) sweep_seconds: f64,
    /// Compare the work under governor, meter and pacer with the same work without them instead, in so many pairs
    #[arg(long, value_name = "PAIRS", num_args = 0..=1, default_missing_value = "10", value_parser = pairs, conflicts_with_all = ["n_prompt", "n_gen", "n_depth", "npl", "repetitions", "length", "output", "sweep"])]
    pub(super) overhead: Option<u32>,
    /// How long each arm of a pair of --overhead lasts
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds, requires = "overhead")]
    pub(super) overhead_seconds: f64,
    /// The machine to use
    #[command(flatten)]
    pub(super) machine: MachineArguments,
}

/// Formats of `bench`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BenchFormat {
    /// A Markdown table
    Md,
    /// Comma-separated values
    Csv,
    /// One JSON document
    Json,
    /// One JSON document a line
    Jsonl,
}

impl BenchArguments {
    /// What `--length` and `-r` say. A model's repeat is a whole prompt or answer, however long that takes.
    pub(super) fn length(&self) -> Length {
        let (idle, warm_up, repeat) = match self.length {
            LengthName::Quick => (Seconds(0.5), Seconds(0.1), Seconds(0.1)),
            LengthName::Standard => (Length::STANDARD.idle, Seconds(0.3), Seconds(0.5)),
            LengthName::Strict => (Length::STRICT.idle, Length::STRICT.warm_up, Length::STRICT.repeat),
        };
        Length { idle, warm_up, repeat, repeats: self.repetitions, ..length(self.length) }
    }
}

fn tokens(text: &str) -> Result<u32, String> {
    whole(text, 0, TOKENS_MAX)
}

fn pairs(text: &str) -> Result<u32, String> {
    whole(text, 1, REPEATS_MAX)
}

fn sequences(text: &str) -> Result<u32, String> {
    whole(text, 1, SEQUENCES_MAX)
}

fn repeats(text: &str) -> Result<u32, String> {
    whole(text, 1, REPEATS_MAX)
}

fn whole(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("it must be a whole number from {least} to {most}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number| (0.1..=600.0).contains(number));
    number.ok_or_else(|| "it must be a number of seconds from 0.1 to 600".to_owned())
}
