//! The power limits that there are, in microwatts.
//!
//! | source of the flight | limit | lowest |
//! |---|---|---|
//! | `nvml:N` | the board's power limit, by NVML | as NVML says |
//! | `amdgpu:...` | `power1_cap` of its chip in `class/hwmon` | `power1_cap_min` |
//! | `rapl` | `constraint_0_power_limit_uw` of every package in `class/powercap` | a quarter of the found limit: none is stated |

use crate::meter::hwmon::{self, Hwmon};
use crate::meter::nvml::{NvmlLimit, limit_of};
use crate::meter::sysfs::{Tree, cause_of};
use crate::reading::NoData;
use std::io::Write;

/// Share of the found limit below which a limit without a stated minimum is not set.
const LEAST_SHARE: f64 = 0.25;

const HWMON: &str = "class/hwmon/";
const POWERCAP: &str = "class/powercap/";
const CAP: &str = "/power1_cap";
const CONSTRAINT: &str = "/constraint_0_power_limit_uw";
const NVML: &str = "nvml:";

/// A power limit.
pub trait PowerLimit: Send {
    /// For people.
    fn name(&self) -> String;
    /// For the state file; [`power_limit_of`] finds it again by this.
    fn key(&self) -> String;
    /// The lowest and the highest limit, in microwatts, where `found` is the limit now.
    fn range(&mut self, found: u64) -> Result<(u64, u64), NoData>;
    /// The limit, in microwatts.
    fn read(&mut self) -> Result<u64, NoData>;
    /// Asks for a limit in microwatts.
    fn set(&mut self, microwatts: u64) -> Result<(), NoData>;
    /// What to do without permission.
    fn remedy(&self) -> String;
    /// How a person sets a limit in microwatts.
    fn by_hand(&self, microwatts: u64) -> String;
}

/// The limits that act on what the source of a flight measures; none where no limit is known.
pub fn power_limits_of(source: &str, tree: &Tree) -> Vec<Box<dyn PowerLimit>> {
    let of_file = |file: String| -> Box<dyn PowerLimit> { Box::new(FileLimit { tree: tree.clone(), file }) };
    if let Some(board) = source.strip_prefix(NVML) {
        return board.parse().ok().and_then(|index| limit_of(index).ok()).map(of_board).into_iter().collect();
    }
    if source == "rapl" {
        let packages = tree.names(POWERCAP).into_iter().filter(|zone| {
            zone.strip_prefix("intel-rapl:").is_some_and(|rest| !rest.contains(':'))
                && tree.text(&format!("{POWERCAP}{zone}/name")).is_ok_and(|name| name.starts_with("package-"))
        });
        return packages.map(|zone| of_file(format!("{POWERCAP}{zone}{CONSTRAINT}"))).collect();
    }
    let is_source = |chip: &String| matches!(Hwmon::open(tree, chip), Ok(Some(meter)) if crate::meter::Meter::source(&meter).name == source);
    let chip = hwmon::chips(tree).into_iter().find(is_source);
    chip.map(|chip| format!("{HWMON}{chip}{CAP}")).filter(|file| tree.has(file)).map(of_file).into_iter().collect()
}

/// The limit of a key in a state file; none where it is no power limit, or the board is gone.
pub fn power_limit_of(key: &str, tree: &Tree) -> Option<Box<dyn PowerLimit>> {
    if let Some(id) = key.strip_prefix(NVML) {
        return crate::meter::nvml::limit_by_id(id).ok().map(of_board);
    }
    let between = |folder: &str, file: &str| {
        let name = key.strip_prefix(folder).and_then(|rest| rest.strip_suffix(file));
        name.is_some_and(|name| !name.is_empty() && !name.contains('/') && name != "..")
    };
    let is_limit = between(HWMON, CAP) || between(POWERCAP, CONSTRAINT);
    (is_limit && tree.has(key))
        .then(|| -> Box<dyn PowerLimit> { Box::new(FileLimit { tree: tree.clone(), file: key.into() }) })
}

fn of_board(limit: NvmlLimit) -> Box<dyn PowerLimit> {
    Box::new(DriverLimit { limit })
}

/// A limit in an attribute file.
struct FileLimit {
    tree: Tree,
    file: String,
}

impl PowerLimit for FileLimit {
    fn name(&self) -> String {
        self.file.clone()
    }

    fn key(&self) -> String {
        self.file.clone()
    }

    fn range(&mut self, found: u64) -> Result<(u64, u64), NoData> {
        if self.file.ends_with(CAP) {
            let beside = |bound: &str| self.tree.number(&format!("{}_{bound}", self.file));
            return Ok((beside("min")?, beside("max")?));
        }
        Ok(((found as f64 * LEAST_SHARE) as u64, found))
    }

    fn read(&mut self) -> Result<u64, NoData> {
        self.tree.number(&self.file)
    }

    fn set(&mut self, microwatts: u64) -> Result<(), NoData> {
        // Never created: what is not there is no limit.
        let opened = std::fs::OpenOptions::new().write(true).truncate(true).open(self.tree.path(&self.file));
        opened.and_then(|mut file| file.write_all(microwatts.to_string().as_bytes())).map_err(|error| cause_of(&error))
    }

    fn remedy(&self) -> String {
        format!("no permission; as root, until the next start: chmod a+w {}", self.tree.path(&self.file).display())
    }

    fn by_hand(&self, microwatts: u64) -> String {
        format!("as root: echo {microwatts} > {}", self.tree.path(&self.file).display())
    }
}

/// A limit behind a driver's library.
struct DriverLimit {
    limit: NvmlLimit,
}

impl PowerLimit for DriverLimit {
    fn name(&self) -> String {
        format!("of {}", self.limit.name)
    }

    fn key(&self) -> String {
        format!("{NVML}{}", self.limit.id)
    }

    fn range(&mut self, _found: u64) -> Result<(u64, u64), NoData> {
        self.limit.range_mw().map(|(low, high)| (low * 1000, high * 1000))
    }

    fn read(&mut self) -> Result<u64, NoData> {
        self.limit.limit_mw().map(|milliwatts| milliwatts * 1000)
    }

    fn set(&mut self, microwatts: u64) -> Result<(), NoData> {
        self.limit.set_limit_mw(microwatts.div_ceil(1000))
    }

    fn remedy(&self) -> String {
        "no permission; setting a board's limit needs root, or CAP_SYS_ADMIN in a container".into()
    }

    fn by_hand(&self, microwatts: u64) -> String {
        format!("as root: nvidia-smi -i {} -pl {}", self.limit.id, microwatts.div_ceil(1_000_000))
    }
}
