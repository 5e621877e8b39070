//! Accelerator boards in Linux's hardware monitoring tree: `class/hwmon/hwmonN` under an injectable root.
//!
//! | driver | file | becomes |
//! |---|---|---|
//! | `amdgpu` | `power1_average`, else `power1_input` (µW) | power, integrated to energy |
//! | `i915`, `xe` | `energy1_input` (the card), else `energy2_input` (its package) (µJ) | energy, its mean as power |
//!
//! Limits: `power1_cap` (amdgpu), `power1_max` and `power1_rated_max` (Intel), where 0 means that the limit is off.
//! The kernel repairs the wraps of Intel's 32-bit register itself, so here a fall is a reset. A suspended amdgpu answers
//! EBUSY, which is [`NoData::Asleep`]: neither an error nor 0 W. An AMD chip that holds CPU and GPU together states no cap,
//! and its one figure covers both ([`Boundary::Module`]). What slows a board down is told in `throttle`.

mod throttle;

use super::board::{BoardFacts, Fact};
use super::channel::{Channel, Quantity, Sample, Sensor};
use super::counter::{Limits, MICROJOULE};
use super::plausible::{self, PowerFilter};
use super::probe::{Place, Refusal};
use super::sysfs::Tree;
use super::throttle::ThrottleLook;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Kelvin, Seconds, Watts};
use throttle::Causes;

/// Where the chips lie under the root.
const DIRECTORY: &str = "class/hwmon";

/// Assumed for both drivers, neither of which states one: the firmware of the boards renews its telemetry faster.
pub const UPDATE_PERIOD: Seconds = Seconds(0.1);

/// Half width of the band, k = 2. Assumed: AMD and Intel state none.
pub const RELATIVE_UNCERTAINTY: f64 = 0.10;

/// One board.
pub struct Hwmon {
    tree: Tree,
    name: String,
    place: Place,
    directory: String,
    /// Its power or its energy counter.
    file: String,
    /// The judge of its powers as they were when it was opened; none where it counts energy.
    filter: Option<PowerFilter>,
    causes: Causes,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let trial = |chip: String| {
        let tree = roots.sysfs.clone();
        Trial::start(chip.clone(), roots.source_deadline, move || {
            let Some(board) = Hwmon::open(&tree, &chip)? else { return Ok(None) };
            let (place, facts) = (board.sensor.place.clone(), board.sensor.facts());
            Ok(Some(Candidate::on_thread(board)?.at(place).with_facts(facts)))
        })
    };
    chips(&roots.sysfs).into_iter().map(trial).collect()
}

/// The chips under the root of `tree`, whatever they measure.
pub fn chips(tree: &Tree) -> Vec<String> {
    tree.names(DIRECTORY)
}

impl Hwmon {
    /// Opens one of [`chips`]. `None` if it is no accelerator: a fan, a disk, a network card.
    pub fn open(tree: &Tree, chip: &str) -> Result<Option<Channel<Hwmon>>, Refusal> {
        let directory = format!("{DIRECTORY}/{chip}");
        let Ok(driver) = tree.text(&format!("{directory}/name")) else { return Ok(None) };
        let files: &[&str] = match driver.as_str() {
            "amdgpu" => &["power1_average", "power1_input"],
            "i915" | "xe" => &["energy1_input", "energy2_input"],
            _ => return Ok(None),
        };
        let place = place(tree, &directory);
        if is_suspended(tree, &directory) {
            let detail = format!("{} is suspended, and a read would wake it", tree.path(&directory).display());
            return Err(Refusal::new(NoData::Asleep, detail).with_remedy("put work on the board and try again"));
        }
        let (file, first) = first_readable(tree, &directory, files)?;
        let is_power = driver == "amdgpu";
        let rated = rated(tree, &directory);
        let mut filter = is_power.then(|| PowerFilter::new(rated));
        if let Some(filter) = &mut filter {
            filter.check(Watts(first as f64 * 1e-6)).map_err(|cause| {
                let detail = format!("{} says {first} uW", tree.path(&file).display());
                Refusal::new(cause, detail).with_remedy(
                    "if the board is idle, load it and try again; the second die of a package leaves its power to the first: \
                     name that with --meter",
                )
            })?;
        }
        let limits = Limits::of(MICROJOULE, None, plausible::ceiling(rated, plausible::BOARD_CEILING));
        let states_no_cap = is_power && !tree.has(&format!("{directory}/power1_cap"));
        let attribute = file.rsplit('/').next().unwrap_or(&file);
        let what = if is_power { "power, integrated" } else { "energy counter" };
        let source = Source {
            name: format!("{driver}:{}", place.pci_address.as_deref().unwrap_or(chip)),
            provenance: Provenance::BoardSensor,
            boundary: if states_no_cap { Boundary::Module } else { Boundary::Accelerator },
            method: format!("the {what}, that the driver {driver} gives in {attribute}"),
            update_period_s: UPDATE_PERIOD,
            relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
            rated_w: rated,
            sensing: match is_power {
                // The firmware's filter is taken to be as long as its update.
                true => Sensing { averaging_s: UPDATE_PERIOD, seen_share: 1.0 },
                false => Sensing::default(),
            },
        };
        let (quantity, period) = match filter {
            Some(filter) => (Quantity::power(filter, UPDATE_PERIOD), UPDATE_PERIOD * 0.5),
            None => (Quantity::counter(limits), Seconds(1.0)),
        };
        let (tree, causes, name) = (tree.clone(), Causes::find(tree, &directory, &driver), source.name.clone());
        let board = Hwmon { tree, name, place, directory, file, filter, causes };
        Ok(Some(Channel::new(source, board, vec![quantity]).polled_every(period)))
    }

