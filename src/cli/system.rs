//! The host: what it calls itself, and the settings that change what is measured.

use crate::meter::Roots;
use crate::meter::board::BoardDriver;
use crate::meter::nvml::StandInDriver;
use crate::meter::sysfs::Tree;
use std::sync::Arc;

/// Where Linux's tree of attributes is looked for in place of `/sys`: a container's mount, or a copy.
pub(super) const SYSFS: &str = "DAWNDUSK_SYSFS";

/// A file that stands in for NVIDIA's management library ([`crate::meter::nvml::stand_in`]). What it says is no measurement.
pub(super) const NVML: &str = "DAWNDUSK_NVML";

/// Environment variables that change what a driver or a library does.
const TELLING: [&str; 11] = [
    SYSFS,
    NVML,
    "VK_ICD_FILENAMES",
    "VK_DRIVER_FILES",
    "LP_NUM_THREADS",
    "LP_NATIVE_VECTOR_WIDTH",
    "MESA_SHADER_CACHE_DISABLE",
    "MESA_SHADER_CACHE_DIR",
    "RAYON_NUM_THREADS",
    "CANDLE_FORCE_VNNI",
    "CUDA_VISIBLE_DEVICES",
];

/// Where power sources are looked for.
pub(super) fn meter_roots() -> Roots {
    let set = |name: &str| std::env::var_os(name).filter(|place| !place.is_empty());
    let mut roots = Roots::default();
    if let Some(root) = set(SYSFS) {
        roots.sysfs = Tree::new(root);
    }
    if let Some(file) = set(NVML) {
        let driver: Arc<dyn BoardDriver> = Arc::new(StandInDriver { file: file.into() });
        roots.drivers = vec![driver];
    }
    roots
}

/// Operating system and version, as it names itself.
pub(super) fn operating_system() -> String {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    pretty.map_or_else(|| std::env::consts::OS.to_owned(), |name| name.trim_matches('"').to_owned())
}

/// The CPU, as it names itself.
pub(super) fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    named.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned())
}

/// Hardware threads that this process may use.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The telling environment variables that are set. Paths are cut to their file name: a result may be published.
pub(super) fn environment() -> Vec<(String, String)> {
    let set = TELLING.iter().filter_map(|name| std::env::var(name).ok().map(|value| (name.to_string(), value)));
    set.map(|(name, value)| match std::path::Path::new(&value).file_name() {
        Some(file) if value.contains('/') => (name, file.to_string_lossy().into_owned()),
        _ => (name, value),
    })
    .collect()
}
