//! The best plan found that the spacecraft itself survives: the lower side of the gap.
//!
//! The programme is solved with the radiator's emission as tangents at the last plan instead of its chord, which is
//! physics but for the second order. Its loads are flown, see `plan`, and whatever a limit was passed by becomes a margin
//! for the next round. What is given back broke no limit and meets its ends.
//!
//! Where a dozen rounds end without such a plan, the last one is moved towards idle power: of the loads
//! `idle + share (plan - idle)` the largest share that survives is sought by halving. Less power at every instant is never
//! less charge and never warmer, so where idle power survives there is one; where it does not, no flight does, and
//! the error says which limit it breaks, and when.

use super::exogenous::ExogenousTrace;
use super::model::{Emission, Margins};
use super::plan::{Flight, Start, joined};
use super::{Ends, OracleError, Stores, check, solved, temperatures};
use crate::envelope::{Breaches, Spacecraft};
use crate::units::{Seconds, Watts};

/// Most plans that are flown.
const ROUNDS: u32 = 12;
/// Halvings between the last plan and idle power: to a thousandth.
const HALVINGS: u32 = 10;
/// Part of an excess that a margin grows by.
const GROWTH: f64 = 1.1;

/// A flight that keeps every limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Feasible {
    /// Its work, in seconds of full speed.
    pub work: Seconds,
    /// Power of the compute by bin of the trace; the mean, if the machine is on or off.
    pub loads: Vec<Watts>,
    /// Where it begins.
    pub start: Stores,
    /// Where it ends.
    pub end: Stores,
    /// Plans that were flown to find it.
    pub rounds: u32,
}

/// Flies plans in `spacecraft`, which must stand where the trace began, until one keeps the limits.
///
/// # Errors
/// [`OracleError`] as for [`super::best`]; [`OracleError::NoPlan`] where not even idle power survives.
pub fn feasible(spacecraft: &Spacecraft, trace: &ExogenousTrace, ends: &Ends) -> Result<Feasible, OracleError> {
    check(trace, ends)?;
    let search = Search { spacecraft, trace, ends };
    let mut margins = Margins { held: true, ..Margins::default() };
    let (mut last, mut rounds) = (None, 0);
    let mut radiator = match solved(trace, ends, &Emission::Chord, &Margins::default()) {
        Ok(found) => found.radiator,
        Err(OracleError::Infeasible { .. }) => return search.towards_idle(None, rounds),
        Err(other) => return Err(other),
    };
    while rounds < ROUNDS {
        // Margins may leave no plan, and spoil the numbers; there is still the last one.
        let Ok(plan) = solved(trace, ends, &Emission::Tangents(&radiator), &margins) else { break };
        rounds += 1;
        let start = Stores { soc: plan.soc, temperatures: temperatures(trace, ends, &plan) };
        let flight = joined(spacecraft, trace, ends, &plan.loads, (start, Start::Planned));
        if flight.survived() {
            return Ok(search.found(plan.loads, &flight, rounds));
        }
        margins.grow(&flight);
        radiator = plan.radiator;
        last = Some(plan.loads);
    }
    search.towards_idle(last, rounds)
}

/// What plans are flown for.
struct Search<'a> {
    spacecraft: &'a Spacecraft,
    trace: &'a ExogenousTrace,
    ends: &'a Ends,
}

impl Search<'_> {
    /// The nearest to `plan` on the way to idle power that survives.
    fn towards_idle(&self, plan: Option<Vec<Watts>>, mut rounds: u32) -> Result<Feasible, OracleError> {
        let trace = self.trace;
        let idle = vec![trace.curve.idle(); trace.bins().len()];
        let mut best = (idle.clone(), self.settled(&idle));
        rounds += 1;
        if !best.1.survived() {
            let (limit, at) = best.1.broke(trace.duration());
            return Err(OracleError::NoPlan { limit, at });
        }
        let Some(plan) = plan else { return Ok(self.found(idle, &best.1, rounds)) };
        let (mut low, mut high) = (0.0, 1.0);
        for halving in 0..=HALVINGS {
            // The plan itself may survive from another start.
            let share = if halving == 0 { high } else { 0.5 * (low + high) };
            let loads: Vec<Watts> =
                idle.iter().zip(&plan).map(|(idle, load)| *idle + (*load - *idle) * share).collect();
            let flight = self.settled(&loads);
            rounds += 1;
            if flight.survived() {
                (low, best) = (share, (loads, flight));
                if halving == 0 {
                    break;
                }
            } else {
                high = share;
            }
        }
        Ok(self.found(best.0, &best.1, rounds))
    }

    /// A flight of `loads` from the fullest battery that the ends allow.
    fn settled(&self, loads: &[Watts]) -> Flight {
        let trace = self.trace;
        let bins = || trace.bins().iter();
        let duration = trace.duration();
        let energy = bins().zip(loads).fold(0.0, |sum, (bin, load)| sum + load.0 * bin.dt.0);
        let absorbed = bins().fold(0.0, |sum, bin| sum + bin.environment.0 * bin.dt.0);
        let start = match self.ends {
            Ends::From(start) => *start,
            _ => Stores {
                soc: self.ends.start().map_or(0.0, |start| start.soc).max(trace.battery.soc_max),
                temperatures: trace.thermal.steady(Watts(energy / duration.0), Watts(absorbed / duration.0)),
            },
        };
        joined(self.spacecraft, trace, self.ends, loads, (start, Start::Settled))
    }

    fn found(&self, loads: Vec<Watts>, flight: &Flight, rounds: u32) -> Feasible {
        let bins = self.trace.bins().iter().zip(&loads);
        let work = bins.fold(Seconds::ZERO, |sum, (bin, load)| sum + bin.dt * self.trace.rate(*load));
        Feasible { work, loads, start: flight.start, end: flight.end, rounds }
    }
}

impl Margins {
    fn grow(&mut self, flight: &Flight) {
        let Breaches { junction, coolant, charge, .. } = &flight.breaches;
        self.junction += GROWTH * junction.deepest_k.0;
        self.coolant += GROWTH * coolant.deepest_k.0;
        self.soc += GROWTH * charge.deepest_share;
        self.stored += GROWTH * flight.missing.max(0.0);
    }
}
