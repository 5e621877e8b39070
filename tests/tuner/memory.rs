//! The file: what it is believed, and what it survives.

use crate::device;
use crate::family::Doubling;
use dawndusk::gpu::Device;
use dawndusk::tuner::{CacheFolder, Choice, How, Retune, Tuner};
use std::path::{Path, PathBuf};

fn choose_in(folder: &Path, retune: Retune, family: &Doubling, device: &Device) -> Choice {
    let mut tuner = Tuner::open(Some(device), &CacheFolder::at(folder.to_owned()), retune);
    let choice = tuner.choose(family, &[1]).expect("the device lives on");
    let again = tuner.choose(family, &[2]).expect("the same class");
    assert_eq!(choice, again, "one tuner decides once");
    assert_eq!(tuner.choices(), std::slice::from_ref(&choice), "and tells what it decided");
    choice
}

/// The only file that there is.
fn file(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder.join("tuning")).expect("the folder was made");
    let files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    let [file] = files.as_slice() else { panic!("one file for an adapter, and no leftovers: {files:?}") };
    file.clone()
}

#[test]
fn a_remembered_choice_is_used_without_running_anything() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let family = Doubling::of(&["wrong", "slow", "right"]);
    let measured = choose_in(folder.path(), Retune::No, &family, device);
    let runs = family.runs();
    let remembered = choose_in(folder.path(), Retune::No, &family, device);
    assert_eq!(family.runs(), runs, "no operand was made");
    assert_eq!((measured.how, remembered.how), (How::Measured, How::Remembered), "and it says so");
    assert_eq!(remembered.variant, measured.variant, "the same choice");
    assert_eq!(remembered.rates, measured.rates, "with the rates it was made for");
    assert_eq!(remembered.excluded, measured.excluded, "and with what is excluded");
    let again = choose_in(folder.path(), Retune::Yes, &family, device);
    assert!(again.how == How::Measured && family.runs() > runs, "unless it is to be measured again: {again}");
}

#[test]
fn another_driver_and_another_source_are_tried_anew() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let family = Doubling::of(&["right", "slow"]);
    choose_in(folder.path(), Retune::No, &family, device);
    let changed = family.with_another_source();
    assert_eq!(choose_in(folder.path(), Retune::No, &changed, device).how, How::Measured, "a changed source");
    assert_eq!(choose_in(folder.path(), Retune::No, &changed, device).how, How::Remembered, "which is kept");
    let more = Doubling { variants: vec!["right", "slow", "wrong"], ..changed.clone() };
    assert_eq!(choose_in(folder.path(), Retune::No, &more, device).how, How::Measured, "one more variant");

    let text = std::fs::read_to_string(file(folder.path())).expect("a text");
    let driver = format!("\"driver_info\": {}", serde_json::json!(device.facts().driver_info));
    assert!(text.contains(&driver), "the driver stands in the file: {text}");
    std::fs::write(file(folder.path()), text.replace(&driver, "\"driver_info\": \"older\"")).expect("it is ours");
    assert_eq!(choose_in(folder.path(), Retune::No, &more, device).how, How::Measured, "another driver");
    assert_eq!(choose_in(folder.path(), Retune::No, &more, device).how, How::Remembered, "which is kept");
}

#[test]
fn a_damaged_or_foreign_file_is_replaced() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let family = Doubling::of(&["right", "slow"]);
    choose_in(folder.path(), Retune::No, &family, device);
    let good = std::fs::read_to_string(file(folder.path())).expect("a text");
    let ghost = good.replace("\"right\"", "\"../../ghost\"");
    let half = &good[..good.len() / 2];
    for bad in ["", "not JSON", "[]", "{\"format\": \"another program's\"}", half, &ghost, "\u{0}\u{ffff}"] {
        std::fs::write(file(folder.path()), bad).expect("it is ours");
        let choice = choose_in(folder.path(), Retune::No, &family, device);
        assert_eq!((choice.how, choice.variant.as_str()), (How::Measured, "right"), "after {bad:?}");
        assert_eq!(choose_in(folder.path(), Retune::No, &family, device).how, How::Remembered, "replaced: {bad:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_survived_and_said() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    // A file where the folder should be: no user, not even root, can make a folder there.
    let occupied = folder.path().join("occupied");
    std::fs::write(&occupied, b"a file").expect("a file");
    let family = Doubling::of(&["right", "slow"]);
    for _ in 0..2 {
        let choice = choose_in(&occupied, Retune::No, &family, device);
        assert_eq!((choice.how, choice.variant.as_str()), (How::Measured, "right"), "tried each time");
        let reason = choice.not_kept.expect("it could not be kept");
        assert!(reason.contains("occupied"), "which folder: {reason}");
    }
}

#[test]
fn many_at_once_leave_one_whole_file() {
    let Some(device) = device() else { return };
    let folder = tempfile::tempdir().expect("a temporary directory");
    let cache = CacheFolder::at(folder.path().to_owned());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let family = Doubling::of(&["right"]);
                let choice = Tuner::open(Some(device), &cache, Retune::Yes).choose(&family, &[1]);
                assert_eq!(choice.expect("the device lives on").not_kept, None, "each could write");
            });
        }
    });
    file(folder.path());
    let family = Doubling::of(&["right"]);
    let choice = Tuner::open(Some(device), &cache, Retune::No).choose(&family, &[1]).expect("it lives on");
    assert_eq!((choice.how, family.runs()), (How::Remembered, 0), "and what is there can be read");
}
