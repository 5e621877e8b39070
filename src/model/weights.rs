//! The weights of a model: out of a checked file, or drawn from a seed where there is no file.
//!
//! On a CPU a quantisation for which candle has no fast kernel is turned into Q8_0 as it is loaded: its values are
//! decoded exactly and rounded once more, to 8 bits per weight with one scale for 32. The tally says what became
//! what. On a GPU the file's own types are kept.

use super::ModelError;
use super::gguf::Header;
use super::linear::Linear;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

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

/// Where weights come from.
pub(super) enum Origin<'a> {
    /// A checked file.
    File { header: &'a Header, file: File },
    /// A seed: Q8_0 of normal values with standard deviation 1/sqrt(columns), norms of 1.
    Seed(u64),
}

/// Hands out weights by name, and keeps count.
pub(super) struct Weights<'a> {
    origin: Origin<'a>,
    precision: Precision,
    device: &'a Device,
    tally: BTreeMap<(String, String), (u64, u64)>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(origin: Origin<'a>, precision: Precision, device: &'a Device) -> Self {
        Self { origin, precision, device, tally: BTreeMap::new() }
    }

    pub(super) fn precision(&self) -> Precision {
        self.precision
    }

    /// What became of the types of all matrices so far.
    pub(super) fn tally(self) -> Vec<Quantisation> {
        let row = |((file, loaded), (matrices, padded))| Quantisation { file, loaded, matrices, padded };
        self.tally.into_iter().map(row).collect()
    }

    /// A matrix of `[rows, columns]`.
    pub(super) fn matrix(&mut self, name: &str, shape: [usize; 2]) -> Result<Linear, ModelError> {
        let stored = self.stored(name, &shape)?;
        let from = stored.kind;
        let to = match self.precision {
            Precision::F32 => GgmlDType::F32,
            Precision::Quantised => loaded_kind(from, self.device),
        };
        let linear = match to == from {
            true => Linear::new(stored.bytes(), from, shape, self.device)?,
            false => {
                let values = stored.decoded(&shape)?;
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
        Ok(self.stored(name, &[len])?.decoded(&[len])?.to_device(self.device)?)
    }

    fn stored(&mut self, name: &str, shape: &[usize]) -> Result<Stored, ModelError> {
        match &mut self.origin {
            Origin::Seed(seed) => Ok(seeded(*seed, name, shape)?),
            Origin::File { header, file } => {
                let place = || format!("tensor `{name}`");
                let allowed = || format!("sizes {shape:?}");
                let info = header.tensors().get(name);
                let info = info.ok_or_else(|| header.refuse(place(), "missing".to_owned(), allowed()))?;
                if info.shape != shape {
                    return Err(header.refuse(place(), format!("sizes {:?}", info.shape), allowed()).into());
                }
                // The header check has held this length against the file.
                let mut stored = Stored::zeros(info.bytes as usize, info.kind);
                let read = file.seek(SeekFrom::Start(info.start)).and_then(|_| file.read_exact(stored.bytes_mut()));
                read.map_err(|source| ModelError::Unreadable { path: header.path().to_owned(), source })?;
                Ok(stored)
            }
        }
    }
}

/// The bytes of one tensor, in words so that every type of block is aligned.
struct Stored {
    words: Vec<u64>,
    len: usize,
    kind: GgmlDType,
}

impl Stored {
    fn zeros(len: usize, kind: GgmlDType) -> Self {
        Self { words: vec![0; len.div_ceil(8)], len, kind }
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }

    /// The values in f32, in main memory.
    fn decoded(&self, shape: &[usize]) -> candle_core::Result<Tensor> {
        QTensor::new(QStorage::from_data(self.bytes().into(), &Device::Cpu, self.kind)?, shape)?
            .dequantize(&Device::Cpu)
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

/// The weights of one name under one seed, the same in whatever order they are asked for.
fn seeded(seed: u64, name: &str, shape: &[usize]) -> candle_core::Result<Stored> {
    let count: usize = shape.iter().product();
    let columns = shape.last().copied().unwrap_or(1);
    let values = match shape {
        [_] => vec![1.0; count],
        _ => normal_values(seed, name, count, 1.0 / (columns as f32).sqrt()),
    };
    let whole_blocks = shape.len() > 1 && columns.is_multiple_of(GgmlDType::Q8_0.block_size());
    let kind = if whole_blocks { GgmlDType::Q8_0 } else { GgmlDType::F32 };
    let tensor = QTensor::quantize(&Tensor::from_vec(values, shape, &Device::Cpu)?, kind)?;
    let data = tensor.data()?;
    let mut stored = Stored::zeros(data.len(), kind);
    stored.bytes_mut().copy_from_slice(&data);
    Ok(stored)
}

/// Normal values with mean 0, by Box and Muller 1958: two uniform draws give two normal ones.
pub(super) fn normal_values(seed: u64, name: &str, count: usize, deviation: f32) -> Vec<f32> {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    let mut random = ChaCha8Rng::from_seed(digest.into());
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = deviation * (-2.0 * (1.0 - random.random::<f32>()).ln()).sqrt();
        let (sine, cosine) = (std::f32::consts::TAU * random.random::<f32>()).sin_cos();
        values.extend([radius * cosine, radius * sine]);
    }
    values.truncate(count);
    values
}
