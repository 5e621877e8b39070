//! 2-D convolution with bias, stride, zero padding and perhaps a ReLU, in f32, channels last: what vision models are made
//! of. Two kernels for two kinds of adapter, and the twin of both.
//!
//! `y[i, j, f]` is `bias[f]` and the sum over rows r, columns s of the window and channels c of
//! `x[i stride + r - padding, j stride + s - padding, c] w[r, s, c, f]`; as everywhere in machine learning, the window is
//! not mirrored. A last layer that is linear is a convolution whose window is the whole image.

use super::random::uniform;
use super::{Error, Kernel, Packing, Plan, Size, Unit, conv2d_quad, conv2d_uniform, guard, spelled};
use crate::gpu::{Class, Facts};
use rayon::prelude::*;

/// Positions that one invocation computes.
const POSITIONS: u32 = 8;

/// Filters that one invocation computes.
const FILTERS: u32 = 16;

/// Who loads the filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Loads {
    /// `conv2d_uniform.wgsl`: every lane loads all of them; on a GPU that is one load for all lanes.
    Uniform,
    /// `conv2d_quad.wgsl`: the four lanes of a quad load a quarter each.
    Quad,
}

impl Loads {
    /// The one for this kind of adapter, or for the CPU itself, where only the name is used.
    pub fn of(facts: Option<&Facts>) -> Loads {
        match facts {
            Some(facts) if facts.class == Class::Software && facts.features.subgroup => Loads::Quad,
            _ => Loads::Uniform,
        }
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// Images.
    pub batch: u32,
    /// Rows of an image.
    pub height: u32,
    /// Columns of an image.
    pub width: u32,
    /// Channels of an image.
    pub channels: u32,
    /// Channels of the result.
    pub filters: u32,
    /// Rows and columns of the window.
    pub window: [u32; 2],
    /// Pixels from one window to the next, along both axes.
    pub stride: u32,
    /// Rows and columns of zeros around an image.
    pub padding: u32,
    /// Whether what is below zero becomes zero.
    pub relu: bool,
}

/// A convolution of batch x height x width x channels with window x channels x filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    sizes: Convolution,
    height_out: u32,
    width_out: u32,
    loads: Loads,
}

impl Conv2d {
    /// The convolution of these sizes.
    ///
    /// # Errors
    /// [`Error::Shape`] where a size is 0 or too large, the window does not fit the padded image, or the padding is
    /// as large as the window.
    pub fn new(sizes: Convolution, loads: Loads) -> Result<Conv2d, Error> {
        let Convolution { batch, height, width, channels, filters, window: [rows, columns], stride, padding, .. } =
            sizes;
        let named = [batch, height, width, channels, filters, rows, columns, stride];
        guard("conv2d", &named, &[&[batch, height, width, channels], &[rows, columns, channels, filters]])?;
        let refusal = |reason| Error::Shape { kernel: "conv2d", shape: spelled(&named), reason };
        if padding >= rows.min(columns) {
            return Err(refusal(format!("a padding of {padding}; allowed: less than the window, {rows}x{columns}")));
        }
        // The padding is less than a window, and a window holds at most 2^31 words: no overflow.
        let [padded_height, padded_width] = [height, width].map(|size| u64::from(size) + 2 * u64::from(padding));
        if u64::from(rows) > padded_height || u64::from(columns) > padded_width {
            let reason =
                format!("a window of {rows}x{columns} in an image of {padded_height}x{padded_width} with padding");
            return Err(refusal(reason));
        }
        let out = |padded: u64, window: u32| ((padded - u64::from(window)) / u64::from(stride) + 1) as u32;
        let (height_out, width_out) = (out(padded_height, rows), out(padded_width, columns));
        guard("conv2d", &named, &[&[batch, height_out, width_out, filters]])?;
        Ok(Conv2d { sizes, height_out, width_out, loads })
    }

    /// 0.23, 7.4 and 59 GFLOP: the 3x3 layers of a residual network (56x56, 64 channels; K. He et al., 2016).
    pub fn standard(size: Size, loads: Loads) -> Conv2d {
        let sizes = Convolution {
            batch: size.pick(1, 32, 256),
            height: 56,
            width: 56,
            channels: 64,
            filters: 64,
            window: [3, 3],
            stride: 1,
            padding: 1,
            relu: true,
        };
        Conv2d { sizes, height_out: 56, width_out: 56, loads }
    }

    /// Rows and columns of the result.
    pub fn out(&self) -> [u32; 2] {
        [self.height_out, self.width_out]
    }

    fn positions(&self) -> u32 {
        self.sizes.batch * self.height_out * self.width_out
    }

    fn taps(&self) -> u32 {
        self.sizes.window[0] * self.sizes.window[1]
    }

    fn floor(&self) -> f32 {
        if self.sizes.relu { 0.0 } else { f32::MIN }
    }

    /// The pixel under one place of the window at one position, as its number in the batch; none outside of the image.
    fn pixel(&self, position: u32, tap: u32) -> Option<usize> {
        let Convolution { height, width, window, stride, padding, .. } = self.sizes;
        let [line, column] = [position / self.width_out, position % self.width_out];
        let [image, row] = [line / self.height_out, line % self.height_out];
        let row = (row * stride + tap / window[1]).checked_sub(padding).filter(|&row| row < height)?;
        let column = (column * stride + tap % window[1]).checked_sub(padding).filter(|&column| column < width)?;
        Some(((image * height + row) * width + column) as usize)
    }
}

