//! The virtual machine: a clock that jumps from event to event, and what is drawn in between.
//!
//! ```text
//! power = idle + share cost (full - idle)  while a batch runs, idle otherwise     cost: what an item costs over calibration
//! ```
//!
//! Or the power follows the budget as the sensor shows it, or is given. Events are the end of a batch, the begin and end of a
//! fault, a switch of a given load, and whatever is waited for. While the machine is suspended nothing runs and
//! nobody ticks: it draws idle power and the satellite flies on. A batch that was started runs to its end.
//!
//! True time passes evenly; the machine's clock is ahead of it by what it has leapt. Faults come by simulated time since
//! departure: before it there is none.

use super::chance::chance;
use super::fault::{FaultKind, Faults};
use super::sensor::Instrument;
use super::{Load, Simulation};
use crate::estimator::{Cost, OperatingRange};
use crate::governor::Decision;
use crate::reading::Reading;
use crate::units::{Seconds, Watts};
use crate::workload::Work;

/// A batch is expected to be this share of the longest: the mean of their lengths.
const MEAN_SHARE: f64 = 0.75;
const SHORTEST_SHARE: f64 = 0.5;
/// What ends within this time has ended: rounding.
const SLACK: Seconds = Seconds(1e-9);

/// What calibration would find of a batch of `range`.
pub(super) fn cost(range: &OperatingRange) -> Cost {
    let item_s = range.batch_s * MEAN_SHARE;
    Cost { item_j: (range.full_w - range.idle_w) * item_s, item_s }
}

/// A stretch of even power, true time.
pub(super) struct Stretch<'a> {
    pub(super) from: Seconds,
    pub(super) until: Seconds,
    pub(super) power: Watts,
    /// What the work in it should have cost.
    pub(super) worth: Watts,
    /// Of the sensor, by a fault.
    pub(super) gain: f64,
    pub(super) faults: Faults<'a>,
}

/// Whom all goes by that is drawn.
pub(super) trait Watch {
    /// From simulated time `t_s` on `power` is drawn.
    fn begins(&mut self, t_s: Seconds, power: Watts);

    /// So much was drawn.
    fn draws(&mut self, stretch: &Stretch<'_>);
}

/// Nobody watches.
impl Watch for () {
    fn begins(&mut self, _: Seconds, _: Watts) {}

    fn draws(&mut self, _: &Stretch<'_>) {}
}

/// A batch under way.
#[derive(Clone, Copy)]
struct Running {
    /// True time of its end.
    end: Seconds,
    /// Share of the way from idle to full power that it draws.
    share: f64,
}

/// A machine in flight. Times are machine seconds unless said.
pub(super) struct Virtual<'a> {
    simulation: &'a Simulation<'a>,
    pub(super) faults: Faults<'a>,
    range: OperatingRange,
    /// True time, and what the machine's clock shows.
    t: Seconds,
    pub(super) clock: Seconds,
    /// True time of departure; infinite before.
    departed: Seconds,
    /// True time for which it was suspended.
    pub(super) slept: Seconds,
    pub(super) decision: Decision,
    running: Option<Running>,
    started: u64,
    ticks: u64,
    instrument: Instrument,
}

impl<'a> Virtual<'a> {
    pub(super) fn new(simulation: &'a Simulation<'a>, range: OperatingRange) -> Virtual<'a> {
        let Simulation { sensor, ref plant, .. } = *simulation;
        Virtual {
            simulation,
            faults: Faults(&plant.faults),
            decision: Decision::idle(&range),
            range,
            t: Seconds::ZERO,
            clock: Seconds::ZERO,
            departed: Seconds(f64::INFINITY),
            slept: Seconds::ZERO,
            running: None,
            started: 0,
            ticks: 0,
            instrument: Instrument::new(sensor, range.idle_w, plant.jitter, plant.seed),
        }
    }

    /// The satellite is at its node.
    pub(super) fn depart(&mut self) {
        self.departed = self.t;
        self.clock += self.ahead(self.t);
    }

    /// Simulated time of true time `t`, since departure.
    fn simulated(&self, t: Seconds) -> Seconds {
        self.simulation.scale.simulated(t - self.departed)
    }

    /// True time of simulated time `t_s`.
    fn true_time(&self, t_s: Seconds) -> Seconds {
        self.simulation.scale.machine(t_s) + self.departed
    }

    /// What the clock is ahead of true time.
    fn ahead(&self, t: Seconds) -> Seconds {
        self.faults.shift(FaultKind::Clock, self.simulated(t))
    }

    fn is(&self, kind: FaultKind) -> bool {
        self.faults.any(kind, self.simulated(self.t))
    }

