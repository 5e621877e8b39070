//! What the flight loop costs, from its pairs.
//!
//! | cost of a pair, percent | definition |
//! |---|---|
//! | overhead | 1 - governed rate / fixed rate |
//! | between batches | 1 - governed busy share / fixed busy share |
//! | CPU time | (governed - fixed CPU time of the loop for each batch) / fixed CPU time of this process for each batch |
//!
//! Over zero, the loop slows the work down. The first is what counts; on a machine whose speed changes from arm to arm it
//! drowns, and the other two are what it is made of: the machine waits for the loop, or (where this process itself does
//! the work, as under a software renderer) the loop takes its cores. An interval is the bootstrap's of the median over
//! the pairs ([`Summary`]).

use super::record::Record;
use super::table::{line, table};
use crate::journal::{Arm, Conditions, Event, MeterCost, Pair};
use crate::stats::{self, Summary};
use serde::Serialize;

/// What `dawndusk bench --overhead` found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverheadResult {
    /// Program and version that measured.
    pub program: String,
    /// Wall clock at the start, UTC.
    pub test_time: String,
    /// The machine, as found.
    pub conditions: Conditions,
    /// One for each workload.
    pub rows: Vec<OverheadRow>,
    /// What the meter took of the governed arms; null where the run was cut short.
    pub meter: Option<MeterCost>,
}

/// One workload.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverheadRow {
    /// Name.
    pub workload: String,
    /// Median rate under governor, meter, pacer and journal, batches/s.
    pub governed_batches_per_s: f64,
    /// Median rate without them, batches/s.
    pub fixed_batches_per_s: f64,
    /// Cost, percent: median over the pairs, with its 95 % interval.
    pub overhead_percent: Summary,
    /// Time between batches that the loop adds, percent.
    pub between_batches_percent: Summary,
    /// CPU time that the loop adds to a batch, percent of the batch's own; null where it cannot be read. It slows the
    /// work down only where this process does the work.
    pub cpu_percent: Option<Summary>,
    /// Sample standard deviation of the overhead over the pairs, percentage points; null for one pair.
    pub stddev_percent: Option<f64>,
    /// Of each pair, percent.
    pub samples_percent: Vec<f64>,
}

