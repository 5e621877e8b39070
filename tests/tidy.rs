//! The house rules, enforced by reading the source: who may import whom, who may touch the world, how long things get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The modules in reading order, which is the order of dependency.
const ORDER: [&str; 22] = [
    "units",
    "stats",
    "reading",
    "profile",
    "envelope",
    "estimator",
    "governor",
    "oracle",
    "interrupt",
    "files",
    "gpu",
    "kernel",
    "tuner",
    "model",
    "engine",
    "workload",
    "meter",
    "actuator",
    "journal",
    "flight",
    "report",
    "live",
];

/// Modules in which time is an argument and nothing touches the world.
const PURE: [&str; 8] = ["units", "stats", "reading", "profile", "envelope", "estimator", "governor", "oracle"];

/// Longest file and longest function, in lines.
const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the source tree is readable") {
            let path = entry.expect("the source tree is readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    found.sort();
    found
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a source file is UTF-8")
}

/// The text without comments and without its unit tests, which may do what the module may not.
fn code(path: &Path) -> String {
    let all = text(path);
    let shipped = all.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The top module that a file belongs to: `src/gpu/adapter.rs` and `src/gpu.rs` are both `gpu`.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a file under src");
    let first = inside.components().next().expect("a file under src").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

fn position(module: &str) -> Option<usize> {
    ORDER.iter().position(|name| *name == module)
}

#[test]
fn a_module_imports_only_from_those_above_it() {
    let mut offences = Vec::new();
    for path in rust_files("src") {
        let Some(own) = position(&module_of(&path)) else { continue };
        let code = code(&path);
        for (index, name) in ORDER.iter().enumerate().skip(own + 1) {
            if code.contains(&format!("crate::{name}::")) || code.contains(&format!("crate::{name};")) {
                offences.push(format!("{} ({}) imports {name} ({index})", path.display(), own));
            }
        }
        if code.contains("crate::cli") {
            offences.push(format!("{} imports cli", path.display()));
        }
    }
    assert!(offences.is_empty(), "imports run in one line:\n{}", offences.join("\n"));
}

#[test]
fn lib_declares_its_modules_in_reading_order() {
    let lib = text(&root().join("src/lib.rs"));
    let declared: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")).map(|line| line.trim_end_matches(';')).collect();
    let mut expected: Vec<&str> = ORDER.to_vec();
    expected.push("cli");
    assert_eq!(declared, expected, "src/lib.rs is the map");
}

#[test]
fn the_pure_half_names_no_clock_thread_file_or_device() {
    let forbidden =
        ["std::time", "Instant::now", "std::thread", "std::fs", "std::net", "wgpu", "candle", "nvml", "Timestamp::now"];
    let mut offences = Vec::new();
    for path in rust_files("src") {
        let module = module_of(&path);
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        let code = code(&path);
        for word in forbidden {
            let loading_a_profile = module == "profile" && word == "std::fs" && path.ends_with("profile/load.rs");
            if code.contains(word) && !loading_a_profile {
                offences.push(format!("{} names {word}", path.display()));
            }
        }
    }
    assert!(offences.is_empty(), "time is an argument there:\n{}", offences.join("\n"));
}

#[test]
fn each_engine_is_named_in_its_own_room_only() {
    let rooms: [(&str, &[&str]); 4] = [
        ("wgpu::", &["gpu", "kernel"]),
        ("candle_core", &["model"]),
        ("candle_nn", &["model"]),
        ("nvml_wrapper", &["meter"]),
    ];
    let mut offences = Vec::new();
    for path in rust_files("src") {
        let module = module_of(&path);
        let code = code(&path);
        for (word, allowed) in rooms {
            if code.contains(word) && !allowed.contains(&module.as_str()) {
                offences.push(format!("{} names {word}", path.display()));
            }
        }
    }
    let nvml: BTreeSet<PathBuf> =
        rust_files("src").into_iter().filter(|path| code(path).contains("nvml_wrapper")).collect();
    assert!(offences.is_empty(), "engines stay in their rooms:\n{}", offences.join("\n"));
    assert!(nvml.len() <= 1, "NVML is named in one file, found {nvml:?}");
}

#[test]
fn a_workload_cannot_know_that_it_is_throttled() {
    for path in rust_files("src/workload") {
        // Weights are parameters, which is no meter.
        let code = code(&path).replace("parameters", "");
        for word in ["governor", "envelope", "meter"] {
            assert!(!code.contains(word), "{} names {word}", path.display());
        }
    }
}

#[test]
fn report_and_live_see_only_the_journal() {
    let plain = ["units", "stats", "reading", "profile", "journal"];
    // A report also computes what follows from the journal; that takes the pure half of the crate and nothing else.
    let pure = ["units", "stats", "reading", "profile", "envelope", "governor", "oracle", "journal"];
    for (folder, seen) in [("src/report", pure.as_slice()), ("src/live", plain.as_slice())] {
        for path in rust_files(folder) {
            let code = code(&path);
            let own = module_of(&path);
            for name in ORDER.iter().filter(|name| !seen.contains(name) && **name != own) {
                assert!(!code.contains(&format!("crate::{name}::")), "{} sees {name}", path.display());
            }
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    for path in rust_files("src") {
        let module = module_of(&path);
        if ["cli", "live", "main"].contains(&module.as_str()) {
            continue;
        }
        let code = code(&path);
        for word in ["println!", "eprintln!", "print!("] {
            assert!(!code.contains(word), "{} prints", path.display());
        }
    }
}

#[test]
fn each_kernel_has_its_shader_its_file_and_its_comparison() {
    let comparisons: String = rust_files("tests/kernels").iter().map(|path| text(path)).collect();
    assert!(comparisons.contains("NAMES"), "the comparison runs over every name");
    let mut kernels = 0;
    for entry in std::fs::read_dir(root().join("kernels")).expect("kernels/ is readable") {
        let name = entry.expect("kernels/ is readable").file_name().to_string_lossy().into_owned();
        let Some(kernel) = name.strip_suffix(".wgsl") else { panic!("{name} in kernels/ is no .wgsl file") };
        kernels += 1;
        assert!(root().join(format!("src/kernel/{kernel}.rs")).exists(), "{name} has no src/kernel/{kernel}.rs");
        assert!(dawndusk::kernel::NAMES.contains(&kernel), "{name} has no name, and so no comparison");
    }
    assert!(kernels >= 7, "copy, fma, gemm, gemv, rms_norm, softmax and attention, found {kernels}");
}

#[test]
fn files_and_functions_stay_short() {
    let mut offences = Vec::new();
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| rust_files(folder)) {
        let all = text(&path);
        let lines: Vec<&str> = all.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            offences.push(format!("{}: {} lines", path.display(), lines.len()));
        }
        let mut begin: Option<(usize, usize)> = None;
        for (number, line) in lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start();
            let is_head =
                ["fn ", "pub fn ", "pub(crate) fn ", "pub(super) fn ", "const fn ", "pub const fn ", "unsafe fn "]
                    .iter()
                    .any(|start| head.starts_with(start));
            if is_head && begin.is_none_or(|(_, open)| indent <= open) {
                begin = Some((number, indent));
            }
            if let Some((start, open)) = begin
                && head == "}"
                && indent == open
            {
                if number - start + 1 > FUNCTION_LINES_MAX {
                    offences.push(format!("{}:{}: {} lines", path.display(), start + 1, number - start + 1));
                }
                begin = None;
            }
        }
    }
    assert!(offences.is_empty(), "too long:\n{}", offences.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| rust_files(folder)) {
        assert!(text(&path).starts_with("//!"), "{} does not say what it is for", path.display());
    }
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    let banned = [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("#[ign", "ore"), concat!("FIX", "ME")];
    for path in ["src", "tests", "benches"].iter().flat_map(|folder| rust_files(folder)) {
        let all = text(&path);
        for word in banned {
            assert!(!all.contains(word), "{} holds {word}", path.display());
        }
    }
}

/// `1.89` as numbers; what is left out is 0.
fn version(text: &str) -> Vec<u64> {
    let mut numbers: Vec<u64> = text.split('.').map(|part| part.parse().expect("a Rust version")).collect();
    numbers.resize(3, 0);
    numbers
}

/// What a program says on its standard output.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = std::process::Command::new(program).args(arguments).current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Of the system at hand: the crates of the others need not be here.
#[test]
fn no_dependency_needs_a_younger_rust_than_the_stated_one() {
    let stated = version(env!("CARGO_PKG_RUST_VERSION"));
    let rustc = said("rustc", &["--version", "--verbose"]);
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let arguments = ["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host];
    let metadata: serde_json::Value = serde_json::from_str(&said(env!("CARGO"), &arguments)).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    assert!(packages.len() > 100, "found {}", packages.len());
    let needs = |package: &serde_json::Value| {
        let needed = package["rust_version"].as_str()?;
        (version(needed) > stated).then(|| format!("{} {} needs Rust {needed}", package["name"], package["version"]))
    };
    let offences: Vec<String> = packages.iter().filter_map(needs).collect();
    assert!(offences.is_empty(), "rust-version in Cargo.toml is too low:\n{}", offences.join("\n"));
}
