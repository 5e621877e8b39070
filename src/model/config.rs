//! The shape of a network of the llama family.
//!
//! Hidden size h, query heads H, key-value heads G (each serves H/G query heads), head size d, feed-forward size f,
//! layers L, vocabulary V. One layer holds: query h x Hd, key and value h x Gd each, output Hd x h, gate and up
//! h x f each, down f x h, and two norms of h. The table of embeddings is V x h; the head that gives the logits is the
//! same table (tied) or one more matrix of that shape.
//!
//! A mixture of E experts has gate, up and down E times in each layer, and a router of E x h that sends each token to k
//! of them, which count as the softmax of what the router says of these k.
//!
//! Touvron et al. 2023 (arXiv 2302.13971); grouped queries: Ainslie et al. 2023 (arXiv 2305.13245);
//! experts: Jiang et al. 2024 (arXiv 2401.04088).

use super::FileError;
use super::gguf::Header;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// The architecture, by the name that `general.architecture` gives it.
pub(super) const ARCHITECTURE: &str = "llama";

/// The shape, from a model file or a profile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// L.
    pub layers: usize,
    /// h.
    pub hidden: usize,
    /// H.
    pub heads: usize,
    /// G, a divisor of H.
    pub kv_heads: usize,
    /// d, even.
    pub head_size: usize,
    /// f.
    pub feed_forward: usize,
    /// V.
    pub vocabulary: usize,
    /// Positions that the model was trained for.
    pub context: usize,
    /// Base of the rotary angles.
    pub rope_base: f64,
    /// Added under the root of the RMS norms.
    pub norm_epsilon: f64,
    /// The head is the table of embeddings.
    pub tied_embedding: bool,
    /// E; up to 1 is a dense network.
    #[serde(default, skip_serializing_if = "is_dense")]
    pub experts: usize,
    /// k.
    #[serde(default, skip_serializing_if = "is_dense")]
    pub experts_used: usize,
}

/// Shapes of dense networks are written as they were before there were others.
fn is_dense(experts: &usize) -> bool {
    *experts == 0
}

/// A value outside its range: its key, what it is, what it may be.
pub(super) type Fault = (String, String, String);

/// The ranges that hold for files and profiles alike. The lower ones only keep a product of sizes sensible.
pub(super) mod range {
    use std::ops::RangeInclusive;

    pub(in crate::model) const LAYERS: RangeInclusive<u64> = 1..=1024;
    pub(in crate::model) const HIDDEN: RangeInclusive<u64> = 1..=65_536;
    pub(in crate::model) const HEADS: RangeInclusive<u64> = 1..=1024;
    pub(in crate::model) const HEAD_SIZE: RangeInclusive<u64> = 2..=1024;
    pub(in crate::model) const FEED_FORWARD: RangeInclusive<u64> = 1..=1 << 20;
    /// A kernel chooses among so many at most.
    pub(in crate::model) const EXPERTS: RangeInclusive<u64> = 0..=64;
    pub(in crate::model) const VOCABULARY: RangeInclusive<u64> = 2..=1 << 22;
    pub(in crate::model) const CONTEXT: RangeInclusive<u64> = 1..=1 << 24;
    /// Above the first, up to the second.
    pub(in crate::model) const ROPE_BASE: (f64, f64) = (1.0, 1e12);
    /// Above the first, up to the second.
    pub(in crate::model) const NORM_EPSILON: (f64, f64) = (0.0, 0.1);
}

impl Config {
    /// The shape that a model file gives, every size within its range and all of them in agreement.
    ///
    /// # Errors
    /// [`FileError`] names the key.
    pub fn of(header: &Header) -> Result<Self, FileError> {
        const KEY: &str = "general.architecture";
        let architecture = header.text(KEY)?;
        if architecture != ARCHITECTURE {
            return Err(header.refuse_key(KEY, format!("{architecture:?}"), format!("{ARCHITECTURE:?}")));
        }
        let size = |key: &str, range| header.integer(&format!("llama.{key}"), range).map(|size| size as usize);
        let hidden = size("embedding_length", range::HIDDEN)?;
        let heads = size("attention.head_count", range::HEADS)?;
        let kv_heads = match header.has("llama.attention.head_count_kv") {
            true => size("attention.head_count_kv", range::HEADS)?,
            false => heads,
        };
        if heads % kv_heads != 0 {
            let (found, allowed) = (kv_heads.to_string(), format!("a divisor of the {heads} heads"));
            return Err(header.refuse_key("llama.attention.head_count_kv", found, allowed));
        }
        let config = Self {
            layers: size("block_count", range::LAYERS)?,
            hidden,
            heads,
            kv_heads,
            head_size: head_size(header, hidden, heads)?,
            feed_forward: size("feed_forward_length", range::FEED_FORWARD)?,
            vocabulary: vocabulary(header)?,
            context: size("context_length", range::CONTEXT)?,
            rope_base: match header.has("llama.rope.freq_base") {
                true => header.real("llama.rope.freq_base", range::ROPE_BASE.0, range::ROPE_BASE.1)?,
                // What llama.cpp takes when the key is absent.
                false => 10_000.0,
            },
            norm_epsilon: header.real(
                "llama.attention.layer_norm_rms_epsilon",
                range::NORM_EPSILON.0,
                range::NORM_EPSILON.1,
            )?,
            tied_embedding: !header.tensors().contains_key("output.weight"),
            experts: 0,
            experts_used: 0,
        };
        refuse_what_is_not_built(header, &config)?;
        Ok(config)
    }

