//! Kernels against candle in f64: the twins, and through `device` whatever adapter there is.

use crate::reference::{
    attention, attention_full, convolution, distance, layer_norm, linear, mean_pool, product, rms_norm, softmax,
};
use crate::{SEED, device, encoder, runnable_tilings, shapes};
use dawndusk::gpu::Device;
use dawndusk::kernel::{
    Activation, Attention, AttentionFull, Conv2d, Gemm, Gemv, Kernel, LayerNorm, Linear, Loads, MeanPool, Prepared,
    RmsNorm, Softmax,
};
use std::sync::Arc;

/// The project's tolerance for f32.
const TOLERANCE: f64 = 1e-5;

/// The twin of a kernel, and the kernel on the adapter if there is one, are near what candle makes of its operands.
fn agrees(kernel: impl Kernel + 'static, reference: impl Fn(&[Vec<f32>]) -> candle_core::Result<Vec<f64>>) {
    let kernel: Arc<dyn Kernel> = Arc::new(kernel);
    let expected = reference(&kernel.inputs(SEED)).expect("candle computes it");
    let mut places: Vec<Option<&Device>> = vec![None];
    places.extend(device().map(Some));
    for place in places {
        let name = place.map_or("the twin", |device| &device.facts().name);
        let mut prepared = Prepared::new(Arc::clone(&kernel), place, SEED).expect("it fits");
        let error = distance(&prepared.result().expect("it runs"), &expected);
        assert!(
            error <= TOLERANCE.max(kernel.tolerance()),
            "{} {} on {name}, seed {SEED}: {error:.1e} from candle",
            kernel.name(),
            kernel.shape()
        );
    }
}

#[test]
fn every_gemm_is_candles_matmul() {
    for shape @ [m, n, k] in shapes::products() {
        for tiling in runnable_tilings() {
            agrees(Gemm::new(m, n, k, tiling).expect("a fair shape"), |inputs| product(inputs, shape));
        }
    }
}

#[test]
fn gemv_is_candles_matmul_with_one_column() {
    for [rows, columns] in shapes::matrices() {
        agrees(Gemv::new(rows, columns).expect("a fair shape"), |inputs| product(inputs, [rows, 1, columns]));
    }
}

#[test]
fn rms_norm_is_candles() {
    for shape @ [rows, columns] in shapes::matrices() {
        let kernel = RmsNorm::new(rows, columns).expect("a fair shape");
        agrees(kernel, |inputs| rms_norm(inputs, shape, kernel.epsilon()));
    }
}

#[test]
fn softmax_is_candles() {
    for shape @ [rows, columns] in shapes::matrices() {
        agrees(Softmax::new(rows, columns).expect("a fair shape"), |inputs| softmax(inputs, shape));
    }
}

#[test]
fn attention_is_candles_composed_head_by_head() {
    for shape @ [tokens, heads, key_heads, head] in shapes::prompts() {
        let kernel = Attention::new(tokens, heads, key_heads, head).expect("a fair shape");
        agrees(kernel, |inputs| attention(inputs, shape));
    }
}

#[test]
fn convolution_is_candles_with_bias_and_relu() {
    for sizes in shapes::convolutions() {
        // One of the two kernels is enough: both are compared with the twin, and take a renderer long to compile.
        let loads = Loads::of(device().map(Device::facts));
        agrees(Conv2d::new(sizes, loads).expect("a fair shape"), |inputs| convolution(inputs, &sizes));
    }
}

#[test]
fn layer_norm_is_candles() {
    for shape @ [rows, columns, period] in encoder::norms() {
        let kernel = LayerNorm::new(rows, columns, period, 1e-5).expect("a fair shape");
        agrees(kernel, |inputs| layer_norm(inputs, shape, kernel.epsilon()));
    }
}

#[test]
fn linear_is_candles_product_with_its_exact_gelu() {
    for octets in encoder::octets() {
        for (shape, activation) in encoder::layers() {
            let kernel = Linear::new(shape, activation, octets).expect("a fair shape");
            agrees(kernel, |inputs| linear(inputs, shape, activation == Activation::Gelu));
        }
    }
}

#[test]
fn mean_pool_is_candles_mean_over_its_length() {
    for shape @ [sentences, tokens, columns] in encoder::sentences() {
        agrees(MeanPool::new(sentences, tokens, columns).expect("a fair shape"), |inputs| mean_pool(inputs, shape));
    }
}

#[test]
fn attention_of_whole_sentences_is_candles_composed_head_by_head() {
    for octets in encoder::octets() {
        for shape in encoder::texts() {
            let kernel = AttentionFull::new(shape, octets).expect("a fair shape");
            agrees(kernel, |inputs| attention_full(inputs, shape));
        }
    }
}
