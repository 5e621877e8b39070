//! A benchmark without an envelope: rows with llama-bench's field names, and kernels as shares of the adapter's own peaks.

use super::result::{WorkloadResult, idle_power, unconstrained};
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
}
