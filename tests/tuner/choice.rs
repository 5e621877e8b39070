//! Trials: the fastest of those that are right.

use crate::device;
use crate::family::Doubling;
use dawndusk::gpu::Device;
use dawndusk::interrupt::Interrupt;
use dawndusk::kernel::{Error, Format};
use dawndusk::tuner::{CacheFolder, Choice, Family, GemmFamily, How, MatmulFamily, Retune, Tuner};
use std::time::{Duration, Instant};

fn choose(family: &dyn Family, device: Option<&Device>) -> Choice {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut tuner = Tuner::open(device, &CacheFolder::at(folder.path().to_owned()), Retune::No);
    tuner.choose(family, &[100, 100, 100]).expect("the device lives on")
}

#[test]
fn the_fastest_variant_is_chosen_and_all_rates_are_told() {
    let Some(device) = device() else { return };
    let choice = choose(&Doubling::of(&["slow", "right"]), Some(device));
    assert_eq!((choice.variant.as_str(), choice.how), ("right", How::Measured), "the loop loses: {choice}");
    let rates: Vec<&str> = choice.rates.iter().map(|rate| rate.variant.as_str()).collect();
    assert_eq!(rates, ["right", "slow"], "the fastest first: {choice}");
    assert!(choice.rates[0].work_per_s > 3.0 * choice.rates[1].work_per_s, "by far: {choice}");
    assert!(choice.excluded.is_empty(), "both are right: {choice}");
}

#[test]
fn a_variant_that_computes_wrong_results_is_excluded_and_named_with_its_error() {
    let Some(device) = device() else { return };
    let choice = choose(&Doubling::of(&["wrong", "right"]), Some(device));
    assert_eq!(choice.variant, "right", "the other one: {choice}");
    let [excluded] = choice.excluded.as_slice() else { panic!("one is excluded: {choice}") };
    assert_eq!(excluded.variant, "wrong", "by its name");
    assert!(excluded.reason.contains("relative error 5.0e-4"), "0.001 of 2: {}", excluded.reason);
    assert!(!choice.rates.iter().any(|rate| rate.variant == "wrong"), "what is wrong has no speed: {choice}");
}

#[test]
fn a_variant_that_does_not_compile_is_excluded_and_named_with_the_compilers_words() {
    let Some(device) = device() else { return };
    let choice = choose(&Doubling::of(&["broken", "right"]), Some(device));
    assert_eq!(choice.variant, "right", "the other one: {choice}");
    let [excluded] = choice.excluded.as_slice() else { panic!("one is excluded: {choice}") };
    assert_eq!(excluded.variant, "broken", "by its name");
    assert!(excluded.reason.contains("compiling double.wgsl"), "what was being done: {}", excluded.reason);
}

#[test]
fn where_every_variant_fails_the_default_stands_and_nothing_is_remembered() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cache = CacheFolder::at(folder.path().to_owned());
    let family = Doubling::of(&["wrong", "broken"]);
    for time in ["first", "second"] {
        let before = family.runs();
        let choice = Tuner::open(Some(device), &cache, Retune::No).choose(&family, &[1]).expect("it lives on");
        assert_eq!((choice.variant.as_str(), choice.how), ("wrong", How::Default), "the {time} time: {choice}");
        assert_eq!(choice.excluded.len(), 2, "both are named: {choice}");
        assert!(family.runs() > before, "the {time} time it is tried");
    }
}

#[test]
fn without_an_adapter_there_is_nothing_to_tune() {
    let family = Doubling::of(&["right", "slow"]);
    let choice = choose(&family, None);
    assert_eq!((choice.variant.as_str(), choice.how), ("right", How::Default), "the default: {choice}");
    assert_eq!(family.runs(), 0, "nothing ran");
    assert_eq!(choose(&GemmFamily::Floats, None).variant, "gemm_registers", "whose twin runs");
}

#[test]
fn a_product_with_weights_is_tuned_for_its_format() {
    let Some(device) = device() else { return };
    for format in [Format::Q8, Format::Q4] {
        let family = MatmulFamily { format };
        let choice = choose(&family, Some(device));
        assert_eq!((choice.family.as_str(), choice.how), (family.name(), How::Measured), "{choice}");
        let offered = family.variants(device.facts()).len();
        assert_eq!(choice.rates.len() + choice.excluded.len(), offered, "each is timed or excluded: {choice}");
    }
}

#[test]
fn a_matrix_product_is_tuned_in_little_time_and_every_offered_variant_is_accounted_for() {
    let Some(device) = device() else { return };
    let began = Instant::now();
    let choice = choose(&GemmFamily::Floats, Some(device));
    // Three seconds are meant for an idle machine; tests share theirs.
    assert!(began.elapsed() < Duration::from_secs(12), "it took {:?}: {choice}", began.elapsed());
    assert_eq!((choice.class.as_str(), choice.how), ("small", How::Measured), "{choice}");
    let offered = GemmFamily::Floats.variants(device.facts()).len();
    assert_eq!(choice.rates.len() + choice.excluded.len(), offered, "each is timed or excluded: {choice}");
    assert!(choice.rates.iter().all(|rate| rate.work_per_s > 0.0), "work takes time: {choice}");
}

#[test]
fn a_trial_that_is_stopped_is_no_choice_and_is_not_remembered() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let family = Doubling::of(&["right", "slow"]);
    let interrupt = Interrupt::default();
    interrupt.request();
    let cache = CacheFolder::at(folder.path().to_owned());
    let stopped = Tuner::open(Some(device), &cache, Retune::No).until(&interrupt).choose(&family, &[1]);
    assert!(matches!(stopped, Err(Error::Interrupted(_))), "the wish to stop: {stopped:?}");
    assert_eq!(family.runs(), 0, "nothing ran");
    let choice = Tuner::open(Some(device), &cache, Retune::No).choose(&family, &[1]).expect("it lives on");
    assert_eq!((choice.how, choice.excluded.len()), (How::Measured, 0), "nobody was excluded for it: {choice}");
}
