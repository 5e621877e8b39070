//! Each kernel on the adapter at hand beside its twin on the CPU, in the standard shape for that adapter.
//!
//! Arithmetic is counted in elements (FLOP), movement in bytes. Times are the device's own where it has timestamps, so
//! they leave out what it costs to submit and to wait. `DAWNDUSK_ADAPTER` chooses as `--adapter` does; without an
//! adapter the twins run alone.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dawndusk::gpu::{self, Device};
use dawndusk::kernel::{self, Kernel, Loads, Prepared, Size, Tiling, Unit};
use std::sync::Arc;
use std::time::Duration;

const SEED: u64 = 0xbe9c_4a11;

/// Dispatches in one submission at most; each takes a few milliseconds.
const BATCH: u64 = 16;

fn kernels(criterion: &mut Criterion) {
    let wanted = std::env::var("DAWNDUSK_ADAPTER").ok();
    let adapter = gpu::choose(wanted.as_deref()).expect("DAWNDUSK_ADAPTER names an adapter that exists");
    let device = adapter.map(|adapter| Device::open(&adapter).expect("the adapter opens"));
    let facts = device.as_ref().map(Device::facts);
    let mut kernels = kernel::suite(facts);
    // The other ways to multiply, for comparison.
    for tiling in Tiling::ALL {
        let possible = facts.is_some_and(|facts| tiling.runs_on(facts));
        if possible && tiling != Tiling::of(facts) {
            kernels.push(Arc::new(kernel::Gemm::standard(Size::of(facts), tiling)));
        }
    }
    // Larger products than the standard one of a renderer.
    for side in [512, 1024] {
        let gemm = kernel::Gemm::new(side, side, side, Tiling::of(facts)).expect("a square product");
        kernels.push(Arc::new(gemm));
    }
    // The convolution that any adapter can run, where it was not the one chosen.
    if facts.is_some() && Loads::of(facts) == Loads::Quad {
        kernels.push(Arc::new(kernel::Conv2d::standard(Size::of(facts), Loads::Uniform)));
    }
    for kernel in kernels {
        let mut group = criterion.benchmark_group(format!("{}/{}", kernel.name(), kernel.shape()));
        group.throughput(match kernel.unit() {
            Unit::Flop => Throughput::Elements(kernel.work()),
            Unit::Byte => Throughput::Bytes(kernel.work()),
        });
        group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        let mut measure = |name: &str, device: Option<&Device>| {
            let mut prepared = prepared(&kernel, device);
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter_custom(|times| time(&mut prepared, times));
            });
        };
        if let Some(device) = &device {
            measure(&device.facts().name, Some(device));
        }
        measure("twin", None);
        group.finish();
    }
}

/// Made ready, and known to be right: a wrong kernel has no speed.
fn prepared(kernel: &Arc<dyn Kernel>, device: Option<&Device>) -> Prepared {
    let mut prepared = Prepared::new(Arc::clone(kernel), device, SEED).expect("a standard shape fits");
    let verification = prepared.verify().expect("it runs");
    assert!(verification.passed(), "{} {}: {verification}", kernel.name(), kernel.shape());
    prepared
}

fn time(prepared: &mut Prepared, mut times: u64) -> Duration {
    let mut total = Duration::ZERO;
    while times > 0 {
        let batch = times.min(BATCH);
        let elapsed = prepared.run(batch as u32).expect("it runs");
        total += Duration::from_secs_f64(elapsed.time.0);
        times -= batch;
    }
    total
}

criterion_group!(benches, kernels);
criterion_main!(benches);
