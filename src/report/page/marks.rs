//! What happened at a moment of the flight: faults that were asked for, changes of regime, assumptions that broke.

use super::super::record::Record;
use super::html::escape;
use crate::units::Seconds;
use serde_json::{Value, json};

/// More than so many are not listed; the journal has them all.
const LISTED: usize = 60;

/// A moment.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// Simulated time since the ascending node.
    pub(super) at: Seconds,
    /// `fault`, `regime` or `assumption`.
    pub(super) kind: &'static str,
    /// What happened.
    pub(super) text: String,
}

/// All of them in order of time; `compression` is the simulated time in one second of the machine's.
pub(super) fn marks(record: &Record<'_>, compression: f64) -> Vec<Mark> {
    let mut marks = Vec::new();
    for fault in record.faults.iter().flat_map(|faults| &faults.faults) {
        // NAME[=VALUE]@START[+DURATION], in simulated seconds.
        let Some((name, time)) = fault.split_once('@') else { continue };
        let mut times = time.split('+').map(|part| part.parse().map(Seconds));
        let Some(Ok(begin)) = times.next() else { continue };
        marks.push(Mark { at: begin, kind: "fault", text: format!("fault: {fault}") });
        if let Some(Ok(lasts)) = times.next() {
            marks.push(Mark { at: begin + lasts, kind: "fault", text: format!("end of the fault {name}") });
        }
    }
    for (at, change) in &record.transitions {
        let text = format!("regime: {} after {} ({})", change.to, change.from, change.cause);
        marks.push(Mark { at: *at * compression, kind: "regime", text });
    }
    for broken in &record.broken {
        let text =
            format!("assumption broken: {}, {:.4} seen, {} assumed", broken.assumption, broken.seen, broken.assumed);
        marks.push(Mark { at: broken.at_s * compression, kind: "assumption", text });
    }
    marks.sort_by(|one, two| one.at.0.total_cmp(&two.at.0));
    marks
}

/// For the curves: minutes and kind.
pub(super) fn drawn(marks: &[Mark]) -> Value {
    let mark = |mark: &Mark| json!([mark.at.0 / 60.0, mark.kind]);
    marks.iter().take(LISTED).map(mark).collect()
}

/// For reading.
pub(super) fn list(marks: &[Mark]) -> String {
    if marks.is_empty() {
        return "<p>No fault, no change of regime and no broken assumption.</p>\n".into();
    }
    let item = |mark: &Mark| {
        format!("<li class=\"{}\"><b>{:.1} min</b> {}</li>\n", mark.kind, mark.at.0 / 60.0, escape(&mark.text))
    };
    let items: String = marks.iter().take(LISTED).map(item).collect();
    let more = match marks.len().checked_sub(LISTED) {
        Some(more) if more > 0 => format!("<p>{more} more are in journal.jsonl.</p>\n"),
        _ => String::new(),
    };
    format!("<p>Dashed lines in the curves stand at these moments.</p>\n<ol class=\"marks\">\n{items}</ol>\n{more}")
}
