//! Adapters, each opened as a run would open it, and what stands between them and this program: drivers, loader, nodes.

use super::{Check, State};
use crate::gpu::{Adapter, Class, Device};
use serde_json::Value;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const NO_BOARD: &str =
    "for watts and for the speed of a board, install the Vulkan, Metal or Direct3D 12 driver of the GPU";

/// A line for each adapter.
pub(super) fn checks(adapters: &[Adapter]) -> Vec<Check> {
    if adapters.is_empty() {
        let finding = "none: the kernels run as plain Rust on the CPU, and models on candle";
        let check = Check::new("adapter", "none", State::Warn, finding);
        return vec![check.mend(format!("{NO_BOARD}; a renderer: Debian's mesa-vulkan-drivers"))];
    }
    let has_hardware = adapters.iter().any(|adapter| adapter.facts().class == Class::Hardware);
    adapters.iter().map(|adapter| line(adapter, has_hardware)).collect()
}

fn line(adapter: &Adapter, has_hardware: bool) -> Check {
    let facts = adapter.facts();
    let place = if facts.pci_bus_id.is_empty() { String::new() } else { format!(", at {}", facts.pci_bus_id) };
    let driver = format!("{}, {}, {} {}{place}", facts.class, facts.backend, facts.driver, facts.driver_info);
    let check = |state, finding| Check::new("adapter", format!("{}: {}", facts.index, facts.name), state, finding);
    let device = match Device::open(adapter) {
        Ok(device) => device,
        Err(error) => {
            return check(State::Fail, format!("{driver}; {error}")).mend("take a newer driver, or another adapter");
        }
    };
    let missing = device.facts().features != facts.features;
    device.close();
    if missing {
        return check(State::Warn, format!("{driver}; it opens with less than it lists"))
            .mend("take a newer driver; kernels that need what is missing do not run");
    }
    match facts.class {
        Class::Software if !has_hardware => {
            let finding = format!("{driver}: proves kernels and relative speeds, and says nothing of a board");
            check(State::Warn, finding).mend(NO_BOARD)
        }
        _ => check(State::Pass, driver),
    }
}

/// The Vulkan loader and the drivers that it would find. Elsewhere than on Linux there is nothing to look at.
pub(super) fn drivers(adapters: &[Adapter]) -> Vec<Check> {
    if !cfg!(target_os = "linux") {
        return Vec::new();
    }
    let (drivers, broken): (Vec<_>, Vec<_>) =
        manifests().into_iter().map(|path| (trouble(&path), path)).partition(|(trouble, _)| trouble.is_none());
    let names = drivers.iter().filter_map(|(_, path)| path.file_stem()?.to_str()).collect::<Vec<_>>().join(", ");
    let seen = adapters.iter().filter(|adapter| adapter.facts().backend == "vulkan").count();
    let check = |state, finding: String| Check::new("vulkan", "loader and drivers", state, finding);
    // Some loaders that meet one bad manifest see no driver at all.
    let worst = if seen == 0 { State::Fail } else { State::Warn };
    let loader = match (seen, drivers.is_empty()) {
        (0, _) if !broken.is_empty() => check(
            State::Fail,
            "no adapter: a manifest of a driver is broken, and the loader may see none for it".into(),
        ),
        (1.., true) => {
            check(State::Pass, format!("{seen} adapters, by a driver without a manifest in the usual places"))
        }
        (1.., false) => check(State::Pass, format!("{seen} adapters, by the drivers {names}")),
        (0, true) => check(State::Warn, "no driver: no manifest in the usual places".into())
            .mend("install the GPU's Vulkan driver, or a renderer: on Debian apt-get install mesa-vulkan-drivers"),
        (0, false) => check(
            State::Fail,
            format!("the drivers {names} are installed and give no adapter, or the loader is missing"),
        )
        .mend("on Debian apt-get install libvulkan1; a driver that does not conform to Vulkan yet is hidden"),
    };
    let manifest = |(trouble, path): (Option<String>, PathBuf)| {
        let finding = trouble.unwrap_or_default();
        Check::new("vulkan", path.display().to_string(), worst, finding)
            .mend("install its driver again, or take the file away")
    };
    std::iter::once(loader).chain(broken.into_iter().map(manifest)).collect()
}

/// What is wrong with a manifest; none where nothing is.
fn trouble(path: &Path) -> Option<String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Some(format!("this manifest of a driver cannot be read: {error}")),
    };
    let Ok(manifest) = serde_json::from_str::<Value>(&text) else {
        return Some("this manifest of a driver is no JSON".into());
    };
    let Some(library) = manifest["ICD"]["library_path"].as_str() else {
        return Some("this manifest of a driver names no library (ICD.library_path)".into());
    };
    // A bare name is searched for by the system's linker.
    let place = path.parent().map_or_else(|| PathBuf::from(library), |folder| folder.join(library));
    (library.contains('/') && !place.exists()).then(|| format!("its driver's library {library} is not there"))
}

/// Manifests of drivers: those that the environment names in place of all others, or the loader's usual folders.
fn manifests() -> Vec<PathBuf> {
    for name in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(files) = std::env::var_os(name).filter(|files| !files.is_empty()) {
            return std::env::split_paths(&files).filter(|file| file.exists()).collect();
        }
    }
    let mut folders: Vec<PathBuf> =
        ["/usr/local/etc", "/usr/local/share", "/etc", "/usr/share"].map(PathBuf::from).into();
    folders.extend(std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder.join("vulkan/icd.d")).ok()).flatten();
    let mut found: Vec<PathBuf> = files.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    found.sort();
    found
}

/// The nodes by which a driver reaches its boards, where this user may not open some.
pub(super) fn nodes(folder: &Path) -> Option<Check> {
    let entries = std::fs::read_dir(folder).ok()?;
    let is_node = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("renderD"));
    let is_closed = |path: &PathBuf| {
        let opened = std::fs::OpenOptions::new().read(true).write(true).open(path);
        opened.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let nodes = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_node);
    let mut closed: Vec<String> = nodes.filter(is_closed).map(|path| path.display().to_string()).collect();
    closed.sort();
    (!closed.is_empty()).then(|| {
        Check::new("vulkan", "boards", State::Fail, format!("this user may not open {}", closed.join(", ")))
            .mend("add the user to the groups render and video, and log in again")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_that_the_loader_passes_over_is_named_with_its_fault() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(folder.path().join("there.so"), "").expect("a file can be written");
        let cases = [
            (r#"{"ICD": {"library_path": "./there.so"}}"#, None),
            (r#"{"ICD": {"library_path": "libvulkan_lvp.so"}}"#, None),
            (r#"{"ICD": {"library_path": "./gone.so"}}"#, Some("./gone.so is not there")),
            (r#"{"ICD": {}}"#, Some("names no library")),
            ("\u{1}garbage", Some("no JSON")),
        ];
        for (text, expected) in cases {
            let path = folder.path().join("driver.json");
            std::fs::write(&path, text).expect("a file can be written");
            let found = trouble(&path);
            let is_it = |found: &String| expected.is_some_and(|expected| found.contains(expected));
            assert!(found.as_ref().map_or(expected.is_none(), is_it), "{text}: {found:?}");
        }
    }

    #[test]
    fn nodes_that_can_be_opened_or_are_not_there_are_no_matter() {
        let folder = tempfile::tempdir().expect("a temporary directory");
        assert!(nodes(&folder.path().join("dri")).is_none(), "no folder");
        std::fs::write(folder.path().join("renderD128"), "").expect("a file can be written");
        assert!(nodes(folder.path()).is_none(), "one that this user may open");
    }
}
