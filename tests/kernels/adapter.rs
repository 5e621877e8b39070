//! Each kernel on the adapter against its twin; also as it would run on an adapter that this machine does not have.

use crate::{SEED, device, runnable_tilings, shapes};
use dawndusk::gpu::{Class, Clock, Device, Facts};
use dawndusk::kernel::{self, Fma, Kernel, Loads, Plan, Prepared, Sharing, Size, Unit};
use std::sync::Arc;

/// Runs each kernel over poisoned memory; the result must be whole, and near the twin's where an adapter ran.
pub(crate) fn agree(kernels: Vec<Arc<dyn Kernel>>) {
    agree_on(device(), kernels);
}

pub(crate) fn agree_on(device: Option<&Device>, kernels: Vec<Arc<dyn Kernel>>) {
    let name = device.map_or("the twin", |device| &device.facts().name);
    for kernel in kernels {
        let case = format!("{} {} on {name}, seed {SEED}", kernel.name(), kernel.shape());
        let mut prepared = Prepared::new(kernel, device, SEED).unwrap_or_else(|error| panic!("{case}: {error}"));
        let verification = prepared.verify().unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(verification.passed(), "{case}: {verification}");
        assert_eq!(verification.relative_error.is_some(), device.is_some(), "{case}: compared if there is an adapter");
    }
}

#[test]
fn copy_moves_every_word() {
    agree(shapes::copies());
}

#[test]
fn fma_takes_as_many_steps_as_its_twin() {
    agree(shapes::fmas());
}

#[test]
fn every_gemm_that_the_adapter_has_agrees_with_the_twin() {
    for tiling in runnable_tilings() {
        agree(shapes::gemms(tiling));
    }
}

#[test]
fn gemv_agrees_with_its_twin() {
    agree(shapes::gemvs());
}

#[test]
fn products_with_weights_of_any_format_agree_with_their_twin() {
    // Without them its results would be wrong, and it is never chosen.
    if device().is_none_or(|device| Sharing::teams_are_whole(device.facts())) {
        agree(shapes::matmuls(Sharing::Lanes));
    }
    agree(shapes::matmuls(Sharing::Split));
    agree_elsewhere(shapes::matmuls(Sharing::Split), |facts| facts.class = Class::Hardware);
    agree(shapes::matmuls(Sharing::Tiled));
}

#[test]
fn convolution_with_uniform_loads_agrees_with_its_twin() {
    agree(shapes::conv2ds(Loads::Uniform));
    agree_elsewhere(shapes::conv2ds(Loads::Uniform), |facts| facts.class = Class::Hardware);
}

#[test]
fn convolution_with_shared_loads_agrees_with_its_twin() {
    agree(shapes::conv2ds(Loads::Quad));
}

#[test]
fn rms_norm_agrees_with_its_twin() {
    agree(shapes::rms_norms());
}

#[test]
fn softmax_agrees_with_its_twin() {
    agree(shapes::softmaxes());
}

#[test]
fn attention_agrees_with_its_twin() {
    agree(shapes::attentions());
}

#[test]
fn attention_after_tokens_in_the_cache_agrees_with_its_twin() {
    agree(shapes::later_attentions());
}

#[test]
fn attention_of_one_token_agrees_with_its_twin() {
    agree(shapes::decodes());
    agree(shapes::merges());
}

#[test]
fn embed_agrees_with_its_twin() {
    agree(shapes::embeds());
}

#[test]
fn rotary_cache_agrees_with_its_twin() {
    agree(shapes::rotary_caches());
}

#[test]
fn argmax_finds_the_same_numbers_as_its_twin() {
    agree(shapes::argmaxes());
}

#[test]
fn kernels_stay_inside_their_buffers_where_bounds_are_checked() {
    let Some(device) = device() else { return };
    let checked = device.clone().checked();
    let kernels = [
        shapes::matmuls(Sharing::of(Some(device.facts()), 8))[..6].to_vec(),
        shapes::embeds(),
        shapes::decodes()[..2].to_vec(),
        shapes::rotary_caches()[..2].to_vec(),
        shapes::later_attentions()[..2].to_vec(),
        shapes::argmaxes()[..2].to_vec(),
        shapes::conv2ds(Loads::Uniform)[..3].to_vec(),
        shapes::conv2ds(Loads::of(Some(device.facts())))[3..6].to_vec(),
    ];
    for kernel in kernels.concat() {
        let case = format!("{} {} with checks, seed {SEED}", kernel.name(), kernel.shape());
        let mut prepared =
            Prepared::new(kernel, Some(&checked), SEED).unwrap_or_else(|error| panic!("{case}: {error}"));
        let verification = prepared.verify().unwrap_or_else(|error| panic!("{case}: {error}"));
        assert!(verification.passed(), "{case}: {verification}");
    }
}

#[test]
fn standard_shapes_agree_with_their_twins() {
    agree(kernel::suite(device().map(|device| device.facts())));
}

/// A kernel with the plan that it would make for another adapter.
#[derive(Debug)]
struct Elsewhere {
    kernel: Arc<dyn Kernel>,
    change: fn(&mut Facts),
}

