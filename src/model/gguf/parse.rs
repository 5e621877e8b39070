//! From the bytes at the start of a file to its keys and tensors.

use super::cursor::{Cursor, Value};
use super::{ALIGNMENT_DEFAULT, ALIGNMENT_MAX, DIMENSIONS_MAX, TensorInfo};
use crate::model::file_error::Fault;
use candle_core::quantized::GgmlDType;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Least bytes of one key (a name of one letter, a type, a value of one byte) and of one tensor.
const KEY_BYTES_MIN: u64 = 8 + 1 + 4 + 1;
const TENSOR_BYTES_MIN: u64 = 8 + 1 + 4 + 8 + 4 + 8;

/// What the header says.
pub(super) struct Parsed {
    pub(super) header_bytes: usize,
    pub(super) metadata: BTreeMap<String, Value>,
    pub(super) tensors: BTreeMap<String, TensorInfo>,
}

/// Reads the header out of the first bytes of a file.
pub(super) fn header(bytes: &[u8], file_bytes: u64) -> Result<Parsed, Fault> {
    let mut cursor = Cursor { bytes, file_bytes, at: 0 };
    let (tensor_count, key_count) = counts(&mut cursor)?;
    let metadata = keys(&mut cursor, key_count)?;
    let alignment = alignment(&metadata)?;
    let mut tensors = tensors(&mut cursor, tensor_count)?;
    let data_start = (cursor.at as u64).next_multiple_of(alignment);
    place(&mut tensors, data_start, alignment, file_bytes)?;
    Ok(Parsed { header_bytes: cursor.at, metadata, tensors })
}

fn counts(cursor: &mut Cursor<'_>) -> Result<(u64, u64), Fault> {
    let fixed = || "the fixed part of the header".to_owned();
    if cursor.file_bytes == 0 {
        return Err(Fault::OtherFormat("it is empty".to_owned()));
    }
    if !cursor.bytes.starts_with(b"GGUF") {
        let start = String::from_utf8_lossy(&cursor.bytes[..cursor.bytes.len().min(8)]).into_owned();
        return Err(Fault::OtherFormat(format!("it starts with {start:?}, not with \"GGUF\"")));
    }
    cursor.at = 4;
    let version = cursor.u32(&fixed)?;
    if !(2..=3).contains(&version) {
        let order = if (2..=3).contains(&version.swap_bytes()) { " (a big-endian file)" } else { "" };
        return Err(Fault::refused("byte 4", format!("version {version}{order}"), "versions 2 and 3, little-endian"));
    }
    let tensor_count = cursor.u64(&fixed)?;
    let key_count = cursor.u64(&fixed)?;
    let least = |count: u64, each: u64| count.saturating_mul(each);
    let needed = least(key_count, KEY_BYTES_MIN).saturating_add(least(tensor_count, TENSOR_BYTES_MIN));
    if needed > cursor.left() {
        let place = format!("a header of {key_count} keys and {tensor_count} tensors");
        return Err(Fault::Truncated { place, needed, left: cursor.left() });
    }
    Ok((tensor_count, key_count))
}

fn keys(cursor: &mut Cursor<'_>, count: u64) -> Result<BTreeMap<String, Value>, Fault> {
    let mut metadata = BTreeMap::new();
    for index in 0..count {
        let key = cursor.name(&|| format!("the name of key {index}"))?;
        let value = cursor.value(&|| format!("key `{key}`"))?;
        match metadata.entry(key) {
            Entry::Vacant(free) => free.insert(value),
            Entry::Occupied(taken) => {
                return Err(Fault::refused(format!("key `{}`", taken.key()), "given twice", "once"));
            }
        };
    }
    Ok(metadata)
}

fn alignment(metadata: &BTreeMap<String, Value>) -> Result<u64, Fault> {
    const KEY: &str = "general.alignment";
    let found = match metadata.get(KEY) {
        None => return Ok(ALIGNMENT_DEFAULT),
        Some(Value::Unsigned(found)) if found.is_power_of_two() && *found <= ALIGNMENT_MAX => return Ok(*found),
        Some(Value::Unsigned(found)) => found.to_string(),
        Some(_) => "not a whole number from 0".to_owned(),
    };
    Err(Fault::refused(format!("key `{KEY}`"), found, format!("a power of two from 1 to {ALIGNMENT_MAX}")))
}

