//! The machine in front of us: its workloads on their thread, its power source, and the flight's clock and journal.

use super::FlightError;
use super::looks::{Looks, arrival};
use super::machine::{Followed, Ground, Machine};
use super::recorder::Recorder;
use super::worker::{HANG, Worker};
use crate::actuator::{Actuator, Setting};
use crate::envelope::Spacecraft;
use crate::governor::Decision;
use crate::journal::{Arrival, Drawn, Event};
use crate::meter::Gauge;
use crate::reading::Reading;
use crate::units::Seconds;
use crate::workload::{Compilation, Description, Verification, Work};

/// See above.
pub(super) struct Bench<'a, 'r> {
    recorder: &'a mut Recorder<'r>,
    worker: &'a Worker,
    gauge: &'a mut Gauge,
    workloads: &'a [Description],
    /// What follows the budget beside the pacer, where that was asked for.
    actuator: Option<Actuator>,
    /// The batch under way, and when it began.
    under_way: Option<(usize, Seconds)>,
    looks: Looks,
}

impl<'a, 'r> Bench<'a, 'r> {
    pub(super) fn new(
        recorder: &'a mut Recorder<'r>,
        worker: &'a Worker,
        gauge: &'a mut Gauge,
        workloads: &'a [Description],
        actuator: Option<Actuator>,
    ) -> Bench<'a, 'r> {
        let looks = Looks::from(gauge.look(recorder.now()));
        Bench { recorder, worker, gauge, workloads, actuator, under_way: None, looks }
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
        let reading = self.looks.take(self.gauge.look(self.recorder.now()));
        self.note_suspend();
        reading
    }

    fn follow(&mut self, decision: &Decision) -> Followed {
        let now = self.now();
        let settings = self.actuator.as_mut().map(|actuator| actuator.follow(now, decision.budget));
        Followed { power: None, settings: settings.unwrap_or_default() }
    }

    fn slice(&mut self) -> Drawn {
        self.looks.slice(self.gauge)
    }

    fn record(&mut self, event: impl FnOnce() -> Event) {
        self.recorder.record(event());
    }

    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival> {
        let (drawn, sources) = self.looks.total(self.gauge);
        if !sources.is_empty() {
            self.recorder.record(Event::ReadBeside { workload: None, sources });
        }
        Some(arrival(spacecraft, drawn))
    }
}

impl Ground for Bench<'_, '_> {
    fn descriptions(&self) -> &[Description] {
        self.workloads
    }

    fn gauge(&mut self) -> &mut Gauge {
        self.gauge
    }

    fn batch(&mut self, workload: usize) -> Result<Work, FlightError> {
        self.worker.batch(self.recorder, workload)
    }

    fn verify(&mut self, workload: usize) -> Result<Option<Verification>, FlightError> {
        self.worker.verify(self.recorder, workload)
    }

    fn compile_again(&mut self, workload: usize) -> Result<Option<Compilation>, FlightError> {
        self.worker.compile_again(self.recorder, workload)
    }

    fn depart(&mut self) {
        self.looks = Looks::from(self.gauge.look(self.now()));
    }

    fn restore(&mut self) -> Vec<Setting> {
        self.actuator.iter_mut().flat_map(Actuator::restore).collect()
    }

    fn rest(&mut self, duration: Seconds) {
        self.recorder.rest(duration);
    }
}
