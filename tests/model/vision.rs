//! The vision transformer on candle: against plain Rust in f64, in any batches, from seeds.

use crate::encoder_reference::{add, attend, gelu, normalise, product};
use crate::network::relative_error;
use dawndusk::model::encoder::Linear;
use dawndusk::model::vision::{BATCH, Checkpoint, Shape, Vision};
use dawndusk::model::{Device, ModelChoice, Profile};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 11;

/// Small enough for plain Rust; no two sizes alike, so that none can stand for another.
const TINY: Shape = Shape {
    image: 15,
    channels: 2,
    patch: 5,
    layers: 3,
    hidden: 24,
    heads: 3,
    feed_forward: 40,
    classes: 7,
    norm_epsilon: 1e-6,
};

fn tiny(seed: u64) -> Checkpoint {
    Checkpoint::from_seed("tiny", TINY, seed).expect("a checkpoint")
}

fn images(shape: &Shape, count: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..count * shape.pixels()).map(|_| random.random_range(-1.0..1.0_f32)).collect()
}

/// The patch embedding as what it is: a convolution whose window moves by its own size.
fn embed(checkpoint: &Checkpoint, image: &[f32]) -> Vec<Vec<f64>> {
    let Shape { image: side, channels, patch, hidden, .. } = checkpoint.shape;
    let Linear { weight, bias } = &checkpoint.weights.patches;
    let mut rows = vec![checkpoint.weights.class.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>()];
    for top in (0..side).step_by(patch) {
        for left in (0..side).step_by(patch) {
            let output = |out: usize| {
                let mut sum = f64::from(bias[out]);
                for channel in 0..channels {
                    for down in 0..patch {
                        for right in 0..patch {
                            let pixel = image[(channel * side + top + down) * side + left + right];
                            let weight = weight[((out * channels + channel) * patch + down) * patch + right];
                            sum += f64::from(weight) * f64::from(pixel);
                        }
                    }
                }
                sum
            };
            rows.push((0..hidden).map(output).collect());
        }
    }
    for (row, position) in rows.iter_mut().zip(checkpoint.weights.positions.chunks_exact(hidden)) {
        row.iter_mut().zip(position).for_each(|(v, position)| *v += f64::from(*position));
    }
    rows
}

/// The logits of one image.
fn logits(checkpoint: &Checkpoint, image: &[f32]) -> Vec<f64> {
    let (shape, weights) = (&checkpoint.shape, &checkpoint.weights);
    let all = |linear: &Linear, x: &[Vec<f64>]| -> Vec<Vec<f64>> {
        x.iter().map(|x| product(&linear.weight, &linear.bias, x)).collect()
    };
    let mut x = embed(checkpoint, image);
    for layer in &weights.layers {
        let mut normed = x.clone();
        let norm = &layer.attention_norm;
        normed.iter_mut().for_each(|row| normalise(shape.norm_epsilon, &norm.gain, &norm.bias, row));
        let [query, key, value] = [&layer.query, &layer.key, &layer.value].map(|linear| all(linear, &normed));
        let mixed: Vec<Vec<f64>> = query.iter().map(|query| attend(shape.heads, query, &key, &value)).collect();
        add(&mut x, &all(&layer.output, &mixed));
        let mut normed = x.clone();
        let norm = &layer.feed_norm;
        normed.iter_mut().for_each(|row| normalise(shape.norm_epsilon, &norm.gain, &norm.bias, row));
        let mut wide = all(&layer.up, &normed);
        wide.iter_mut().flatten().for_each(|v| *v = gelu(*v));
        add(&mut x, &all(&layer.down, &wide));
    }
    let mut class = x.swap_remove(0);
    normalise(shape.norm_epsilon, &weights.norm.gain, &weights.norm.bias, &mut class);
    product(&weights.head.weight, &weights.head.bias, &class)
}

#[test]
fn logits_are_those_of_plain_rust() {
    let images = images(&TINY, 2 * BATCH + 1);
    let found = Vision::new(tiny(SEED), &Device::cpu()).expect("candle has room").classify(&images).expect("logits");
    assert_eq!(found.len(), (2 * BATCH + 1) * TINY.classes, "one logit for each class of each image");
    let checkpoint = tiny(SEED);
    for (image, found) in images.chunks_exact(TINY.pixels()).zip(found.chunks_exact(TINY.classes)) {
        let expected: Vec<f32> = logits(&checkpoint, image).iter().map(|v| *v as f32).collect();
        let error = relative_error(found, &expected);
        assert!(error < 1e-5, "seed {SEED}: relative error {error}");
    }
}

#[test]
fn an_image_has_the_same_logits_in_any_company() {
    let vision = Vision::new(tiny(SEED), &Device::cpu()).expect("candle has room");
    let images = images(&TINY, 5);
    let together = vision.classify(&images).expect("logits");
    for (image, together) in images.chunks_exact(TINY.pixels()).zip(together.chunks_exact(TINY.classes)) {
        let alone = vision.classify(image).expect("logits");
        let error = relative_error(&alone, together);
        assert!(error < 1e-5, "relative error {error}");
    }
}

