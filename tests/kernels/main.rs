//! Every kernel, on the adapter at hand and on none.
//!
//! * `interface`: what naga reads in a kernel is what its Rust side binds and sets;
//! * `twins`: the twins against candle in f64, shape by shape;
//! * `adapter`: each kernel on an adapter against its twin, and against candle;
//! * `encoder`: the same for the kernels of an encoder;
//! * `experts`: the same for the kernels of a mixture of experts;
//! * `counts`: FLOP and bytes, counted one by one;
//! * `faults`: what goes wrong comes back as an error.
//!
//! All operands come from [`SEED`], which each failure prints. Without an adapter these tests fail, unless
//! `DAWNDUSK_NO_ADAPTER=1` says that this machine has none on purpose; then kernels run as their twins.

mod adapter;
mod counts;
mod encoder;
mod experts;
mod faults;
mod interface;
mod reference;
mod shapes;
mod twins;

use dawndusk::gpu::{self, Device};
use dawndusk::kernel::Tiling;
use std::sync::OnceLock;

/// Where all operands and all odd shapes come from.
const SEED: u64 = 0x5eed_da3d;

/// The adapter that these tests run on; none only where the environment says so.
fn device() -> Option<&'static Device> {
    static DEVICE: OnceLock<Option<Device>> = OnceLock::new();
    DEVICE.get_or_init(open).as_ref()
}

#[expect(clippy::print_stderr, reason = "a log of these tests must say what they ran on")]
fn open() -> Option<Device> {
    if std::env::var("DAWNDUSK_NO_ADAPTER").is_ok_and(|value| value == "1") {
        eprintln!("no adapter, as DAWNDUSK_NO_ADAPTER says: kernels run as their twins");
        return None;
    }
    let adapter = gpu::choose(None).expect("nothing was asked for, so nothing can be missing");
    let Some(adapter) = adapter else {
        panic!("no adapter was found; DAWNDUSK_NO_ADAPTER=1 says that there is none on purpose")
    };
    eprintln!("adapter {}, driver {} {}", adapter.facts(), adapter.facts().driver, adapter.facts().driver_info);
    Some(Device::open(&adapter).expect("the adapter opens"))
}

/// The ways to multiply that the adapter at hand has; all of them where there is none.
fn runnable_tilings() -> Vec<Tiling> {
    let runs = |tiling: &Tiling| device().is_none_or(|device| tiling.runs_on(device.facts()));
    Tiling::ALL.into_iter().filter(runs).collect()
}

/// A device of its own for a test that spoils it.
fn another_device() -> Option<Device> {
    device()?;
    let adapter = gpu::choose(None).expect("nothing was asked for").expect("there is the one that is open");
    Some(Device::open(&adapter).expect("the adapter opens twice"))
}
