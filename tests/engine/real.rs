//! SmolLM2-135M with its real weights, on the engine and on candle with the same weights decoded to f32.

use crate::{device, relative_error};
use dawndusk::engine::{Llama, LlamaWeights, Room};
use dawndusk::gpu::Class;
use dawndusk::interrupt::Interrupt;
use dawndusk::kernel::Sharing;
use dawndusk::model::{Device, Model, ModelChoice, Precision, Store, greedy};
use std::sync::Arc;

/// The weights; none only where the environment says that this machine does without.
#[expect(clippy::print_stderr, reason = "a log of these tests must say what they did not show")]
fn choice() -> Option<(Store, ModelChoice)> {
    let choice = ModelChoice::Registered("smollm2-135m".to_owned());
    let store = Store::of_user().expect("a home folder");
    match dawndusk::model::Opened::in_store(&store, &choice, &Interrupt::default()) {
        Ok(_) => Some((store, choice)),
        Err(_) if std::env::var("DAWNDUSK_NO_WEIGHTS").is_ok_and(|value| value == "1") => {
            eprintln!("DAWNDUSK_NO_WEIGHTS=1: this test of the real weights shows nothing");
            None
        }
        Err(error) => {
            panic!(
                "the real weights are needed: run `make models`, or set DAWNDUSK_NO_WEIGHTS=1 to do without ({error})"
            )
        }
    }
}

#[test]
fn a_prompt_of_256_tokens_and_an_answer_of_64_have_the_logits_that_candle_gives() {
    let Some(device) = device() else { return };
    let Some((store, choice)) = choice() else { return };
    let mut reference = Model::open_in(&store, &choice, &Device::cpu(), Precision::F32).expect("the weights load");
    // A renderer without eight lanes takes minutes for what others do in seconds; it shows the same with fewer tokens.
    let slow = device.facts().class == Class::Software && !Sharing::teams_are_whole(device.facts());
    let (length, answer) = if slow { (64, 8) } else { (256, 64) };
    let room = Room { sequences: 1, positions: 320, batch: 128 };
    let weights = LlamaWeights::open(device, &choice).expect("the weights load");
    let mut engine = Llama::new(&Arc::new(weights), room).expect("there is room");
    let vocabulary = engine.weights().describe().shape.vocabulary;
    let prompt: Vec<u32> = (0..length).map(|i| ((i * 7919 + 13) % vocabulary) as u32).collect();
    let mut expected = reference.prefill_all(&prompt).expect("logits");
    let mut found = engine.prefill_all(&prompt).expect("logits");
    let mut next = greedy(&expected[expected.len() - 1]);
    for _ in 0..answer {
        expected.push(reference.decode(next).expect("logits"));
        found.push(engine.decode(next).expect("logits").remove(0));
        next = greedy(&expected[expected.len() - 1]);
    }
    let errors: Vec<f64> = found.iter().zip(&expected).map(|(a, b)| relative_error(a, b)).collect();
    let worst = errors.iter().copied().fold(0.0, f64::max);
    report(&format!("{} rows, worst relative error {worst:.1e}", errors.len()));
    assert!(worst < 1e-3, "the worst of {} rows: relative error {worst}", errors.len());
}

#[expect(clippy::print_stderr, reason = "a log of these tests is where the error itself is found")]
fn report(line: &str) {
    eprintln!("{line}");
}
