//! A benchmark without an envelope: rows with llama-bench's field names, and kernels as shares of the adapter's own peaks.

use super::energy::Kind;
use super::result::{WorkloadResult, idle_power, unconstrained};
use super::summary::{energy_columns, rate};
use super::table::{line, scaled, table};
use crate::journal::{Conditions, Event};
use crate::units::Watts;
use serde::Serialize;

/// What `dawndusk bench` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Benchmark {
    /// The machine, as found.
    pub conditions: Conditions,
    /// Power with everything open and nothing running.
    pub idle_power_w: Option<Watts>,
    /// One for each workload.
    pub rows: Vec<BenchmarkRow>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkRow {
    /// Rates, spread and energy.
    #[serde(flatten)]
    pub result: WorkloadResult,
    /// FLOP rate over that of `fma` on the same backend in the same run: the adapter's measured arithmetic peak.
    pub share_of_fma_peak: Option<f64>,
    /// Byte rate over that of `copy` on the same backend in the same run: the adapter's measured memory peak.
    pub share_of_copy_peak: Option<f64>,
}

impl Benchmark {
    /// Computes it from the events of a run. None where the machine was never described.
    pub fn from_events(events: &[Event]) -> Option<Benchmark> {
        let events: Vec<&Event> = events.iter().collect();
        let conditions = events.iter().find_map(|event| match event {
            Event::Conditions(conditions) => Some(conditions.as_ref()),
            _ => None,
        })?;
        let idle_power_w = idle_power(&events);
        let results = unconstrained(&events, conditions, idle_power_w);
        let peak = |name: &str, backend: &str, rate: fn(&WorkloadResult) -> f64| {
            results.iter().find(|result| result.name == name && result.backends == backend).map(rate)
        };
        let rows = results
            .iter()
            .map(|result| {
                let fma = peak("fma", &result.backends, |peak| peak.flop_per_s);
                let copy = peak("copy", &result.backends, |peak| peak.bytes_per_s);
                BenchmarkRow {
                    result: result.clone(),
                    share_of_fma_peak: fma.map(|peak| result.flop_per_s / peak),
                    share_of_copy_peak: copy.map(|peak| result.bytes_per_s / peak),
                }
            })
            .collect();
        Some(Benchmark { conditions: conditions.clone(), idle_power_w, rows })
    }

    /// Whether every kernel that was checked agrees with its twin.
    pub fn verified(&self, events: &[Event]) -> bool {
        events.iter().all(Event::is_sound)
    }

    /// A Markdown table.
    pub fn markdown(&self) -> String {
        let kind = self.rows.first().map_or(Kind::Unmeasured, |row| row.result.energy.kind);
        let [power, work] = energy_columns(kind);
        let mut rows =
            vec![["workload", "test", "backend", "rate", "of fma", "of copy", power, work].map(str::to_owned)];
        let percent = |share: Option<f64>| share.map_or("-".into(), |share| format!("{:.0} %", 100.0 * share));
        for row in &self.rows {
            let result = &row.result;
            rows.push([
                result.name.clone(),
                result.test.clone(),
                result.backends.clone(),
                rate(result),
                percent(row.share_of_fma_peak),
                percent(row.share_of_copy_peak),
                result.power_w.map_or("-".into(), |power| format!("{:.2}", power.0)),
                result.work_per_joule.value.map_or("-".into(), |value| scaled(value, &result.unit)),
            ]);
        }
        let mut text = String::new();
        let source = &self.conditions.source;
        table(&mut text, &rows);
        line(&mut text, format_args!("watts: {} ({})", source.name, source.method));
        text
    }

    /// One row for each workload, with a head line.
    pub fn csv(&self) -> String {
        let mut text = String::from(
            "name,test,backends,unit,avg_ts,stddev_ts,median_ts,flop_per_s,bytes_per_s,power_w,energy_kind\n",
        );
        for row in &self.rows {
            let result = &row.result;
            let spread = result.stddev_ts.map(|spread| spread.to_string()).unwrap_or_default();
            let power = result.power_w.map(|power| power.0.to_string()).unwrap_or_default();
            let kind = serde_json::to_value(result.energy.kind).unwrap_or_default();
            line(
                &mut text,
                format_args!(
                    "\"{}\",\"{}\",\"{}\",{},{},{},{},{},{},{power},{}",
                    result.name,
                    result.test,
                    result.backends,
                    result.unit,
                    result.avg_ts,
                    spread,
                    result.median_ts,
                    result.flop_per_s,
                    result.bytes_per_s,
                    kind.as_str().unwrap_or_default()
                ),
            );
        }
        text
    }
}
