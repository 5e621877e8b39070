//! What the flight itself did: work, energy, limits kept and broken.
//!
//! Work of different kinds is added as *full-speed seconds*: items over the unconstrained rate of the same workload on
//! the same machine in the same run. A flight that is never throttled earns one full-speed second each second.

use super::energy::{Energy, WorkPerJoule, witnesses_of};
use super::held::held;
use super::result::WorkloadResult;
use super::score::{Evidence, Scored, scored};
use crate::journal::{Breaches, Conditions, Drawn, Event, FlightPlan, ScaleRecord, Tick};
use crate::reading::Throttling;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::Serialize;
use std::collections::BTreeMap;

/// The flight in figures. Times are on the machine's clock unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flown {
    /// From departure to the last tick.
    pub duration_s: Seconds,
    /// Simulated time of it.
    pub simulated_s: Seconds,
    /// Governor ticks.
    pub ticks: u64,
    /// Share of the ticks that had a reading.
    pub reading_share: f64,
    /// Drawn in flight, idle included.
    pub energy: Energy,
    /// Mean power that heated and drained the spacecraft.
    pub mean_load_w: Watts,
    /// Mean budget.
    pub mean_budget_w: Watts,
    /// How far the mean power was from the mean budget, as a share of the budget, over the worst 10 s of the machine's time
    /// in which the budget bound; null where it never did for so long, or readings were missing.
    pub largest_deviation_10_s_share: Option<f64>,
    /// Time at the ends of such stretches, share of the flight.
    pub bound_10_s_share: f64,
    /// Work done, in full-speed seconds.
    pub work_s: Seconds,
    /// Work over duration: what is left of the unconstrained machine.
    pub share_of_unconstrained: f64,
    /// No governor can do more work than this; null where nothing limits or nothing was measured.
    pub upper_bound_s: Option<Seconds>,
    /// Work over the upper bound; null where the envelope was broken, for a broken limit buys no score, and where the
    /// flight was faster than its own calibration, for then the machine and not the governor is what was seen.
    pub share_of_upper_bound: Option<f64>,
    /// Lowest charge.
    pub soc_lowest: f64,
    /// Charge at the end.
    pub soc_end: f64,
    /// Hottest junction.
    pub junction_highest_k: Kelvin,
    /// Hottest loop.
    pub loop_highest_k: Kelvin,
    /// Share of the time that each limit bound the budget.
    pub limited_by_share: BTreeMap<String, f64>,
    /// What was broken; null where the program was killed before it could say.
    pub breaches: Option<Breaches>,
    /// Share of the array's energy that the energy books cannot account for (rounding).
    pub ledger_residual: Option<f64>,
    /// Results sent down the link.
    pub sent_bits: Option<f64>,
    /// Results still waiting for it.
    pub backlog_bits: Option<f64>,
    /// For how long the device was slowed down; null where nobody says.
    pub throttled: Option<Throttling>,
    /// What kept the machine from full speed.
    pub slowed_by: SlowedBy,
    /// How well the governor did.
    #[serde(flatten)]
    pub scored: Scored,
    /// Each workload in flight.
    pub workloads: Vec<FlownWorkload>,
}

/// What kept the machine from full speed: shares of the time of all slices. The governor's and the starved share are told
/// from the flight's own clock, the others by the device, and those may fall into any of the time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SlowedBy {
    /// Work was there and the governor held it back.
    pub governor_share: f64,
    /// Nothing ran and nothing was held back: the device waited for its host.
    pub starved_share: f64,
    /// Firmware kept a power limit; null where nobody says.
    pub power_cap_share: Option<f64>,
    /// It was too hot, or the hardware protected itself; null where nobody says.
    pub thermal_share: Option<f64>,
}

