//! Tiny mixtures of experts on the engine, beside candle with the same weights decoded to f32; their counts, and what
//! becomes of one that does not fit.

use crate::{device, relative_error};
use dawndusk::engine::{EngineError, Llama, LlamaWeights, Room, layers_that_fit};
use dawndusk::gpu;
use dawndusk::model::{Config, Device, Model, Opened, Precision, greedy};
use std::sync::Arc;

const SEED: u64 = 11;

/// Sizes that are no multiples of a tile where they need not be.
const SMALL: Config = Config {
    layers: 3,
    hidden: 96,
    heads: 3,
    kv_heads: 1,
    head_size: 32,
    feed_forward: 160,
    vocabulary: 331,
    context: 2048,
    rope_base: 10_000.0,
    norm_epsilon: 1e-5,
    tied_embedding: true,
    experts: 8,
    experts_used: 2,
};

fn opened(shape: Config) -> Opened {
    Opened::from_seed("mixture", shape, SEED).expect("a right shape")
}

fn engine(device: &gpu::Device, shape: Config, room: Room) -> Result<Llama, EngineError> {
    Llama::new(&Arc::new(LlamaWeights::load(device, opened(shape))?), room)
}

fn on_candle(shape: Config) -> Model {
    Model::from_seed("mixture", shape, SEED, &Device::cpu(), Precision::F32).expect("a right shape")
}

fn tokens(count: usize) -> Vec<u32> {
    (0..count).map(|i| ((i * 7919 + 31) % 50) as u32).collect()
}

/// The largest difference of any row of logits.
fn worst(found: &[Vec<f32>], expected: &[Vec<f32>]) -> f64 {
    assert_eq!(found.len(), expected.len(), "as many rows");
    found.iter().zip(expected).map(|(a, b)| relative_error(a, b)).fold(0.0, f64::max)
}

#[test]
fn a_prompt_through_experts_has_the_logits_that_candle_gives() {
    let Some(device) = device() else { return };
    // Columns that are no whole blocks are kept in f32, and rows of down that are no whole groups are padded.
    let narrow = Config { hidden: 40, heads: 8, kv_heads: 4, head_size: 4, experts: 5, experts_used: 3, ..SMALL };
    for shape in [SMALL, narrow, Config { experts: 2, ..SMALL }] {
        let prompt = tokens(45);
        let mut model = engine(device, shape, Room { sequences: 1, positions: 64, batch: 33 }).expect("it loads");
        let mut found = model.prefill_all(&prompt[..40]).expect("logits");
        found.extend(prompt[40..].iter().map(|&token| model.decode(token).expect("logits").remove(0)));
        let error = worst(&found, &on_candle(shape).prefill_all(&prompt).expect("logits"));
        assert!(error < 1e-5, "{shape:?}, seed {SEED}: relative error {error}");
    }
}

#[test]
fn sequences_side_by_side_go_to_their_experts_as_one_does_alone() {
    let Some(device) = device() else { return };
    let prompt = tokens(20);
    let mut alone = on_candle(SMALL);
    let mut next = greedy(&alone.prefill(&prompt).expect("logits"));
    let mut expected = Vec::new();
    for _ in 0..8 {
        next = greedy(&alone.decode(next).expect("logits"));
        expected.push(next);
    }
    for sequences in [1, 5] {
        let mut model = engine(device, SMALL, Room { sequences, positions: 40, batch: 32 }).expect("it loads");
        model.prefill(&prompt).expect("logits");
        let found = model.generate(8).expect("tokens");
        for (step, token) in expected.iter().enumerate() {
            assert_eq!(found[step], vec![*token; sequences], "step {step} of {sequences} sequences, seed {SEED}");
        }
    }
}

#[test]
fn experts_over_the_largest_binding_are_multiplied_in_parts() {
    let Some(device) = device() else { return };
    let prompt = tokens(30);
    // Gate and up of an expert are 320 x 96 bytes of Q8, 30720; so three of the eight fit.
    let small = device.clone().limited(1 << 30, 100_000);
    let mut model = engine(&small, SMALL, Room { sequences: 1, positions: 32, batch: 32 }).expect("it loads");
    let error =
        worst(&model.prefill_all(&prompt).expect("logits"), &on_candle(SMALL).prefill_all(&prompt).expect("logits"));
    assert!(error < 1e-5, "seed {SEED}: relative error {error}");
}

