//! The exogenous trace: what a flight was given, step by step: sunlight, environment, and the most that could be drawn.
//!
//! Nothing in it depends on what the governor did, so every governor under the same sky has the same trace. Steps are
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

/// A mean over a step is a difference of sums since the start of the flight; over the shortest steps (a millionth of a
/// second) it is known to this share.
const ROUNDING: f64 = 1e-6;

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

/// Least and most that the array could give at any instant of a bin. Inside a step it lies between its values at both
/// ends and the step's mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Light {
    pub(super) least: Watts,
    pub(super) most: Watts,
}

impl Light {
    fn of(array: Watts) -> Light {
        Light { least: array, most: array }
    }

    fn and(self, other: Light) -> Light {
        Light { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    /// From `before` to `after`, of mean `mean`: one that leaves the two by no more than rounding leaves them not.
    fn between(before: Watts, after: Watts, mean: Watts) -> Light {
        let ends = Light::of(before).and(Light::of(after));
        let rounding = ends.most.0.abs() * ROUNDING;
        let inside = mean.0 >= ends.least.0 - rounding && mean.0 <= ends.most.0 + rounding;
        if inside { ends } else { ends.and(Light::of(mean)) }
    }
}

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
pub struct ExogenousTrace {
    pub(super) battery: Battery,
    pub(super) thermal: Thermal,
    pub(super) housekeeping: Watts,
    pub(super) conversion_efficiency: f64,
    pub(super) limits: Limits,
    pub(super) curve: WorkCurve,
    switching: bool,
    bins: Vec<Bin>,
    /// One for each bin.
    lights: Vec<Light>,
    grain: Grain,
    /// What full power and the strongest charge could have used of the array, and what idle power lacked, at the bus.
    usable: Joules,
    forced: Joules,
    /// Least and most environment heat of any instant.
    environment: (Watts, Watts),
    /// The spacecraft when it was last followed.
    seen: Seen,
}

/// Clock, array energy and absorbed heat of a spacecraft, and what its array gives now.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    t: Seconds,
    given: Joules,
    absorbed: Joules,
    array: Watts,
    /// What is left of the array.
    left: f64,
}

impl ExogenousTrace {
    /// A trace without steps, for a satellite of these parts whose compute works by `curve`. Bins last `bin` of
    /// machine time.
    pub fn new(
        battery: Battery,
        thermal: Thermal,
        housekeeping: Watts,
        conversion_efficiency: f64,
        limits: Limits,
        curve: WorkCurve,
        bin: Seconds,
    ) -> ExogenousTrace {
        ExogenousTrace {
            battery,
            thermal,
            housekeeping,
            conversion_efficiency,
            limits,
            curve,
            switching: false,
            bins: Vec::new(),
            lights: Vec::new(),
            grain: Grain { longest: bin, light: LIGHT, brightest: Watts::ZERO },
            usable: Joules::ZERO,
            forced: Joules::ZERO,
            environment: (Watts(f64::INFINITY), Watts(f64::NEG_INFINITY)),
            seen: Seen::default(),
        }
    }

    /// A trace of `spacecraft` from where it is now, to be [followed](ExogenousTrace::follow).
    pub fn of(spacecraft: &Spacecraft, curve: WorkCurve) -> ExogenousTrace {
        let sky = spacecraft.forecast();
        let bin = spacecraft.scale().machine(Seconds(BIN_S));
        let (limits, losses) = (*spacecraft.limits(), sky.conversion_efficiency);
        let mut trace = ExogenousTrace::new(sky.battery, sky.thermal, sky.housekeeping, losses, limits, curve, bin);
        trace.seen = Seen::of(spacecraft);
        trace
    }

    /// The same for a machine that has no settable power limit, if `switching`: it draws full power or idle power at every instant
    /// and nothing between, as one that is paced by batches. It may switch as often as it likes.
    pub fn switching(self, switching: bool) -> ExogenousTrace {
        ExogenousTrace { switching, ..self }
    }

