//! A vision transformer at work: batches of images to logits, on our kernels where there is an adapter, on candle
//! elsewhere.
//!
//! The network is a published shape with weights from a seed, and so are the images: what is measured is the work, and the
//! name of the test says SYNTHETIC. What runs on an adapter is checked against candle on the first image of the batch.
//! What goes down the link is the number of a class.

use super::{Description, Unit, Verification, Work, Workload, WorkloadError, backend_name, marked};
use crate::engine::vision as engine;
use crate::gpu::{Class, Device};
use crate::model;
use crate::model::vision::{Checkpoint, Counts, Shape, Vision as Reference};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Its name.
pub(super) const NAME: &str = "vision";

/// Images of a batch on a CPU, where one of ViT-B/16 takes a second...
const IMAGES_SOFTWARE: usize = 1;
/// ...and on a GPU, which has to be kept busy, and where they are half a TFLOP.
const IMAGES_HARDWARE: usize = 16;

/// Bits of the number of a class on the link.
const RESULT_BITS_PER_IMAGE: f64 = 32.0;

/// Largest relative error, by norm, between the kernels and candle, both in f32.
const TOLERANCE: f64 = 1e-5;

/// Batches of images, again and again.
pub struct Vision {
    backend: Backend,
    description: Description,
    images: Vec<f32>,
    /// What candle makes of the first image, where it is not candle that runs.
    expected: Option<Vec<f32>>,
}

enum Backend {
    Engine(Box<engine::Vision>),
    Candle(Box<Reference>),
}

impl Backend {
    fn classify(&mut self, images: &[f32]) -> Result<Vec<f32>, WorkloadError> {
        match self {
            Self::Engine(vision) => vision.classify(images).map_err(|error| failed(&error)),
            Self::Candle(vision) => vision.classify(images).map_err(|error| failed(&error)),
        }
    }
}

impl Vision {
    /// Puts a checkpoint on the adapter, or on candle's device where there is none.
    ///
    /// # Errors
    /// The device has no room for it, refuses, or is lost.
    pub fn new(
        checkpoint: Checkpoint,
        device: Option<&Device>,
        candle: &model::Device,
        seed: u64,
    ) -> Result<Vision, WorkloadError> {
        let hardware = device.is_some_and(|device| device.facts().class == Class::Hardware) || !candle.is_cpu();
        let count = if hardware { IMAGES_HARDWARE } else { IMAGES_SOFTWARE };
        let (shape, counts) = (checkpoint.shape, Counts { shape: checkpoint.shape });
        let images = seeded_images(&shape, count, seed);
        let description = Description {
            items_per_batch: count as f64,
            flop_per_batch: count as f64 * counts.flop_per_image() as f64,
            bytes_per_batch: counts.bytes(count as u64) as f64,
            result_bits_per_batch: count as f64 * RESULT_BITS_PER_IMAGE,
            ..Description::new(NAME, backend_name(device, candle), label(&checkpoint, count), Unit::Image)
        };
        let engine = device.map(|device| engine::Vision::new(device, &checkpoint, count)).transpose();
        let engine = engine.map_err(|error| failed(&error))?;
        let reference = Reference::new(checkpoint, candle).map_err(|error| failed(&error))?;
        let (backend, expected) = match engine {
            Some(engine) => {
                let first = reference.classify(&images[..shape.pixels()]).map_err(|error| failed(&error))?;
                (Backend::Engine(Box::new(engine)), Some(first))
            }
            None => (Backend::Candle(Box::new(reference)), None),
        };
        let mut workload = Vision { backend, description, images, expected };
        // Drivers compile at the first batch.
        workload.run_batch()?;
        Ok(workload)
    }
}

impl Workload for Vision {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        std::hint::black_box(self.backend.classify(&self.images)?);
        Ok(Work { items: self.description.items_per_batch })
    }

    /// Our kernels against candle, on the first image. Where candle itself runs, there is nothing to compare with.
    fn verify(&mut self) -> Result<Option<Verification>, WorkloadError> {
        let Some(expected) = &self.expected else { return Ok(None) };
        let found = self.backend.classify(&self.images)?;
        let first = found.get(..expected.len()).unwrap_or(&found);
        let faulty_words = found.iter().filter(|word| !word.is_finite()).count() as u64;
        Ok(Some(Verification { faulty_words, ..Verification::of(first, expected, TOLERANCE) }))
    }
}

/// `vit-b-16 SYNTHETIC, 224x224, 16 at a time`.
fn label(checkpoint: &Checkpoint, images: usize) -> String {
    let origin = marked(&checkpoint.provenance);
    let side = checkpoint.shape.image;
    format!("{}{origin}, {side}x{side}, {images} at a time", checkpoint.name)
}

fn seeded_images(shape: &Shape, count: usize, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count * shape.pixels()).map(|_| random.random_range(-1.0..1.0)).collect()
}

fn failed(error: &dyn std::error::Error) -> WorkloadError {
    WorkloadError { workload: NAME.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: Shape = Shape {
        image: 8,
        channels: 3,
        patch: 4,
        layers: 2,
        hidden: 16,
        heads: 2,
        feed_forward: 32,
        classes: 10,
        norm_epsilon: 1e-6,
    };

    #[test]
    fn without_an_adapter_candle_runs_and_every_image_is_counted() {
        let checkpoint = Checkpoint::from_seed("tiny", TINY, 1).expect("a checkpoint");
        let mut workload = Vision::new(checkpoint, None, &model::Device::cpu(), 2).expect("a workload");
        {
            let found = workload.description();
            assert_eq!((found.backend.as_str(), found.unit), ("candle:cpu", Unit::Image), "{found:?}");
            assert_eq!(found.test, "tiny SYNTHETIC, 8x8, 1 at a time", "seeded weights are never called real");
            let layer = 2 * 5 * (4 * 16 * 16 + 2 * 16 * 32) + 4 * 5 * 5 * 16;
            let all = 2 * 4 * 16 * 48 + 2 * layer + 2 * 16 * 10;
            assert_eq!(found.flop_per_batch, f64::from(all), "by hand from the shape");
            assert_eq!((found.items_per_batch, found.result_bits_per_batch), (1.0, 32.0), "the number of a class");
        }
        let work = workload.run_batch().expect("it runs");
        assert!(work.items == 1.0, "{work:?}");
        assert!(workload.verify().expect("it runs").is_none(), "candle is the reference itself");
    }
}
