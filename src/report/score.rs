//! How well the governor of a real flight did, from the journal after the fact.
//!
//! Power and budget are averaged over ten seconds, for batches are quanta: a tick is either busy or not. The oracle flies
//! what the spacecraft was given ([`super::replay`]), between the same charges and temperatures, with a machine that draws
//! as little at full speed as the most frugal workload. Its figures come from a solver: whoever computes them again finds
//! them within [`SOLVER_TOLERANCE`].

use super::deviation::STRETCH;
use super::laid::Piece;
use super::record::Record;
use super::replay::{Agreement, Replay};
use super::workload::WorkloadResult;
use crate::governor::{Policy, Score, Scorer, Unscored, WorkCurve};
use crate::journal::{FlightPlan, ScaleRecord};
use crate::oracle::{self, Ends};
use crate::reading::Basis;
use crate::units::{Seconds, Watts};
use serde::Serialize;

/// Figures of the solver agree to this on every machine, relative: it stops at some 1e-8.
pub const SOLVER_TOLERANCE: f64 = 1e-6;

/// The score of a flight, and what it stands on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The figures, on the machine's clock but for breaches.
    pub score: Score,
    /// The best that any governor could have done; null where that is not defined.
    pub oracle: Option<BestFlight>,
    /// Whether the recorded spacecraft follows from the recorded energies.
    pub replay: Agreement,
}

/// The best flight between the same charges and temperatures, machine clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BestFlight {
    /// Its work, in seconds of full speed.
    pub work_s: Seconds,
    /// No flight does more.
    pub upper_s: Seconds,
    /// The same bound without a solver.
    #[serde(rename = "certificate_s")]
    pub analytic_bound_s: Seconds,
}

/// Scores `work` seconds of full speed.
pub(super) fn scored(
    record: &Record<'_>,
    plan: &FlightPlan,
    (replay, pieces): (&Replay, &[Piece<'_>]),
    work: Seconds,
    has_powers: bool,
) -> Scored {
    let full = record.scale.map_or(Watts::ZERO, |scale| scale.full_w);
    let score = scorer(record, replay, pieces, full).score(record.arrival.as_ref().map(|arrival| &arrival.breaches));
    let best = comparable(record, plan, replay, has_powers).and_then(|()| best(replay));
    let reference = match &best {
        Ok(best) if work > best.upper_s => Err(Unscored::NotComparable),
        Ok(best) => Ok(best.upper_s),
        Err(why) => Err(*why),
    };
    Scored { score: score.against(work, reference), oracle: best.ok(), replay: replay.agreement }
}

/// What a watt buys at best: every workload is taken to draw as little at full speed as the most frugal one does.
pub(super) fn best_curve(scale: &ScaleRecord, workloads: &[WorkloadResult]) -> WorkCurve {
    let powers = workloads.iter().filter_map(|workload| workload.power_w);
    WorkCurve::linear(scale.idle_w, powers.fold(scale.full_w, Watts::min))
}

fn scorer(record: &Record<'_>, replay: &Replay, pieces: &[Piece<'_>], full: Watts) -> Scorer {
    let mut scorer = Scorer::new(full, replay.period, STRETCH, replay.from.soc);
    let mut pieces = pieces.iter().peekable();
    for tick in &record.ticks {
        while let Some(piece) = pieces.next_if(|piece| std::ptr::eq(piece.ended, tick)) {
            scorer.draw(piece.dt, piece.power, tick.soc);
        }
        scorer.grant(tick.budget_w, tick.regime);
    }
    scorer
}

/// Why there is nothing to compare with.
fn comparable(record: &Record<'_>, plan: &FlightPlan, replay: &Replay, has_powers: bool) -> Result<(), Unscored> {
    let arrival = record.arrival.ok_or(Unscored::Unfinished)?;
    let is_counted = record.energy.iter().any(|window| window.basis == Basis::Counted);
    match () {
        () if plan.governor == Policy::Off => Err(Unscored::Ungoverned),
        () if arrival.breaches.any() => Err(Unscored::Breached),
        () if !(is_counted && has_powers) => Err(Unscored::NoPower),
        () if !replay.agreement.agrees => Err(Unscored::NotReplayed),
        () => Ok(()),
    }
}

fn best(replay: &Replay) -> Result<BestFlight, Unscored> {
    let ends = Ends::Change { from: replay.from, to: replay.to };
    let best = oracle::best(&replay.trace, &ends).map_err(|_| Unscored::NoOracle)?;
    let analytic_bound_s = oracle::analytic_bound(&replay.trace, &ends);
    Ok(BestFlight { work_s: best.work, upper_s: best.upper, analytic_bound_s })
}
