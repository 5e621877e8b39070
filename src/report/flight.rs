//! What the flight itself did: work, energy, limits kept and broken.
//!
//! Work of different kinds is added as *full-speed seconds*: items over the unconstrained rate of the same workload on
//! the same machine in the same run. A flight that is never throttled earns one full-speed second each second. Charge and
//! temperatures are those of the confirmed spacecraft.

use super::deviation::deviation;
use super::energy::{Energy, WorkPerJoule};
use super::laid::{Piece, laid};
use super::record::Record;
use super::replay::{AtUpperBand, replay};
use super::score::{Scored, best_curve, scored};
use super::workload::WorkloadResult;
use crate::governor::LimitedBy;
use crate::journal::{Breaches, Conditions, Drawn, FlightPlan, Tick, WorkDone, WorkloadRecord};
use crate::reading::{Basis, EnergyWindow, Refusal, Throttling};
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::{Serialize, Serializer};

/// The flight in figures. Times are on the machine's clock unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlightFigures {
    /// From departure to the last tick.
    pub duration_s: Seconds,
    /// Simulated time of it.
    pub simulated_s: Seconds,
    /// Governor ticks.
    pub ticks: u64,
    /// Share of the time whose energy was counted. What was still to be counted when the flight ended is left out.
    pub counted_share: f64,
    /// Drawn in flight, idle included.
    pub energy: Energy,
    /// Mean power that heated and drained the spacecraft.
    pub mean_load_w: Watts,
    /// Mean budget.
    pub mean_budget_w: Watts,
    /// How far the mean power was from the mean budget, as a share of the budget, over the worst 10 s of the machine's time
    /// in which work was held back; null where it never was for so long, or energy was not counted.
    pub largest_deviation_10_s_share: Option<f64>,
    /// Time at the ends of such stretches, share of the flight.
    pub judged_10_s_share: f64,
    /// Work done, in full-speed seconds.
    pub work_s: Seconds,
    /// Work over duration: what is left of the unconstrained machine.
    pub share_of_unconstrained: f64,
    /// Lowest charge.
    pub soc_lowest: f64,
    /// Charge at the end.
    pub soc_end: f64,
    /// Hottest junction.
    pub junction_highest_k: Kelvin,
    /// Hottest loop.
    pub loop_highest_k: Kelvin,
    /// What held work back, and for how much of the time.
    pub limited_by_share: LimitShares,
    /// What was broken; null where the program was killed before it could say.
    pub breaches: Option<Breaches>,
    /// What would have been broken with every energy at the upper end of the meter's band.
    pub envelope_at_upper_band: AtUpperBand,
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
    pub workloads: Vec<WorkloadInFlight>,
}

/// Shares of the time, by what held work back; none for the time in which the machine ran free. The largest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitShares(pub Vec<(Option<LimitedBy>, f64)>);

/// How the time without a limit is called.
pub(super) fn limit_name(limit: Option<LimitedBy>) -> String {
    limit.map_or("free".into(), |limit| limit.to_string())
}