    /// What is drawn now, what the work in it should have cost, and when a given load switches next.
    pub(super) fn load(&self) -> (Watts, Watts, Option<Seconds>) {
        let Simulation { sensor, ref load, .. } = *self.simulation;
        let OperatingRange { idle_w, full_w, .. } = self.range;
        let now = self.simulated(self.t);
        let cost = self.faults.factor(FaultKind::Load, now);
        match load {
            Load::Constant(power) => (*power, *power, None),
            Load::Schedule(schedule) => {
                let (power, switch) = schedule.at(now);
                (power, power, switch)
            }
            Load::Governed if self.is(FaultKind::Suspend) => (idle_w, idle_w, None),
            Load::Governed if self.range.is_switching() => match self.running {
                Some(Running { share, .. }) => (idle_w + (full_w - idle_w) * share * cost, full_w, None),
                None => (idle_w, idle_w, None),
            },
            Load::Governed if self.is(FaultKind::Starved) => (idle_w, idle_w, None),
            // The ideal pacer holds what its own meter shows, whatever an item costs.
            Load::Governed => {
                let shown = sensor.gain * self.faults.factor(FaultKind::Gain, now);
                // A budget of idle power admits nothing, whatever the meter shows of it.
                let budget = self.decision.budget;
                let power = if budget > idle_w { self.range.clamp(budget / shown) } else { idle_w };
                let worth = if cost == 1.0 { power } else { idle_w + (power - idle_w) / cost };
                (power, worth, None)
            }
        }
    }

    /// Flies to true time `to`; no batch ends before.
    fn fly(&mut self, to: Seconds, watch: &mut impl Watch) {
        while self.t < to {
            let (power, worth, switch) = self.load();
            let now = self.simulated(self.t);
            let edge = self.faults.next_edge(now).min(switch.unwrap_or(Seconds(f64::INFINITY)));
            let until = to.min(self.true_time(edge).max(self.t));
            // Where an edge is no later than now but for rounding, time moves on all the same.
            let until = if until > self.t { until } else { to };
            watch.begins(now, power);
            let gain = self.faults.factor(FaultKind::Gain, now);
            self.instrument.draw(until, power, gain);
            watch.draws(&Stretch { from: self.t, until, power, worth, gain, faults: self.faults });
            if self.is(FaultKind::Suspend) {
                self.slept += until - self.t;
                if let Some(running) = &mut self.running {
                    running.end += until - self.t;
                }
            }
            self.t = until;
        }
    }

    /// Whether power is set by batches.
    pub(super) fn is_paced(&self) -> bool {
        self.simulation.load == Load::Governed && self.range.is_switching()
    }

    pub(super) fn has_work(&self) -> bool {
        !self.is(FaultKind::Starved)
    }

    /// When a tick comes that is due at `due`.
    pub(super) fn due(&mut self, due: Seconds) -> Seconds {
        let Simulation { dt, scale, ref plant, .. } = *self.simulation;
        if plant.jitter <= 0.0 {
            return due;
        }
        self.ticks += 1;
        due + scale.machine(dt) * (plant.jitter * chance(plant.seed.rotate_left(32), self.ticks))
    }

    /// Starts a batch of at most `longest`, which draws a `share` of the way from idle to full power.
    pub(super) fn begin(&mut self, longest: Seconds, share: f64) {
        let length = SHORTEST_SHARE + (1.0 - SHORTEST_SHARE) * chance(!self.simulation.plant.seed, self.started);
        self.started += 1;
        self.running = Some(Running { end: self.t + longest * length, share });
    }

    /// What the sensor shows.
    pub(super) fn look(&mut self) -> Reading {
        self.instrument.look(self.t, self.simulated(self.t), self.faults, self.clock - self.t)
    }

    /// Waits until its clock shows `until`, or the batch under way has ended: then what it did.
    pub(super) fn wait(&mut self, until: Seconds, watch: &mut impl Watch) -> Option<Work> {
        loop {
            if self.running.is_some_and(|batch| self.t >= batch.end - SLACK) && !self.is(FaultKind::Suspend) {
                self.running = None;
                return Some(Work { items: 1.0 });
            }
            if self.clock >= until && !self.is(FaultKind::Suspend) {
                return None;
            }
            let edge = self.true_time(self.faults.next_edge(self.simulated(self.t)));
            let wanted = (until - self.ahead(self.t)).max(self.t);
            let asleep = self.is(FaultKind::Suspend);
            let over = self.true_time(self.simulation.duration);
            if asleep && self.t >= over {
                // It does not wake before the flight is over; what ran is lost.
                self.clock = if until.is_finite() { until } else { over.max(self.clock) };
                return self.running.take().map(|_| Work { items: 0.0 });
            }
            let end = self.running.filter(|_| !asleep).map_or(Seconds(f64::INFINITY), |batch| batch.end);
            let goal = if asleep { over } else { wanted };
            let to = goal.min(end).min(if edge > self.t { edge } else { self.t + SLACK });
            self.fly(to, watch);
            self.clock = if to == wanted { until } else { to + self.ahead(to) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_finds_of_a_batch_what_it_draws_above_idle() {
        let range = OperatingRange {
            idle_w: Watts(3.0),
            full_w: Watts(12.0),
            sensor_lag_s: Seconds::ZERO,
            update_period_s: Seconds(0.1),
            batch_s: Seconds(0.2),
        };
        let Cost { item_j, item_s } = cost(&range);
        assert!((item_s.0 - 0.15).abs() < 1e-12, "{item_s}: the mean of 0.1 and 0.2 s");
        assert!((item_j / item_s - Watts(9.0)).0.abs() < 1e-9, "{item_j} in {item_s}: full power less idle power");
    }
}
