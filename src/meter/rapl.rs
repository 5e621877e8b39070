//! The energy counters of the CPU packages (Running Average Power Limit), from Linux's powercap tree.
//!
//! `class/powercap/intel-rapl:N/{name, energy_uj, max_energy_range_uj, constraint_*}` under an injectable root; AMD's
//! packages appear there under the same names. Three traps are closed here:
//!
//! * Only zones named `package-*` count. Cores, uncore and memory lie inside or beside them and `psys` around them; a
//!   sum over all would count a joule up to three times. `intel-rapl-mmio` is the same package by another way.
//! * Every package wraps by itself: a wrap is repaired before anything is added.
//! * The files are readable by root alone since CVE-2020-8694 (PLATYPUS), and container runtimes hide the whole tree.
//!
//! The registers change about every millisecond and follow the plug's power closely (Khan et al., *RAPL in Action*, ACM
//! TOMPECS 3 (2018) 9), but on many parts they are partly a model.

use super::channel::{Channel, Quantity, Sample, Sensor, Value};
use super::counter::{Limits, MICROJOULE};
use super::plausible;
use super::probe::Refusal;
use super::sysfs::Tree;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};

/// Name of the source.
pub const NAME: &str = "rapl";

/// Where the zones lie under the root.
const DIRECTORY: &str = "class/powercap";

/// About 1 ms (Khan et al. 2018).
pub const UPDATE_PERIOD: Seconds = Seconds(0.001);

/// Half width of the band, k = 2. Assumed: Khan et al. find the readings close to the plug's, but state no bound for
/// all parts, and part of the value is a model.
pub const RELATIVE_UNCERTAINTY: f64 = 0.10;

/// Often enough to see every wrap: the smallest ranges last a minute at the ceiling of a package.
pub const POLL_PERIOD: Seconds = Seconds(1.0);

/// The CPU packages of this machine.
pub struct Rapl {
    tree: Tree,
    /// The counter of each package.
    files: Vec<String>,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let tree = roots.sysfs.clone();
    vec![Trial::start(NAME, roots.source_deadline, move || {
        let channel = Rapl::open(&tree)?;
        let packages = channel.sensor.files.len();
        Ok(Some(Candidate::on_thread(channel)?.of_packages(packages)))
    })]
}

impl Rapl {
    /// Opens all packages under the root of `tree`.
    pub fn open(tree: &Tree) -> Result<Channel<Rapl>, Refusal> {
        let zones: Vec<String> = tree.names(DIRECTORY).into_iter().filter(|name| is_top_zone(name)).collect();
        if zones.is_empty() {
            return Err(no_zones(tree));
        }
        let (mut files, mut packages) = (Vec::new(), Vec::new());
        let mut rated = Some(Watts::ZERO);
        for zone in &zones {
            let directory = format!("{DIRECTORY}/{zone}");
            let name = tree.text(&format!("{directory}/name")).map_err(|cause| unreadable(tree, &directory, cause))?;
            if !name.starts_with("package-") {
                continue;
            }
            let file = format!("{directory}/energy_uj");
            tree.number(&file).map_err(|cause| unreadable(tree, &file, cause))?;
            let (counter, zone_rated) = package(tree, &directory);
            files.push(file);
            packages.push(counter);
            rated = rated.zip(zone_rated).map(|(sum, zone)| sum + zone);
        }
        if packages.is_empty() {
            let detail = format!("no zone named package-* among {}", zones.join(", "));
            return Err(Refusal::new(NoData::NotSupported, detail));
        }
        let source = Source {
            name: NAME.to_owned(),
            provenance: Provenance::SocCounter,
            boundary: Boundary::CpuPackage,
            method: format!("the RAPL energy counters of {} CPU package(s), through powercap", packages.len()),
            update_period_s: UPDATE_PERIOD,
            relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
            rated_w: rated,
            sensing: Sensing::default(),
        };
        Ok(Channel::new(source, Rapl { tree: tree.clone(), files }, packages).polled_every(POLL_PERIOD))
    }
}

impl Sensor for Rapl {
    /// Every package is read even if one before it fails: each must see its own wraps.
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let sample = |(package, file): (usize, &String)| {
            Sample::new(package, now, self.tree.number_of_device(file).map(Value::Count))
        };
        Ok(self.files.iter().enumerate().map(sample).collect())
    }

    fn rated(&mut self, package: usize) -> Option<Watts> {
        rated(&self.tree, self.files.get(package)?.rsplit_once('/')?.0)
    }
}

/// `intel-rapl:0`, but neither its parts (`intel-rapl:0:0`) nor the same package by another way (`intel-rapl-mmio:0`).
fn is_top_zone(name: &str) -> bool {
    name.strip_prefix("intel-rapl:").is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The counter of one package, and the most that it can draw.
fn package(tree: &Tree, directory: &str) -> (Quantity, Option<Watts>) {
    let range = tree.number(&format!("{directory}/max_energy_range_uj")).ok().filter(|&range| range > 0);
    let rated = rated(tree, directory);
    let ceiling = plausible::ceiling(rated, plausible::PACKAGE_CEILING);
    (Quantity::counter(Limits::of(MICROJOULE, range, ceiling)), rated)
}

/// The highest of all limits that limit anything: those in force (`power_limit_uw`, long and short term) and the most that
/// each can be set to (`max_power_uw`, the maximum allowed power in the kernel's documentation of powercap). Boards without
/// a limit state 0 or a figure that no package reaches (4095 W is common); AMD's packages state none.
fn rated(tree: &Tree, directory: &str) -> Option<Watts> {
    let constraints = (0..).take_while(|index| tree.has(&format!("{directory}/constraint_{index}_name")));
    constraints
        .flat_map(|index| {
            ["power_limit_uw", "max_power_uw"].map(|limit| format!("{directory}/constraint_{index}_{limit}"))
        })
        .filter_map(|file| tree.number(&file).ok())
        .map(|microwatts| Watts(microwatts as f64 * 1e-6))
        .filter(|limit| limit.0 > 0.0 && limit.0 <= plausible::PACKAGE_CEILING.0)
        .reduce(Watts::max)
}

fn no_zones(tree: &Tree) -> Refusal {
    let place = tree.path(DIRECTORY);
    if tree.has(DIRECTORY) {
        let detail = format!("{} holds no intel-rapl zone", place.display());
        return Refusal::new(NoData::NotSupported, detail).with_remedy(
            "on a bare machine load the kernel module intel_rapl_msr; in a container mount the host's \
             /sys/class/powercap/intel-rapl, whose target the runtime hides; a virtual machine has none",
        );
    }
    let detail = format!("there is no {}", place.display());
    Refusal::new(NoData::NotSupported, detail)
        .with_remedy("run on Linux on bare metal; a virtual machine has no such tree")
}

fn unreadable(tree: &Tree, file: &str, cause: NoData) -> Refusal {
    let path = tree.path(file);
    let refusal = Refusal::new(cause, path.display().to_string());
    match cause {
        NoData::NoPermission => refusal.with_remedy(format!(
            "as root, until the next start: chmod a+r {}/intel-rapl:*/energy_uj (it opens a side channel to other users)",
            tree.path(DIRECTORY).display()
        )),
        // The link is there and leads nowhere: the runtime has masked what it points to.
        NoData::NotSupported => refusal.with_remedy(
            "in a container mount the host's /sys/class/powercap/intel-rapl, whose target the runtime hides",
        ),
        _ => refusal,
    }
}
