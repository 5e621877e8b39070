//! The power counters of HPE Cray nodes (XC, EX): `cray/pm_counters` below the root of attributes.
//!
//! | file | is |
//! |---|---|
//! | `energy` (J), `power` (W) | the whole node, its accelerators included: what counts, and what is shown |
//! | `accelN_energy`, `accel_energy`, `cpu_energy` | parts of it, read beside it |
//! | `raw_scan_hz` | how often all of them are renewed; 10 Hz where it is not said |
//! | `freshness` | rises with every renewal: read before and after, so that all values are of one |
//! | `generation` | rises with every change of the power cap, which is read anew then |
//! | `power_cap` (W) | the cap in force; 0 for none |
//!
//! A value is `85 W 1434582000000000 us`: the number, its unit and, from version 1 on, when it was made. The time is the clock
//! by which steps are measured where it is there. While `freshness` stands there is nothing new, and the last reading grows
//! older. Nobody states a band for all of these systems, so there is none.

use super::channel::{Channel, Quantity, Sample, Sensor, Value};
use super::counter::Limits;
use super::doubts::disagreement;
use super::plausible::{MACHINE_CEILING, PowerFilter};
use super::probe::Refusal;
use super::sysfs::{Tree, parse_count};
use super::throttle::{Reason, ThrottleLook};
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::stats;
use crate::units::{Joules, Seconds, Watts};
use std::time::{Duration, Instant};

/// Name of the source.
pub const NAME: &str = "cray";

const DIRECTORY: &str = "cray/pm_counters";

/// Where `raw_scan_hz` is not said: 10 Hz, as HPE documents it for all of these systems.
const SCAN: Seconds = Seconds(0.1);

/// How long a node is looked at before it is taken: ten renewals.
const WATCH: Duration = Duration::from_secs(1);

/// Reads of one renewal: one more is due only where a renewal fell between two files.
const TRIES: u32 = 3;

/// From this share of the cap on, the cap is what keeps the power there, as for amdgpu.
const AT_CAP: f64 = 0.98;

/// A node.
pub struct Cray {
    tree: Tree,
    /// The node's energy, its power, then the energies beside them.
    files: Vec<String>,
    freshness: Option<u64>,
    generation: Option<u64>,
    cap: Option<Watts>,
    /// Whether values carry their time.
    is_timed: bool,
}

pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    let tree = roots.sysfs.clone();
    vec![Trial::start(NAME, roots.source_deadline, move || match Cray::open(&tree)? {
        Some(mut node) => {
            let doubt = watch(&mut node.sensor)?;
            Ok(Some(Candidate::on_thread(node)?.doubted(doubt)))
        }
        None => Ok(None),
    })]
}

/// Looks at the node for [`WATCH`]: are its values renewed, and do counter and power agree?
///
/// # Errors
/// They are not renewed.
fn watch(node: &mut Cray) -> Result<Option<String>, Refusal> {
    let epoch = Instant::now();
    let mut energies: Vec<(Seconds, f64)> = Vec::new();
    let mut powers = Vec::new();
    let mut renewals = 0;
    while epoch.elapsed() < WATCH {
        for sample in node.samples(Seconds(epoch.elapsed().as_secs_f64())).unwrap_or_default() {
            match (sample.quantity, sample.value) {
                (0, Ok(Value::Count(joules))) => energies.push((sample.clock, joules as f64)),
                (1, Ok(Value::Power(power))) => powers.push(power.0),
                _ => (),
            }
            renewals += u32::from(sample.quantity == 0);
        }
        std::thread::sleep(WATCH / 40);
    }
    if renewals < 2 {
        let path = node.tree.path(&format!("{DIRECTORY}/freshness"));
        let detail = format!("{} stood still for {:.1} s: nothing is renewed", path.display(), WATCH.as_secs_f64());
        return Err(Refusal::new(NoData::Timeout, detail));
    }
    let (Some(first), Some(last), Some(shown)) = (energies.first(), energies.last(), stats::mean(&powers)) else {
        return Ok(None);
    };
    let dt = last.0 - first.0;
    // Both ends of the counter are rounded to a joule.
    let rounding = Joules(1.0) / dt;
    Ok((dt.0 > 0.0).then(|| disagreement(Joules(last.1 - first.1) / dt, Watts(shown), rounding)).flatten())
}

