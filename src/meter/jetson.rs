//! NVIDIA's Jetson modules, which have no management library for power: monitors on their supply rails.
//!
//! | monitor | where, below the root | a rail's power |
//! |---|---|---|
//! | INA3221 | `class/hwmon/hwmonN`, three channels: `in[1-3]_label`, `in[1-3]_input` (mV), `curr[1-3]_input` (mA) | both multiplied |
//! | INA238, INA2xx | `class/hwmon/hwmonN`, one channel: `label` or `power1_label`, `power1_input` (µW) | as it is |
//! | INA3221 of JetPack 4 | `bus/i2c/drivers/ina3221x/*/iio:device*`: `rail_name_[0-2]`, `in_power[0-2]_input` (mW) | as it is |
//!
//! The module's total is one rail, the input of the whole module: `VDD_IN` (Orin NX and Nano, Xavier NX, TX2), `POM_5V_IN`
//! (Nano) or `VIN` (Thor). The others (`VDD_GPU_SOC`, `VDD_CPU_CV`, `VIN_SYS_5V0`, ...) are parts of it and are never added
//! to it. Where that rail cannot be read the total is unknown, whatever the others say; and where there is none (AGX
//! modules), it is not guessed which of the rails lie behind which: a sum could miss a part or count it twice.
//!
//! Such monitors are sold on many boards, and anybody may call a rail `VIN`. So a machine is a Jetson where its device tree
//! names a chip of the family Tegra, or where JetPack 4's own driver runs. Elsewhere such a rail keeps the name of its
//! monitor, covers nobody knows what, and has no band.

use super::Meter;
use super::channel::{Channel, Quantity, Sample, Sensor};
use super::plausible::PowerFilter;
use super::probe::{Place, Refusal};
use super::sysfs::Tree;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};

/// Name of the source.
pub const NAME: &str = "jetson";

/// PCI vendor of NVIDIA: what its graphics driver says, although nothing here is on a PCI bus.
const VENDOR_ID: u32 = 0x10de;

/// Rails that feed a whole module.
const MODULE_RAILS: [&str; 3] = ["VDD_IN", "POM_5V_IN", "VIN"];

/// The monitor of three rails that most modules have.
const INA3221: &str = "INA3221";

/// Monitors of one rail, by their drivers in hwmon.
const ONE_RAIL: [&str; 9] = ["ina238", "ina237", "ina228", "ina219", "ina220", "ina226", "ina230", "ina231", "ina260"];

/// Where JetPack 4 has its monitors: its own driver, which no other system has.
const JETPACK_4: &str = "bus/i2c/drivers/ina3221x";

/// The names of the machine and of its chip in the device tree, each with a zero behind it.
const COMPATIBLE: &str = "firmware/devicetree/base/compatible";

/// How the chips of every Jetson are called there (Linux, `Documentation/devicetree/bindings/arm/tegra.yaml`).
const TEGRA: &str = "nvidia,tegra";

/// Where the driver states no `update_interval`.
const UPDATE_PERIOD: Seconds = Seconds(0.1);

/// Half width of the band of an INA3221 on such a module, k = 2. Assumed: its data sheet gives 0.25 % of gain and 80 uV of offset, the
/// shunts add about 1 %, and at light loads the offset is the larger part.
pub const RELATIVE_UNCERTAINTY: f64 = 0.05;

/// One channel: what it feeds, and where its power is.
struct Rail {
    label: String,
    monitor: &'static str,
    power: Power,
}

/// Files that give the power of a rail.
enum Power {
    /// Its voltage and its current.
    Product { millivolts: String, milliamperes: String },
    /// Its power, and watts in one count of it.
    Plain { file: String, unit: f64 },
}

impl Rail {
    fn file(&self) -> &str {
        match &self.power {
            Power::Product { millivolts, .. } => millivolts,
            Power::Plain { file, .. } => file,
        }
    }

