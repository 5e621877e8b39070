//! What a flight was given: sunlight, environment, and the most that could be drawn, step by step.
//!
//! Nothing in it depends on what the governor did, so every governor under the same sky has the same course. Steps are
//! gathered in bins, whose energies are exact sums; a bin ends where the satellite's condition changes, and where the
//! light does: a bin that were half in the shade would not ask the battery for that half. When there are too many bins,
//! they are made twice as long and forgive twice the change of light. Machine time and machine watts throughout.

use crate::envelope::{Battery, Condition, KELVIN_TOLERANCE, Limits, Spacecraft, Thermal};
use crate::governor::WorkCurve;
use crate::units::{Joules, Kelvin, Seconds, Watts};

/// Simulated seconds in a bin at first: a third of the least time constant of the heat that matters, and short
/// against an eclipse.
const BIN_S: f64 = 20.0;
/// Most bins: a programme of as many is solved in a third of a second.
const MOST_BINS: usize = 1500;

/// Change of the array's power that a bin forgives at first, share of its greatest.
const LIGHT: f64 = 0.1;

/// One step of a flight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its length, machine time.
    pub dt: Seconds,
    /// What the array could give, mean.
    pub array: Watts,
    /// Heat that the radiator absorbed, mean.
    pub environment: Watts,
    /// The most that the compute could draw, mean: full power, or less if a cap fell.
    pub most: Watts,
    /// The radiator as it was, W/K4; see [`Thermal::emission_w_per_k4`].
    pub emission_w_per_k4: f64,
    /// What was left of the satellite.
    pub condition: Condition,
}

/// Steps in one: as [`Step`], with means over the bin.
pub type Bin = Step;

/// What belongs into one bin.
#[derive(Clone, Copy, Debug)]
struct Grain {
    /// Machine time.
    longest: Seconds,
    /// Change of the array's power, share of `brightest`.
    light: f64,
    brightest: Watts,
}

impl Grain {
    /// Whether `next` still belongs into `bin`.
    fn fits(&self, bin: &Bin, next: &Bin) -> bool {
        let slack = 1.0 + 1e-9;
        let change = (next.array - bin.array).0.abs();
        bin.emission_w_per_k4 == next.emission_w_per_k4
            && bin.condition == next.condition
            && bin.dt + next.dt <= self.longest * slack
            && change <= self.brightest.0 * self.light
    }
}

/// The steps of a flight, and what flies them.
#[derive(Clone, Debug)]
pub struct Course {
    pub(super) battery: Battery,
    pub(super) thermal: Thermal,
    pub(super) housekeeping: Watts,
    pub(super) conversion_efficiency: f64,
    pub(super) limits: Limits,
    pub(super) curve: WorkCurve,
    bins: Vec<Bin>,
    grain: Grain,
    /// What full power and the strongest charge could have used of the array, and what idle power lacked, at the bus.
    usable: Joules,
    forced: Joules,
    /// Least and most environment heat of any instant.
    environment: (Watts, Watts),
    /// Clock, array energy and absorbed heat of the spacecraft when it was last followed.
    seen: (Seconds, Joules, Joules),
}

impl Course {
    /// A course without steps, for a satellite of these parts whose compute works by `curve`. Bins last `bin` of
    /// machine time.
    pub fn new(
        battery: Battery,
        thermal: Thermal,
        housekeeping: Watts,
        conversion_efficiency: f64,
        limits: Limits,
        curve: WorkCurve,
        bin: Seconds,
    ) -> Course {
        Course {
            battery,
            thermal,
            housekeeping,
            conversion_efficiency,
            limits,
            curve,
            bins: Vec::new(),
            grain: Grain { longest: bin, light: LIGHT, brightest: Watts::ZERO },
            usable: Joules::ZERO,
            forced: Joules::ZERO,
            environment: (Watts(f64::INFINITY), Watts(f64::NEG_INFINITY)),
            seen: (Seconds::ZERO, Joules::ZERO, Joules::ZERO),
        }
    }

    /// A course of `spacecraft` from where it is now, to be [followed](Course::follow).
    pub fn of(spacecraft: &Spacecraft, curve: WorkCurve) -> Course {
        let sky = spacecraft.forecast();
        let bin = spacecraft.scale().machine(Seconds(BIN_S));
        let (limits, losses) = (*spacecraft.limits(), sky.conversion_efficiency);
        let mut course = Course::new(sky.battery, sky.thermal, sky.housekeeping, losses, limits, curve, bin);
        course.seen = seen(spacecraft);
        course
    }

