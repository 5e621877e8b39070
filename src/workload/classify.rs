//! Classifying images: a small convolutional network at work on handwritten digits, batch after batch.
//!
//! It runs on this crate's own kernels where there is an adapter, and on candle's CPU device elsewhere. A batch is a fixed
//! number of images, taken in turn from the labelled ones that come with the program; bringing them to the adapter and
//! the logits back is part of it. What goes down the link is the digit alone.

use super::{Description, Unit, Verification, Work, Workload, WorkloadError, backend_name};
use crate::engine;
use crate::gpu::Device;
use crate::kernel::Size;
use crate::model::digits::{self, Digits, PIXELS, TestSet};
use crate::model::{self, ModelError};

const NAME: &str = "classify";

/// The largest relative error, by norm, between our kernels and candle, both in f32.
const TOLERANCE: f64 = 1e-5;

/// The classifier, prepared.
pub struct Classify {
    backend: Backend,
    description: Description,
    images: Vec<u8>,
    next: usize,
}

enum Backend {
    Engine(Box<engine::digits::Digits>),
    Candle(Digits),
}

impl Backend {
    fn classify(&mut self, images: &[u8]) -> Result<Vec<f32>, WorkloadError> {
        match self {
            Self::Engine(classifier) => classifier.classify(images).map_err(|error| failed(&error)),
            Self::Candle(classifier) => classifier.classify(images).map_err(|error| failed(&error)),
        }
    }
}

impl Classify {
    /// The classifier on an adapter, or on candle's CPU device where there is none; `seed` says with which image it
    /// begins.
    ///
    /// # Errors
    /// The adapter refuses, or is lost.
    pub fn new(device: Option<&Device>, seed: u64) -> Result<Classify, WorkloadError> {
        // Half a GFLOP on a CPU (about 30 ms), 4 and 16 on GPUs.
        let batch: u32 = match Size::of(device.map(Device::facts)) {
            Size::Small => 128,
            Size::Medium => 1024,
            Size::Large => 4096,
        };
        let backend = match device {
            Some(device) => {
                let classifier = engine::digits::Digits::new(device, batch).map_err(|error| failed(&error))?;
                Backend::Engine(Box::new(classifier))
            }
            None => Backend::Candle(Digits::new(&model::Device::cpu()).map_err(|error| failed(&error))?),
        };
        let TestSet { images, labels } = digits::test_set().map_err(|error| failed(&error))?;
        let next = (seed % labels.len().max(1) as u64) as usize;
        let test = format!("digits 28x28, {batch} at a time");
        let description = Description {
            items_per_batch: f64::from(batch),
            flop_per_batch: f64::from(batch) * digits::flop_per_image() as f64,
            bytes_per_batch: digits::bytes_per_batch(batch.into()) as f64,
            result_bits_per_batch: f64::from(batch) * digits::RESULT_BITS_PER_IMAGE,
            ..Description::new(NAME, backend_name(device, &model::Device::cpu()), test, Unit::Image)
        };
        Ok(Classify { backend, description, images, next })
    }

    /// The images of the next batch: on from the last, and from the beginning again.
    fn batch(&mut self) -> Vec<u8> {
        let (count, total) = (self.description.items_per_batch as usize, self.images.len() / PIXELS);
        let images = (self.next..self.next + count).flat_map(|image| &self.images[image % total * PIXELS..][..PIXELS]);
        let images = images.copied().collect();
        self.next = (self.next + count) % total;
        images
    }
}

impl Workload for Classify {
    fn description(&self) -> &Description {
        &self.description
    }

    fn run_batch(&mut self) -> Result<Work, WorkloadError> {
        let images = self.batch();
        self.backend.classify(&images)?;
        Ok(Work { items: self.description.items_per_batch })
    }

    /// Our kernels against candle, on one batch. Where candle itself runs, there is nothing to compare with.
    fn verify(&mut self) -> Result<Option<Verification>, WorkloadError> {
        let images = self.batch();
        if let Backend::Candle(_) = self.backend {
            return Ok(None);
        }
        let found = self.backend.classify(&images)?;
        let reference = reference(&images).map_err(|error| failed(&error))?;
        Ok(Some(Verification::of(&found, &reference, TOLERANCE)))
    }
}

fn reference(images: &[u8]) -> Result<Vec<f32>, ModelError> {
    Digits::new(&model::Device::cpu())?.classify(images)
}

fn failed(error: &dyn std::error::Error) -> WorkloadError {
    WorkloadError { workload: NAME.into(), reason: error.to_string() }
}
