//! A matrix of weights, kept quantised, and its product with activations.
//!
//! y[t x rows] = x[t x columns] W^T, with W[rows x columns] stored row by row.
//!
//! On x86-64 candle has a fast kernel (AVX-512 or AVX VNNI on repacked tiles) for Q8_0 only when the columns are a
//! multiple of 256 and the rows of 16, and falls back to one dot product at a time otherwise. SmolLM2-135M has 576
//! columns. Rows are therefore stored with zeros up to the next multiple of 256, and so are the activations: a third
//! more arithmetic on a kernel that is many times faster. The zeros change no result.

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{D, Device, Module, Result, Tensor};
use std::borrow::Cow;
use std::sync::Arc;

/// The fast kernel takes columns in blocks of this many (`QK_K` of ggml)...
const FAST_COLUMNS: usize = 256;
/// ...and rows in tiles of this many.
const FAST_ROWS: usize = 16;
/// Zeros may be at most this share of the stored columns; beyond it the slow kernel is the better one.
const PADDING_MAX: f64 = 0.5;

/// W, quantised or in f32.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    weight: QMatMul,
    columns: usize,
    stored_columns: usize,
    bytes: u64,
}

impl Linear {
    /// From the quantised bytes of `rows` by `columns` weights, without any change of type.
    pub(super) fn new(
        data: &[u8],
        kind: GgmlDType,
        [rows, columns]: [usize; 2],
        device: &Device,
    ) -> Result<Self> {
        let stored_columns = stored_columns(kind, [rows, columns], device);
        let stored: Cow<'_, [u8]> = match stored_columns == columns {
            true => Cow::Borrowed(data),
            false => Cow::Owned(pad_rows(data, kind, columns, stored_columns)),
        };
        let tensor = QTensor::new(QStorage::from_data(stored, device, kind)?, (rows, stored_columns))?;
        let bytes = tensor.storage_size_in_bytes() as u64;
        // Whole and half floats become a plain f32 matrix here.
        let weight = QMatMul::from_arc(Arc::new(tensor))?;
        let bytes = match &weight {
            QMatMul::QTensor(_) => bytes,
            QMatMul::Tensor(t) | QMatMul::TensorF16(t) => (t.elem_count() * t.dtype().size_in_bytes()) as u64,
        };
        Ok(Self { weight, columns, stored_columns, bytes })
    }

    /// Bytes that one product reads.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The width of activations that suits all of these at once: padded where all agree, else the plain columns.
    pub(super) fn shared_width(all: &[&Self]) -> usize {
        let padded = all[0].stored_columns;
        if all.iter().all(|linear| linear.stored_columns == padded) { padded } else { all[0].columns }
    }

    /// True when zeros stand behind the columns.
    pub(super) fn is_padded(&self) -> bool {
        self.stored_columns != self.columns
    }

    /// x W^T for x of `[t, columns]` or already `[t, stored_columns]`.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.weight.forward(&self.padded(x)?)
    }

    /// Several products of one x, of the shared width: the fast kernel quantises x once and calls its threads once.
    pub(super) fn forward_all<const N: usize>(all: [&Self; N], x: &Tensor) -> Result<[Tensor; N]> {
        let quantised: Vec<&QTensor> = all
            .iter()
            .filter_map(|linear| match &linear.weight {
                QMatMul::QTensor(tensor) => Some(tensor.as_ref()),
                QMatMul::Tensor(_) | QMatMul::TensorF16(_) => None,
            })
            .collect();
        if quantised.len() == N {
            if let Some(products) = QTensor::gemv_fused_shared_lhs(&quantised, x)? {
                if let Ok(products) = products.try_into() {
                    return Ok(products);
                }
            }
        }
        let mut products = Vec::with_capacity(N);
        for linear in all {
            products.push(linear.forward(x)?);
        }
        products.try_into().map_err(|_| candle_core::Error::Msg("as many products as matrices".to_owned()))
    }

    /// The rows with these numbers as f32: `[ids, columns]`.
    pub(super) fn rows(&self, ids: &Tensor) -> Result<Tensor> {
        self.weight.embedding(ids)?.narrow(D::Minus1, 0, self.columns)?.contiguous()
    }

    fn padded(&self, x: &Tensor) -> Result<Tensor> {
        match x.dim(D::Minus1)? {
            columns if columns == self.columns && self.is_padded() => {
                x.pad_with_zeros(D::Minus1, 0, self.stored_columns - self.columns)
            }
            _ => Ok(x.clone()),
        }
    }
}

/// Columns with the zeros that the fast kernel wants behind them.
fn stored_columns(kind: GgmlDType, [rows, columns]: [usize; 2], device: &Device) -> usize {
    let padded = columns.next_multiple_of(FAST_COLUMNS);
    let zeros = (padded - columns) as f64 / padded as f64;
    let wanted = kind == GgmlDType::Q8_0
        && device.is_cpu()
        && has_fast_kernel()
        && rows.is_multiple_of(FAST_ROWS)
        && zeros <= PADDING_MAX;
    if wanted { padded } else { columns }
}

/// Whether candle takes its tiled kernel for Q8_0 on this processor (`quantized/repack_x86.rs`).
fn has_fast_kernel() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
        avx512 || (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"))
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Puts blocks of zeros behind each row. All bytes zero is a block of zeros: its scale is 0.
fn pad_rows(data: &[u8], kind: GgmlDType, columns: usize, stored_columns: usize) -> Vec<u8> {
    let row_bytes = |columns: usize| columns / kind.block_size() * kind.type_size();
    let (before, after) = (row_bytes(columns), row_bytes(stored_columns));
    let mut padded = vec![0; data.len() / before * after];
    for (from, to) in data.chunks_exact(before).zip(padded.chunks_exact_mut(after)) {
        to[..before].copy_from_slice(from);
    }
    padded
}