impl OverheadResult {
    /// Computes it; none where no pair ended. `seed` draws the resamples of the intervals.
    pub fn from_events(events: &[Event], seed: u64) -> Option<OverheadResult> {
        let record = Record::from_events(events).ok()?;
        let conditions = record.conditions?;
        let names = conditions.workloads.iter().map(|workload| workload.name.as_str());
        let rows: Vec<OverheadRow> = names.filter_map(|name| row(name, &record.pairs, seed)).collect();
        (!rows.is_empty()).then(|| OverheadResult {
            program: record.program.to_owned(),
            test_time: record.test_time.to_owned(),
            conditions: conditions.clone(),
            rows,
            meter: record.meter_cost,
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let heads =
            ["workload", "pairs", "governed", "fixed", "overhead, %", "spread, %", "between batches, %", "CPU time, %"];
        let mut rows = vec![heads.map(str::to_owned)];
        for row in &self.rows {
            rows.push([
                row.workload.clone(),
                row.overhead_percent.n.to_string(),
                format!("{:.2}/s", row.governed_batches_per_s),
                format!("{:.2}/s", row.fixed_batches_per_s),
                with_interval(&row.overhead_percent),
                row.stddev_percent.map_or("-".into(), |deviation| format!("{deviation:.2}")),
                with_interval(&row.between_batches_percent),
                row.cpu_percent.as_ref().map_or("-".into(), with_interval),
            ]);
        }
        let mut text = String::new();
        table(&mut text, &rows);
        line!(
            text,
            "overhead     1 - governed / fixed: median over pairs (95 % interval), spread as sample standard deviation"
        );
        if let Some(cost) = &self.meter {
            let took = super::summary::meter(cost);
            let look = 1e6 * cost.waited_s.0 / cost.looks.max(1) as f64;
            let source = &self.conditions.source.name;
            line!(text, "meter        {source}: {took}; a look takes {look:.1} µs");
        }
        text
    }
}

fn row(name: &str, pairs: &[&Pair], seed: u64) -> Option<OverheadRow> {
    let arms: Vec<(Arm, Arm)> =
        pairs.iter().filter(|pair| pair.workload == name).map(|pair| (pair.governed, pair.fixed)).collect();
    let percent = |cost: &dyn Fn(Arm, Arm) -> Option<f64>| -> Option<Vec<f64>> {
        arms.iter().map(|(governed, fixed)| cost(*governed, *fixed).map(|ratio| 100.0 * (1.0 - ratio))).collect()
    };
    let samples = percent(&|governed, fixed| Some(governed.batches_per_s() / fixed.batches_per_s()))?;
    let between = percent(&|governed, fixed| Some(governed.busy_share() / fixed.busy_share()))?;
    let cpu = percent(&|governed, fixed| {
        let added = governed.loop_cpu_s_per_batch? - fixed.loop_cpu_s_per_batch?;
        Some(1.0 - added / fixed.cpu_s_per_batch?)
    });
    let median = |rate: fn(&(Arm, Arm)) -> f64| stats::median(&arms.iter().map(rate).collect::<Vec<_>>());
    Some(OverheadRow {
        workload: name.to_owned(),
        governed_batches_per_s: median(|(governed, _)| governed.batches_per_s())?,
        fixed_batches_per_s: median(|(_, fixed)| fixed.batches_per_s())?,
        overhead_percent: Summary::of(&samples, seed)?,
        between_batches_percent: Summary::of(&between, seed)?,
        cpu_percent: cpu.and_then(|cpu| Summary::of(&cpu, seed)),
        stddev_percent: stats::sample_standard_deviation(&samples),
        samples_percent: samples,
    })
}

/// `median (low to high)`.
fn with_interval(summary: &Summary) -> String {
    let interval =
        summary.low.zip(summary.high).map_or(String::new(), |(low, high)| format!(" ({low:.2} to {high:.2})"));
    format!("{:.2}{interval}", summary.median)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Seconds;

    #[test]
    fn a_loop_that_takes_a_percent_is_found_to_take_a_percent() {
        let arm = |batches, seconds, cpu: f64| Arm {
            batches,
            duration_s: Seconds(seconds),
            busy_s: Seconds(0.95),
            cpu_s_per_batch: Some(Seconds(0.02)),
            loop_cpu_s_per_batch: Some(Seconds(cpu)),
        };
        let pair = |slow: f64| Pair {
            workload: "gemm".into(),
            governed: arm(100, 1.0 / (1.0 - slow), 0.001 + 0.04 * slow),
            fixed: arm(100, 1.0, 0.001),
            fixed_first: false,
        };
        let pairs: Vec<Pair> = [0.009, 0.010, 0.011, 0.010, 0.012, 0.008, 0.010].map(pair).into();
        let found = row("gemm", &pairs.iter().collect::<Vec<_>>(), 1).expect("seven pairs");
        let Summary { median, low, high, n, .. } = found.overhead_percent;
        assert!((median - 1.0).abs() < 1e-9 && n == 7, "one percent: {found:?}");
        assert!(
            low.is_some_and(|low| low >= 0.8) && high.is_some_and(|high| high <= 1.2),
            "within the pairs: {found:?}"
        );
        let near = |what: &str, found: Option<f64>, expected: f64| {
            assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{what}: {found:?}, not {expected}");
        };
        near("batches take as long, so the percent is between them", Some(found.between_batches_percent.median), 1.0);
        near("twice as much in CPU time", found.cpu_percent.map(|cpu| cpu.median), 2.0);
        assert_eq!(row("other", &[], 1), None, "a workload without a pair has no row");
    }
}
