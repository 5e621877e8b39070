//! A matrix of weights, kept quantised, and its product with activations.
//!
//! y[t x rows] = x[t x columns] W^T, with W[rows x columns] stored row by row.
//!
//! On x86-64 candle has a fast kernel (AVX-512 or AVX VNNI on repacked tiles) for Q8_0 only when the columns are a
//! multiple of 256 and the rows of 16, and falls back to one dot product at a time otherwise. SmolLM2-135M has 576
//! columns. Rows are therefore stored with zeros up to the next multiple of 256, and so are the activations: a third
//! more arithmetic on a kernel that was measured nine times faster on 512 rows of x and four times on one.
//!
//! The price is in x, which that kernel rounds to 8 bits with one scale for 256 values (Q8_K, as every K-quant does)
//! where the slow one has a scale for 32. On 462 tokens of English prose SmolLM2-135M moves away from its own f32
//! form by 0.016 nats per token in the mean (Kullback-Leibler), and by 0.005 with the slow kernel.

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
    pub(super) fn new(data: &[u8], kind: GgmlDType, [rows, columns]: [usize; 2], device: &Device) -> Result<Self> {
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
        if quantised.len() == N
            && let Some(products) = QTensor::gemv_fused_shared_lhs(&quantised, x)?
            && let Ok(products) = products.try_into()
        {
            return Ok(products);
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;

    /// W of normal values, rounded to Q8_0, with the values that it stands for.
    fn matrix(rows: usize, columns: usize) -> (Linear, Tensor) {
        let drawn = Tensor::randn(0_f32, 0.1, (rows, columns), &Device::Cpu).expect("normal values");
        let stored = QTensor::quantize(&drawn, GgmlDType::Q8_0).expect("whole blocks");
        let values = stored.dequantize(&Device::Cpu).expect("plain values");
        let data = stored.data().expect("the bytes");
        (Linear::new(&data, GgmlDType::Q8_0, [rows, columns], &Device::Cpu).expect("a matrix"), values)
    }

    /// Whole numbers up to 127, and 127 in every 32: rounding x to 8 bits loses nothing.
    fn whole_numbers(rows: usize, columns: usize) -> Tensor {
        let value = |i: usize| if i.is_multiple_of(32) { 127.0 } else { ((i * 7919) % 255) as f32 - 127.0 };
        let values: Vec<f32> = (0..rows * columns).map(value).collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu).expect("as many values as the shape has")
    }

    fn relative_error(found: &Tensor, expected: &Tensor) -> f64 {
        let norm = |t: &Tensor| t.to_dtype(DType::F64).and_then(|t| t.sqr()?.sum_all()?.to_scalar::<f64>());
        let apart = (found - expected).and_then(|d| norm(&d)).expect("a difference");
        (apart / norm(expected).expect("a norm")).sqrt()
    }

    #[test]
    fn a_product_of_what_rounding_leaves_alone_is_exact_for_any_shape() {
        for (rows, columns) in [(64, 576), (64, 512), (48, 192), (96, 1536), (17, 576), (32, 32)] {
            let (linear, values) = matrix(rows, columns);
            for t in [1, 2, 5, 33] {
                let x = whole_numbers(t, columns);
                let expected = values.t().and_then(|w| x.matmul(&w)).expect("a plain product");
                let error = relative_error(&linear.forward(&x).expect("a product"), &expected);
                assert!(error < 1e-6, "{rows} x {columns}, {t} rows of x: relative error {error}");
            }
        }
    }

    #[test]
    fn products_of_one_x_are_the_products_one_by_one() {
        for others in [[32, 64], [17, 64]] {
            let (a, _) = matrix(48, 576);
            let (b, _) = matrix(others[0], 576);
            let (c, _) = matrix(others[1], 576);
            let width = Linear::shared_width(&[&a, &b, &c]);
            let x = whole_numbers(3, 576).pad_with_zeros(1, 0, width - 576).expect("zeros behind x");
            let all = Linear::forward_all([&a, &b, &c], &x).expect("three products");
            for (linear, found) in [&a, &b, &c].into_iter().zip(&all) {
                let error = relative_error(found, &linear.forward(&whole_numbers(3, 576)).expect("a product"));
                assert!(error < 1e-6, "{others:?}: relative error {error}");
            }
        }
    }

    #[test]
    fn rows_of_a_padded_matrix_come_back_without_the_zeros() {
        let (linear, values) = matrix(64, 576);
        let ids = Tensor::new(&[3_u32, 63, 0, 3], &Device::Cpu).expect("row numbers");
        let error =
            relative_error(&linear.rows(&ids).expect("rows"), &values.index_select(&ids, 0).expect("the same rows"));
        assert_eq!(error, 0.0, "rows are decoded, not rounded again");
    }
}
