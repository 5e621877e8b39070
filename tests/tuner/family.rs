//! y = 2 x in four ways: right, right but slow, wrong, and not WGSL at all.

use dawndusk::gpu::{Facts, Wgsl};
use dawndusk::kernel::{Error, Kernel, Packing, Plan, Unit};
use dawndusk::tuner::{Family, SizeClass};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const RIGHT: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = 2.0 * x[id.x]; }";

/// The same, after a walk through whole numbers that no compiler knows a shorter way for.
const SLOW: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    var state = id.x;
    for (var i = 0u; i < 5000u; i += 1u) { state = (state ^ (state >> 7u)) * 1664525u + 1013904223u; }
    y[id.x] = select(2.0 * x[id.x], 0.0, state == 7u);
}";

/// Another text of the same meaning.
const RIGHT_AGAIN: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = x[id.x] + x[id.x]; }";

const WRONG: &str = "@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = 2.001 * x[id.x]; }";

const BROKEN: &str = "this is not a shader";

/// How often operands were made, which is what anything that runs begins with.
pub(crate) type Runs = Arc<AtomicUsize>;

/// Some of the four ways.
#[derive(Clone, Debug)]
pub(crate) struct Doubling {
    pub(crate) variants: Vec<&'static str>,
    /// The text of `right`.
    pub(crate) right: &'static str,
    pub(crate) runs: Runs,
}

impl Doubling {
    pub(crate) fn of(variants: &[&'static str]) -> Doubling {
        Doubling { variants: variants.to_vec(), right: RIGHT, runs: Runs::default() }
    }

    pub(crate) fn with_another_source(&self) -> Doubling {
        Doubling { right: RIGHT_AGAIN, ..self.clone() }
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Family for Doubling {
    fn name(&self) -> &'static str {
        "doubling"
    }

    fn variants(&self, _facts: &Facts) -> Vec<&'static str> {
        self.variants.clone()
    }

    fn default_variant(&self, _facts: Option<&Facts>, _shape: &[u32]) -> &'static str {
        self.variants[0]
    }

    fn kernel(&self, variant: &str, shape: &[u32]) -> Result<Arc<dyn Kernel>, Error> {
        let text = match variant {
            "right" => self.right,
            "slow" => SLOW,
            "wrong" => WRONG,
            _ => BROKEN,
        };
        let words = shape[0];
        Ok(Arc::new(Double { text, words, runs: Arc::clone(&self.runs) }))
    }

    fn class(&self, _shape: &[u32]) -> SizeClass {
        SizeClass { name: "all", shape: vec![4096] }
    }

    fn probes(&self) -> Vec<Vec<u32>> {
        vec![vec![1], vec![1000]]
    }
}

#[derive(Debug)]
struct Double {
    text: &'static str,
    words: u32,
    runs: Runs,
}

impl Kernel for Double {
    fn name(&self) -> &'static str {
        "double"
    }

    fn shape(&self) -> String {
        self.words.to_string()
    }

    fn unit(&self) -> Unit {
        Unit::Byte
    }

    fn flop(&self) -> u64 {
        self.words.into()
    }

    fn bytes(&self) -> u64 {
        8 * u64::from(self.words)
    }

    fn inputs(&self, _seed: u64) -> Vec<Vec<f32>> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        vec![(0..self.words).map(|word| 1.0 + word as f32).collect()]
    }

    fn output_len(&self) -> usize {
        self.words as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        for (y, x) in output.iter_mut().zip(&inputs[0]) {
            *y = 2.0 * x;
        }
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let packing = Packing::padded(1, self.words, 1, 64);
        Plan {
            source: Wgsl { file: "double.wgsl", text: self.text },
            constants: Vec::new(),
            inputs: vec![packing],
            output: packing,
            more_outputs: Vec::new(),
            immediates: Vec::new(),
            workgroups: [packing.padded_columns() / 64, 1, 1],
            workgroup_bytes: 0,
            iterations: 0,
        }
    }
}
