//! The machine in front of us: its workloads on their thread, its power source, and the flight's clock and journal.

use super::FlightError;
use super::machine::{Followed, Machine};
use super::measure::note_suspend;
use super::recorder::Recorder;
use super::worker::{HANG, Worker};
use crate::actuator::Actuator;
use crate::envelope::{Ledger, Spacecraft};
use crate::estimator::{Broken, Confirmed};
use crate::governor::Decision;
use crate::journal::{Arrival, Beside, Drawn, Event};
use crate::meter::{Gauge, Look};
use crate::reading::Reading;
use crate::units::{Joules, Seconds};
use crate::workload::{Description, Work};

/// See above.
pub(super) struct Bench<'a, 'r> {
    recorder: &'a mut Recorder<'r>,
    worker: &'a Worker,
    gauge: &'a mut Gauge,
    workloads: &'a [Description],
    /// What follows the budget beside the pacer, where that was asked for.
    actuator: Option<&'a mut Actuator>,
    /// The batch under way, and when it began.
    under_way: Option<(usize, Seconds)>,
    /// At departure, at the begin of the slice, and now.
    first: Look,
    opened: Look,
    latest: Look,
}

impl<'a, 'r> Bench<'a, 'r> {
    pub(super) fn new(
        recorder: &'a mut Recorder<'r>,
        worker: &'a Worker,
        gauge: &'a mut Gauge,
        workloads: &'a [Description],
        actuator: Option<&'a mut Actuator>,
    ) -> Bench<'a, 'r> {
        let first = gauge.look(recorder.now());
        let (opened, latest) = (first.clone(), first.clone());
        Bench { recorder, worker, gauge, workloads, actuator, under_way: None, first, opened, latest }
    }
}

impl Machine for Bench<'_, '_> {
    fn now(&self) -> Seconds {
        self.recorder.now()
    }

    fn interrupted(&self) -> bool {
        self.recorder.interrupted()
    }

    fn workloads(&self) -> usize {
        self.workloads.len()
    }

    fn begin(&mut self, workload: usize) -> Result<(), FlightError> {
        self.worker.begin(workload)?;
        self.under_way = Some((workload, self.now()));
        Ok(())
    }

    fn wait(&mut self, until: Seconds) -> Result<Option<Work>, FlightError> {
        let Some((workload, began)) = self.under_way else {
            self.recorder.rest(until - self.now());
            return Ok(None);
        };
        let patience = (until.min(began + HANG) - self.now()).max(Seconds::ZERO);
        match self.worker.poll(workload, patience) {
            Some(outcome) => {
                self.under_way = None;
                Ok(Some(outcome?))
            }
            None if self.now() - began >= HANG => Err(self.worker.hung(workload).into()),
            None => Ok(None),
        }
    }

    fn bits(&self, workload: usize) -> f64 {
        self.workloads[workload].result_bits_per_batch
    }

    fn look(&mut self) -> Reading {
        self.latest = self.gauge.look(self.recorder.now());
        note_suspend(self.recorder, self.gauge);
        self.latest.reading
    }

    fn follow(&mut self, decision: &Decision) -> Followed {
        let now = self.now();
        let settings = self.actuator.as_mut().map(|actuator| actuator.follow(now, decision.budget));
        Followed { power: None, settings: settings.unwrap_or_default() }
    }

    fn slice(&mut self) -> Drawn {
        let drawn = self.gauge.between(&self.opened, &self.latest);
        self.opened = self.latest.clone();
        drawn
    }

    fn confirmed(&mut self, _: &Spacecraft, _: &Confirmed) {}

    fn broken(&mut self, broken: &Broken) {
        self.recorder.record(Event::Broken(*broken));
    }

    fn record(&mut self, event: impl FnOnce() -> Event) {
        self.recorder.record(event());
    }

    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival> {
        let (drawn, sources) = self.total();
        if !sources.is_empty() {
            self.recorder.record(Event::ReadBeside { workload: None, sources });
        }
        Some(arrival(spacecraft, drawn))
    }
}

impl Bench<'_, '_> {
    /// Energy from departure to the last look, and what was read beside it.
    fn total(&mut self) -> (Drawn, Vec<Beside>) {
        let sources = self.gauge.beside_sources().cloned().collect::<Vec<_>>();
        let drawn = self.gauge.between_beside(&self.first, &self.latest);
        let beside = sources.into_iter().zip(drawn).map(|(source, drawn)| Beside { source, drawn }).collect();
        (self.gauge.between(&self.first, &self.latest), beside)
    }
}

/// The books of a spacecraft that has arrived.
pub(super) fn arrival(spacecraft: &Spacecraft, drawn: Drawn) -> Arrival {
    Arrival {
        breaches: *spacecraft.breaches(),
        drawn,
        ledger_residual: residual(spacecraft.ledger()),
        sent_bits: spacecraft.state().sent_bits,
        backlog_bits: spacecraft.state().backlog_bits,
    }
}

/// Share of the array's energy that the energy books cannot account for.
fn residual(ledger: &Ledger) -> f64 {
    let sources = ledger.sources();
    if sources > Joules::ZERO { (sources - ledger.uses()) / sources } else { 0.0 }
}
