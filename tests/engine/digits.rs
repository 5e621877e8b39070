//! The classifier of digits on kernels against the same on candle.

use crate::device;
use dawndusk::engine::digits::{Digits, Error};
use dawndusk::gpu::POISON;
use dawndusk::model::digits::{self, PIXELS};
use dawndusk::model::{self, ModelError};
use dawndusk::workload::{Classify, Unit, Workload};
use std::time::Instant;

/// The project's tolerance for f32.
const TOLERANCE: f64 = 1e-5;

/// |a - b| / |b|.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "both have the same number of words");
    let difference: f64 = a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    (difference / b.iter().map(|&b| f64::from(b).powi(2)).sum::<f64>()).sqrt()
}

fn on_candle(images: &[u8]) -> Vec<f32> {
    let classifier = digits::Digits::new(&model::Device::cpu()).expect("the weights are whole");
    images.chunks(100 * PIXELS).flat_map(|images| classifier.classify(images).expect("candle runs")).collect()
}

#[test]
fn kernels_give_candles_logits_and_as_many_right_answers() {
    let Some(device) = device() else { return };
    let set = digits::test_set().expect("the test set is whole");
    let mut classifier = Digits::new(device, 125).expect("it fits");
    let batches = set.images.chunks(125 * PIXELS);
    let logits: Vec<f32> = batches.flat_map(|images| classifier.classify(images).expect("it runs")).collect();
    let unwritten = logits.iter().filter(|word| word.to_bits() == POISON).count();
    assert_eq!(unwritten, 0, "every logit was written over the poison that was there");
    let expected = on_candle(&set.images);
    let error = distance(&logits, &expected);
    assert!(error <= TOLERANCE, "{} logits, {error:.1e} from candle", logits.len());
    let right = |logits: &[f32]| digits::answers(logits).iter().zip(&set.labels).filter(|(a, b)| a == b).count();
    let (ours, candles) = (right(&logits), right(&expected));
    assert!(ours.abs_diff(candles) <= 1, "{ours} right answers, {candles} on candle");
}

#[test]
fn a_batch_of_any_size_may_be_filled_in_part() {
    let Some(device) = device() else { return };
    let set = digits::test_set().expect("the test set is whole");
    for (batch, given) in [(1, 1), (3, 3), (17, 5)] {
        let mut classifier = Digits::new(device, batch).expect("it fits");
        // The second time over what the first has left behind.
        for first in [0, 40] {
            let images = &set.images[first * PIXELS..][..given * PIXELS];
            let logits = classifier.classify(images).expect("it runs");
            let error = distance(&logits, &on_candle(images));
            assert!(error <= TOLERANCE, "{given} of {batch} images from {first} on: {error:.1e} from candle");
        }
    }
}

#[test]
fn what_cannot_be_classified_is_refused_with_the_reason() {
    let Some(device) = device() else { return };
    let mut classifier = Digits::new(device, 2).expect("it fits");
    let cases = [(vec![0; 3 * PIXELS], "3 images; allowed: 1 to 2"), (vec![0; 783], "783 bytes"), (vec![], "0 bytes")];
    for (images, part) in cases {
        let message = classifier.classify(&images).expect_err("it does not fit").to_string();
        assert!(message.contains(part), "{message:?} says {part:?}");
    }
    assert!(matches!(Digits::new(device, 0), Err(Error::Kernel(_))), "a batch of none");
    assert!(matches!(Digits::new(device, 1 << 20), Err(Error::Kernel(_))), "a batch beyond 32 bits");
    // One image more than a binding holds; adapters without such a limit would take it.
    let image_bytes = 30 * 28 * 4 * size_of::<f32>() as u64;
    let beyond = device.facts().limits.storage_binding_bytes / image_bytes + 1;
    if beyond < 1 << 19 {
        let start = Instant::now();
        let message = Digits::new(device, beyond as u32).expect_err("a batch beyond the adapter").to_string();
        assert!(message.contains("bytes in a b"), "names the limit: {message}");
        assert!(start.elapsed().as_millis() < 500, "before anything is allocated: {:?}", start.elapsed());
    }
    let filters = digits::embedded().expect("the weights are whole");
    let short = Digits::with(&filters[..3], device, 1).expect_err("a layer is missing");
    assert!(matches!(short, Error::Model(ModelError::Digits { .. })), "it says so: {short}");
}

#[test]
fn the_workload_counts_images_and_checks_itself_against_candle() {
    let mut workload = Classify::new(device(), 990).expect("it is prepared");
    let description = workload.description().clone();
    assert_eq!((description.name.as_str(), description.unit), ("classify", Unit::Image), "what it is");
    let per_image = digits::flop_per_image() as f64;
    assert_eq!(description.flop_per_batch, description.items_per_batch * per_image, "its arithmetic");
    assert_eq!(description.result_bits_per_batch, description.items_per_batch * 4.0, "a digit is four bits");
    let work = workload.run_batch().expect("it runs");
    assert_eq!(work.items, description.items_per_batch, "a whole batch, although the images begin again within it");
    let verification = workload.verify().expect("it can be checked");
    assert_eq!(verification.is_some(), device().is_some(), "there is something to compare with if there is an adapter");
    if let Some(verification) = verification {
        assert!(verification.relative_error <= verification.tolerance, "{verification:?}");
        assert_eq!(verification.faulty_words, 0, "every logit is a finite number");
    }
}
