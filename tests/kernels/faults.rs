//! What goes wrong comes back as an error that names it; nothing panics and nothing waits for ever.

use crate::{SEED, another_device, device, shapes};
use dawndusk::gpu::{self, Batch, Class, Error, Pipeline, Program, Wgsl};
use dawndusk::kernel::{
    self, Activation, Attention, AttentionFull, Conv2d, Convolution, Copy, Fma, Gemm, Gemv, Kernel, LayerNorm, Linear,
    Loads, MeanPool, Octets, Prepared, RmsNorm, Size, Softmax, Tiling,
};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn an_adapter_that_is_not_there_is_refused_by_name() {
    let error = gpu::choose(Some("a card nobody has")).expect_err("nobody has it");
    let message = error.to_string();
    assert!(message.starts_with("--adapter a card nobody has: no such adapter"), "names the flag: {message}");
    if let Some(device) = device() {
        assert!(message.contains(&device.facts().name), "lists what there is: {message}");
    }
}

#[test]
fn asking_for_the_cpu_gives_no_adapter() {
    assert!(gpu::choose(Some("cpu")).expect("it is always there").is_none(), "the twins run");
}

#[test]
fn a_shape_of_nothing_is_refused() {
    let errors = [
        Copy::new(0).expect_err("no words").to_string(),
        Fma::new(3, 0).expect_err("no steps").to_string(),
        Gemm::new(4, 0, 4, Tiling::Quad).expect_err("no columns").to_string(),
        Gemv::new(0, 4).expect_err("no rows").to_string(),
        Attention::new(1, 2, 0, 4).expect_err("no keys").to_string(),
    ];
    for error in errors {
        assert!(error.contains("at least 1"), "says what is allowed: {error}");
    }
}

#[test]
fn sizes_that_do_not_go_together_are_refused_with_the_reason() {
    let steps = Fma::new(64, 12).expect_err("no whole iterations").to_string();
    assert_eq!(steps, "fma of shape 64x12: 12 steps are no multiple of 32 up to 16777216", "the steps of fma");
    let heads = Attention::new(8, 9, 2, 64).expect_err("no whole groups").to_string();
    assert!(heads.contains("9 query heads are no multiple of 2 key heads"), "the heads of attention: {heads}");
    let words = Gemm::new(1 << 16, 8, 1 << 16, Tiling::Quad).expect_err("too many words").to_string();
    assert!(words.contains("65536x65536"), "names the operand: {words}");
}

#[test]
fn a_window_that_does_not_fit_its_image_is_refused_with_the_reason() {
    let fair = Convolution {
        batch: 1,
        height: 5,
        width: 5,
        channels: 2,
        filters: 3,
        window: [3, 3],
        stride: 1,
        padding: 0,
        relu: false,
    };
    let most = u32::MAX;
    let cases = [
        (Convolution { window: [6, 3], ..fair }, "a window of 6x3 in an image of 5x5"),
        (Convolution { padding: 3, ..fair }, "a padding of 3"),
        (Convolution { padding: most, ..fair }, "a padding of 4294967295"),
        (Convolution { stride: 0, ..fair }, "at least 1"),
        (Convolution { filters: 0, ..fair }, "at least 1"),
        (Convolution { batch: most, ..fair }, "over the largest"),
        (Convolution { window: [most, most], ..fair }, "over the largest"),
        (Convolution { filters: 1 << 28, ..fair }, "over the largest"),
    ];
    for (sizes, part) in cases {
        let message = Conv2d::new(sizes, Loads::Uniform).expect_err("it does not fit").to_string();
        assert!(message.starts_with("conv2d of shape") && message.contains(part), "{message:?} says {part:?}");
    }
    let far = Conv2d::new(Convolution { stride: most, ..fair }, Loads::Uniform).expect("one position is left");
    assert_eq!(far.out(), [1, 1], "a stride beyond the image leaves the first window");
}

