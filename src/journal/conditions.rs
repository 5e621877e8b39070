//! The machine as it was found, and what runs on it: what every reader of a result must know beside its numbers.

use super::AdapterClass;
use crate::meter::board::{BoardFacts, Fact};
use crate::reading::{Boundary, Source};
use crate::tuner::Choice;
use crate::workload::{Description, ModelFacts};
use serde::{Deserialize, Serialize};

/// The machine, as found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Operating system and its version.
    pub os: String,
    /// Instruction set.
    pub arch: String,
    /// CPU as it names itself (llama-bench's name).
    pub cpu_info: String,
    /// Hardware threads.
    pub cpu_threads: usize,
    /// Adapter (llama-bench's name), or none.
    pub gpu_info: Option<String>,
    /// Adapter's driver.
    pub driver: Option<String>,
    /// What the kernels run on.
    pub adapter_class: AdapterClass,
    /// Backends in use.
    pub backends: String,
    /// Model as loaded, with its provenance and what was requantised.
    pub model: Option<String>,
    /// True when the weights are the published ones.
    pub model_is_real: bool,
    /// The power source in use.
    pub source: Source,
    /// The power limit that follows the budget; none unless it was asked for.
    #[serde(default, rename = "knob", skip_serializing_if = "Option::is_none")]
    pub power_limit: Option<String>,
    /// Whether that source sees the adapter.
    pub source_covers_adapter: bool,
    /// What speaks against that source, where it was asked for by name all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_doubt: Option<String>,
    /// Whether that source's watts are this work's alone; none where it is no board with a library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Sharing>,
    /// Every other power source that was tried, and why it is not used.
    pub sources_refused: Vec<String>,
    /// Environment variables that change what is measured.
    pub environment: Vec<(String, String)>,
    /// Which of several kernels runs, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tuning: Vec<Choice>,
    /// Workloads, in flight order.
    pub workloads: Vec<WorkloadRecord>,
}

impl Conditions {
    /// Whether the power source sees work on `backend`: a board sees the adapter and candle's device on it, a package,
    /// a process or a wall meter see the CPU, and an adapter where it is said to be covered.
    pub fn sees(&self, backend: &str) -> bool {
        let on_board = backend.starts_with("wgpu:")
            || ["candle:cuda", "candle:metal"].iter().any(|device| backend.starts_with(device));
        match self.source.boundary {
            Boundary::Accelerator | Boundary::Package | Boundary::Unknown => on_board && self.source_covers_adapter,
            Boundary::Apu | Boundary::Module => !on_board || self.source_covers_adapter,
            Boundary::Memory | Boundary::Rail => false,
            Boundary::Wall => true,
            Boundary::NotStated => false,
            Boundary::CpuPackage | Boundary::Process => !on_board || self.source_covers_adapter,
        }
    }
}

/// With whom a board and its watts are shared, as it was found before the work. Each is there or has its cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sharing {
    /// Cut into instances that others may hold (NVIDIA's MIG).
    pub is_partitioned: Fact<bool>,
    /// Processes on it other than this one.
    pub other_processes: Fact<Vec<u32>>,
}

impl Sharing {
    /// Of one board, or of several that count as one: what is so of one of them is so of all. None of no board.
    pub fn of(boards: &[&BoardFacts]) -> Option<Sharing> {
        boards.first()?;
        let is_cut = |board: &&&BoardFacts| board.is_partitioned.value == Some(true);
        let untold = boards.iter().find(|board| board.is_partitioned.known().is_err());
        let is_partitioned = match (boards.iter().find(is_cut), untold) {
            (Some(board), _) | (None, Some(board)) => board.is_partitioned.clone(),
            (None, None) => Ok(false).into(),
        };
        let lists = boards.iter().map(|board| board.other_processes.known());
        let mut processes: Vec<u32> = lists.clone().flatten().flatten().copied().collect();
        processes.sort_unstable();
        processes.dedup();
        let untold = lists.filter_map(Result::err).next();
        let other_processes = match untold {
            Some(cause) if processes.is_empty() => Err(cause).into(),
            _ => Ok(processes).into(),
        };
        Some(Sharing { is_partitioned, other_processes })
    }
}

/// One workload, as described by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadRecord {
    /// Unique name.
    pub name: String,
    /// Where it runs.
    pub backend: String,
    /// Shape or parameters, for people.
    pub test: String,
    /// What one item is: `token`, `FLOP` or `byte`.
    pub unit: String,
    /// The language model; none for a kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelRecord>,
    /// Tokens of the prompt (llama-bench's name); 0 where there is none.
    pub n_prompt: u32,
    /// Tokens written (llama-bench's name); 0 where none are.
    pub n_gen: u32,
    /// Tokens in the cache before (llama-bench's name).
    pub n_depth: u32,
    /// Items in a batch.
    pub items_per_batch: f64,
    /// Floating-point operations in a batch.
    pub flop_per_batch: f64,
    /// Bytes that a batch must move at least.
    pub bytes_per_batch: f64,
    /// Results of a batch that must go down the link.
    pub result_bits_per_batch: f64,
}

/// A language model, under llama-bench's names where the meaning is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Name and types of its matrices as loaded.
    pub model_type: String,
    /// The file of its weights; null for seeded ones.
    pub model_filename: Option<String>,
    /// Weights.
    pub model_n_params: u64,
    /// Bytes of weights that one decoded token reads.
    pub weight_bytes_per_token: u64,
}

impl From<&ModelFacts> for ModelRecord {
    fn from(model: &ModelFacts) -> ModelRecord {
        ModelRecord {
            model_type: model.kind.clone(),
            model_filename: model.file.clone(),
            model_n_params: model.parameters,
            weight_bytes_per_token: model.weight_bytes_per_token,
        }
    }
}

impl From<&Description> for WorkloadRecord {
    fn from(description: &Description) -> WorkloadRecord {
        WorkloadRecord {
            name: description.name.clone(),
            backend: description.backend.clone(),
            test: description.test.clone(),
            unit: description.unit.name().into(),
            model: description.model.as_ref().map(ModelRecord::from),
            n_prompt: description.n_prompt,
            n_gen: description.n_gen,
            n_depth: description.n_depth,
            items_per_batch: description.items_per_batch,
            flop_per_batch: description.flop_per_batch,
            bytes_per_batch: description.bytes_per_batch,
            result_bits_per_batch: description.result_bits_per_batch,
        }
    }
}
