//! The oracle: the best possible flight with perfect knowledge, as a linear programme.
//!
//! Given the [`ExogenousTrace`] of a flight (sunlight, environment and caps as they were) and its [`Ends`], [`best`]
//! finds the most work that any governor could have done without a breach: an upper bound that holds for every flight,
//! whatever switched on and off inside its steps. Each row of the programme is either exact for all flights or wider than
//! physics; the derivations stand in `energy` (bus and battery) and `heat` (the three nodes; the fourth power of the
//! radiator by its chord). What is printed as [`Optimum::upper`] is proven by the multipliers, see `programme`.
//!
//! ```text
//!   spacecraft ──follow──> trace ──> programme ──> optimum (upper)
//!                            │          └──────> feasible  (lower: the best plan flown without a breach)
//!                            └─────> analytic_bound        (upper, without a solver; looser)
//! ```
//!
//! A machine with a settable power limit draws any power between idle and full. One that is paced by batches is on or
//! off; its trace [says so](ExogenousTrace::switching), and its bound and plans are those of a machine that is on or off.
//!
//! How far apart bound and plan are, share of the bound. One orbit of `leo-100kw`, `ai1`, `suncatcher` and
//! `equatorial-stress` on 21 March, 21 June and 22 December 2027 that ends as it began, machines `ideal`, `v100-training`,
//! `a40-training` and `lavapipe`:
//!
//! | | with a settable power limit | on or off |
//! |---|---|---|
//! | machines other than `ideal` | below 3e-5 | below 3e-4 |
//! | `ideal` | below 4e-4; `ai1` in December 1.8e-3 | up to 2.3e-3 |
//! | `ideal`, `leo-100kw`, its battery cut to 4 to 36 kWh | 4e-4 to 3.3e-3 | 3e-3 to 9e-3 |
//! | 20,000 s of `ai1` from 293 K and 95 % to 64 % of charge | below 5e-3 | up to 1.4e-2 |
//!
//! Where heat binds never or always there is next to nothing between them; where it binds in a part of the orbit only, the
//! chord is far from the curve: it emits while the radiator warms as if it were hot half of the time and cold the other
//! half. The plan is then the closer; it agrees with a dynamic programme to 1e-3.
//!
//! A trace has at most 1500 bins: over a day they are of some 80 s, over more than a week longer than an eclipse, and
//! then the analytic bound, which is summed step by step, is the closer one.
//!
//! Pure, in machine time and machine watts; work is counted in seconds of full speed.

mod analytic_bound;
mod energy;
mod exogenous;
mod feasible;
mod heat;
mod model;
mod plan;
mod programme;

pub use analytic_bound::analytic_bound;
pub use exogenous::{Bin, ExogenousTrace, Step};
pub use feasible::{Feasible, feasible};

use crate::envelope::{CHARGE_TOLERANCE, State, Temperatures};
use crate::units::{Kelvin, Seconds, Watts};
use model::{Emission, Found, Margins, Model};

/// What a spacecraft holds at one instant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stores {
    /// Charge, share of capacity.
    pub soc: f64,
    /// Temperatures of the three nodes.
    pub temperatures: Temperatures,
}

impl From<&State> for Stores {
    fn from(state: &State) -> Stores {
        Stores { soc: state.soc, temperatures: state.temperatures }
    }
}

/// How a flight begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ends {
    /// Charge and temperatures at the start are free, and at the end no worse: the best orbit that can be flown for ever.
    Periodic,
    /// Charge and temperatures at the start are free, and change at most as they did in a flight between these two. That
    /// flight is one of those compared, so that none has a share above 1.
    Change {
        /// Where it began.
        from: Stores,
        /// Where it ended.
        to: Stores,
    },
    /// From here to anywhere.
    From(Stores),
}

impl Ends {
    /// The start that is known.
    fn start(&self) -> Option<&Stores> {
        match self {
            Ends::Periodic => None,
            Ends::Change { from, .. } | Ends::From(from) => Some(from),
        }
    }
}

/// The best flight.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimum {
    /// Work of the best plan of the programme, in seconds of full speed.
    pub work: Seconds,
    /// No flight does more; over `work` by what the solver left, some 1e-8 of it.
    pub upper: Seconds,
    /// Power of the compute by bin of the trace.
    pub loads: Vec<Watts>,
    /// Where the best plan begins. Where heat cannot bind, temperatures are those of its mean power for ever.
    pub start: Stores,
    /// Seconds of full speed that a joule more in the battery at the end costs; zero where the end is free.
    pub worth_s_per_j: f64,
    /// Steps of the solver.
    pub iterations: u32,
}

/// Which limit no flight could keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
pub enum Broken {
    /// Idle power alone takes the charge under its floor, or, where no plan was flown, the bus asks for more than array and
    /// battery can give.
    #[strum(to_string = "charge falls under its floor")]
    Charge,
    /// Idle power alone asks the bus for more than array and battery can give.
    #[strum(to_string = "bus asks for more than array and battery can give")]
    Bus,
    /// Idle power alone takes a node over its limit.
    #[strum(to_string = "junction or loop passes its limit")]
    Heat,
}