#[test]
fn sizes_that_an_encoder_cannot_have_are_refused() {
    const MOST: u32 = u32::MAX;
    let period = LayerNorm::new(8, 4, 9, 1e-5).expect_err("longer than x").to_string();
    assert!(period.contains("9 rows is longer than the 8 rows of x"), "the residual: {period}");
    assert!(LayerNorm::new(0, 4, 1, 1e-5).is_err() && LayerNorm::new(MOST, MOST, 1, 1e-5).is_err(), "layer_norm");
    let each = LayerNorm::new(8, 4, 1, 1e-5).expect("a shape");
    assert!(each.of_each(0).is_err() && each.of_each(1 << 28).is_err(), "rows for each row");
    let linear = Linear::new([8, 4, 4], Activation::None, Octets::Apart).expect("a shape");
    let rows = linear.with_bias_rows(9).expect_err("longer than x").to_string();
    assert!(rows.contains("9 rows; allowed: 1 to 8") && linear.with_bias_rows(0).is_err(), "the bias: {rows}");
    assert!(Linear::new([1, 0, 1], Activation::None, Octets::Apart).is_err(), "linear of nothing");
    assert!(Linear::new([MOST, 1, 1], Activation::Gelu, Octets::Shared).is_err(), "linear of too many rows");
    assert!(Linear::new([1, 1, MOST], Activation::None, Octets::Shared).is_err(), "linear of too many outputs");
    assert!(
        AttentionFull::new([1, 0, 1, 1], Octets::Apart).is_err()
            && AttentionFull::new([MOST, MOST, 1, 1], Octets::Apart).is_err(),
        "attention"
    );
    assert!(MeanPool::new(0, 1, 1).is_err() && MeanPool::new(MOST, 1, MOST).is_err(), "mean_pool");
}

#[test]
fn the_largest_sizes_that_can_be_written_are_refused_without_overflow() {
    const MOST: u32 = u32::MAX;
    assert!(Copy::new(MOST).is_err(), "copy");
    assert!(Fma::new(1 << 27, MOST - 31).is_err(), "fma");
    assert!(Gemm::new(MOST, MOST, MOST, Tiling::Workgroup).is_err(), "gemm");
    assert!(Gemv::new(MOST, MOST).is_err() && Gemv::new(1, MOST).is_err(), "gemv");
    assert!(RmsNorm::new(2, MOST).is_err() && Softmax::new(MOST, 1).is_err(), "rows");
    assert!(Attention::new(1, 1 << 31, 1, 1).is_err() && Attention::new(MOST, 1, 1, MOST).is_err(), "attention");
    let Some(device) = device() else { return };
    let largest: [Arc<dyn Kernel>; 6] = [
        Arc::new(Copy::new(1 << 31).expect("a shape")),
        Arc::new(Gemm::new(1, 1, 1 << 31, Tiling::Workgroup).expect("a shape")),
        Arc::new(Gemm::new(1 << 31, 1, 1, Tiling::Quad).expect("a shape")),
        Arc::new(Gemv::new(1 << 31, 1).expect("a shape")),
        Arc::new(Softmax::new(1, 1 << 31).expect("a shape")),
        Arc::new(Attention::new(1, 1 << 24, 1, 4).expect("a shape")),
    ];
    for kernel in largest {
        assert!(kernel.flop() < u64::MAX / 2 && kernel.bytes() > 0, "{} counts", kernel.name());
        let error = Prepared::new(Arc::clone(&kernel), Some(device), SEED).expect_err("beyond any adapter");
        assert!(matches!(error, kernel::Error::Gpu(Error::TooLarge { .. })), "{}: {error}", kernel.name());
    }
}

#[test]
fn an_unknown_kernel_is_refused_with_a_list_of_those_there_are() {
    let error = kernel::named("gem", Size::Small, None).expect_err("no such kernel").to_string();
    assert!(error.contains("`gem`") && error.contains("gemm_quad"), "names and lists: {error}");
    for name in kernel::NAMES {
        kernel::named(name, Size::Small, None).unwrap_or_else(|error| panic!("{name} is listed: {error}"));
    }
}

#[test]
fn a_shape_over_the_adapters_limits_is_refused_before_anything_is_computed() {
    let Some(device) = device() else { return };
    let too_large: [(Arc<dyn Kernel>, &str); 3] = [
        (Arc::new(Copy::new(1 << 30).expect("a shape")), "bytes in a b"),
        (Arc::new(Attention::new(1, 1, 1, 65536).expect("a shape")), "bytes in a workgroup"),
        (Arc::new(Attention::new(33 * 65536, 1, 1, 1).expect("a shape")), "workgroups along one axis"),
    ];
    for (kernel, limit) in too_large {
        let start = Instant::now();
        let error = Prepared::new(Arc::clone(&kernel), Some(device), SEED).expect_err("over a limit");
        let message = error.to_string();
        assert!(matches!(error, kernel::Error::Gpu(Error::TooLarge { .. })), "it is a limit: {message}");
        assert!(message.contains(limit) && message.contains(&kernel.shape()), "names shape and limit: {message}");
        assert!(start.elapsed() < Duration::from_millis(500), "{message}: refused only after {:?}", start.elapsed());
    }
}

