//! `report.html`: the result as one page for people, in one file that loads nothing.
//!
//! ```text
//!   verdict, headline, orbit            head, orbit
//!   the flight over one time axis       series ──> JSON ──> page.js (uPlot)
//!   workloads, kernels, models, energy  workloads, roofline, models, energy
//!   limits, assumptions, conditions     conduct, conditions
//! ```
//!
//! Every number and every sentence is written here, from the result or from a row of the timeline; the script draws curves and
//! computes nothing. So the page says the same without a script, in print and to a screen reader. The page's policy allows its own
//! scripts by their hashes and forbids every load.

mod conditions;
mod conduct;
mod energy;
mod head;
mod held;
mod html;
mod marks;
mod models;
mod orbit;
mod roofline;
mod series;
mod several;
mod thin;
mod view;
mod workloads;

pub use several::several;

use super::record::Record;
use super::result::FlightResult;
use html::{embedded, escape, fill};
use sha2::{Digest, Sha256};

/// The frame of the page.
const TEMPLATE: &str = include_str!("page.html");
/// How it looks.
const STYLE: &str = include_str!("page.css");
/// What draws the curves.
const SCRIPT: &str = include_str!("page.js");
/// uPlot (MIT), see `uplot/README.md`.
const CHARTS: &str = include_str!("uplot/uPlot.iife.min.js");
/// Its style.
const CHARTS_STYLE: &str = include_str!("uplot/uPlot.min.css");

/// The whole page.
pub(super) fn page(result: &FlightResult, record: &Record<'_>) -> String {
    let flown = series::series(result, record);
    fill(TEMPLATE, |part| match part {
        "policy" => policy(),
        "title" => escape(&title(result)),
        "style" => format!("{CHARTS_STYLE}\n{STYLE}"),
        "charts" => CHARTS.into(),
        "script" => SCRIPT.into(),
        "head" => head::head(result),
        "orbit" => orbit::orbit(result, record),
        "flight" => flown.as_ref().map_or(NOT_FLOWN.into(), series::Series::section),
        "data" => embedded(&flown.as_ref().map_or(serde_json::Value::Null, |flown| flown.data.clone())),
        "workloads" => workloads::workloads(result),
        "energy" => energy::energy(result),
        "kernels" => roofline::roofline(result),
        "models" => models::models(result),
        "conduct" => conduct::conduct(result),
        "conditions" => conditions::conditions(result),
        _ => unreachable!("the template names its parts"),
    })
}

/// In the place of the curves.
const NOT_FLOWN: &str = "<p>The satellite never left: there is nothing to draw.</p>\n";

fn title(result: &FlightResult) -> String {
    format!("{}: {}", result.plan.satellite_name, result.verdict.class)
}

/// Nothing is loaded from anywhere, and no script runs but these two.
fn policy() -> String {
    let [charts, script] = [CHARTS, SCRIPT].map(|text| base64(&Sha256::digest(text)));
    format!(
        "default-src 'none'; script-src 'sha256-{charts}' 'sha256-{script}'; style-src 'unsafe-inline'; img-src data:; \
         base-uri 'none'; form-action 'none'"
    )
}

/// Base64 with padding, as a policy spells a hash.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().enumerate().fold(0_u32, |bits, (at, byte)| bits | u32::from(*byte) << (16 - 8 * at));
        for digit in 0..4 {
            let letter = DIGITS[(bits >> (18 - 6 * digit)) as usize & 63];
            text.push(if digit <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_as_everybody_does() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded, "RFC 4648, section 10");
        }
    }
}
