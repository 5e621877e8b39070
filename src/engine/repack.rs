//! From the blocks of a model file to those of a kernel.
//!
//! Q4_0, Q4_1, Q8_0, F16, BF16 and F32 keep every weight as it is; any other quantisation is decoded and rounded once
//! more, to [`Format::Q8`]. Blocks of 32 weights (`ggml-common.h` of the ggml project, all little-endian):
//!
//! ```text
//! Q4_0  scale f16 | 16 bytes: weight k in the lower half of byte k, weight k + 16 in the upper; less 8
//! Q4_1  scale f16 | least f16 | 16 bytes, as Q4_0 without the 8
//! Q8_0  scale f16 | 32 signed bytes
//! ```

use crate::kernel::{BLOCK, Block, Format, Weights};
use crate::model::gguf::GgmlDType;
use crate::model::{ModelError, Stored};

/// The format that a stored type becomes.
pub(super) fn format_of(kind: GgmlDType) -> Format {
    match kind {
        GgmlDType::F32 | GgmlDType::BF16 => Format::F32,
        GgmlDType::F16 => Format::F16,
        GgmlDType::Q4_0 | GgmlDType::Q4_1 => Format::Q4,
        _ => Format::Q8,
    }
}

/// Whether that format holds every weight as it is.
pub(super) fn is_exact(kind: GgmlDType) -> bool {
    use GgmlDType::{BF16, F16, F32, Q4_0, Q4_1, Q8_0};
    matches!(kind, F32 | BF16 | F16 | Q4_0 | Q4_1 | Q8_0)
}

/// One format for matrices that become one: the one that loses least.
pub(super) fn widest(formats: impl IntoIterator<Item = Format>) -> Format {
    formats.into_iter().min().unwrap_or(Format::F32)
}

/// Puts a stored matrix of `[rows, columns]` into `weights`, row r at `place(r)`.
pub(super) fn repack(
    stored: &Stored,
    [rows, columns]: [usize; 2],
    weights: &mut Weights,
    place: impl Fn(usize) -> usize,
) -> Result<(), ModelError> {
    let blocks = columns.div_ceil(BLOCK);
    let exact = columns.is_multiple_of(BLOCK) && format_of(stored.kind()) == weights.format;
    if let (true, Some((bytes, take))) = (exact, block_of(stored.kind())) {
        for (index, block) in stored.bytes().chunks_exact(bytes).enumerate() {
            weights.set(place(index / blocks), index % blocks, &take(block));
        }
        return Ok(());
    }
    let values = stored.values(&[rows, columns])?;
    values.chunks_exact(columns).enumerate().for_each(|(row, line)| weights.encode_row(place(row), line));
    Ok(())
}

type Take = fn(&[u8]) -> Block;

/// Bytes of a stored block, and what becomes of them; none for types that go by way of f32.
fn block_of(kind: GgmlDType) -> Option<(usize, Take)> {
    match kind {
        GgmlDType::Q4_0 => Some((18, |bytes| {
            let scale = half(bytes, 0);
            let least = half::f16::from_f32(-8.0 * half::f16::from_bits(scale).to_f32()).to_bits();
            Block { words: nibbles(&bytes[2..]), scale: pair(scale, least) }
        })),
        GgmlDType::Q4_1 => {
            Some((20, |bytes| Block { words: nibbles(&bytes[4..]), scale: pair(half(bytes, 0), half(bytes, 2)) }))
        }
        GgmlDType::Q8_0 => Some((34, |bytes| {
            let mut words = [0; BLOCK];
            for (word, four) in words.iter_mut().zip(bytes[2..].chunks_exact(4)) {
                *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
            }
            Block { words, scale: pair(half(bytes, 0), 0) }
        })),
        _ => None,
    }
}

/// Sixteen bytes of two weights each, as eight weights in each of four words.
fn nibbles(bytes: &[u8]) -> [u32; BLOCK] {
    let mut words = [0; BLOCK];
    for k in 0..BLOCK {
        let weight = u32::from(bytes[k % 16] >> (4 * (k / 16)) & 15);
        words[k / 8] |= weight << (4 * (k % 8));
    }
    words
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn pair(scale: u16, least: u16) -> u32 {
    u32::from(scale) | u32::from(least) << 16
}