    /// The first size that is outside its range or at odds with another.
    pub(super) fn fault(&self) -> Option<Fault> {
        let sizes = [
            ("shape.layers", self.layers, range::LAYERS),
            ("shape.hidden", self.hidden, range::HIDDEN),
            ("shape.heads", self.heads, range::HEADS),
            ("shape.kv_heads", self.kv_heads, range::HEADS),
            ("shape.head_size", self.head_size, range::HEAD_SIZE),
            ("shape.feed_forward", self.feed_forward, range::FEED_FORWARD),
            ("shape.vocabulary", self.vocabulary, range::VOCABULARY),
            ("shape.context", self.context, range::CONTEXT),
            ("shape.experts", self.experts, range::EXPERTS),
            ("shape.experts_used", self.experts_used, self.experts.min(1) as u64..=self.experts as u64),
        ];
        let reals = [
            ("shape.rope_base", self.rope_base, range::ROPE_BASE),
            ("shape.norm_epsilon", self.norm_epsilon, range::NORM_EPSILON),
        ];
        let rules = [
            ("shape.kv_heads", self.kv_heads, self.heads.is_multiple_of(self.kv_heads), "a divisor of shape.heads"),
            ("shape.head_size", self.head_size, self.head_size.is_multiple_of(2), "an even size"),
        ];
        first_fault(&sizes, &reals, &rules)
    }

    /// The same network, where files keep the two real numbers in f32.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        let single = |shape: &Self| (shape.rope_base as f32, shape.norm_epsilon as f32);
        let sizes = |shape: &Self| Self { rope_base: 0.0, norm_epsilon: 0.0, ..*shape };
        sizes(self) == sizes(other) && single(self) == single(other)
    }

    /// Weights of all matrices and norms, the table of embeddings once.
    pub fn parameters(&self) -> u64 {
        let head = if self.tied_embedding { 0 } else { self.vocabulary * self.hidden };
        let norms = (2 * self.layers + 1) * self.hidden;
        self.layers as u64 * self.layer_weights() + (self.vocabulary * self.hidden + head + norms) as u64
    }

    /// Experts, and how many of them a token goes to; none for a dense network.
    pub fn mixture(&self) -> Option<[usize; 2]> {
        (self.experts > 1).then_some([self.experts, self.experts_used])
    }

    /// Weights of the matrices of one layer.
    pub fn layer_weights(&self) -> u64 {
        self.layer_weights_with(self.mixture().map_or(1, |[experts, _]| experts))
    }

    /// Weights of the matrices of one layer that one token is multiplied with.
    pub fn layer_weights_used(&self) -> u64 {
        self.layer_weights_with(self.mixture().map_or(1, |[_, used]| used))
    }

    fn layer_weights_with(&self, networks: usize) -> u64 {
        let attention = 2 * self.hidden * self.head_size * (self.heads + self.kv_heads);
        let router = self.mixture().map_or(0, |[experts, _]| experts * self.hidden);
        (attention + router + 3 * networks * self.hidden * self.feed_forward) as u64
    }
}

/// The first of some sizes that is outside its range, of some numbers that are not above the first and up to the second
/// of theirs, and of some sizes that are at odds with others: whether each is right, and what it may be.
pub(super) fn first_fault(
    sizes: &[(&str, usize, RangeInclusive<u64>)],
    reals: &[(&str, f64, (f64, f64))],
    rules: &[(&str, usize, bool, &str)],
) -> Option<Fault> {
    let sizes = sizes.iter().filter(|(_, size, range)| !range.contains(&(*size as u64)));
    let sizes =
        sizes.map(|(key, size, range)| (*key, size.to_string(), format!("{} to {}", range.start(), range.end())));
    let reals = reals.iter().filter(|(_, value, (low, high))| !(value > low && value <= high));
    let reals = reals.map(|(key, value, (low, high))| (*key, value.to_string(), format!("above {low}, up to {high}")));
    let rules = rules.iter().filter(|(_, _, right, _)| !right);
    let rules = rules.map(|(key, size, _, allowed)| (*key, size.to_string(), (*allowed).to_owned()));
    sizes.chain(reals).chain(rules).next().map(|(key, found, allowed)| (key.to_owned(), found, allowed))
}

