//! What the flight loop costs, from its pairs.
//!
//! The cost of a pair is `1 - governed rate / fixed rate` in percent; over zero, the loop slows the work down. Its
//! interval is the bootstrap's of the median over the pairs ([`Summary`]).

use super::table::{line, table};
use crate::journal::{Conditions, Event, MeterCost, Pair};
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
    /// What the meter takes; null where the run was cut short.
    pub meter: Option<MeterCost>,
    /// CPU time of the looks over the time of the flight: the meter's share of one core.
    pub meter_core_share: Option<f64>,
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
    /// Sample standard deviation over the pairs, percentage points; null for one pair.
    pub stddev_percent: Option<f64>,
    /// Of each pair, percent.
    pub samples_percent: Vec<f64>,
}

impl OverheadResult {
    /// Computes it; none where no pair ended. `seed` draws the resamples of the intervals.
    pub fn from_events(events: &[Event], seed: u64) -> Option<OverheadResult> {
        let conditions = events.iter().find_map(|event| match event {
            Event::Conditions(conditions) => Some(conditions.as_ref().clone()),
            _ => None,
        })?;
        let (program, test_time) = events.iter().find_map(|event| match event {
            Event::Benched { program, test_time, .. } => Some((program.clone(), test_time.clone())),
            _ => None,
        })?;
        let pairs: Vec<&Pair> =
            events.iter().filter_map(|event| if let Event::Paired(pair) = event { Some(pair) } else { None }).collect();
        let names = conditions.workloads.iter().map(|workload| workload.name.as_str());
        let rows: Vec<OverheadRow> = names.filter_map(|name| row(name, &pairs, seed)).collect();
        let meter = events.iter().find_map(|event| if let Event::MeterCost(cost) = event { Some(*cost) } else { None });
        let meter_core_share = meter.and_then(|cost| cost.cpu_s.map(|cpu| cpu.0 * cost.looks_per_s));
        (!rows.is_empty()).then_some(OverheadResult { program, test_time, conditions, rows, meter, meter_core_share })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut rows =
            vec![["workload", "pairs", "governed", "fixed", "overhead", "95 % interval", "spread"].map(str::to_owned)];
        for row in &self.rows {
            let Summary { n, median, low, high, .. } = row.overhead_percent;
            rows.push([
                row.workload.clone(),
                n.to_string(),
                format!("{:.2}/s", row.governed_batches_per_s),
                format!("{:.2}/s", row.fixed_batches_per_s),
                format!("{median:.2} %"),
                low.zip(high).map_or("-".into(), |(low, high)| format!("{low:.2} to {high:.2} %")),
                row.stddev_percent.map_or("-".into(), |deviation| format!("{deviation:.2} %")),
            ]);
        }
        let mut text = String::new();
        table(&mut text, &rows);
        line(&mut text, format_args!("overhead     1 - governed / fixed: median, spread as sample standard deviation"));
        if let Some(MeterCost { looks, read_s, cpu_s, looks_per_s }) = self.meter {
            let cpu = cpu_s.map_or("-".into(), |cpu| format!("{:.1} µs", cpu.0 * 1e6));
            let share = self.meter_core_share.map_or("-".into(), |share| format!("{:.3} %", 100.0 * share));
            line(
                &mut text,
                format_args!(
                    "meter        {}: a look takes {:.1} µs, {cpu} of CPU time (mean of {looks}); {looks_per_s:.1} looks/s are \
                     {share} of one core",
                    self.conditions.source.name,
                    read_s.0 * 1e6,
                ),
            );
        }
        text
    }
}

fn row(name: &str, pairs: &[&Pair], seed: u64) -> Option<OverheadRow> {
    let rates: Vec<(f64, f64)> = pairs
        .iter()
        .filter(|pair| pair.workload == name)
        .map(|pair| (pair.governed.batches_per_s(), pair.fixed.batches_per_s()))
        .collect();
    let samples: Vec<f64> = rates.iter().map(|(governed, fixed)| 100.0 * (1.0 - governed / fixed)).collect();
    let (governed, fixed): (Vec<f64>, Vec<f64>) = rates.into_iter().unzip();
    Some(OverheadRow {
        workload: name.to_owned(),
        governed_batches_per_s: stats::median(&governed)?,
        fixed_batches_per_s: stats::median(&fixed)?,
        overhead_percent: Summary::of(&samples, seed)?,
        stddev_percent: stats::sample_standard_deviation(&samples),
        samples_percent: samples,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Arm;
    use crate::units::Seconds;

    #[test]
    fn a_loop_that_takes_a_percent_is_found_to_take_a_percent() {
        let arm = |batches, seconds| Arm { batches, duration_s: Seconds(seconds) };
        let pair = |slow: f64| Pair {
            workload: "gemm".into(),
            governed: arm(100, 1.0 / (1.0 - slow)),
            fixed: arm(200, 2.0),
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
        assert_eq!(row("other", &[], 1), None, "a workload without a pair has no row");
    }
}
