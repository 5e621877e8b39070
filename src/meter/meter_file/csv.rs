//! CSV as loggers write it: which sign stands between columns, whether the first line has their titles, and a sample for each
//! line after it.

use super::super::csv_lines::{CsvLine, csv_lines};
use super::Choices;
use super::boards::{Judge, Rows, Taken};
use super::columns::{Columns, Content, PowerColumn};
use super::numbers::{Decimal, Writing, writing};
use super::times;
use super::units::{POWER_WORDS, Said, split_value};
use crate::units::Watts;
use std::collections::BTreeSet;

/// The sign between columns: what a line `sep=;` says, else the one that the first line has.
fn separator(text: &str) -> (u8, &str) {
    let told = text.strip_prefix("sep=").and_then(|rest| Some((*rest.as_bytes().first()?, rest.get(1..)?)));
    if let Some((sign, rest)) = told.filter(|(sign, _)| b",;\t|".contains(sign)) {
        return (sign, rest);
    }
    let is_said = |line: &&str| !line.is_empty() && (!line.starts_with('#') || joulescope(line));
    let first = text.lines().map(str::trim).find(is_said).unwrap_or_default();
    let outside_quotes: String = first.split('"').step_by(2).collect();
    let sign = [b';', b'\t'].into_iter().find(|sign| outside_quotes.contains(char::from(*sign)));
    (sign.unwrap_or(b','), text)
}

/// Whether this remark is the line of names that Joulescope writes.
fn joulescope(line: &str) -> bool {
    line.starts_with("#time,") && line.contains(",power")
}

/// All samples, and whether their times are since 1970.
///
/// # Errors
/// What the file does not say, lines that can be none of a meter's.
pub(super) fn rows(text: &str, choices: &Choices) -> Result<(Rows, bool), String> {
    let (separator, text) = separator(text);
    let begin = text.trim_start();
    let titles_in_remark = joulescope(begin.lines().next().unwrap_or_default());
    // As many lines as before, so that their numbers stay.
    let unmarked = titles_in_remark.then(|| text.replacen('#', "", 1));
    let lines: Vec<CsvLine> = csv_lines(unmarked.as_deref().unwrap_or(text), separator).collect();
    let Some((first, rest)) = lines.split_first() else { return Err("it must hold two powers or more".into()) };
    let mut titles: Vec<&str> = first.fields.iter().collect();
    let with_mark = titles_in_remark.then(|| format!("#{}", titles[0]));
    if let Some(title) = &with_mark {
        titles[0] = title;
    }
    let has_titles = !is_sample(first, choices);
    // A logger that was started again writes its titles again.
    let samples: Vec<&CsvLine> = match has_titles {
        true => rest.iter().filter(|line| line.fields != first.fields).collect(),
        false => lines.iter().collect(),
    };
    let columns = match has_titles {
        true => Columns::of_titles(&titles, &Samples(&samples), choices),
        false => Columns::without_titles(titles.len()),
    };
    let mut columns = columns.map_err(|why| first.error(&why))?;
    for power in &mut columns.powers {
        state_unit(power, choices).map_err(|why| first.error(&why))?;
    }
    if let Some(long) = samples.iter().find(|line| line.fields.len() > columns.width && !is_blank_after(line, &columns))
    {
        return Err(long.error(&format!(
            "{} columns after {}: decimal commas need quotes, or semicolons between columns",
            long.fields.len(),
            columns.width
        )));
    }
    taken(&samples, columns, (separator, choices))
}

/// The lines below the titles.
struct Samples<'a>(&'a [&'a CsvLine]);

impl Samples<'_> {
    fn fields(&self, at: usize) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |line| line.fields.get(at)).filter(|field| !field.is_empty())
    }
}

impl Content for Samples<'_> {
    fn has_numbers(&self, at: usize) -> bool {
        let is_number = |text: &str| Decimal::WORDS.iter().any(|(_, decimal)| decimal.number(text).is_some());
        self.fields(at).any(|field| is_number(split_value(field).0))
    }

    fn has_watts(&self, at: usize) -> bool {
        self.fields(at).any(|field| split_value(field).1.is_some())
    }

    fn repeats(&self, at: usize) -> bool {
        let different: BTreeSet<&str> = self.fields(at).collect();
        different.len() * 2 <= self.fields(at).count()
    }
}

/// A separator at the end of the line is no column more.
fn is_blank_after(line: &CsvLine, columns: &Columns) -> bool {
    line.fields.iter().skip(columns.width).all(str::is_empty)
}

/// Whether the first line is already a sample: a time stands in it somewhere.
fn is_sample(line: &CsvLine, choices: &Choices) -> bool {
    let decimals = choices.decimal.map_or(vec![Decimal::Point, Decimal::Comma], |decimal| vec![decimal]);
    line.fields.iter().any(|field| decimals.iter().any(|decimal| times::time(field, *decimal, None).is_some()))
}

