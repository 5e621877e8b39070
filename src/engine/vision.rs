//! Vision transformers on this crate's kernels: the network of [`crate::model::vision`], a batch of images at a time, in
//! f32.
//!
//! Weights are uploaded once. The batch is of one size, and all its calls are made beforehand; what is written for a batch
//! is its patches, and what is read back is its logits.
//!
//! ```text
//! x = linear(patches) + positions                the class token is a row of zeros there, and one of the positions
//! each layer:
//!   n = layer_norm(x + c)   qkv = linear(n)   mixed = attention_full(qkv)   y = linear(mixed) + x
//!   n = layer_norm(y + c)   wide = gelu(linear(n))                          x = linear(wide) + y
//! class = layer_norm(x + c) of the class tokens   logits = linear(class)
//! ```
//!
//! What is added to the stream takes the place of the bias in `linear`. The biases of those layers are the same for every
//! row: c is their sum so far, and joins where the stream is read.

mod network;

use super::EngineError;
use crate::gpu::{Buffer, Class, Device, Pipeline, Readback};
use crate::kernel::Packing;
use crate::model::vision::{Checkpoint, Counts, Shape, count_images, patches};
use network::{Network, Stream};

/// Work that a renderer is given at once: the slowest, at 1 GFLOP/s, takes seconds for it.
const FLOP_AT_ONCE: u64 = 4_000_000_000;

/// A vision transformer on an adapter, for one size of batch.
#[derive(Debug)]
pub struct Vision {
    device: Device,
    shape: Shape,
    images: usize,
    patches: Buffer,
    patch_packing: Packing,
    logits: Buffer,
    logit_packing: Packing,
    readback: Readback,
    calls: Vec<Pipeline>,
    /// Calls that are handed over together.
    at_once: usize,
}

impl Vision {
    /// Uploads a checkpoint and prepares batches of `images` images.
    ///
    /// # Errors
    /// [`EngineError::Shape`] for a network or a batch that the kernels are not made for; [`EngineError::Batch`] for more
    /// than the adapter's memory holds, before anything is allocated; [`EngineError::Kernel`] for what it refuses.
    pub fn new(device: &Device, checkpoint: &Checkpoint, images: usize) -> Result<Vision, EngineError> {
        let shape = checkpoint.shape;
        check_sizes(&checkpoint.name, &shape, images)?;
        let kernels = network::kernels(device, &shape, images as u32)?;
        network::within_memory(device, checkpoint, &kernels, images)?;
        let network = Network::compile(device, &kernels)?;
        let stream = Stream::new(device, &network, images)?;
        let calls = network.calls(device, &checkpoint.weights, &stream)?;
        let (patch_packing, logit_packing) = (network.patches.plan.inputs[0], network.head.plan.output);
        let Stream { patches, logits, .. } = stream;
        let readback = device.readback(logits.bytes())?;
        let flop_per_call = (images as u64 * Counts { shape }.flop_per_image()).div_ceil(calls.len() as u64);
        let at_once = match device.facts().class {
            Class::Hardware => calls.len(),
            Class::Software => (FLOP_AT_ONCE / flop_per_call).clamp(1, calls.len() as u64) as usize,
        };
        let device = device.clone();
        Ok(Vision { device, shape, images, patches, patch_packing, logits, logit_packing, readback, calls, at_once })
    }

    /// The logits of each image, [`Shape::classes`] to an image; images are `[images, C, S, S]`, one after the other. They
    /// run a batch after the other, and a batch that is not full is computed all the same.
    ///
    /// # Errors
    /// No whole images; a device that is lost, refuses, or does not answer in time.
    pub fn classify(&mut self, images: &[f32]) -> Result<Vec<f32>, EngineError> {
        let count = count_images(&self.shape, images)?;
        let mut logits = Vec::with_capacity(count * self.shape.classes);
        for batch in images.chunks(self.images * self.shape.pixels()) {
            logits.extend(self.classify_batch(batch)?);
        }
        Ok(logits)
    }

    fn classify_batch(&mut self, batch: &[f32]) -> Result<Vec<f32>, EngineError> {
        const DOING: &str = "classifying images";
        // Where the batch is not full, images of the last one are left: finite, and nobody's.
        let packed = patches(&self.shape, batch)?;
        match self.patch_packing.padded_columns() as usize == self.shape.patch_pixels() {
            true => self.device.write(&self.patches, &packed)?,
            false => self.device.write(&self.patches, &self.patch_packing.pack(&packed))?,
        }
        let mut recording = self.device.record();
        for (number, part) in self.calls.chunks(self.at_once).enumerate() {
            if number > 0 {
                // A driver, and this program, lose patience with a submission that takes too long.
                let begun = std::mem::replace(&mut recording, self.device.record());
                begun.submit(DOING)?.wait(DOING)?;
            }
            part.iter().for_each(|call| recording.run(call));
        }
        recording.copy(&self.logits, self.logits.bytes(), &self.readback);
        let submission = recording.submit(DOING)?;
        let words = self.logit_packing.words().iter().sum::<u64>() as usize;
        let packed: Vec<f32> = submission.take(&self.readback, words, DOING)?;
        let mut logits = self.logit_packing.unpack(&packed);
        logits.truncate(batch.len() / self.shape.pixels() * self.shape.classes);
        Ok(logits)
    }
}

fn check_sizes(model: &str, shape: &Shape, images: usize) -> Result<(), EngineError> {
    // Rows of heads lie one behind the other only where a head is whole vectors. Rows of all images are counted in 32 bits.
    let rows_max = (u32::MAX as usize / shape.tokens()).min(65_535);
    let checks = [
        ("the size of a head", shape.head_size(), shape.head_size().is_multiple_of(4), "multiples of 4"),
        (
            "the number of images in a batch",
            images,
            (1..=rows_max).contains(&images),
            "1 to 65535, and rows in 32 bits",
        ),
    ];
    EngineError::check_sizes(model, &checks)
}
