//! The words of `report`.

use super::arguments::Output;
use crate::meter::meter_file::{Choices, Decimal, POWER_WORDS, PowerUnit};
use crate::meter::plausible::{self, BAND_RANGE};
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
    /// First lay the powers that a meter wrote beside the flight: CSV of any logger, or PTDaemon's spl.txt
    #[arg(long, value_name = "FILE")]
    pub(super) meter_file: Option<PathBuf>,
    /// Added to the times in that file: of its clock's instants, or of its seconds since the flight began
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, allow_negative_numbers = true, requires = "meter_file", value_parser = offset)]
    pub(super) meter_offset: f64,
    /// Half width of that meter's band, k = 2, over 0 and up to 50. Without it the band is not stated, and the energies have no bounds
    #[arg(long, value_name = "PERCENT", requires = "meter_file", value_parser = band)]
    pub(super) meter_band: Option<f64>,
    /// What that meter measures: wall, accelerator, package, apu, module or cpu_package. Without it that is not stated, and its energies
    /// are set against no other
    #[arg(long, value_name = "BOUNDARY", requires = "meter_file", value_parser = boundary)]
    pub(super) meter_boundary: Option<Boundary>,
    /// The unit of the powers in that file, where it does not say one: uW, mW, W or kW
    #[arg(long, value_name = "UNIT", requires = "meter_file", value_parser = unit)]
    pub(super) meter_unit: Option<PowerUnit>,
    /// The column of powers in that file, by its name; given several times, those are added
    #[arg(long, value_name = "NAME", requires = "meter_file")]
    pub(super) meter_column: Vec<String>,
    /// One of several boards in that file, by its index, name or entity, or an analyser's mark or channel; given several
    /// times, those are added; `all` adds all of them
    #[arg(long, value_name = "NAME", requires = "meter_file")]
    pub(super) meter_board: Vec<String>,
    /// The sign before the decimals in that file: point or comma. Without it that is found from all its numbers
    #[arg(long, value_name = "SIGN", requires = "meter_file", value_parser = decimal)]
    pub(super) meter_decimal: Option<Decimal>,
}

impl MeterFileArguments {
    /// What is said of the file's own words.
    pub(super) fn choices(&self) -> Choices {
        let (columns, boards) = (self.meter_column.clone(), self.meter_board.clone());
        Choices { unit: self.meter_unit, columns, boards, decimal: self.meter_decimal }
    }
}

fn unit(text: &str) -> Result<PowerUnit, String> {
    PowerUnit::named(text).ok_or_else(|| format!("it must be one of {}", POWER_WORDS.join(", ")))
}

fn decimal(text: &str) -> Result<Decimal, String> {
    Decimal::named(text).ok_or_else(|| format!("it must be one of {}", Decimal::WORDS.map(|(word, _)| word).join(", ")))
}

fn offset(text: &str) -> Result<f64, String> {
    let seconds = text.trim().parse().ok().filter(|seconds: &f64| seconds.is_finite());
    seconds.ok_or_else(|| "it must be a number of seconds".to_owned())
}

fn band(text: &str) -> Result<f64, String> {
    let percent = text.trim().parse().ok().filter(|percent| plausible::band(*percent).is_some());
    percent.ok_or_else(|| format!("it must be a percentage {BAND_RANGE}"))
}

fn boundary(text: &str) -> Result<Boundary, String> {
    let words = Boundary::WORDS.map(|(word, _)| word).join(", ");
    Boundary::named(text).ok_or_else(|| format!("it must be one of {words}"))
}
