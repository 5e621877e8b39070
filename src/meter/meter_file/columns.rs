//! Which column of a meter's file is what, by the names that loggers give them.
//!
//! | logger | time | power | board |
//! |---|---|---|---|
//! | nvidia-smi | `timestamp` | `power.draw [W]` | `index`, `uuid`, `pci.bus_id` |
//! | amd-smi | `timestamp` | `power_usage`, `socket_power` (W) | `gpu` |
//! | Home Assistant | `last_changed` | `state`, in a unit that the file does not say | `entity_id` |
//! | Grafana | `Time` | any name; its values may have a unit | |
//! | Joulescope | `#time` | `power` (W) beside `current` and `voltage` | |
//! | GPU-Z | `Date` | `Board Power Draw [W]` and others | |
//!
//! Limits are no powers, nor is what a title gives in volts. Of several powers none is taken for the one that was meant, and a
//! column whose title does not say that it is a power is taken only where the user names it.

use super::Choices;
use super::units::{PowerUnit, Said, bare, power_unit, time_unit};
use crate::meter::unit::{TIME_SYMBOLS, time_named};

/// Names of times; the first that is there is taken.
const TIMES: [&str; 11] = [
    "timestamp",
    "time",
    "datetime",
    "date time",
    "date/time",
    "last_changed",
    "last_updated",
    "seconds",
    "elapsed",
    "t",
    "date",
];

/// Names of boards; the first that is there is taken.
const BOARDS: [&str; 14] = [
    "uuid",
    "gpu_uuid",
    "pci.bus_id",
    "gpu_bdf",
    "index",
    "gpu_index",
    "gpu_id",
    "gpu",
    "device_id",
    "device",
    "entity_id",
    "board",
    "channel",
    "analyzer",
];

/// Powers in watts, whose makers say so in their manuals and not in the name.
const WATTS: [&str; 7] = [
    "power.draw",
    "power.draw.average",
    "power.draw.instant",
    "power_usage",
    "socket_power",
    "current_socket_power",
    "average_socket_power",
];

/// What in a name says that it is a power.
const POWER: [&str; 2] = ["power", "watt"];

/// Names of a value of any kind, taken where nothing else is a power.
const VALUES: [&str; 2] = ["state", "value"];

/// What in a name says that it is a limit or an extreme and no power that was drawn.
const NO_DRAW: [&str; 7] = ["limit", "cap", "max", "min", "tdp", "factor", "rated"];

/// What in a name without a unit says that it is of another kind.
const NO_POWER: [&str; 6] = ["apparent", "reactive", "energy", "volt", "temp", "state"];

/// A column of powers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PowerColumn {
    pub(super) at: usize,
    /// As the file names it; none in a file without names.
    pub(super) title: Option<String>,
    pub(super) unit: Said<PowerUnit>,
}

impl PowerColumn {
    /// How an error calls it.
    pub(super) fn shown(&self) -> String {
        self.title.as_ref().map_or("the power".to_owned(), |title| format!("`{}`", title.trim()))
    }
}

/// What stands under the titles, as far as the choice of columns wants to know.
pub(super) trait Content {
    /// Whether the values of this column are numbers.
    fn has_numbers(&self, at: usize) -> bool;
    /// Whether they have a unit of power behind them.
    fn has_watts(&self, at: usize) -> bool;
    /// Whether its values come again, as names do and the numbers of rows do not.
    fn repeats(&self, at: usize) -> bool;
}

/// What stands where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    /// A day in a column of its own, before the time.
    pub(super) date: Option<usize>,
    pub(super) time: usize,
    /// Seconds in the unit of numbers among the times, where the title says one.
    pub(super) time_unit: Said<f64>,
    pub(super) powers: Vec<PowerColumn>,
    pub(super) board: Option<usize>,
    /// Fields of a whole line.
    pub(super) width: usize,
}

impl Columns {
    /// A file of times and powers without names.
    ///
    /// # Errors
    /// More columns or fewer.
    pub(super) fn without_titles(width: usize) -> Result<Columns, String> {
        if width != 2 {
            return Err(format!(
                "{width} column{} and no line of names above them: without names there may be two, a time and a power",
                if width == 1 { "" } else { "s" }
            ));
        }
        let powers = vec![PowerColumn { at: 1, title: None, unit: Said::Nothing }];
        Ok(Columns { date: None, time: 0, time_unit: Said::Nothing, powers, board: None, width })
    }

    /// By names.
    ///
    /// # Errors
    /// No time, no power, several powers, or two columns of one name where it matters.
    pub(super) fn of_titles(titles: &[&str], content: &dyn Content, choices: &Choices) -> Result<Columns, String> {
        let names: Vec<String> = titles.iter().map(|title| bare(title)).collect();
        let time = TIMES.iter().find_map(|wanted| names.iter().position(|name| without_time_unit(name) == *wanted));
        let time = time.ok_or_else(|| format!("no column of times; known are {}", TIMES.join(", ")))?;
        let date = names.iter().position(|name| name == "date").filter(|date| *date != time && names[time] == "time");
        let is_board = |at: &usize| *at != time && Some(*at) != date && content.repeats(*at);
        let board = |wanted: &&str| (0..names.len()).filter(|at| names[*at] == **wanted).find(is_board);
        let board = BOARDS.iter().find_map(board);
        let is_free = |at: &usize| *at != time && Some(*at) != date && Some(*at) != board;
        let column = |at: usize| PowerColumn { at, title: Some(titles[at].to_owned()), unit: unit(titles, &names, at) };
        let free: Vec<PowerColumn> =
            (0..titles.len()).filter(is_free).filter(|at| !titles[*at].is_empty()).map(column).collect();
        let powers =
            if choices.columns.is_empty() { found(&free, (titles, &names), content)? } else { named(&free, choices)? };
        let taken = [Some(time), date, board].into_iter().flatten().chain(powers.iter().map(|column| column.at));
        for at in taken {
            is_sole(titles, at)?;
        }
        Ok(Columns { date, time, time_unit: time_unit(titles[time]), powers, board, width: titles.len() })
    }

