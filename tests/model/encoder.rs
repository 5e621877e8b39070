//! The sentence encoder on candle: against plain Rust, in any batches, from files and from seeds.

use crate::encoder_reference::{TINY, Tensors, embedding, names, random};
use crate::network::relative_error;
use crate::safetensors::{file, floats};
use dawndusk::model::encoder::{BATCH, Checkpoint, Encoder, Shape};
use dawndusk::model::safetensors::Header;
use dawndusk::model::{Device, ModelChoice, ModelError, Profile, Provenance, Store};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn bytes_of(tensors: &Tensors) -> Vec<u8> {
    file(&tensors.iter().map(|(name, (sizes, values))| floats(name, sizes, values)).collect::<Vec<_>>())
}

/// An encoder out of a file with these tensors.
fn from_file(shape: Shape, tensors: &Tensors) -> Result<Encoder, ModelError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("m.safetensors");
    std::fs::write(&path, bytes_of(tensors)).expect("written");
    Encoder::new(Checkpoint::from_file("tiny", &path, None, shape)?, &Device::cpu())
}

/// Sentences of random tokens, of all lengths in turn.
fn sentences(count: usize, shape: &Shape) -> Vec<Vec<u32>> {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let length = |index: usize| 1 + index * 7 % shape.positions;
    (0..count)
        .map(|index| (0..length(index)).map(|_| random.random_range(0..shape.vocabulary as u32)).collect())
        .collect()
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[test]
fn embeddings_are_those_of_plain_rust() {
    let tensors = random(&TINY, 1);
    let encoder = from_file(TINY, &tensors).expect("a right file");
    let sentences = sentences(2 * BATCH + 1, &TINY);
    let found = encoder.embed(&sentences).expect("embeddings");
    for (tokens, found) in sentences.iter().zip(&found) {
        let error = relative_error(found, &single(&embedding(&TINY, &tensors, tokens)));
        assert!(error < 1e-5, "{} tokens: relative error {error}", tokens.len());
        let length = found.iter().map(|v| f64::from(v * v)).sum::<f64>().sqrt();
        assert!((length - 1.0).abs() < 1e-6, "an embedding of length {length}");
    }
}

#[test]
fn a_sentence_has_the_same_embedding_in_any_company() {
    let encoder = from_file(TINY, &random(&TINY, 2)).expect("a right file");
    let sentences = sentences(9, &TINY);
    let together = encoder.embed(&sentences).expect("embeddings");
    for (tokens, together) in sentences.iter().zip(&together) {
        let alone = encoder.embed(std::slice::from_ref(tokens)).expect("an embedding");
        let error = relative_error(together, &alone[0]);
        assert!(error < 1e-5, "{} tokens: relative error {error}", tokens.len());
    }
    assert!(encoder.embed(&[]).expect("no sentence").is_empty(), "no sentence, no embedding");
}

#[test]
fn wrong_sentences_are_refused_with_the_range() {
    let encoder = from_file(TINY, &random(&TINY, 2)).expect("a right file");
    let cases = [
        (vec![], "allowed: 1 and more"),
        (vec![1, 50], "token 50; allowed: 0 to 49"),
        (vec![1; 34], "34 positions; allowed: up to 33"),
    ];
    for (tokens, part) in cases {
        let message = encoder.embed(&[vec![1], tokens]).expect_err(part).to_string();
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn a_file_of_another_network_is_refused_by_its_tensor() {
    let right = random(&TINY, 1);
    let refused = |tensors: &Tensors, parts: &[&str]| {
        let message = from_file(TINY, tensors).expect_err("a file that must be refused").to_string();
        assert!(message.contains("m.safetensors"), "the file is not named: {message}");
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
    };
    for (name, _) in names(&TINY) {
        let mut tensors = right.clone();
        tensors.remove(&name);
        refused(&tensors, &[&name, "missing"]);
    }
    let mut tensors = right.clone();
    tensors.insert("encoder.layer.3.output.dense.bias".to_owned(), (vec![24], vec![0.0; 24]));
    refused(&tensors, &["encoder.layer.3.output.dense.bias", "3 layers"]);
    let mut tensors = right.clone();
    tensors.insert("encoder.layer.1.output.dense.weight".to_owned(), (vec![40, 24], vec![0.0; 960]));
    refused(&tensors, &["encoder.layer.1.output.dense.weight", "[40, 24]; allowed: F32 of sizes [24, 40]"]);
    let mut tensors = right.clone();
    tensors.insert("pooler.dense.bias".to_owned(), (vec![24], vec![0.0; 24]));
    from_file(TINY, &tensors).expect("a pooler may be there");
}

#[test]
fn an_impossible_shape_is_refused_by_its_key() {
    let cases = [
        (Shape { heads: 5, ..TINY }, "`shape.heads` = 5; allowed: a divisor of shape.hidden"),
        (Shape { length: 34, ..TINY }, "`shape.length` = 34; allowed: 2 to 33"),
        (Shape { layers: 0, ..TINY }, "`shape.layers` = 0"),
        (Shape { norm_epsilon: f64::NAN, ..TINY }, "`shape.norm_epsilon` = NaN"),
    ];
    for (shape, part) in cases {
        let message = Checkpoint::from_seed("tiny", shape, 1).expect_err(part).to_string();
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn seeded_weights_depend_on_the_seed_and_are_called_synthetic() {
    let embeddings = |seed| {
        let checkpoint = Checkpoint::from_seed("tiny", TINY, seed).expect("a checkpoint");
        let encoder = Encoder::new(checkpoint, &Device::cpu()).expect("an encoder");
        let shown = serde_json::to_value(&encoder.provenance).expect("plain data");
        assert_eq!(shown["kind"], "synthetic", "never called real");
        assert_eq!(shown["seed"], seed, "the seed is part of the result");
        assert!(encoder.tokenizer().is_err(), "a seed has no vocabulary");
        encoder.embed(&sentences(3, &TINY)).expect("embeddings").concat()
    };
    assert_eq!(embeddings(7), embeddings(7), "the same seed, the same bits");
    assert!(relative_error(&embeddings(7), &embeddings(8)) > 0.5, "another seed, other weights");
}

#[test]
fn a_model_of_another_architecture_is_refused_by_name() {
    let choice = |text: &str| text.parse::<ModelChoice>().expect("a choice");
    let store = Store::at("unused".into());
    let message = Checkpoint::open_in(&store, &choice("synthetic:smollm2-135m")).expect_err("a llama").to_string();
    assert!(message.contains("smollm2-135m") && message.contains("\"bert\" for this work"), "{message}");
    let precision = dawndusk::model::Precision::Quantised;
    let llama = dawndusk::model::Model::open_in(&store, &choice("all-minilm-l6-v2"), &Device::cpu(), precision);
    let message = llama.expect_err("a bert").to_string();
    assert!(message.contains("all-minilm-l6-v2") && message.contains("\"llama\" for this work"), "{message}");
    let message = Checkpoint::open_in(&store, &choice("./m.safetensors")).expect_err("a bare file").to_string();
    assert!(message.contains("heads"), "{message}");
}

/// The real encoder; `None` only where the environment says that there are no weights.
fn real() -> Option<Encoder> {
    let choice = ModelChoice::Registered("all-minilm-l6-v2".to_owned());
    match Encoder::open(&choice, &Device::cpu()) {
        Ok(encoder) => Some(encoder),
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

#[test]
fn text_becomes_the_tokens_of_bert() {
    let Some(encoder) = real() else { return };
    let tokenizer = encoder.tokenizer().expect("a tokenizer");
    // By hand from vocab.txt of the same package: the longest piece first, the line number less one.
    let cases: [(&str, &[u32]); 4] = [
        ("Hello, world!", &[101, 7592, 1010, 2088, 999, 102]),
        ("unaffable", &[101, 14477, 20961, 3468, 102]),
        ("naïve CAFÉ", &[101, 15743, 7668, 102]),
        ("", &[101, 102]),
    ];
    for (text, expected) in cases {
        assert_eq!(tokenizer.encode(text).expect("tokens"), expected, "tokens of {text:?}");
    }
    let long = tokenizer.encode(&"orbit ".repeat(500)).expect("tokens");
    assert_eq!((long.len(), long[0], long[127]), (128, 101, 102), "cut at 128, both marks kept");
}

#[test]
fn real_weights_give_the_embeddings_of_plain_rust() {
    let Some(encoder) = real() else { return };
    let shape = encoder.shape;
    let store = Store::of_user().expect("a store");
    let profile = Profile::named("all-minilm-l6-v2").expect("a profile");
    let path = store.find(&profile).expect("it was opened above");
    let (header, mut file) = Header::open(&path).expect("a right file");
    let mut values = |(name, sizes): (String, Vec<usize>)| {
        let values = header.floats(&mut file, &name, &sizes).expect("a tensor of the network");
        (name, (sizes, values))
    };
    let tensors: Tensors = names(&shape).into_iter().map(&mut values).collect();
    let tokens = encoder.tokenizer().expect("a tokenizer").encode("The battery is charged in sunlight.");
    let tokens = tokens.expect("tokens");
    let found = encoder.embed(std::slice::from_ref(&tokens)).expect("an embedding");
    let error = relative_error(&found[0], &single(&embedding(&shape, &tensors, &tokens)));
    assert!(error < 1e-5, "relative error {error}");
    let pinned = matches!(&encoder.provenance, Provenance::Real { pinned: true, .. });
    assert!(pinned, "real weights with the pinned hash: {:?}", encoder.provenance);
}

#[test]
fn what_means_the_same_lies_near() {
    let Some(encoder) = real() else { return };
    let tokenizer = encoder.tokenizer().expect("a tokenizer");
    let cosine = |a: &str, b: &str| {
        let tokens = [a, b].map(|text| tokenizer.encode(text).expect("tokens"));
        let found = encoder.embed(&tokens).expect("embeddings");
        found[0].iter().zip(&found[1]).map(|(a, b)| f64::from(a * b)).sum::<f64>()
    };
    let near = cosine("A man is eating food.", "Someone is having a meal.");
    let far = cosine("A man is eating food.", "The spacecraft enters the shadow of the Earth.");
    assert!(near > 0.5 && far < 0.2, "paraphrases at {near}, strangers at {far}");
}
