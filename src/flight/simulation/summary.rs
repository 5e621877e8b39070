//! What a simulated flight came to.

use super::best::{Flown, Stretches, certified};
use super::{Load, Simulation};
use crate::envelope::{Breaches, Ledger, Spacecraft, State};
use crate::estimator::Broken;
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
    /// No governor could have done more; see [`crate::oracle::analytic_bound`]. Same unit as `work_s`.
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
    /// When each limit was first broken, machine seconds since departure.
    pub first_breach_s: FirstBreaches,
    /// Assumptions that did not hold.
    pub broken: Vec<Broken>,
    /// Every joule.
    pub ledger: Ledger,
}

/// When each limit was first broken, machine seconds since departure; null where it was not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FirstBreaches {
    /// Junction over its limit.
    pub junction: Option<Seconds>,
    /// Loop over its limit.
    #[serde(rename = "loop")]
    pub coolant: Option<Seconds>,
    /// Charge under its floor.
    pub charge: Option<Seconds>,
    /// Bus not served.
    pub bus: Option<Seconds>,
}

/// Sums in flight.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    curve: WorkCurve,
    scorer: Scorer,
    stretches: Stretches,
    /// Machine seconds of full speed.
    work: Seconds,
    soc: f64,
    soc_min: f64,
    junction: Kelvin,
    coolant: Kelvin,
    first: FirstBreaches,
    broken: Vec<Broken>,
    /// The spacecraft on which breaches are judged, where it has arrived.
    arrived: Option<Spacecraft>,
}

impl Tally {
    /// Power and budget are averaged over `window`, machine time. The machine is on or off, nothing between, if
    /// `switching`.
    pub(super) fn new(
        spacecraft: &Spacecraft,
        curve: WorkCurve,
        duration: Seconds,
        window: Seconds,
        switching: bool,
    ) -> Tally {
        let State { soc, temperatures, .. } = *spacecraft.state();
        Tally {
            scorer: Scorer::new(curve.full(), spacecraft.forecast().period(), window, soc),
            stretches: Stretches::new(spacecraft, curve.clone(), switching, duration),
            curve,
            work: Seconds::ZERO,
            soc,
            soc_min: soc,
            junction: temperatures.junction,
            coolant: temperatures.coolant,
            first: FirstBreaches::default(),
            broken: Vec::new(),
            arrived: None,
        }
    }

    /// A governor has decided.
    pub(super) fn grant(&mut self, decision: &Decision) {
        self.scorer.grant(decision.budget, decision.regime);
    }

    /// `power` was drawn for `dt`, in which work was done at a share `rate` of full speed.
    pub(super) fn draw(&mut self, dt: Seconds, power: Watts, rate: f64) {
        self.scorer.draw(dt, Some(power), self.soc);
        self.work += dt * rate;
    }

    /// The spacecraft on which breaches are judged has moved to machine time `to`.
    pub(super) fn moved(&mut self, spacecraft: &Spacecraft, to: Seconds) {
        let State { soc, temperatures, .. } = *spacecraft.state();
        self.stretches.follow(spacecraft, self.curve.full().min(spacecraft.limits().compute));
        self.soc = soc;
        self.soc_min = self.soc_min.min(soc);
        self.junction = self.junction.max(temperatures.junction);
        self.coolant = self.coolant.max(temperatures.coolant);
        if spacecraft.breaches().any() {
            self.first.see(spacecraft.breaches(), to);
        }
    }

    /// An assumption did not hold.
    pub(super) fn broken(&mut self, broken: &Broken) {
        self.broken.push(*broken);
    }

    /// The flight is over, and the spacecraft on which breaches are judged is here.
    pub(super) fn arrive(&mut self, spacecraft: &Spacecraft) {
        self.arrived = Some(spacecraft.clone());
    }

    /// The sum of a flight that has arrived.
    pub(super) fn flown(self, simulation: &Simulation<'_>) -> Option<Flown> {
        let spacecraft = &self.arrived?;
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
            first_breach_s: self.first,
            broken: self.broken,
            ledger,
        };
        Some(Flown { summary, stretches })
    }
}

impl FirstBreaches {
    fn see(&mut self, breaches: &Breaches, to: Seconds) {
        let broken = [
            (&mut self.junction, breaches.junction.time_s),
            (&mut self.coolant, breaches.coolant.time_s),
            (&mut self.charge, breaches.charge.time_s),
            (&mut self.bus, breaches.bus.time_s),
        ];
        for (first, time) in broken {
            if time.0 > 0.0 {
                first.get_or_insert(to);
            }
        }
    }
}
