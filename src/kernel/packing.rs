//! How a kernel runs on an adapter: its constants, its operands as the kernel wants them, its workgroups.

use super::format::{Format, Weights};
use crate::gpu::{self, Device, Held, Texel, Wgsl};
use half::f16;

/// Everything that an adapter must be told about one kernel of one shape.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The source.
    pub source: Wgsl,
    /// A value for each `override` in it.
    pub constants: Vec<(&'static str, f64)>,
    /// Operands in the order of their bindings.
    pub inputs: Vec<Packing>,
    /// The result, bound after them.
    pub output: Packing,
    /// Further results, bound after it, for a kernel whose output is several matrices one after the other.
    pub more_outputs: Vec<Packing>,
    /// Words for its `var<immediate>`; empty where it has none.
    pub immediates: Vec<u32>,
    /// Workgroups along x, y and z.
    pub workgroups: [u32; 3],
    /// Memory that a workgroup shares, in bytes.
    pub workgroup_bytes: u64,
    /// Iterations of one invocation, all of its loops together, at most.
    pub iterations: u32,
}

/// What holds a matrix on the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// An array of words.
    #[default]
    Words,
    /// An array of f16, two in a word.
    Halves,
    /// An image of four words to a texel.
    Image,
}

impl Memory {
    /// Puts words into memory of this kind.
    ///
    /// # Errors
    /// As [`Device::upload`] and [`Device::image`].
    pub fn hold<T: Texel>(self, device: &Device, name: &str, words: &[T]) -> Result<Held, gpu::Error> {
        Ok(match self {
            Memory::Image => Held::Image(device.image(name, words)?),
            Memory::Words | Memory::Halves => Held::Buffer(device.upload(name, words)?),
        })
    }
}

/// A matrix of `rows` x `columns` words held by rows, and how it lies on the device: padded, and perhaps by columns or
/// in panels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Packing {
    rows: u32,
    columns: u32,
    padded_rows: u32,
    padded_columns: u32,
    by_columns: bool,
    /// Words of a line that lie together.
    panel: Option<u32>,
    padding: f32,
    memory: Memory,
    /// Weights lie in groups and blocks of their own, in two buffers.
    weights: Option<Format>,
    /// Rows come in pieces of so many, each at the given line of a stretch of so many lines.
    pieces: Option<[u32; 3]>,
}

impl Packing {
    /// Rows and columns padded up to multiples of these two, with zeros.
    pub fn padded(rows: u32, columns: u32, rows_multiple: u32, columns_multiple: u32) -> Packing {
        Packing {
            rows,
            columns,
            padded_rows: rows.next_multiple_of(rows_multiple),
            padded_columns: columns.next_multiple_of(columns_multiple),
            ..Packing::default()
        }
    }

    /// `pieces` such matrices, each from line `first` on of a stretch of `capacity` lines, as sequences lie in a cache.
    #[must_use]
    pub fn placed(self, pieces: u32, first: u32, capacity: u32) -> Packing {
        Packing {
            rows: self.rows * pieces,
            padded_rows: capacity * pieces,
            pieces: Some([self.rows, first, capacity]),
            ..self
        }
    }

    /// A matrix of weights in a format: its quants and its scales are two bindings.
    pub fn weights(rows: u32, columns: u32, format: Format) -> Packing {
        Packing { weights: Some(format), ..Packing::padded(rows, columns, 1, 1) }
    }

    /// The same matrix, held by columns on the device.
    #[must_use]
    pub fn by_columns(self) -> Packing {
        Packing { by_columns: true, ..self }
    }

    /// The same matrix in panels: `width` words of the first line, as many of each line after it, then the next `width`
    /// words of the first line. A line, a row or a column, is padded to whole panels.
    #[must_use]
    pub fn in_panels(self, width: u32) -> Packing {
        Packing { panel: Some(width), ..self }
    }

    /// The same matrix in other memory.
    #[must_use]
    pub fn held_in(self, memory: Memory) -> Packing {
        Packing { memory, ..self }
    }

    /// The same matrix, padded with another value.
    #[must_use]
    pub fn filled_with(self, padding: f32) -> Packing {
        Packing { padding, ..self }
    }

    /// Rows with padding.
    pub fn padded_rows(&self) -> u32 {
        self.padded_rows
    }

    /// Columns with padding.
    pub fn padded_columns(&self) -> u32 {
        self.padded_columns
    }

    /// Whether its words are packed weights, and no numbers by themselves.
    pub fn is_packed(&self) -> bool {
        self.weights.is_some()
    }

    /// What it lies in.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// Words on the device, of each of its buffers.
    pub fn words(&self) -> Vec<u64> {
        let numbers = u64::from(self.padded_rows) * u64::from(self.padded_columns);
        match (self.weights, self.memory) {
            (Some(format), _) => Weights::words(self.rows as usize, self.columns as usize, format).to_vec(),
            (None, Memory::Halves) => vec![numbers.div_ceil(2)],
            (None, Memory::Words | Memory::Image) => vec![numbers],
        }
    }

    /// From rows to the buffers that lie on the device.
    pub fn buffers(&self, words: &[f32]) -> Vec<Vec<u32>> {
        match self.weights {
            Some(format) => {
                let weights = Weights::encode(self.rows as usize, self.columns as usize, format, words);
                vec![weights.quants, weights.scales]
            }
            None if self.memory == Memory::Halves => {
                let halves = self.pack(words).into_iter().map(|word| f16::from_f32(word).to_bits()).collect::<Vec<_>>();
                let word = |pair: &[u16]| u32::from(pair[0]) | pair.get(1).map_or(0, |&high| u32::from(high) << 16);
                vec![halves.chunks(2).map(word).collect()]
            }
            None => vec![bytemuck::cast_vec(self.pack(words))],
        }
    }

