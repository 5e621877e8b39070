//! The weights of a model, as candle multiplies with them.
//!
//! On a CPU a quantisation for which candle has no fast kernel is turned into Q8_0 as it is loaded: its values are
//! decoded exactly and rounded once more, to 8 bits per weight with one scale for 32. The tally says what became
//! what. On a GPU the file's own types are kept.

use super::ModelError;
use super::linear::Linear;
use super::tensors::Tensors;
use crate::interrupt::Interrupt;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the matrices are held and multiplied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Quantised, in the type that is fast on the device.
    #[default]
    Quantised,
    /// Every weight decoded to f32 first: slow, large, the reference for the other one.
    F32,
}

/// Matrices by type: in the file, as loaded, how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantisation {
    /// The type in the file; for seeded weights the type drawn.
    pub file: String,
    /// The type as loaded.
    pub loaded: String,
    /// Matrices of this kind.
    pub matrices: u64,
    /// Of these, how many have zeros behind their columns for the sake of the fast kernel.
    pub padded: u64,
}

/// Hands out weights by name, and keeps count.
pub(super) struct Weights<'a> {
    tensors: Tensors,
    precision: Precision,
    device: &'a Device,
    interrupt: &'a Interrupt,
    tally: BTreeMap<(String, String), (u64, u64)>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(tensors: Tensors, precision: Precision, device: &'a Device, interrupt: &'a Interrupt) -> Self {
        Self { tensors, precision, device, interrupt, tally: BTreeMap::new() }
    }

    /// What became of the types of all matrices so far.
    pub(super) fn tally(self) -> Vec<Quantisation> {
        let row = |((file, loaded), (matrices, padded))| Quantisation { file, loaded, matrices, padded };
        self.tally.into_iter().map(row).collect()
    }

    /// A matrix of `[rows, columns]`.
    pub(super) fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Linear, ModelError> {
        self.interrupt.check()?;
        let stored = self.tensors.read(name, &shape)?;
        let from = stored.kind();
        let to = match self.precision {
            Precision::F32 => GgmlDType::F32,
            Precision::Quantised => loaded_kind(from, self.device),
        };
        let linear = match to == from {
            true => Linear::new(stored.bytes(), from, shape, self.device)?,
            false => {
                let values = stored.tensor(&shape)?;
                Linear::new(&QTensor::quantize(&values, to)?.data()?, to, shape, self.device)?
            }
        };
        let entry = self.tally.entry((format!("{from:?}"), format!("{to:?}"))).or_default();
        entry.0 += 1;
        entry.1 += u64::from(linear.is_padded());
        Ok(linear)
    }

    /// A vector of f32, whatever the type in the file.
    pub(super) fn vector(&mut self, name: &str, len: usize) -> Result<Tensor, ModelError> {
        Ok(self.tensors.read(name, &[len])?.tensor(&[len])?.to_device(self.device)?)
    }
}

/// The type that a matrix is held in. Q8_1 and Q8_K are types of activations, for which no product exists.
fn loaded_kind(kind: GgmlDType, device: &Device) -> GgmlDType {
    use GgmlDType::{BF16, F16, F32, Q4_0, Q4K, Q5K, Q6K, Q8_0, Q8_1, Q8K};
    let keep = match kind {
        F32 => true,
        // candle multiplies half floats as f32.
        F16 | BF16 => return F32,
        Q8_1 | Q8K => false,
        _ if !device.is_cpu() => true,
        // The kernels on repacked weights: quantized/repack_x86.rs, quantized/repack.rs.
        Q8_0 | Q4K | Q6K => true,
        Q4_0 | Q5K => cfg!(target_arch = "aarch64"),
        _ => false,
    };
    if keep { kind } else { Q8_0 }
}
