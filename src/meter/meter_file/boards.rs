//! Samples of one board, or of several that stand in one file: one is chosen, several are added, and none is ever taken for
//! another.
//!
//! Powers are added at the times of the first board; those of the others are interpolated between two samples that lie
//! close enough, and held for half a period at their ends. Where a board has none, the sum has none.
//!
//! What a power can be is judged as for a meter that is read in flight.

use super::super::integral::GAP_PERIODS;
use super::super::plausible::PowerFilter;
use super::Choices;
use crate::reading::NoData;
use crate::units::{Seconds, Watts};
use std::collections::{BTreeMap, BTreeSet};

/// What adds all boards.
pub const ALL: &str = "all";

/// Most names that an error lists.
const SHOWN_MAX: usize = 16;

/// Steps that are so many times as long as the others end a burst.
const BURST: f64 = 5.0;

/// No meter of one machine shows more.
const POWER_MAX: Watts = Watts(1e6);

/// Judges each column of each board by itself.
#[derive(Debug, Default)]
pub(super) struct Judge(BTreeMap<(usize, usize), PowerFilter>);

impl Judge {
    /// The power that a column shows of a board, where it is one.
    pub(super) fn power(&mut self, (board, column): (usize, usize), shown: Option<Watts>) -> Result<Watts, NoData> {
        let filter = self.0.entry((board, column)).or_insert_with(|| PowerFilter::below(POWER_MAX));
        filter.check(shown.ok_or(NoData::Implausible)?)
    }
}

/// One line that holds a sample, or should.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    pub(super) line: usize,
    /// Its place among the boards.
    pub(super) board: usize,
    /// None where the line does not tell.
    pub(super) at: Option<f64>,
    /// Or why it was lost.
    pub(super) power: Result<Watts, NoData>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) taken: Vec<Taken>,
    /// Names of the boards; one without a name where there are none.
    pub(super) boards: Vec<String>,
    /// Where the powers are from.
    pub(super) what: String,
}

/// The samples of one board, or of a sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    pub(super) samples: Vec<(Seconds, Watts)>,
    /// Samples before which something was lost.
    pub(super) after_loss: BTreeSet<usize>,
    /// Lines whose power was lost.
    pub(super) lost: Vec<usize>,
    /// Why, each cause once.
    pub(super) causes: Vec<NoData>,
}

impl Series {
    fn lose(&mut self, line: usize, cause: NoData) {
        self.lost.push(line);
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }

    /// The median step.
    pub(super) fn period(&self) -> Option<Seconds> {
        crate::stats::median(&self.steps()).map(Seconds)
    }

    fn steps(&self) -> Vec<f64> {
        self.samples.windows(2).map(|pair| (pair[1].0 - pair[0].0).0).collect()
    }

    fn power_at(&self, at: Seconds, period: Seconds) -> Option<Watts> {
        let next = self.samples.partition_point(|sample| sample.0 < at);
        let held = |sample: &(Seconds, Watts)| ((sample.0 - at).0.abs() <= 0.5 * period.0).then_some(sample.1);
        match (next.checked_sub(1).map(|last| self.samples[last]), self.samples.get(next)) {
            (Some((t0, p0)), Some(&(t1, p1))) => {
                let is_seen = t1 - t0 <= period * GAP_PERIODS && !self.after_loss.contains(&next);
                is_seen.then(|| p0 + (p1 - p0) * ((at - t0) / (t1 - t0)))
            }
            (Some(only), None) => held(&only),
            (None, Some(only)) => held(only),
            (None, None) => None,
        }
    }
}

/// One series of what was chosen, and what to call it.
///
/// # Errors
/// A choice that is not there, several boards and no choice, times that do not rise, lines in bursts.
pub(super) fn chosen(rows: &Rows, choices: &Choices) -> Result<(Series, String), String> {
    let wanted = wanted(rows, choices)?;
    let mut all: Vec<Series> = wanted.iter().map(|board| series(rows, *board)).collect::<Result<_, _>>()?;
    if let Some(burst) = all.iter().find_map(|series| burst(&series.steps())) {
        return Err(format!(
            "the lines come {burst} at a time, as those of several boards do, and nothing tells which is which: write a \
             column of boards, such as nvidia-smi's index"
        ));
    }
    let names = wanted.iter().map(|board| rows.boards[*board].as_str()).collect::<Vec<_>>().join(", ");
    match all.len() {
        1 if names.is_empty() => Ok((all.remove(0), String::new())),
        1 => Ok((all.remove(0), format!(", of {names}"))),
        count => Ok((sum(&all), format!(", {count} added: {names}"))),
    }
}

