//! From the bytes of a header to its tensors: `serde_json` reads the JSON, and every number is then held to its range.

use super::{DIMENSIONS_MAX, Dtype, HEADER_BYTES_MAX, LENGTH_BYTES, NAME_BYTES_MAX, TensorInfo};
use crate::model::file_error::Fault;
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserialize, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// The name under which a file may hold texts about itself.
const METADATA: &str = "__metadata__";

/// The length of the header, out of the first bytes of a file.
pub(super) fn header_bytes(start: [u8; LENGTH_BYTES as usize], file_bytes: u64) -> Result<u64, Fault> {
    if file_bytes == 0 {
        return Err(Fault::OtherFormat("it is empty".to_owned()));
    }
    let Some(left) = file_bytes.checked_sub(LENGTH_BYTES) else {
        let found = format!("{file_bytes} bytes, too short for the length of a header");
        return Err(Fault::OtherFormat(found));
    };
    let length = u64::from_le_bytes(start);
    if !(2..=HEADER_BYTES_MAX).contains(&length) {
        let shown = String::from_utf8_lossy(&start).into_owned();
        let found = format!("it starts with {shown:?}, a header of {length} bytes; allowed: 2 to {HEADER_BYTES_MAX}");
        return Err(Fault::OtherFormat(found));
    }
    match length <= left {
        true => Ok(length),
        false => Err(Fault::Truncated { place: "the header".to_owned(), needed: length, left }),
    }
}

/// The tensors of a header, each inside a file of `file_bytes`.
pub(super) fn tensors(header: &[u8], file_bytes: u64) -> Result<BTreeMap<String, TensorInfo>, Fault> {
    let text = std::str::from_utf8(header).map_err(|error| {
        let place = format!("byte {}", LENGTH_BYTES + error.valid_up_to() as u64);
        Fault::refused(place, "bytes that are not UTF-8", "UTF-8 up to the end of the header")
    })?;
    if !text.starts_with('{') {
        let start: String = text.chars().take(8).collect();
        return Err(Fault::OtherFormat(format!("its header starts with {start:?}, not with \"{{\"")));
    }
    let written: Written = serde_json::from_str(text).map_err(|error| {
        let place = format!("the header, line {} column {}", error.line(), error.column());
        Fault::refused(place, clip(&error.to_string()), "the JSON of a safetensors header")
    })?;
    let data_start = LENGTH_BYTES + header.len() as u64;
    let mut tensors = BTreeMap::new();
    for (name, tensor) in written.0 {
        let info = checked(&name, &tensor, data_start, file_bytes)?;
        match tensors.entry(name) {
            Entry::Vacant(free) => free.insert(info),
            Entry::Occupied(taken) => {
                return Err(Fault::refused(format!("tensor `{}`", clip(taken.key())), "given twice", "once"));
            }
        };
    }
    in_order(&tensors, data_start, file_bytes)?;
    Ok(tensors)
}

/// One tensor by itself: its type, its sizes, its place inside the file.
fn checked(name: &str, tensor: &Tensor, data_start: u64, file_bytes: u64) -> Result<TensorInfo, Fault> {
    let place = || format!("tensor `{}`", clip(name));
    if !(1..=NAME_BYTES_MAX).contains(&name.len()) {
        let found = format!("a name of {} bytes", name.len());
        return Err(Fault::refused(place(), found, format!("1 to {NAME_BYTES_MAX}")));
    }
    let element = element(&tensor.dtype)
        .map_err(|known| Fault::refused(place(), format!("type {:?}", clip(&tensor.dtype)), known))?;
    let sizes = &tensor.shape;
    if sizes.len() > DIMENSIONS_MAX {
        let found = format!("{} sizes", sizes.len());
        return Err(Fault::refused(place(), found, format!("up to {DIMENSIONS_MAX} sizes")));
    }
    // Some elements are smaller than a byte.
    let bits = sizes.iter().try_fold(element.bitsize() as u64, |product, size| product.checked_mul(*size));
    let shape: Result<Vec<usize>, _> = sizes.iter().map(|size| usize::try_from(*size)).collect();
    let (Some(bits), Ok(shape)) = (bits, shape) else {
        return Err(Fault::refused(place(), format!("sizes {sizes:?}"), "a product below 2^64 bits"));
    };
    if bits % 8 != 0 {
        return Err(Fault::refused(place(), format!("{bits} bits"), "whole bytes"));
    }
    let bytes = bits / 8;
    let [begin, end] = tensor.data_offsets;
    if end.checked_sub(begin) != Some(bytes) {
        let allowed = format!("{bytes} bytes, as {element} of sizes {sizes:?} has");
        return Err(Fault::refused(place(), format!("offsets {begin} to {end}"), allowed));
    }
    match data_start.checked_add(end) {
        Some(last) if last <= file_bytes => Ok(TensorInfo { element, shape, start: data_start + begin, bytes }),
        _ => {
            let left = file_bytes.saturating_sub(data_start.saturating_add(begin));
            Err(Fault::Truncated { place: place(), needed: bytes, left })
        }
    }
}

/// The type of this name, or the names that there are.
fn element(name: &str) -> Result<Dtype, String> {
    let name: StrDeserializer<'_, de::value::Error> = name.into_deserializer();
    Dtype::deserialize(name).map_err(|error| error.to_string().split("expected ").last().unwrap_or_default().to_owned())
}

/// All together: each begins where the one before it ends, and the last ends with the file.
fn in_order(tensors: &BTreeMap<String, TensorInfo>, data_start: u64, file_bytes: u64) -> Result<(), Fault> {
    let mut spans: Vec<(u64, u64, &str)> =
        tensors.iter().map(|(name, info)| (info.start, info.start + info.bytes, name.as_str())).collect();
    spans.sort_unstable();
    let mut expected = data_start;
    for (start, end, name) in spans {
        if start != expected {
            let kind = if start < expected { "it lies over the tensor before it" } else { "a hole before it" };
            let found = format!("{kind}: it begins at byte {start}");
            let allowed = format!("byte {expected}, where the one before it ends");
            return Err(Fault::refused(format!("tensor `{}`", clip(name)), found, allowed));
        }
        expected = end;
    }
    match expected == file_bytes {
        true => Ok(()),
        false => {
            let found = format!("{} bytes behind the last tensor", file_bytes - expected);
            Err(Fault::refused(format!("byte {expected}"), found, "the end of the file"))
        }
    }
}

/// A name or a message that may be as long as a header.
fn clip(text: &str) -> String {
    const CHARACTERS_MAX: usize = 100;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// What a header says of its tensors, in its order.
struct Written(Vec<(String, Tensor)>);

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
                let mut tensors = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        tensors.push((name, map.next_value()?));
                    }
                }
                Ok(Written(tensors))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}
