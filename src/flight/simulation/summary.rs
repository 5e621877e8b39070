//! What a simulated flight came to.

use super::super::bound::Bound;
use super::{Load, Simulation};
use crate::envelope::{Breaches, Ledger, Spacecraft, State};
use crate::governor::{Policy, WorkCurve};
use crate::units::{Joules, Kelvin, Seconds, Watts};
use serde::{Deserialize, Serialize};

/// The sum of a simulated flight. Times are simulated, powers and energies those of the scaled satellite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Who governed; none where the load was given.
    pub governor: Option<Policy>,
    /// How long it flew.
    pub duration_s: Seconds,
    /// Mean power of the compute.
    pub mean_load_w: Watts,
    /// Energy of the compute.
    pub energy_j: Joules,
    /// Seconds of full speed that the work would have taken.
    pub work_s: Seconds,
    /// No governor could have done more; see the source of the simulation's bound. Same unit as `work_s`.
    pub upper_bound_s: Seconds,
    /// Work over the bound. None for a load that was given, or if a limit was broken: such work does not count.
    pub share_of_upper_bound: Option<f64>,
    /// Lowest charge, share of capacity.
    pub soc_min: f64,
    /// Charge at the end.
    pub soc_end: f64,
    /// Energy taken from the cells, in full capacities.
    pub battery_cycles: f64,
    /// Largest fall of the charge within one orbit, share of capacity.
    pub depth_of_discharge: f64,
    /// Hottest junction.
    pub junction_peak_k: Kelvin,
    /// Hottest loop.
    pub loop_peak_k: Kelvin,
    /// Every breach.
    pub breaches: Breaches,
    /// Every joule.
    pub ledger: Ledger,
}

/// Sums in flight.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    curve: WorkCurve,
    bound: Bound,
    /// Machine seconds of full speed.
    work: Seconds,
    /// What the array could give until the last step.
    array: Joules,
    soc_min: f64,
    out_of_cells: f64,
    /// Highest charge of the orbit so far.
    crest: f64,
    depth: f64,
    junction: Kelvin,
    coolant: Kelvin,
}

impl Tally {
    pub(super) fn new(spacecraft: &Spacecraft, curve: WorkCurve, bound: Bound) -> Tally {
        let State { soc, temperatures, .. } = *spacecraft.state();
        Tally {
            curve,
            bound,
            work: Seconds::ZERO,
            array: Joules::ZERO,
            soc_min: soc,
            out_of_cells: 0.0,
            crest: soc,
            depth: 0.0,
            junction: temperatures.junction,
            coolant: temperatures.coolant,
        }
    }

    /// Adds the step from `before` to now.
    pub(super) fn add(&mut self, spacecraft: &Spacecraft, before: &State, load: Watts, dt: Seconds) {
        let after = spacecraft.state();
        let array = (spacecraft.ledger().array_j - self.array) / dt;
        self.array = spacecraft.ledger().array_j;
        let environment = before.environment.min(after.environment);
        self.bound.add(spacecraft.forecast(), array, environment, dt);
        self.work += dt * self.curve.rate(load);
        self.soc_min = self.soc_min.min(after.soc);
        self.out_of_cells += (before.soc - after.soc).max(0.0);
        let new_orbit = after.orbit_phase < before.orbit_phase;
        self.crest = if new_orbit { after.soc } else { self.crest.max(after.soc) };
        self.depth = self.depth.max(self.crest - after.soc);
        self.junction = self.junction.max(after.temperatures.junction);
        self.coolant = self.coolant.max(after.temperatures.coolant);
    }

    pub(super) fn summary(&self, simulation: &Simulation<'_>, spacecraft: &Spacecraft) -> Summary {
        let scale = simulation.scale;
        let (ledger, breaches) = (*spacecraft.ledger(), *spacecraft.breaches());
        let bound = scale.simulated(self.bound.work(spacecraft.forecast(), spacecraft.limits(), &ledger));
        let work = scale.simulated(self.work);
        let governed = simulation.load == Load::Governed;
        let counts = governed && !breaches.any() && bound.0 > 0.0;
        Summary {
            governor: governed.then_some(simulation.policy),
            duration_s: simulation.duration,
            mean_load_w: ledger.compute_j / scale.machine(simulation.duration),
            energy_j: ledger.compute_j,
            work_s: work,
            upper_bound_s: bound,
            share_of_upper_bound: counts.then(|| work / bound),
            soc_min: self.soc_min,
            soc_end: spacecraft.state().soc,
            battery_cycles: self.out_of_cells,
            depth_of_discharge: self.depth,
            junction_peak_k: self.junction,
            loop_peak_k: self.coolant,
            breaches,
            ledger,
        }
    }
}
