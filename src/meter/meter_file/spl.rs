//! The log of PTDaemon, `spl.txt` in an MLPerf submission, in the local time of the machine that wrote it:
//!
//! ```text
//! Time,09-23-2020 14:40:23.964,Watts,81.2,Volts,229.9,Amps,0.4,PF,0.9,Mark,run_1
//! Time,09-23-2020 14:40:24.964,Watts,81.2,Volts,…,Mark,run_1,Ch1,Watts,40.1,Volts,…,Ch2,Watts,41.1,Volts,…
//! ```
//!
//! The first watts are the sum of an analyser's channels. A log of several analysers has their lines in turn, each with the
//! mark of its own measurement.

use super::Choices;
use super::boards::{ALL, Judge, Rows, Taken};
use super::times::{in_utc, since_1970};
use crate::units::Watts;

/// What its powers are from.
const WHAT: &str = "the log of PTDaemon";

/// Of the lines of one analyser, one in four at the most begins a new measurement.
const SWITCHES: usize = 4;

/// A line that is a sample, or was meant as one.
struct Line<'a> {
    number: usize,
    at: Option<f64>,
    /// Pairs of a name and a value, channels and all.
    fields: Vec<&'a str>,
}

impl Line<'_> {
    /// Of one channel, or of the analyser.
    fn power(&self, channel: Option<&str>) -> Option<Watts> {
        let from = match channel {
            Some(channel) => self.fields.iter().position(|field| field.eq_ignore_ascii_case(channel))?,
            None => 0,
        };
        let fields = &self.fields[from..];
        let at = fields.iter().position(|field| *field == "Watts")?;
        fields.get(at + 1)?.trim().parse().ok().map(Watts)
    }

    fn mark(&self) -> &str {
        let at = self.fields.iter().position(|field| *field == "Mark");
        at.and_then(|at| self.fields.get(at + 1)).map_or("", |mark| mark.trim())
    }

    fn channels(&self) -> impl Iterator<Item = &str> {
        let is_channel = |field: &&&str| {
            field
                .strip_prefix("Ch")
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
        };
        self.fields.iter().filter(is_channel).copied()
    }
}

/// Whether `text` is such a log.
pub(super) fn is_spl(text: &str) -> bool {
    text.lines().any(|line| spl_sample(line).is_some())
}

/// A sample: seconds of the daemon's clock, and power.
pub(in crate::meter) fn spl_sample(text: &str) -> Option<(f64, Watts)> {
    let line = line(0, text)?;
    Some((line.at?, line.power(None)?))
}

/// None for what is no sample of watts: a banner, a thermometer's line.
fn line(number: usize, text: &str) -> Option<Line<'_>> {
    let mut fields: Vec<&str> = text.trim().split(',').collect();
    let is_named = fields[0] == "Time";
    if is_named {
        fields.remove(0);
    }
    let at = fields.first().and_then(|time| in_utc("%m-%d-%Y %H:%M:%S%.f", time.trim()));
    let is_watts = fields.get(1).is_some_and(|name| *name == "Watts");
    let is_cut_short = is_named && (at.is_none() || fields.len() < 2);
    ((at.is_some() && is_watts) || is_cut_short).then(|| Line { number, at: at.map(|at| since_1970(at).0), fields })
}

/// All samples, by the analysers or channels that were chosen.
///
/// # Errors
/// What was chosen is not there, or nothing was chosen and there are several analysers.
pub(super) fn rows(text: &str, choices: &Choices) -> Result<Rows, String> {
    let lines: Vec<Line<'_>> = text.lines().enumerate().filter_map(|(index, text)| line(index + 1, text)).collect();
    let whole = || lines.iter().filter(|line| line.at.is_some());
    let known = |names: Vec<&str>| {
        let mut known: Vec<String> = Vec::new();
        for name in names {
            if !known.iter().any(|known| known == name) {
                known.push(name.to_owned());
            }
        }
        known
    };
    let channels = known(whole().flat_map(Line::channels).collect());
    let marks: Vec<&str> = whole().map(Line::mark).filter(|mark| !mark.is_empty()).collect();
    let switches = marks.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let are_several = switches > 1 && switches * SWITCHES > marks.len();
    let channel = |board: &String| channels.iter().find(|known| known.eq_ignore_ascii_case(board)).cloned();
    if let (false, Some(mut chosen)) =
        (choices.boards.is_empty(), choices.boards.iter().map(channel).collect::<Option<Vec<_>>>())
    {
        if are_several {
            return Err(format!(
                "--meter-board `{}`: several analysers wrote this log, each with its channels: choose by mark, {}",
                choices.boards[0],
                known(marks).join(", ")
            ));
        }
        chosen.sort_unstable();
        chosen.dedup();
        return Ok(Rows { taken: of_channels(&lines, &chosen), boards: chosen, what: WHAT.into() });
    }
    let boards = if are_several || !choices.boards.is_empty() { known(marks) } else { vec![String::new()] };
    let is_there = |wanted: &&String| wanted.as_str() == ALL || boards.contains(wanted);
    if let Some(wanted) = choices.boards.iter().find(|wanted| !is_there(wanted)) {
        let there = [channels, boards].concat().join(", ");
        return Err(format!("--meter-board `{wanted}`: there are {there}"));
    }
    let mut judge = Judge::default();
    let taken = |line: &Line<'_>| {
        // A line that does not tell whose it is may be anybody's.
        let board = if boards.len() == 1 { Some(0) } else { boards.iter().position(|board| *board == line.mark()) };
        let at = board.and(line.at);
        let board = board.unwrap_or(0);
        Taken { line: line.number, board, at, power: judge.power((board, 0), line.power(None)) }
    };
    Ok(Rows { taken: lines.iter().map(taken).collect(), boards, what: WHAT.into() })
}

/// Each line once for each of the channels.
fn of_channels(lines: &[Line<'_>], channels: &[String]) -> Vec<Taken> {
    let mut judge = Judge::default();
    let mut taken = Vec::with_capacity(lines.len() * channels.len());
    for line in lines {
        for (board, channel) in channels.iter().enumerate() {
            let power = judge.power((board, 0), line.power(Some(channel)));
            taken.push(Taken { line: line.number, board, at: line.at, power });
        }
    }
    taken
}
