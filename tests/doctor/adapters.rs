//! Adapters and the drivers behind them.

use super::{bare, dawndusk, examined, line, write};
use assert_cmd::Command;
use serde_json::Value;

#[test]
fn the_adapter_that_a_run_would_take_is_the_one_that_is_judged() {
    let root = bare();
    let said = dawndusk(root.path(), &["doctor", "--adapter", "a card nobody has"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--adapter a card nobody has: no such adapter; there is"), "{}", said.err);
    let (_, document) = examined(root.path(), &["--adapter", "cpu", "--require", "software"]);
    let adapters = document["checks"].as_array().expect("a list").iter().filter(|check| check["area"] == "adapter");
    assert!(adapters.count() >= 1, "every adapter is still looked at");
    let required = |adapter: &[&str]| {
        let arguments = [&["doctor", "--require", "software"], adapter].concat();
        dawndusk(root.path(), &arguments).code
    };
    assert_eq!(required(&["--adapter", "cpu"]), 14, "the twins are no adapter");
    assert_eq!(required(&["--adapter", "0"]), 0, "this machine has a renderer");
}

/// The loader says no word of such a manifest.
#[test]
fn a_manifest_of_a_driver_that_is_garbage_is_named() {
    let root = bare();
    write(root.path(), "garbage_icd.json", "\u{1}\u{2}");
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/share/vulkan/icd.d"];
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut manifests: Vec<_> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let garbage = root.path().join("garbage_icd.json");
    if let Some(files) = std::env::var_os("VK_ICD_FILENAMES") {
        manifests = std::env::split_paths(&files).collect();
    }
    manifests.push(garbage.clone());
    let mut command = Command::cargo_bin("dawndusk").expect("the binary is built");
    command.env("DAWNDUSK_SYSFS", root.path()).env("DAWNDUSK_MODELS", root.path().join("models"));
    command.env("DAWNDUSK_CACHE", root.path().join("cache"));
    command.env("VK_ICD_FILENAMES", std::env::join_paths(&manifests).expect("paths without colons"));
    let output = command.args(["doctor", "--json"]).output().expect("the binary runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    let named = line(&document, "vulkan", &garbage.display().to_string());
    assert!(named["finding"].as_str().expect("a text").contains("is no JSON"), "{named:#}");
    // Loaders of 2023 see no driver at all beside such a file, newer ones pass it over.
    let loader = line(&document, "vulkan", "loader and drivers");
    match loader["state"] == "pass" {
        true => assert_eq!(named["state"], "warn", "the others work: {named:#}"),
        false => {
            assert_eq!(named["state"], "fail", "{named:#}");
            assert!(
                loader["finding"].as_str().expect("a text").contains("manifest of a driver is broken"),
                "{loader:#}"
            );
        }
    }
}