fn wanted(rows: &Rows, choices: &Choices) -> Result<Vec<usize>, String> {
    let listed = || {
        let more = if rows.boards.len() > SHOWN_MAX { ", …" } else { "" };
        format!("{}{more}", rows.boards[..rows.boards.len().min(SHOWN_MAX)].join(", "))
    };
    match choices.boards.as_slice() {
        [] if rows.boards.len() == 1 => Ok(vec![0]),
        [] => Err(format!(
            "it holds the powers of {} boards, {}: --meter-board NAME takes one, given several times those are added, and \
             --meter-board {ALL} adds all of them",
            rows.boards.len(),
            listed()
        )),
        some if some.iter().any(|one| one == ALL) => Ok((0..rows.boards.len()).collect()),
        some => {
            let place = |wanted: &String| {
                let exact = |board: &String| board == wanted;
                // The channels of an analyser are named in any case.
                let alike = |board: &String| board.eq_ignore_ascii_case(wanted);
                let is_sole = rows.boards.iter().filter(|board| alike(board)).count() == 1;
                let place = rows.boards.iter().position(exact);
                let place = place.or_else(|| rows.boards.iter().position(alike).filter(|_| is_sole));
                let there =
                    if rows.boards == [""] { "it names no boards".into() } else { format!("there are {}", listed()) };
                place.ok_or_else(|| format!("--meter-board `{wanted}`: {there}"))
            };
            let mut places: Vec<usize> = some.iter().map(place).collect::<Result<_, _>>()?;
            places.sort_unstable();
            places.dedup();
            Ok(places)
        }
    }
}

fn series(rows: &Rows, board: usize) -> Result<Series, String> {
    let mut series = Series::default();
    let (mut has_lost, mut last) = (false, f64::NEG_INFINITY);
    for taken in rows.taken.iter().filter(|taken| taken.at.is_none() || taken.board == board) {
        if let Some(at) = taken.at {
            if at <= last {
                let more =
                    if rows.boards.len() == 1 { "; of several boards in one file none is known by name" } else { "" };
                return Err(format!("line {}: the time does not rise{more}", taken.line));
            }
            last = at;
        }
        match taken.power.and_then(|power| Ok((taken.at.ok_or(NoData::Implausible)?, power))) {
            Ok((at, power)) => {
                if has_lost {
                    series.after_loss.insert(series.samples.len());
                }
                has_lost = false;
                series.samples.push((Seconds(at), power));
            }
            Err(cause) => {
                has_lost = true;
                series.lose(taken.line, cause);
            }
        }
    }
    Ok(series)
}

fn sum(all: &[Series]) -> Series {
    let (first, others) = all.split_first().expect("one board or more was chosen");
    let periods: Vec<Seconds> = others.iter().map(|series| series.period().unwrap_or(Seconds::ZERO)).collect();
    let mut sum = Series::default();
    for series in all {
        sum.lost.extend(&series.lost);
        let new: Vec<NoData> = series.causes.iter().filter(|cause| !sum.causes.contains(cause)).copied().collect();
        sum.causes.extend(new);
    }
    sum.lost.sort_unstable();
    sum.lost.dedup();
    let mut has_lost = false;
    for (index, &(at, power)) in first.samples.iter().enumerate() {
        has_lost |= first.after_loss.contains(&index);
        let more = others.iter().zip(&periods).map(|(series, period)| series.power_at(at, *period));
        match more.into_iter().try_fold(power, |sum, power| Some(sum + power?)) {
            Some(power) => {
                if std::mem::take(&mut has_lost) {
                    sum.after_loss.insert(sum.samples.len());
                }
                sum.samples.push((at, power));
            }
            // Before the first sum nothing has been lost that a window could want.
            None => has_lost = !sum.samples.is_empty(),
        }
    }
    sum
}

/// How many lines come at a time, where they come in bursts of one length.
fn burst(steps: &[f64]) -> Option<usize> {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let leap = sorted.windows(2).max_by(|one, two| (one[1] / one[0]).total_cmp(&(two[1] / two[0])))?;
    if leap[1] < BURST * leap[0] {
        return None;
    }
    let ends: Vec<usize> = (0..steps.len()).filter(|index| steps[*index] >= leap[1]).collect();
    let lengths: Vec<usize> = ends.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let usual = *lengths.iter().max_by_key(|length| lengths.iter().filter(|other| other == length).count())?;
    let alike = lengths.iter().filter(|length| **length == usual).count();
    (usual > 1 && alike >= 2 && alike * 10 >= lengths.len() * 9).then_some(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_bursts_are_told_from_lines_that_are_late() {
        let times = |boards: usize, jitter: f64| -> Vec<f64> {
            let at = |line: usize| (line / boards) as f64 + 0.003 * (line % boards) as f64 + jitter * (line % 7) as f64;
            (1..40).map(|line| at(line) - at(line - 1)).collect()
        };
        assert_eq!(burst(&times(4, 1e-4)), Some(4), "four boards");
        assert_eq!(burst(&times(2, 1e-4)), Some(2), "two boards");
        assert_eq!(burst(&times(1, 0.05)), None, "one board, a little late");
        let late: Vec<f64> = (0..40).map(|step| if [7, 20, 33, 35].contains(&step) { 8.0 } else { 1.0 }).collect();
        assert_eq!(burst(&late), None, "gaps here and there");
        assert_eq!(burst(&[]), None, "nothing");
    }
}
