//! The network: four convolutions, and the weights that go with them.
//!
//! | layer | window | stride | in (height x width x channels) | out | weights |
//! |---|---|---|---|---|---|
//! | `conv1` | 3x3 | 1 | 28x28x1 | 28x28x16 | 144 |
//! | `conv2` | 3x3 | 2 | 28x28x16 | 14x14x32 | 4608 |
//! | `conv3` | 3x3 | 2 | 14x14x32 | 7x7x64 | 18432 |
//! | `head` | 7x7 | 1 | 7x7x64 | 1x1x10 | 31360 |
//!
//! A ReLU follows each of the first three. The head is a linear layer, written as a convolution whose window is the
//! whole image: so one operation is all that a network of this kind needs.

use crate::model::ModelError;
use candle_core::{DType, Device, safetensors};

/// Rows and columns of an image.
pub const SIDE: u32 = 28;

/// Digits there are.
pub const CLASSES: u32 = 10;

/// One convolution over images of `side` x `side`, as far as weights do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The name of its tensors: `NAME.weight` and `NAME.bias`.
    pub name: &'static str,
    /// Rows and columns of its input.
    pub side: u32,
    /// Channels of its input.
    pub channels: u32,
    /// Channels of its output.
    pub filters: u32,
    /// Rows and columns of its window.
    pub window: u32,
    /// Pixels from one window to the next.
    pub stride: u32,
    /// Rows and columns of zeros around its input.
    pub padding: u32,
    /// Whether a ReLU follows.
    pub relu: bool,
}

impl Layer {
    /// Rows and columns of its output.
    pub const fn side_out(&self) -> u32 {
        (self.side + 2 * self.padding - self.window) / self.stride + 1
    }

    /// Weights, without the biases.
    pub const fn weights(&self) -> u32 {
        self.window * self.window * self.channels * self.filters
    }

    /// FLOP of one image: a product and a sum for each weight at each place of the window, zeros of the border
    /// included, as is usual; biases and ReLU are left out.
    pub const fn flop(&self) -> u64 {
        2 * self.side_out() as u64 * self.side_out() as u64 * self.weights() as u64
    }
}

/// All of them, in order.
pub const LAYERS: [Layer; 4] = [
    Layer { name: "conv1", side: 28, channels: 1, filters: 16, window: 3, stride: 1, padding: 1, relu: true },
    Layer { name: "conv2", side: 28, channels: 16, filters: 32, window: 3, stride: 2, padding: 1, relu: true },
    Layer { name: "conv3", side: 14, channels: 32, filters: 64, window: 3, stride: 2, padding: 1, relu: true },
    Layer { name: "head", side: 7, channels: 64, filters: CLASSES, window: 7, stride: 1, padding: 0, relu: false },
];

/// The weights of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Filters {
    /// filters x channels x window x window words.
    pub weights: Vec<f32>,
    /// One word for each filter.
    pub biases: Vec<f32>,
}

impl Filters {
    /// One for each of [`LAYERS`], if they have the sizes for it.
    ///
    /// # Errors
    /// [`ModelError::Digits`] where they have not.
    pub fn of_all_layers(filters: &[Filters]) -> Result<&[Filters; LAYERS.len()], ModelError> {
        let fault = |reason| ModelError::Digits { what: "weights".to_owned(), reason };
        let found: Result<&[Filters; LAYERS.len()], _> = filters.try_into();
        let filters = found.map_err(|_| fault(format!("of {} layers; allowed: {}", filters.len(), LAYERS.len())))?;
        for (layer, filters) in LAYERS.iter().zip(filters) {
            let (found, allowed) =
                ([filters.weights.len(), filters.biases.len()], [layer.weights() as usize, layer.filters as usize]);
            if found != allowed {
                return Err(fault(format!("{}: {found:?} words and biases; allowed: {allowed:?}", layer.name)));
            }
        }
        Ok(filters)
    }
}

/// The weights that come with this program: what `profiles/models/digits/train.rs` has made.
const EMBEDDED: &[u8] = include_bytes!("../../../profiles/models/digits/weights.safetensors");

/// The weights of every layer that come with this program, in the order of [`LAYERS`].
///
/// # Errors
/// As [`read`].
pub fn embedded() -> Result<Vec<Filters>, ModelError> {
    read(EMBEDDED)
}

/// The weights of every layer, from the bytes of a safetensors file.
///
/// # Errors
/// [`ModelError::Digits`] for a tensor that is missing, of another type or shape, or not finite;
/// [`ModelError::Engine`] for bytes that are no safetensors file.
pub fn read(bytes: &[u8]) -> Result<Vec<Filters>, ModelError> {
    let tensors = safetensors::load_buffer(bytes, &Device::Cpu)?;
    let words = |name: String, shape: &[u32]| {
        let fault = |reason: String| ModelError::Digits { what: format!("weights: `{name}`"), reason };
        let shape: Vec<usize> = shape.iter().map(|&size| size as usize).collect();
        let tensor = tensors.get(&name).ok_or_else(|| fault("is missing".to_owned()))?;
        if tensor.dtype() != DType::F32 || tensor.dims() != shape {
            let reason = format!("is {:?} of shape {:?}; allowed: F32 of {shape:?}", tensor.dtype(), tensor.dims());
            return Err(fault(reason));
        }
        let words: Vec<f32> = tensor.flatten_all()?.to_vec1()?;
        match words.iter().position(|word| !word.is_finite()) {
            Some(place) => Err(fault(format!("word {place} is {}; allowed: finite numbers", words[place]))),
            None => Ok(words),
        }
    };
    let filters = LAYERS.iter().map(|layer| {
        let shape = [layer.filters, layer.channels, layer.window, layer.window];
        Ok(Filters {
            weights: words(format!("{}.weight", layer.name), &shape)?,
            biases: words(format!("{}.bias", layer.name), &[layer.filters])?,
        })
    });
    filters.collect()
}