fn head_size(header: &Header, hidden: usize, heads: usize) -> Result<usize, FileError> {
    const KEY: &str = "llama.attention.key_length";
    let found = match header.has(KEY) {
        true => header.integer(KEY, range::HEAD_SIZE)? as usize,
        false if hidden.is_multiple_of(heads) => hidden / heads,
        false => {
            let allowed = format!("a divisor of the embedding length {hidden}");
            return Err(header.refuse_key("llama.attention.head_count", heads.to_string(), allowed));
        }
    };
    if !found.is_multiple_of(2) || !range::HEAD_SIZE.contains(&(found as u64)) {
        return Err(header.refuse_key(KEY, found.to_string(), "an even size from 2 to 1024".to_owned()));
    }
    for key in ["llama.attention.value_length", "llama.rope.dimension_count"] {
        if header.has(key) {
            let other = header.integer(key, range::HEAD_SIZE)?;
            if other != found as u64 {
                return Err(header.refuse_key(key, other.to_string(), format!("the head size, {found}")));
            }
        }
    }
    Ok(found)
}

/// The vocabulary, on which the table of embeddings, the list of tokens and the key must agree.
fn vocabulary(header: &Header) -> Result<usize, FileError> {
    const TABLE: &str = "token_embd.weight";
    let rows = match header.tensors().get(TABLE).map(|info| info.shape.as_slice()) {
        Some([rows, _]) => *rows as u64,
        Some(shape) => {
            let allowed = "a matrix of tokens by embedding length".to_owned();
            return Err(header.refuse(format!("tensor `{TABLE}`"), format!("sizes {shape:?}"), allowed));
        }
        None => {
            let allowed = "the tensors of the llama family".to_owned();
            return Err(header.refuse(format!("tensor `{TABLE}`"), "missing".to_owned(), allowed));
        }
    };
    let agreed = |key: &str, found: u64| match found == rows {
        true => Ok(()),
        false => Err(header.refuse_key(key, found.to_string(), format!("{rows}, the rows of `{TABLE}`"))),
    };
    if header.has("llama.vocab_size") {
        agreed("llama.vocab_size", header.integer("llama.vocab_size", range::VOCABULARY)?)?;
    }
    if header.has("tokenizer.ggml.tokens") {
        agreed("tokenizer.ggml.tokens", header.array_len("tokenizer.ggml.tokens")?)?;
    }
    match range::VOCABULARY.contains(&rows) {
        true => Ok(rows as usize),
        false => {
            let allowed = format!("{} to {} rows", range::VOCABULARY.start(), range::VOCABULARY.end());
            Err(header.refuse(format!("tensor `{TABLE}`"), format!("{rows} rows"), allowed))
        }
    }
}

/// What the family has elsewhere and this network does not compute must not pass in silence.
fn refuse_what_is_not_built(header: &Header, config: &Config) -> Result<(), FileError> {
    const EXPERTS: &str = "llama.expert_count";
    if header.has(EXPERTS) {
        header.integer(EXPERTS, 0..=0)?;
    }
    const SCALING: &str = "llama.rope.scaling.type";
    if header.has(SCALING) && header.text(SCALING)? != "none" {
        return Err(header.refuse_key(SCALING, format!("{:?}", header.text(SCALING)?), "\"none\"".to_owned()));
    }
    let known = |name: &str| match name.strip_prefix("blk.").and_then(|rest| rest.split_once('.')) {
        Some((layer, part)) => {
            layer.parse::<usize>().is_ok_and(|layer| layer < config.layers) && LAYER_TENSORS.contains(&part)
        }
        None => ["token_embd.weight", "output_norm.weight", "output.weight"].contains(&name),
    };
    match header.tensors().keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let allowed = format!("the tensors of a llama network of {} layers", config.layers);
            Err(header.refuse(format!("tensor `{name}`"), "it is not part of this network".to_owned(), allowed))
        }
    }
}

const LAYER_TENSORS: [&str; 9] = [
    "attn_norm.weight",
    "attn_q.weight",
    "attn_k.weight",
    "attn_v.weight",
    "attn_output.weight",
    "ffn_norm.weight",
    "ffn_gate.weight",
    "ffn_up.weight",
    "ffn_down.weight",
];
