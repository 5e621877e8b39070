//! The words of the command line.

use super::bench_arguments::BenchArguments;
use super::instant::instant;
use super::plant::PlantArguments;
use super::report_arguments::ReportArguments;
use crate::envelope::Sky;
use crate::flight::Length;
use crate::governor::Policy;
use crate::journal::LengthName;
use crate::meter::Address;
use crate::profile::Override;
use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use std::path::PathBuf;

/// The model that is flown unless another is named.
pub(super) const DEFAULT_MODEL: &str = "smollm2-135m";

/// The encoder that is flown.
pub(super) const DEFAULT_ENCODER: &str = "all-minilm-l6-v2";

/// The vision transformer that is flown, a published shape.
pub(super) const DEFAULT_VISION: &str = "vit-b-16";

/// Benchmarks AI inference inside a satellite's power and heat budget.
///
/// Exit codes: 0 valid; 1 tool error; 2 usage or bad input; 10 result invalid; 13 envelope violated;
/// 14 required device or power source missing; 130 interrupted. Results are written before any non-zero exit.
#[derive(Debug, Parser)]
#[command(name = "dawndusk", version, max_term_width = 110)]
pub(super) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// The main job: calibrate, measure unconstrained, fly one orbit through the envelope, write a result
    Run(RunArguments),
    /// The workloads without an envelope: kernels and models on this machine
    Bench(BenchArguments),
    /// The envelope and a governor without hardware
    Simulate(SimulateArguments),
    /// What a profile says and what follows from it
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// Adapters, candle devices and power sources of this machine
    Devices(DevicesArguments),
    /// What can be measured and trusted on this machine, and how to mend what cannot (exit code 10 where it fails)
    Doctor(DoctorArguments),
    /// Real model weights, with pinned SHA-256
    #[command(subcommand)]
    Models(ModelsVerb),
    /// Write the pages of a result again, from its journal
    Report(ReportArguments),
    /// Check a result's hashes and recompute it from its journal
    Verify(ResultArguments),
    /// Shell completions, on standard output
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

/// Output for programs.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Output {
    /// Print one JSON document on standard output, and nothing else there
    #[arg(long)]
    pub(super) json: bool,
}

/// Changes to the satellite profile.
#[derive(Clone, Debug, Args)]
pub(super) struct Overrides {
    /// Override a profile key, such as orbit.altitude_km=700 (repeatable)
    #[arg(long = "set", value_name = "KEY.PATH=VALUE")]
    pub(super) set: Vec<Override>,
}

/// The machine to use.
#[derive(Clone, Debug, Args)]
pub(super) struct MachineArguments {
    /// Adapter by name, index, PCI address or `cpu` (candle's CPU device and the plain-Rust twins); the best one by default
    #[arg(long, value_name = "NAME|INDEX|PCI|cpu")]
    pub(super) adapter: Option<String>,
    /// Refuse to go on without it (exit code 14)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) require: Vec<Requirement>,
    /// Seed of every random choice
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Model: a registered name, a path to a GGUF file, `synthetic` (seeded weights) or `synthetic:NAME:SEED`
    #[arg(short, long, value_name = "MODEL", value_delimiter = ',')]
    pub(super) model: Vec<String>,
    /// What runs language models: this program's own kernels, candle, or both. Unless said, `bench` takes both, and
    /// a flight the engine on a GPU and candle elsewhere
    #[arg(long, value_enum, value_name = "NAME")]
    pub(super) backend: Option<BackendName>,
    /// Power source: a name from `dawndusk devices`, or an address (shelly://HOST, ptd://HOST, recorded://FILE,
    /// exec,unit=W:COMMAND, http://HOST/PATH#/POINTER&unit=W, profile:NAME,host=HOST, sum:NAME,NAME; docs/meters.md).
    /// The first is the flight's; each further one is read beside it. By default the best that sees the adapter
    #[arg(long, value_name = "NAME|ADDRESS", value_parser = meter)]
    pub(super) meter: Vec<String>,
    /// Only these workloads, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) workloads: Vec<String>,
}

/// A name as it is; an address once it is a good one.
fn meter(text: &str) -> Result<String, String> {
    // A parser that fails here has its text repeated.
    if Address::is_meant_by(text) && !Address::holds_a_password(text) {
        text.parse::<Address>().map_err(|error| error.to_string())?;
    }
    Ok(text.to_owned())
}

/// What runs language models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BackendName {
    /// WGSL kernels, on the adapter
    Engine,
    /// candle
    Candle,
    /// One after the other
    Both,
}

/// What must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Requirement {
    /// A hardware adapter
    Hardware,
    /// A software adapter
    Software,
    /// A power source that measures
    Power,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Satellite: a name from `dawndusk profile list`, or a path
    #[arg(default_value = crate::profile::SATELLITES[0].name)]
    pub(super) satellite: String,
    /// Governor
    #[arg(long, default_value_t = Policy::Predictive)]
    pub(super) governor: Policy,
    /// How long each phase takes
    #[arg(long, value_enum, default_value_t = LengthName::Standard)]
    pub(super) length: LengthName,
    /// Simulated seconds in one second (default: the orbit takes what --length gives it; 1 flies in real time)
    #[arg(long, value_name = "K")]
    pub(super) compression: Option<f64>,
    /// Let the power limit of the measured board or package follow the budget, a little above it; read back after each
    /// setting and put back in the end. Without this no limit is touched
    #[arg(long)]
    pub(super) actuate: bool,
    /// What the controller takes for granted, such as item_cost=1.4 (repeatable); a wrong name lists all names with their ranges
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) assume: Vec<String>,
    /// Where result directories go
    #[arg(long, default_value = "results", value_name = "DIR")]
    pub(super) results: PathBuf,
    /// The machine to use
    #[command(flatten)]
    pub(super) machine: MachineArguments,
    /// Changes to the profile
    #[command(flatten)]
    pub(super) overrides: Overrides,
    /// Output
    #[command(flatten)]
    pub(super) output: Output,
}

