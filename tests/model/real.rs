//! The real weights of SmolLM2-135M-Instruct: tokens, logits, probabilities.
//!
//! The expected tokens and probabilities are llama.cpp's (node-llama-cpp 3.22.1, CPU, the pinned file): an
//! implementation that shares nothing with this one but the file.

use crate::network::relative_error;
use dawndusk::model::{Device, Model, ModelChoice, Precision, Provenance, SMOLLM2_SYSTEM, Store, greedy};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Opens the model from the store; `None` only where the environment says that there are no weights.
fn open(precision: Precision) -> Option<Model> {
    let store = Store::of_user().expect("a store");
    let choice = ModelChoice::Registered("smollm2-135m".to_owned());
    match Model::open_in(&store, &choice, &Device::cpu(), precision) {
        Ok(model) => Some(model),
        Err(_) if std::env::var("DAWNDUSK_NO_WEIGHTS").is_ok_and(|value| value == "1") => {
            #[expect(clippy::print_stderr, reason = "a test that shows nothing says so")]
            {
                eprintln!("DAWNDUSK_NO_WEIGHTS=1: this test of the real weights shows nothing");
            }
            None
        }
        Err(error) => panic!(
            "the real weights are needed: run `make models`, or set DAWNDUSK_NO_WEIGHTS=1 to do without ({error})"
        ),
    }
}

/// One model for all tests of this file: opening it takes longer than using it.
fn quantised() -> Option<MutexGuard<'static, Model>> {
    static MODEL: OnceLock<Option<Mutex<Model>>> = OnceLock::new();
    let model = MODEL.get_or_init(|| open(Precision::Quantised).map(Mutex::new)).as_ref()?;
    let mut model = model.lock().unwrap_or_else(PoisonError::into_inner);
    model.reset();
    Some(model)
}

const SENTENCES: &str = "The Earth turns once a day, and it takes one year to travel around the Sun. Because its axis \
                         is tilted, the days are long in summer and short in winter.";

fn log_probabilities(logits: &[f32]) -> Vec<f64> {
    let sum: f64 = logits.iter().map(|logit| f64::from(*logit).exp()).sum();
    logits.iter().map(|logit| f64::from(*logit) - sum.ln()).collect()
}

/// The mean log-probability that the model gives to each token of a text after the ones before it.
fn mean_log_probability(model: &mut Model, text: &str) -> f64 {
    let tokens = model.tokenizer().expect("a tokenizer").encode(text).expect("tokens");
    let logits = model.prefill_all(&tokens).expect("logits");
    let following = logits.iter().zip(&tokens[1..]);
    following.map(|(row, next)| log_probabilities(row)[*next as usize]).sum::<f64>() / (tokens.len() - 1) as f64
}

#[test]
fn text_becomes_the_tokens_of_llama_cpp_and_comes_back() {
    let Some(model) = quantised() else { return };
    let tokenizer = model.tokenizer().expect("the file has a vocabulary");
    let cases: [(&str, &[u32]); 12] = [
        ("Hello, world!", &[19556, 28, 905, 17]),
        (
            "The satellite orbits the Earth in 97 minutes at 550 km.",
            &[504, 8304, 21837, 260, 2591, 281, 216, 41, 39, 3487, 418, 216, 37, 37, 32, 6381, 30],
        ),
        ("  two  spaces\n\nand\ttabs  ", &[216, 827, 216, 5600, 198, 198, 397, 197, 100, 7366, 256]),
        ("it's 3.14159, don't you'll", &[269, 506, 216, 35, 30, 33, 36, 33, 37, 41, 28, 1326, 982, 346, 3060]),
        (
            "naïve café — Ωμέγα 数据 🚀",
            &[3546, 46494, 37366, 1841, 5664, 119, 16674, 34075, 23098, 8998, 216, 33912, 15107, 244, 218],
        ),
        (
            "fn main() { println!(\"{}\", 42); }",
            &[7853, 1085, 1000, 1662, 1628, 34115, 17, 43331, 1002, 216, 36, 34, 4258, 4029],
        ),
        ("<|im_start|>user\nHi<|im_end|>\n", &[1, 4093, 198, 26843, 2, 198]),
        ("2024-12-31", &[34, 32, 34, 36, 29, 33, 34, 29, 35, 33]),
        ("a", &[81]),
        (" ", &[216]),
        ("\n", &[198]),
        ("１２３ ½ ²", &[8083, 235, 8083, 236, 8083, 237, 216, 16738, 216, 19133]),
    ];
    for (text, expected) in cases {
        let tokens = tokenizer.encode(text).expect("tokens");
        assert_eq!(tokens, expected, "tokens of {text:?}");
        assert_eq!(tokenizer.decode(&tokens).expect("a text"), text, "and back");
    }
    assert!(tokenizer.encode("").expect("tokens").is_empty(), "no text, no tokens");
    assert_eq!(tokenizer.vocabulary(), 49152, "all tokens");
    assert!(tokenizer.decode(&[49152]).is_err(), "a token that there is not");
}

