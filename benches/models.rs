//! Tokens per second of SmolLM2-135M on candle's CPU device: a prompt of 512, and decoding behind 1 and 512 tokens; on this
//! crate's own kernels a prompt of 128, and decoding of 1 and of 8 sequences together. Images
//! per second of the classifier of digits, and sentences per second of all-MiniLM-L6-v2, sixteen of 32 tokens at once, on
//! candle and on this crate's own kernels (`DAWNDUSK_ADAPTER` chooses as `--adapter` does).
//!
//! The weights are the real ones where the store has them, else seeded ones of the same shape; the name of each
//! measurement says which. The arithmetic is the same. `RAYON_NUM_THREADS` sets the threads.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dawndusk::model::digits::{self, Digits, PIXELS};
use dawndusk::model::encoder::{Checkpoint, Encoder};
use dawndusk::model::{Device, Model, ModelChoice, Provenance};
use dawndusk::{engine, gpu};
use std::sync::Arc;

const PROFILE: &str = "smollm2-135m";
const ENCODER: &str = "all-minilm-l6-v2";

/// Sentences of a batch, tokens of a sentence.
const SENTENCES: [usize; 2] = [16, 32];

fn open() -> Model {
    let real = ModelChoice::Registered(PROFILE.to_owned());
    let seeded = ModelChoice::Synthetic { name: PROFILE.to_owned(), seed: 0 };
    let device = Device::cpu();
    Model::open(&real, &device).or_else(|_| Model::open(&seeded, &device)).expect("seeded weights need no file")
}

fn models(criterion: &mut Criterion) {
    let mut model = open();
    let weights = match model.describe().provenance {
        Provenance::Real { .. } => "real",
        Provenance::Synthetic { .. } => "synthetic",
    };
    let vocabulary = model.describe().shape.vocabulary;
    let prompt: Vec<u32> = (0..512).map(|i| ((i * 7919 + 13) % vocabulary) as u32).collect();
    model.reserve(1024).expect("a context of 1024");

    let mut group = criterion.benchmark_group(format!("{PROFILE}-{weights}"));
    group.sample_size(20);
    group.throughput(Throughput::Elements(512));
    group.bench_function(BenchmarkId::new("prefill", 512), |bencher| {
        bencher.iter(|| {
            model.reset();
            model.prefill(&prompt).expect("room in the context")
        });
    });
    group.throughput(Throughput::Elements(1));
    for before in [1, 512] {
        model.reset();
        model.prefill(&prompt[..before]).expect("room in the context");
        group.bench_function(BenchmarkId::new("decode-behind", before), |bencher| {
            bencher.iter(|| {
                model.truncate(before);
                model.decode(17).expect("room in the context")
            });
        });
    }
    group.finish();
}

fn on_kernels(criterion: &mut Criterion) {
    let wanted = std::env::var("DAWNDUSK_ADAPTER").ok();
    let adapter = gpu::choose(wanted.as_deref()).expect("DAWNDUSK_ADAPTER names an adapter that exists");
    let Some(adapter) = adapter else { return };
    let device = gpu::Device::open(&adapter).expect("the adapter opens");
    let real = ModelChoice::Registered(PROFILE.to_owned());
    let seeded = ModelChoice::Synthetic { name: PROFILE.to_owned(), seed: 0 };
    let weights = engine::LlamaWeights::open(&device, &real).or_else(|_| engine::LlamaWeights::open(&device, &seeded));
    let weights = Arc::new(weights.expect("seeded weights need no file"));
    let name = &device.facts().name;
    let vocabulary = weights.describe().shape.vocabulary;
    let prompt: Vec<u32> = (0..128).map(|i| ((i * 7919 + 13) % vocabulary) as u32).collect();
    let mut group = criterion.benchmark_group(format!("{PROFILE}-engine"));
    group.sample_size(10);
    for sequences in [1, 8] {
        let room = engine::Room { sequences, positions: 256, batch: 128 };
        let mut model = engine::Llama::new(&weights, room).expect("there is room");
        if sequences == 1 {
            group.throughput(Throughput::Elements(128));
            group.bench_function(format!("{name}/prefill-128"), |bencher| {
                bencher.iter(|| {
                    model.truncate(0);
                    model.prefill(&prompt).expect("room for the prompt")
                });
            });
        }
        model.truncate(0);
        model.prefill(&prompt).expect("room for the prompt");
        group.throughput(Throughput::Elements(16 * sequences as u64));
        group.bench_function(format!("{name}/decode-16-x{sequences}"), |bencher| {
            bencher.iter(|| {
                model.truncate(128);
                model.generate(16).expect("room for the answer")
            });
        });
    }
    group.finish();
}