impl Cray {
    /// Opens the node's counters. `None` where there are none.
    pub fn open(tree: &Tree) -> Result<Option<Channel<Cray>>, Refusal> {
        if !tree.has(DIRECTORY) {
            return Ok(None);
        }
        let file = |name: &str| format!("{DIRECTORY}/{name}");
        let refuse = |name: &str, cause| Refusal::new(cause, tree.path(&file(name)).display().to_string());
        let energy = value(tree, &file("energy"), "J").map_err(|cause| refuse("energy", cause))?;
        value(tree, &file("power"), "W").map_err(|cause| refuse("power", cause))?;
        count(tree, &file("freshness")).map_err(|cause| refuse("freshness", cause))?;
        let hertz = count(tree, &file("raw_scan_hz")).ok().filter(|hertz| (1..=1000).contains(hertz));
        let period = hertz.map_or(SCAN, |hertz| Seconds(1.0 / hertz as f64));
        let source = Source {
            name: NAME.to_owned(),
            provenance: Provenance::BoardSensor,
            boundary: Boundary::Wall,
            method: "the node's energy counter in pm_counters, with its power beside it".into(),
            update_period_s: period,
            relative_uncertainty: None,
            rated_w: None,
            sensing: Sensing::default(),
        };
        let limits = Limits::of(Joules(1.0), None, MACHINE_CEILING);
        let mut files = vec![file("energy"), file("power")];
        let mut quantities =
            vec![Quantity::counter(limits), Quantity::power(PowerFilter::below(MACHINE_CEILING), period).shown()];
        for (name, boundary) in parts(tree) {
            let of_part = Source {
                name: format!("{NAME}/{name}"),
                boundary,
                method: format!("the counter {name}_energy of the node"),
                ..source.clone()
            };
            files.push(file(&format!("{name}_energy")));
            quantities.push(Quantity::counter(limits).beside(of_part));
        }
        let (freshness, generation, cap) = (None, None, None);
        let node = Cray { tree: tree.clone(), files, freshness, generation, cap, is_timed: energy.1.is_some() };
        Ok(Some(Channel::new(source, node, quantities)))
    }

    /// All values of one renewal, and its freshness; none where nothing is new.
    fn renewal(&self) -> Result<Option<(u64, Vec<Dated>)>, NoData> {
        let freshness = || count(&self.tree, &format!("{DIRECTORY}/freshness"));
        let mut before = freshness()?;
        for _ in 0..TRIES {
            if self.freshness == Some(before) {
                return Ok(None);
            }
            let unit = |index: usize| if index == 1 { "W" } else { "J" };
            let read = |(index, file): (usize, &String)| value(&self.tree, file, unit(index));
            let values: Vec<Dated> = self.files.iter().enumerate().map(read).collect();
            let after = freshness()?;
            if after == before {
                return Ok(Some((before, values)));
            }
            before = after;
        }
        Err(NoData::Timeout)
    }

    /// The cap in force, read anew where somebody has changed it.
    fn cap(&mut self) -> Result<Option<Watts>, NoData> {
        let generation = count(&self.tree, &format!("{DIRECTORY}/generation"))?;
        if self.generation != Some(generation) {
            let watts = value(&self.tree, &format!("{DIRECTORY}/power_cap"), "W")?.0;
            self.cap = Some(Watts(watts as f64)).filter(|cap| cap.0 > 0.0);
            self.generation = Some(generation);
        }
        Ok(self.cap)
    }
}

impl Sensor for Cray {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let Some((freshness, values)) = self.renewal()? else { return Ok(Vec::new()) };
        self.freshness = Some(freshness);
        let sample = |(index, dated): (usize, Dated)| match dated {
            Err(cause) => Sample::new(index, now, Err(cause)),
            Ok((_, None)) if self.is_timed => Sample::new(index, now, Err(NoData::Implausible)),
            Ok((number, at)) => {
                let value = if index == 1 { Value::Power(Watts(number as f64)) } else { Value::Count(number) };
                Sample { clock: at.filter(|_| self.is_timed).unwrap_or(now), ..Sample::new(index, now, Ok(value)) }
            }
        };
        Ok(values.into_iter().enumerate().map(sample).collect())
    }

    fn throttle(&mut self, power: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        let is_capped = self.cap()?.zip(power.ok()).is_some_and(|(cap, power)| power.0 >= cap.0 * AT_CAP);
        let mut look = ThrottleLook::default();
        look.active[Reason::PowerCap as usize] = is_capped;
        Ok(look)
    }
}

/// A number and when it was made, or why there is none.
type Dated = Result<(u64, Option<Seconds>), NoData>;

/// The parts of the node that have an energy of their own.
fn parts(tree: &Tree) -> Vec<(String, Boundary)> {
    let part = |name: String| {
        let part = name.strip_suffix("_energy")?.to_owned();
        let is_accelerator = part.strip_prefix("accel").is_some_and(|n| n.bytes().all(|byte| byte.is_ascii_digit()));
        match part.as_str() {
            "cpu" => Some((part, Boundary::CpuPackage)),
            _ if is_accelerator => Some((part, Boundary::Accelerator)),
            _ => None,
        }
    };
    tree.names(DIRECTORY).into_iter().filter_map(part).collect()
}

/// A whole number, with or without words behind it.
fn count(tree: &Tree, file: &str) -> Result<u64, NoData> {
    let text = tree.text(file)?;
    parse_count(text.split_whitespace().next().unwrap_or_default())
}

/// A number in `unit`, and when it was made where that is said.
fn value(tree: &Tree, file: &str, unit: &str) -> Dated {
    let text = tree.text(file)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [] => Err(NoData::NotSupported),
        [number, said] if *said == unit => Ok((parse_count(number)?, None)),
        [number, said, at, "us"] if *said == unit => {
            Ok((parse_count(number)?, Some(Seconds(parse_count(at)? as f64 * 1e-6))))
        }
        _ => Err(NoData::Implausible),
    }
}