    /// What is wrong with numbers among the times, whose unit the title names and nobody knows.
    pub(super) fn wrong_time_unit(&self) -> Option<String> {
        match &self.time_unit {
            Said::Nothing | Said::Unit(_) => None,
            Said::Other(text) | Said::Unknown(text) => Some(format!(
                "the title of the times says `{text}`, which is no unit of time that is known; there are {TIME_SYMBOLS}"
            )),
        }
    }
}

/// Of two columns that have one title nothing tells which was meant.
fn is_sole(titles: &[&str], at: usize) -> Result<(), String> {
    let title = titles[at].trim();
    match (0..titles.len()).find(|other| *other != at && titles[*other].trim() == title) {
        None => Ok(()),
        Some(other) => Err(format!(
            "columns {} and {} are both called `{title}`, and nothing tells which is meant: give them names of their own",
            at.min(other) + 1,
            at.max(other) + 1
        )),
    }
}

fn without_time_unit(name: &str) -> &str {
    let parts = name.rsplit_once(['_', ' ']).filter(|(_, unit)| time_named(unit).is_some());
    parts.map_or(name, |(name, _)| name)
}

fn unit(titles: &[&str], names: &[String], at: usize) -> Said<PowerUnit> {
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let is_joulescope = titles[0].starts_with('#') && names[at] == "power" && has("current") && has("voltage");
    let is_known = WATTS.contains(&names[at].as_str()) || is_joulescope;
    match power_unit(titles[at]) {
        Said::Nothing if is_known => PowerUnit::named("W").map_or(Said::Nothing, Said::Unit),
        said => said,
    }
}

/// The columns that the user names, each once.
fn named(free: &[PowerColumn], choices: &Choices) -> Result<Vec<PowerColumn>, String> {
    let mut columns: Vec<PowerColumn> = Vec::new();
    for wanted in &choices.columns {
        let of = |is_it: fn(&str, &str) -> bool| -> Vec<&PowerColumn> {
            let is_it = |title: &String| is_it(title.trim(), wanted.trim());
            free.iter().filter(|column| column.title.as_ref().is_some_and(is_it)).collect()
        };
        let exact = of(|title, wanted| title == wanted);
        let found = if exact.is_empty() { of(|title, wanted| title.eq_ignore_ascii_case(wanted)) } else { exact };
        let same: Vec<PowerColumn> = found.iter().map(|column| (*column).clone()).collect();
        match found.as_slice() {
            [] => return Err(format!("--meter-column `{wanted}`: there are {}", titles_of(free))),
            [one, others @ ..] if others.iter().any(|other| other.title != one.title) => {
                return Err(format!("--meter-column `{wanted}` may be any of {}", titles_of(&same)));
            }
            [one, ..] if columns.iter().all(|column| column.at != one.at) => columns.push((*one).clone()),
            _ => {}
        }
    }
    Ok(columns)
}

/// The column that must be meant: one that says that it is a power, by its title or behind its values; else the one value of a
/// kind that is not said.
fn found(
    free: &[PowerColumn],
    (titles, names): (&[&str], &[String]),
    content: &dyn Content,
) -> Result<Vec<PowerColumn>, String> {
    let has = |column: &PowerColumn, words: &[&str]| words.iter().any(|word| names[column.at].contains(word));
    let is_named = |column: &PowerColumn| has(column, &POWER) && !has(column, &NO_POWER);
    let is_power = |column: &&PowerColumn| match column.unit {
        Said::Unit(_) => true,
        Said::Other(_) => false,
        Said::Unknown(_) => content.has_watts(column.at),
        Said::Nothing => content.has_watts(column.at) || (is_named(column) && content.has_numbers(column.at)),
    };
    let is_draw = |column: &&PowerColumn| !has(column, &NO_DRAW);
    let is_value = |column: &&PowerColumn| column.unit == Said::Nothing && VALUES.contains(&names[column.at].as_str());
    let mut powers: Vec<PowerColumn> = free.iter().filter(is_draw).filter(is_power).cloned().collect();
    if powers.is_empty() {
        powers = free.iter().filter(is_value).cloned().collect();
    }
    powers.iter().try_for_each(|column| is_sole(titles, column.at))?;
    match powers.len() {
        1 => Ok(powers),
        0 if free.is_empty() => Err("no column of powers beside the time".to_owned()),
        0 => Err(format!(
            "no column is known as a power among {}: --meter-column NAME tells, and --meter-unit its unit",
            titles_of(free)
        )),
        count => Err(format!(
            "{count} columns of powers, {}: --meter-column NAME takes one; given several times, those are added",
            titles_of(&powers)
        )),
    }
}

fn titles_of(columns: &[PowerColumn]) -> String {
    columns.iter().map(PowerColumn::shown).collect::<Vec<_>>().join(", ")
}
