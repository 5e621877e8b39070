//! The header of a safetensors model file, read and checked before a byte of its weights is believed.
//!
//! Layout (specification: the README of the safetensors project, section "Format"):
//!
//! ```text
//! length of the header u64, little-endian | header | data
//! header   one JSON object, padded with spaces: "name": {"dtype", "shape", "data_offsets": [begin, end]} for each
//!          tensor, and perhaps "__metadata__" with texts
//! data     the tensors by rows, little-endian, one behind the other without a hole, up to the end of the file
//! ```
//!
//! The types of elements are those of the format's own library. Its check of a header is not used: it wants the whole file in
//! memory, takes the last of two tensors of one name, and does not say what stands in the place of what.
//!
//! A file from elsewhere is untrusted. The length of the header is held against the file before anything is allocated
//! for it, and what is then read of it stays under [`ALLOCATION_FACTOR`] bytes for each byte of the file. Nothing is
//! memory-mapped. A header that passes names only tensors that lie inside the file, in order, apart, and as long as
//! their shapes and types say.

mod parse;

pub use safetensors::Dtype;

use super::file_error::{self, Fault, FileError};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The name of the format, for messages.
const FORMAT: &str = "safetensors";
/// Most bytes of the header: the limit of the format's own library.
pub const HEADER_BYTES_MAX: u64 = 100_000_000;
/// Most bytes of a tensor's name.
pub const NAME_BYTES_MAX: usize = 1 << 16;
/// Most dimensions of one tensor.
pub const DIMENSIONS_MAX: usize = 8;
/// Reading a header never holds more bytes than this for each byte of the file (and [`ALLOCATION_FLOOR`]).
pub const ALLOCATION_FACTOR: u64 = 16;
/// What a header of no size at all may hold, bytes.
pub const ALLOCATION_FLOOR: u64 = 1 << 16;
/// Bytes before the header.
const LENGTH_BYTES: u64 = 8;

/// Where one tensor lies and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Type of an element.
    pub element: Dtype,
    /// Sizes, slowest first: a matrix is `[rows, columns]` and its rows are contiguous.
    pub shape: Vec<usize>,
    /// First byte, from the start of the file.
    pub start: u64,
    /// Length, bytes.
    pub bytes: u64,
}

/// A checked header.
#[derive(Debug)]
pub struct Header {
    path: PathBuf,
    tensors: BTreeMap<String, TensorInfo>,
}

impl Header {
    /// Opens a model file and checks its header.
    ///
    /// # Errors
    /// [`FileError`] names the file, the place and the allowed range.
    pub fn open(path: &Path) -> Result<(Self, File), FileError> {
        let mut file = file_error::open(path, FORMAT)?;
        Ok((Self::read(path, &mut file)?, file))
    }

    /// Checks the header at the start of `reader`; `path` is only for messages.
    ///
    /// # Errors
    /// As [`Header::open`].
    pub fn read<R: Read + Seek>(path: &Path, reader: &mut R) -> Result<Self, FileError> {
        let unreadable = |source| FileError::Unreadable { path: path.to_owned(), source };
        let file_bytes = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        reader.rewind().map_err(unreadable)?;
        let mut start = [0; LENGTH_BYTES as usize];
        let have = file_bytes.min(LENGTH_BYTES) as usize;
        reader.read_exact(&mut start[..have]).map_err(unreadable)?;
        let length =
            parse::header_bytes(start, file_bytes).map_err(|fault| fault.at(path, FORMAT, HEADER_BYTES_MAX))?;
        let mut bytes = vec![0; length as usize];
        reader.read_exact(&mut bytes).map_err(unreadable)?;
        let tensors = parse::tensors(&bytes, file_bytes).map_err(|fault| fault.at(path, FORMAT, HEADER_BYTES_MAX))?;
        Ok(Self { path: path.to_owned(), tensors })
    }

    /// The file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor by its name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// The values of a tensor of this name and shape, out of the file of this header. F32 alone: no network here is
    /// kept in another type.
    ///
    /// # Errors
    /// It is missing, of another shape or type, or cannot be read.
    pub fn floats<R: Read + Seek>(&self, reader: &mut R, name: &str, shape: &[usize]) -> Result<Vec<f32>, FileError> {
        let refuse = |found: String| {
            Fault::refused(format!("tensor `{name}`"), found, format!("F32 of sizes {shape:?}")).at(
                &self.path,
                FORMAT,
                HEADER_BYTES_MAX,
            )
        };
        let info = self.tensors.get(name).ok_or_else(|| refuse("missing".to_owned()))?;
        if info.element != Dtype::F32 || info.shape != shape {
            return Err(refuse(format!("{} of sizes {:?}", info.element, info.shape)));
        }
        // The header check has held this length against the file, and the shape against the length.
        let mut bytes = vec![0; info.bytes as usize];
        let read = reader.seek(SeekFrom::Start(info.start)).and_then(|_| reader.read_exact(&mut bytes));
        read.map_err(|source| FileError::Unreadable { path: self.path.clone(), source })?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect())
    }
}
