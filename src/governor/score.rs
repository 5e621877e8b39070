//! How well a governor did: the figures of a flight, from what was drawn, granted and believed, tick by tick.
//!
//! | figure | definition | source |
//! |---|---|---|
//! | over budget, s | sum of dt where P > B (1 + 2 %) | Zhang & Hoffmann, "Maximizing Performance Under a Power Cap", ASPLOS 2016 |
//! | over budget, J | integral of max(0, P - B) | |
//! | overshoot, W and share | largest P - B, largest P / B - 1 | |
//! | settling, s | from a step of the budget until P stays within 2 % of the target | |
//! | ripple | standard deviation of P - target over the mean target | |
//! | budget use | integral of min(P, target) over the integral of the target | |
//! | stale ticks | ticks whose regime is not `tracking` | |
//! | recovery, s | from the first tick that is not `tracking` to the next that is | |
//! | battery cycles | energy taken from the cells, in full capacities | |
//! | depth of discharge | largest fall of the charge inside any one orbital period (not rainflow) | |
//! | excess, K s; shortfall, J and share | of the plant, see [`Breaches`] | |
//! | regret, s | work of the oracle less that of the flight, in seconds of full speed | |
//!
//! P is the power that was drawn, B the budget, both as means over the window that is told (zero: each tick by
//! itself). The target is the budget or full power, whichever is less. A step is a change of the budget by over 5 % of
//! full power from tick to tick. Times are on the machine's clock but for [`Breaches`], which are simulated.

mod discharge;
mod settling;
mod window;

use super::Regime;
use crate::envelope::Breaches;
use crate::units::{Joules, Seconds, Watts};
use discharge::Discharge;
use serde::{Deserialize, Serialize};
use settling::{Settling, Spells};
use window::Means;

pub(crate) use window::Window;

/// Half width of the band that counts as on target, share of the target.
pub const BAND_SHARE: f64 = 0.02;
/// A change of the budget that counts as a step, share of full power.
pub const STEP_SHARE: f64 = 0.05;
/// An excess that counts as rounding, share of the budget.
const ROUNDING: f64 = 1e-9;

/// The figures. What is not known is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// How long was scored.
    pub duration_s: Seconds,
    /// How often was decided.
    pub ticks: u64,
    /// Over which power and budget are averaged.
    pub window_s: Seconds,
    /// Time with the power over the budget by more than the tolerance; null where no power is known, as are the next six.
    pub over_budget_s: Option<Seconds>,
    /// The tolerance of it, share of the budget.
    pub tolerance_share: f64,
    /// Energy over the budget, without a tolerance.
    pub over_budget_j: Option<Joules>,
    /// Most over the budget.
    pub overshoot_w: Option<Watts>,
    /// Most over the budget, share of it.
    pub overshoot_share: Option<f64>,
    /// Unsteadiness round the target, share of it.
    pub ripple_share: Option<f64>,
    /// Share of the target that was drawn.
    pub budget_use_share: Option<f64>,
    /// Steps of the budget.
    pub budget_steps: u64,
    /// Steps after which the power was not on target when the next one came.
    pub unsettled_steps: u64,
    /// Median settling time of the other steps; null where there was none.
    pub settling_median_s: Option<Seconds>,
    /// Worst settling time of the other steps.
    pub settling_worst_s: Option<Seconds>,
    /// Ticks on readings that were not believed.
    pub stale_ticks: u64,
    /// Share of the ticks.
    pub stale_share: f64,
    /// Spells of such ticks that ended.
    pub recoveries: u64,
    /// Median length of these; null where there was none.
    pub recovery_median_s: Option<Seconds>,
    /// Longest of these.
    pub recovery_worst_s: Option<Seconds>,
    /// Energy taken from the cells, in full capacities.
    pub battery_cycles: f64,
    /// Largest fall of the charge inside one orbital period, share of capacity.
    pub depth_of_discharge: f64,
    /// Junction over its limit; null where the flight did not end, as are the next four.
    pub junction_excess_k_s: Option<f64>,
    /// Loop over its limit.
    pub loop_excess_k_s: Option<f64>,
    /// Energy taken from below the charge floor.
    pub charge_shortfall_j: Option<Joules>,
    /// Deepest charge below its floor, share of capacity.
    pub charge_shortfall_share: Option<f64>,
    /// Demand that nothing met.
    pub unserved_j: Option<Joules>,
    /// Work done, in seconds of full speed.
    pub work_s: Option<Seconds>,
    /// Work of the oracle held to the same change of charge and heat.
    pub oracle_s: Option<Seconds>,
    /// Work over that of the oracle.
    pub share_of_oracle: Option<f64>,
    /// Why there is no share.
    pub unscored: Option<Unscored>,
    /// What the oracle did more.
    pub regret_s: Option<Seconds>,
}

