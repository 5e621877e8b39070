//! A cursor over the bytes of a header: each read is held against what is left of the file.

use super::{ARRAY_LEN_MAX, NESTING_MAX, STRING_BYTES_MAX};
use crate::model::file_error::Fault;
use std::ops::Range;

/// A value of the metadata. Strings and arrays stay where they are: a span of the header's bytes.
#[derive(Debug)]
pub(super) enum Value {
    /// A whole number from 0, of any integer type.
    Unsigned(u64),
    /// A whole number below 0.
    Negative(i64),
    /// A number of 32 or 64 bits.
    Real(f64),
    /// 0 or 1.
    Truth(bool),
    /// The bytes of a string.
    Text(Range<usize>),
    /// The bytes of all elements.
    Array { kind: ValueKind, count: u64, span: Range<usize> },
}

/// The types of a value, by their numbers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    U8 = 0,
    I8 = 1,
    U16 = 2,
    I16 = 3,
    U32 = 4,
    I32 = 5,
    F32 = 6,
    Truth = 7,
    Text = 8,
    Array = 9,
    U64 = 10,
    I64 = 11,
    F64 = 12,
}

impl ValueKind {
    fn from_number(number: u32) -> Option<Self> {
        use ValueKind::{Array, F32, F64, I8, I16, I32, I64, Text, Truth, U8, U16, U32, U64};
        [U8, I8, U16, I16, U32, I32, F32, Truth, Text, Array, U64, I64, F64].into_iter().find(|k| *k as u32 == number)
    }

    /// Bytes of one value; for strings and arrays the least that one can have.
    fn bytes_min(self) -> u64 {
        match self {
            Self::U8 | Self::I8 | Self::Truth => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 | Self::Text => 8,
            Self::Array => 12,
        }
    }
}

