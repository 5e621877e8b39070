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
//! Limits are no powers. Of several powers none is taken for the one that was meant.

use super::Choices;
use super::units::{PowerUnit, time_unit};

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

/// What in a name says that it is a limit or an extreme and no power that was drawn.
const NO_DRAW: [&str; 7] = ["limit", "cap", "max", "min", "tdp", "factor", "rated"];

/// A column of powers.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PowerColumn {
    pub(super) at: usize,
    /// As the file names it; none in a file without names.
    pub(super) title: Option<String>,
    pub(super) unit: Option<PowerUnit>,
}

/// What stands where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns {
    /// A day in a column of its own, before the time.
    pub(super) date: Option<usize>,
    pub(super) time: usize,
    /// Seconds in the unit of numbers among the times, where the title says one.
    pub(super) time_unit: Option<f64>,
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
        let powers = vec![PowerColumn { at: 1, title: None, unit: None }];
        Ok(Columns { date: None, time: 0, time_unit: None, powers, board: None, width })
    }

    /// By names.
    ///
    /// # Errors
    /// No time, no power, or several powers.
    pub(super) fn of_titles(titles: &[&str], choices: &Choices) -> Result<Columns, String> {
        let names: Vec<String> = titles.iter().map(|title| name(title)).collect();
        let place = |wanted: &[&str]| wanted.iter().find_map(|wanted| names.iter().position(|name| name == wanted));
        let time = TIMES.iter().find_map(|wanted| names.iter().position(|name| without_time_unit(name) == *wanted));
        let time = time.ok_or_else(|| format!("no column of times; known are {}", TIMES.join(", ")))?;
        let date = place(&["date"]).filter(|date| *date != time && names[time] == "time");
        let board = place(&BOARDS);
        let is_free = |at: &usize| *at != time && Some(*at) != date && Some(*at) != board;
        let column = |at: usize| PowerColumn { at, title: Some(titles[at].to_owned()), unit: unit(titles, &names, at) };
        let free: Vec<PowerColumn> =
            (0..titles.len()).filter(is_free).filter(|at| !titles[*at].is_empty()).map(column).collect();
        let powers = if choices.columns.is_empty() { found(&free, &names)? } else { named(&free, choices)? };
        Ok(Columns { date, time, time_unit: time_unit(titles[time]), powers, board, width: titles.len() })
    }
}

/// A title in small letters, without a mark before it and without a unit in brackets.
fn name(title: &str) -> String {
    let title = title.trim_start_matches('#').trim();
    let bare = match title.ends_with([']', ')']) {
        true => title.split(['[', '(']).next().unwrap_or(title),
        false => title,
    };
    bare.trim().to_ascii_lowercase()
}

fn without_time_unit(name: &str) -> &str {
    ["_s", "_ms", "_us", "_ns", "_sec", "_seconds"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name)
}

fn unit(titles: &[&str], names: &[String], at: usize) -> Option<PowerUnit> {
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let is_joulescope = titles[0].starts_with('#') && names[at] == "power" && has("current") && has("voltage");
    let is_known = WATTS.contains(&names[at].as_str()) || is_joulescope;
    PowerUnit::of_title(titles[at]).or_else(|| PowerUnit::named("W").filter(|_| is_known))
}

/// The columns that the user names.
fn named(free: &[PowerColumn], choices: &Choices) -> Result<Vec<PowerColumn>, String> {
    let find = |wanted: &String| {
        let is_it = |column: &&PowerColumn| {
            column.title.as_ref().is_some_and(|title| title.trim().eq_ignore_ascii_case(wanted.trim()))
        };
        let wrong = || format!("--meter-column `{wanted}`: there are {}", titles_of(free));
        free.iter().find(is_it).cloned().ok_or_else(wrong)
    };
    choices.columns.iter().map(find).collect()
}

/// The column that can be meant: with a unit; called a power; any at all.
fn found(free: &[PowerColumn], names: &[String]) -> Result<Vec<PowerColumn>, String> {
    let is_draw = |column: &&PowerColumn| !NO_DRAW.iter().any(|word| names[column.at].contains(word));
    let kinds: [fn(&PowerColumn, &[String]) -> bool; 4] = [
        |column, _| column.unit.is_some(),
        |column, names| names[column.at] == "power",
        |column, names| ["state", "value"].contains(&names[column.at].as_str()),
        |_, _| true,
    ];
    let of_kind = |kind: &fn(&PowerColumn, &[String]) -> bool| {
        let those: Vec<PowerColumn> =
            free.iter().filter(is_draw).filter(|column| kind(column, names)).cloned().collect();
        (!those.is_empty()).then_some(those)
    };
    match kinds.iter().find_map(of_kind) {
        None => Err("no column of powers beside the time".to_owned()),
        Some(one) if one.len() == 1 => Ok(one),
        Some(several) if several.iter().any(|column| column.unit.is_some()) => Err(format!(
            "{} columns of powers, {}: --meter-column NAME takes one; given several times, those are added",
            several.len(),
            titles_of(&several)
        )),
        Some(_) => Err(format!(
            "no column is known as a power among {}: --meter-column NAME tells, and --meter-unit its unit",
            titles_of(free)
        )),
    }
}

fn titles_of(columns: &[PowerColumn]) -> String {
    let titles = columns.iter().filter_map(|column| column.title.as_ref());
    titles.map(|title| format!("`{}`", title.trim())).collect::<Vec<_>>().join(", ")
}
