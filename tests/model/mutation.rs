//! No bytes make the check of a header panic, or hold more memory than it says.

use crate::allocation::peak_of;
use crate::gguf_writer::{File, Key};
use crate::header::{open, tiny};
use crate::vocabulary::with_vocabulary;
use dawndusk::model::gguf::{ALLOCATION_FACTOR, ALLOCATION_FLOOR, Header};
use proptest::prelude::*;
use std::io::Cursor;

/// One change of a file.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Byte(prop::sample::Index, u8),
    Number(prop::sample::Index, u64),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let extreme = prop_oneof![
        Just(0),
        Just(u64::MAX),
        Just(1 << 63),
        Just(1 << 31),
        (0..64_u32).prop_map(|bit| 1_u64 << bit),
        any::<u64>()
    ];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (at(), extreme).prop_map(|(at, number)| Change::Number(at, number)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
    ]
}

pub(crate) fn changed(mut bytes: Vec<u8>, changes: &[Change], within: usize) -> Vec<u8> {
    for change in changes {
        let length = bytes.len().min(within).max(1);
        match change {
            Change::Byte(at, byte) => {
                if let Some(found) = bytes.get_mut(at.index(length)) {
                    *found = *byte;
                }
            }
            Change::Number(at, number) => {
                let at = at.index(length);
                let places = bytes.iter_mut().skip(at);
                places.zip(number.to_le_bytes()).for_each(|(place, byte)| *place = byte);
            }
            Change::Cut(at) => bytes.truncate(at.index(length)),
            Change::Insert(at, inserted) => {
                let at = at.index(length).min(bytes.len());
                bytes.splice(at..at, inserted.iter().copied());
            }
        }
    }
    bytes
}

/// The bytes before the first tensor of the tiny file: changes there are the ones that matter.
fn header_bytes(file: &File) -> usize {
    file.bytes().len() - file.tensors.iter().map(|t| t.data.len().next_multiple_of(file.alignment)).sum::<usize>()
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

fn rich() -> File {
    with_vocabulary(tiny())
        .set("a.list", Key::Texts(vec!["x".to_owned(), String::new(), "yz".to_owned()]))
        .set("a.numbers", Key::I32s(vec![1, -2, 3]))
        .set(
            "a.nested",
            Key::Raw(9, {
                let inner = [&4_u32.to_le_bytes()[..], &1_u64.to_le_bytes(), &7_u32.to_le_bytes()].concat();
                [&9_u32.to_le_bytes()[..], &2_u64.to_le_bytes(), &inner, &inner].concat()
            }),
        )
        .set("general.alignment", Key::U32(32))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_changed_header_is_read_or_refused(changes in prop::collection::vec(change(), 1..6)) {
        let file = rich();
        check(changed(file.bytes(), &changes, header_bytes(&file)))?;
    }

    #[test]
    fn any_bytes_after_the_magic_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check([b"GGUF\x03\0\0\0".as_slice(), &bytes].concat())?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_changed_file_is_opened_or_refused(changes in prop::collection::vec(change(), 1..4)) {
        let file = rich();
        let bytes = changed(file.bytes(), &changes, header_bytes(&file));
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("m.gguf");
        std::fs::write(&path, bytes).expect("written");
        match open(&path) {
            Ok(mut model) => prop_assert!(model.decode(0).is_ok(), "an opened model runs"),
            Err(error) => prop_assert!(error.to_string().contains("m.gguf"), "the file is not named: {error}"),
        }
    }
}

#[test]
fn the_smallest_keys_stay_within_the_factor() {
    let mut file = File::empty();
    file.keys = (0..60_000).map(|i| (format!("{i:x}"), Key::Truth(true))).collect();
    check(file.bytes()).expect("many small keys");
    let mut file = File::empty();
    file.keys = vec![("a".to_owned(), Key::Texts(vec![String::new(); 200_000]))];
    check(file.bytes()).expect("many empty strings");
}
