//! The flight as curves over one time axis: rows of the timeline with the limits beside them, as one JSON document.
//!
//! Time is that of the simulated orbit in minutes. Power is the mean over each tick, from the energy windows; charge and
//! temperatures are confirmed and stand at the time for which they were confirmed.

use super::super::flight::limit_name;
use super::super::laid::laid;
use super::super::record::Record;
use super::super::result::FlightResult;
use super::head::{celsius, kind, marked};
use super::held::held;
use super::html::{escape, fill};
use super::marks::{self, Mark, marks};
use super::thin::kept;
use crate::envelope::Orbit;
use crate::governor::LimitedBy;
use crate::journal::{ScaleRecord, Tick};
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde_json::{Value, json};

/// A timeline with more rows is thinned to about so many.
const ROWS_MAX: usize = 5000;

/// The section of the page around the curves.
const SECTION: &str = include_str!("flight.html");

/// What is drawn.
pub(super) struct Series {
    /// For the script.
    pub(super) data: Value,
    thinned: String,
    marks: Vec<Mark>,
    workloads: Vec<(String, Option<f64>)>,
    kind: &'static str,
    unit: &'static str,
}

impl Series {
    /// The section of the page.
    pub(super) fn section(&self) -> String {
        let key = |(index, (name, share)): (usize, &(String, Option<f64>))| {
            let share = share.map_or(String::new(), |share| format!(" {:.0} %", 100.0 * share));
            format!("<li><span class=\"key\" data-workload=\"{index}\"></span>{}{share}</li>\n", escape(name))
        };
        fill(SECTION, |part| match part {
            "thinned" => self.thinned.clone(),
            "marks" => marks::list(&self.marks),
            "kind" => self.kind.into(),
            "unit" => self.unit.into(),
            "workloads" => self.workloads.iter().enumerate().map(key).collect(),
            _ => unreachable!("the template names its parts"),
        })
    }
}

/// What a limit is, in words.
pub(super) fn limit_words(limit: LimitedBy) -> &'static str {
    match limit {
        LimitedBy::Energy => "the energy of the orbit",
        LimitedBy::Charge => "the charge floor",
        LimitedBy::Bus => "what the bus can give",
        LimitedBy::Junction => "the junction limit",
        LimitedBy::Loop => "the loop limit",
        LimitedBy::Downlink => "the downlink",
        LimitedBy::Cap => "the power limit on the compute",
        LimitedBy::Stale => "an old reading",
    }
}

/// None where the satellite never left.
pub(super) fn series(result: &FlightResult, record: &Record<'_>) -> Option<Series> {
    let (scale, flown) = (record.scale?, result.flight.as_ref()?);
    let powers = powers(record);
    let all = curves(&record.ticks, &powers);
    let rows = kept(record.ticks.len(), ROWS_MAX, &all);
    let marks = marks(record, scale.time_compression);
    let thinned = match rows.len() == record.ticks.len() {
        true => format!("Every one of the {} ticks is drawn.", rows.len()),
        false => format!(
            "{} of {} ticks are drawn: of each stretch those with the least and the greatest value of every curve. timeline.csv \
             holds all.",
            rows.len(),
            record.ticks.len()
        ),
    };
    let shares = |name: &str| {
        let free = result.unconstrained.iter().find(|workload| workload.name == name).map(|workload| workload.avg_ts);
        free.filter(|rate| *rate > 0.0)
    };
    let mean = |workload: &super::super::flight::WorkloadInFlight| {
        (workload.name.clone(), shares(&workload.name).map(|free| workload.avg_ts / free))
    };
    let workloads: Vec<(String, Option<f64>)> = flown.workloads.iter().map(mean).collect();
    let mut data = limits(result, &scale);
    let drawn = data.as_object_mut().expect("an object");
    drawn.insert("rows".into(), rows_of(record, &rows, &all, &scale));
    drawn.insert("held".into(), stretches(result, record));
    drawn.insert("marks".into(), marks::drawn(&marks));
    drawn.insert("slices".into(), slices(record, &flown.workloads, &shares, scale.time_compression));
    drawn.insert("workloads".into(), workloads.iter().map(|(name, _)| name.as_str()).collect());
    Some(Series { data, thinned, marks, workloads, kind: marked(kind(result)), unit: unit(&scale).0 })
}

/// What must hold, in the units of the curves.
fn limits(result: &FlightResult, scale: &ScaleRecord) -> Value {
    let (satellite, unit) = (&result.plan.satellite, unit(scale));
    json!({
        "power_unit": unit.0,
        "idle": rounded(scale.idle_w.0 / unit.1, 4),
        "full": rounded(scale.full_w.0 / unit.1, 4),
        "charge_min": 100.0 * satellite.battery.soc_min,
        "charge_max": 100.0 * satellite.battery.soc_max,
        "junction_limit": rounded(celsius(Kelvin(satellite.thermal.junction_limit_k)), 2),
        "loop_limit": rounded(celsius(Kelvin(satellite.thermal.loop_limit_k)), 2),
    })
}

/// Watts, or kilowatts for a machine of the satellite's size.
fn unit(scale: &ScaleRecord) -> (&'static str, f64) {
    if scale.full_w >= Watts(1e4) { ("kW", 1e3) } else { ("W", 1.0) }
}

