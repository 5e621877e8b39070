//! What a simulated flight came to.

use super::best::{Flown, Stretches, certified};
use super::{Load, Simulation};
use crate::envelope::{Breaches, Ledger, Spacecraft, State};
use crate::governor::{Decision, Policy, Score, Scorer, Unscored, WorkCurve};
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
    /// No governor could have done more; see [`crate::oracle::certificate`]. Same unit as `work_s`.
    pub upper_bound_s: Seconds,
    /// Work over the bound. None for a load that was given, or if a limit was broken: such work does not count.
    pub share_of_upper_bound: Option<f64>,
    /// Work over that of the oracle; none where it was not asked, and on the same terms.
    pub share_of_oracle: Option<f64>,
    /// How well the governor did.
    pub score: Score,
    /// Lowest charge, share of capacity.
    pub soc_min: f64,
    /// Charge at the end.
    pub soc_end: f64,
    /// Energy taken from the cells, in full capacities.
    pub battery_cycles: f64,
    /// Largest fall of the charge inside one orbital period, share of capacity.
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
    scorer: Scorer,
    stretches: Stretches,
    /// Machine seconds of full speed.
    work: Seconds,
    soc_min: f64,
    junction: Kelvin,
    coolant: Kelvin,
}

impl Tally {
    /// Power and budget are averaged over `window`, machine time.
    pub(super) fn new(spacecraft: &Spacecraft, curve: WorkCurve, duration: Seconds, window: Seconds) -> Tally {
        let State { soc, temperatures, .. } = *spacecraft.state();
        Tally {
            scorer: Scorer::new(curve.full(), spacecraft.forecast().period(), window, soc),
            stretches: Stretches::new(spacecraft, curve.clone(), duration),
            curve,
            work: Seconds::ZERO,
            soc_min: soc,
            junction: temperatures.junction,
            coolant: temperatures.coolant,
        }
    }

    /// A governor has decided.
    pub(super) fn grant(&mut self, decision: &Decision) {
        self.scorer.grant(decision.budget, decision.regime);
    }

    /// Adds a step of `dt` that ends now. Work that costs more than it should counts as what it would have cost, which
    /// is `worth`.
    pub(super) fn add(&mut self, spacecraft: &Spacecraft, load: Watts, worth: Watts, dt: Seconds) {
        let after = spacecraft.state();
        self.scorer.draw(dt, Some(load), after.soc);
        self.stretches.follow(spacecraft, self.curve.full().min(spacecraft.limits().compute));
        self.work += dt * self.curve.rate(worth);
        self.soc_min = self.soc_min.min(after.soc);
        self.junction = self.junction.max(after.temperatures.junction);
        self.coolant = self.coolant.max(after.temperatures.coolant);
    }

    /// The sum of a flight that ends where `spacecraft` is.
    pub(super) fn flown(self, simulation: &Simulation<'_>, spacecraft: &Spacecraft) -> Flown {
        let scale = simulation.scale;
        let (ledger, breaches) = (*spacecraft.ledger(), *spacecraft.breaches());
        let stretches = self.stretches.end(spacecraft);
        let bound = scale.simulated(certified(&stretches));
        let work = scale.simulated(self.work);
        let score = self.scorer.score(Some(&breaches)).against(work, Err(Unscored::NotAsked));
        let governed = simulation.load == Load::Governed;
        let counts = governed && !breaches.any() && bound.0 > 0.0;
        let summary = Summary {
            governor: governed.then_some(simulation.policy),
            duration_s: simulation.duration,
            mean_load_w: ledger.compute_j / scale.machine(simulation.duration),
            energy_j: ledger.compute_j,
            work_s: work,
            upper_bound_s: bound,
            share_of_upper_bound: counts.then(|| work / bound),
            share_of_oracle: None,
            battery_cycles: score.battery_cycles,
            depth_of_discharge: score.depth_of_discharge,
            score,
            soc_min: self.soc_min,
            soc_end: spacecraft.state().soc,
            junction_peak_k: self.junction,
            loop_peak_k: self.coolant,
            breaches,
            ledger,
        };
        Flown { summary, stretches }
    }
}
