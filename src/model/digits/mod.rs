//! A classifier of handwritten digits on candle: small, trained by this project, with labelled images to test it on.
//!
//! `layers` has the network and its weights, `data` the test set; `profiles/models/digits/README.md` says how both were made and
//! how good the network is. Images are 28 x 28 bytes, 0 for background; a pixel p enters the network as p / 255.
//!
//! ```
//! use dawndusk::model::{Device, digits};
//!
//! # fn main() -> Result<(), dawndusk::model::ModelError> {
//! let classifier = digits::Digits::new(&Device::cpu())?;
//! let set = digits::test_set()?;
//! let logits = classifier.classify(&set.images[..digits::PIXELS])?;
//! assert_eq!(digits::answers(&logits), [set.labels[0]]);
//! # Ok(())
//! # }
//! ```

mod data;
mod layers;

pub use data::{TestSet, test_set};
pub use layers::{CLASSES, Filters, LAYERS, Layer, SIDE, embedded, read};

use super::{Device, ModelError, greedy};
use candle_core::Tensor;

/// Bytes of one image.
pub const PIXELS: usize = (SIDE * SIDE) as usize;

/// Bits that say which digit an image shows.
pub const RESULT_BITS_PER_IMAGE: f64 = 4.0;

/// The classifier with its weights on a device.
#[derive(Debug)]
pub struct Digits {
    convolutions: Vec<Convolution>,
    device: Device,
}

#[derive(Debug)]
struct Convolution {
    layer: Layer,
    weights: Tensor,
    biases: Tensor,
}

impl Digits {
    /// The classifier with the weights that come with this program.
    ///
    /// # Errors
    /// As [`read`]; candle has no memory on the device.
    pub fn new(device: &Device) -> Result<Digits, ModelError> {
        Digits::with(&embedded()?, device)
    }

    /// The classifier with other weights, in the order of [`LAYERS`].
    ///
    /// # Errors
    /// The weights do not have the shapes of [`LAYERS`]; candle has no memory on the device.
    pub fn with(filters: &[Filters], device: &Device) -> Result<Digits, ModelError> {
        let filters = Filters::of_all_layers(filters)?;
        let convolutions = LAYERS.iter().zip(filters).map(|(&layer, filters)| {
            let [count, channels, window] = [layer.filters, layer.channels, layer.window].map(|size| size as usize);
            let shape = (count, channels, window, window);
            let weights = Tensor::from_slice(&filters.weights, shape, &device.candle)?;
            let biases = Tensor::from_slice(&filters.biases, (1, count, 1, 1), &device.candle)?;
            Ok(Convolution { layer, weights, biases })
        });
        Ok(Digits { convolutions: convolutions.collect::<Result<_, ModelError>>()?, device: device.clone() })
    }

    /// The logits of each image, ten to an image, for any number of images one after the other.
    ///
    /// # Errors
    /// [`ModelError::Digits`] for bytes that are no whole images; [`ModelError::Engine`].
    pub fn classify(&self, images: &[u8]) -> Result<Vec<f32>, ModelError> {
        let x = Tensor::from_vec(pixels(images)?, (images.len() / PIXELS, 1, 28, 28), &self.device.candle)?;
        let logits = self.convolutions.iter().try_fold(x, |x, convolution| convolution.run(&x))?;
        Ok(logits.flatten_all()?.to_vec1()?)
    }
}

impl Convolution {
    fn run(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let Layer { padding, stride, relu, .. } = self.layer;
        let y = x.conv2d(&self.weights, padding as usize, stride as usize, 1, 1)?.broadcast_add(&self.biases)?;
        if relu { y.relu() } else { Ok(y) }
    }
}

/// What enters the network for each byte of whole images.
///
/// # Errors
/// [`ModelError::Digits`] for no bytes, or bytes that are no whole images.
pub fn pixels(images: &[u8]) -> Result<Vec<f32>, ModelError> {
    if images.is_empty() || !images.len().is_multiple_of(PIXELS) {
        let reason = format!("{} bytes; allowed: {PIXELS} for each of 1 and more", images.len());
        return Err(ModelError::Digits { what: "images".to_owned(), reason });
    }
    Ok(images.iter().map(|&pixel| f32::from(pixel) / 255.0).collect())
}

/// The digit with the largest of each ten logits.
pub fn answers(logits: &[f32]) -> Vec<u8> {
    logits.chunks_exact(CLASSES as usize).map(|logits| greedy(logits) as u8).collect()
}

/// FLOP of one image; see [`Layer::flop`].
pub const fn flop_per_image() -> u64 {
    let mut flop = 0;
    let mut layer = 0;
    while layer < LAYERS.len() {
        flop += LAYERS[layer].flop();
        layer += 1;
    }
    flop
}

/// Bytes that a batch of images must move at least, in f32: the weights once, and for each image what every layer reads
/// and writes.
pub fn bytes_per_batch(images: u64) -> u64 {
    let words = |layer: &Layer| {
        let [side, side_out] = [layer.side, layer.side_out()].map(u64::from);
        let image = side * side * u64::from(layer.channels) + side_out * side_out * u64::from(layer.filters);
        images * image + u64::from(layer.weights() + layer.filters)
    };
    4 * LAYERS.iter().map(words).sum::<u64>()
}
