//! The network in plain Rust, in f64, one token after the other and one number at a time: slow, and easy to check
//! against the equations in `src/model/llama.rs`.

use crate::gguf_writer::Values;
use dawndusk::model::Config;

/// The logits after each token.
pub(crate) fn logits(shape: &Config, weights: &Values, tokens: &[u32]) -> Vec<Vec<f64>> {
    let mut caches = vec![(Vec::new(), Vec::new()); shape.layers];
    tokens.iter().enumerate().map(|(position, token)| one(shape, weights, &mut caches, position, *token)).collect()
}

type Cache = (Vec<Vec<f64>>, Vec<Vec<f64>>);

fn one(shape: &Config, weights: &Values, caches: &mut [Cache], position: usize, token: u32) -> Vec<f64> {
    let table = &weights["token_embd.weight"];
    let mut x: Vec<f64> =
        table[token as usize * shape.hidden..][..shape.hidden].iter().map(|v| f64::from(*v)).collect();
    for (layer, (keys, values)) in caches.iter_mut().enumerate() {
        let weight = |part: &str| &weights[&format!("blk.{layer}.{part}.weight")];
        let n = norm(shape, &x, weight("attn_norm"));
        let query = turn(shape, product(weight("attn_q"), &n), position);
        keys.push(turn(shape, product(weight("attn_k"), &n), position));
        values.push(product(weight("attn_v"), &n));
        let mixed = attend(shape, &query, keys, values);
        add(&mut x, &product(weight("attn_output"), &mixed));
        let n = norm(shape, &x, weight("ffn_norm"));
        let gate = product(weight("ffn_gate"), &n);
        let up = product(weight("ffn_up"), &n);
        let fed: Vec<f64> = gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
        add(&mut x, &product(weight("ffn_down"), &fed));
    }
    let head = if shape.tied_embedding { table } else { &weights["output.weight"] };
    product(head, &norm(shape, &x, &weights["output_norm.weight"]))
}

fn product(matrix: &[f32], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()).collect()
}

fn norm(shape: &Config, x: &[f64], weight: &[f32]) -> Vec<f64> {
    let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    let root = (mean + shape.norm_epsilon).sqrt();
    x.iter().zip(weight).map(|(x, w)| x / root * f64::from(*w)).collect()
}

fn turn(shape: &Config, mut x: Vec<f64>, position: usize) -> Vec<f64> {
    for head in x.chunks_exact_mut(shape.head_size) {
        for (pair, both) in head.chunks_exact_mut(2).enumerate() {
            let angle = position as f64 * shape.rope_base.powf(-2.0 * pair as f64 / shape.head_size as f64);
            let (sine, cosine) = angle.sin_cos();
            (both[0], both[1]) = (both[0] * cosine - both[1] * sine, both[0] * sine + both[1] * cosine);
        }
    }
    x
}

fn attend(shape: &Config, query: &[f64], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let size = shape.head_size;
    let mut mixed = vec![0.0; query.len()];
    for head in 0..shape.heads {
        let shared = head / (shape.heads / shape.kv_heads) * size;
        let query = &query[head * size..][..size];
        let score = |key: &Vec<f64>| {
            let dot: f64 = key[shared..][..size].iter().zip(query).map(|(k, q)| k * q).sum();
            (dot / (size as f64).sqrt()).exp()
        };
        let scores: Vec<f64> = keys.iter().map(score).collect();
        let sum: f64 = scores.iter().sum();
        for (score, value) in scores.iter().zip(values) {
            for (out, value) in mixed[head * size..][..size].iter_mut().zip(&value[shared..]) {
                *out += score / sum * value;
            }
        }
    }
    mixed
}

fn add(x: &mut [f64], y: &[f64]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