#[test]
fn a_loop_that_a_renderer_would_cut_short_is_refused_there() {
    let Some(device) = device().filter(|device| device.facts().class == Class::Software) else { return };
    let deep = Arc::new(Gemm::new(1, 1, 65536, Tiling::Registers).expect("a shape"));
    let message = Prepared::new(deep, Some(device), SEED).expect_err("too deep").to_string();
    assert!(message.contains("1x1x65536") && message.contains("65535"), "names shape and limit: {message}");
    let within: [Arc<dyn Kernel>; 3] = [
        Arc::new(Gemm::new(1, 1, 65535, Tiling::Registers).expect("a shape")),
        Arc::new(Softmax::new(1, 128_000).expect("a shape")),
        Arc::new(Attention::new(8192, 1, 1, 4).expect("a shape")),
    ];
    for kernel in within {
        let mut prepared = Prepared::new(Arc::clone(&kernel), Some(device), SEED).expect("it fits");
        let verification = prepared.verify().expect("it runs");
        assert!(verification.passed(), "{} {}: {verification}", kernel.name(), kernel.shape());
    }
}

fn broken(device: &gpu::Device, text: &'static str, constants: &[(&str, f64)]) -> Error {
    let buffer = device.upload("one word", &[1.0]).expect("a small buffer");
    let source = Wgsl { file: "broken.wgsl", text };
    let program = Program::new(device, source, constants);
    program.and_then(|program| Pipeline::of(device, &program, &[&buffer], [1, 1, 1])).expect_err("it is broken")
}

#[test]
fn a_kernel_that_does_not_compile_is_an_error_and_the_device_lives_on() {
    let Some(device) = another_device() else { return };
    const MEANT_WELL: &str = "@group(0) @binding(0) var<storage, read_write> a: array<f32>; override N: u32;
        @compute @workgroup_size(1) fn main() { a[0] = f32(N); }";
    let errors = [
        broken(&device, "this is not WGSL", &[]),
        broken(&device, MEANT_WELL, &[]),
        broken(&device, MEANT_WELL, &[("M", 1.0), ("N", 1.0)]),
        broken(&device, "@compute @workgroup_size(1) fn main() {}", &[]),
    ];
    for error in errors {
        assert!(matches!(error, Error::Refused { .. }), "refused: {error}");
        assert!(error.to_string().contains("broken.wgsl"), "names the file: {error}");
    }
    let copy = Arc::new(Copy::new(100).expect("a fair shape"));
    let mut prepared = Prepared::new(copy, Some(&device), SEED).expect("the device still works");
    assert!(prepared.verify().expect("it runs").passed(), "and its results are right");
}

#[test]
fn a_lost_device_is_an_error_wherever_it_is_used() {
    let Some(device) = another_device() else { return };
    let copy = Arc::new(Copy::new(5000).expect("a fair shape"));
    let mut prepared = Prepared::new(copy, Some(&device), SEED).expect("it fits");
    prepared.run(1).expect("it runs");
    device.close();
    let errors = [
        prepared.run(1).expect_err("the device is gone").to_string(),
        prepared.verify().expect_err("the device is gone").to_string(),
        device.upload("late", &[1.0]).expect_err("the device is gone").to_string(),
    ];
    for error in errors {
        assert!(error.contains("is lost while") && error.contains(&device.facts().name), "names the loss: {error}");
    }
}

#[test]
fn a_device_that_does_not_answer_in_time_is_an_error() {
    let Some(device) = another_device() else { return };
    let hasty = device.clone().with_timeout(Duration::from_millis(1));
    let fma = Arc::new(Fma::standard(Size::Small));
    let mut prepared = Prepared::new(Arc::clone(&fma) as Arc<dyn Kernel>, Some(&hasty), SEED).expect("it fits");
    let error = prepared.run(64).expect_err("64 dispatches take longer than a millisecond");
    assert!(matches!(error, kernel::Error::Gpu(Error::Timeout { .. })), "a time-out: {error}");
    assert!(error.to_string().contains("within 0.001 s while running fma.wgsl 64 times"), "says what: {error}");
    let mut patient = Prepared::new(fma, Some(&device), SEED).expect("the device still works");
    assert!(patient.verify().expect("it runs").passed(), "and ends what it had begun");
}

