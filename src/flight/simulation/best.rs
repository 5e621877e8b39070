//! A simulated flight against the oracle.
//!
//! | | held to | is |
//! |---|---|---|
//! | share of a flight | the flight's own change of charge and heat | what it is scored against: no flight has over 1 |
//! | [`Best`] | ending as it began | the best orbits that can be flown for ever under this sky |
//!
//! A flight of over a day and a half is cut into stretches of about a day, each with a programme of its own between the
//! flight's own charges and temperatures, solved on all cores; sums are over the stretches. What a year could gain by carrying charge from one
//! day to the next is a few battery capacities, and is not counted. Bins of long flights are longer, which only raises the
//! bound.

use super::{Simulation, SimulationError, Summary, Trace, fly};
use crate::envelope::{Scale, Spacecraft};
use crate::governor::{Policy, Unscored, WorkCurve};
use crate::oracle::{self, Ends, ExogenousTrace, Optimum, Stores};
use crate::units::{Seconds, Watts};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Length of a stretch, about; simulated.
const STRETCH_S: f64 = 86_400.0;
/// Length of a bin in a flight of one stretch, and in longer ones; simulated.
const BIN_S: f64 = 20.0;
const LONG_BIN_S: f64 = 240.0;
/// Most bins in a whole flight.
const MOST_BINS: f64 = 40_000.0;

/// Most stretches for which plans are flown: a plan is several programmes.
const MOST_PLANNED: usize = 8;

/// The best flight that ends as it began. Times are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// Its work, in seconds of full speed.
    pub work_s: Seconds,
    /// No flight that ends as it began does more; over several stretches, none that ends each of them as it began it.
    pub upper_s: Seconds,
    /// Work of plans that were flown on the plant without a breach, one for each stretch; null where one was not found, in
    /// flights of over eight stretches, and where faults make work dearer or stop it.
    pub feasible_work_s: Option<Seconds>,
    /// What is open between the two, share of the bound.
    pub gap_share: Option<f64>,
    /// The bound without a solver.
    #[serde(rename = "certificate_s")]
    pub analytic_bound_s: Seconds,
    /// Programmes that were solved.
    pub stretches: u64,
}

/// Flights under one sky, and the best of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One for each policy.
    pub flights: Vec<Summary>,
    /// None where the load was given, or where not even idle power keeps the limits.
    pub oracle: Option<Best>,
}

/// Flies under each of `policies` and scores each flight against the oracle. The trace is that of the first.
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn compare(
    simulation: &Simulation<'_>,
    policies: &[Policy],
    mut trace: Option<Trace<'_>>,
) -> Result<Comparison, SimulationError> {
    let mut flights = Vec::new();
    let mut best = None;
    for &policy in policies {
        let flown = fly(&Simulation { policy, ..simulation.clone() }, trace.take())?;
        if flights.is_empty() && flown.summary.governor.is_some() {
            best = periodic(&flown.stretches, simulation);
        }
        flights.push(flown.scored(simulation.scale));
    }
    Ok(Comparison { flights, oracle: best })
}

/// Flies, and scores the flight against the oracle.
///
/// # Errors
/// [`SimulationError`] for arguments that cannot be flown.
pub fn scored(simulation: &Simulation<'_>) -> Result<Summary, SimulationError> {
    fly(simulation, None).map(|flown| flown.scored(simulation.scale))
}

/// A flight, and what it was given.
pub(super) struct Flown {
    pub(super) summary: Summary,
    pub(super) stretches: Vec<Stretch>,
}

impl Flown {
    /// The summary with its share of the oracle's work.
    fn scored(self, scale: Scale) -> Summary {
        let Flown { summary, stretches } = self;
        let reference = match summary.governor {
            None | Some(Policy::Off) => Err(Unscored::Ungoverned),
            Some(_) if summary.breaches.any() => Err(Unscored::Breached),
            Some(_) => upper(&stretches).map(|work| scale.simulated(work)).ok_or(Unscored::NoOracle),
        };
        let score = summary.score.clone().against(summary.work_s, reference);
        Summary { share_of_oracle: score.share_of_oracle, score, ..summary }
    }
}

/// The same without a solver, and looser.
pub(super) fn certified(stretches: &[Stretch]) -> Seconds {
    stretches.iter().fold(Seconds::ZERO, |sum, stretch| {
        let ends = Ends::Change { from: stretch.from, to: stretch.to };
        sum + oracle::analytic_bound(&stretch.trace, &ends)
    })
}

/// Machine seconds of full speed that no flight between the same ends passes.
fn upper(stretches: &[Stretch]) -> Option<Seconds> {
    let solve = |stretch: &Stretch| {
        let ends = Ends::Change { from: stretch.from, to: stretch.to };
        Some(oracle::best(&stretch.trace, &ends).ok()?.upper)
    };
    sum(stretches.par_iter().map(solve).collect())
}

