//! Models on this crate's kernels against the same models on candle.
//!
//! | file | shows |
//! |---|---|
//! | `encoder` | embeddings of seeded and of real weights, in any batch |
//!
//! Without an adapter these tests fail, unless `DAWNDUSK_NO_ADAPTER=1` says that this machine has none on purpose; then
//! they show nothing, and say so. Real weights are treated alike with `DAWNDUSK_NO_WEIGHTS=1`.

mod encoder;

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
        eprintln!("no adapter, as DAWNDUSK_NO_ADAPTER says: these tests show nothing");
        return None;
    }
    let adapter = gpu::choose(None).expect("nothing was asked for, so nothing can be missing");
    let Some(adapter) = adapter else {
        panic!("no adapter was found; DAWNDUSK_NO_ADAPTER=1 says that there is none on purpose")
    };
    eprintln!("adapter {}, driver {} {}", adapter.facts(), adapter.facts().driver, adapter.facts().driver_info);
    Some(Device::open(&adapter).expect("the adapter opens"))
}
