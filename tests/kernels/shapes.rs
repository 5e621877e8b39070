//! Shapes to test: each size 1, sizes around the edges of a tile, and odd sizes from a seed.

use crate::{SEED, encoder, experts};
use dawndusk::kernel::{
    Argmax, Attention, AttentionDecode, AttentionMerge, Conv2d, Convolution, Copy, Embed, Epilogue, Fma, Format, Gemm,
    Gemv, Kernel, Loads, Matmul, Octets, RmsNorm, RotaryCache, Sharing, Softmax, Tiling,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;

/// Random shapes of each kernel beside those at the edges.
const RANDOM: usize = 3;

/// Sizes from 1 to `largest`, so many to a shape.
pub(crate) fn random<const SIZES: usize>(stream: u64, largest: u32) -> Vec<[u32; SIZES]> {
    let mut generator = ChaCha8Rng::seed_from_u64(SEED);
    generator.set_stream(stream);
    (0..RANDOM).map(|_| std::array::from_fn(|_| generator.random_range(1..=largest))).collect()
}

pub(crate) fn shapes<const SIZES: usize>(stream: u64, largest: u32, edges: &[[u32; SIZES]]) -> Vec<[u32; SIZES]> {
    let mut all = edges.to_vec();
    all.extend(random(stream, largest));
    all
}

pub(crate) fn boxed<K: Kernel + 'static>(kernel: K) -> Arc<dyn Kernel> {
    Arc::new(kernel)
}

pub(crate) fn copies() -> Vec<Arc<dyn Kernel>> {
    let shapes = shapes(0, 100_000, &[[1], [1023], [1024], [1025]]);
    shapes.iter().map(|&[words]| boxed(Copy::new(words).expect("a fair shape"))).collect()
}

pub(crate) fn fmas() -> Vec<Arc<dyn Kernel>> {
    let shapes = shapes(1, 150, &[[1, 1], [64, 2], [65, 32], [600, 3]]);
    shapes.iter().map(|&[chains, iterations]| boxed(Fma::new(chains, 32 * iterations).expect("a fair shape"))).collect()
}

/// m, n, k of matrix products.
pub(crate) fn products() -> Vec<[u32; 3]> {
    shapes(2, 150, &[[1, 1, 1], [1, 130, 7], [129, 1, 16], [64, 128, 17], [128, 256, 64], [33, 257, 130]])
}

pub(crate) fn gemms(tiling: Tiling) -> Vec<Arc<dyn Kernel>> {
    products().iter().map(|&[m, n, k]| boxed(Gemm::new(m, n, k, tiling).expect("a fair shape"))).collect()
}

/// Rows and columns.
pub(crate) fn matrices() -> Vec<[u32; 2]> {
    shapes(3, 700, &[[1, 1], [1, 513], [77, 1], [32, 256], [33, 257]])
}

pub(crate) fn gemvs() -> Vec<Arc<dyn Kernel>> {
    matrices().iter().map(|&[rows, columns]| boxed(Gemv::new(rows, columns).expect("a fair shape"))).collect()
}

pub(crate) fn rms_norms() -> Vec<Arc<dyn Kernel>> {
    matrices().iter().map(|&[rows, columns]| boxed(RmsNorm::new(rows, columns).expect("a fair shape"))).collect()
}

pub(crate) fn softmaxes() -> Vec<Arc<dyn Kernel>> {
    matrices().iter().map(|&[rows, columns]| boxed(Softmax::new(rows, columns).expect("a fair shape"))).collect()
}

/// Tokens, query heads, key heads, words in a head.
pub(crate) fn prompts() -> Vec<[u32; 4]> {
    let edges = [[1, 1, 1, 1], [32, 2, 1, 64], [33, 3, 3, 5], [100, 4, 2, 33], [65, 6, 2, 128]];
    let mut all = edges.to_vec();
    let drawn: Vec<[u32; 4]> = random(4, 90);
    all.extend(drawn.iter().map(|&[tokens, heads, group, head]| {
        let key_heads = 1 + heads % 3;
        [tokens, key_heads * (1 + group % 3), key_heads, head]
    }));
    all
}

pub(crate) fn attentions() -> Vec<Arc<dyn Kernel>> {
    prompts().iter().map(|&[t, h, k, d]| boxed(Attention::new(t, h, k, d).expect("a fair shape"))).collect()
}

/// Convolutions: sizes of one, windows as large as the image or larger, strides of 1 to 3, padding, channels and filters
/// around whole vectors and tiles.
pub(crate) fn convolutions() -> Vec<Convolution> {
    let edges = [
        [1, 1, 1, 1, 1, 1, 1, 1, 0, 1],
        [3, 7, 7, 64, 10, 7, 7, 1, 0, 0],
        [2, 28, 28, 1, 16, 3, 3, 1, 1, 1],
        [1, 14, 13, 32, 17, 3, 3, 2, 1, 1],
        [5, 1, 9, 5, 33, 1, 3, 2, 0, 0],
        [1, 2, 2, 3, 4, 3, 4, 3, 2, 1],
    ];
    let mut all: Vec<Convolution> = edges.into_iter().map(convolution).collect();
    let drawn: Vec<[u32; 10]> = random(6, 40);
    all.extend(drawn.iter().map(|drawn| {
        let [batch, height, width, channels, filters, rows, columns, stride, padding, relu] = *drawn;
        let [rows, columns] = [1 + rows % height.min(5), 1 + columns % width.min(5)];
        let padding = padding % rows.min(columns);
        convolution([1 + batch % 4, height, width, channels, filters, rows, columns, 1 + stride % 3, padding, relu % 2])
    }));
    all
}

