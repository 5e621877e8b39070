//! Energy of the flight by workload as bars, with the bounds of what was measured. A model has no bounds and is drawn hollow.

use super::super::energy::{Energy, Kind};
use super::super::result::FlightResult;
use super::super::summary::joules;
use super::html::{escape, terms};
use std::fmt::Write;

/// Height of a row, and where bars begin and end.
const ROW: f64 = 26.0;
const BARS: (f64, f64) = (120.0, 520.0);

/// The bars, and the energy of the whole flight with what other meters saw of it.
pub(super) fn energy(result: &FlightResult) -> String {
    let Some(flown) = &result.flight else { return "<p>Nothing was drawn in flight.</p>\n".into() };
    let mut lines = vec![("the whole flight".to_owned(), joules(&flown.energy))];
    for beside in &flown.energy.beside {
        let value = match (beside.value_j, beside.low_j, beside.high_j) {
            (Some(value), Some(low), Some(high)) => format!("{:.1} J ({:.1} to {:.1}, k = 2)", value.0, low.0, high.0),
            (Some(value), ..) => format!("{:.1} J (its band is not stated)", value.0),
            _ => "not known".into(),
        };
        let apart = beside.disagreement_share.map_or(String::new(), |share| format!(", {:.1} % apart", 100.0 * share));
        lines.push((format!("beside it, {}", beside.source), format!("{value} of {}{apart}", beside.boundary)));
    }
    lines.extend(result.meter_files.iter().map(|file| ("a meter's own file".to_owned(), file.to_string())));
    let bars: Vec<(&str, &Energy)> = flown.workloads.iter().map(|one| (one.name.as_str(), &one.energy)).collect();
    format!("{}{}", terms(&lines), chart(&bars))
}

fn chart(bars: &[(&str, &Energy)]) -> String {
    let most = |(_, energy): &(&str, &Energy)| energy.high_j.or(energy.value_j).map_or(0.0, |value| value.0);
    let longest = bars.iter().map(most).fold(0.0, f64::max);
    if longest <= 0.0 {
        return "<p>No workload has an energy.</p>\n".into();
    }
    let x = |joules: f64| BARS.0 + (BARS.1 - BARS.0) * joules / longest;
    let mut rows = String::new();
    for (number, (name, energy)) in bars.iter().enumerate() {
        let (top, middle) = (ROW * number as f64 + 5.0, ROW * (number as f64 + 0.5));
        let _ = writeln!(
            rows,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            BARS.0 - 8.0,
            middle + 4.0,
            escape(name)
        );
        let Some(value) = energy.value_j else {
            let _ =
                writeln!(rows, "<text x=\"{}\" y=\"{}\" class=\"none\">not known</text>", BARS.0 + 4.0, middle + 4.0);
            continue;
        };
        let class = if energy.kind == Kind::Measured { "bar" } else { "bar modelled" };
        let width = x(value.0) - BARS.0;
        let _ = writeln!(
            rows,
            "<rect class=\"{class}\" x=\"{}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\"/>",
            BARS.0,
            ROW - 10.0
        );
        let mut end = x(value.0);
        if let Some((low, high)) = energy.low_j.zip(energy.high_j) {
            let [from, to] = [low, high].map(|bound| x(bound.0));
            end = end.max(to);
            let _ = writeln!(
                rows,
                "<path class=\"bound\" d=\"M{from:.1} {0}V{1}M{from:.1} {middle}H{to:.1}M{to:.1} {0}V{1}\"/>",
                middle - 5.0,
                middle + 5.0
            );
        }
        let _ = writeln!(rows, "<text x=\"{:.1}\" y=\"{}\">{:.1} J</text>", end + 6.0, middle + 4.0, value.0);
    }
    let height = ROW * bars.len() as f64;
    format!(
        "<figure>\n<svg class=\"bars\" viewBox=\"0 0 620 {height}\" role=\"img\" aria-label=\"Energy of each workload in flight\">\n\
         {rows}</svg>\n<figcaption>Energy of each workload in flight, idle power included. Whiskers: lower and upper bound \
         (k = 2). Hollow bars are modelled and have none.</figcaption>\n</figure>\n"
    )
}
