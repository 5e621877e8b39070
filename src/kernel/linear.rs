//! A linear layer over many rows, y = x W^T + b or gelu of it: what nearly all of an encoder's time goes into. Two
//! kernels, and the twin of both:
//!
//! * `linear_octet`: adapters with subgroups of eight lanes or more, which share what they load of x;
//! * `linear`: any adapter.
//!
//! GELU: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2, gelu(v) = v (1 + erf(v / sqrt 2)) / 2. The
//! error function is Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26, here as in the WGSL.

use super::gemv::dot;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, linear_octet, spelled};
use crate::gpu::{Facts, Wgsl};
use rayon::prelude::*;

/// Rows and outputs that a workgroup of `linear.wgsl` computes.
const TILE: [u32; 2] = [64, 64];

/// Outputs are padded to at most so many.
const OUTPUTS: u32 = 128;

/// What becomes of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// y = x W^T + b.
    None,
    /// y = gelu(x W^T + b).
    Gelu,
}

/// Whether lanes share what they load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Octets {
    /// `linear.wgsl`: each lane loads for itself.
    Apart,
    /// `linear_octet.wgsl`: eight lanes hand round what they load of x.
    Shared,
}

impl Octets {
    /// What suits this adapter, or the CPU itself, where only the name is used.
    pub fn of(facts: Option<&Facts>) -> Octets {
        // Eight lanes must lie in one subgroup.
        let whole = facts.is_some_and(|facts| facts.features.subgroup && facts.subgroup_size_min >= 8);
        if whole { Octets::Shared } else { Octets::Apart }
    }
}

/// `rows` of x with `inputs` words each, through W of `outputs` x `inputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    rows: u32,
    inputs: u32,
    outputs: u32,
    activation: Activation,
    octets: Octets,
    period: u32,
}

impl Linear {
    /// `rows` vectors of `inputs` words, each to a vector of `outputs` words.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(
        shape @ [rows, inputs, outputs]: [u32; 3],
        activation: Activation,
        octets: Octets,
    ) -> Result<Linear, Error> {
        guard("linear", &shape, &[&[rows, inputs], &[outputs, inputs], &[rows, outputs]])?;
        // And again as they are padded.
        let [inputs_4, wide] = [inputs.div_ceil(4), outputs.div_ceil(OUTPUTS)];
        guard("linear", &shape, &[&[rows, inputs_4, 4], &[inputs_4, 4, wide, OUTPUTS], &[rows, wide, OUTPUTS]])?;
        Ok(Linear { rows, inputs, outputs, activation, octets, period: 1 })
    }

    /// The same with a bias of `period` rows that begins again after them, in place of one row for all: positions, or
    /// as many rows as x has for a stream that the product is added to.
    ///
    /// # Errors
    /// [`Error::Shape`] where that is none, or more than x has.
    pub fn with_bias_rows(self, period: u32) -> Result<Linear, Error> {
        if !(1..=self.rows).contains(&period) {
            let reason = format!("a bias of {period} rows; allowed: 1 to {}, the rows of x", self.rows);
            return Err(Error::Shape { kernel: "linear", shape: self.shape(), reason });
        }
        Ok(Linear { period, ..self })
    }

    /// The wide half of a feed-forward part, as in MiniLM for the small one, as in BERT-large for the others: 0.3, 8.6
    /// and 69 GFLOP.
    pub fn standard(size: Size, octets: Octets) -> Linear {
        Linear {
            rows: size.pick(256, 1024, 8192),
            inputs: size.pick(384, 1024, 1024),
            outputs: size.pick(1536, 4096, 4096),
            activation: Activation::Gelu,
            octets,
            period: 1,
        }
    }

    /// The plan that both kernels share, for workgroups of so many rows and outputs, with W as it is packed for them.
    pub(super) fn tiled(&self, source: Wgsl, [rows, outputs]: [u32; 2], w: Packing) -> Plan {
        let x = Packing::padded(self.rows, self.inputs, 1, 4);
        let y = Packing::padded(self.rows, self.outputs, 1, 4);
        Plan {
            source,
            constants: vec![
                ("ROWS", self.rows.into()),
                ("INPUTS_4", (x.padded_columns() / 4).into()),
                ("OUTPUTS_4", (y.padded_columns() / 4).into()),
                ("PERIOD", self.period.into()),
                ("GELU", f64::from(u8::from(self.activation == Activation::Gelu))),
            ],
            inputs: vec![x, w, Packing::padded(self.period, self.outputs, 1, 4)],
            output: y,
            workgroups: [self.outputs.div_ceil(outputs), self.rows.div_ceil(rows), 1],
            iterations: x.padded_columns() / 4,
            ..Plan::default()
        }
    }

    /// W by columns, padded to 4 inputs and so many outputs.
    pub(super) fn weights(&self, outputs: u32) -> Packing {
        Packing::padded(self.outputs, self.inputs, outputs, 4).by_columns()
    }
}

impl Kernel for Linear {
    fn name(&self) -> &'static str {
        match self.octets {
            Octets::Apart => "linear",
            Octets::Shared => "linear_octet",
        }
    }

    /// rows x inputs x outputs, and the rows of the bias where there is more than one.
    fn shape(&self) -> String {
        let sizes = [self.rows, self.inputs, self.outputs, self.period];
        spelled(if self.period > 1 { &sizes } else { &sizes[..3] })
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// The product alone, 2 for each of its terms: bias and GELU are a hundredth of it and less.
    fn flop(&self) -> u64 {
        2 * u64::from(self.rows) * u64::from(self.inputs) * u64::from(self.outputs)
    }

    /// x, W and b in, y out.
    fn bytes(&self) -> u64 {
        let [rows, inputs, outputs, period] = [self.rows, self.inputs, self.outputs, self.period].map(u64::from);
        4 * (rows * inputs + outputs * inputs + period * outputs + rows * outputs)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [rows, inputs, outputs, period] =
            [self.rows, self.inputs, self.outputs, self.period].map(|size| size as usize);
        // Sums of a few units, where GELU bends.
        let size = 3.0 / (self.inputs as f32).sqrt();
        vec![
            uniform(seed, 0, rows * inputs, -1.0, 1.0),
            uniform(seed, 1, outputs * inputs, -size, size),
            uniform(seed, 2, period * outputs, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.rows as usize * self.outputs as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, w, bias] = inputs else { return };
        let [width, outputs] = [self.inputs, self.outputs].map(|size| size as usize);
        let rows = output.par_chunks_exact_mut(outputs).zip(x.par_chunks_exact(width)).enumerate();
        rows.for_each(|(row, (y, x))| {
            let bias = &bias[row % self.period as usize * outputs..][..outputs];
            for ((y, w), bias) in y.iter_mut().zip(w.chunks_exact(width)).zip(bias) {
                let sum = dot(x, w) + bias;
                *y = if self.activation == Activation::Gelu { gelu(sum) } else { sum };
            }
        });
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        if self.octets == Octets::Shared {
            return linear_octet::plan(self);
        }
        let w = self.weights(TILE[1]);
        let mut plan = self.tiled(wgsl!("linear"), TILE, w);
        plan.constants.push(("WIDTH_4", (w.padded_rows() / 4).into()));
        plan
    }
}

/// v (1 + erf(v / sqrt 2)) / 2, off by less than 1e-7 |v|.
fn gelu(v: f32) -> f32 {
    let z = v.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series =
        [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6].into_iter().fold(1.061_405_4, |sum, a| sum * t + a);
    let tail = 0.5 * t * series * (-z * z).exp();
    v * if v >= 0.0 { 1.0 - tail } else { tail }
}
