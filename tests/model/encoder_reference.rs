//! An encoder in plain Rust, in f64, one sentence and one number at a time: slow, and easy to check against the
//! equations in `src/model/encoder/network.rs`.

use dawndusk::model::encoder::Shape;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;

/// Tensors by the names that files give them, with their sizes.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// Small enough for plain Rust; no two sizes alike, so that none can stand for another.
pub(crate) const TINY: Shape = Shape {
    layers: 3,
    hidden: 24,
    heads: 3,
    feed_forward: 40,
    vocabulary: 50,
    positions: 33,
    kinds: 2,
    norm_epsilon: 1e-12,
    length: 32,
};

/// The names and sizes of all tensors, as the original's files have them.
pub(crate) fn names(shape: &Shape) -> Vec<(String, Vec<usize>)> {
    let (h, f) = (shape.hidden, shape.feed_forward);
    let mut all = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![shape.vocabulary, h]),
        ("embeddings.position_embeddings.weight".to_owned(), vec![shape.positions, h]),
        ("embeddings.token_type_embeddings.weight".to_owned(), vec![shape.kinds, h]),
    ];
    let norm = |name: String| [(format!("{name}.weight"), vec![h]), (format!("{name}.bias"), vec![h])];
    all.extend(norm("embeddings.LayerNorm".to_owned()));
    for layer in 0..shape.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        for (part, rows, columns) in [
            ("attention.self.query", h, h),
            ("attention.self.key", h, h),
            ("attention.self.value", h, h),
            ("attention.output.dense", h, h),
            ("intermediate.dense", f, h),
            ("output.dense", h, f),
        ] {
            all.push((format!("{}.weight", name(part)), vec![rows, columns]));
            all.push((format!("{}.bias", name(part)), vec![rows]));
        }
        all.extend(norm(name("attention.output.LayerNorm")));
        all.extend(norm(name("output.LayerNorm")));
    }
    all
}

/// Uniform weights that keep activations of a few units, far from what a trained network has and harder on rounding.
pub(crate) fn random(shape: &Shape, seed: u64) -> Tensors {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut tensor = |(name, sizes): (String, Vec<usize>)| {
        let middle = if name.ends_with("LayerNorm.weight") { 1.0 } else { 0.0 };
        let count = sizes.iter().product();
        let values = (0..count).map(|_| middle + random.random_range(-0.7..0.7_f32)).collect();
        (name, (sizes, values))
    };
    names(shape).into_iter().map(&mut tensor).collect()
}

/// The embedding of one sentence.
pub(crate) fn embedding(shape: &Shape, tensors: &Tensors, tokens: &[u32]) -> Vec<f64> {
    let weight = |name: &str| tensors[name].1.as_slice();
    let h = shape.hidden;
    let sum = |position: usize, token: usize, column: usize| {
        f64::from(weight("embeddings.word_embeddings.weight")[token * h + column])
            + f64::from(weight("embeddings.position_embeddings.weight")[position * h + column])
            + f64::from(weight("embeddings.token_type_embeddings.weight")[column])
    };
    let row = |(position, token): (usize, &u32)| (0..h).map(|column| sum(position, *token as usize, column)).collect();
    let mut x: Vec<Vec<f64>> = tokens.iter().enumerate().map(row).collect();
    norm(shape, tensors, "embeddings.LayerNorm", &mut x);
    for layer in 0..shape.layers {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let all = |part: &str, x: &[Vec<f64>]| -> Vec<Vec<f64>> {
            let (matrix, bias) =
                (weight(&format!("{}.weight", name(part))).to_vec(), weight(&format!("{}.bias", name(part))).to_vec());
            x.iter().map(|x| product(&matrix, &bias, x)).collect()
        };
        let [query, key, value] = ["query", "key", "value"].map(|part| all(&format!("attention.self.{part}"), &x));
        let mixed: Vec<Vec<f64>> = query.iter().map(|query| attend(shape.heads, query, &key, &value)).collect();
        add(&mut x, &all("attention.output.dense", &mixed));
        norm(shape, tensors, &name("attention.output.LayerNorm"), &mut x);
        let up: Vec<Vec<f64>> =
            all("intermediate.dense", &x).iter().map(|row| row.iter().map(|v| gelu(*v)).collect()).collect();
        add(&mut x, &all("output.dense", &up));
        norm(shape, tensors, &name("output.LayerNorm"), &mut x);
    }
    let mean: Vec<f64> = (0..h).map(|column| x.iter().map(|row| row[column]).sum::<f64>() / x.len() as f64).collect();
    let length = mean.iter().map(|v| v * v).sum::<f64>().sqrt();
    mean.iter().map(|v| v / length).collect()
}

