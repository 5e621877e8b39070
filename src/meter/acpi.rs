//! Power meters that the firmware describes (ACPI 4.0, 10.4): the driver `power_meter` in Linux's hardware monitoring tree.
//!
//! | file, of the chip or of its `device` | is |
//! |---|---|
//! | `power1_average` (µW), `power1_average_interval` (ms) | the mean power, and over how long; integrated |
//! | `power1_accuracy` (`99.5%`) | the band; none where it is not stated |
//! | `power1_cap_max`, `power1_cap` (µW) | the rating, the higher of both |
//! | `power1_is_battery` | 1 for a battery, which is no meter of a machine |
//! | `power1_oem_info`, `measures/` | what it covers |
//!
//! NVIDIA's Grace names its rails in `power1_oem_info` (Grace Performance Tuning Guide, power telemetry): `Module Power
//! Socket N` is the module with GPU, memory and regulators, `Grace Power Socket N` the CPU socket with its memory and
//! regulators, `CPU Power Socket N` and `SysIO Power Socket N` rails of it. The Grace sockets are one source, since work on the
//! CPU runs on all of them. A meter whose `measures` names the system bus (`LNXSYBUS`) measures the whole machine. What
//! any other covers is unknown.

use super::Meter;
use super::channel::{Channel, Quantity, Sample, Sensor, Value};
use super::plausible::{MACHINE_CEILING, OVER_RATED, PowerFilter};
use super::probe::{Place, Refusal};
use super::sysfs::Tree;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};

/// What the driver calls its chips.
const DRIVER: &str = "power_meter";

/// PCI vendor of NVIDIA: what the graphics driver of a Grace module says.
const NVIDIA: u32 = 0x10de;

/// Where the meter states no interval: the longest that is common. Assumed.
const INTERVAL: Seconds = Seconds(1.0);

/// A rail of a Grace module by its name in `power1_oem_info`.
const RAILS: [(&str, &str, Boundary); 4] = [
    ("Module Power Socket ", "module", Boundary::Module),
    ("Grace Power Socket ", "grace", Boundary::CpuPackage),
    ("CPU Power Socket ", "cpu", Boundary::Rail),
    ("SysIO Power Socket ", "sysio", Boundary::Rail),
];

/// One source: a meter, or several whose powers are added because they stand side by side.
pub struct Acpi {
    tree: Tree,
    /// The power of each.
    files: Vec<String>,
}

/// A chip of the driver.
#[derive(Clone, Debug)]
struct Chip {
    name: String,
    /// Where its attributes are.
    directory: String,
    info: String,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let trial = |chip: String| {
        let tree = roots.sysfs.clone();
        Trial::start(format!("acpi:{chip}"), roots.source_deadline, move || {
            let Some(meter) = Acpi::open(&tree, &chip)? else { return Ok(None) };
            let (boundary, meters) = (meter.source().boundary, meter.sensor.files.len());
            let place = Place { vendor_id: (boundary == Boundary::Module).then_some(NVIDIA), ..Place::default() };
            let candidate = Candidate::on_thread(meter)?.at(place);
            Ok(Some(if boundary == Boundary::CpuPackage { candidate.of_packages(meters) } else { candidate }))
        })
    };
    super::hwmon::chips(&roots.sysfs).into_iter().map(trial).collect()
}

impl Acpi {
    /// Opens the meter `chip`. `None` if it is another driver's, or counted with one before it.
    pub fn open(tree: &Tree, chip: &str) -> Result<Option<Channel<Acpi>>, Refusal> {
        let Some(found) = find(tree, chip) else { return Ok(None) };
        if tree.number(&format!("{}/power1_is_battery", found.directory)) == Ok(1) {
            let detail = format!("{} is of a battery", tree.path(&found.directory).display());
            return Err(Refusal::new(NoData::NotSupported, detail));
        }
        let (name, boundary, why) = identity(tree, &found);
        let meters = match boundary {
            Boundary::CpuPackage => {
                let chips = super::hwmon::chips(tree);
                let sockets = chips.iter().filter_map(|chip| find(tree, chip));
                let sockets: Vec<Chip> = sockets.filter(|one| identity(tree, one).0 == name).collect();
                if sockets.first().is_none_or(|first| first.name != found.name) {
                    return Ok(None);
                }
                sockets
            }
            _ => vec![found],
        };
        let (mut files, mut quantities, mut rated) = (Vec::new(), Vec::new(), Some(Watts::ZERO));
        let mut interval = Seconds::ZERO;
        for meter in &meters {
            let file = format!("{}/power1_average", meter.directory);
            let of_meter = limit(tree, &meter.directory);
            let mut filter = PowerFilter::below(of_meter.map_or(MACHINE_CEILING, |limit| limit * OVER_RATED));
            first(tree, &file, &mut filter)?;
            let stated = tree.number(&format!("{}/power1_average_interval", meter.directory)).ok();
            let stated = stated.filter(|&ms| (1..=60_000).contains(&ms)).map(|ms| Seconds(ms as f64 * 1e-3));
            interval = interval.max(stated.unwrap_or(INTERVAL));
            rated = rated.zip(of_meter).map(|(sum, limit)| sum + limit);
            files.push(file);
            quantities.push(filter);
        }
        let bands = meters.iter().map(|meter| band(tree, &meter.directory));
        let widest = bands.reduce(|one, two| one.zip(two).map(|(one, two)| one.max(two))).flatten();
        let source = Source {
            name,
            provenance: Provenance::BoardSensor,
            boundary,
            method: format!("the mean power of {} ACPI power meter(s), integrated; {why}", meters.len()),
            update_period_s: interval,
            relative_uncertainty: widest,
            rated_w: rated,
            sensing: Sensing { averaging_s: interval, seen_share: 1.0 },
        };
        let quantities = quantities.into_iter().map(|filter| Quantity::power(filter, interval)).collect();
        Ok(Some(Channel::new(source, Acpi { tree: tree.clone(), files }, quantities)))
    }
}