/// One workload in flight. Its energy is that of its slices, pauses included; slices end between two batches, and
/// their energy is told apart to within one tick.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlownWorkload {
    /// Name.
    pub name: String,
    /// What one item is.
    pub unit: String,
    /// Items done.
    pub items: f64,
    /// Time of its slices.
    pub slice_s: Seconds,
    /// Time inside batches.
    pub busy_s: Seconds,
    /// Rate over its slices, items/s.
    pub avg_ts: f64,
    /// Drawn in its slices.
    pub energy: Energy,
    /// Items for each joule.
    pub work_per_joule: WorkPerJoule,
}

/// Computes it; none where the satellite never left or no tick was recorded.
pub(super) fn flown(
    events: &[&Event],
    plan: &FlightPlan,
    conditions: &Conditions,
    unconstrained: &[WorkloadResult],
) -> Option<Flown> {
    let ticks: Vec<&Tick> =
        events.iter().filter_map(|event| if let Event::Tick(tick) = event { Some(tick) } else { None }).collect();
    let scale = events.iter().find_map(|event| if let Event::Scaled(scale) = event { Some(scale) } else { None })?;
    let last = ticks.last()?;
    let workloads = flown_workloads(events, conditions, scale);
    let rates = unconstrained.iter().map(|workload| workload.avg_ts);
    let work_s = workloads.iter().zip(rates).map(|(workload, rate)| workload.items / rate).sum::<f64>();
    let arrival = arrival(events);
    let upper_bound_s = arrival.and_then(|arrival| arrival.upper_bound_s);
    let unbroken = arrival.is_some_and(|arrival| !arrival.breaches.any());
    let seen = conditions.workloads.iter().all(|workload| conditions.sees(&workload.backend));
    let held = held(&ticks);
    let drawn = arrival.map_or_else(|| total(events), |arrival| arrival.drawn);
    let scored = scored(&Evidence {
        plan,
        scale,
        ticks: &ticks,
        breaches: arrival.as_ref().map(|arrival| &arrival.breaches),
        counted: arrival.and_then(|arrival| arrival.drawn.energy_j),
        work: Seconds(work_s),
        powers: unconstrained.iter().map(|workload| workload.power_w).collect(),
    });
    Some(Flown {
        duration_s: last.flight_s,
        simulated_s: last.simulated_s,
        ticks: ticks.len() as u64,
        reading_share: ticks.iter().filter(|tick| tick.power_w.is_some()).count() as f64 / ticks.len() as f64,
        energy: Energy::of(&drawn, &conditions.source, seen).beside(&witnesses_of(events, None)),
        mean_load_w: mean_over_time(&ticks, |tick| tick.load_w),
        mean_budget_w: mean_over_time(&ticks, |tick| tick.budget_w),
        largest_deviation_10_s_share: held.largest_deviation,
        bound_10_s_share: held.bound_share,
        work_s: Seconds(work_s),
        share_of_unconstrained: work_s / last.flight_s.0,
        upper_bound_s,
        share_of_upper_bound: upper_bound_s
            .filter(|_| unbroken)
            .map(|bound| work_s / bound.0)
            .filter(|share| *share <= 1.0),
        soc_lowest: ticks.iter().map(|tick| tick.soc).fold(f64::INFINITY, f64::min),
        soc_end: last.soc,
        junction_highest_k: ticks.iter().map(|tick| tick.junction_k).fold(Kelvin::ZERO, Kelvin::max),
        loop_highest_k: ticks.iter().map(|tick| tick.loop_k).fold(Kelvin::ZERO, Kelvin::max),
        limited_by_share: limited_by_share(&ticks),
        breaches: arrival.map(|arrival| arrival.breaches),
        ledger_residual: arrival.map(|arrival| arrival.ledger_residual),
        sent_bits: arrival.map(|arrival| arrival.sent_bits),
        backlog_bits: arrival.map(|arrival| arrival.backlog_bits),
        throttled: drawn.throttled,
        slowed_by: slowed_by(events, drawn.throttled, last.flight_s),
        scored,
        workloads,
    })
}