/// The durations behind the name.
pub(super) fn length(name: LengthName) -> Length {
    match name {
        LengthName::Quick => Length::QUICK,
        LengthName::Standard => Length::STANDARD,
        LengthName::Strict => Length::STRICT,
    }
}

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Satellite: a name from `dawndusk profile list`, or a path
    #[arg(default_value = crate::profile::SATELLITES[0].name)]
    pub(super) satellite: String,
    /// Day (from 00:00 UTC) or instant at which the satellite crosses its ascending node (default: the profile's)
    #[arg(long, value_name = "DATE", value_parser = instant)]
    pub(super) start: Option<Timestamp>,
    /// Simulated seconds (default: one orbit)
    #[arg(long, value_name = "SECONDS")]
    pub(super) duration: Option<f64>,
    /// Watts held whatever the governor would say, a CSV file (`t_s,power_w`), or `governed`
    #[arg(long, default_value = "governed", value_name = "WATTS|FILE.csv|governed")]
    pub(super) load: String,
    /// Governor policy, or `all`
    #[arg(long, default_value = "predictive", value_name = "NAME|all")]
    pub(super) governor: String,
    /// Sunlight from the orbit, or always lit at 1361 W/m2
    #[arg(long, value_enum, default_value_t = Sky::Orbit)]
    pub(super) sky: Sky,
    /// Machine profile for the governed load
    #[arg(long, default_value = "ideal", value_name = "NAME|FILE.toml")]
    pub(super) machine: String,
    /// Write a row for every step to this file
    #[arg(long, value_name = "FILE.csv")]
    pub(super) trace: Option<PathBuf>,
    /// Fly one governor as `run` does, every phase on the simulated machine, and write a result directory in here that says
    /// that it is simulated
    #[arg(long, value_name = "DIR")]
    pub(super) results: Option<PathBuf>,
    /// Length of a step, simulated seconds: the governor ticks at each (default: 1, and 10 in flights of over ten days)
    #[arg(long, value_name = "SECONDS")]
    pub(super) step: Option<f64>,
    /// What the controller takes for granted, such as item_cost=1.4 (repeatable); a wrong name lists all names with their ranges
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) assume: Vec<String>,
    /// Machine, sensor and faults
    #[command(flatten)]
    pub(super) plant: PlantArguments,
    /// Changes to the profile
    #[command(flatten)]
    pub(super) overrides: Overrides,
    /// Output
    #[command(flatten)]
    pub(super) output: Output,
}

/// Verbs of `profile`.
#[derive(Debug, Subcommand)]
pub(super) enum ProfileVerb {
    /// The satellites, machines and models that come with the program
    List {
        /// Output
        #[command(flatten)]
        output: Output,
    },
    /// A satellite profile and what follows from it on a day
    Show {
        /// Name or path
        #[arg(default_value = crate::profile::SATELLITES[0].name)]
        satellite: String,
        /// Day (at 00:00 UTC) or instant (default: the profile's start)
        #[arg(long, value_name = "DATE", value_parser = instant)]
        date: Option<Timestamp>,
        /// Changes to the profile
        #[command(flatten)]
        overrides: Overrides,
        /// Output
        #[command(flatten)]
        output: Output,
    },
    /// Whether the profile of a satellite or a machine is acceptable
    Check {
        /// Name or path
        #[arg(value_name = "PROFILE")]
        name: String,
        /// Changes to the profile
        #[command(flatten)]
        overrides: Overrides,
        /// Output
        #[command(flatten)]
        output: Output,
    },
}

/// Arguments of `devices` and `doctor`.
#[derive(Debug, Args)]
pub(super) struct DevicesArguments {
    /// Refuse to go on without it (exit code 14)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(super) require: Vec<Requirement>,
    /// Try this power source too: an address (shelly://HOST, ptd://HOST, recorded://FILE, exec,unit=W:COMMAND,
    /// http://HOST/PATH#/POINTER&unit=W, profile:NAME,host=HOST, sum:NAME,NAME; docs/meters.md)
    #[arg(long, value_name = "ADDRESS", value_parser = meter)]
    pub(super) meter: Vec<String>,
    /// Output
    #[command(flatten)]
    pub(super) output: Output,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    /// Look at what a run with this adapter would have: its name, index, PCI address, or `cpu`
    #[arg(long, value_name = "NAME|INDEX|PCI|cpu")]
    pub(super) adapter: Option<String>,
    /// What `devices` takes
    #[command(flatten)]
    pub(super) devices: DevicesArguments,
}

/// Verbs of `models`.
#[derive(Debug, Subcommand)]
pub(super) enum ModelsVerb {
    /// The registered models and whether their weights are here
    List {
        /// Output
        #[command(flatten)]
        output: Output,
    },
    /// Fetch weights and check them against their pinned SHA-256
    Pull {
        /// Registered name
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
        /// Take the file from here instead of the network
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Check the weights that are here
    Verify {
        /// Registered name
        #[arg(default_value = DEFAULT_MODEL)]
        model: String,
        /// Output
        #[command(flatten)]
        output: Output,
    },
}

/// A result directory.
#[derive(Debug, Args)]
pub(super) struct ResultArguments {
    /// The result directory
    pub(super) directory: PathBuf,
    /// Output
    #[command(flatten)]
    pub(super) output: Output,
}
