//! How well the governor of a real flight did, from the journal after the fact.
//!
//! Judged on the worst of the readings that exist: the power of a tick, raised where the energy that was counted from
//! departure to arrival is more than the ticks add up to. Power and budget are averaged over ten seconds, for batches are
//! quanta: a tick is either busy or not. The oracle flies what the spacecraft was given ([`super::replay`]), between
//! the same charges and temperatures, with a machine that draws as little at full speed as the most frugal workload.
//! Its figures are rounded to six digits, so that they are the same wherever they are computed again.

use super::held::WINDOW;
use super::replay::{Agreement, Replay, replay};
use crate::governor::{Policy, Score, Scorer, Unscored, WorkCurve};
use crate::journal::{Breaches, FlightPlan, ScaleRecord, Tick};
use crate::oracle::{self, Ends};
use crate::units::{Joules, Seconds, Watts};
use serde::Serialize;

/// The score of a flight, and what it stands on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scored {
    /// The figures, on the machine's clock but for breaches.
    pub score: Score,
    /// The best that any governor could have done; null where that is not defined.
    pub oracle: Option<BestFlown>,
    /// Whether the recorded states follow from the recorded loads.
    pub replay: Agreement,
}

/// The best flight between the same charges and temperatures, machine clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BestFlown {
    /// Its work, in seconds of full speed.
    pub work_s: Seconds,
    /// No flight does more.
    pub upper_s: Seconds,
    /// The same bound without a solver.
    pub certificate_s: Seconds,
}

/// What is known of a flight when it is scored.
pub(super) struct Evidence<'a> {
    pub(super) plan: &'a FlightPlan,
    pub(super) scale: &'a ScaleRecord,
    pub(super) ticks: &'a [&'a Tick],
    /// None where the flight did not arrive.
    pub(super) breaches: Option<&'a Breaches>,
    /// Counted from departure to arrival.
    pub(super) counted: Option<Joules>,
    /// Full-speed seconds.
    pub(super) work: Seconds,
    /// Power of each workload without an envelope.
    pub(super) powers: Vec<Option<Watts>>,
}

/// Scores it.
pub(super) fn scored(evidence: &Evidence<'_>) -> Scored {
    let flown = replay(evidence.plan, evidence.scale, evidence.ticks, curve(evidence));
    let score = scorer(evidence, &flown).score(evidence.breaches);
    let found = comparable(evidence, &flown).and_then(|()| best(&flown));
    let outrun = |best: &BestFlown| evidence.work > best.upper_s;
    let reference = match &found {
        Ok(best) if outrun(best) => Err(Unscored::NotComparable),
        Ok(best) => Ok(best.upper_s),
        Err(why) => Err(*why),
    };
    Scored { score: score.against(evidence.work, reference), oracle: found.ok(), replay: flown.agreement }
}

fn curve(evidence: &Evidence<'_>) -> WorkCurve {
    let ScaleRecord { idle_w, full_w, .. } = *evidence.scale;
    WorkCurve::linear(idle_w, evidence.powers.iter().copied().flatten().fold(full_w, Watts::min))
}

fn scorer(evidence: &Evidence<'_>, flown: &Replay) -> Scorer {
    let mut scorer = Scorer::new(evidence.scale.full_w, flown.period, WINDOW, flown.from.soc);
    let raised = raised(evidence);
    let mut before = Seconds::ZERO;
    for tick in evidence.ticks {
        scorer.draw(tick.flight_s - before, tick.power_w.map(|power| power * raised), tick.soc);
        scorer.grant(tick.budget_w, tick.regime);
        before = tick.flight_s;
    }
    scorer
}

/// By how much the count of the whole flight is over the sum of its ticks; 1 where it is not, or where ticks are missing.
fn raised(evidence: &Evidence<'_>) -> f64 {
    let mut before = Seconds::ZERO;
    let mut sum = Some(Joules::ZERO);
    for tick in evidence.ticks {
        sum = sum.zip(tick.power_w).map(|(sum, power)| sum + power * (tick.flight_s - before));
        before = tick.flight_s;
    }
    let ratio = evidence.counted.zip(sum).map(|(counted, sum)| counted / sum);
    ratio.filter(|ratio| ratio.is_finite() && *ratio > 1.0).unwrap_or(1.0)
}

/// Why there is nothing to compare with.
fn comparable(evidence: &Evidence<'_>, flown: &Replay) -> Result<(), Unscored> {
    let Some(breaches) = evidence.breaches else { return Err(Unscored::Unfinished) };
    if evidence.plan.governor == Policy::Off.name() {
        return Err(Unscored::Ungoverned);
    }
    if breaches.any() {
        return Err(Unscored::Breached);
    }
    if evidence.ticks.iter().all(|tick| tick.power_w.is_none()) || evidence.powers.iter().all(Option::is_none) {
        return Err(Unscored::NoPower);
    }
    if flown.agreement.agrees { Ok(()) } else { Err(Unscored::NotReplayed) }
}

fn best(flown: &Replay) -> Result<BestFlown, Unscored> {
    let ends = Ends::Change { from: flown.from, to: flown.to };
    let best = oracle::best(&flown.course, &ends).map_err(|_| Unscored::NoOracle)?;
    Ok(BestFlown {
        work_s: rounded(best.work),
        upper_s: rounded(best.upper),
        certificate_s: rounded(oracle::certificate(&flown.course, &ends)),
    })
}

/// Six significant digits.
fn rounded(time: Seconds) -> Seconds {
    let text = format!("{:.5e}", time.0);
    Seconds(text.parse().unwrap_or(time.0))
}