#[test]
fn a_token_reads_the_bytes_of_its_own_experts_only() {
    let Some(device) = device() else { return };
    let weights = LlamaWeights::load(device, opened(SMALL)).expect("it loads");
    // Q8: 36 bytes for 32 columns. Rows by blocks: query, key and value; output; the router, whose 8 rows are padded to
    // 32; gate and up, and down, of two experts; the head, whose 331 rows are padded to 352, and a row of it.
    let blocks = 160 * 3 + 96 * 3 + 32 * 3 + 2 * (320 * 3 + 96 * 5);
    let table = 352 * 3 * 36;
    let expected = 3 * (36 * blocks + 4 * 2 * 96) + table + table / 331 + 4 * 96;
    assert_eq!(weights.counts().weight_bytes, expected, "bytes of one token");
    // Two FLOP for each weight of 3 layers and of the head, and for position 0 of 3 heads of 32 words.
    let layer = 96 * 160 + 96 * 96 + 8 * 96 + 2 * 3 * 96 * 160;
    assert_eq!(weights.counts().decode_flop(0), 2 * (3 * layer + 331 * 96) + 4 * 3 * 96, "FLOP of one token");
    assert_eq!(weights.describe().quantisation.iter().map(|kind| kind.matrices).sum::<u64>(), 3 * (5 + 24) + 1, "all");
}

#[test]
fn a_seeded_model_that_does_not_fit_is_cut_to_the_layers_that_do() {
    let Some(device) = device() else { return };
    let room = Room { sequences: 1, positions: 64, batch: 64 };
    let shape = Config { layers: 9, ..SMALL };
    // A layer: eight experts of 3 x 96 x 160 weights, attention, router, norms aside, at 36 bytes for 32; its cache of
    // 64 positions by 2 x 32 words. Memory for four and a half of them beside the table and the activations.
    let tensors = opened(shape).tensors;
    let fitting = |memory| layers_that_fit(device, &shape, &tensors, &room, memory);
    let layer = 36 * (160 * 3 + 96 * 3 + 32 * 3 + 8 * (320 * 3 + 96 * 5)) + 64 * 2 * 32 * 4;
    let one = (0..20_000_000).step_by(1000).find(|&memory| fitting(memory) == 1).expect("some memory holds one layer");
    let memory = one + layer * 16 / 15 * 7 / 2;
    assert_eq!([fitting(one - 1000), fitting(memory), fitting(1 << 40)], [0, 4, 9], "layers");

    let small = device.clone().limited(memory, 1 << 30);
    let weights = LlamaWeights::load_cut(&small, opened(shape), &room).expect("four layers fit");
    let described = weights.describe();
    assert_eq!(described.name, "mixture cut to 4 of 9 layers", "the name says so");
    assert_eq!(described.shape.layers, 4, "the shape as well");
    let mut model = Llama::new(&Arc::new(weights), room).expect("there is room left");
    let cut = Config { layers: 4, ..SMALL };
    let prompt = tokens(10);
    let error =
        relative_error(&model.prefill(&prompt).expect("logits"), &on_candle(cut).prefill(&prompt).expect("logits"));
    assert!(error < 1e-5, "the first four layers, seed {SEED}: relative error {error}");

    let whole = LlamaWeights::load_cut(device, opened(SMALL), &room).expect("it fits");
    assert_eq!(whole.describe().name, "mixture", "what fits is not cut");
    let error = LlamaWeights::load_cut(&device.clone().limited(one / 2, 1 << 30), opened(shape), &room);
    assert!(matches!(error, Err(EngineError::Memory { .. })), "where no layer fits there is nothing to cut");
}

#[test]
fn a_mixture_that_makes_no_sense_is_refused() {
    for shape in [
        Config { experts_used: 9, ..SMALL },
        Config { experts_used: 0, ..SMALL },
        Config { experts: 65, ..SMALL },
        Config { experts: 0, ..SMALL },
    ] {
        let error = Opened::from_seed("mixture", shape, SEED).expect_err("no such network").to_string();
        assert!(error.contains("shape.experts") && !error.contains('\n'), "one line, with the key: {error}");
    }
}