impl Kernel for Elsewhere {
    fn name(&self) -> &'static str {
        self.kernel.name()
    }

    fn shape(&self) -> String {
        self.kernel.shape()
    }

    fn unit(&self) -> Unit {
        self.kernel.unit()
    }

    fn flop(&self) -> u64 {
        self.kernel.flop()
    }

    fn bytes(&self) -> u64 {
        self.kernel.bytes()
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        self.kernel.inputs(seed)
    }

    fn output_len(&self) -> usize {
        self.kernel.output_len()
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        self.kernel.twin(inputs, output);
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let mut facts = facts.clone();
        (self.change)(&mut facts);
        self.kernel.plan(&facts)
    }
}

pub(crate) fn agree_elsewhere(kernels: Vec<Arc<dyn Kernel>>, change: fn(&mut Facts)) {
    agree(kernels.into_iter().map(|kernel| Arc::new(Elsewhere { kernel, change }) as Arc<dyn Kernel>).collect());
}

#[test]
fn rows_shared_by_many_lanes_agree_with_their_twins() {
    let kernels = [shapes::gemvs(), shapes::rms_norms(), shapes::softmaxes()].concat();
    agree_elsewhere(kernels, |facts| facts.class = Class::Hardware);
}

#[test]
fn rows_that_nobody_shares_agree_with_their_twins() {
    let kernels = [shapes::gemvs(), shapes::rms_norms(), shapes::softmaxes()].concat();
    agree_elsewhere(kernels, |facts| {
        facts.class = Class::Software;
        facts.subgroup_size_min = 4;
    });
}

#[test]
fn more_workgroups_than_an_axis_holds_are_folded_into_a_rectangle() {
    let kernels = [shapes::copies(), shapes::fmas(), shapes::gemvs(), shapes::rms_norms(), shapes::softmaxes()];
    agree_elsewhere(kernels.concat(), |facts| facts.limits.workgroups_per_dimension = 3);
}

#[test]
fn the_same_seed_gives_the_same_words_and_another_seed_others() {
    for kernel in kernel::suite(None) {
        let (first, again, other) = (kernel.inputs(SEED), kernel.inputs(SEED), kernel.inputs(SEED + 1));
        assert_eq!(first, again, "{}: the same seed", kernel.name());
        assert_ne!(first, other, "{}: another seed", kernel.name());
        let zeros = first.iter().flatten().filter(|&&word| word == 0.0).count();
        let words = first.iter().map(Vec::len).sum::<usize>();
        assert!(zeros * 1000 < words, "{}: {zeros} of {words} words are zero", kernel.name());
    }
}

#[test]
fn a_batch_takes_longer_the_more_dispatches_it_has() {
    let kernel = Arc::new(Fma::standard(Size::Small));
    let mut prepared = Prepared::new(kernel, device(), SEED).expect("it fits");
    prepared.run(1).expect("a first run compiles");
    let mut quickest = |times| {
        let runs = (0..5).map(|_| prepared.run(times).expect("it runs"));
        runs.map(|elapsed| elapsed.time.0).fold(f64::INFINITY, f64::min)
    };
    let (one, eight) = (quickest(1), quickest(8));
    assert!(eight > 3.0 * one, "eight dispatches in {eight} s, one in {one} s: they did not all run");
}

#[test]
fn a_duration_says_whose_clock_it_is_from() {
    let mut prepared = Prepared::new(Arc::new(Fma::standard(Size::Small)), device(), SEED).expect("it fits");
    let elapsed = prepared.run(2).expect("it runs");
    let timestamps = device().is_some_and(|device| device.facts().features.timestamps);
    assert!(timestamps || elapsed.clock == Clock::Host, "no timestamps here, so the host's clock it must be");
    assert!(elapsed.time.0 > 0.0 && elapsed.host.0 > 0.0, "work takes time: {elapsed:?}");
    assert!(elapsed.clock == Clock::Timestamp || elapsed.time == elapsed.host, "one clock, one time: {elapsed:?}");
}

#[test]
fn a_kernel_says_what_its_first_and_a_later_compilation_took() {
    // A shape that no other test has, so that its constants were not compiled before.
    let kernel = Arc::new(dawndusk::kernel::Softmax::new(3, 611).expect("a fair shape"));
    let compilation = |seed| {
        let mut prepared = Prepared::new(Arc::clone(&kernel) as Arc<dyn Kernel>, device(), seed).expect("it fits");
        prepared.run(1).expect("it runs");
        prepared.compile_again().expect("it runs")
    };
    let (first, second) = (compilation(SEED), compilation(SEED + 1));
    let (Some(first), Some(second)) = (first, second) else {
        assert!(device().is_none(), "on an adapter it is compiled");
        return;
    };
    assert!(first.cold.0 > 0.0 && first.warm.0 > 0.0, "both take time: {first:?}");
    assert_eq!(first.cold, second.cold, "the first time in a process is the first time: {first:?}, {second:?}");
}