impl Kernel for Conv2d {
    fn name(&self) -> &'static str {
        match self.loads {
            Loads::Uniform => "conv2d_uniform",
            Loads::Quad => "conv2d_quad",
        }
    }

    /// Batch x height x width x channels -> filters, window, stride, padding.
    fn shape(&self) -> String {
        let Convolution { batch, height, width, channels, filters, window, stride, padding, .. } = self.sizes;
        let image = spelled(&[batch, height, width, channels]);
        format!("{image} to {filters}, {} stride {stride} padding {padding}", spelled(&window))
    }

    fn unit(&self) -> Unit {
        Unit::Flop
    }

    /// A product for each place of the window, channel, filter and position, zeros of the border included, and as many
    /// sums, since the bias is one more term; a comparison for each ReLU.
    fn flop(&self) -> u64 {
        let outputs = u64::from(self.positions()) * u64::from(self.sizes.filters);
        let relu = u64::from(self.sizes.relu);
        outputs * (2 * u64::from(self.taps()) * u64::from(self.sizes.channels) + relu)
    }

    /// x, w and bias in, y out.
    fn bytes(&self) -> u64 {
        let Convolution { batch, height, width, channels, filters, .. } = self.sizes;
        let [image, channels, filters] = [height * width, channels, filters].map(u64::from);
        let out = u64::from(self.positions()) * filters;
        4 * (u64::from(batch) * image * channels + u64::from(self.taps()) * channels * filters + filters + out)
    }

    fn inputs(&self, seed: u64) -> Vec<Vec<f32>> {
        let Convolution { batch, height, width, channels, filters, .. } = self.sizes;
        let [pixels, channels, filters] = [batch * height * width, channels, filters].map(|size| size as usize);
        vec![
            uniform(seed, 0, pixels * channels, -1.0, 1.0),
            uniform(seed, 1, self.taps() as usize * channels * filters, -1.0, 1.0),
            uniform(seed, 2, filters, -1.0, 1.0),
        ]
    }

    fn output_len(&self) -> usize {
        self.positions() as usize * self.sizes.filters as usize
    }

    fn twin(&self, inputs: &[Vec<f32>], output: &mut [f32]) {
        let ([x, w, bias], channels) = (inputs, self.sizes.channels as usize) else { return };
        let filters = self.sizes.filters as usize;
        let positions = (0..self.positions()).into_par_iter().zip(output.par_chunks_exact_mut(filters));
        positions.with_min_len(8).for_each(|(position, y)| {
            y.fill(0.0);
            for (tap, w) in (0..).zip(w.chunks_exact(channels * filters)) {
                let Some(pixel) = self.pixel(position, tap) else { continue };
                for (&x, w) in x[pixel * channels..][..channels].iter().zip(w.chunks_exact(filters)) {
                    for (y, &w) in y.iter_mut().zip(w) {
                        *y += x * w;
                    }
                }
            }
            for (y, &bias) in y.iter_mut().zip(bias) {
                *y = (*y + bias).max(self.floor());
            }
        });
    }

    fn plan(&self, facts: &Facts) -> Plan {
        let Convolution { batch, height, width, channels, filters, window, stride, padding, .. } = self.sizes;
        // On a CPU small workgroups, so that the last of them holds few positions past the end.
        let lanes = if facts.class == Class::Software { 8 } else { 64 };
        let x = Packing::padded(batch * height * width, channels, 1, 4);
        // As many rows more as the padding of the last channels reads.
        let rows = self.taps() * channels;
        let w = Packing::padded(rows, filters, rows + x.padded_columns() - channels, FILTERS);
        let y = Packing::padded(self.positions(), filters, POSITIONS * lanes, 4);
        let channels_4 = x.padded_columns() / 4;
        Plan {
            source: match self.loads {
                Loads::Uniform => conv2d_uniform::SOURCE,
                Loads::Quad => conv2d_quad::SOURCE,
            },
            constants: vec![
                ("LANES", lanes.into()),
                ("HEIGHT", height.into()),
                ("WIDTH", width.into()),
                ("HEIGHT_OUT", self.height_out.into()),
                ("WIDTH_OUT", self.width_out.into()),
                ("POSITIONS", self.positions().into()),
                ("WINDOW_HEIGHT", window[0].into()),
                ("WINDOW_WIDTH", window[1].into()),
                ("STRIDE", stride.into()),
                ("PADDING", padding.into()),
                ("CHANNELS", channels.into()),
                ("CHANNELS_4", channels_4.into()),
                ("FILTERS_4", (w.padded_columns() / 4).into()),
                ("FILTERS_OUT_4", (y.padded_columns() / 4).into()),
                ("FLOOR", self.floor().into()),
            ],
            inputs: vec![x, w, Packing::padded(1, filters, 1, FILTERS)],
            output: y,
            workgroups: [w.padded_columns() / FILTERS, y.padded_rows() / (POSITIONS * lanes), 1],
            // Channels, columns of the window, its rows.
            iterations: window[0]
                .saturating_mul(window[1].saturating_mul(channels_4.saturating_add(1)).saturating_add(1)),
            ..Plan::default()
        }
    }
}
