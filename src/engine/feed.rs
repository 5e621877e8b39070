//! The feed-forward half of a layer, dense or of experts.
//!
//! ```text
//! dense       g = silu(n W_gate^T) (n W_up^T)         x = x' + g W_down^T
//! experts     top_k: n W_router^T -> k experts e with weights w, for each row
//!             g_e = silu(n gate_e^T) (n up_e^T)       x = x' + sum over e of w_e g_e down_e^T
//! ```

use super::EngineError;
use super::choices::Choices;
use super::layer::{Shared, padded};
use super::matrix::Matrix;
use super::matrix::memory;
use super::product::{Product, Way};
use super::programs::Programs;
use super::stack::{ExpertProduct, Stack};
use super::weights::{Place, Rows, load};
use crate::gpu::{Device, Pipeline, Recording};
use crate::kernel::{Direction, Epilogue, TopK};
use crate::model::{Config, Tensors};

/// The weights of this half.
#[derive(Debug)]
pub(super) enum FeedWeights {
    /// One network; rows of gate and up are one matrix, in alternating pairs.
    Dense { gate_up: Matrix, down: Matrix },
    /// Several of them, of which each row goes to `used`.
    Experts { router: Matrix, gate_up: Stack, down: Stack, experts: usize, used: usize },
}

impl FeedWeights {
    pub(super) fn load(
        layer: usize,
        device: &Device,
        shape: &Config,
        tensors: &mut Tensors,
    ) -> Result<FeedWeights, EngineError> {
        let (hidden, feed) = (shape.hidden, shape.feed_forward);
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let gate_up = |number: &str| {
            let turn = |part: &str, first| Rows {
                name: name(&format!("{part}{number}")),
                rows: feed,
                place: Place::Turns(first),
            };
            vec![turn("ffn_gate", 0), turn("ffn_up", 2)]
        };
        let straight = |part: &str, rows| vec![Rows { name: name(part), rows, place: Place::From(0) }];
        let Some([experts, used]) = shape.mixture() else {
            let gate_up = load(device, tensors, &gate_up(""), hidden, memory(device))?;
            let down = load(device, tensors, &straight("ffn_down", hidden), feed, memory(device))?;
            return Ok(FeedWeights::Dense { gate_up, down });
        };
        let router = load(device, tensors, &straight("ffn_gate_inp", experts), hidden, memory(device))?;
        let gate_up = Stack::load(device, tensors, experts, hidden, |expert| gate_up(&format!(".{expert}")))?;
        let down = |expert| straight(&format!("ffn_down.{expert}"), hidden);
        let down = Stack::load(device, tensors, experts, feed, down)?;
        Ok(FeedWeights::Experts { router, gate_up, down, experts, used })
    }

    /// The matrices that every row is multiplied with, but for a router, which is small.
    pub(super) fn matrices(&self) -> Vec<&Matrix> {
        match self {
            Self::Dense { gate_up, down } => vec![gate_up, down],
            Self::Experts { .. } => vec![],
        }
    }

    /// Bytes of all its weights.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Dense { gate_up, down } => gate_up.bytes + down.bytes,
            Self::Experts { router, gate_up, down, .. } => router.bytes + gate_up.bytes + down.bytes,
        }
    }

    /// Bytes of those that one token reads.
    pub(super) fn bytes_per_token(&self) -> u64 {
        match self {
            Self::Dense { .. } => self.bytes(),
            Self::Experts { router, gate_up, down, experts, used } => {
                router.bytes + (gate_up.bytes + down.bytes) * *used as u64 / *experts as u64
            }
        }
    }
}

/// The pipelines of this half: from `normed` and `middle` to `x`.
#[derive(Debug)]
pub(super) enum Feed {
    Dense { gate_up: Product, down: Product },
    Experts { router: Product, choose: Pipeline, gate_up: ExpertProduct, down: ExpertProduct },
}

impl Feed {
    pub(super) fn new(
        programs: &mut Programs,
        choices: &Choices,
        weights: &FeedWeights,
        shared: &Shared,
    ) -> Result<Feed, EngineError> {
        let rows = shared.room.rows();
        let Shared { x, middle, normed, gated, routed, choice, nothing, .. } = shared;
        let way = |x, residual, y, epilogue| Way { x, residual, y, epilogue };
        match weights {
            FeedWeights::Dense { gate_up, down } => {
                let up = way(normed, nothing, gated, Epilogue::Gate);
                let back = way(gated, middle, x, Epilogue::Add);
                let gate_up = Product::new(programs, choices, gate_up, up, rows)?;
                Ok(Feed::Dense { gate_up, down: Product::new(programs, choices, down, back, rows)? })
            }
            FeedWeights::Experts { router, gate_up, down, experts, used } => {
                let ask = way(normed, nothing, routed, Epilogue::Store);
                let router = Product::new(programs, choices, router, ask, rows)?;
                let top = TopK::new(1, *experts as u32, *used as u32)?;
                let program = programs.get(TopK::SOURCE, &top.constants(padded(*experts)))?;
                let choose = Pipeline::of(programs.device(), &program, &[routed, choice], [1, 1, 1])?;
                let up = [normed, choice, nothing, gated];
                let gate_up = ExpertProduct::new(programs, gate_up, *used, Direction::Up, up)?;
                let back = [gated, choice, middle, x];
                let down = ExpertProduct::new(programs, down, *used, Direction::Down, back)?;
                Ok(Feed::Experts { router, choose, gate_up, down })
            }
        }
    }

    /// Records this half for `rows` rows.
    pub(super) fn record(&self, recording: &mut Recording, programs: &Programs, rows: u32) {
        match self {
            Feed::Dense { gate_up, down } => {
                gate_up.record(recording, rows);
                down.record(recording, rows);
            }
            Feed::Experts { router, choose, gate_up, down } => {
                router.record(recording, rows);
                recording.run_with(choose, TopK::workgroups(rows), &[]);
                gate_up.record(recording, programs, rows);
                down.record(recording, programs, rows);
            }
        }
    }
}
