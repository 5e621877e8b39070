//! The header of a GGUF model file, read and checked before a byte of its weights is believed.
//!
//! Layout (versions 2 and 3, little-endian; specification: `docs/gguf.md` of the ggml project):
//!
//! ```text
//! "GGUF" | version u32 | tensors u64 | keys u64
//! keys    x (name, type u32, value)              a string is a length u64 and its bytes
//! tensors x (name, dimensions u32, size u64 each, type u32, offset u64)
//! padding to `general.alignment` (32 when absent), then the tensors at their offsets
//! ```
//!
//! A file from elsewhere is untrusted. Every count is held against the bytes that are left before anything is
//! allocated for it; the allocation of a whole check stays under [`ALLOCATION_FACTOR`] bytes for each byte of the file.
//! Nothing is memory-mapped. A header that passes names only tensors that lie inside the file, aligned and apart.

mod cursor;
mod parse;

pub use candle_core::quantized::GgmlDType;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::file_error::{self, Fault, FileError};
use cursor::{Value, ValueKind};

/// The name of the format, for messages.
const FORMAT: &str = "GGUF";

/// Most bytes before the first tensor.
pub const HEADER_BYTES_MAX: u64 = 64 << 20;
/// Most bytes in one string.
pub const STRING_BYTES_MAX: u64 = 1 << 20;
/// Most elements in one array.
pub const ARRAY_LEN_MAX: u64 = 16 << 20;
/// Deepest array of arrays.
pub const NESTING_MAX: u32 = 4;
/// Most dimensions of one tensor.
pub const DIMENSIONS_MAX: u32 = 4;
/// Largest `general.alignment`, bytes.
pub const ALIGNMENT_MAX: u64 = 1 << 20;
/// `general.alignment` where the file has none, bytes.
pub const ALIGNMENT_DEFAULT: u64 = 32;
/// Reading a header never holds more bytes than this for each byte of the file (and [`ALLOCATION_FLOOR`]).
pub const ALLOCATION_FACTOR: u64 = 16;
/// What a header of no size at all may hold, bytes.
pub const ALLOCATION_FLOOR: u64 = 1 << 16;