/// Why there is no best flight.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OracleError {
    /// Nothing was flown.
    #[error("trace without a step: at least one of more than 0 s")]
    Empty,
    /// A number that cannot be.
    #[error("bin {bin} of the trace: {name} {found}: must be finite and not negative")]
    Impossible {
        /// Which bin, from 0.
        bin: usize,
        /// Which number.
        name: &'static str,
        /// What it is.
        found: f64,
    },
    /// The start breaks a limit already.
    #[error("start: {limit} at {found}; allowed: {allowed}")]
    Start {
        /// Which limit.
        limit: &'static str,
        /// What the start has.
        found: f64,
        /// What it may have.
        allowed: f64,
    },
    /// No governor could have kept the limits.
    #[error("no flight keeps the limits: even at idle power the {limit}")]
    Infeasible {
        /// Which limit breaks.
        limit: Broken,
    },
    /// Idle power was flown, and broke a limit.
    #[error("no plan keeps the limits: even at idle power the {limit}, {} s after the start", at.0)]
    NoPlan {
        /// Which limit breaks first.
        limit: Broken,
        /// When, machine time since the start; at the end, if that is not as asked for.
        at: Seconds,
    },
    /// The solver gave up.
    #[error("linear programme of the best flight: {cause}")]
    Solver {
        /// Its status.
        cause: String,
    },
}

/// The most work that any governor could do on `trace` between `ends`.
///
/// # Errors
/// [`OracleError`] if the trace cannot be flown without a breach, or holds impossible numbers.
pub fn best(trace: &ExogenousTrace, ends: &Ends) -> Result<Optimum, OracleError> {
    check(trace, ends)?;
    let found = solved(trace, ends, &Emission::Chord, &Margins::default())?;
    let start = Stores { soc: found.soc, temperatures: temperatures(trace, ends, &found) };
    Ok(Optimum {
        work: found.work,
        upper: found.upper,
        loads: found.loads,
        start,
        worth_s_per_j: found.worth,
        iterations: found.iterations,
    })
}

/// The solution, or which limit stands against one.
fn solved(
    trace: &ExogenousTrace,
    ends: &Ends,
    emission: &Emission<'_>,
    margins: &Margins,
) -> Result<Found, OracleError> {
    if let Some(found) = Model::new(trace, ends, emission, margins).solve()? {
        return Ok(found);
    }
    let charge = Model::of_energy(trace, ends, margins).solve()?.is_none();
    Err(OracleError::Infeasible { limit: if charge { Broken::Charge } else { Broken::Heat } })
}

/// Temperatures that the plan starts from.
fn temperatures(trace: &ExogenousTrace, ends: &Ends, found: &Found) -> Temperatures {
    if let Some(temperatures) = found.temperatures {
        return temperatures;
    }
    if let Ends::From(start) = ends {
        return start.temperatures;
    }
    let flown = trace.bins().iter().zip(&found.loads);
    let (energy, absorbed) = flown.fold((0.0, 0.0), |(energy, absorbed), (bin, load)| {
        (energy + load.0 * bin.dt.0, absorbed + bin.environment.0 * bin.dt.0)
    });
    let duration = trace.duration().0;
    trace.thermal.steady(Watts(energy / duration), Watts(absorbed / duration))
}

fn check(trace: &ExogenousTrace, ends: &Ends) -> Result<(), OracleError> {
    if trace.bins().is_empty() {
        return Err(OracleError::Empty);
    }
    for (index, bin) in trace.bins().iter().enumerate() {
        let numbers = [
            ("array", bin.array.0),
            ("environment heat", bin.environment.0),
            ("most compute power", bin.most.0),
            ("radiator emission", bin.emission_w_per_k4),
        ];
        if let Some((name, found)) = numbers.into_iter().find(|(_, found)| !(found.is_finite() && *found >= 0.0)) {
            return Err(OracleError::Impossible { bin: index, name, found });
        }
    }
    let Ends::From(Stores { soc, temperatures }) = ends else { return Ok(()) };
    let (junction, coolant, floor) = (trace.junction_limit(), trace.coolant_limit(), trace.limits.soc_min);
    let over = |limit, found: Kelvin, most: Kelvin| {
        let wrong = !(found <= most && found > Kelvin::ZERO);
        wrong.then_some(OracleError::Start { limit, found: found.0, allowed: most.0 })
    };
    let broken = over("junction", temperatures.junction, junction).or(over("loop", temperatures.coolant, coolant));
    if !(*soc >= floor - CHARGE_TOLERANCE && soc.is_finite()) {
        return Err(OracleError::Start { limit: "charge", found: *soc, allowed: floor });
    }
    broken.map_or(Ok(()), Err)
}
