//! The tuner: who is excluded and by what name, what is remembered, and for whom.
//!
//! * `family`: a computation whose variants are right, slow, wrong and broken;
//! * `choice`: trials and exclusions;
//! * `memory`: the file on disk.
//!
//! Without an adapter these tests fail, unless `DAWNDUSK_NO_ADAPTER=1` says that this machine has none on purpose.

mod choice;
mod family;
mod memory;

use dawndusk::gpu::{self, Device};
use std::sync::OnceLock;

/// The adapter that these tests run on; none only where the environment says so.
fn device() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    let open = || {
        if std::env::var("DAWNDUSK_NO_ADAPTER").is_ok_and(|value| value == "1") {
            return None;
        }
        let adapter = gpu::choose(None).expect("nothing was asked for, so nothing can be missing");
        let Some(adapter) = adapter else {
            panic!("no adapter was found; DAWNDUSK_NO_ADAPTER=1 says that there is none on purpose")
        };
        Some(Device::open(&adapter).expect("the adapter opens"))
    };
    DEVICE.get_or_init(open).as_ref()
}