/// Power over each tick and about a hundredth of the flight around it; none where nobody counted it.
fn powers(record: &Record<'_>) -> Vec<[Option<Watts>; 2]> {
    let mut sums = vec![(Joules::ZERO, Seconds::ZERO)];
    let mut pieces = laid(&record.ticks, &record.energy).into_iter().peekable();
    let mut each = Vec::new();
    for tick in &record.ticks {
        let (mut energy, mut time) = (Joules::ZERO, Seconds::ZERO);
        while let Some(piece) = pieces.next_if(|piece| std::ptr::eq(piece.ended, tick)) {
            if let Some(power) = piece.power {
                energy += power * piece.dt;
                time += piece.dt;
            }
        }
        each.push((time > Seconds::ZERO).then(|| energy / time));
        let (all, so_far) = sums[sums.len() - 1];
        sums.push((all + energy, so_far + time));
    }
    let half = (each.len() / 200).max(1);
    let around = |row: usize| {
        let (from, to) = (sums[row.saturating_sub(half)], sums[(row + half + 1).min(each.len())]);
        (to.1 > from.1).then(|| (to.0 - from.0) / (to.1 - from.1))
    };
    each.iter().enumerate().map(|(row, power)| [*power, around(row)]).collect()
}

/// Every curve, in the order in which the script takes them.
fn curves(ticks: &[Tick], powers: &[[Option<Watts>; 2]]) -> Vec<Vec<Option<f64>>> {
    let of = |value: fn(&Tick) -> f64| ticks.iter().map(|tick| Some(value(tick))).collect();
    let power = |which: usize| powers.iter().map(|both| both[which].map(|power| power.0)).collect();
    vec![
        of(|tick| 100.0 * tick.illumination),
        of(|tick| tick.array_w.0),
        power(0),
        power(1),
        of(|tick| tick.budget_w.0),
        of(|tick| 100.0 * tick.soc),
        of(|tick| celsius(tick.junction_k)),
        of(|tick| celsius(tick.loop_k)),
        of(|tick| celsius(tick.radiator_k)),
    ]
}

fn rows_of(record: &Record<'_>, rows: &[usize], curves: &[Vec<Option<f64>>], scale: &ScaleRecord) -> Value {
    let watts = unit(scale).1;
    let curve = |index: usize, divisor: f64, digits: i32| -> Value {
        rows.iter().map(|row| curves[index][*row].map(|value| rounded(value / divisor, digits))).collect()
    };
    let time = |of: &dyn Fn(&Tick) -> f64| -> Value {
        rows.iter().map(|row| rounded(of(&record.ticks[*row]) / 60.0, 4)).collect()
    };
    let k = scale.time_compression;
    json!({
        "minutes": time(&|tick| tick.simulated_s.0),
        "confirmed": time(&|tick| tick.confirmed_s.0 * k),
        "sun": curve(0, 1.0, 2),
        "array": curve(1, watts, 4),
        "power": curve(2, watts, 4),
        "power_mean": curve(3, watts, 4),
        "budget": curve(4, watts, 4),
        "charge": curve(5, 1.0, 3),
        "junction": curve(6, 1.0, 2),
        "loop": curve(7, 1.0, 2),
        "radiator": curve(8, 1.0, 2),
        "by": rows.iter().map(|row| limit_name(record.ticks[*row].limited_by)).collect::<Vec<_>>(),
    })
}

/// Where work was held back: begin and end in minutes, by what, and the share of that time.
fn stretches(result: &FlightResult, record: &Record<'_>) -> Value {
    let profile = &result.plan.satellite.orbit;
    let period = Orbit::new(profile, profile.start).nodal_period;
    let slices = held(record, period / 360.0);
    let each = slices.iter().filter_map(|slice| {
        let by = slice.by?;
        let [begin, end] = [slice.begin, slice.end].map(|time| rounded(time.0 / 60.0, 3));
        Some(json!([begin, end, by.name(), rounded(slice.share, 2)]))
    });
    each.collect()
}

/// Slices of workloads: begin and end in minutes, which workload, and its rate as a share of the unconstrained one in percent.
fn slices(
    record: &Record<'_>,
    workloads: &[super::super::flight::WorkloadInFlight],
    free: &dyn Fn(&str) -> Option<f64>,
    compression: f64,
) -> Value {
    let mut begin = Seconds::ZERO;
    let slice = |done: &crate::journal::WorkDone| {
        let from = begin;
        begin += done.slice_s;
        let minutes = [from, begin].map(|time| rounded(time.0 * compression / 60.0, 3));
        let rate = workloads.get(done.workload).and_then(|workload| free(&workload.name));
        let share = rate.map(|free| rounded(100.0 * done.items / done.slice_s.0 / free, 2));
        json!([minutes[0], minutes[1], done.workload, share])
    };
    record.slices.iter().filter(|done| done.slice_s > Seconds::ZERO).map(slice).collect()
}

/// Few digits keep the page small.
fn rounded(value: f64, digits: i32) -> f64 {
    let power = 10_f64.powi(digits);
    (value * power).round() / power
}