/// The sum in the order of the stretches, which is the same however many threads there are; none if one is missing.
fn sum(parts: Option<Vec<Seconds>>) -> Option<Seconds> {
    Some(parts?.into_iter().fold(Seconds::ZERO, |sum, part| sum + part))
}

fn periodic(stretches: &[Stretch], simulation: &Simulation<'_>) -> Option<Best> {
    let planned =
        stretches.len() <= MOST_PLANNED && !simulation.plant.faults.iter().any(|fault| fault.kind.is_of_work());
    let feasible = planned.then_some(stretches).and_then(|stretches| {
        let fly =
            |stretch: &Stretch| Some(oracle::feasible(&stretch.begin, &stretch.trace, &Ends::Periodic).ok()?.work);
        sum(stretches.par_iter().map(fly).collect())
    });
    let solve = |stretch: &Stretch| oracle::best(&stretch.trace, &Ends::Periodic).ok();
    let best: Vec<Optimum> = stretches.par_iter().map(solve).collect::<Option<_>>()?;
    let work = best.iter().fold(Seconds::ZERO, |sum, best| sum + best.work);
    let upper = best.iter().fold(Seconds::ZERO, |sum, best| sum + best.upper);
    let bound = stretches
        .iter()
        .fold(Seconds::ZERO, |sum, stretch| sum + oracle::analytic_bound(&stretch.trace, &Ends::Periodic));
    let scale = simulation.scale;
    Some(Best {
        work_s: scale.simulated(work),
        upper_s: scale.simulated(upper),
        feasible_work_s: feasible.map(|work| scale.simulated(work)),
        gap_share: feasible.map(|work| 1.0 - work / upper),
        analytic_bound_s: scale.simulated(bound),
        stretches: stretches.len() as u64,
    })
}

/// What a flight was given in about a day, and where it stood at both ends.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    trace: ExogenousTrace,
    from: Stores,
    to: Stores,
    /// The spacecraft where it began.
    begin: Spacecraft,
}

/// The stretches of a flight in progress.
#[derive(Clone, Debug)]
pub(super) struct Stretches {
    curve: WorkCurve,
    /// Whether the machine is on or off, nothing between.
    switching: bool,
    /// Machine time of one, and of a bin in it.
    length: Seconds,
    bin: Seconds,
    ends_at: Seconds,
    ended: Vec<Stretch>,
    open: Stretch,
}

impl Stretches {
    /// For a flight of `duration` simulated seconds that begins where `spacecraft` is, of a machine that is on or off if
    /// `switching`.
    pub(super) fn new(spacecraft: &Spacecraft, curve: WorkCurve, switching: bool, duration: Seconds) -> Stretches {
        let scale = spacecraft.scale();
        let count = (duration.0 / STRETCH_S).round().max(1.0);
        let bin = if count > 1.0 { LONG_BIN_S.max(duration.0 / MOST_BINS) } else { BIN_S };
        let bin = scale.machine(Seconds(bin));
        let length = scale.machine(duration / count);
        let open = Stretch::begin(spacecraft, curve.clone(), switching, bin);
        Stretches { curve, switching, length, bin, ends_at: length, ended: Vec::new(), open }
    }

    /// Adds what `spacecraft` was given since it was last followed, with up to `most` to draw.
    pub(super) fn follow(&mut self, spacecraft: &Spacecraft, most: Watts) {
        self.open.trace.follow(spacecraft, most);
        if spacecraft.state().t >= self.ends_at * (1.0 - 1e-9) {
            let next = Stretch::begin(spacecraft, self.curve.clone(), self.switching, self.bin);
            let ended = std::mem::replace(&mut self.open, next);
            self.ended.push(Stretch { to: spacecraft.state().into(), ..ended });
            self.ends_at += self.length;
        }
    }

    /// All of them, the last one up to where `spacecraft` is.
    pub(super) fn end(mut self, spacecraft: &Spacecraft) -> Vec<Stretch> {
        if !self.open.trace.bins().is_empty() {
            self.ended.push(Stretch { to: spacecraft.state().into(), ..self.open });
        }
        self.ended
    }
}

impl Stretch {
    fn begin(spacecraft: &Spacecraft, curve: WorkCurve, switching: bool, bin: Seconds) -> Stretch {
        let here = Stores::from(spacecraft.state());
        Stretch {
            trace: ExogenousTrace::of(spacecraft, curve).with_bins(bin).switching(switching),
            from: here,
            to: here,
            begin: spacecraft.clone(),
        }
    }
}
