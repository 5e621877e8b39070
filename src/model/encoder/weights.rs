//! The weights of an encoder as plain f32: out of a checked file, or drawn from a seed where there is no file.

use super::shape::Shape;
use crate::model::safetensors::Header;
use crate::model::tensors::normal_values;
use crate::model::{FileError, ModelError};
use std::fs::File;

/// Gain and bias of a layer norm, one for each column.
#[derive(Clone, Debug)]
pub struct Norm {
    /// Factor.
    pub gain: Vec<f32>,
    /// Summand.
    pub bias: Vec<f32>,
}

/// y = x W^T + b.
#[derive(Clone, Debug)]
pub struct Linear {
    /// W, `[outputs, inputs]` by rows.
    pub weight: Vec<f32>,
    /// b, one for each output.
    pub bias: Vec<f32>,
}

/// One layer, of this network or of another that is made of such layers.
#[derive(Clone, Debug)]
pub struct Layer {
    /// `[h, h]`.
    pub query: Linear,
    /// `[h, h]`.
    pub key: Linear,
    /// `[h, h]`.
    pub value: Linear,
    /// `[h, h]`, behind the attention.
    pub output: Linear,
    /// Behind the sum of the attention and what went into it; in networks that norm first, before the attention.
    pub attention_norm: Norm,
    /// `[f, h]`.
    pub up: Linear,
    /// `[h, f]`.
    pub down: Linear,
    /// Behind the sum of the feed-forward part and what went into it; in networks that norm first, before that part.
    pub feed_norm: Norm,
}

/// All weights.
#[derive(Clone, Debug)]
pub struct Weights {
    /// `[V, h]`.
    pub words: Vec<f32>,
    /// `[P, h]`.
    pub positions: Vec<f32>,
    /// `[K, h]`.
    pub kinds: Vec<f32>,
    /// Behind the sum of the three.
    pub norm: Norm,
    /// The layers, in order.
    pub layers: Vec<Layer>,
}

/// Gives the values of one tensor by its name and sizes.
pub(in crate::model) type Draw<'a> = &'a mut dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, ModelError>;

/// Tensors of a layer, behind `encoder.layer.N.`, without `.weight` and `.bias`.
const LAYER_TENSORS: [&str; 8] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
];

/// Tensors outside of the layers. The numbers of the positions are 0, 1, 2, ... and the pooler stands behind the first
/// token alone: an embedding by the mean needs neither.
const OTHER_TENSORS: [&str; 8] = [
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
    "embeddings.position_ids",
    "pooler.dense.weight",
    "pooler.dense.bias",
];

/// Normal values: matrices and tables with standard deviation 1/sqrt(columns), biases with 0.1, gains of norms around 1.
pub(in crate::model) fn seeded(seed: u64, name: &str, sizes: &[usize]) -> Vec<f32> {
    let gain = name.ends_with("LayerNorm.weight");
    let deviation = match sizes {
        [_, columns] => 1.0 / (*columns as f32).sqrt(),
        _ => 0.1,
    };
    let mut values = normal_values(seed, name, sizes.iter().product(), deviation);
    if gain {
        values.iter_mut().for_each(|value| *value += 1.0);
    }
    values
}

impl Weights {
    /// Out of a checked file.
    pub(super) fn read(shape: &Shape, header: &Header, file: &mut File) -> Result<Self, ModelError> {
        refuse_what_is_not_built(shape, header)?;
        Self::load(shape, &mut |name, sizes| Ok(header.floats(file, name, sizes)?))
    }

    /// As [`seeded`] draws them.
    pub(super) fn seeded(shape: &Shape, seed: u64) -> Result<Self, ModelError> {
        Self::load(shape, &mut |name, sizes| Ok(seeded(seed, name, sizes)))
    }

    fn load(shape: &Shape, draw: Draw<'_>) -> Result<Self, ModelError> {
        let Shape { layers, hidden, vocabulary, positions, kinds, .. } = *shape;
        Ok(Self {
            words: draw("embeddings.word_embeddings.weight", &[vocabulary, hidden])?,
            positions: draw("embeddings.position_embeddings.weight", &[positions, hidden])?,
            kinds: draw("embeddings.token_type_embeddings.weight", &[kinds, hidden])?,
            norm: Norm::load("embeddings.LayerNorm", hidden, draw)?,
            layers: (0..layers)
                .map(|index| Layer::load(index, [hidden, shape.feed_forward], draw))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Layer {
    /// Query, key and value as one layer, one behind the other: `[3 h, h]`.
    pub fn projections(&self) -> Linear {
        let parts = [&self.query, &self.key, &self.value];
        Linear {
            weight: parts.map(|linear| linear.weight.as_slice()).concat(),
            bias: parts.map(|linear| linear.bias.as_slice()).concat(),
        }
    }

    /// Tensors of `encoder.layer.INDEX` with these sizes.
    pub(in crate::model) fn load(
        index: usize,
        [hidden, feed_forward]: [usize; 2],
        draw: Draw<'_>,
    ) -> Result<Self, ModelError> {
        let [query, key, value, output, attention_norm, up, down, feed_norm] =
            LAYER_TENSORS.map(|part| format!("encoder.layer.{index}.{part}"));
        Ok(Self {
            query: Linear::load(&query, [hidden, hidden], draw)?,
            key: Linear::load(&key, [hidden, hidden], draw)?,
            value: Linear::load(&value, [hidden, hidden], draw)?,
            output: Linear::load(&output, [hidden, hidden], draw)?,
            attention_norm: Norm::load(&attention_norm, hidden, draw)?,
            up: Linear::load(&up, [feed_forward, hidden], draw)?,
            down: Linear::load(&down, [hidden, feed_forward], draw)?,
            feed_norm: Norm::load(&feed_norm, hidden, draw)?,
        })
    }
}

impl Norm {
    pub(in crate::model) fn load(name: &str, columns: usize, draw: Draw<'_>) -> Result<Self, ModelError> {
        Ok(Self {
            gain: draw(&format!("{name}.weight"), &[columns])?,
            bias: draw(&format!("{name}.bias"), &[columns])?,
        })
    }
}

impl Linear {
    pub(in crate::model) fn load(
        name: &str,
        [outputs, inputs]: [usize; 2],
        draw: Draw<'_>,
    ) -> Result<Self, ModelError> {
        let weight = draw(&format!("{name}.weight"), &[outputs, inputs])?;
        Ok(Self { weight, bias: draw(&format!("{name}.bias"), &[outputs])? })
    }
}

/// What the family has elsewhere and this network does not compute must not pass in silence.
fn refuse_what_is_not_built(shape: &Shape, header: &Header) -> Result<(), ModelError> {
    let known = |name: &str| match name.strip_prefix("encoder.layer.").and_then(|rest| rest.split_once('.')) {
        Some((layer, part)) => {
            let part = part.strip_suffix(".weight").or_else(|| part.strip_suffix(".bias"));
            layer.parse::<usize>().is_ok_and(|layer| layer < shape.layers)
                && part.is_some_and(|part| LAYER_TENSORS.contains(&part))
        }
        None => OTHER_TENSORS.contains(&name),
    };
    match header.tensors().keys().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => Err(FileError::Refused {
            path: header.path().to_owned(),
            place: format!("tensor `{name}`"),
            found: "it is not part of this network".to_owned(),
            allowed: format!("the tensors of a bert network of {} layers", shape.layers),
        }
        .into()),
    }
}