/// W x + b.
pub(crate) fn product(matrix: &[f32], bias: &[f32], x: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks_exact(x.len()).zip(bias);
    rows.map(|(row, bias)| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum::<f64>() + f64::from(*bias)).collect()
}

fn norm(shape: &Shape, tensors: &Tensors, name: &str, x: &mut [Vec<f64>]) {
    let (gain, bias) = (&tensors[&format!("{name}.weight")].1, &tensors[&format!("{name}.bias")].1);
    x.iter_mut().for_each(|row| normalise(shape.norm_epsilon, gain, bias, row));
}

/// Layer norm of one row.
pub(crate) fn normalise(epsilon: f64, gain: &[f32], bias: &[f32], row: &mut [f64]) {
    let count = row.len() as f64;
    let mean = row.iter().sum::<f64>() / count;
    let variance = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
    let root = (variance + epsilon).sqrt();
    for ((v, gain), bias) in row.iter_mut().zip(gain).zip(bias) {
        *v = (*v - mean) / root * f64::from(*gain) + f64::from(*bias);
    }
}

/// What one row sees, with so many heads.
pub(crate) fn attend(heads: usize, query: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let size = query.len() / heads;
    let mut mixed = vec![0.0; query.len()];
    for head in 0..heads {
        let of_head = head * size..(head + 1) * size;
        let score = |key: &Vec<f64>| {
            let dot: f64 = key[of_head.clone()].iter().zip(&query[of_head.clone()]).map(|(k, q)| k * q).sum();
            dot / (size as f64).sqrt()
        };
        let scores: Vec<f64> = keys.iter().map(score).collect();
        let top = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|score| (score - top).exp()).sum();
        for (score, value) in scores.iter().zip(values) {
            for (out, value) in mixed[of_head.clone()].iter_mut().zip(&value[of_head.clone()]) {
                *out += (score - top).exp() / sum * value;
            }
        }
    }
    mixed
}

/// x (1 + erf(x / sqrt 2)) / 2.
pub(crate) fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2))
}

/// By the Taylor series up to 3 (Abramowitz and Stegun, 7.1.5), beyond it by the continued fraction (7.1.14).
fn erf(x: f64) -> f64 {
    if x.abs() > 3.0 {
        let z = x.abs();
        let fraction = (1..=60).rev().fold(0.0, |below, k| f64::from(k) / 2.0 / (z + below));
        return (1.0 - (-z * z).exp() / (z + fraction) / std::f64::consts::PI.sqrt()).copysign(x);
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..80 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

pub(crate) fn add(x: &mut [Vec<f64>], y: &[Vec<f64>]) {
    x.iter_mut().zip(y).for_each(|(x, y)| x.iter_mut().zip(y).for_each(|(x, y)| *x += y));
}

#[test]
fn the_error_function_has_its_tabulated_values() {
    // Abramowitz and Stegun, table 7.1; 3.5 from its complement, 7.430983723e-7.
    for (x, expected) in
        [(0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0), (3.5, 0.999_999_256_9)]
    {
        assert!((erf(x) - expected).abs() < 1e-10, "erf({x}) = {}", erf(x));
        assert_eq!(erf(-x), -erf(x), "it is odd");
    }
}
