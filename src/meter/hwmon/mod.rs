//! Accelerator boards in Linux's hardware monitoring tree: `class/hwmon/hwmonN` under an injectable root.
//!
//! | driver | file | becomes |
//! |---|---|---|
//! | `amdgpu` | `power1_average`, else `power1_input` (µW) | power, integrated to energy |
//! | `i915`, `xe` | `energyN_input` (µJ) | energy, its mean as power; of several the card's counts, the others stand beside |
//!
//! What each covers is in `covers`. The rating is the highest of all limits that the driver knows: `powerN_cap_max`,
//! `powerN_cap`, `powerN_cap_default`, `powerN_max`, `powerN_rated_max` and `powerN_crit` of every channel, where 0 means
//! that the limit is off. The kernel repairs the wraps of Intel's 32-bit register itself, so here a fall is a reset. A
//! suspended amdgpu answers EBUSY, which is [`NoData::Asleep`]: neither an error nor 0 W. What slows a board down is told
//! in `throttle`.

mod covers;
mod throttle;

use super::board::{BoardFacts, Fact};
use super::channel::{Channel, Quantity, Sample, Sensor, Value};
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

/// Channels of a board that are looked for: no driver has as many.
const CHANNELS: u32 = 4;

/// Files of a channel's limits, whichever of them a driver has.
const LIMITS: [&str; 6] = ["cap_max", "cap", "cap_default", "max", "rated_max", "crit"];

/// One board.
pub struct Hwmon {
    tree: Tree,
    name: String,
    place: Place,
    directory: String,
    /// Its power, or its energy counters: the one that counts, then those beside it.
    files: Vec<String>,
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
        let is_power = match driver.as_str() {
            "amdgpu" => true,
            "i915" | "xe" => false,
            _ => return Ok(None),
        };
        let place = place(tree, &directory);
        if is_suspended(tree, &directory) {
            let detail = format!("{} is suspended, and a read would wake it", tree.path(&directory).display());
            return Err(Refusal::new(NoData::Asleep, detail).with_remedy("put work on the board and try again"));
        }
        let name = format!("{driver}:{}", place.pci_address.as_deref().unwrap_or(chip));
        let (rated, causes) = (rated(tree, &directory), Causes::find(tree, &directory, &driver));
        let board = |files, filter| Hwmon {
            tree: tree.clone(),
            name,
            place,
            directory: directory.clone(),
            files,
            filter,
            causes,
        };
        Ok(Some(match is_power {
            true => of_power(rated, |filter, file| board(vec![file], Some(filter)), tree, &directory)?,
            false => of_energies(rated, |files| board(files, None), tree, &directory, &driver)?,
        }))
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
        self.tree.number_of_device(&self.files[0]).map(|microwatts| Watts(microwatts as f64 * 1e-6))
    }
}

/// A board that gives a power.
fn of_power(
    rated: Option<Watts>,
    board: impl FnOnce(PowerFilter, String) -> Hwmon,
    tree: &Tree,
    directory: &str,
) -> Result<Channel<Hwmon>, Refusal> {
    let (file, first) = first_readable(tree, directory, &["power1_average", "power1_input"])?;
    let mut filter = PowerFilter::new(rated);
    filter.check(Watts(first as f64 * 1e-6)).map_err(|cause| {
        let most = rated.map_or(String::new(), |rated| format!("; the highest of its limits is {rated:.0}"));
        Refusal::new(cause, format!("{} says {first} uW{most}", tree.path(&file).display())).with_remedy(
            "if the board is idle, load it and try again; the second die of a package leaves its power to the first: name \
             that with --meter",
        )
    })?;
    let (boundary, why) = covers::amdgpu(tree, directory);
    let attribute = attribute(&file).to_owned();
    let board = board(filter, file);
    let source = Source {
        boundary,
        method: format!("the power, integrated, that the driver amdgpu gives in {attribute}; {why}"),
        // The firmware's filter is taken to be as long as its update.
        sensing: Sensing { averaging_s: UPDATE_PERIOD, seen_share: 1.0 },
        ..source(&board.name, rated)
    };
    let quantity = Quantity::power(filter, UPDATE_PERIOD);
    Ok(Channel::new(source, board, vec![quantity]).polled_every(UPDATE_PERIOD * 0.5))
}