/// Why a flight has no share of the oracle's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unscored {
    /// The oracle was not asked.
    NotAsked,
    /// Nobody governed: the load was given, or the policy is `off`.
    Ungoverned,
    /// A limit was broken; such work does not count.
    Breached,
    /// No power was read, so nothing is known of what a watt bought.
    NoPower,
    /// The flight was faster than its own calibration, or nothing limits it: the oracle is no bound.
    NotComparable,
    /// The flight did not end.
    Unfinished,
    /// The recorded states do not follow from the energy windows.
    NotReplayed,
    /// The oracle found no plan.
    NoOracle,
}

impl std::fmt::Display for Unscored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::NotAsked => "the oracle was not asked",
            Self::Ungoverned => "ungoverned",
            Self::Breached => "a limit was broken",
            Self::NoPower => "no power was read",
            Self::NotComparable => "not comparable",
            Self::Unfinished => "the flight did not end",
            Self::NotReplayed => "the journal does not give its own states again",
            Self::NoOracle => "the oracle found no plan",
        })
    }
}

/// Takes a flight in, tick by tick: [`Scorer::grant`] at each decision, [`Scorer::draw`] for the time after it.
#[derive(Clone, Debug)]
pub struct Scorer {
    full: Watts,
    now: Seconds,
    budget: Option<Watts>,
    ticks: u64,
    stale_ticks: u64,
    /// Power, budget and target.
    window: Window<3>,
    known: bool,
    over_time: Seconds,
    over_energy: Joules,
    overshoot: Watts,
    overshoot_share: f64,
    used: Joules,
    means: Means,
    settling: Settling,
    spells: Spells,
    discharge: Discharge,
}

impl Scorer {
    /// For a machine of `full` watts in an orbit of `period` (machine time) that begins with the charge `soc`; power and
    /// budget are averaged over `window`.
    pub fn new(full: Watts, period: Seconds, window: Seconds, soc: f64) -> Scorer {
        Scorer {
            full,
            now: Seconds::ZERO,
            budget: None,
            ticks: 0,
            stale_ticks: 0,
            window: Window::new(window),
            known: false,
            over_time: Seconds::ZERO,
            over_energy: Joules::ZERO,
            overshoot: Watts::ZERO,
            overshoot_share: 0.0,
            used: Joules::ZERO,
            means: Means::default(),
            settling: Settling::default(),
            spells: Spells::default(),
            discharge: Discharge::new(period, soc),
        }
    }

    /// A tick: `budget` holds from now on, decided in `regime`.
    pub fn grant(&mut self, budget: Watts, regime: Regime) {
        let before = self.budget.replace(budget);
        if before.is_some_and(|before| (budget - before).0.abs() > STEP_SHARE * self.full.0) {
            self.settling.step(self.now);
        }
        let trusted = regime == Regime::Tracking;
        self.ticks += 1;
        self.stale_ticks += u64::from(!trusted);
        self.spells.tick(self.now, trusted);
    }

