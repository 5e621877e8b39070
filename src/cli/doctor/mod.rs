//! `doctor`: what can be measured and trusted on this machine, and how to mend what cannot.
//!
//! A line for each adapter, candle device and power source, for what stands on each board beside its power, and for
//! what a run leans on besides: the Vulkan loader, the weights, the cache, the clocks. Each passes, warns (a run works
//! and is worth less for it) or fails (something is there and does not do what it should). The whole is as good as its
//! worst line. Exit code 10 where it fails, 14 where something required is missing. The page fits [`COLUMNS`] columns; the
//! JSON follows `docs/schema/doctor.json`, which is made from the types here.

mod adapters;
mod board;
mod host;
mod limits;
mod load;
mod power;
#[cfg(test)]
mod schema;

use super::arguments::DoctorArguments;
use super::equipment::{accelerator, require};
use super::{Exit, Failure, answer_either};
use crate::gpu;
use crate::model;
use crate::reading::{Boundary, Provenance};
use crate::units::{Seconds, Watts};
use serde::Serialize;
use std::path::Path;

/// How well it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::Display)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
enum State {
    /// As it should be.
    Pass,
    /// A run works, and is worth less for it.
    Warn,
    /// It is there and does not do what it should.
    Fail,
}

/// One line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Check {
    /// `adapter`, `candle`, `power`, `board`, `limit`, `vulkan`, `weights`, `cache`, `clock` or `container`.
    area: &'static str,
    /// Which one.
    name: String,
    state: State,
    /// What was found.
    finding: String,
    /// What a person can do about it.
    remedy: Option<String>,
    /// What a power source reads; none for everything else and for a source that cannot be read.
    reads: Option<Reads>,
}

/// What a power source reads.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Reads {
    /// The first power that it gave; null where its power is not known yet.
    power_w: Option<Watts>,
    boundary: Boundary,
    provenance: Provenance,
    /// How often its value is renewed.
    update_period_s: Seconds,
    /// Half width of the band, k = 2; none for a model.
    relative_uncertainty: Option<f64>,
    /// The most that the boundary can draw; null where nobody says.
    rated_w: Option<Watts>,
    /// Time that one read takes; null for what is read together with another source.
    read_cost_s: Option<Seconds>,
}

impl Check {
    fn new(area: &'static str, name: impl Into<String>, state: State, finding: impl Into<String>) -> Check {
        Check { area, name: name.into(), state, finding: finding.into(), remedy: None, reads: None }
    }

    fn mend(self, remedy: impl Into<String>) -> Check {
        Check { remedy: Some(remedy.into()), ..self }
    }
}

/// Everything found.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Report {
    /// As good as the worst line.
    overall: State,
    /// What a run on this machine would be measured with.
    power: power::Choice,
    /// The lines.
    checks: Vec<Check>,
}

/// Looks at everything; nothing is changed, but for a file that is written into the cache and taken away again.
pub(super) fn doctor(arguments: &DoctorArguments) -> Result<Exit, Failure> {
    let DoctorArguments { adapter: wanted, devices: arguments } = arguments;
    let clocks = host::Clocks::start();
    // The one that a run would take.
    let chosen = gpu::choose(wanted.as_deref()).map_err(Failure::input)?;
    let adapters = gpu::list();
    let mut checks = adapters::checks(&adapters);
    checks.extend(model::Device::list().iter().map(|device| {
        let finding = if device.is_cpu() { "runs models on the CPU" } else { "runs models on the board" };
        Check::new("candle", device.name(), State::Pass, finding)
    }));
    let powered = power::checks(arguments, &accelerator(chosen.as_ref()), chosen.as_ref())?;
    let (measures, measures_adapter) = (powered.measures, powered.measures_adapter);
    checks.extend(powered.checks);
    let roots = super::system::meter_roots();
    checks.extend(limits::checks());
    checks.extend(adapters::drivers(&adapters));
    checks.extend(adapters::nodes(Path::new("/dev/dri")));
    checks.extend(host::container(&roots.sysfs, measures));
    checks.extend(host::weights());
    checks.push(host::cache());
    checks.extend(clocks.checks(&roots.sysfs));
    let overall = checks.iter().map(|check| check.state).max().unwrap_or(State::Pass);
    let report = Report { overall, power: powered.choice, checks };
    answer_either(arguments.output.json, &report, || page(&report))?;
    let class = chosen.as_ref().map(|adapter| adapter.facts().class);
    for requirement in &arguments.require {
        require(*requirement, class.as_slice(), measures_adapter)?;
    }
    Ok(if overall == State::Fail { Exit::Invalid } else { Exit::Valid })
}

/// Columns of the page.
const COLUMNS: usize = 100;

fn page(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let line = format!("{}  {:<9} {}: {}", check.state, check.area, check.name, check.finding);
        text.push_str(&folded(&line, "      "));
        if let Some(remedy) = &check.remedy {
            text.push_str(&folded(&format!("                to mend it: {remedy}"), "                  "));
        }
    }
    text.push_str(&folded(&format!("power: {}", report.power.worth), "       "));
    text.push_str(&format!("overall: {}\n", report.overall));
    text
}

/// One line in as many as it takes; what follows the first is indented.
fn folded(line: &str, indent: &str) -> String {
    // Only what is longer than a line is broken: names, paths and commands stay whole.
    let splitter = textwrap::WordSplitter::NoHyphenation;
    let options = textwrap::Options::new(COLUMNS).subsequent_indent(indent).word_splitter(splitter);
    let lines = textwrap::wrap(line, options);
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}