/// A board that counts energy: of several counters the card's counts, then the package's; the others stand beside.
fn of_energies(
    rated: Option<Watts>,
    board: impl FnOnce(Vec<String>) -> Hwmon,
    tree: &Tree,
    directory: &str,
    driver: &str,
) -> Result<Channel<Hwmon>, Refusal> {
    let channels = (1..=CHANNELS).filter(|channel| tree.has(&format!("{directory}/energy{channel}_input")));
    let mut energies: Vec<Energy> = channels
        .map(|channel| {
            let (boundary, why) = covers::intel(tree, directory, driver, channel);
            let file = format!("{directory}/energy{channel}_input");
            // A counter that has never counted is not connected.
            let rank = match (boundary, tree.number(&file)) {
                (_, Err(_) | Ok(0)) => 3,
                (Boundary::Accelerator, _) => 0,
                (Boundary::Package, _) => 1,
                _ => 2,
            };
            Energy { rank, file, boundary, why }
        })
        .collect();
    energies.sort_by_key(|energy| energy.rank);
    let attributes: Vec<&str> = energies.iter().map(|energy| attribute(&energy.file)).collect();
    let wanted = if attributes.is_empty() { &["energy1_input", "energy2_input"][..] } else { &attributes[..] };
    let (first, _) = first_readable(tree, directory, wanted)?;
    energies.retain(|energy| energy.file == first || energy.rank < 3);
    energies.sort_by_key(|energy| energy.file != first);
    let board = board(energies.iter().map(|energy| energy.file.clone()).collect());
    let counted = |energy: &Energy, name: &str| Source {
        boundary: energy.boundary,
        method: format!(
            "the energy counter that the driver {driver} gives in {}; {}",
            attribute(&energy.file),
            energy.why
        ),
        ..source(name, rated)
    };
    let ceiling = plausible::ceiling(rated, plausible::BOARD_CEILING);
    let limits = Limits { slack: UPDATE_PERIOD, ..Limits::of(MICROJOULE, None, ceiling) };
    let mut quantities = vec![Quantity::counter(limits)];
    for energy in &energies[1..] {
        let part = match energy.boundary {
            Boundary::Accelerator => "card",
            Boundary::Package => "package",
            _ => attribute(&energy.file),
        };
        let source = counted(energy, &format!("{}/{part}", board.name));
        quantities.push(Quantity::counter(limits).beside(source));
    }
    let source = counted(&energies[0], &board.name);
    Ok(Channel::new(source, board, quantities).polled_every(Seconds(1.0)))
}

/// One of a board's energy counters.
struct Energy {
    rank: u8,
    file: String,
    boundary: Boundary,
    why: String,
}

/// What all of them have in common.
fn source(name: &str, rated: Option<Watts>) -> Source {
    Source {
        name: name.to_owned(),
        provenance: Provenance::BoardSensor,
        boundary: Boundary::Unknown,
        method: String::new(),
        update_period_s: UPDATE_PERIOD,
        relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
        rated_w: rated,
        sensing: Sensing::default(),
    }
}

fn attribute(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
}

impl Sensor for Hwmon {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        if self.filter.is_some() {
            return Ok(vec![Sample::power(now, self.power())]);
        }
        let count = |(index, file): (usize, &String)| {
            Sample::new(index, now, self.tree.number_of_device(file).map(Value::Count))
        };
        Ok(self.files.iter().enumerate().map(count).collect())
    }

    fn rated(&mut self, _: usize) -> Option<Watts> {
        rated(&self.tree, &self.directory)
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

/// The highest limit of any channel: what holds for a part holds for the whole as well, which draws more.
fn rated(tree: &Tree, directory: &str) -> Option<Watts> {
    let limits = (1..=CHANNELS).flat_map(|channel| LIMITS.map(|limit| format!("{directory}/power{channel}_{limit}")));
    limits
        .filter_map(|file| tree.number(&file).ok())
        .map(|microwatts| Watts(microwatts as f64 * 1e-6))
        .filter(|limit| limit.0 > 0.0 && limit.0 <= plausible::BOARD_CEILING.0)
        .reduce(Watts::max)
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