/// What the last tick before the closing entry knew.
#[derive(Clone, Copy)]
struct Arrival {
    breaches: Breaches,
    drawn: Drawn,
    ledger_residual: f64,
    sent_bits: f64,
    backlog_bits: f64,
    upper_bound_s: Option<Seconds>,
}

fn arrival(events: &[&Event]) -> Option<Arrival> {
    events.iter().rev().find_map(|event| match event {
        Event::Arrived { breaches, drawn, ledger_residual, sent_bits, backlog_bits, upper_bound_s } => Some(Arrival {
            breaches: *breaches,
            drawn: *drawn,
            ledger_residual: *ledger_residual,
            sent_bits: *sent_bits,
            backlog_bits: *backlog_bits,
            upper_bound_s: *upper_bound_s,
        }),
        _ => None,
    })
}

fn flown_workloads(events: &[&Event], conditions: &Conditions, scale: &ScaleRecord) -> Vec<FlownWorkload> {
    let mut workloads = Vec::new();
    for (index, record) in conditions.workloads.iter().enumerate() {
        let (mut items, mut busy_s, mut slice_s) = (0.0, Seconds::ZERO, Seconds::ZERO);
        let mut sum: Option<Drawn> = None;
        for event in events {
            let Event::Work(work) = event else { continue };
            if work.workload == index {
                items += work.items;
                busy_s += work.busy_s;
                slice_s += work.slice_s;
                sum = Some(sum.map_or(work.drawn, |sum| sum.plus(&work.drawn)));
            }
        }
        let seen = conditions.sees(&record.backend);
        let energy = Energy::of(&sum.unwrap_or_default(), &conditions.source, seen);
        workloads.push(FlownWorkload {
            name: record.name.clone(),
            unit: record.unit.clone(),
            items,
            slice_s,
            busy_s,
            avg_ts: if slice_s > Seconds::ZERO { items / slice_s.0 } else { 0.0 },
            work_per_joule: WorkPerJoule::of(items, &energy, slice_s, Some(scale.idle_w)),
            energy,
        });
    }
    workloads
}

fn slowed_by(events: &[&Event], throttled: Option<Throttling>, flight: Seconds) -> SlowedBy {
    let (mut held, mut idle, mut all) = (Seconds::ZERO, Seconds::ZERO, Seconds::ZERO);
    for event in events {
        let Event::Work(work) = event else { continue };
        held += work.held_s;
        idle += (work.slice_s - work.busy_s - work.held_s).max(Seconds::ZERO);
        all += work.slice_s;
    }
    let share = |time: Seconds, of: Seconds| if of > Seconds::ZERO { time / of } else { 0.0 };
    SlowedBy {
        governor_share: share(held, all),
        starved_share: share(idle, all),
        power_cap_share: throttled.map(|times| share(times.power_cap_s, flight)),
        thermal_share: throttled.map(|times| share(times.harmful_s(), flight)),
    }
}

/// The energy of a flight that was killed: the sum of its slices, which follow one another without a gap.
fn total(events: &[&Event]) -> Drawn {
    let start = Drawn { energy_j: Some(Joules::ZERO), ..Drawn::default() };
    events.iter().fold(start, |sum, event| match event {
        Event::Work(work) => sum.plus(&work.drawn),
        _ => sum,
    })
}

/// A tick's figure holds from the tick before it.
fn mean_over_time(ticks: &[&Tick], figure: impl Fn(&Tick) -> Watts) -> Watts {
    let mut before = Seconds::ZERO;
    let mut sum = Joules::ZERO;
    for tick in ticks {
        sum += figure(tick) * (tick.flight_s - before);
        before = tick.flight_s;
    }
    if before > Seconds::ZERO { sum / before } else { Watts::ZERO }
}

fn limited_by_share(ticks: &[&Tick]) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for tick in ticks {
        let name = serde_json::to_value(tick.limited_by).unwrap_or_default().as_str().unwrap_or_default().to_owned();
        *shares.entry(name).or_insert(0.0) += 1.0 / ticks.len() as f64;
    }
    shares
}
