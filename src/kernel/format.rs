//! How weights are held on a device: in which format, and in which order.
//!
//! A row is cut into blocks of 32 columns. A block is a few vectors of four words and, where quantised, one word of
//! two f16, a scale and a least value:
//!
//! | format | words | weight k of a block |
//! |---|---|---|
//! | [`Format::F32`] | 32 | word k |
//! | [`Format::F16`] | 16 | half k % 2 of word k / 2 |
//! | [`Format::Q8`] | 8 + 1 | scale x (byte k % 4 of word k / 4, signed) |
//! | [`Format::Q4`] | 4 + 1 | scale x (four bits k % 8 of word k / 8) + least |
//!
//! The two quantised formats hold ggml's Q8_0, Q4_0 and Q4_1 without loss (block layouts: `ggml-common.h` of the ggml
//! project). Quants and scales are apart, so that both are aligned: ggml's blocks of 18, 20 and 34 bytes are not.
//!
//! Rows go in groups of 32, of which each of eight lanes takes four neighbours. The vectors of one group and one
//! block lie together, those of the eight lanes side by side: `[group][block][row of the lane][vector][lane]`.

use half::f16;

/// Columns in a block, and rows in a group.
pub const BLOCK: usize = 32;
/// Rows in a group.
pub const GROUP: usize = 32;
/// Rows of one lane.
const LANE_ROWS: usize = 4;
/// Lanes of a group.
const LANES: usize = GROUP / LANE_ROWS;
/// Words of a vector.
const VECTOR: usize = 4;

/// What a weight is held in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// Eight bits and a scale for 32.
    Q8,
    /// Four bits, a scale and a least value for 32.
    Q4,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::F32, Format::F16, Format::Q8, Format::Q4];

    /// Vectors of four words in a block.
    pub fn vectors(self) -> usize {
        match self {
            Self::F32 => 8,
            Self::F16 => 4,
            Self::Q8 => 2,
            Self::Q4 => 1,
        }
    }

    /// Whether a block has a scale.
    pub fn is_quantised(self) -> bool {
        matches!(self, Self::Q8 | Self::Q4)
    }

    /// Bytes of one block, with its scale.
    pub fn block_bytes(self) -> u64 {
        (16 * self.vectors() + if self.is_quantised() { 4 } else { 0 }) as u64
    }

    /// The number by which kernels know it.
    pub(super) fn code(self) -> f64 {
        match self {
            Self::F32 => 0.0,
            Self::F16 => 1.0,
            Self::Q8 => 2.0,
            Self::Q4 => 3.0,
        }
    }

    /// Its name: `f32`, `f16`, `q8`, `q4`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One block: up to 32 words, and the word of its scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    /// The first `4 vectors` count.
    pub words: [u32; BLOCK],
    /// Scale in the lower half, least value in the upper.
    pub scale: u32,
}

impl Block {
    /// Rounds 32 weights to a format.
    pub fn encode(format: Format, weights: &[f32; BLOCK]) -> Block {
        let mut block = Block { words: [0; BLOCK], scale: 0 };
        match format {
            Format::F32 => block.words = weights.map(f32::to_bits),
            Format::F16 => {
                for (k, weight) in weights.iter().enumerate() {
                    block.words[k / 2] |= u32::from(f16::from_f32(*weight).to_bits()) << (16 * (k % 2));
                }
            }
            Format::Q8 => {
                let most = weights.iter().fold(0.0f32, |most, weight| most.max(weight.abs()));
                let scale = f16::from_f32(most / 127.0);
                block.scale = pair(scale, f16::ZERO);
                for (k, weight) in weights.iter().enumerate() {
                    let steps = quotient(*weight, scale).round().clamp(-127.0, 127.0) as i8;
                    block.words[k / 4] |= u32::from(steps as u8) << (8 * (k % 4));
                }
            }
            Format::Q4 => {
                let (low, high) = weights.iter().fold((f32::MAX, f32::MIN), |(l, h), w| (l.min(*w), h.max(*w)));
                let (least, scale) = (f16::from_f32(low), f16::from_f32((high - low) / 15.0));
                block.scale = pair(scale, least);
                for (k, weight) in weights.iter().enumerate() {
                    let steps = quotient(weight - least.to_f32(), scale).round().clamp(0.0, 15.0) as u32;
                    block.words[k / 8] |= steps << (4 * (k % 8));
                }
            }
        }
        block
    }

    /// The 32 weights, as a kernel sees them.
    pub fn decode(&self, format: Format) -> [f32; BLOCK] {
        let half = |bits: u32| f16::from_bits(bits as u16).to_f32();
        let (scale, least) = (half(self.scale & 0xffff), half(self.scale >> 16));
        std::array::from_fn(|k| match format {
            Format::F32 => f32::from_bits(self.words[k]),
            Format::F16 => half((self.words[k / 2] >> (16 * (k % 2))) & 0xffff),
            Format::Q8 => f32::from((self.words[k / 4] >> (8 * (k % 4))) as u8 as i8) * scale,
            Format::Q4 => (((self.words[k / 8] >> (4 * (k % 8))) & 15) as f32).mul_add(scale, least),
        })
    }
}

fn pair(scale: f16, least: f16) -> u32 {
    u32::from(scale.to_bits()) | u32::from(least.to_bits()) << 16
}

/// A block of nothing but one value has a scale of 0, and no steps.
fn quotient(value: f32, scale: f16) -> f32 {
    if scale == f16::ZERO { 0.0 } else { value / scale.to_f32() }
}