    fn directory(&self) -> &str {
        self.file().rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

/// The module's supply.
pub struct Jetson {
    tree: Tree,
    rail: Rail,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let tree = roots.sysfs.clone();
    vec![Trial::start(NAME, roots.source_deadline, move || {
        let Some(module) = Jetson::open(&tree)? else { return Ok(None) };
        // The module is the machine, so the vendor is all there is to know of its place.
        let vendor_id = (module.source().boundary == Boundary::Module).then_some(VENDOR_ID);
        Ok(Some(Candidate::on_thread(module)?.at(Place { vendor_id, ..Place::default() })))
    })]
}

impl Jetson {
    /// Opens the input rail of the module, or a rail of that name on a machine that is no Jetson. `None` where there is
    /// neither.
    pub fn open(tree: &Tree) -> Result<Option<Channel<Jetson>>, Refusal> {
        let Some(rails) = rails(tree) else { return Ok(None) };
        let proof = proof(tree);
        let is_input = |rail: &Rail| MODULE_RAILS.contains(&rail.label.as_str());
        if proof.is_none() && !rails.iter().any(is_input) {
            return Ok(None);
        }
        let names = rails.iter().map(|rail| rail.label.as_str()).collect::<Vec<_>>().join(", ");
        let Some(rail) = rails.into_iter().find(is_input) else {
            let detail = format!(
                "the monitors have no rail of the whole module ({}); they have {}",
                MODULE_RAILS.join(" or "),
                if names.is_empty() { "none with a name" } else { &names }
            );
            return Err(Refusal::new(NoData::NotSupported, detail)
                .with_remedy("measure the module's supply from outside: --meter shelly://HOST or --meter ptd://HOST"));
        };
        let mut filter = PowerFilter::new(None);
        watts(tree, &rail).and_then(|power| filter.check(power)).map_err(|cause| {
            let refusal = Refusal::new(cause, format!("{} ({})", tree.path(rail.file()).display(), rail.label));
            match cause {
                NoData::NoPermission => refusal.with_remedy(format!(
                    "as root, until the next start: chmod a+r {}/*_input",
                    tree.path(rail.directory()).display()
                )),
                _ => refusal,
            }
        })?;
        let interval =
            tree.number(&format!("{}/update_interval", rail.directory())).ok().filter(|&ms| (1..=10_000).contains(&ms));
        let period = interval.map_or(UPDATE_PERIOD, |ms| Seconds(ms as f64 * 1e-3));
        let source = source(&rail, proof, period);
        let quantity = Quantity::power(filter, period);
        Ok(Some(Channel::new(source, Jetson { tree: tree.clone(), rail }, vec![quantity])))
    }
}

/// What the rail is, by what says that the machine is a Jetson.
fn source(rail: &Rail, proof: Option<String>, period: Seconds) -> Source {
    let quantity = match rail.power {
        Power::Product { .. } => "voltage times current",
        Power::Plain { .. } => "power",
    };
    let boundary = if proof.is_some() { Boundary::Module } else { Boundary::Unknown };
    // Of the other monitors neither the shunts nor the settings are known.
    let has_band = proof.is_some() && rail.monitor == INA3221;
    let chip = rail.directory().rsplit('/').next().unwrap_or_default();
    let name = proof.as_ref().map_or_else(|| format!("{}:{chip}", rail.monitor.to_lowercase()), |_| NAME.to_owned());
    let why = proof.unwrap_or_else(|| "nothing says that this machine is a Jetson, so what it feeds is unknown".into());
    Source {
        name,
        provenance: Provenance::BoardSensor,
        boundary,
        method: format!("{quantity} of the rail {}, integrated ({}); {why}", rail.label, rail.monitor),
        update_period_s: period,
        relative_uncertainty: has_band.then_some(RELATIVE_UNCERTAINTY),
        rated_w: None,
        sensing: Sensing::default(),
    }
}

/// What says that the machine is a Jetson, if anything does.
fn proof(tree: &Tree) -> Option<String> {
    let compatible = tree.text(COMPATIBLE).unwrap_or_default();
    let by_chip = compatible.split('\0').find(|name| name.starts_with(TEGRA));
    let by_driver = || tree.has(JETPACK_4).then(|| "the driver ina3221x is JetPack 4's own".to_owned());
    by_chip.map(|name| format!("the device tree names {name}")).or_else(by_driver)
}

impl Sensor for Jetson {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        Ok(vec![Sample::power(now, watts(&self.tree, &self.rail))])
    }
}

/// The rails of all monitors; none where there is no monitor. Those of one rail say nothing without a name.
fn rails(tree: &Tree) -> Option<Vec<Rail>> {
    let chips = super::hwmon::chips(tree).into_iter().map(|chip| format!("class/hwmon/{chip}"));
    let (mut rails, mut has_monitor) = (Vec::new(), false);
    for chip in chips {
        let driver = tree.text(&format!("{chip}/name")).unwrap_or_default();
        if driver == "ina3221" {
            has_monitor = true;
            rails.extend(of_three(tree, &chip));
        } else if let Some(monitor) = ONE_RAIL.into_iter().find(|known| *known == driver) {
            rails.extend(of_one(tree, &chip, monitor));
        }
    }
    for monitor in tree.names(JETPACK_4).iter().map(|device| format!("{JETPACK_4}/{device}")) {
        let devices = tree.names(&monitor).into_iter().filter(|name| name.starts_with("iio:device"));
        for device in devices {
            has_monitor = true;
            rails.extend(of_jetpack_4(tree, &format!("{monitor}/{device}")));
        }
    }
    (has_monitor || !rails.is_empty()).then_some(rails)
}

/// A channel without a shunt is called `NC` or nothing.
fn named(tree: &Tree, file: &str) -> Option<String> {
    tree.text(file).ok().filter(|label| !label.is_empty() && label != "NC")
}

fn of_three(tree: &Tree, chip: &str) -> Vec<Rail> {
    let rail = |channel: u32| {
        let (millivolts, milliamperes) = (format!("{chip}/in{channel}_input"), format!("{chip}/curr{channel}_input"));
        let label = named(tree, &format!("{chip}/in{channel}_label"))?;
        Some(Rail { label, monitor: INA3221, power: Power::Product { millivolts, milliamperes } })
    };
    (1..=3).filter_map(rail).collect()
}

fn of_one(tree: &Tree, chip: &str, monitor: &'static str) -> Option<Rail> {
    let label = ["label", "power1_label"].iter().find_map(|file| named(tree, &format!("{chip}/{file}")))?;
    Some(Rail { label, monitor, power: Power::Plain { file: format!("{chip}/power1_input"), unit: 1e-6 } })
}

fn of_jetpack_4(tree: &Tree, device: &str) -> Vec<Rail> {
    let rail = |channel: u32| {
        let label = named(tree, &format!("{device}/rail_name_{channel}"))?;
        let power = Power::Plain { file: format!("{device}/in_power{channel}_input"), unit: 1e-3 };
        Some(Rail { label, monitor: INA3221, power })
    };
    (0..3).filter_map(rail).collect()
}

/// The power, or the cause of what is missing of it.
fn watts(tree: &Tree, rail: &Rail) -> Result<Watts, NoData> {
    let number = |file: &str| tree.number_of_device(file).map(|number| number as f64);
    Ok(Watts(match &rail.power {
        Power::Product { millivolts, milliamperes } => number(millivolts)? * number(milliamperes)? * 1e-6,
        Power::Plain { file, unit } => number(file)? * unit,
    }))
}
