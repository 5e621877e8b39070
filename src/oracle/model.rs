//! The programme of a trace: its units, its variables, and what a solution of it means.
//!
//! Powers are counted in full power of the machine, times in mean bins, temperatures from the junction limit in tens of
//! kelvin. So a machine of 10 W and a satellite of 100 kW give the same programme.

use super::energy::{self, Energy};
use super::exogenous::ExogenousTrace;
use super::heat::{self, Heat, Ranges};
use super::programme::{Programme, Solution, Variable};
use super::{Ends, OracleError};
use crate::envelope::Temperatures;
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// How the radiator's fourth power is made straight.
pub(super) enum Emission<'a> {
    /// From above, between the ends of its range: an upper bound.
    Chord,
    /// From below, at these temperatures of the radiator, K, by bin: close to physics near them.
    Tangents(&'a [f64]),
}

/// How much stricter than the limits a plan must be to survive what the programme does not see.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Margins {
    /// Below the junction limit, K.
    pub(super) junction: f64,
    /// Below the loop limit, K.
    pub(super) coolant: f64,
    /// Above the charge floor, share of capacity.
    pub(super) soc: f64,
    /// More charge at the end than asked for, share of capacity.
    pub(super) stored: f64,
    /// A plan holds its load, or its share of the time at full power, all over a bin: the battery must carry it in the
    /// least light of the bin.
    pub(super) held: bool,
}

/// The units of a programme.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    pub(super) power: Watts,
    bin: Seconds,
    /// Temperature at which a variable is zero.
    pub(super) anchor: Kelvin,
}

impl Units {
    /// The unit of temperature, K.
    pub(super) const KELVIN: f64 = 10.0;

    pub(super) fn of(trace: &ExogenousTrace) -> Units {
        let bin = trace.duration() / trace.bins().len() as f64;
        Units { power: trace.curve.full(), bin, anchor: trace.limits.junction }
    }

    pub(super) fn watts(&self, power: Watts) -> f64 {
        power / self.power
    }

    pub(super) fn time(&self, time: Seconds) -> f64 {
        time / self.bin
    }

    pub(super) fn energy(&self, energy: Joules) -> f64 {
        energy / (self.power * self.bin)
    }

    /// A heat capacity given in J/K.
    pub(super) fn capacity(&self, j_per_k: f64) -> f64 {
        self.energy(Joules(j_per_k * Units::KELVIN))
    }

    pub(super) fn kelvin(&self, at: Kelvin) -> f64 {
        (at - self.anchor).0 / Units::KELVIN
    }
}

/// A store at some instant: a variable, or known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Level {
    Free(Variable),
    Fixed(f64),
}

/// The left and the right side of a row.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) terms: Vec<(Variable, f64)>,
    pub(super) right: f64,
}

impl Terms {
    pub(super) fn new(right: f64) -> Terms {
        Terms { terms: Vec::with_capacity(8), right }
    }

    /// With `factor` times `level` on the left.
    pub(super) fn and(mut self, level: Level, factor: f64) -> Terms {
        match level {
            Level::Free(variable) => self.terms.push((variable, factor)),
            Level::Fixed(value) => self.right -= factor * value,
        }
        self
    }

    /// With `factor` times a constant and a variable of its own factor on the left.
    pub(super) fn part(mut self, (constant, variable, by): (f64, Variable, f64), factor: f64) -> Terms {
        self.right -= factor * constant;
        self.terms.push((variable, factor * by));
        self
    }

    /// With `factor` times `other` added on both sides.
    pub(super) fn plus(mut self, other: &Terms, factor: f64) -> Terms {
        self.terms.extend(other.terms.iter().map(|(variable, by)| (*variable, by * factor)));
        self.right += other.right * factor;
        self
    }

    /// Both sides with the opposite sign.
    pub(super) fn turned(&self) -> Terms {
        Terms::new(0.0).plus(self, -1.0)
    }
}

/// The programme of a trace.
pub(super) struct Model<'a> {
    trace: &'a ExogenousTrace,
    units: Units,
    programme: Programme,
    energy: Energy,
    heat: Option<Heat>,
}

/// What a solution means.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) work: Seconds,
    pub(super) upper: Seconds,
    pub(super) loads: Vec<Watts>,
    pub(super) soc: f64,
    /// None where heat cannot bind and was left out.
    pub(super) temperatures: Option<Temperatures>,
    /// Mean radiator temperature by bin, K; empty where heat was left out.
    pub(super) radiator: Vec<f64>,
    /// Seconds of full speed per joule more at the end.
    pub(super) worth: f64,
    pub(super) iterations: u32,
}

impl<'a> Model<'a> {
    /// The programme with heat, unless it cannot bind.
    pub(super) fn new(trace: &'a ExogenousTrace, ends: &Ends, emission: &Emission<'_>, margins: &Margins) -> Model<'a> {
        let mut model = Model::of_energy(trace, ends, margins);
        if !Ranges::never_binds(trace, ends) {
            let (programme, loads) = (&mut model.programme, &model.energy.loads);
            model.heat = Some(heat::add(programme, trace, ends, &model.units, margins, emission, loads));
        }
        model
    }

    /// The programme without heat.
    pub(super) fn of_energy(trace: &'a ExogenousTrace, ends: &Ends, margins: &Margins) -> Model<'a> {
        let (units, mut programme) = (Units::of(trace), Programme::default());
        let energy = energy::add(&mut programme, trace, ends, &units, margins);
        Model { trace, units, programme, energy, heat: None }
    }

    /// None if nothing keeps the limits.
    pub(super) fn solve(&self) -> Result<Option<Found>, OracleError> {
        Ok(self.programme.solve()?.map(|solution| self.found(&solution)))
    }

    fn found(&self, solution: &Solution) -> Found {
        let (units, trace) = (&self.units, self.trace);
        let value = |level: Level| match level {
            Level::Free(variable) => solution.x[variable],
            Level::Fixed(value) => value,
        };
        let kelvin = |level: f64| units.anchor.0 + level * Units::KELVIN;
        let bins = trace.bins().iter().zip(&self.energy.loads);
        let load = |(bin, segments): (&super::Bin, &Vec<Variable>)| {
            let above: f64 = segments.iter().map(|&segment| solution.x[segment]).sum();
            let idle = trace.curve.idle();
            (idle + units.power * above).min(trace.most(bin)).max(idle)
        };
        let charge = self.energy.zero + units.power * units.bin * value(self.energy.start);
        let temperatures = self.heat.as_ref().map(|heat| {
            let [junction, coolant, radiator] = heat.start.map(|level| Kelvin(kelvin(value(level))));
            Temperatures { junction, coolant, radiator }
        });
        let radiator = self.heat.iter().flat_map(|heat| &heat.radiator).map(|&mean| kelvin(solution.x[mean]));
        Found {
            work: units.bin * solution.value,
            upper: units.bin * solution.upper,
            loads: bins.map(load).collect(),
            soc: charge / trace.battery.capacity,
            temperatures,
            radiator: radiator.collect(),
            worth: self.energy.stored.map_or(0.0, |row| solution.price(row) / units.power.0),
            iterations: solution.iterations,
        }
    }
}