/// Name, shape and type of each tensor; `start` is still the offset that the file gives.
fn tensors(cursor: &mut Cursor<'_>, count: u64) -> Result<BTreeMap<String, TensorInfo>, Fault> {
    let mut tensors = BTreeMap::new();
    for index in 0..count {
        let name = cursor.name(&|| format!("the name of tensor {index}"))?;
        let place = || format!("tensor `{name}`");
        let dimensions = cursor.u32(&place)?;
        if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
            return Err(Fault::refused(place(), format!("{dimensions} dimensions"), format!("1 to {DIMENSIONS_MAX}")));
        }
        let mut shape = Vec::with_capacity(dimensions as usize);
        for _ in 0..dimensions {
            shape.push(cursor.u64(&place)?);
        }
        let number = cursor.u32(&place)?;
        let start = cursor.u64(&place)?;
        let kind = tensor_kind(number)
            .ok_or_else(|| Fault::refused(place(), format!("tensor type {number}"), "0 to 3, 6 to 15 and 30"))?;
        let (shape, bytes) = extent(&shape, kind, &place)?;
        match tensors.entry(name) {
            Entry::Vacant(free) => free.insert(TensorInfo { kind, shape, start, bytes }),
            Entry::Occupied(taken) => {
                return Err(Fault::refused(format!("tensor `{}`", taken.key()), "given twice", "once"));
            }
        };
    }
    Ok(tensors)
}

/// The shape, slowest dimension first, and the bytes of a tensor. In the file the fastest dimension comes first.
fn extent(sizes: &[u64], kind: GgmlDType, place: &dyn Fn() -> String) -> Result<(Vec<usize>, u64), Fault> {
    let shown = || format!("sizes {sizes:?}");
    let block = kind.block_size() as u64;
    let whole = sizes[0].is_multiple_of(block);
    if sizes.contains(&0) || !whole {
        let allowed = format!("sizes from 1, the first a multiple of {block} for type {kind:?}");
        return Err(Fault::refused(place(), shown(), allowed));
    }
    let bytes = sizes[1..]
        .iter()
        .try_fold(sizes[0] / block, |product, size| product.checked_mul(*size))
        .and_then(|blocks| blocks.checked_mul(kind.type_size() as u64));
    let shape: Result<Vec<usize>, _> = sizes.iter().rev().map(|size| usize::try_from(*size)).collect();
    match (shape, bytes) {
        (Ok(shape), Some(bytes)) => Ok((shape, bytes)),
        _ => Err(Fault::refused(place(), shown(), "a product below 2^64 bytes")),
    }
}

/// Turns offsets into positions in the file: aligned, inside, and apart from each other.
fn place(
    tensors: &mut BTreeMap<String, TensorInfo>,
    data_start: u64,
    alignment: u64,
    file_bytes: u64,
) -> Result<(), Fault> {
    for (name, info) in tensors.iter_mut() {
        let place = || format!("tensor `{name}`");
        if !info.start.is_multiple_of(alignment) {
            return Err(Fault::refused(place(), format!("offset {}", info.start), format!("multiples of {alignment}")));
        }
        let start = data_start.checked_add(info.start);
        let end = start.and_then(|start| start.checked_add(info.bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= file_bytes => info.start = start,
            _ => {
                let left = start.map_or(0, |start| file_bytes.saturating_sub(start));
                return Err(Fault::Truncated { place: place(), needed: info.bytes, left });
            }
        }
    }
    let mut spans: Vec<(u64, u64, &str)> =
        tensors.iter().map(|(name, info)| (info.start, info.start + info.bytes, name.as_str())).collect();
    spans.sort_unstable();
    match spans.windows(2).find(|pair| pair[1].0 < pair[0].1) {
        None => Ok(()),
        Some(pair) => {
            let found = format!("it lies over tensor `{}`", pair[0].2);
            Err(Fault::refused(format!("tensor `{}`", pair[1].2), found, "tensors that lie apart"))
        }
    }
}

/// The tensor types of ggml that candle can hold, by their numbers (`enum ggml_type`, ggml.h).
fn tensor_kind(number: u32) -> Option<GgmlDType> {
    Some(match number {
        0 => GgmlDType::F32,
        1 => GgmlDType::F16,
        2 => GgmlDType::Q4_0,
        3 => GgmlDType::Q4_1,
        6 => GgmlDType::Q5_0,
        7 => GgmlDType::Q5_1,
        8 => GgmlDType::Q8_0,
        9 => GgmlDType::Q8_1,
        10 => GgmlDType::Q2K,
        11 => GgmlDType::Q3K,
        12 => GgmlDType::Q4K,
        13 => GgmlDType::Q5K,
        14 => GgmlDType::Q6K,
        15 => GgmlDType::Q8K,
        30 => GgmlDType::BF16,
        _ => return None,
    })
}
