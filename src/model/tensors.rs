//! The tensors of a model as they are stored: out of a checked file, or drawn from a seed where there is no file.

use super::ModelError;
use super::gguf::Header;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Where tensors come from, by name.
#[derive(Debug)]
pub enum Tensors {
    /// A checked file.
    File {
        /// Its header.
        header: Box<Header>,
        /// The file, open.
        file: File,
    },
    /// A seed: Q8_0 of normal values with standard deviation 1/sqrt(columns), norms of 1.
    Seed(u64),
}

impl Tensors {
    /// The type in which a matrix is stored; none where the file has no such matrix.
    pub fn kind(&self, name: &str, columns: usize) -> Option<GgmlDType> {
        match self {
            Self::Seed(_) => Some(seeded_kind(columns)),
            Self::File { header, .. } => header.tensors().get(name).map(|info| info.kind),
        }
    }

    /// One tensor, of sizes slowest first.
    ///
    /// # Errors
    /// The file has no such tensor, or one of other sizes, or cannot be read.
    pub fn read(&mut self, name: &str, shape: &[usize]) -> Result<Stored, ModelError> {
        match self {
            Self::Seed(seed) => Ok(seeded(*seed, name, shape)?),
            Self::File { header, file } => {
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

/// The bytes of one tensor as they are stored, in words so that every type of block is aligned.
#[derive(Debug)]
pub struct Stored {
    words: Vec<u64>,
    len: usize,
    kind: GgmlDType,
}

impl Stored {
    fn zeros(len: usize, kind: GgmlDType) -> Self {
        Self { words: vec![0; len.div_ceil(8)], len, kind }
    }

    /// The type of its blocks.
    pub fn kind(&self) -> GgmlDType {
        self.kind
    }

    /// Its blocks, row by row.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.len]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.len]
    }

    /// The values in f32, row by row.
    ///
    /// # Errors
    /// candle cannot decode this type.
    pub fn values(&self, shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        Ok(self.tensor(shape)?.flatten_all()?.to_vec1()?)
    }

    /// The values in f32, in main memory.
    pub(super) fn tensor(&self, shape: &[usize]) -> candle_core::Result<Tensor> {
        QTensor::new(QStorage::from_data(self.bytes().into(), &Device::Cpu, self.kind)?, shape)?
            .dequantize(&Device::Cpu)
    }
}

/// The weights of one name under one seed, the same in whatever order they are asked for.
fn seeded(seed: u64, name: &str, shape: &[usize]) -> candle_core::Result<Stored> {
    let count: usize = shape.iter().product();
    let columns = shape.last().copied().unwrap_or(1);
    let values = match shape {
        [_] => vec![1.0; count],
        _ => normal_values(seed, name, count, 1.0 / (columns as f32).sqrt()),
    };
    let kind = if shape.len() > 1 { seeded_kind(columns) } else { GgmlDType::F32 };
    let tensor = QTensor::quantize(&Tensor::from_vec(values, shape, &Device::Cpu)?, kind)?;
    let data = tensor.data()?;
    let mut stored = Stored::zeros(data.len(), kind);
    stored.bytes_mut().copy_from_slice(&data);
    Ok(stored)
}

/// Q8_0 where rows are whole blocks.
fn seeded_kind(columns: usize) -> GgmlDType {
    if columns.is_multiple_of(GgmlDType::Q8_0.block_size()) { GgmlDType::Q8_0 } else { GgmlDType::F32 }
}

/// Values that are drawn from one stream of random numbers.
const STRETCH: usize = 1 << 16;

/// Normal values with mean 0, by Box and Muller 1958: two uniform draws give two normal ones. Each stretch has a stream
/// of its own, so that all cores draw at once.
pub(super) fn normal_values(seed: u64, name: &str, count: usize, deviation: f32) -> Vec<f32> {
    let digest = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
    let mut values = vec![0.0; count];
    values.par_chunks_mut(STRETCH).enumerate().for_each(|(stretch, values)| {
        let mut random = ChaCha8Rng::from_seed(digest.into());
        random.set_stream(stretch as u64);
        for pair in values.chunks_mut(2) {
            let radius = deviation * (-2.0 * (1.0 - random.random::<f32>()).ln()).sqrt();
            let (sine, cosine) = (std::f32::consts::TAU * random.random::<f32>()).sin_cos();
            for (value, factor) in pair.iter_mut().zip([cosine, sine]) {
                *value = radius * factor;
            }
        }
    });
    values
}