/// A matrix in the order of a device; rows and columns that fill it up are zeros.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Rows, without padding.
    pub rows: usize,
    /// Columns, without padding.
    pub columns: usize,
    /// How a weight is held.
    pub format: Format,
    /// The vectors of all blocks.
    pub quants: Vec<u32>,
    /// One word for each row and block; one vector alone where the format has none.
    pub scales: Vec<u32>,
}

impl Weights {
    /// Zeros.
    pub fn zeros(rows: usize, columns: usize, format: Format) -> Weights {
        let [quants, scales] = Self::words(rows, columns, format).map(|words| vec![0; words as usize]);
        Weights { rows, columns, format, quants, scales }
    }

    /// Words of the quants and of the scales.
    pub fn words(rows: usize, columns: usize, format: Format) -> [u64; 2] {
        let blocks = rows.next_multiple_of(GROUP) as u64 * columns.div_ceil(BLOCK) as u64;
        let scales = if format.is_quantised() { blocks } else { VECTOR as u64 };
        [blocks * (VECTOR * format.vectors()) as u64, scales]
    }

    /// Rounds a matrix, held by rows, to a format.
    pub fn encode(rows: usize, columns: usize, format: Format, weights: &[f32]) -> Weights {
        let mut packed = Self::zeros(rows, columns, format);
        weights.chunks_exact(columns).enumerate().for_each(|(row, line)| packed.encode_row(row, line));
        packed
    }

    /// Rounds one row to the format, and puts it in its place.
    pub fn encode_row(&mut self, row: usize, line: &[f32]) {
        for (block, piece) in line.chunks(BLOCK).enumerate() {
            let mut whole = [0.0; BLOCK];
            whole[..piece.len()].copy_from_slice(piece);
            self.set(row, block, &Block::encode(self.format, &whole));
        }
    }

    /// Puts one block in its place.
    pub fn set(&mut self, row: usize, block: usize, value: &Block) {
        for word in 0..VECTOR * self.format.vectors() {
            let index = self.quant(row, block, word);
            self.quants[index] = value.words[word];
        }
        if self.format.is_quantised() {
            let index = self.scale(row, block);
            self.scales[index] = value.scale;
        }
    }

    /// One block out of its place.
    pub fn get(&self, row: usize, block: usize) -> Block {
        let mut words = [0; BLOCK];
        for (word, value) in words.iter_mut().enumerate().take(VECTOR * self.format.vectors()) {
            *value = self.quants[self.quant(row, block, word)];
        }
        let scale = if self.format.is_quantised() { self.scales[self.scale(row, block)] } else { 0 };
        Block { words, scale }
    }

    /// The matrix by rows, as a kernel sees it.
    pub fn decode(&self) -> Vec<f32> {
        let blocks = self.columns.div_ceil(BLOCK);
        let mut weights = Vec::with_capacity(self.rows * self.columns);
        for row in 0..self.rows {
            let line: Vec<f32> = (0..blocks).flat_map(|block| self.get(row, block).decode(self.format)).collect();
            weights.extend_from_slice(&line[..self.columns]);
        }
        weights
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> u64 {
        4 * (self.quants.len() + self.scales.len()) as u64
    }

    fn quant(&self, row: usize, block: usize, word: usize) -> usize {
        let (group, lane, lane_row) = (row / GROUP, row % GROUP / LANE_ROWS, row % LANE_ROWS);
        let at = (group * self.columns.div_ceil(BLOCK) + block) * LANE_ROWS + lane_row;
        ((at * self.format.vectors() + word / VECTOR) * LANES + lane) * VECTOR + word % VECTOR
    }

    fn scale(&self, row: usize, block: usize) -> usize {
        let (group, in_group) = (row / GROUP, row % GROUP);
        (group * self.columns.div_ceil(BLOCK) + block) * GROUP + in_group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::random::uniform;

    #[test]
    fn what_was_rounded_once_is_not_rounded_again() {
        for format in Format::ALL {
            let weights = uniform(7, 0, 70 * 45, -1.0, 1.0);
            let once = Weights::encode(70, 45, format, &weights).decode();
            let twice = Weights::encode(70, 45, Format::F32, &once);
            assert_eq!(twice.decode(), once, "{format:?}: f32 holds what the format holds");
            let worst = weights.iter().zip(&once).fold(0.0f32, |worst, (a, b)| worst.max((a - b).abs()));
            let step = match format {
                Format::F32 => 0.0,
                Format::F16 => 1.0 / 2048.0,
                // Half a step, and what a half float does to the scale and to the least value.
                Format::Q8 => 0.5 / 127.0 * 1.2,
                Format::Q4 => 1.0 / 15.0 * 1.1,
            };
            assert!(worst <= step, "{format:?}: off by {worst}, allowed {step}");
        }
    }

    #[test]
    fn no_two_words_share_a_place() {
        for format in Format::ALL {
            let mut matrix = Weights::zeros(64, 64, format);
            let mut count = 0;
            for row in 0..64 {
                for block in 0..2 {
                    let words =
                        std::array::from_fn(|word| if word < 4 * format.vectors() { count + word as u32 } else { 0 });
                    let scale = if format.is_quantised() { count } else { 0 };
                    matrix.set(row, block, &Block { words, scale });
                    count += 32;
                }
            }
            let mut count = 0;
            for row in 0..64 {
                for block in 0..2 {
                    assert_eq!(matrix.get(row, block).words[0], count, "{format:?}: row {row}, block {block}");
                    count += 32;
                }
            }
        }
    }

    #[test]
    fn a_block_of_one_value_has_no_steps() {
        for value in [0.0, 0.25, -0.25] {
            let block = Block::encode(Format::Q4, &[value; BLOCK]);
            assert_eq!(block.decode(Format::Q4), [value; BLOCK], "{value}");
        }
    }
}