impl Sensor for Acpi {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let sample = |(index, file): (usize, &String)| {
            let power =
                self.tree.number_of_device(file).map(|microwatts| Value::Power(Watts(microwatts as f64 * 1e-6)));
            Sample::new(index, now, power)
        };
        Ok(self.files.iter().enumerate().map(sample).collect())
    }

    fn rated(&mut self, meter: usize) -> Option<Watts> {
        limit(&self.tree, self.files.get(meter)?.rsplit_once('/')?.0)
    }
}

/// A chip of the driver, whose attributes older kernels put into the folder of its device.
fn find(tree: &Tree, chip: &str) -> Option<Chip> {
    let own = format!("class/hwmon/{chip}");
    tree.text(&format!("{own}/name")).ok().filter(|name| name == DRIVER)?;
    let device = format!("{own}/device");
    let directory = if tree.has(&format!("{own}/power1_average")) { own } else { device };
    let info = tree.text(&format!("{directory}/power1_oem_info")).unwrap_or_default();
    Some(Chip { name: chip.to_owned(), directory, info })
}

/// What a meter is called, what it covers, and who says so.
fn identity(tree: &Tree, chip: &Chip) -> (String, Boundary, String) {
    for (prefix, rail, boundary) in RAILS {
        if let Some(socket) = chip.info.strip_prefix(prefix).filter(|socket| socket.parse::<u8>().is_ok()) {
            let name =
                if boundary == Boundary::CpuPackage { format!("acpi:{rail}") } else { format!("acpi:{rail}:{socket}") };
            return (name, boundary, format!("its name is `{}`", chip.info));
        }
    }
    let measured =
        ["measures", "device/measures"].map(|folder| tree.names(&format!("class/hwmon/{}/{folder}", chip.name)));
    let name = format!("acpi:{}", chip.name);
    match measured.iter().flatten().any(|device| device.starts_with("LNXSYBUS")) {
        true => (name, Boundary::Wall, "it measures the system bus".into()),
        false => (name, Boundary::Unknown, "its firmware does not say what it measures".into()),
    }
}

/// The highest limit that it knows; 0 is none.
fn limit(tree: &Tree, directory: &str) -> Option<Watts> {
    let limits = ["power1_cap_max", "power1_cap"].map(|limit| format!("{directory}/{limit}"));
    let known =
        limits.iter().filter_map(|file| tree.number(file).ok()).map(|microwatts| Watts(microwatts as f64 * 1e-6));
    known.filter(|limit| limit.0 > 0.0 && limit.0 <= MACHINE_CEILING.0).reduce(Watts::max)
}

/// The band that follows from a stated accuracy. One of 100 % states nothing.
fn band(tree: &Tree, directory: &str) -> Option<f64> {
    let text = tree.text(&format!("{directory}/power1_accuracy")).ok()?;
    let accuracy: f64 = text.trim_end_matches('%').trim().parse().ok()?;
    Some(1.0 - accuracy / 100.0).filter(|band| (1e-4..1.0).contains(band))
}

/// A first power, or why there is none.
fn first(tree: &Tree, file: &str, filter: &mut PowerFilter) -> Result<(), Refusal> {
    let path = tree.path(file).display().to_string();
    let microwatts = tree.number(file).map_err(|cause| {
        let refusal = Refusal::new(cause, path.clone());
        match cause {
            NoData::NoPermission => refusal.with_remedy(format!("as root, until the next start: chmod a+r {path}")),
            _ => refusal,
        }
    })?;
    let power = filter.check(Watts(microwatts as f64 * 1e-6));
    power.map(|_| ()).map_err(|cause| Refusal::new(cause, format!("{path} says {microwatts} uW")))
}