fn convolution(sizes: [u32; 10]) -> Convolution {
    let [batch, height, width, channels, filters, rows, columns, stride, padding, relu] = sizes;
    let (window, relu) = ([rows, columns], relu == 1);
    Convolution { batch, height, width, channels, filters, window, stride, padding, relu }
}

pub(crate) fn conv2ds(loads: Loads) -> Vec<Arc<dyn Kernel>> {
    convolutions().into_iter().map(|sizes| boxed(Conv2d::new(sizes, loads).expect("a fair shape"))).collect()
}

/// Products with weights in every format, with every epilogue.
pub(crate) fn matmuls(sharing: Sharing) -> Vec<Arc<dyn Kernel>> {
    let sizes = shapes(5, 150, &[[1, 1, 1], [1, 32, 32], [2, 33, 65], [3, 130, 31], [9, 64, 96], [17, 260, 33]]);
    let matmul = |sizes, format, epilogue| boxed(Matmul::new(sizes, format, epilogue, sharing).expect("a fair shape"));
    let mut all = Vec::new();
    for (turn, format) in Format::ALL.into_iter().enumerate() {
        // Every renderer compiles each of these for a while, so the formats take turns.
        all.extend(sizes.iter().skip(turn % 2).step_by(2).map(|&sizes| matmul(sizes, format, Epilogue::Store)));
        all.push(matmul([3, 130, 31], format, Epilogue::Add));
        all.push(matmul([9, 132, 33], format, Epilogue::Gate));
    }
    all
}

/// Prompts after tokens that are in the cache already.
pub(crate) fn later_attentions() -> Vec<Arc<dyn Kernel>> {
    let shapes = [([1, 2, 1, 8], 1), ([33, 3, 3, 5], 7), ([20, 4, 2, 64], 40), ([65, 2, 1, 12], 32)];
    let prompt =
        |([t, h, k, d], first): ([u32; 4], u32)| boxed(Attention::new(t, h, k, d).expect("a fair shape").after(first));
    shapes.into_iter().map(prompt).collect()
}

/// One token of each sequence over its cache.
pub(crate) fn decodes() -> Vec<Arc<dyn Kernel>> {
    let shapes = [
        [1, 1, 1, 1, 1, 4, 1, 8],
        [2, 65, 70, 9, 3, 64, 1, 64],
        [3, 200, 256, 4, 2, 12, 3, 16],
        [1, 64, 64, 16, 1, 128, 1, 16],
        [2, 33, 40, 9, 3, 64, 2, 8],
    ];
    let decode = |[sequences, keys, capacity, heads, key_heads, head, splits, tile]: [u32; 8]| {
        let decode = AttentionDecode { sequences, keys, capacity, heads, key_heads, head, splits, tile };
        boxed(decode.checked().expect("a fair shape"))
    };
    shapes.into_iter().map(decode).collect()
}

pub(crate) fn merges() -> Vec<Arc<dyn Kernel>> {
    let shapes = [[1, 1, 4], [5, 3, 64], [9, 7, 260]];
    shapes.into_iter().map(|[q, s, d]| boxed(AttentionMerge::new(q, s, d).expect("a fair shape"))).collect()
}

pub(crate) fn embeds() -> Vec<Arc<dyn Kernel>> {
    let sizes = [[1, 1, 1], [7, 33, 65], [64, 100, 2100], [3, 40, 32]];
    let embed = |(sizes, format)| boxed(Embed::new(sizes, format).expect("a fair shape"));
    sizes.into_iter().zip(Format::ALL).map(embed).collect()
}

pub(crate) fn rotary_caches() -> Vec<Arc<dyn Kernel>> {
    let shapes = [[1, 1, 1, 1, 4, 1, 0], [1, 5, 9, 3, 64, 40, 17], [3, 2, 4, 4, 8, 10, 8], [4, 1, 6, 2, 128, 7, 6]];
    let rotary = |[sequences, tokens, heads, key_heads, head, capacity, first]: [u32; 7]| {
        let base = 10_000.0;
        let rotary = RotaryCache { heads, key_heads, head, capacity, sequences, tokens, first, base };
        boxed(rotary.checked().expect("a fair shape"))
    };
    shapes.into_iter().map(rotary).collect()
}

pub(crate) fn argmaxes() -> Vec<Arc<dyn Kernel>> {
    let shapes = [[1, 1], [3, 63], [2, 1000], [5, 4097]];
    shapes.into_iter().map(|[rows, columns]| boxed(Argmax::new(rows, columns).expect("a fair shape"))).collect()
}

/// All of them.
pub(crate) fn every_kernel() -> Vec<Arc<dyn Kernel>> {
    let products = Tiling::ALL.into_iter().flat_map(gemms);
    let rest = [copies(), fmas(), gemvs(), rms_norms(), softmaxes(), attentions()].into_iter().flatten();
    let matmuls = [Sharing::Lanes, Sharing::Split, Sharing::Tiled].into_iter().flat_map(matmuls);
    let steps = [later_attentions(), decodes(), merges(), embeds(), rotary_caches(), argmaxes()].into_iter().flatten();
    let convolutions = [Loads::Uniform, Loads::Quad].into_iter().flat_map(conv2ds);
    let others = encoder::kernels(vec![Octets::Apart, Octets::Shared]).into_iter().chain(experts::kernels());
    products.chain(rest).chain(matmuls).chain(steps).chain(convolutions).chain(others).collect()
}
