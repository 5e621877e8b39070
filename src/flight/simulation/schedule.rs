//! A load given as a table: `t_s,power_w`, each row holds until the next and the last one to the end.
//!
//! Times are simulated seconds from the start, powers watts of the simulated (scaled) satellite's compute. Empty lines
//! and lines that begin with `#` are skipped.

use crate::units::{Seconds, Watts};

/// The only header there is.
const HEADER: &str = "t_s,power_w";
/// Most rows.
const MOST_ROWS: usize = 1_000_000;

/// A load over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Times that rise strictly from zero.
    rows: Vec<(Seconds, Watts)>,
}

/// Why a table is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: found {found}; expected {allowed}")]
pub struct ScheduleError {
    /// The file's name.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What stands there.
    pub found: String,
    /// What may stand there.
    pub allowed: String,
}

impl Schedule {
    /// Reads the table in `text`; `file` names it in errors.
    ///
    /// # Errors
    /// [`ScheduleError`] at the first line that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Schedule, ScheduleError> {
        let refuse = |line: usize, found: String, allowed: &str| ScheduleError {
            file: file.to_owned(),
            line,
            found,
            allowed: allowed.to_owned(),
        };
        let kept = |(_, line): &(usize, &str)| !line.trim().is_empty() && !line.starts_with('#');
        let mut lines = text.lines().enumerate().filter(kept).map(|(index, line)| (index + 1, line.trim()));
        let (line, header) = lines.next().ok_or_else(|| refuse(1, "nothing".to_owned(), "the header t_s,power_w"))?;
        if header.trim_start_matches('\u{feff}') != HEADER {
            return Err(refuse(line, format!("`{header}`"), "the header t_s,power_w"));
        }
        let mut rows: Vec<(Seconds, Watts)> = Vec::new();
        for (line, row) in lines {
            let Some((time, power)) = row.split_once(',') else {
                return Err(refuse(line, format!("`{row}`"), "two numbers with a comma between them"));
            };
            let time = number(time).filter(|time| *time >= 0.0);
            let time = time.ok_or_else(|| refuse(line, format!("`{row}`"), "t_s in seconds, finite, at least 0"))?;
            let power = number(power).filter(|power| *power >= 0.0);
            let power =
                power.ok_or_else(|| refuse(line, format!("`{row}`"), "power_w in watts, finite, at least 0"))?;
            match rows.last() {
                None if time != 0.0 => return Err(refuse(line, format!("t_s {time}"), "t_s 0 in the first row")),
                Some((before, _)) if time <= before.0 => {
                    let allowed = format!("t_s over {}, the time of the row before", before.0);
                    return Err(refuse(line, format!("t_s {time}"), &allowed));
                }
                _ => rows.push((Seconds(time), Watts(power))),
            }
            if rows.len() > MOST_ROWS {
                return Err(refuse(line, format!("row {}", rows.len()), "at most a million rows"));
            }
        }
        if rows.is_empty() {
            return Err(refuse(text.lines().count(), "no row".to_owned(), "at least the row `0,` with a power"));
        }
        Ok(Schedule { rows })
    }

    /// The power at simulated time `t`, and when it changes next.
    pub(super) fn at(&self, t: Seconds) -> (Watts, Option<Seconds>) {
        let next = self.rows.partition_point(|row| row.0 <= t);
        let power = self.rows[next.saturating_sub(1)].1;
        (power, self.rows.get(next).map(|row| row.0))
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_until_the_next() {
        let schedule = Schedule::parse("a.csv", "# two steps\nt_s,power_w\n0,100\n\n60.5, 250\n").expect("well formed");
        assert_eq!(schedule.at(Seconds(0.0)), (Watts(100.0), Some(Seconds(60.5))), "the first row");
        assert_eq!(schedule.at(Seconds(60.4)), (Watts(100.0), Some(Seconds(60.5))), "just before the switch");
        assert_eq!(schedule.at(Seconds(60.5)), (Watts(250.0), None), "the last row, from its time on");
    }

    #[test]
    fn a_wrong_table_is_refused_with_file_line_and_range() {
        let cases = [
            ("", "load.csv, line 1: found nothing; expected the header t_s,power_w"),
            ("t,p\n0,1\n", "load.csv, line 1: found `t,p`; expected the header t_s,power_w"),
            ("t_s,power_w\n", "load.csv, line 1: found no row; expected at least the row `0,` with a power"),
            ("t_s,power_w\n5,1\n", "load.csv, line 2: found t_s 5; expected t_s 0 in the first row"),
            ("t_s,power_w\n0\n", "load.csv, line 2: found `0`; expected two numbers with a comma between them"),
            (
                "t_s,power_w\n0,1\n0,2\n",
                "load.csv, line 3: found t_s 0; expected t_s over 0, the time of the row before",
            ),
            ("t_s,power_w\n0,-1\n", "load.csv, line 2: found `0,-1`; expected power_w in watts, finite, at least 0"),
            ("t_s,power_w\nnan,1\n", "load.csv, line 2: found `nan,1`; expected t_s in seconds, finite, at least 0"),
            ("t_s,power_w\n0,1,2\n", "load.csv, line 2: found `0,1,2`; expected power_w in watts, finite, at least 0"),
        ];
        for (text, message) in cases {
            let refused = Schedule::parse("load.csv", text).expect_err(message).to_string();
            assert_eq!(refused, message, "for {text:?}");
        }
    }
}
