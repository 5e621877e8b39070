//! The header of a safetensors file: what is accepted, what is refused and how, and that no bytes at all make the
//! check panic or hold more memory than it says.

use crate::allocation::peak_of;
use crate::mutation::{change, changed};
use dawndusk::model::safetensors::{ALLOCATION_FACTOR, ALLOCATION_FLOOR, Dtype, Header};
use proptest::prelude::*;
use std::io::Cursor;

/// A tensor to write: name, type, sizes, bytes.
pub(crate) type Out = (String, &'static str, Vec<usize>, Vec<u8>);

/// A tensor of f32.
pub(crate) fn floats(name: &str, shape: &[usize], values: &[f32]) -> Out {
    (name.to_owned(), "F32", shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

/// The JSON of these tensors, one behind the other.
fn json(tensors: &[Out]) -> String {
    let mut at = 0;
    let mut entries = vec!["\"__metadata__\":{\"format\":\"pt\"}".to_owned()];
    for (name, element, shape, data) in tensors {
        let end = at + data.len();
        entries
            .push(format!("\"{name}\":{{\"dtype\":\"{element}\",\"shape\":{shape:?},\"data_offsets\":[{at},{end}]}}"));
        at = end;
    }
    format!("{{{}}}", entries.join(","))
}

/// A file with this header and this data; the header is padded to 8 bytes, as the format's library does.
fn file_of(json: &str, data: &[u8]) -> Vec<u8> {
    let length = json.len().next_multiple_of(8);
    let mut bytes = (length as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.resize(8 + length, b' ');
    bytes.extend(data);
    bytes
}

/// A right file of these tensors.
pub(crate) fn file(tensors: &[Out]) -> Vec<u8> {
    let data: Vec<u8> = tensors.iter().flat_map(|(_, _, _, data)| data.clone()).collect();
    file_of(&json(tensors), &data)
}

/// Four tensors, as an encoder's file begins: numbers of positions, norms, a matrix; and one without elements.
fn small() -> Vec<Out> {
    vec![
        ("embeddings.position_ids".to_owned(), "I64", vec![1, 4], vec![1; 32]),
        floats("embeddings.LayerNorm.bias", &[3], &[0.5, -1.0, 2.0]),
        ("half".to_owned(), "F16", vec![2, 1, 2], vec![7; 8]),
        floats("nothing", &[0, 5], &[]),
        floats("embeddings.word_embeddings.weight", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    ]
}

fn read(bytes: Vec<u8>) -> Result<Header, String> {
    Header::read("m.safetensors".as_ref(), &mut Cursor::new(bytes)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(bytes: Vec<u8>, parts: &[&str]) {
    let message = read(bytes).expect_err("a file that must be refused");
    assert!(message.contains("m.safetensors"), "the file is not named: {message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
}

#[test]
fn the_file_that_the_refused_ones_are_made_from_is_accepted() {
    let bytes = file(&small());
    let header = read(bytes.clone()).expect("a right file");
    assert_eq!(header.tensors().len(), 5, "each tensor, and no metadata");
    let words = &header.tensors()["embeddings.word_embeddings.weight"];
    let (element, shape, count) = (words.element, words.shape.as_slice(), words.bytes);
    assert_eq!((element, shape, count), (Dtype::F32, &[2, 3][..], 24), "type, sizes and bytes");
    assert_eq!(words.start + words.bytes, bytes.len() as u64, "the last one ends with the file");
    let mut reader = Cursor::new(bytes);
    let values = header.floats(&mut reader, "embeddings.word_embeddings.weight", &[2, 3]).expect("its values");
    assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "as they were written");
}

#[test]
fn values_of_another_name_shape_or_type_are_refused() {
    let bytes = file(&small());
    let header = read(bytes.clone()).expect("a right file");
    let cases: [(&str, &[usize], &str); 3] = [
        ("absent", &[2, 3], "tensor `absent`: missing; allowed: F32 of sizes [2, 3]"),
        ("embeddings.LayerNorm.bias", &[1, 3], "F32 of sizes [3]; allowed: F32 of sizes [1, 3]"),
        ("half", &[2, 1, 2], "F16 of sizes [2, 1, 2]; allowed: F32"),
    ];
    for (name, shape, part) in cases {
        let mut reader = Cursor::new(bytes.clone());
        let message = header.floats(&mut reader, name, shape).expect_err(part).to_string();
        assert!(message.contains(part) && message.contains("m.safetensors"), "{part:?} is not in: {message}");
    }
}

#[test]
fn what_is_no_model_file_is_called_so() {
    refused(Vec::new(), &["it is empty"]);
    refused(b"GGUF".to_vec(), &["not a safetensors model file", "4 bytes"]);
    refused(b"Dear model,\nhow are you?".to_vec(), &["it starts with \"Dear mod\"", "2 to 100000000"]);
    refused(file_of("[]", &[]), &["starts with \"[]"]);
    let folder = tempfile::tempdir().expect("a folder");
    let message = Header::open(folder.path()).expect_err("a directory").to_string();
    assert!(message.contains("it is a directory"), "{message}");
    let message = Header::open(&folder.path().join("none.safetensors")).expect_err("nothing there").to_string();
    assert!(message.contains("none.safetensors"), "{message}");
}

#[test]
fn a_file_that_ends_too_early_says_how_much_is_missing() {
    let bytes = file(&small());
    refused(bytes[..bytes.len() - 1].to_vec(), &["embeddings.word_embeddings.weight", "24 bytes", "23 are left"]);
    refused(bytes[..100].to_vec(), &["the header needs", "92 are left", "fetch the file again"]);
}

#[test]
fn a_wrong_header_is_refused_with_the_place_and_the_range() {
    let right = json(&small());
    let data: Vec<u8> = small().iter().flat_map(|(_, _, _, data)| data.clone()).collect();
    let cases: [(&str, &str, &[&str]); 16] = [
        ("\"dtype\":\"F16\"", "\"dtype\":\"Q4\"", &["tensor `half`", "type \"Q4\"", "BF16"]),
        ("\"dtype\":\"F16\"", "\"dtype\":\"F4\" ", &["tensor `half`", "offsets 44 to 52", "2 bytes, as F4"]),
        ("\"F16\",\"shape\":[2, 1, 2]", "\"F4\",\"shape\":[3, 1, 1]", &["tensor `half`", "12 bits", "whole bytes"]),
        ("[2, 1, 2]", "[2, 1, 3]", &["tensor `half`", "offsets 44 to 52", "12 bytes"]),
        ("[2, 1, 2]", "[2, 18446744073709551615, 2]", &["tensor `half`", "below 2^64"]),
        ("[2, 1, 2]", "[1,1,1,1,1,1,1,1,4]", &["tensor `half`", "9 sizes", "up to 8 sizes"]),
        ("[2, 1, 2]", "[2, -1, 2]", &["line 1", "-1"]),
        ("[44,52]", "[52,44]", &["tensor `half`", "offsets 52 to 44"]),
        ("[44,52]", "[43,51]", &["tensor `half`", "lies over", "byte 43", "ends"]),
        ("[44,52]", "[44,52,60]", &["line 1", "column"]),
        ("[32,44]", "[33,45]", &["a hole before it"]),
        ("[52,76]", "[76,100]", &["cut short", "embeddings.word_embeddings.weight"]),
        ("\"nothing\":{", "\"half\":{", &["tensor `half`", "given twice"]),
        ("\"nothing\":{", "\"\":{", &["a name of 0 bytes"]),
        ("\"shape\":[3]", "\"shapes\":[3]", &["shapes"]),
        ("{\"format\":\"pt\"},", "{\"format\":\"pt\"} ", &["line 1"]),
    ];
    for (from, to, parts) in cases {
        assert!(right.contains(from), "{from:?} is not in the header");
        let wrong = right.replacen(from, to, 1);
        // As long as before, so that the offsets of the data are what they were.
        let mut bytes = file_of(&right, &data);
        let length = wrong.len().max(bytes.len() - 8 - data.len());
        bytes = file_of(&format!("{wrong:length$}"), &data);
        let parts: Vec<String> = parts.iter().map(|part| shifted(part, &bytes, data.len())).collect();
        refused(bytes, &parts.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let mut longer = file_of(&right, &data);
    longer.push(0);
    refused(longer, &["1 bytes behind the last tensor", "the end of the file"]);
}

/// A message names places in the file; the cases name them in the data.
fn shifted(part: &str, bytes: &[u8], data_bytes: usize) -> String {
    match part.strip_prefix("byte ").and_then(|number| number.parse::<usize>().ok()) {
        Some(at) => format!("byte {}", bytes.len() - data_bytes + at),
        None => part.to_owned(),
    }
}

fn check(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let size = bytes.len() as u64;
    let mut reader = Cursor::new(bytes);
    let (header, peak) = peak_of(|| Header::read("m".as_ref(), &mut reader));
    let allowed = size * ALLOCATION_FACTOR + ALLOCATION_FLOOR;
    prop_assert!(peak as u64 <= allowed, "{peak} bytes held for a file of {size}; allowed: {allowed}");
    if let Ok(header) = header {
        for (name, info) in header.tensors() {
            let inside = info.start.checked_add(info.bytes).is_some_and(|end| end <= size);
            prop_assert!(inside, "tensor {name} of {} bytes at {} in a file of {size}", info.bytes, info.start);
        }
    }
    Ok(())
}

/// The bytes of the small file before its data.
fn header_bytes() -> usize {
    8 + json(&small()).len().next_multiple_of(8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_changed_header_is_read_or_refused(changes in prop::collection::vec(change(), 1..6)) {
        check(changed(file(&small()), &changes, header_bytes()))?;
    }

    #[test]
    fn changed_digits_are_read_or_refused(at in any::<prop::sample::Index>(), digits in "[0-9,\\[\\]{}\": -]{1,24}") {
        let mut header = json(&small());
        let at = at.index(header.len());
        header.replace_range(at..(at + digits.len()).min(header.len()), &digits);
        check(file_of(&header, &[0; 76]))?;
    }

    #[test]
    fn any_bytes_after_the_length_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check([(bytes.len() as u64).to_le_bytes().as_slice(), b"{", &bytes].concat())?;
    }
}

#[test]
fn a_length_beyond_the_file_allocates_nothing() {
    for length in [1 << 20, 99_999_999, u64::MAX / 2, u64::MAX] {
        let bytes = [length.to_le_bytes().as_slice(), b"{}"].concat();
        let (header, peak) = peak_of(|| Header::read("m".as_ref(), &mut Cursor::new(bytes)).map(|_| ()));
        assert!(header.is_err() && peak < 4096, "a header of {length} bytes in a file of 10: {peak} bytes held");
    }
}

#[test]
fn the_smallest_tensors_and_the_deepest_lists_stay_within_the_factor() {
    let many: Vec<Out> = (0..40_000).map(|i| (format!("{i:x}"), "U8", vec![], vec![1])).collect();
    check(file(&many)).expect("many small tensors");
    let empty: Vec<Out> = (0..40_000).map(|i| (format!("{i:x}"), "U8", vec![0; 8], vec![])).collect();
    check(file(&empty)).expect("many tensors without elements");
    for open in ["[", "{\"a\":", "\"\\u0041", "1,"] {
        let nested = format!("{{\"__metadata__\":{}", open.repeat(100_000));
        check(file_of(&nested, &[])).expect("metadata without an end");
        let nested = format!("{{\"a\":{{\"shape\":{}", open.repeat(100_000));
        check(file_of(&nested, &[])).expect("a shape without an end");
        let nested = format!("{{\"a\":{{\"shape\":[{}", open.repeat(100_000));
        check(file_of(&nested, &[])).expect("a list of sizes without an end");
    }
}