/// The unit of a column by its title and by the user, who must not disagree.
fn state_unit(power: &mut PowerColumn, choices: &Choices) -> Result<(), String> {
    match (&power.unit, choices.unit) {
        (Said::Unit(one), Some(other)) if *one != other => {
            Err(format!("the title of the powers says {}, and --meter-unit {}", one.name, other.name))
        }
        (Said::Other(unit), _) => Err(format!(
            "{} says `{unit}`, which is no unit of power; there are {}",
            power.shown(),
            POWER_WORDS.join(", ")
        )),
        (Said::Nothing | Said::Unknown(_), Some(unit)) => {
            power.unit = Said::Unit(unit);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn taken(lines: &[&CsvLine], columns: Columns, (separator, choices): (u8, &Choices)) -> Result<(Rows, bool), String> {
    let read = how_written(lines, &columns, separator, choices.decimal)?;
    let time_unit = if let Said::Unit(unit) = &columns.time_unit { Some(*unit) } else { None };
    let mut is_wall_clock = None;
    let mut judge = Judge::default();
    let (mut taken, mut boards): (Vec<Taken>, Vec<String>) = (Vec::new(), Vec::new());
    for line in lines {
        let field = |column: usize| line.fields.get(column).unwrap_or_default();
        let is_whole = line.fields.len() >= columns.width;
        let time = columns
            .date
            .map_or_else(|| field(columns.time).to_owned(), |date| format!("{} {}", field(date), field(columns.time)));
        if let Some(why) = columns.wrong_time_unit().filter(|_| is_whole && read.decimal.number(&time).is_some()) {
            return Err(line.error(&why));
        }
        let at = times::time(&time, read.decimal, time_unit).filter(|_| is_whole);
        if at.is_none() && taken.is_empty() && is_whole {
            return Err(line.error(&format!("the time is none; it may be {}", times::FORMS)));
        }
        if let Some((_, is_instant)) = at
            && is_wall_clock.replace(is_instant).is_some_and(|before| before != is_instant)
        {
            return Err(line.error("some times are instants and some are not"));
        }
        let board = columns.board.map_or("", field);
        let place = boards.iter().position(|known| known == board);
        let board = place.unwrap_or_else(|| {
            if is_whole {
                boards.push(board.to_owned());
            }
            boards.len().saturating_sub(1)
        });
        let mut sum = Ok(Watts::ZERO);
        for (place, column) in columns.powers.iter().enumerate() {
            let shown = power(field(column.at), column, read.decimal).map_err(|why| line.error(&why))?;
            let shown = judge.power((board, place), shown.filter(|_| is_whole));
            sum = sum.and_then(|sum| Ok(sum + shown?));
        }
        taken.push(Taken { line: line.number(), board, at: at.map(|(at, _)| at), power: sum });
    }
    if boards.is_empty() {
        boards.push(String::new());
    }
    Ok((Rows { taken, boards, what: what(&columns, &read) }, is_wall_clock.unwrap_or(false)))
}

/// How the numbers are written, by the times and the powers; where these leave it open, by all columns.
fn how_written(lines: &[&CsvLine], columns: &Columns, separator: u8, told: Option<Decimal>) -> Result<Writing, String> {
    let powers = || {
        let of = |column: &PowerColumn| {
            let at = column.at;
            lines.iter().filter_map(move |line| line.fields.get(at)).map(|text| split_value(text).0)
        };
        columns.powers.iter().flat_map(of)
    };
    let times = lines.iter().filter_map(|line| line.fields.get(columns.time));
    let found = writing(powers(), times, separator, told);
    if found.as_ref().is_ok_and(|found| found.assumed.is_none()) {
        return found;
    }
    let all = writing(powers(), lines.iter().flat_map(|line| line.fields.iter()), separator, told);
    all.ok().filter(|all| all.assumed.is_none()).map_or(found, Ok)
}

/// The power of one field; none where it was lost.
fn power(text: &str, column: &PowerColumn, decimal: Decimal) -> Result<Option<Watts>, String> {
    let (number, own) = split_value(text);
    let Some(number) = decimal.number(number) else { return Ok(None) };
    let unit = match (own, &column.unit) {
        (Some(unit), _) => unit,
        (None, Said::Unit(unit)) => *unit,
        (None, _) => {
            return Err(format!("{} has no unit: --meter-unit {} tells it", column.shown(), POWER_WORDS.join("|")));
        }
    };
    Ok(Some(Watts(number * unit.watts)))
}

fn what(columns: &Columns, read: &Writing) -> String {
    let column = |power: &PowerColumn| {
        let title =
            power.title.as_ref().map_or("its second column".into(), |title| format!("its column `{}`", title.trim()));
        match &power.unit {
            Said::Unit(unit) => format!("{title} in {}", unit.name),
            _ => title,
        }
    };
    let powers = columns.powers.iter().map(column).collect::<Vec<_>>().join(" and ");
    let assumed = read.assumed.as_ref().map_or(String::new(), |text| {
        let number = read.decimal.number(text).unwrap_or(f64::NAN);
        format!(" (`{text}` read as {number}, since commas separate the columns)")
    });
    format!("the powers that a meter wrote, {powers}{assumed}")
}
