//! The best plan found that the spacecraft itself survives: the lower side of the gap.
//!
//! The programme is solved with the radiator's emission as tangents at the last plan instead of its chord, which is
//! physics but for the second order. Its loads are flown, one load for each bin, and whatever a limit was passed by
//! becomes a margin for the next round. Temperatures of a free start are moved along with the end until the flight
//! joins itself: heat fades, so that converges. What is given back broke no limit and meets its ends.

use super::course::Course;
use super::model::{Emission, Found, Margins};
use super::{Ends, OracleError, Stores, check, solved, temperatures};
use crate::envelope::{Breaches, CHARGE_TOLERANCE, Spacecraft, Temperatures};
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// Most plans that are flown.
const ROUNDS: u32 = 12;
/// Most flights to find where the temperatures join themselves.
const TURNS: usize = 60;
/// A start this much warmer than where the flight joins itself is sure to be met, K: the surplus fades.
const WARMER_K: f64 = 1e-3;
/// Part of an excess that a margin grows by.
const GROWTH: f64 = 1.1;

/// A flight that keeps every limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Feasible {
    /// Its work, in seconds of full speed.
    pub work: Seconds,
    /// Power of the compute by bin of the course.
    pub loads: Vec<Watts>,
    /// Where it begins.
    pub start: Stores,
    /// Where it ends.
    pub end: Stores,
    /// Plans that were flown to find it.
    pub rounds: u32,
}

/// One flight of a plan.
struct Flown {
    start: Stores,
    end: Stores,
    breaches: Breaches,
    /// Charge missing at the end, share of capacity.
    missing: f64,
    /// Whether the temperatures at the end are as asked for.
    cool: bool,
}

/// Flies plans in `spacecraft`, which must stand where the course began, until one keeps the limits.
///
/// # Errors
/// [`OracleError`] as for [`super::best`], and if no plan of the dozen tried survives.
pub fn feasible(spacecraft: &Spacecraft, course: &Course, ends: &Ends) -> Result<Feasible, OracleError> {
    check(course, ends)?;
    let mut margins = Margins::default();
    let mut radiator = solved(course, ends, &Emission::Chord, &margins)?.radiator;
    for rounds in 1..=ROUNDS {
        let plan = solved(course, ends, &Emission::Tangents(&radiator), &margins)?;
        let flown = joined(spacecraft, course, ends, &plan);
        if !flown.breaches.any() && flown.missing <= CHARGE_TOLERANCE && flown.cool {
            let work = course.bins().iter().zip(&plan.loads);
            let work = work.fold(Seconds::ZERO, |sum, (bin, load)| sum + bin.dt * course.curve.rate(*load));
            return Ok(Feasible { work, loads: plan.loads, start: flown.start, end: flown.end, rounds });
        }
        margins.grow(&flown, course);
        radiator = plan.radiator;
    }
    Err(OracleError::NoPlan { rounds: ROUNDS })
}

impl Margins {
    fn grow(&mut self, flown: &Flown, course: &Course) {
        let Breaches { junction, coolant, charge, bus } = &flown.breaches;
        self.junction += GROWTH * junction.deepest_k.0;
        self.coolant += GROWTH * coolant.deepest_k.0;
        self.soc += GROWTH * charge.deepest_share;
        self.stored += GROWTH * flown.missing.max(0.0);
        if bus.energy_j > Joules::ZERO {
            self.discharge += (course.battery.discharge_max * 0.02).0;
        }
    }
}

/// Flies `plan` until its temperatures join themselves.
fn joined(spacecraft: &Spacecraft, course: &Course, ends: &Ends, plan: &Found) -> Flown {
    let mut start = Stores { soc: plan.soc, temperatures: temperatures(course, ends, plan) };
    let (asked, warmed) = match ends {
        Ends::From(_) => return flown(spacecraft, course, plan, start, None),
        Ends::Periodic => (0.0, [0.0; 3]),
        Ends::Change { from, to } => (to.soc - from.soc, between(&from.temperatures, &to.temperatures)),
    };
    let mut flight = flown(spacecraft, course, plan, start, Some((asked, warmed)));
    for _ in 0..TURNS {
        if flight.cool {
            break;
        }
        start.temperatures = moved(&flight.end.temperatures, warmed.map(|warmer| WARMER_K - warmer));
        flight = flown(spacecraft, course, plan, start, Some((asked, warmed)));
    }
    flight
}

/// Flies `plan` from `start`. The end is asked to have so much more charge and each node to be at most so much warmer.
fn flown(
    spacecraft: &Spacecraft,
    course: &Course,
    plan: &Found,
    start: Stores,
    asked: Option<(f64, [f64; 3])>,
) -> Flown {
    let mut craft = spacecraft.clone().holding(start.soc, start.temperatures);
    for (bin, load) in course.bins().iter().zip(&plan.loads) {
        if bin.condition != craft.condition() {
            craft.set_condition(bin.condition);
        }
        craft.step(bin.dt, *load, 0.0);
    }
    let end = Stores::from(craft.state());
    let (missing, cool) = asked.map_or((0.0, true), |(charge, warmed)| {
        let rise = between(&start.temperatures, &end.temperatures);
        (start.soc + charge - end.soc, rise.iter().zip(warmed).all(|(rise, asked)| *rise <= asked))
    });
    Flown { start, end, breaches: *craft.breaches(), missing, cool }
}

fn between(from: &Temperatures, to: &Temperatures) -> [f64; 3] {
    [(to.junction - from.junction).0, (to.coolant - from.coolant).0, (to.radiator - from.radiator).0]
}

fn moved(from: &Temperatures, by: [f64; 3]) -> Temperatures {
    Temperatures {
        junction: from.junction + Kelvin(by[0]),
        coolant: from.coolant + Kelvin(by[1]),
        radiator: from.radiator + Kelvin(by[2]),
    }
}
