//! `doctor`: what can be measured and trusted on this machine, and how to mend what cannot.
//!
//! A line for each adapter, candle device and power source, for what stands on each board beside its power, and for
//! what a run leans on besides: the Vulkan loader, the weights, the cache, the clocks. Each passes, warns (a run works
//! and is worth less for it) or fails (something is there and does not do what it should). The whole is as good as its
//! worst line. Exit code 10 where it fails, 14 where something required is missing. The page fits [`COLUMNS`] columns; the
//! JSON follows `docs/schema/doctor.json`, which is made from the types here.

mod board;
mod host;
mod limits;
mod load;
mod power;
#[cfg(test)]
mod schema;

use super::arguments::DevicesArguments;
use super::equipment::{accelerator, require};
use super::{Exit, Failure, answer_either};
use crate::gpu::{self, Class};
use crate::model;
use crate::reading::{Boundary, Provenance};
use crate::units::{Seconds, Watts};
use serde::Serialize;

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
pub(super) fn doctor(arguments: &DevicesArguments) -> Result<Exit, Failure> {
    let clocks = host::Clocks::start();
    let adapters = gpu::list();
    let classes: Vec<Class> = adapters.iter().map(|adapter| adapter.facts().class).collect();
    let mut checks = adapter_checks(&adapters);
    checks.extend(model::Device::list().iter().map(|device| {
        let finding = if device.is_cpu() { "runs models on the CPU" } else { "runs models on the board" };
        Check::new("candle", device.name(), State::Pass, finding)
    }));
    let best = adapters.iter().find(|adapter| adapter.facts().class == Class::Hardware).or(adapters.first());
    let powered = power::checks(arguments, &accelerator(best), best)?;
    let (measures, measures_adapter) = (powered.measures, powered.measures_adapter);
    checks.extend(powered.checks);
    let roots = super::system::meter_roots();
    checks.extend(limits::checks());
    checks.extend(host::vulkan(&adapters));
    checks.extend(host::container(&roots.sysfs, measures));
    checks.extend(host::weights());
    checks.push(host::cache());
    checks.extend(clocks.checks(&roots.sysfs));
    let overall = checks.iter().map(|check| check.state).max().unwrap_or(State::Pass);
    let report = Report { overall, power: powered.choice, checks };
    answer_either(arguments.output.json, &report, || page(&report))?;
    for requirement in &arguments.require {
        require(*requirement, &classes, measures_adapter)?;
    }
    Ok(if overall == State::Fail { Exit::Invalid } else { Exit::Valid })
}

fn adapter_checks(adapters: &[gpu::Adapter]) -> Vec<Check> {
    let has_hardware = adapters.iter().any(|adapter| adapter.facts().class == Class::Hardware);
    let no_board = "for watts and for the speed of a board, install the Vulkan, Metal or Direct3D 12 driver of the GPU";
    if adapters.is_empty() {
        let finding = "none: the kernels run as plain Rust on the CPU, and models on candle";
        let check = Check::new("adapter", "none", State::Warn, finding);
        return vec![check.mend(format!("{no_board}; a renderer: Debian's mesa-vulkan-drivers"))];
    }
    let line = |adapter: &gpu::Adapter| {
        let facts = adapter.facts();
        let name = format!("{}: {}", facts.index, facts.name);
        let driver = format!("{}, {}, {} {}", facts.class, facts.backend, facts.driver, facts.driver_info);
        match facts.class {
            Class::Hardware => Check::new("adapter", name, State::Pass, driver),
            Class::Software if has_hardware => Check::new("adapter", name, State::Pass, driver),
            Class::Software => {
                let finding = format!("{driver}: proves kernels and relative speeds, and says nothing of a board");
                Check::new("adapter", name, State::Warn, finding).mend(no_board)
            }
        }
    };
    adapters.iter().map(line).collect()
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
