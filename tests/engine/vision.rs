//! The vision transformer on kernels against candle: the same logits, in batches of any size.

use crate::{device, relative_error};
use dawndusk::engine::vision::Vision;
use dawndusk::model::vision::{Checkpoint, Shape, Vision as Reference};
use dawndusk::model::{self, Profile};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 13;

/// No two sizes alike, none a multiple of a tile, patches of 75 words and an odd number of classes.
const TINY: Shape = Shape {
    image: 30,
    channels: 3,
    patch: 5,
    layers: 3,
    hidden: 84,
    heads: 7,
    feed_forward: 46,
    classes: 11,
    norm_epsilon: 1e-6,
};

fn tiny(shape: Shape) -> Checkpoint {
    Checkpoint::from_seed("tiny", shape, SEED).expect("a checkpoint")
}

fn random_images(shape: &Shape, count: usize) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..count * shape.pixels()).map(|_| random.random_range(-1.0..1.0_f32)).collect()
}

#[test]
fn a_seeded_network_gives_the_logits_of_candle() {
    let Some(device) = device() else { return };
    let shapes = [
        TINY,
        // One patch to an image; one layer; a head as wide as the network.
        Shape { image: 5, ..TINY },
        Shape { layers: 1, heads: 1, hidden: 20, ..TINY },
        Shape { channels: 1, image: 64, patch: 8, hidden: 64, heads: 4, feed_forward: 256, classes: 1000, ..TINY },
    ];
    for shape in shapes {
        let reference = Reference::new(tiny(shape), &model::Device::cpu()).expect("candle has room");
        for batch in [1, 2, 5] {
            let mut vision = Vision::new(device, &tiny(shape), batch).expect("a small network");
            // Whole batches, and one that is not full. Memory was poisoned, so what is not computed is no number.
            let images = random_images(&shape, 2 * batch + 1);
            let expected = reference.classify(&images).expect("candle's logits");
            let found = vision.classify(&images).expect("logits");
            let images = found.chunks_exact(shape.classes).zip(expected.chunks_exact(shape.classes)).enumerate();
            for (image, (found, expected)) in images {
                let error = relative_error(found, expected);
                assert!(error < 1e-5, "{shape:?}, image {image} by {batch}, seed {SEED}: relative error {error}");
            }
        }
    }
}

#[test]
fn an_image_has_the_same_logits_in_any_company() {
    let Some(device) = device() else { return };
    let mut vision = Vision::new(device, &tiny(TINY), 3).expect("a small network");
    let images = random_images(&TINY, 3);
    let together = vision.classify(&images).expect("logits");
    for (image, together) in images.chunks_exact(TINY.pixels()).zip(together.chunks_exact(TINY.classes)).rev() {
        assert_eq!(vision.classify(image).expect("logits"), together, "the same bits");
    }
}

#[test]
fn what_has_no_room_is_refused_with_the_range() {
    let Some(device) = device() else { return };
    let refused = |shape, images, device, parts: &[&str]| {
        let message = Vision::new(device, &tiny(shape), images).expect_err(parts[0]).to_string();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    };
    refused(TINY, 0, device, &["tiny", "images in a batch is 0", "1 to 65535"]);
    refused(TINY, 65_536, device, &["tiny", "images in a batch is 65536"]);
    refused(Shape { heads: 14, ..TINY }, 1, device, &["the size of a head is 6", "multiples of 4"]);
    // 124 thousand weights take half a million bytes.
    let small = device.clone().limited(400_000, u64::MAX);
    refused(TINY, 2, &small, &["tiny needs", "of weights", "2 images at a time", "has 400000"]);
    let mut vision = Vision::new(device, &tiny(TINY), 2).expect("a small network");
    let message = vision.classify(&[0.0; 7]).expect_err("no whole image").to_string();
    assert!(message.contains("7 pixels; allowed: whole images of 2700"), "{message}");
}

#[test]
fn what_is_counted_as_needed_is_enough() {
    let Some(device) = device() else { return };
    let needed = |images| {
        let message = Vision::new(&device.clone().limited(1, u64::MAX), &tiny(TINY), images).expect_err("no memory");
        let message = message.to_string();
        let number = message.split_whitespace().nth(2).expect("tiny needs NUMBER bytes");
        number.parse::<u64>().expect("a number of bytes")
    };
    let (one, two, three) = (needed(1), needed(2), needed(3));
    assert!(one >= 4 * TINY.parameters(), "the weights alone take {} bytes: {one}", 4 * TINY.parameters());
    assert!(two - one >= 4 * (TINY.tokens() * (6 * TINY.hidden + TINY.feed_forward)) as u64, "a stream: {}", two - one);
    assert_eq!(three - two, two - one, "each image takes as much");
    let room = device.clone().limited(two, u64::MAX);
    let mut vision = Vision::new(&room, &tiny(TINY), 2).expect("as much as is needed");
    assert!(vision.classify(&random_images(&TINY, 2)).is_ok(), "it runs");
    assert!(Vision::new(&room, &tiny(TINY), 3).is_err(), "one more has no room");
}

#[test]
fn a_layer_of_the_base_network_gives_the_logits_of_candle() {
    let Some(device) = device() else { return };
    // All twelve are 35 GFLOP, which a renderer takes up to minutes for; `vision` compares them wherever it runs.
    let shape = Profile::named("vit-b-16").and_then(|profile| profile.vit()).expect("a published shape");
    let shape = Shape { layers: 1, ..shape };
    let images = random_images(&shape, 1);
    let found = Vision::new(device, &tiny(shape), 1).expect("it fits").classify(&images).expect("logits");
    let expected = Reference::new(tiny(shape), &model::Device::cpu()).expect("candle has room").classify(&images);
    let error = relative_error(&found, &expected.expect("candle's logits"));
    assert!(error < 1e-5, "seed {SEED}: relative error {error}");
}
