//! The estimator: what is known of the spacecraft and of the machine, from readings that are late.
//!
//! ```text
//!   readings ──> account ──> energy windows ──> confirmed spacecraft      what was counted, each joule once
//!                               │                    │
//!   batches ──> activity ───────┴─> costs            ├──> expected state now    by what was admitted and what it costs
//!                                                    └──> worst state now       by the most that the assumptions allow
//! ```
//!
//! * *Confirmed*: everything up to the last reading. Breaches are judged here.
//! * *Expected* and *worst*: from there to now. The controller steers by them.
//! * A window that nobody counted is *assumed*: batches at the most that was seen of them, idle power otherwise.
//!
//! In a real flight the spacecraft is simulated from the meter, so what was counted is the truth. A spacecraft with sensors of
//! its own is told by [`Estimator::sense`].
//!
//! Pure: time is an argument, in machine seconds since departure.

mod account;
mod activity;
mod assumptions;
mod costs;
mod excess;
mod forecast;
mod freshness;
mod meter_error;
mod operating_range;
mod steps;
mod watch;
mod windows;

pub use activity::BatchId;
pub use assumptions::{Assumption, Assumptions, Broken, UnknownAssumption};
pub use costs::Cost;
pub use freshness::Freshness;
pub use operating_range::OperatingRange;

use crate::envelope::{Forecast, Limits, Spacecraft, State};
use crate::reading::{Basis, EnergyWindow};
use crate::units::{Joules, Kelvin, Seconds, Watts};
use account::Account;
use activity::Activity;
use costs::Costs;
use excess::Excess;
use forecast::Corrected;
use watch::Watch;

/// Assumed length of a batch of which nothing is known.
const UNKNOWN: Seconds = Seconds(0.1);
/// Share of full power that is nothing but rounding.
const ROUNDING: f64 = 1e-6;
/// The time since the last reading is flown in at most so many steps of one mean power each.
const STEPS: f64 = 8.0;

/// An energy window, and what was expected in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confirmed {
    /// What moved the spacecraft.
    pub window: EnergyWindow,
    /// Of its energy, above idle.
    pub above_idle_j: Joules,
    /// Expected above idle, by what was admitted.
    pub expected_j: Joules,
    /// Share of it in which batches ran.
    pub busy_share: f64,
    /// No batch ran in it, nor just before it.
    pub is_rest: bool,
}

impl Confirmed {
    /// Whether the source counted it.
    pub fn is_counted(&self) -> bool {
        self.window.basis == Basis::Counted
    }
}

/// See above.
#[derive(Clone, Debug)]
pub struct Estimator {
    range: OperatingRange,
    assumptions: Assumptions,
    tick: Seconds,
    /// Upper end of the source's band over what it counts; none where nobody states it.
    high: Option<f64>,
    account: Account,
    activity: Activity,
    costs: Costs,
    watch: Watch,
    confirmed: Spacecraft,
    corrected: Corrected,
    /// Up to here energy has moved the confirmed spacecraft.
    booked: Seconds,
    /// Now.
    at: Seconds,
    expected: State,
    worst: State,
    /// Results made since the confirmed spacecraft moved.
    bits: f64,
    /// What was counted over what items may cost, and over full power.
    dear: Excess,
    high_power: Excess,
    /// The begin of the last window at rest.
    rested: Seconds,
    /// The end of the last window in which a limit was broken.
    breached: Seconds,
    /// The most that the meter showed above a power that was held.
    above_held: Watts,
    fresh: bool,
    has_own_sensors: bool,
    last: Option<EnergyWindow>,
    /// Nothing after this belongs to the flight.
    end: Seconds,
}

impl Estimator {
    /// At departure, with `spacecraft` at its node and a tick every `tick`. `high` is the upper end of the meter's band over
    /// what it counts.
    pub fn new(
        spacecraft: Spacecraft,
        range: OperatingRange,
        assumptions: Assumptions,
        tick: Seconds,
        high: Option<f64>,
    ) -> Estimator {
        let (state, corrected) = (*spacecraft.state(), Corrected::new(spacecraft.forecast()));
        let stale_after = range.update_period_s.max(tick) * assumptions.silence + range.sensor_lag_s;
        Estimator {
            account: Account::new(&range, stale_after),
            activity: Activity::default(),
            costs: Costs::new(range.full_w - range.idle_w, range.update_period_s, assumptions.item_cost - 1.0),
            watch: Watch::new(assumptions),
            confirmed: spacecraft,
            corrected,
            booked: Seconds::ZERO,
            at: Seconds::ZERO,
            expected: state,
            worst: state,
            bits: 0.0,
            dear: Excess::default(),
            high_power: Excess::default(),
            rested: Seconds(f64::NEG_INFINITY),
            breached: Seconds(f64::NEG_INFINITY),
            above_held: Watts::ZERO,
            fresh: false,
            has_own_sensors: false,
            last: None,
            end: Seconds(f64::INFINITY),
            range,
            assumptions,
            tick,
            high,
        }
    }