/// Where one tensor lies and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// The quantisation.
    pub kind: GgmlDType,
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
    bytes: Vec<u8>,
    metadata: BTreeMap<String, Value>,
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
        let mut bytes = Vec::new();
        // Most headers fit in 2 MiB; a longer one is read again, from a longer window.
        for window in [2 << 20, 16 << 20, HEADER_BYTES_MAX] {
            let wanted = window.min(file_bytes);
            bytes.reserve_exact((wanted as usize).saturating_sub(bytes.len()));
            reader.by_ref().take(wanted - bytes.len() as u64).read_to_end(&mut bytes).map_err(unreadable)?;
            match parse::header(&bytes, file_bytes) {
                Ok(parsed) => {
                    bytes.truncate(parsed.header_bytes);
                    bytes.shrink_to_fit();
                    let (metadata, tensors) = (parsed.metadata, parsed.tensors);
                    return Ok(Self { path: path.to_owned(), bytes, metadata, tensors });
                }
                Err(Fault::Window) if wanted < file_bytes && window < HEADER_BYTES_MAX => {}
                Err(fault) => return Err(fault.at(path, FORMAT, HEADER_BYTES_MAX)),
            }
        }
        Err(Fault::Window.at(path, FORMAT, HEADER_BYTES_MAX))
    }

    /// The file, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every tensor by its name.
    pub fn tensors(&self) -> &BTreeMap<String, TensorInfo> {
        &self.tensors
    }

    /// True when the file has this key.
    pub fn has(&self, key: &str) -> bool {
        self.metadata.contains_key(key)
    }

    /// A whole number, of whatever integer type, within `range`.
    ///
    /// # Errors
    /// The key is missing, of another type, or outside.
    pub fn integer(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Result<u64, FileError> {
        let allowed = || format!("a whole number from {} to {}", range.start(), range.end());
        match self.value(key, &allowed)? {
            Value::Unsigned(found) if range.contains(found) => Ok(*found),
            other => Err(self.refuse_key(key, self.show(other), allowed())),
        }
    }

    /// A number strictly above `low` and not above `high`; NaN is neither.
    ///
    /// # Errors
    /// The key is missing, of another type, or outside.
    pub fn real(&self, key: &str, low: f64, high: f64) -> Result<f64, FileError> {
        let allowed = || format!("a number above {low} and not above {high}");
        match self.value(key, &allowed)? {
            Value::Real(found) if *found > low && *found <= high => Ok(*found),
            other => Err(self.refuse_key(key, self.show(other), allowed())),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// The key is missing, of another type, or not UTF-8.
    pub fn text(&self, key: &str) -> Result<&str, FileError> {
        let allowed = || "a UTF-8 string".to_owned();
        match self.value(key, &allowed)? {
            Value::Text(span) => std::str::from_utf8(&self.bytes[span.clone()])
                .map_err(|_| self.refuse_key(key, "bytes that are not UTF-8".to_owned(), allowed())),
            other => Err(self.refuse_key(key, self.show(other), allowed())),
        }
    }

    /// An array of strings.
    ///
    /// # Errors
    /// The key is missing, of another type, or an element is not UTF-8.
    pub fn texts(&self, key: &str) -> Result<Vec<&str>, FileError> {
        let allowed = || "an array of UTF-8 strings".to_owned();
        match self.value(key, &allowed)? {
            Value::Array { kind: ValueKind::Text, count, span } => cursor::texts(&self.bytes[span.clone()], *count)
                .ok_or_else(|| self.refuse_key(key, "bytes that are not UTF-8".to_owned(), allowed())),
            other => Err(self.refuse_key(key, self.show(other), allowed())),
        }
    }

    /// An array of whole numbers, none negative.
    ///
    /// # Errors
    /// The key is missing, of another type, or an element is negative.
    pub fn integers(&self, key: &str) -> Result<Vec<u64>, FileError> {
        let allowed = || "an array of whole numbers from 0".to_owned();
        let value = self.value(key, &allowed)?;
        let found = match value {
            Value::Array { kind, count, span } => cursor::integers(*kind, &self.bytes[span.clone()], *count),
            _ => None,
        };
        found.ok_or_else(|| self.refuse_key(key, self.show(value), allowed()))
    }

    /// The elements of an array, whatever they are.
    ///
    /// # Errors
    /// The key is missing or no array.
    pub fn array_len(&self, key: &str) -> Result<u64, FileError> {
        let allowed = || "an array".to_owned();
        match self.value(key, &allowed)? {
            Value::Array { count, .. } => Ok(*count),
            other => Err(self.refuse_key(key, self.show(other), allowed())),
        }
    }

    /// An error at one key of this file.
    pub fn refuse_key(&self, key: &str, found: String, allowed: String) -> FileError {
        self.refuse(format!("key `{key}`"), found, allowed)
    }

    /// An error at one place of this file.
    pub fn refuse(&self, place: String, found: String, allowed: String) -> FileError {
        FileError::Refused { path: self.path.clone(), place, found, allowed }
    }

    fn value(&self, key: &str, allowed: &dyn Fn() -> String) -> Result<&Value, FileError> {
        self.metadata.get(key).ok_or_else(|| FileError::MissingKey {
            path: self.path.clone(),
            key: key.to_owned(),
            allowed: allowed(),
        })
    }

    fn show(&self, value: &Value) -> String {
        match value {
            Value::Unsigned(v) => v.to_string(),
            Value::Negative(v) => v.to_string(),
            Value::Real(v) => v.to_string(),
            Value::Truth(v) => v.to_string(),
            Value::Text(span) => {
                let text = String::from_utf8_lossy(&self.bytes[span.clone()]);
                format!("{:?}", text.chars().take(60).collect::<String>())
            }
            Value::Array { count, .. } => format!("an array of {count}"),
        }
    }
}
