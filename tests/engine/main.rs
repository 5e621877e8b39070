//! Models on this crate's kernels, beside the same models on candle.
//!
//! | file | shows |
//! |---|---|
//! | `digits` | the classifier of digits, with the weights and the images that come with this program |
//! | `encoder` | embeddings of seeded and of real weights, in any batch |
//! | `vision` | logits of seeded vision transformers in any batch, and of a layer of ViT-B/16; what is refused |
//! | `experts` | the same for mixtures of experts, their counts, and how one is cut to fit |
//! | `llama` | logits of tiny networks in every format, in pieces, in batches, in parts; what is refused |
//! | `real` | the real weights: 256 tokens of a prompt and 64 of an answer; needs them in the store |
//!
//! Without an adapter these tests fail, unless `DAWNDUSK_NO_ADAPTER=1` says that this machine has none on purpose.

mod digits;
mod encoder;
mod experts;
mod llama;
mod real;
mod vision;

use dawndusk::gpu::{self, Device};
use std::sync::OnceLock;

/// The adapter that these tests run on; none only where the environment says so.
fn device() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    DEVICE.get_or_init(open).as_ref()
}

#[expect(clippy::print_stderr, reason = "a log of these tests must say what they ran on")]
fn open() -> Option<Device> {
    if std::env::var("DAWNDUSK_NO_ADAPTER").is_ok_and(|value| value == "1") {
        eprintln!("no adapter, as DAWNDUSK_NO_ADAPTER says: the engine is not shown");
        return None;
    }
    let adapter = gpu::choose(None).expect("nothing was asked for, so nothing can be missing");
    let Some(adapter) = adapter else {
        panic!("no adapter was found; DAWNDUSK_NO_ADAPTER=1 says that there is none on purpose")
    };
    eprintln!("adapter {}, driver {} {}", adapter.facts(), adapter.facts().driver, adapter.facts().driver_info);
    Some(Device::open(&adapter).expect("the adapter opens"))
}

/// |a - b| / |b| in the Euclidean norm.
fn relative_error(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len(), "as many words");
    let square = |v: f64| v * v;
    let apart: f64 = found.iter().zip(expected).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
    let size: f64 = expected.iter().map(|b| square(f64::from(*b))).sum();
    (apart / size).sqrt()
}