#[test]
fn what_is_no_image_is_refused_with_the_size_of_one() {
    let vision = Vision::new(tiny(SEED), &Device::cpu()).expect("candle has room");
    for pixels in [0, 1, 449, 451] {
        let message = vision.classify(&vec![0.0; pixels]).expect_err("no whole images").to_string();
        assert!(message.contains(&format!("{pixels} pixels; allowed: whole images of 450")), "{message}");
    }
}

#[test]
fn an_impossible_shape_is_refused_by_its_key() {
    let cases = [
        (Shape { heads: 5, ..TINY }, "`shape.heads` = 5; allowed: a divisor of shape.hidden"),
        (Shape { patch: 4, ..TINY }, "`shape.patch` = 4; allowed: a divisor of shape.image"),
        (Shape { classes: 1, ..TINY }, "`shape.classes` = 1"),
        (Shape { layers: 0, ..TINY }, "`shape.layers` = 0"),
        (Shape { norm_epsilon: f64::NAN, ..TINY }, "`shape.norm_epsilon` = NaN"),
    ];
    for (shape, part) in cases {
        let message = Checkpoint::from_seed("tiny", shape, 1).expect_err(part).to_string();
        assert!(message.contains(part) && message.contains("tiny"), "{part:?} is not in: {message}");
    }
}

#[test]
fn seeded_weights_depend_on_the_seed_and_are_called_synthetic() {
    let logits = |seed| {
        let checkpoint = tiny(seed);
        let shown = serde_json::to_value(&checkpoint.provenance).expect("plain data");
        let vision = Vision::new(checkpoint, &Device::cpu()).expect("candle has room");
        assert_eq!(shown["kind"], "synthetic", "never called real");
        assert_eq!(shown["seed"], seed, "the seed is part of the result");
        vision.classify(&images(&TINY, 2)).expect("logits")
    };
    assert_eq!(logits(7), logits(7), "the same seed, the same bits");
    assert!(relative_error(&logits(7), &logits(8)) > 0.5, "another seed, other weights");
}

#[test]
fn as_many_weights_are_drawn_as_are_counted() {
    let weights = tiny(SEED).weights;
    let linear = |linear: &Linear| linear.weight.len() + linear.bias.len();
    let layers: usize = weights
        .layers
        .iter()
        .map(|layer| {
            let linears = [&layer.query, &layer.key, &layer.value, &layer.output, &layer.up, &layer.down];
            let norms = [&layer.attention_norm, &layer.feed_norm];
            linears.map(linear).iter().sum::<usize>()
                + norms.map(|norm| norm.gain.len() + norm.bias.len()).iter().sum::<usize>()
        })
        .sum();
    let rest = linear(&weights.patches) + weights.class.len() + weights.positions.len() + linear(&weights.head);
    let drawn = layers + rest + weights.norm.gain.len() + weights.norm.bias.len();
    assert_eq!(drawn as u64, TINY.parameters(), "every weight is counted once");
}

#[test]
fn weights_out_of_a_file_are_refused() {
    for text in ["./vit.safetensors", "all-minilm-l6-v2"] {
        let choice: ModelChoice = text.parse().expect("a choice");
        let message = Checkpoint::open(&choice).expect_err("no weights can be had").to_string();
        assert!(message.contains(text) && message.contains("synthetic:NAME"), "{message}");
    }
}

#[test]
fn the_profile_of_a_published_shape_has_sizes_and_no_files() {
    const TEXT: &str = include_str!("../../profiles/models/vit-b-16.toml");
    let shape = Profile::parse("p.toml", TEXT).and_then(|profile| profile.vit()).expect("a right profile");
    assert_eq!((shape.parameters(), shape.tokens(), shape.head_size()), (86_567_656, 197, 64), "{shape:?}");
    let file = "\n[file]\nname = \"v.safetensors\"\nbytes = 8\nsha256 = \"".to_owned() + &"0".repeat(64) + "\"\n";
    let cases = [
        (TEXT.to_owned() + &file, "allowed: no file"),
        (TEXT.replace("patch = 16", "patch = 15"), "`shape.patch` = 15; allowed: a divisor of shape.image"),
        (TEXT.replace("heads = 12", "heads = 0"), "`shape.heads` = 0; allowed: 1 to"),
        (TEXT.replace("patch = 16", "patches = 16"), "unknown field `patches`"),
    ];
    for (text, part) in cases {
        let message = Profile::parse("p.toml", &text).expect_err(part).to_string();
        assert!(message.contains(part) && message.contains("p.toml"), "{part:?} is not in: {message}");
    }
    let profile = Profile::named("vit-b-16").expect("a profile");
    let message = profile.bert().expect_err("another architecture").to_string();
    assert!(message.contains("vit-b-16") && message.contains("\"bert\" for this work"), "{message}");
}