    /// The line on the device that holds a row.
    fn line(&self, row: usize) -> usize {
        match self.pieces.map(|sizes| sizes.map(|size| size as usize)) {
            Some([rows, first, capacity]) => row / rows * capacity + first + row % rows,
            None => row,
        }
    }

    /// Words of the matrix without padding.
    pub fn len(&self) -> usize {
        self.rows as usize * self.columns as usize
    }

    /// True where it has no rows or no columns.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// From rows to what lies on the device.
    pub fn pack(&self, words: &[f32]) -> Vec<f32> {
        let mut packed = vec![self.padding; self.padded_rows as usize * self.padded_columns as usize];
        for (row, line) in words.chunks_exact(self.columns as usize).enumerate() {
            if self.by_columns {
                for (column, &word) in line.iter().enumerate() {
                    packed[self.address(row, column)] = word;
                }
            } else {
                let panel = self.panel_width();
                for (part, words) in line.chunks(panel).enumerate() {
                    let start = self.address(row, part * panel);
                    packed[start..start + words.len()].copy_from_slice(words);
                }
            }
        }
        packed
    }

    /// Back again; what is padding is dropped.
    pub fn unpack(&self, packed: &[f32]) -> Vec<f32> {
        let (rows, columns) = (self.rows as usize, self.columns as usize);
        let mut words = Vec::with_capacity(rows * columns);
        for row in 0..rows {
            words.extend((0..columns).map(|column| packed[self.address(row, column)]));
        }
        words
    }

    /// Words of a line that lie together: a panel, or the whole line.
    fn panel_width(&self) -> usize {
        let line = if self.by_columns { self.padded_rows } else { self.padded_columns };
        self.panel.unwrap_or(line) as usize
    }

    /// Where a word lies on the device.
    fn address(&self, row: usize, column: usize) -> usize {
        let (line, place, lines) = if self.by_columns {
            (column, row, self.padded_columns as usize)
        } else {
            (self.line(row), column, self.padded_rows as usize)
        };
        let panel = self.panel_width();
        (place / panel * lines + line) * panel + place % panel
    }
}

/// A row of `count` workgroups laid out as a rectangle, since one axis holds `longest` of them at most. It may have a
/// few workgroups more than asked for; operands are padded to all of them.
pub(super) fn rectangle(count: u32, longest: u32) -> [u32; 3] {
    let rows = count.div_ceil(longest.max(1));
    [count.div_ceil(rows), rows, 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_added_around_and_dropped_again() {
        let words: Vec<f32> = (0..6).map(|word| word as f32).collect();
        let packing = Packing::padded(2, 3, 4, 4).filled_with(-1.0);
        let packed = packing.pack(&words);
        assert_eq!(packed.len(), 16, "4 rows of 4");
        assert_eq!(packed[..8], [0.0, 1.0, 2.0, -1.0, 3.0, 4.0, 5.0, -1.0], "each row is filled up");
        assert!(packed[8..].iter().all(|&word| word == -1.0), "rows are added");
        assert_eq!(packing.unpack(&packed), words, "and back");
    }

    #[test]
    fn a_matrix_by_columns_comes_back_by_rows() {
        let words: Vec<f32> = (0..6).map(|word| word as f32).collect();
        let packing = Packing::padded(2, 3, 4, 1).by_columns();
        let packed = packing.pack(&words);
        assert_eq!(packed, [0.0, 3.0, 0.0, 0.0, 1.0, 4.0, 0.0, 0.0, 2.0, 5.0, 0.0, 0.0], "columns of 4");
        assert_eq!(packing.unpack(&packed), words, "and back");
    }

    #[test]
    fn a_matrix_in_panels_comes_back_by_rows() {
        let words: Vec<f32> = (0..10).map(|word| word as f32).collect();
        let packing = Packing::padded(2, 5, 1, 4).in_panels(4);
        let packed = packing.pack(&words);
        assert_eq!(packed[..8], [0.0, 1.0, 2.0, 3.0, 5.0, 6.0, 7.0, 8.0], "four words of both rows");
        assert_eq!(packed[8..], [4.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0, 0.0], "then the rest of both");
        assert_eq!(packing.unpack(&packed), words, "and back");
        let columns = Packing::padded(5, 2, 2, 1).by_columns().in_panels(2);
        let packed = columns.pack(&words);
        assert_eq!(packed[..4], [0.0, 2.0, 1.0, 3.0], "two words of both columns");
        assert_eq!(columns.unpack(&packed), words, "and back");
    }

    #[test]
    fn halves_lie_two_in_a_word() {
        let packing = Packing::padded(1, 3, 1, 4).held_in(Memory::Halves);
        assert_eq!(packing.words(), [2], "four halves");
        assert_eq!(packing.buffers(&[1.0, -2.0, 0.5]), [[0xc000_3c00, 0x3800]], "low half first");
    }

    #[test]
    fn a_rectangle_holds_every_workgroup_and_wastes_less_than_a_column() {
        for (count, longest) in [(1, 65535), (65535, 65535), (65536, 65535), (200_000, 65535), (7, 2)] {
            let [x, y, z] = rectangle(count, longest);
            assert!(x <= longest, "{count} in rows of {longest}: {x} is too long");
            assert!(x * y * z >= count && x * y - count < y, "{count} in rows of {longest}: {x} by {y}");
        }
    }
}