fn checkpoint() -> Checkpoint {
    let real = ModelChoice::Registered(ENCODER.to_owned());
    let seeded = ModelChoice::Synthetic { name: ENCODER.to_owned(), seed: 0 };
    Checkpoint::open(&real).or_else(|_| Checkpoint::open(&seeded)).expect("seeded weights need no file")
}

fn encoders(criterion: &mut Criterion) {
    let checkpoint = checkpoint();
    let weights = match checkpoint.provenance {
        Provenance::Real { .. } => "real",
        Provenance::Synthetic { .. } => "synthetic",
    };
    let [count, length] = SENTENCES;
    let token = |i: usize| ((i * 7919 + 13) % checkpoint.shape.vocabulary) as u32;
    let sentences: Vec<Vec<u32>> = (0..count).map(|s| (0..length).map(|t| token(s * length + t)).collect()).collect();

    let mut group = criterion.benchmark_group(format!("{ENCODER}-{weights}"));
    group.sample_size(10);
    group.throughput(Throughput::Elements(count as u64));
    let wanted = std::env::var("DAWNDUSK_ADAPTER").ok();
    let adapter = gpu::choose(wanted.as_deref()).expect("DAWNDUSK_ADAPTER names an adapter that exists");
    if let Some(adapter) = adapter {
        let device = gpu::Device::open(&adapter).expect("the adapter opens");
        let mut kernels = engine::encoder::Encoder::new(&device, &checkpoint, SENTENCES).expect("it fits");
        group.bench_function(device.facts().name.clone(), |bencher| {
            bencher.iter(|| kernels.embed(&sentences).expect("embeddings"));
        });
    }
    let encoder = Encoder::new(checkpoint, &Device::cpu()).expect("candle has room");
    group.bench_function("candle", |bencher| bencher.iter(|| encoder.embed(&sentences).expect("embeddings")));
    group.finish();
}

fn classifier(criterion: &mut Criterion) {
    const BATCH: u32 = 128;
    let set = digits::test_set().expect("it comes with the program");
    let images = &set.images[..BATCH as usize * PIXELS];
    let mut group = criterion.benchmark_group(format!("digits/{BATCH}"));
    group.throughput(Throughput::Elements(BATCH.into()));
    let candle = Digits::new(&Device::cpu()).expect("the weights come with the program");
    group.bench_function("candle", |bencher| bencher.iter(|| candle.classify(images).expect("whole images")));
    let wanted = std::env::var("DAWNDUSK_ADAPTER").ok();
    let adapter = gpu::choose(wanted.as_deref()).expect("DAWNDUSK_ADAPTER names an adapter that exists");
    if let Some(adapter) = adapter {
        let device = gpu::Device::open(&adapter).expect("the adapter opens");
        let mut kernels = engine::digits::Digits::new(&device, BATCH).expect("a small network fits");
        group.bench_function(device.facts().name.clone(), |bencher| {
            bencher.iter(|| kernels.classify(images).expect("whole images"));
        });
    }
    group.finish();
}

criterion_group!(benches, models, on_kernels, classifier, encoders);
criterion_main!(benches);
