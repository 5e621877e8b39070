//! The words of `report`.

use super::arguments::Output;
use crate::reading::Boundary;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The result directory; several with --html
    #[arg(required = true, value_name = "DIRECTORY")]
    pub(super) directories: Vec<PathBuf>,
    /// Write one page with all of the results side by side, and leave the directories as they are
    #[arg(long, value_name = "FILE", conflicts_with_all = ["meter_file", "json"])]
    pub(super) html: Option<PathBuf>,
    /// A file to merge first
    #[command(flatten)]
    pub(super) meter: MeterFileArguments,
    /// Output
    #[command(flatten)]
    pub(super) output: Output,
}

/// A meter's own file.
#[derive(Debug, Args)]
pub(super) struct MeterFileArguments {
    /// First lay the powers that a meter wrote beside the flight: CSV (time, watts) or PTDaemon's spl.txt
    #[arg(long, value_name = "FILE")]
    pub(super) meter_file: Option<PathBuf>,
    /// Added to the times in that file: of its clock's instants, or of its seconds since the flight began
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, allow_negative_numbers = true, requires = "meter_file", value_parser = offset)]
    pub(super) meter_offset: f64,
    /// Half width of that meter's band, k = 2. Without it the band is not stated, and the energies have no bounds
    #[arg(long, value_name = "PERCENT", requires = "meter_file", value_parser = band)]
    pub(super) meter_band: Option<f64>,
    /// What that meter measures: wall, accelerator, module or cpu_package. Without it that is not stated, and its energies
    /// are set against no other
    #[arg(long, value_name = "BOUNDARY", requires = "meter_file", value_parser = boundary)]
    pub(super) meter_boundary: Option<Boundary>,
}

fn offset(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite());
    seconds.ok_or_else(|| "it must be a number of seconds".to_owned())
}

fn band(text: &str) -> Result<f64, String> {
    let percent = text.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent <= 50.0);
    percent.ok_or_else(|| "it must be a percentage over 0 and up to 50".to_owned())
}

fn boundary(text: &str) -> Result<Boundary, String> {
    let words = Boundary::WORDS.map(|(word, _)| word).join(", ");
    Boundary::named(text).ok_or_else(|| format!("it must be one of {words}"))
}