/// Reads on from `at`; `bytes` is the start of a file of `file_bytes`.
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) file_bytes: u64,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    /// Bytes of the file that are not read yet.
    pub(super) fn left(&self) -> u64 {
        self.file_bytes.saturating_sub(self.at as u64)
    }

    fn take(&mut self, needed: u64, place: &dyn Fn() -> String) -> Result<&'a [u8], Fault> {
        let left = self.left();
        if needed > left {
            return Err(Fault::Truncated { place: place(), needed, left });
        }
        let end = usize::try_from(self.at as u64 + needed).map_err(|_| Fault::Window)?;
        let taken = self.bytes.get(self.at..end).ok_or(Fault::Window)?;
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, place: &dyn Fn() -> String) -> Result<[u8; N], Fault> {
        let taken = self.take(N as u64, place)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    pub(super) fn u32(&mut self, place: &dyn Fn() -> String) -> Result<u32, Fault> {
        Ok(u32::from_le_bytes(self.array(place)?))
    }

    pub(super) fn u64(&mut self, place: &dyn Fn() -> String) -> Result<u64, Fault> {
        Ok(u64::from_le_bytes(self.array(place)?))
    }

    /// The bytes of a string.
    fn text(&mut self, place: &dyn Fn() -> String) -> Result<Range<usize>, Fault> {
        let length = self.u64(place)?;
        if length > STRING_BYTES_MAX {
            return Err(Fault::refused(
                place(),
                format!("a string of {length} bytes"),
                format!("up to {STRING_BYTES_MAX}"),
            ));
        }
        let start = self.at;
        self.take(length, place)?;
        Ok(start..self.at)
    }

    /// A name: of a key or of a tensor.
    pub(super) fn name(&mut self, place: &dyn Fn() -> String) -> Result<String, Fault> {
        let span = self.text(place)?;
        match std::str::from_utf8(&self.bytes[span]) {
            Ok("") => Err(Fault::refused(place(), "an empty name", "a name of at least one character")),
            Ok(name) => Ok(name.to_owned()),
            Err(_) => Err(Fault::refused(place(), "a name that is not UTF-8", "a UTF-8 name")),
        }
    }

    /// The type and the value of one key.
    pub(super) fn value(&mut self, place: &dyn Fn() -> String) -> Result<Value, Fault> {
        let kind = self.kind(place)?;
        self.value_of(kind, place, 0)
    }

    fn kind(&mut self, place: &dyn Fn() -> String) -> Result<ValueKind, Fault> {
        let number = self.u32(place)?;
        ValueKind::from_number(number)
            .ok_or_else(|| Fault::refused(place(), format!("value type {number}"), "value types 0 to 12"))
    }

    fn value_of(&mut self, kind: ValueKind, place: &dyn Fn() -> String, depth: u32) -> Result<Value, Fault> {
        let signed = |v: i64| u64::try_from(v).map_or(Value::Negative(v), Value::Unsigned);
        Ok(match kind {
            ValueKind::U8 => Value::Unsigned(u8::from_le_bytes(self.array(place)?).into()),
            ValueKind::U16 => Value::Unsigned(u16::from_le_bytes(self.array(place)?).into()),
            ValueKind::U32 => Value::Unsigned(self.u32(place)?.into()),
            ValueKind::U64 => Value::Unsigned(self.u64(place)?),
            ValueKind::I8 => signed(i8::from_le_bytes(self.array(place)?).into()),
            ValueKind::I16 => signed(i16::from_le_bytes(self.array(place)?).into()),
            ValueKind::I32 => signed(i32::from_le_bytes(self.array(place)?).into()),
            ValueKind::I64 => signed(i64::from_le_bytes(self.array(place)?)),
            ValueKind::F32 => Value::Real(f32::from_le_bytes(self.array(place)?).into()),
            ValueKind::F64 => Value::Real(f64::from_le_bytes(self.array(place)?)),
            ValueKind::Truth => match self.array::<1>(place)? {
                [0] => Value::Truth(false),
                [1] => Value::Truth(true),
                [other] => return Err(Fault::refused(place(), format!("truth value {other}"), "0 or 1")),
            },
            ValueKind::Text => Value::Text(self.text(place)?),
            ValueKind::Array => self.elements(place, depth + 1)?,
        })
    }

    /// An array: the count is held against the bytes left, then every element is walked over.
    fn elements(&mut self, place: &dyn Fn() -> String, depth: u32) -> Result<Value, Fault> {
        if depth > NESTING_MAX {
            return Err(Fault::refused(place(), format!("arrays {depth} deep"), format!("up to {NESTING_MAX}")));
        }
        let kind = self.kind(place)?;
        let count = self.u64(place)?;
        if count > ARRAY_LEN_MAX {
            return Err(Fault::refused(place(), format!("an array of {count}"), format!("up to {ARRAY_LEN_MAX}")));
        }
        let needed = count * kind.bytes_min();
        if needed > self.left() {
            return Err(Fault::Truncated { place: place(), needed, left: self.left() });
        }
        let start = self.at;
        match kind {
            ValueKind::Text | ValueKind::Array | ValueKind::Truth => {
                for _ in 0..count {
                    self.value_of(kind, place, depth)?;
                }
            }
            _ => {
                self.take(needed, place)?;
            }
        }
        Ok(Value::Array { kind, count, span: start..self.at })
    }
}

/// The strings of a checked array; `None` where one is not UTF-8.
pub(super) fn texts(mut bytes: &[u8], count: u64) -> Option<Vec<&str>> {
    let mut found = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<8>()?;
        let (text, rest) = rest.split_at_checked(u64::from_le_bytes(*length) as usize)?;
        found.push(std::str::from_utf8(text).ok()?);
        bytes = rest;
    }
    Some(found)
}

/// The whole numbers of a checked array; `None` where one is negative or the type is another.
pub(super) fn integers(kind: ValueKind, bytes: &[u8], count: u64) -> Option<Vec<u64>> {
    let width = match kind {
        ValueKind::U8 | ValueKind::I8 => 1,
        ValueKind::U16 | ValueKind::I16 => 2,
        ValueKind::U32 | ValueKind::I32 => 4,
        ValueKind::U64 | ValueKind::I64 => 8,
        _ => return None,
    };
    let signed = matches!(kind, ValueKind::I8 | ValueKind::I16 | ValueKind::I32 | ValueKind::I64);
    let mut found = Vec::with_capacity(count as usize);
    for element in bytes.chunks_exact(width) {
        if signed && element[width - 1] & 0x80 != 0 {
            return None;
        }
        found.push(element.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
    }
    Some(found)
}
