//! The classifier of digits on this crate's own kernels: four convolutions in one pass, for batches up to a fixed size.
//!
//! [`crate::model::digits`] has the network, its weights and its counterpart on candle. Here images lie channels last. The
//! first layer has one channel, and three quarters of each vector would be padding; so the host lays the three pixels of
//! a row of the window side by side as channels, and the layer becomes a convolution with a window of 3 x 1 over three
//! channels, whose weights are the same words in the same order.
//!
//! Images go up, one submission runs all layers, ten logits for each image come down.

use crate::gpu::{self, Buffer, Device, Pipeline, Program, Readback};
use crate::kernel::{self, Conv2d, Convolution, Kernel, Loads, Packing, Plan};
use crate::model::ModelError;
use crate::model::digits::{self, Filters, LAYERS, Layer, PIXELS, SIDE};
use rayon::prelude::*;

/// What can be wrong with a classifier.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The weights or the images.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The batch makes no convolution.
    #[error(transparent)]
    Kernel(#[from] kernel::Error),
    /// The adapter could not do it.
    #[error(transparent)]
    Gpu(#[from] gpu::Error),
    /// More images than the classifier was made for.
    #[error("{images} images; allowed: 1 to {batch}, the batch of this classifier")]
    Batch {
        /// Images that were given.
        images: usize,
        /// Images that there is room for.
        batch: u32,
    },
}

/// The classifier with its weights on an adapter.
#[derive(Debug)]
pub struct Digits {
    device: Device,
    batch: u32,
    images: Buffer,
    stages: [Stage; LAYERS.len()],
    readback: Readback,
}

/// A layer made ready, and where its result lies.
#[derive(Debug)]
struct Stage {
    pipeline: Pipeline,
    out: Buffer,
    packing: Packing,
}

/// Columns of the first layer's window, which become channels.
const COLUMNS: usize = LAYERS[0].window as usize;

/// Words of a pixel on its way up: the columns of the window, padded to a vector.
const VECTOR: usize = COLUMNS.next_multiple_of(4);

/// Rows of an image on its way up, with the zeros above and below.
const ROWS: u32 = SIDE + 2 * LAYERS[0].padding;

/// Words of an image on its way up.
const WORDS: usize = (ROWS * SIDE) as usize * VECTOR;

impl Digits {
    /// The classifier with the weights that come with this program, for up to `batch` images at a time.
    ///
    /// # Errors
    /// The batch is 0 or too large for the adapter, or the adapter refuses.
    pub fn new(device: &Device, batch: u32) -> Result<Digits, Error> {
        Digits::with(&digits::embedded()?, device, batch)
    }

    /// The same with other weights, in the order of [`LAYERS`].
    ///
    /// # Errors
    /// As [`Digits::new`]; the weights do not have the sizes of [`LAYERS`].
    pub fn with(filters: &[Filters], device: &Device, batch: u32) -> Result<Digits, Error> {
        let filters = Filters::of_all_layers(filters)?;
        let images = first_plan(device, batch)?.inputs[0];
        let images = memory(device, "images of digits", &images)?;
        let conv1 = Stage::new(device, first_plan(device, batch)?, &LAYERS[0], &filters[0], &images)?;
        let stage = |number: usize, below: &Stage| {
            let (layer, filters) = (&LAYERS[number], &filters[number]);
            Stage::new(device, plan(device, layer, batch)?, layer, filters, &below.out)
        };
        let conv2 = stage(1, &conv1)?;
        let conv3 = stage(2, &conv2)?;
        let head = stage(3, &conv3)?;
        let readback = device.readback(head.out.bytes())?;
        Ok(Digits { device: device.clone(), batch, images, stages: [conv1, conv2, conv3, head], readback })
    }

    /// The logits of each image, ten to an image, for 1 to a batch of images one after the other. The
    /// whole batch is computed each time.
    ///
    /// # Errors
    /// Bytes that are no whole images, or too many; the device is lost, refuses, or does not answer in time.
    pub fn classify(&mut self, images: &[u8]) -> Result<Vec<f32>, Error> {
        let doing = "classifying digits";
        let pixels = digits::pixels(images)?;
        let count = pixels.len() / PIXELS;
        if count > self.batch as usize {
            return Err(Error::Batch { images: count, batch: self.batch });
        }
        self.device.write(&self.images, &windowed(&pixels))?;
        let mut recording = self.device.record();
        for stage in &self.stages {
            recording.run(&stage.pipeline);
        }
        let [.., head] = &self.stages;
        let bytes = head.packing.padded_columns() as usize * self.batch as usize * size_of::<f32>();
        recording.copy(&head.out, bytes as u64, &self.readback);
        let submission = recording.submit(doing)?;
        let packed: Vec<f32> = submission.take(&self.readback, bytes / size_of::<f32>(), doing)?;
        let mut logits = head.packing.unpack(&packed);
        logits.truncate(count * digits::CLASSES as usize);
        Ok(logits)
    }
}

impl Stage {
    fn new(device: &Device, plan: Plan, layer: &Layer, filters: &Filters, below: &Buffer) -> Result<Stage, Error> {
        let weights = device.upload(layer.name, &plan.inputs[1].pack(&channels_last(layer, &filters.weights)))?;
        let biases = device.upload(layer.name, &plan.inputs[2].pack(&filters.biases))?;
        let out = memory(device, layer.name, &plan.output)?;
        let program = Program::new(device, plan.source, &plan.constants)?;
        let pipeline = Pipeline::of(device, &program, &[below, &weights, &biases, &out], plan.workgroups)?;
        Ok(Stage { pipeline, out, packing: plan.output })
    }
}

fn plan(device: &Device, layer: &Layer, batch: u32) -> Result<Plan, Error> {
    let sizes = Convolution {
        batch,
        height: layer.side,
        width: layer.side,
        channels: layer.channels,
        filters: layer.filters,
        window: [layer.window; 2],
        stride: layer.stride,
        padding: layer.padding,
        relu: layer.relu,
    };
    Ok(Conv2d::new(sizes, Loads::of(Some(device.facts())))?.plan(device.facts()))
}

/// The first layer over [`windowed`] images.
fn first_plan(device: &Device, batch: u32) -> Result<Plan, Error> {
    let sizes = Convolution {
        batch,
        height: ROWS,
        width: SIDE,
        channels: COLUMNS as u32,
        filters: LAYERS[0].filters,
        window: [LAYERS[0].window, 1],
        stride: LAYERS[0].stride,
        padding: 0,
        relu: LAYERS[0].relu,
    };
    Ok(Conv2d::new(sizes, Loads::of(Some(device.facts())))?.plan(device.facts()))
}

/// Memory of its own for what goes from one layer to the next, poisoned until it is written.
fn memory(device: &Device, name: &str, packing: &Packing) -> Result<Buffer, Error> {
    let words = packing.words().iter().sum::<u64>();
    device.holds(name, words * size_of::<f32>() as u64)?;
    Ok(device.poisoned(name, words as usize)?)
}

/// From filters x channels x rows x columns to rows x columns x channels x filters.
fn channels_last(layer: &Layer, weights: &[f32]) -> Vec<f32> {
    let [filters, channels, window] = [layer.filters, layer.channels, layer.window].map(|size| size as usize);
    let places = window * window;
    let from = |place: usize, channel: usize, filter: usize| weights[(filter * channels + channel) * places + place];
    let of_place =
        |place| (0..channels).flat_map(move |channel| (0..filters).map(move |filter| from(place, channel, filter)));
    (0..places).flat_map(of_place).collect()
}

/// Images with a row of zeros above and below, and in place of each pixel the three around it in its row, then a zero.
fn windowed(pixels: &[f32]) -> Vec<f32> {
    let (side, before) = (SIDE as usize, LAYERS[0].padding as usize);
    let mut all = vec![0.0; pixels.len() / PIXELS * WORDS];
    all.par_chunks_exact_mut(WORDS).zip(pixels.par_chunks_exact(PIXELS)).for_each(|(out, image)| {
        let rows = out.chunks_exact_mut(side * VECTOR).skip(before).zip(image.chunks_exact(side));
        for (out, row) in rows {
            for (column, out) in out.chunks_exact_mut(VECTOR).enumerate() {
                let around = (column..column + COLUMNS).map(|right| right.checked_sub(before));
                for (out, place) in out.iter_mut().zip(around) {
                    *out = place.and_then(|place| row.get(place)).copied().unwrap_or(0.0);
                }
            }
        }
    });
    all
}
