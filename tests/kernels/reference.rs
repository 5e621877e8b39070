//! The same operations by candle, in f64. An independent hand wrote them; the twins were not made after them.

use candle_core::{D, DType, Device, Result, Tensor};
use candle_nn::ops;
use dawndusk::kernel::Convolution;

fn tensor(words: &[f32], shape: &[u32]) -> Result<Tensor> {
    let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
    Tensor::from_slice(words, shape, &Device::Cpu)?.to_dtype(DType::F64)
}

fn words(tensor: &Tensor) -> Result<Vec<f64>> {
    tensor.flatten_all()?.to_vec1()
}

/// A B.
pub(crate) fn product(inputs: &[Vec<f32>], [m, n, k]: [u32; 3]) -> Result<Vec<f64>> {
    words(&tensor(&inputs[0], &[m, k])?.matmul(&tensor(&inputs[1], &[k, n])?)?)
}

/// Each row over its root mean square, times the weights.
pub(crate) fn rms_norm(inputs: &[Vec<f32>], [rows, columns]: [u32; 2], epsilon: f32) -> Result<Vec<f64>> {
    words(&ops::rms_norm_slow(&tensor(&inputs[0], &[rows, columns])?, &tensor(&inputs[1], &[columns])?, epsilon)?)
}

/// Of each row.
pub(crate) fn softmax(inputs: &[Vec<f32>], [rows, columns]: [u32; 2]) -> Result<Vec<f64>> {
    words(&ops::softmax(&tensor(&inputs[0], &[rows, columns])?, D::Minus1)?)
}

/// Head by head: scores, an added mask of minus infinity above the diagonal, softmax, values.
pub(crate) fn attention(inputs: &[Vec<f32>], [tokens, heads, key_heads, head]: [u32; 4]) -> Result<Vec<f64>> {
    let of_head = |input: usize, count: u32, h: u32| {
        tensor(&inputs[input], &[tokens, count, head])?.narrow(1, h as usize, 1)?.squeeze(1)?.contiguous()
    };
    let future = |query: u32, key: u32| if key > query { f64::NEG_INFINITY } else { 0.0 };
    let mask: Vec<f64> = (0..tokens).flat_map(|query| (0..tokens).map(move |key| future(query, key))).collect();
    let mask = Tensor::from_vec(mask, (tokens as usize, tokens as usize), &Device::Cpu)?;
    let mut outs = Vec::new();
    for h in 0..heads {
        let key_head = h / (heads / key_heads);
        let scores = of_head(0, heads, h)?.matmul(&of_head(1, key_heads, key_head)?.t()?)?;
        let scores = ((scores / f64::from(head).sqrt())? + &mask)?;
        outs.push(ops::softmax(&scores, D::Minus1)?.matmul(&of_head(2, key_heads, key_head)?)?);
    }
    words(&Tensor::stack(&outs, 1)?)
}

/// Channels first, and back again. candle pads and strides both axes alike.
pub(crate) fn convolution(inputs: &[Vec<f32>], sizes: &Convolution) -> Result<Vec<f64>> {
    let Convolution { batch, height, width, channels, filters, window: [rows, columns], .. } = *sizes;
    let images = tensor(&inputs[0], &[batch, height, width, channels])?.permute((0, 3, 1, 2))?.contiguous()?;
    let weights = tensor(&inputs[1], &[rows, columns, channels, filters])?.permute((3, 2, 0, 1))?.contiguous()?;
    let sums = images.conv2d(&weights, sizes.padding as usize, sizes.stride as usize, 1, 1)?;
    let sums = sums.permute((0, 2, 3, 1))?.broadcast_add(&tensor(&inputs[2], &[filters])?)?;
    words(&if sizes.relu { sums.relu()? } else { sums })
}

/// Layer norm of x and a residual that begins again after its rows.
pub(crate) fn layer_norm(inputs: &[Vec<f32>], [rows, columns, period]: [u32; 3], epsilon: f32) -> Result<Vec<f64>> {
    let residual: Vec<u32> = (0..rows).map(|row| row % period).collect();
    let residual = tensor(&inputs[1], &[period, columns])?.index_select(&Tensor::new(residual, &Device::Cpu)?, 0)?;
    let x = (tensor(&inputs[0], &[rows, columns])? + residual)?;
    words(&ops::layer_norm_slow(&x, &tensor(&inputs[2], &[columns])?, &tensor(&inputs[3], &[columns])?, epsilon)?)
}

/// x W^T + b, through candle's GELU where that is wanted.
pub(crate) fn linear(inputs: &[Vec<f32>], [rows, width, outputs]: [u32; 3], gelu: bool) -> Result<Vec<f64>> {
    let product = tensor(&inputs[0], &[rows, width])?.matmul(&tensor(&inputs[1], &[outputs, width])?.t()?)?;
    let sums = product.broadcast_add(&tensor(&inputs[2], &[outputs])?)?;
    words(&if gelu { sums.gelu_erf()? } else { sums })
}

/// Sentence by sentence: the mean of its rows over its length.
pub(crate) fn mean_pool(inputs: &[Vec<f32>], [sentences, tokens, columns]: [u32; 3]) -> Result<Vec<f64>> {
    let x = tensor(&inputs[0], &[sentences, tokens, columns])?;
    let mut means = Vec::new();
    for (sentence, length) in inputs[1].iter().enumerate() {
        let mean = x.get(sentence)?.narrow(0, 0, *length as usize)?.mean(0)?;
        means.push(mean.broadcast_div(&mean.sqr()?.sum_all()?.sqrt()?)?);
    }
    words(&Tensor::stack(&means, 0)?)
}

/// Sentence by sentence and head by head, over the tokens that the sentence has.
pub(crate) fn attention_full(inputs: &[Vec<f32>], [sentences, tokens, heads, head]: [u32; 4]) -> Result<Vec<f64>> {
    let qkv = tensor(&inputs[0], &[sentences, tokens, 3, heads, head])?;
    let mut outs = Vec::new();
    for (sentence, length) in inputs[1].iter().enumerate() {
        let part = |part: usize, h: u32| {
            qkv.get(sentence)?.narrow(1, part, 1)?.squeeze(1)?.narrow(1, h as usize, 1)?.squeeze(1)?.contiguous()
        };
        let mut of_heads = Vec::new();
        for h in 0..heads {
            let seen = |t: Tensor| t.narrow(0, 0, *length as usize)?.contiguous();
            let scores = (part(0, h)?.matmul(&seen(part(1, h)?)?.t()?)? / f64::from(head).sqrt())?;
            of_heads.push(ops::softmax(&scores, D::Minus1)?.matmul(&seen(part(2, h)?)?)?);
        }
        outs.push(Tensor::stack(&of_heads, 1)?);
    }
    words(&Tensor::stack(&outs, 0)?)
}

/// |a - b| / |b|.
pub(crate) fn distance(a: &[f32], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "both have the same number of words");
    let difference: f64 = a.iter().zip(b).map(|(&a, b)| (f64::from(a) - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}