impl Serialize for LimitShares {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(limit, share)| (limit_name(*limit), share)))
    }
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
pub struct WorkloadInFlight {
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
pub(super) fn flight(
    record: &Record<'_>,
    plan: &FlightPlan,
    unconstrained: &[WorkloadResult],
) -> Option<FlightFigures> {
    let (conditions, scale, last) = (record.conditions?, record.scale?, record.ticks.last()?);
    let workloads = workloads_in_flight(record, conditions, scale.idle_w);
    let rates = unconstrained.iter().map(|workload| workload.avg_ts);
    let work_s = workloads.iter().zip(rates).map(|(workload, rate)| workload.items / rate).sum::<f64>();
    let arrival = record.arrival;
    let pieces = laid(&record.ticks, &record.energy);
    let replay = replay(record, plan, &scale, best_curve(&scale, unconstrained));
    let has_powers = unconstrained.iter().any(|workload| workload.power_w.is_some());
    let scored = scored(record, plan, (&replay, &pieces), Seconds(work_s), has_powers);
    let deviation = deviation(&pieces);
    let drawn = arrival.map_or_else(|| sum_of_slices(record), |arrival| arrival.drawn);
    let seen = conditions.workloads.iter().all(|workload| conditions.sees(&workload.backend));
    Some(FlightFigures {
        duration_s: last.flight_s,
        simulated_s: last.simulated_s,
        ticks: record.ticks.len() as u64,
        counted_share: counted_share(&record.energy),
        energy: Energy::of(&drawn, &conditions.source, seen).with(&record.beside(None)),
        mean_load_w: mean_load(&record.energy),
        mean_budget_w: mean_budget(&pieces),
        largest_deviation_10_s_share: deviation.largest,
        judged_10_s_share: deviation.judged_share,
        work_s: Seconds(work_s),
        share_of_unconstrained: work_s / last.flight_s.0,
        soc_lowest: record.ticks.iter().map(|tick| tick.soc).fold(f64::INFINITY, f64::min),
        soc_end: last.soc,
        junction_highest_k: hottest(&record.ticks, |tick| tick.junction_k),
        loop_highest_k: hottest(&record.ticks, |tick| tick.loop_k),
        limited_by_share: limit_shares(&record.ticks),
        breaches: arrival.map(|arrival| arrival.breaches),
        envelope_at_upper_band: replay.at_upper_band,
        ledger_residual: arrival.map(|arrival| arrival.ledger_residual),
        sent_bits: arrival.map(|arrival| arrival.sent_bits),
        backlog_bits: arrival.map(|arrival| arrival.backlog_bits),
        throttled: drawn.throttled,
        slowed_by: slowed_by(record, drawn.throttled, last.flight_s),
        scored,
        workloads,
    })
}

fn workloads_in_flight(record: &Record<'_>, conditions: &Conditions, idle: Watts) -> Vec<WorkloadInFlight> {
    let figures = |(index, workload): (usize, &WorkloadRecord)| {
        let done = record.work.get(&index);
        let items = done.map_or(0.0, |done| done.items);
        let slice_s = done.map_or(Seconds::ZERO, |done| done.slice_s);
        let drawn = done.map(|done| done.drawn).unwrap_or_default();
        let energy = Energy::of(&drawn, &conditions.source, conditions.sees(&workload.backend));
        WorkloadInFlight {
            name: workload.name.clone(),
            unit: workload.unit.clone(),
            items,
            slice_s,
            busy_s: done.map_or(Seconds::ZERO, |done| done.busy_s),
            avg_ts: if slice_s > Seconds::ZERO { items / slice_s.0 } else { 0.0 },
            work_per_joule: WorkPerJoule::of(items, &energy, slice_s, Some(idle)),
            energy,
        }
    };
    conditions.workloads.iter().enumerate().map(figures).collect()
}

fn slowed_by(record: &Record<'_>, throttled: Option<Throttling>, flight: Seconds) -> SlowedBy {
    let sum = |of: fn(&WorkDone) -> Seconds| record.work.values().fold(Seconds::ZERO, |sum, done| sum + of(done));
    let share = |time: Seconds, of: Seconds| if of > Seconds::ZERO { time / of } else { 0.0 };
    let (all, held) = (sum(|done| done.slice_s), sum(|done| done.held_s));
    SlowedBy {
        governor_share: share(held, all),
        starved_share: share((all - sum(|done| done.busy_s) - held).max(Seconds::ZERO), all),
        power_cap_share: throttled.map(|times| share(times.power_cap_s, flight)),
        thermal_share: throttled.map(|times| share(times.harmful_s(), flight)),
    }
}

/// The energy of a flight that was killed: that of its slices, which follow one another without a gap.
fn sum_of_slices(record: &Record<'_>) -> Drawn {
    let start = Drawn { energy_j: Some(Joules::ZERO), ..Drawn::default() };
    record.work.values().fold(start, |sum, done| sum.plus(&done.drawn))
}

fn counted_share(windows: &[EnergyWindow]) -> f64 {
    let is_judged = |window: &&EnergyWindow| window.basis != Basis::Assumed { cause: Refusal::Ended };
    let (mut counted, mut all) = (Seconds::ZERO, Seconds::ZERO);
    for window in windows.iter().filter(is_judged) {
        all += window.span();
        if window.basis == Basis::Counted {
            counted += window.span();
        }
    }
    if all > Seconds::ZERO { counted / all } else { 0.0 }
}

fn mean_load(windows: &[EnergyWindow]) -> Watts {
    let energy = windows.iter().fold(Joules::ZERO, |sum, window| sum + window.energy_j);
    windows.last().map_or(Watts::ZERO, |last| energy / last.to_s)
}

fn mean_budget(pieces: &[Piece<'_>]) -> Watts {
    let (mut granted, mut time) = (Joules::ZERO, Seconds::ZERO);
    for (piece, tick) in pieces.iter().filter_map(|piece| piece.granted.map(|tick| (piece, tick))) {
        granted += tick.budget_w * piece.dt;
        time += piece.dt;
    }
    if time > Seconds::ZERO { granted / time } else { Watts::ZERO }
}

fn hottest(ticks: &[Tick], node: impl Fn(&Tick) -> Kelvin) -> Kelvin {
    ticks.iter().map(node).fold(Kelvin::ZERO, Kelvin::max)
}

fn limit_shares(ticks: &[Tick]) -> LimitShares {
    let mut shares: Vec<(Option<LimitedBy>, f64)> = Vec::new();
    let whole = ticks.last().map_or(Seconds::ZERO, |last| last.flight_s);
    let mut before = Seconds::ZERO;
    for tick in ticks.iter().filter(|_| whole > Seconds::ZERO) {
        let share = (tick.flight_s - before) / whole;
        before = tick.flight_s;
        match shares.iter_mut().find(|(limit, _)| *limit == tick.limited_by) {
            Some((_, sum)) => *sum += share,
            None => shares.push((tick.limited_by, share)),
        }
    }
    shares.sort_by(|one, two| two.1.total_cmp(&one.1));
    LimitShares(shares)
}
