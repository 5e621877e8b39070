//! NVIDIA's Jetson modules, which have no management library for power: INA3221 monitors on their supply rails.
//!
//! `class/hwmon/hwmonN` of the driver `ina3221`, three channels each, under an injectable root:
//!
//! ```text
//! P = in[1-3]_input (mV) · curr[1-3]_input (mA) · 1e-6        in[1-3]_label names the rail
//! ```
//!
//! The module's total is one rail, the input of the whole module: `VDD_IN` (Orin NX and Nano, Xavier NX, TX2) or
//! `POM_5V_IN` (Nano). The others (`VDD_GPU_SOC`, `VDD_CPU_CV`, `VDD_CPU_GPU_CV`, ...) are parts of it and are never added to
//! it. Where that rail cannot be read the total is unknown, whatever the others say; and where there is none (AGX
//! modules), it is not guessed which of the rails lie behind which: a sum could miss a part or count it twice.

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
const MODULE_RAILS: [&str; 2] = ["VDD_IN", "POM_5V_IN"];

/// Where the driver states no `update_interval`.
const UPDATE_PERIOD: Seconds = Seconds(0.1);

/// Half width of the band, k = 2. Assumed: the data sheet of the INA3221 gives 0.25 % of gain and 80 uV of offset, the
/// shunts add about 1 %, and at light loads the offset is the larger part.
pub const RELATIVE_UNCERTAINTY: f64 = 0.05;

/// One channel: where it lies and what it feeds.
struct Rail {
    label: String,
    millivolts: String,
    milliamperes: String,
}

/// The module's supply.
pub struct Jetson {
    tree: Tree,
    rail: Rail,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let tree = roots.sysfs.clone();
    // The module is the machine, so the vendor is all there is to know of its place.
    let place = Place { vendor_id: Some(VENDOR_ID), ..Place::default() };
    vec![Trial::start(NAME, roots.source_deadline, move || match Jetson::open(&tree)? {
        Some(module) => Ok(Some(Candidate::on_thread(module)?.at(place))),
        None => Ok(None),
    })]
}

impl Jetson {
    /// Opens the input rail of the module. `None` where there is no INA3221 at all.
    pub fn open(tree: &Tree) -> Result<Option<Channel<Jetson>>, Refusal> {
        let chips: Vec<String> = super::hwmon::chips(tree)
            .into_iter()
            .map(|chip| format!("class/hwmon/{chip}"))
            .filter(|chip| tree.text(&format!("{chip}/name")).is_ok_and(|name| name == "ina3221"))
            .collect();
        let Some(first_chip) = chips.first() else { return Ok(None) };
        let rails: Vec<Rail> = chips.iter().flat_map(|chip| rails(tree, chip)).collect();
        let names = rails.iter().map(|rail| rail.label.as_str()).collect::<Vec<_>>().join(", ");
        let Some(rail) = rails.into_iter().find(|rail| MODULE_RAILS.contains(&rail.label.as_str())) else {
            let detail = format!(
                "the INA3221 monitors have no rail of the whole module ({}); they have {}",
                MODULE_RAILS.join(" or "),
                if names.is_empty() { "none with a name" } else { &names }
            );
            return Err(Refusal::new(NoData::NotSupported, detail)
                .with_remedy("measure the module's supply from outside: --meter shelly://HOST or --meter ptd://HOST"));
        };
        let mut filter = PowerFilter::new(None);
        watts(tree, &rail).and_then(|power| filter.check(power)).map_err(|cause| {
            let refusal = Refusal::new(cause, format!("{} ({})", tree.path(&rail.millivolts).display(), rail.label));
            match cause {
                NoData::NoPermission => refusal.with_remedy(format!(
                    "as root, until the next start: chmod a+r {0}/in?_input {0}/curr?_input",
                    tree.path(first_chip).display()
                )),
                _ => refusal,
            }
        })?;
        let directory = rail.millivolts.rsplit_once('/').map_or("", |(directory, _)| directory);
        let interval =
            tree.number(&format!("{directory}/update_interval")).ok().filter(|&ms| (1..=10_000).contains(&ms));
        let period = interval.map_or(UPDATE_PERIOD, |ms| Seconds(ms as f64 * 1e-3));
        let source = Source {
            name: NAME.to_owned(),
            provenance: Provenance::BoardSensor,
            boundary: Boundary::Module,
            method: format!("voltage times current of the rail {}, integrated (INA3221)", rail.label),
            update_period_s: period,
            relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
            rated_w: None,
            sensing: Sensing::default(),
        };
        let quantity = Quantity::power(filter, period);
        Ok(Some(Channel::new(source, Jetson { tree: tree.clone(), rail }, vec![quantity])))
    }
}

impl Sensor for Jetson {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        Ok(vec![Sample::power(now, watts(&self.tree, &self.rail))])
    }
}

/// The channels of one monitor that have a name. A channel without a shunt is called `NC` or nothing.
fn rails(tree: &Tree, chip: &str) -> Vec<Rail> {
    let rail = |channel: u32| {
        let label = tree.text(&format!("{chip}/in{channel}_label")).ok()?;
        (!label.is_empty() && label != "NC").then(|| Rail {
            label,
            millivolts: format!("{chip}/in{channel}_input"),
            milliamperes: format!("{chip}/curr{channel}_input"),
        })
    };
    (1..=3).filter_map(rail).collect()
}

/// Both factors, or the cause of the one that is missing.
fn watts(tree: &Tree, rail: &Rail) -> Result<Watts, NoData> {
    let microwatts =
        tree.number_of_device(&rail.millivolts)? as f64 * tree.number_of_device(&rail.milliamperes)? as f64;
    Ok(Watts(microwatts * 1e-6))
}