    /// `power` was drawn for `dt`, at the end of which the charge is `soc`. No power: nobody knows it.
    pub fn draw(&mut self, dt: Seconds, power: Option<Watts>, soc: f64) {
        if !(dt.is_finite() && dt > Seconds::ZERO) {
            return;
        }
        self.now += dt;
        self.discharge.add(self.now, soc);
        let Some((power, budget)) = power.zip(self.budget) else { return self.window.clear() };
        self.known = true;
        let target = budget.min(self.full);
        let Some([power, budget, target]) = self.window.add(dt, [power, budget, target]) else { return };
        self.compare(dt, power, budget);
        self.used += power.min(target) * dt;
        self.means.add(dt, power - target, target);
        let on_target = (power - target).0.abs() <= target.0 * (BAND_SHARE + ROUNDING);
        self.settling.piece(self.now - dt, on_target);
    }

    fn compare(&mut self, dt: Seconds, power: Watts, budget: Watts) {
        let over = power - budget;
        if over <= budget * ROUNDING {
            return;
        }
        self.over_energy += over * dt;
        self.overshoot = self.overshoot.max(over);
        // A budget of nothing but rounding has no share.
        if budget > self.full * ROUNDING {
            self.overshoot_share = self.overshoot_share.max(over / budget);
        }
        if over > budget * BAND_SHARE {
            self.over_time += dt;
        }
    }

    /// The figures of everything so far, with what the plant says of its limits; none where it does not say.
    pub fn score(&self, breaches: Option<&Breaches>) -> Score {
        let known = self.known && self.means.weighed();
        let (settled, spells) = (self.settling.closed(), &self.spells.lengths);
        Score {
            duration_s: self.now,
            ticks: self.ticks,
            window_s: self.window.length(),
            over_budget_s: known.then_some(self.over_time),
            tolerance_share: BAND_SHARE,
            over_budget_j: known.then_some(self.over_energy),
            overshoot_w: known.then_some(self.overshoot),
            overshoot_share: known.then_some(self.overshoot_share),
            ripple_share: self.means.ripple().filter(|_| known),
            budget_use_share: self.means.share_of_target(self.used).filter(|_| known),
            budget_steps: self.settling.steps,
            unsettled_steps: if known { settled.unsettled } else { self.settling.steps },
            settling_median_s: settled.median().filter(|_| known),
            settling_worst_s: settled.worst().filter(|_| known),
            stale_ticks: self.stale_ticks,
            stale_share: if self.ticks > 0 { self.stale_ticks as f64 / self.ticks as f64 } else { 0.0 },
            recoveries: spells.len() as u64,
            recovery_median_s: settling::median(spells),
            recovery_worst_s: settling::worst(spells),
            battery_cycles: self.discharge.cycles,
            depth_of_discharge: self.discharge.depth,
            junction_excess_k_s: breaches.map(|all| all.junction.excess_k_s),
            loop_excess_k_s: breaches.map(|all| all.coolant.excess_k_s),
            charge_shortfall_j: breaches.map(|all| all.charge.energy_j),
            charge_shortfall_share: breaches.map(|all| all.charge.deepest_share),
            unserved_j: breaches.map(|all| all.bus.energy_j),
            work_s: None,
            oracle_s: None,
            share_of_oracle: None,
            unscored: None,
            regret_s: None,
        }
    }
}

impl Score {
    /// The same with the work that was done, and what the oracle would have done, or why that does not compare.
    pub fn against(self, work: Seconds, oracle: Result<Seconds, Unscored>) -> Score {
        let comparable =
            oracle.and_then(|best| if best > Seconds::ZERO { Ok(best) } else { Err(Unscored::NotComparable) });
        Score {
            work_s: Some(work),
            oracle_s: comparable.ok(),
            share_of_oracle: comparable.ok().map(|best| work / best),
            unscored: comparable.err(),
            regret_s: comparable.ok().map(|best| best - work),
            ..self
        }
    }
}