    /// What the driver says of the board beside its power.
    pub fn facts(&self) -> BoardFacts {
        let number = |name: &str| self.tree.number(&format!("{}/{name}", self.directory));
        let watts =
            |name: &str| -> Fact<Watts> { number(name).map(|microwatts| Watts(microwatts as f64 * 1e-6)).into() };
        let kelvin =
            |name: &str| -> Fact<Kelvin> { number(name).map(|milli| Kelvin(milli as f64 * 1e-3 + 273.15)).into() };
        let hertz = |name: &str| -> Fact<f64> { number(name).map(|hertz| hertz as f64).into() };
        let power = match self.filter {
            // A zero counts: the sensor has shown power.
            Some(mut filter) => self.power().and_then(|power| filter.check(power)),
            None => Err(NoData::NotSupported),
        };
        // 0 switches Intel's limit off.
        let set = |limit: Fact<Watts>| if limit.value == Some(Watts::ZERO) { Fact::default() } else { limit };
        let limit = if self.tree.has(&format!("{}/power1_cap", self.directory)) { "power1_cap" } else { "power1_max" };
        BoardFacts {
            name: self.place.product.clone().unwrap_or_default(),
            id: self.name.clone(),
            power_limit_w: set(watts(limit)),
            default_power_limit_w: watts("power1_cap_default"),
            lowest_power_limit_w: watts("power1_cap_min"),
            highest_power_limit_w: watts("power1_cap_max"),
            reported_power_w: power.into(),
            core_clock_hz: hertz("freq1_input"),
            memory_clock_hz: hertz("freq2_input"),
            chip_k: kelvin("temp1_input"),
            // amdgpu's third sensor is the memory's; its label says so.
            memory_k: match self.tree.text(&format!("{}/temp3_label", self.directory)).as_deref() {
                Ok("mem") => kelvin("temp3_input"),
                _ => Fact::default(),
            },
            slowed_by: self.causes.look(&self.tree, power).map(|look| look.in_force()).into(),
            ..BoardFacts::default()
        }
    }

    /// Where the board sits.
    pub fn place(&self) -> &Place {
        &self.place
    }

    fn power(&self) -> Result<Watts, NoData> {
        self.tree.number_of_device(&self.file).map(|microwatts| Watts(microwatts as f64 * 1e-6))
    }
}

impl Sensor for Hwmon {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        Ok(vec![match self.filter {
            Some(_) => Sample::power(now, self.power()),
            None => Sample::count(now, self.tree.number_of_device(&self.file)),
        }])
    }

    fn throttle(&mut self, power: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        self.causes.look(&self.tree, power)
    }
}

/// Some kernels wake a board that sleeps when its sensor is read, so it is asked first whether it does.
fn is_suspended(tree: &Tree, directory: &str) -> bool {
    tree.text(&format!("{directory}/device/power/runtime_status")).is_ok_and(|status| status == "suspended")
}

/// The first of `files` that gives a number, or why the last one that is there does not.
fn first_readable(tree: &Tree, directory: &str, files: &[&str]) -> Result<(String, u64), Refusal> {
    let mut refusal =
        Refusal::new(NoData::NotSupported, format!("{} has no {}", tree.path(directory).display(), files.join(" or ")));
    for file in files.iter().map(|file| format!("{directory}/{file}")).filter(|file| tree.has(file)) {
        match tree.number(&file) {
            Ok(first) => return Ok((file, first)),
            Err(cause) => refusal = Refusal::new(cause, tree.path(&file).display().to_string()),
        }
    }
    Err(match refusal.cause {
        NoData::Asleep => refusal.with_remedy("the board is suspended: put work on it and try again"),
        NoData::NoPermission => {
            let remedy = format!("as root, until the next start: chmod a+r {}", refusal.detail);
            refusal.with_remedy(remedy)
        }
        _ => refusal,
    })
}

fn rated(tree: &Tree, directory: &str) -> Option<Watts> {
    ["power1_cap", "power1_max", "power1_rated_max"]
        .iter()
        .filter_map(|file| tree.number(&format!("{directory}/{file}")).ok())
        .map(|microwatts| Watts(microwatts as f64 * 1e-6))
        .find(|limit| limit.0 > 0.0 && limit.0 <= plausible::BOARD_CEILING.0)
}

fn place(tree: &Tree, directory: &str) -> Place {
    let pci_address = tree
        .text(&format!("{directory}/device/uevent"))
        .ok()
        .and_then(|text| text.lines().find_map(|line| line.trim().strip_prefix("PCI_SLOT_NAME=").map(str::to_owned)));
    let vendor_id = tree
        .text(&format!("{directory}/device/vendor"))
        .ok()
        .and_then(|text| u32::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let product = tree.text(&format!("{directory}/device/product_name")).ok().filter(|name| !name.is_empty());
    Place { pci_address, vendor_id, product }
}
