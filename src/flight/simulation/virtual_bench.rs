//! The virtual machine in a whole flight: with a meter, its energies and a journal, as on the machine in front of us.

use super::VirtualFlight;
use super::fault::Faults;
use super::simulated_meter::{SampleQueue, SharedQueue, hold, meter, sleep_clock};
use super::virtual_machine::Virtual;
use crate::envelope::Spacecraft;
use crate::flight::looks::{Looks, arrival};
use crate::flight::machine::{Followed, Ground, Machine};
use crate::flight::{FlightError, Recorder};
use crate::governor::Decision;
use crate::journal::{Arrival, Drawn, Event, FaultsRecord};
use crate::meter::Gauge;
use crate::meter::suspend::SuspendWatch;
use crate::reading::Reading;
use crate::units::Seconds;
use crate::workload::{Compilation, Description, Verification, Work};

/// The shortest wait.
const MOMENT: Seconds = Seconds(1e-6);

/// See above.
pub(super) struct VirtualBench<'a, 'r> {
    flight: &'a VirtualFlight<'a>,
    machine: Virtual<'a>,
    recorder: &'a mut Recorder<'r>,
    queue: SharedQueue,
    gauge: Gauge,
    workloads: Vec<Description>,
    /// The meter looks by itself so often, and next at this time of the machine's clock.
    looks_every: Seconds,
    look_due: Seconds,
    looks: Looks,
}

impl<'a, 'r> VirtualBench<'a, 'r> {
    pub(super) fn new(flight: &'a VirtualFlight<'a>, recorder: &'a mut Recorder<'r>) -> VirtualBench<'a, 'r> {
        let source = flight.source();
        let full = flight.range.full_w * flight.machine.sensor.gain;
        let queue = SampleQueue::shared(flight.machine.sensor.shows);
        let meter = Box::new(meter(source, &queue, &flight.machine.sensor, full));
        let mut gauge = Gauge::without_clocks(meter, SuspendWatch::with_clock(sleep_clock(&queue)));
        let mut machine = Virtual::new(&flight.simulation, flight.range);
        sample(&queue, &mut machine);
        let looks = Looks::from(gauge.look(machine.clock));
        let (workloads, looks_every) = (flight.descriptions(), flight.looks_every());
        let look_due = looks_every;
        VirtualBench { flight, machine, recorder, queue, gauge, workloads, looks_every, look_due, looks }
    }
}

/// Puts what the sensor shows now into the queue.
fn sample(queue: &SharedQueue, machine: &mut Virtual<'_>) {
    let shown = machine.look();
    hold(queue).take(machine.clock, shown, machine.slept);
}

impl Machine for VirtualBench<'_, '_> {
    fn now(&self) -> Seconds {
        self.machine.clock
    }

    fn interrupted(&self) -> bool {
        self.recorder.interrupted()
    }

    fn due(&mut self, due: Seconds) -> Seconds {
        self.machine.due(due)
    }

    fn workloads(&self) -> usize {
        self.workloads.len()
    }

    fn has_work(&self) -> bool {
        self.machine.has_work()
    }

    fn begin(&mut self, workload: usize) -> Result<(), FlightError> {
        let work = &self.flight.machine.workloads[workload];
        self.machine.begin(work.batch, work.share);
        Ok(())
    }

    /// In between the meter looks by itself.
    fn wait(&mut self, until: Seconds) -> Result<Option<Work>, FlightError> {
        // A wait that is over takes its moment too, as on every machine: nobody waits again and again for a time that is
        // reached but for rounding.
        let until = until.max(self.now() + MOMENT);
        loop {
            let done = self.machine.wait(until.min(self.look_due), &mut ());
            let now = self.machine.clock;
            self.recorder.tell(now);
            if now >= self.look_due {
                self.look_due = now + self.looks_every;
                sample(&self.queue, &mut self.machine);
            }
            if done.is_some() || now >= until {
                return Ok(done);
            }
        }
    }

    fn bits(&self, _: usize) -> f64 {
        0.0
    }

    fn look(&mut self) -> Reading {
        let now = self.now();
        let look = self.gauge().look(now);
        let reading = self.looks.take(look);
        self.note_suspend();
        reading
    }

    fn follow(&mut self, decision: &Decision) -> Followed {
        self.machine.decision = *decision;
        Followed::default()
    }

    fn slice(&mut self) -> Drawn {
        self.looks.slice(&self.gauge)
    }

    fn record(&mut self, event: impl FnOnce() -> Event) {
        self.recorder.record(event());
    }

    fn arrived(&mut self, spacecraft: &Spacecraft) -> Option<Arrival> {
        let (drawn, _) = self.looks.total(&self.gauge);
        Some(arrival(spacecraft, drawn))
    }
}

impl Ground for VirtualBench<'_, '_> {
    fn descriptions(&self) -> &[Description] {
        &self.workloads
    }

    fn gauge(&mut self) -> &mut Gauge {
        sample(&self.queue, &mut self.machine);
        &mut self.gauge
    }

    fn batch(&mut self, workload: usize) -> Result<Work, FlightError> {
        self.begin(workload)?;
        loop {
            if let Some(work) = self.wait(Seconds(f64::INFINITY))? {
                return Ok(work);
            }
        }
    }

    /// Nothing runs, so there is nothing to check.
    fn verify(&mut self, _: usize) -> Result<Option<Verification>, FlightError> {
        Ok(None)
    }

    fn compile_again(&mut self, _: usize) -> Result<Option<Compilation>, FlightError> {
        Ok(None)
    }

    fn faults(&self) -> FaultsRecord {
        let Faults(faults) = self.machine.faults;
        FaultsRecord {
            faults: faults.iter().map(ToString::to_string).collect(),
            conditions: self.machine.faults.conditions(),
        }
    }

    fn depart(&mut self) {
        self.machine.depart();
        let now = self.now();
        self.looks = Looks::from(self.gauge().look(now));
    }

    fn rest(&mut self, duration: Seconds) {
        let until = self.now() + duration;
        while self.now() < until && !self.interrupted() && self.wait(until).is_ok() {}
    }
}
