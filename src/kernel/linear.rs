//! A linear layer over many rows, y = x W^T + b or gelu of it: what nearly all of an encoder's time goes into.
//!
//! GELU: Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, section 2, gelu(v) = v (1 + erf(v / sqrt 2)) / 2. The
//! error function is Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26, here as in the WGSL.

use super::gemv::dot;
use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, guard, spelled};
use crate::gpu::{Facts, Wgsl};
use rayon::prelude::*;

/// Rows and outputs that a workgroup computes.
const SIDE: u32 = 64;

/// What becomes of the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// y = x W^T + b.
    None,
    /// y = gelu(x W^T + b).
    Gelu,
}

/// `rows` of x with `inputs` words each, through W of `outputs` x `inputs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    rows: u32,
    inputs: u32,
    outputs: u32,
    activation: Activation,
}

impl Linear {
    /// `rows` vectors of `inputs` words, each to a vector of `outputs` words.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large.
    pub fn new(rows: u32, inputs: u32, outputs: u32, activation: Activation) -> Result<Linear, Error> {
        let shape = [rows, inputs, outputs];
        guard("linear", &shape, &[&[rows, inputs], &[outputs, inputs], &[rows, outputs]])?;
        // And again as they are padded.
        let [inputs_4, outputs_64] = [inputs.div_ceil(4), outputs.div_ceil(SIDE)];
        guard("linear", &shape, &[&[rows, inputs_4, 4], &[inputs_4, 4, outputs_64, SIDE], &[rows, outputs_64, SIDE]])?;
        Ok(Linear { rows, inputs, outputs, activation })
    }

    /// The wide half of a feed-forward part, as in MiniLM for the small one, as in BERT-large for the others: 0.3, 8.6
    /// and 69 GFLOP.
    pub fn standard(size: Size) -> Linear {
        Linear {
            rows: size.pick(256, 1024, 8192),
            inputs: size.pick(384, 1024, 1024),
            outputs: size.pick(1536, 4096, 4096),
            activation: Activation::Gelu,
        }
    }
}

impl Kernel for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    /// rows x inputs x outputs.
    fn shape(&self) -> String {
        spelled(&[self.rows, self.inputs, self.outputs])
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
        let [rows, inputs, outputs] = [self.rows, self.inputs, self.outputs].map(u64::from);
        4 * (rows * inputs + outputs * inputs + outputs + rows * outputs)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let [rows, inputs, outputs] = [self.rows, self.inputs, self.outputs].map(|size| size as usize);
        // Sums of a few units, where GELU bends.
        let size = 3.0 / (self.inputs as f32).sqrt();
        vec![
            uniform(seed, 0, rows * inputs, -1.0, 1.0),
            uniform(seed, 1, outputs * inputs, -size, size),
            uniform(seed, 2, outputs, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.rows as usize * self.outputs as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let [x, w, bias] = inputs else { return };
        let [width, outputs] = [self.inputs, self.outputs].map(|size| size as usize);
        let rows = output.par_chunks_exact_mut(outputs).zip(x.par_chunks_exact(width));
        rows.for_each(|(y, x)| {
            for ((y, w), bias) in y.iter_mut().zip(w.chunks_exact(width)).zip(bias) {
                let sum = dot(x, w) + bias;
                *y = if self.activation == Activation::Gelu { gelu(sum) } else { sum };
            }
        });
    }

    fn plan(&self, _facts: &Facts) -> Plan {
        let x = Packing::padded(self.rows, self.inputs, 1, 4);
        let y = Packing::padded(self.rows, self.outputs, 1, 4);
        let w = Packing::padded(self.outputs, self.inputs, SIDE, 4).by_columns();
        Plan {
            source: Wgsl { file: "linear.wgsl", text: include_str!("../../kernels/linear.wgsl") },
            constants: vec![
                ("ROWS", self.rows.into()),
                ("INPUTS_4", (x.padded_columns() / 4).into()),
                ("OUTPUTS_4", (y.padded_columns() / 4).into()),
                ("WIDTH_4", (w.padded_rows() / 4).into()),
                ("GELU", f64::from(u8::from(self.activation == Activation::Gelu))),
            ],
            inputs: vec![x, w, Packing::padded(1, self.outputs, 1, SIDE)],
            output: y,
            more_outputs: vec![],
            immediates: vec![],
            workgroups: [self.outputs.div_ceil(SIDE), self.rows.div_ceil(SIDE), 1],
            workgroup_bytes: 0,
            turns: x.padded_columns() / 4 * 5,
        }
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
