//! Powers from a file that some meter wrote while a flight went on, to be merged into its journal afterwards.
//!
//! Two forms, told apart by their lines: CSV of any logger, whose [`columns`] are known by their names, and PTDaemon's log
//! ([`spl`]). What a file does not say is asked for and never assumed:
//!
//! | not said | asked for by |
//! |---|---|
//! | the unit of a power, by its title or behind its values ([`units`]) | `--meter-unit` |
//! | which of several columns is meant ([`columns`]) | `--meter-column` |
//! | which of several boards is meant, or that they are to be added ([`boards`]) | `--meter-board` |
//! | which sign stands before decimals ([`numbers`]) | `--meter-decimal` |
//!
//! A line whose time or power cannot be read is a gap, and its number is told. What the file says of a window is
//! [`super::replay`]'s to tell.

mod boards;
mod columns;
mod numbers;
mod spl;
mod text;
mod times;
mod units;

pub use boards::ALL;
pub use numbers::Decimal;
pub use text::decode;
pub use times::since_1970;
pub use units::{POWER_WORDS, PowerUnit};

pub(super) use spl::spl_sample;

use super::csv_lines::{CsvLine, csv_lines};
use crate::units::{Seconds, Watts};
use boards::{Rows, Series, Taken};
use columns::{Columns, PowerColumn};
use numbers::{Writing, writing};
use units::split_value;

/// No meter of one machine shows more, and a day at ten samples a second is less.
const POWER_MAX: Watts = Watts(1e6);
const SAMPLES_MAX: usize = 1_000_000;

/// What the user says of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choices {
    /// The unit of its powers.
    pub unit: Option<PowerUnit>,
    /// Titles of the columns of powers; several are added.
    pub columns: Vec<String>,
    /// Names of boards; several are added, [`ALL`] are all.
    pub boards: Vec<String>,
    /// The sign before decimals.
    pub decimal: Option<Decimal>,
}

/// What a meter wrote.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterFile {
    series: Series,
    /// True where times are seconds since 1970, false where they are since an origin that nobody knows.
    pub is_wall_clock: bool,
    /// Where the powers are from: the column, the unit, the boards.
    pub what: String,
    period: Seconds,
}

impl MeterFile {
    /// Reads `text`, where it does not speak for itself by `choices`.
    ///
    /// # Errors
    /// What it does not say, lines that can be none of a meter's, times that do not rise, fewer than two powers.
    pub fn parse(text: &str, choices: &Choices) -> Result<MeterFile, String> {
        let (mut rows, is_wall_clock) =
            if spl::is_spl(text) { (spl::rows(text, choices)?, true) } else { csv(text, choices)? };
        if rows.taken.len() > SAMPLES_MAX {
            return Err(format!("more than {SAMPLES_MAX} samples"));
        }
        let can_be = |power: &Watts| power.is_finite() && (0.0..=POWER_MAX.0).contains(&power.0);
        rows.taken.iter_mut().for_each(|taken| taken.power = taken.power.filter(can_be));
        let (series, of) = boards::chosen(&rows, choices)?;
        if series.lost.len() > series.samples.len() {
            return Err(format!("line {}: no power, and most lines have none", series.lost[0]));
        }
        let period = series.period();
        let period = period.ok_or("it must hold two powers or more: lines of a time and a power, or PTDaemon's log")?;
        Ok(MeterFile { series, is_wall_clock, what: format!("{}{of}", rows.what), period })
    }

    /// The median time between two samples.
    pub fn period(&self) -> Seconds {
        self.period
    }

    /// How many there are.
    pub fn samples(&self) -> usize {
        self.series.samples.len()
    }

    /// The numbers of the lines whose power or time cannot be: each of them is a gap.
    pub fn lost(&self) -> &[usize] {
        &self.series.lost
    }

    /// The same samples on another clock, `shift` later.
    pub fn shifted(mut self, shift: Seconds) -> MeterFile {
        self.series.samples.iter_mut().for_each(|sample| sample.0 += shift);
        self
    }

    /// Times and powers, in the order of time.
    pub fn all(&self) -> &[(Seconds, Watts)] {
        &self.series.samples
    }

    /// Whether something was lost between the sample at this place and the one before it.
    pub fn is_after_loss(&self, place: usize) -> bool {
        self.series.after_loss.contains(&place)
    }

    /// Whether any sample lies from `begin` to `end`.
    pub fn has_any(&self, begin: Seconds, end: Seconds) -> bool {
        self.all().iter().any(|(at, _)| (begin..=end).contains(at))
    }
}

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

fn csv(text: &str, choices: &Choices) -> Result<(Rows, bool), String> {
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
    let (columns, samples) = match has_titles {
        true => (Columns::of_titles(&titles, choices), rest),
        false => (Columns::without_titles(titles.len()), lines.as_slice()),
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
    // A logger that was started again writes its titles again.
    let is_title = |line: &&CsvLine| has_titles && line.fields == first.fields;
    let samples: Vec<&CsvLine> = samples.iter().filter(|line| !is_title(line)).collect();
    rows(&samples, columns, (separator, choices))
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
    match (power.unit, choices.unit) {
        (Some(one), Some(other)) if one != other => {
            Err(format!("the title of the powers says {}, and --meter-unit {}", one.name, other.name))
        }
        (one, other) => {
            power.unit = one.or(other);
            Ok(())
        }
    }
}

fn rows(lines: &[&CsvLine], columns: Columns, (separator, choices): (u8, &Choices)) -> Result<(Rows, bool), String> {
    let read = how_written(lines, &columns, separator, choices.decimal)?;
    let mut is_wall_clock = None;
    let (mut taken, mut boards): (Vec<Taken>, Vec<String>) = (Vec::new(), Vec::new());
    for line in lines {
        let field = |column: usize| line.fields.get(column).unwrap_or_default();
        let is_whole = line.fields.len() >= columns.width;
        let time = columns
            .date
            .map_or_else(|| field(columns.time).to_owned(), |date| format!("{} {}", field(date), field(columns.time)));
        let at = times::time(&time, read.decimal, columns.time_unit).filter(|_| is_whole);
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
        let powers = columns.powers.iter().map(|column| power(field(column.at), column, read.decimal));
        let power = powers.map(|power| power.map_err(|why| line.error(&why)));
        let power =
            power.collect::<Result<Vec<_>, _>>()?.into_iter().try_fold(Watts::ZERO, |sum, power| Some(sum + power?));
        let power = power.filter(|_| is_whole);
        taken.push(Taken { line: line.number(), board, at: at.map(|(at, _)| at), power });
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
    let unit = own.or(column.unit).ok_or_else(|| {
        let title = column.title.as_ref().map_or("the power".to_owned(), |title| format!("`{title}`"));
        format!("{title} has no unit: --meter-unit {} tells it", POWER_WORDS.join("|"))
    })?;
    Ok(Some(Watts(number * unit.watts)))
}

fn what(columns: &Columns, read: &Writing) -> String {
    let column = |power: &PowerColumn| {
        let title =
            power.title.as_ref().map_or("its second column".into(), |title| format!("its column `{}`", title.trim()));
        power.unit.map_or(title.clone(), |unit| format!("{title} in {}", unit.name))
    };
    let powers = columns.powers.iter().map(column).collect::<Vec<_>>().join(" and ");
    let assumed = read.assumed.as_ref().map_or(String::new(), |text| {
        let number = read.decimal.number(text).unwrap_or(f64::NAN);
        format!(" (`{text}` read as {number}, since commas separate the columns)")
    });
    format!("the powers that a meter wrote, {powers}{assumed}")
}