    /// The spacecraft as counted energy has moved it.
    pub fn confirmed(&self) -> &Spacecraft {
        &self.confirmed
    }

    /// Up to when energy has been counted.
    pub fn confirmed_until(&self) -> Seconds {
        self.booked
    }

    /// Where the spacecraft is expected to be now.
    pub fn expected(&self) -> &State {
        &self.expected
    }

    /// Where it is at the worst that the assumptions allow: as hot and as empty as can be. A counter that moves in steps may
    /// show one more at any time, and a power that stands for a whole window may be any that was held in it.
    pub fn worst(&self) -> State {
        let forecast = self.confirmed.forecast();
        let step = self.account.step().unwrap_or_default() + self.timing_error();
        let drained = step / forecast.conversion_efficiency;
        let mut worst = self.worst;
        worst.temperatures.junction += Kelvin(step.0 / forecast.thermal.junction_j_per_k);
        worst.soc -= drained / forecast.battery.capacity / forecast.battery.discharge_efficiency;
        worst
    }

    /// The orbit ahead, by what the spacecraft has seen of itself.
    pub fn forecast(&self) -> &Forecast {
        self.corrected.forecast()
    }

    /// The latest energy window.
    pub fn last_window(&self) -> Option<&EnergyWindow> {
        self.last.as_ref()
    }

    /// What is assumed.
    pub fn assumptions(&self) -> &Assumptions {
        &self.assumptions
    }

    /// Whether charge and temperatures come from sensors of the spacecraft.
    pub fn has_own_sensors(&self) -> bool {
        self.has_own_sensors
    }

    /// The machine as calibrated, with what has been learned since: one that draws more is believed.
    pub fn machine(&self) -> OperatingRange {
        if !self.range.is_switching() {
            return self.range;
        }
        let above = self.costs.most_beyond(self.range.full_w - self.range.idle_w);
        OperatingRange { full_w: self.range.idle_w + above, ..self.range }
    }

    /// What calibration found for one item of a workload. Workloads are numbered by the caller.
    pub fn expect(&mut self, workload: usize, cost: Cost) {
        self.costs.set(workload, cost);
    }

    /// What one item of a workload is expected to take; none before its first batch.
    pub fn cost(&self, workload: usize) -> Option<Cost> {
        self.costs.of(workload)
    }

    /// What a batch is expected to draw in all, and while it runs, above idle.
    pub fn expected_of(&self, workload: usize, items: f64) -> (Joules, Watts) {
        let most = self.range.full_w - self.range.idle_w;
        match self.costs.of(workload) {
            Some(cost) => (cost.item_j * items, cost.power()),
            None => {
                let length = if self.range.batch_s.0 > 0.0 { self.range.batch_s } else { UNKNOWN };
                (most * length, most)
            }
        }
    }

    /// Expected of the batches that run, from `now` on, above idle.
    pub fn left(&self, now: Seconds) -> Joules {
        self.activity.left(now)
    }

    /// The longest that a batch is assumed to run.
    pub fn longest_batch(&self) -> Seconds {
        self.range.batch_s * self.assumptions.batch_length
    }

    /// For how long the batches that run may run on, as is assumed.
    pub fn time_left(&self, now: Seconds) -> Seconds {
        self.activity.time_left(now, self.longest_batch())
    }

    /// From one reading to the next.
    fn period(&self) -> Seconds {
        self.range.update_period_s.max(self.tick)
    }

    /// Expected power of what runs, above idle; none where nothing does.
    pub fn running(&self) -> Option<Watts> {
        self.activity.power()
    }