#[test]
fn threads_that_share_a_device_each_get_their_own_results() {
    let Some(device) = device() else { return };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let copy = Arc::new(Copy::new(1000 + thread).expect("a fair shape"));
                let mut prepared = Prepared::new(copy, Some(device), SEED + u64::from(thread)).expect("it fits");
                for _ in 0..300 {
                    let verification = prepared.verify().expect("it runs");
                    assert!(verification.passed(), "thread {thread}: {verification}");
                }
            });
        }
    });
}

#[test]
fn a_batch_of_nothing_takes_no_dispatches_and_no_error() {
    let Some(device) = device() else { return };
    let elapsed = Batch::new(device, Vec::new()).expect("an empty batch").run(3).expect("nothing to do");
    assert!(elapsed.host.0 < 1.0, "and little time: {elapsed:?}");
    for kernel in [shapes::copies(), shapes::fmas()].concat() {
        Prepared::new(kernel, Some(device), SEED).expect("it fits").run(0).expect("nothing to do");
    }
}

/// Starts this test binary again for one test, in another environment.
fn again(test: &str, environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a file"));
    command.args(["--exact", test]).envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Runs itself again where the Vulkan loader finds no driver.
#[cfg(all(unix, not(target_vendor = "apple")))]
#[test]
fn a_machine_without_a_driver_has_no_adapters_and_no_error() {
    const NOWHERE: &str = "/nonexistent/driver.json";
    if std::env::var("VK_ICD_FILENAMES").is_ok_and(|path| path == NOWHERE) {
        assert!(gpu::list().is_empty(), "there is no driver, so there is no adapter");
        assert!(gpu::choose(None).expect("none is no error").is_none(), "the twins run");
        let message = gpu::choose(Some("0")).expect_err("there is none").to_string();
        assert!(message.contains("this machine has none"), "says so: {message}");
        return;
    }
    let test = "faults::a_machine_without_a_driver_has_no_adapters_and_no_error";
    let environment = [("VK_ICD_FILENAMES", NOWHERE), ("VK_DRIVER_FILES", NOWHERE)];
    let outcome = again(test, &environment).output().expect("it starts again");
    let said = String::from_utf8_lossy(&outcome.stdout);
    assert!(outcome.status.success() && said.contains("1 passed"), "without a driver: {said}");
}

/// Runs itself again, in a process that may hang. Only on renderers: a GPU would take the screen with it.
#[test]
fn a_kernel_that_never_ends_holds_up_neither_its_caller_nor_the_process() {
    const FLAG: &str = "DAWNDUSK_TEST_HANG";
    let Some(facts) = device().map(|device| device.facts()) else { return };
    if facts.class != Class::Software {
        return;
    }
    if std::env::var(FLAG).is_ok() {
        // Lavapipe leaves the loop by itself after a while, which is no error either.
        if let Err(error) = hang() {
            assert!(matches!(error, Error::Timeout { .. }), "a time-out: {error}");
        }
        return;
    }
    let test = "faults::a_kernel_that_never_ends_holds_up_neither_its_caller_nor_the_process";
    let start = Instant::now();
    let mut process = again(test, &[(FLAG, "1")]).spawn().expect("it starts again");
    let outcome = loop {
        match process.try_wait().expect("it can be asked") {
            Some(status) => break Some(status),
            None if start.elapsed() > Duration::from_secs(30) => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    process.kill().expect("it ends now, if it has not");
    let outcome = outcome.expect("the process ends although its kernel does not");
    assert!(outcome.success(), "it got a time-out in time: {outcome}");
}

fn hang() -> Result<(), Error> {
    let text = "@group(0) @binding(0) var<storage, read_write> a: array<f32>;
        @compute @workgroup_size(1) fn main() {
            loop { a[0] += 1.0; if a[1] < 0.0 { break; } }
        }";
    let Some(device) = another_device() else { return Ok(()) };
    let device = device.with_timeout(Duration::from_millis(200));
    let buffer = device.upload("two words", &[1.0, 2.0])?;
    let source = Wgsl { file: "endless.wgsl", text };
    let pipeline = Pipeline::of(&device, &Program::new(&device, source, &[])?, &[&buffer], [1, 1, 1])?;
    Batch::new(&device, vec![pipeline])?.run(1)?;
    Ok(())
}