    /// The same with bins of `bin` machine time.
    pub fn with_bins(self, bin: Seconds) -> Course {
        let grain = Grain { longest: bin, ..self.grain };
        Course { grain, ..self }
    }

    /// Adds what `spacecraft` was given since it was last followed, with up to `most` to draw.
    pub fn follow(&mut self, spacecraft: &Spacecraft, most: Watts) {
        let (before, now) = (self.seen, seen(spacecraft));
        self.seen = now;
        let dt = now.0 - before.0;
        let (array, environment) = ((now.1 - before.1) / dt, (now.2 - before.2) / dt);
        let emission_w_per_k4 = spacecraft.emission_w_per_k4();
        self.add(Step { dt, array, environment, most, emission_w_per_k4, condition: spacecraft.condition() });
        self.meets(spacecraft.state().environment);
    }

    /// Adds a step. One that is not positive and finite in length changes nothing.
    pub fn add(&mut self, step: Step) {
        if !(step.dt.0 > 0.0 && step.dt.is_finite()) {
            return;
        }
        // A machine cannot draw less than idle, so a cap below it is one at idle; told here, before caps are averaged.
        let most = step.most.min(self.curve.full()).max(self.curve.idle());
        let step = Step { most, ..step };
        self.meets(step.environment);
        let most = self.bus_load(self.curve.full()) + self.battery.charge_max;
        self.usable += step.array.min(most) * step.dt;
        self.forced += (self.bus_load(self.curve.idle()) - step.array).max(Watts::ZERO) * step.dt;
        self.grain.brightest = self.grain.brightest.max(step.array);
        match self.bins.last_mut() {
            Some(bin) if self.grain.fits(bin, &step) => *bin = joined(bin, &step),
            _ => self.bins.push(step),
        }
        if self.bins.len() > MOST_BINS {
            self.lengthen();
        }
    }

    /// The bins so far.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// How long it is, machine time.
    pub fn duration(&self) -> Seconds {
        self.bins.iter().fold(Seconds::ZERO, |sum, bin| sum + bin.dt)
    }

    /// Least and most heat that the radiator absorbed at any instant.
    pub(super) fn environment(&self) -> (Watts, Watts) {
        self.environment
    }

    /// What could have been used of the array, and what had to come from the battery; summed over steps, not bins.
    pub(super) fn light(&self) -> (Joules, Joules) {
        (self.usable, self.forced)
    }

    /// What the bus must supply for `compute`.
    pub(super) fn bus_load(&self, compute: Watts) -> Watts {
        compute / self.conversion_efficiency + self.housekeeping
    }

    /// What the junction may reach without counting as a breach.
    pub(super) fn junction_limit(&self) -> Kelvin {
        self.limits.junction + Kelvin(KELVIN_TOLERANCE)
    }

    /// What the loop may reach without counting as a breach.
    pub(super) fn coolant_limit(&self) -> Kelvin {
        self.limits.coolant + Kelvin(KELVIN_TOLERANCE)
    }

    /// Most power in `bin`; idle power at least, for a budget cannot go below it.
    pub(super) fn most(&self, bin: &Bin) -> Watts {
        bin.most.min(self.curve.full()).max(self.curve.idle())
    }

    fn meets(&mut self, environment: Watts) {
        self.environment = (self.environment.0.min(environment), self.environment.1.max(environment));
    }

    fn lengthen(&mut self) {
        self.grain.longest = self.grain.longest * 2.0;
        self.grain.light *= 2.0;
        let mut longer: Vec<Bin> = Vec::with_capacity(MOST_BINS);
        for bin in self.bins.drain(..) {
            match longer.last_mut() {
                Some(last) if self.grain.fits(last, &bin) => *last = joined(last, &bin),
                _ => longer.push(bin),
            }
        }
        self.bins = longer;
    }
}

fn seen(spacecraft: &Spacecraft) -> (Seconds, Joules, Joules) {
    (spacecraft.state().t, spacecraft.ledger().array_j, spacecraft.absorbed())
}

fn joined(bin: &Bin, next: &Bin) -> Bin {
    let dt = bin.dt + next.dt;
    let share = next.dt / dt;
    let mean = |a: Watts, b: Watts| a + (b - a) * share;
    Bin {
        dt,
        array: mean(bin.array, next.array),
        environment: mean(bin.environment, next.environment),
        most: mean(bin.most, next.most),
        emission_w_per_k4: bin.emission_w_per_k4,
        condition: bin.condition,
    }
}