    /// A batch starts.
    pub fn begin(&mut self, now: Seconds, workload: usize, items: f64) -> BatchId {
        let (energy, power) = self.expected_of(workload, items);
        self.activity.begin(now, workload, items, power, energy)
    }

    /// A batch ends, with so many bits of results. One that is not known is ignored.
    pub fn finish(&mut self, now: Seconds, id: BatchId, bits: f64) {
        self.bits += bits;
        let Some(ended) = self.activity.end(now, id) else { return };
        if self.range.batch_s.0 > 0.0 {
            let known = self.range.batch_s;
            let late = now - ended.took + known * self.assumptions.batch_length;
            self.watch.see(Assumption::BatchLength, ended.took / known, late);
        }
        self.costs.finished(ended.workload, ended.took / ended.items.max(1.0), ended.power);
    }

    /// The power follows its budget: `power` from now on.
    pub fn hold(&mut self, now: Seconds, power: Watts) {
        self.activity.hold(now, (power - self.range.idle_w).max(Watts::ZERO));
    }

    /// Nobody was awake from `from` on: a power that followed its budget until then is taken to be idle power.
    pub fn slept(&mut self, from: Seconds) {
        if !self.range.is_switching() {
            self.activity.hold(from, Watts::ZERO);
        }
    }

    /// What is drawn after `end` does not belong to the flight.
    pub fn end(&mut self, end: Seconds) {
        self.end = end;
    }

    /// Mean power between two instants, by what was admitted.
    pub fn drawn_at(&self, from: Seconds, to: Seconds) -> Watts {
        let span = to - from;
        if span.0 > 0.0 { self.range.idle_w + self.activity.drawn(from, to) / span } else { self.range.idle_w }
    }

    /// What must hold now.
    pub fn limits(&self) -> Limits {
        self.confirmed.limits_at(self.expected.simulated)
    }

    /// Brings the expected and the worst state to `now`.
    pub fn advance(&mut self, now: Seconds) {
        let before = self.at;
        self.fly(now);
        self.expected.backlog_bits = self.confirmed.state().backlog_bits + self.bits;
        self.correct(before);
    }

    /// Corrects the forecast by where the spacecraft is expected to be; it may have departed from it since `before`.
    fn correct(&mut self, before: Seconds) {
        self.corrected.see(self.confirmed.forecast(), &self.expected);
        let departure = self.corrected.departure();
        let lost = 1.0 - departure.array.min(departure.radiator);
        // The forecast itself is a mean over samples: a share within a thousandth is no loss.
        self.watch.see(Assumption::ForecastShare, lost - 1e-3, before);
    }

    fn fly(&mut self, now: Seconds) {
        let span = now - self.at;
        if !(span.0 > 0.0 && span.is_finite()) {
            return;
        }
        let period = self.period();
        let steps = (span / period).ceil().clamp(1.0, STEPS);
        let dt = span / steps;
        let worse = self.range.is_switching() && !self.has_own_sensors && self.assumptions.item_cost > 1.0;
        let shown = if self.range.is_switching() || self.has_own_sensors { Watts::ZERO } else { self.power_step() };
        for step in 0..steps as u32 {
            let from = self.at + dt * f64::from(step);
            let above = self.activity.drawn(from, from + dt) / dt;
            let is_exact = !(worse && above > Watts::ZERO) && shown <= self.range.full_w * ROUNDING;
            let is_same = self.worst == self.expected && is_exact;
            self.expected = self.confirmed.ahead(&self.expected, dt, self.range.idle_w + above);
            self.worst = match is_same {
                true => self.expected,
                false => {
                    let most = if worse { above * self.assumptions.item_cost } else { above + shown };
                    self.confirmed.ahead(&self.worst, dt, self.range.idle_w + most)
                }
            };
        }
        self.at = now;
    }

    /// The spacecraft has sensors of its own: this is where it is, at `now`.
    pub fn sense(&mut self, now: Seconds, state: &State) {
        self.has_own_sensors = true;
        let before = std::mem::replace(&mut self.at, now);
        self.expected = *state;
        self.worst = *state;
        self.correct(before);
    }

    /// Something that is assumed was seen at `now`.
    pub fn see(&mut self, assumption: Assumption, seen: f64, now: Seconds) {
        self.watch.see(assumption, seen, now);
    }

    /// Assumptions that have turned out not to hold since the last call.
    pub fn broken(&mut self) -> Vec<Broken> {
        self.watch.take()
    }
}