#[test]
fn a_question_has_the_form_of_the_chat_template() {
    let Some(model) = quantised() else { return };
    let tokenizer = model.tokenizer().expect("the file has a vocabulary");
    let tokens = tokenizer.encode_chat(SMOLLM2_SYSTEM, "Hi").expect("tokens");
    let expected = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\
                    \n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(tokenizer.decode(&tokens).expect("a text"), expected, "the text of the template");
    assert_eq!(tokens.iter().filter(|token| **token == 1).count(), 3, "a start mark is one token");
    assert_eq!(tokenizer.end(), Some(2), "the end mark ends an answer");
}

#[test]
fn english_is_as_likely_as_llama_cpp_finds_it() {
    let Some(mut model) = quantised() else { return };
    // -2.8344 in llama.cpp. Both round activations, each in its own way: 0.1 is 10 % of perplexity.
    let found = mean_log_probability(&mut model, SENTENCES);
    assert!((found + 2.8344).abs() < 0.1, "mean log-probability {found}");
    drop(model);
    let Some(mut exact) = open(Precision::F32) else { return };
    let found = mean_log_probability(&mut exact, SENTENCES);
    assert!((found + 2.8344).abs() < 0.02, "mean log-probability {found} in f32");
}

#[test]
fn quantised_and_exact_products_give_nearly_the_same_probabilities() {
    let (Some(mut model), Some(mut exact)) = (quantised(), open(Precision::F32)) else { return };
    let tokens = model.tokenizer().expect("a tokenizer").encode(SENTENCES).expect("tokens");
    let found = model.prefill_all(&tokens).expect("logits");
    let expected = exact.prefill_all(&tokens).expect("logits");
    let divergence = |found: &[f32], expected: &[f32]| -> f64 {
        let (found, expected) = (log_probabilities(found), log_probabilities(expected));
        expected.iter().zip(&found).map(|(p, q)| p.exp() * (p - q)).sum()
    };
    let mean = found.iter().zip(&expected).map(|(a, b)| divergence(a, b)).sum::<f64>() / tokens.len() as f64;
    assert!(mean < 0.05, "mean Kullback-Leibler divergence {mean} nats per token");

    exact.truncate(7);
    let apart = exact.prefill(&tokens[7..]).expect("logits");
    let error = relative_error(&apart, expected.last().expect("a last row"));
    assert!(error < 1e-5, "real weights in f32, in two pieces: relative error {error}");
}

#[test]
fn the_model_knows_what_a_child_knows() {
    let Some(mut model) = quantised() else { return };
    let tokenizer = model.tokenizer().expect("a tokenizer");
    let question = tokenizer.encode_chat(SMOLLM2_SYSTEM, "What is the capital of France?").expect("tokens");
    let answer = tokenizer.encode("The capital of France is Paris").expect("tokens");
    let (paris, before) = answer.split_last().expect("more than one token");
    let paris = *paris;
    let logits = model.prefill(&[question.as_slice(), before].concat()).expect("logits");
    let found = log_probabilities(&logits)[paris as usize];
    assert!(found > -0.1, "log-probability of \" Paris\": {found}");
    assert_eq!(greedy(&logits), paris, "nothing else comes near");
}

#[test]
fn the_description_says_what_was_loaded() {
    let Some(model) = quantised() else { return };
    let found = model.describe();
    let pin = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
    let real = matches!(&found.provenance, Provenance::Real { sha256, pinned: true, .. } if sha256 == pin);
    assert!(real, "real weights with the pinned hash: {:?}", found.provenance);
    assert_eq!((found.parameters, found.flop_per_token), (134_515_008, 269_028_864), "by hand from the shape");
    let matrices: Vec<_> =
        found.quantisation.iter().map(|kind| (kind.file.as_str(), kind.loaded.as_str(), kind.matrices)).collect();
    if cfg!(target_arch = "x86_64") {
        assert_eq!(matrices, [("Q4_1", "Q8_0", 210), ("Q8_0", "Q8_0", 1)], "types in the file and as loaded");
    }
    // Q8_0 takes 34 bytes for 32 weights; zeros behind 576 columns make up to a third more.
    let plain = found.parameters * 34 / 32;
    let range = plain..=plain * 4 / 3;
    assert!(range.contains(&found.weight_bytes_per_token), "{} not in {range:?}", found.weight_bytes_per_token);
}