    /// The same with bins of `bin` machine time.
    pub fn with_bins(self, bin: Seconds) -> ExogenousTrace {
        let grain = Grain { longest: bin, ..self.grain };
        ExogenousTrace { grain, ..self }
    }

    /// Adds what `spacecraft` was given since it was last followed, with up to `most` to draw.
    pub fn follow(&mut self, spacecraft: &Spacecraft, most: Watts) {
        let (before, now) = (self.seen, Seen::of(spacecraft));
        self.seen = now;
        let dt = now.t - before.t;
        let (array, environment) = ((now.given - before.given) / dt, (now.absorbed - before.absorbed) / dt);
        let emission_w_per_k4 = spacecraft.state().emission_w_per_k4;
        // A loss befalls the satellite between two steps: the step begins with what is left of the array.
        let began = if before.left > 0.0 { before.array * (now.left / before.left) } else { now.array };
        let light = Light::between(began, now.array, array);
        self.put(Step { dt, array, environment, most, emission_w_per_k4, condition: spacecraft.condition() }, light);
        self.meets(spacecraft.state().environment);
    }

    /// Adds a step of even light. One that is not positive and finite in length changes nothing.
    pub fn add(&mut self, step: Step) {
        self.put(step, Light::of(step.array));
    }

    fn put(&mut self, step: Step, light: Light) {
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
        push(&self.grain, (&mut self.bins, &mut self.lights), step, light);
        if self.bins.len() > MOST_BINS {
            self.lengthen();
        }
    }

    /// The bins so far.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The light of each bin.
    pub(super) fn lights(&self) -> &[Light] {
        &self.lights
    }

    /// Whether the machine is on or off, nothing between.
    pub(super) fn is_switching(&self) -> bool {
        self.switching && self.width() > Watts::ZERO
    }

    /// Watts above idle and the work that each is worth, from idle up: by the curve, or by full power in a share of the
    /// time.
    pub(super) fn segments(&self) -> Vec<(Watts, f64)> {
        if !self.is_switching() {
            return self.curve.segments().map(|segment| (segment.watts, segment.slope)).collect();
        }
        vec![(self.width(), self.curve.rate(self.curve.full()) / self.width().0)]
    }

    /// Full power over idle power.
    pub(super) fn width(&self) -> Watts {
        self.curve.full() - self.curve.idle()
    }

    /// Rate of work at a mean power of `load`.
    pub(super) fn rate(&self, load: Watts) -> f64 {
        if !self.is_switching() {
            return self.curve.rate(load);
        }
        self.on_share(load) * self.curve.rate(self.curve.full())
    }

    /// The share of the time at full power that makes a mean of `load`, the rest at idle.
    pub(super) fn on_share(&self, load: Watts) -> f64 {
        ((load - self.curve.idle()) / self.width()).clamp(0.0, 1.0)
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
        let (bins, lights) = (std::mem::take(&mut self.bins), std::mem::take(&mut self.lights));
        for (bin, light) in bins.into_iter().zip(lights) {
            push(&self.grain, (&mut self.bins, &mut self.lights), bin, light);
        }
    }
}

impl Seen {
    fn of(spacecraft: &Spacecraft) -> Seen {
        let state = spacecraft.state();
        Seen {
            t: state.t,
            given: spacecraft.ledger().array_j,
            absorbed: spacecraft.absorbed(),
            array: state.array,
            left: spacecraft.condition().array,
        }
    }
}

/// Puts `next` into the last bin if it belongs there, and else behind it.
fn push(grain: &Grain, (bins, lights): (&mut Vec<Bin>, &mut Vec<Light>), next: Bin, light: Light) {
    match (bins.last_mut(), lights.last_mut()) {
        (Some(bin), Some(lit)) if grain.fits(bin, &next) => (*bin, *lit) = (joined(bin, &next), lit.and(light)),
        _ => {
            bins.push(next);
            lights.push(light);
        }
    }
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
