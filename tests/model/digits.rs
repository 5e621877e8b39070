//! The classifier of digits on candle: the figures of its README, plain Rust beside it, and weights that are refused.

use candle_core::{DType, Device as Candle, Tensor, safetensors};
use dawndusk::model::Device;
use dawndusk::model::digits::{self, Digits, Filters, LAYERS, Layer, PIXELS};
use std::collections::HashMap;

const README: &str = include_str!("../../profiles/models/digits/README.md");
const WEIGHTS: &[u8] = include_bytes!("../../profiles/models/digits/weights.safetensors");

fn logits(images: &[u8]) -> Vec<f32> {
    let classifier = Digits::new(&Device::cpu()).expect("the weights are whole");
    images.chunks(100 * PIXELS).flat_map(|images| classifier.classify(images).expect("it runs")).collect()
}

#[test]
fn the_test_set_has_a_thousand_images_of_every_digit() {
    let set = digits::test_set().expect("it is whole");
    assert_eq!((set.labels.len(), set.images.len()), (1000, 1000 * PIXELS), "as its README says");
    for digit in 0..10 {
        let count = set.labels.iter().filter(|&&label| label == digit).count();
        assert!((70..130).contains(&count), "{count} images show {digit}");
    }
}

#[test]
fn as_many_answers_are_right_as_the_readme_says_and_at_least_98_in_100() {
    let set = digits::test_set().expect("it is whole");
    let right = digits::answers(&logits(&set.images)).iter().zip(&set.labels).filter(|(a, b)| a == b).count();
    assert!(right >= 980, "{right} of 1000");
    assert!(README.contains(&format!("| test | {right} of 1000 |")), "the README says something else than {right}");
}

/// One convolution, one number at a time. `x` is channels x side x side.
fn convolution(layer: &Layer, filters: &Filters, x: &[f64]) -> Vec<f64> {
    let [side, out, window] = [layer.side, layer.side_out(), layer.window].map(|size| size as usize);
    let channels = layer.channels as usize;
    let mut y = Vec::new();
    for filter in 0..layer.filters as usize {
        for (i, j) in (0..out * out).map(|place| (place / out, place % out)) {
            let mut sum = f64::from(filters.biases[filter]);
            for channel in 0..channels {
                for (r, s) in (0..window * window).map(|place| (place / window, place % window)) {
                    let row = (i * layer.stride as usize + r).checked_sub(layer.padding as usize);
                    let column = (j * layer.stride as usize + s).checked_sub(layer.padding as usize);
                    let (Some(row), Some(column)) = (row, column) else { continue };
                    if row < side && column < side {
                        let weight = filters.weights[((filter * channels + channel) * window + r) * window + s];
                        sum += f64::from(weight) * x[(channel * side + row) * side + column];
                    }
                }
            }
            y.push(if layer.relu { sum.max(0.0) } else { sum });
        }
    }
    y
}

#[test]
fn logits_are_those_of_plain_loops_in_f64() {
    let set = digits::test_set().expect("it is whole");
    let weights = digits::embedded().expect("the weights are whole");
    let images = &set.images[..12 * PIXELS];
    let mut square = (0.0, 0.0);
    for (image, found) in images.chunks_exact(PIXELS).zip(logits(images).chunks_exact(10)) {
        let pixels: Vec<f64> = image.iter().map(|&pixel| f64::from(pixel) / 255.0).collect();
        let layers = LAYERS.iter().zip(&weights);
        let expected = layers.fold(pixels, |x, (layer, filters)| convolution(layer, filters, &x));
        assert_eq!(expected.len(), found.len(), "ten logits");
        for (found, expected) in found.iter().zip(expected) {
            square = (square.0 + (f64::from(*found) - expected).powi(2), square.1 + expected.powi(2));
        }
    }
    let error = (square.0 / square.1).sqrt();
    assert!(error <= 1e-5, "{error:.1e} from plain loops");
}

#[test]
fn arithmetic_and_traffic_are_those_of_the_table() {
    let products = 784 * 16 * 9 + 196 * 32 * 9 * 16 + 49 * 64 * 9 * 32 + 10 * 49 * 64;
    assert_eq!(digits::flop_per_image(), 2 * products, "a product and a sum for each place of each window");
    let weights = 9 * 16 + 16 + 9 * 16 * 32 + 32 + 9 * 32 * 64 + 64 + 49 * 64 * 10 + 10;
    let words = 784 + 2 * (784 * 16 + 196 * 32 + 49 * 64) + 10;
    assert_eq!(digits::bytes_per_batch(3), 4 * (weights + 3 * words), "weights once, every image in every layer");
}

/// The bytes of the weights with one tensor replaced, or left out.
fn changed(name: &str, tensor: Option<Tensor>) -> Vec<u8> {
    let mut tensors: HashMap<String, Tensor> = safetensors::load_buffer(WEIGHTS, &Candle::Cpu).expect("they are whole");
    tensors.remove(name).expect("there is such a tensor");
    tensors.extend(tensor.map(|tensor| (name.to_owned(), tensor)));
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("changed.safetensors");
    safetensors::save(&tensors, &path).expect("it is written");
    std::fs::read(&path).expect("it is read")
}

#[test]
fn weights_that_are_not_those_of_the_network_are_refused_with_the_reason() {
    let constant = |value: f32, shape: &[usize]| Tensor::full(value, shape, &Candle::Cpu).expect("a tensor");
    let cases = [
        ("conv2.weight", None, "`conv2.weight`: is missing"),
        ("conv2.weight", Some(constant(0.5, &[32, 16, 3, 2])), "[32, 16, 3, 2]; allowed: F32 of [32, 16, 3, 3]"),
        ("head.bias", Some(constant(f32::NAN, &[10])), "word 0 is NaN"),
        ("conv1.bias", Some(constant(0.5, &[16]).to_dtype(DType::F64).expect("a tensor")), "is F64"),
    ];
    for (name, tensor, part) in cases {
        let message = digits::read(&changed(name, tensor)).expect_err("it is refused").to_string();
        assert!(message.contains(part), "{message:?} says {part:?}");
    }
    assert_eq!(digits::read(WEIGHTS).expect("they are whole"), digits::embedded().expect("they are whole"), "the same");
    for length in [0, 7, 100, WEIGHTS.len() - 1] {
        assert!(digits::read(&WEIGHTS[..length]).is_err(), "the first {length} bytes are no weights");
    }
}

#[test]
fn bytes_that_are_no_whole_images_are_refused() {
    let classifier = Digits::new(&Device::cpu()).expect("the weights are whole");
    for bytes in [0, 1, PIXELS + 1] {
        let message = classifier.classify(&vec![0; bytes]).expect_err("no images").to_string();
        assert!(message.contains(&format!("{bytes} bytes")), "{message}");
    }
}
