//! A journal, walked once: everything that a page is computed from, in types.
//!
//! Of what is written once the last counts. What the slices of a workload did is added up; a meter's file that was merged
//! again replaces what was merged of it before.

use crate::governor::{Assumptions, Broken, Coarse, Transition};
use crate::journal::{
    Arrival, Beside, CompileTime, Conditions, DutyHeld, Entry, Event, FaultsRecord, FlightPlan, Identification,
    IdleWatch, Measurement, MergedMeter, MergedWindow, MeterCost, Outcome, Pair, Phase, ScaleRecord, Tick,
    Verification, WorkDone,
};
use crate::reading::EnergyWindow;
use crate::units::{Seconds, Watts};
use std::collections::BTreeMap;

/// What a journal says.
#[derive(Clone, Debug, Default)]
pub struct Record<'a> {
    /// Program and version that wrote it.
    pub program: &'a str,
    /// Wall clock at the start, UTC.
    pub test_time: &'a str,
    /// What it was written for.
    pub purpose: Purpose<'a>,
    /// The machine; none where the run ended before it was known.
    pub conditions: Option<&'a Conditions>,
    /// Kernels against their twins.
    pub verifications: Vec<&'a Verification>,
    /// What kernels took to compile.
    pub compile_times: Vec<&'a CompileTime>,
    /// Idle power before the work.
    pub idle: Option<IdleWatch>,
    /// Idle power after it.
    pub idle_after: Option<IdleWatch>,
    /// Each workload without an envelope.
    pub measurements: Vec<&'a Measurement>,
    /// Shares of full speed that were held.
    pub duties: Vec<DutyHeld>,
    /// The same work under the loop and without it.
    pub pairs: Vec<&'a Pair>,
    /// Why nothing could be admitted by this meter.
    pub coarse: Option<Coarse>,
    /// How late the meter is.
    pub identification: Option<&'a Identification>,
    /// What was made to go wrong; none on a machine, and where nothing was.
    pub faults: Option<&'a FaultsRecord>,
    /// s, k and what they stand on.
    pub scale: Option<ScaleRecord>,
    /// What the controller took for granted.
    pub assumptions: Option<Assumptions>,
    /// Which of it did not hold, in the order in which that was seen.
    pub broken: Vec<Broken>,
    /// Ticks of the control loop.
    pub ticks: Vec<Tick>,
    /// What moved the confirmed spacecraft.
    pub energy: Vec<EnergyWindow>,
    /// What each workload did in flight, all slices together, by its index.
    pub work: BTreeMap<usize, WorkDone>,
    /// The slices one by one: they follow one another from departure on, without a gap.
    pub slices: Vec<WorkDone>,
    /// When the governor came to believe the readings more, or less; machine clock.
    pub transitions: Vec<(Seconds, Transition)>,
    /// How the orbit ended; none where the program was killed before.
    pub arrival: Option<Arrival>,
    /// For how long the machine slept, each time.
    pub slept: Vec<Seconds>,
    /// What the meter itself took.
    pub meter_cost: Option<MeterCost>,
    /// Files of other meters, in the order in which they were first merged.
    pub meter_files: Vec<&'a MergedMeter>,
    /// How the flight ended.
    pub outcome: Option<&'a Outcome>,
    read_beside: Vec<(Option<&'a str>, &'a [Beside])>,
}

/// What a journal was written for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// A flight, with what was asked for.
    Flight(&'a FlightPlan),
    /// A benchmark without an envelope.
    Benchmark {
        /// Workloads that nobody asked for.
        measured_too: &'a [String],
    },
}

impl Default for Purpose<'_> {
    fn default() -> Self {
        Purpose::Benchmark { measured_too: &[] }
    }
}

/// The first event is no opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a journal begins with `opened` or `benched`")]
pub struct NotOpened;

impl<'a> Record<'a> {
    /// Walks the entries of a journal.
    ///
    /// # Errors
    /// The first one is no opening.
    pub fn from_entries(entries: &'a [Entry]) -> Result<Record<'a>, NotOpened> {
        Record::from_events(entries.iter().map(|entry| &entry.event))
    }

    /// Walks events.
    ///
    /// # Errors
    /// The first one is no opening.
    pub fn from_events(events: impl IntoIterator<Item = &'a Event>) -> Result<Record<'a>, NotOpened> {
        let mut events = events.into_iter();
        let mut record = match events.next() {
            Some(Event::Opened { program, test_time, plan, .. }) => {
                Record { program, test_time, purpose: Purpose::Flight(plan), ..Record::default() }
            }
            Some(Event::Benched { program, test_time, measured_too, .. }) => {
                Record { program, test_time, purpose: Purpose::Benchmark { measured_too }, ..Record::default() }
            }
            _ => return Err(NotOpened),
        };
        events.for_each(|event| record.take(event));
        Ok(record)
    }

    fn take(&mut self, event: &'a Event) {
        match event {
            Event::Conditions(conditions) => self.conditions = Some(conditions),
            Event::Verified(verification) => self.verifications.push(verification),
            Event::Compiled(time) => self.compile_times.push(time),
            Event::Duty(held) => self.duties.push(*held),
            Event::Paired(pair) => self.pairs.push(pair),
            Event::Idle(watch) => self.idle = Some(*watch),
            Event::IdleAfter(watch) => self.idle_after = Some(*watch),
            Event::Suspended { slept_s } => self.slept.push(*slept_s),
            Event::Metered(cost) => self.meter_cost = Some(*cost),
            Event::ReadBeside { workload, sources } => self.read_beside.push((workload.as_deref(), sources)),
            Event::Unconstrained(measurement) => self.measurements.push(measurement),
            Event::Identified(identification) => self.identification = Some(identification),
            Event::Faults(faults) => self.faults = Some(faults),
            Event::Scaled(scale) => self.scale = Some(*scale),
            Event::Assumed(assumptions) => self.assumptions = Some(*assumptions),
            Event::Coarse(coarse) => self.coarse = Some(*coarse),
            Event::Broken(broken) => self.broken.push(*broken),
            Event::Energy(window) => self.energy.push(*window),
            Event::Tick(tick) => self.ticks.push(*tick),
            Event::Regime { flight_s, transition } => self.transitions.push((*flight_s, *transition)),
            Event::Work(done) => {
                self.slices.push(*done);
                self.work.entry(done.workload).and_modify(|sum| *sum = sum.plus(done)).or_insert(*done);
            }
            Event::Arrived(arrival) => self.arrival = Some(*arrival),
            Event::Merged(merged) => self.merge(merged),
            Event::Closed { outcome } => self.outcome = Some(outcome),
            Event::Opened { .. } | Event::Benched { .. } | Event::Departed | Event::PowerLimit(_) => {}
        }
    }

    fn merge(&mut self, merged: &'a MergedMeter) {
        match self.meter_files.iter_mut().find(|earlier| earlier.is_of_same_file(merged)) {
            Some(earlier) => *earlier = merged,
            None => self.meter_files.push(merged),
        }
    }

    /// What was asked for; none where there was no flight.
    pub fn plan(&self) -> Option<&'a FlightPlan> {
        if let Purpose::Flight(plan) = self.purpose { Some(plan) } else { None }
    }

    /// Idle power before the work; none where it is not known.
    pub fn idle_power(&self) -> Option<Watts> {
        self.idle.and_then(|watch| watch.power())
    }

    /// Idle power after the work; none where it is not known.
    pub fn idle_power_after(&self) -> Option<Watts> {
        self.idle_after.and_then(|watch| watch.power())
    }

    /// What other sources saw of a workload without an envelope, or (none) of the flight: those that were read with it
    /// first, then the files that were merged afterwards.
    pub fn beside(&self, workload: Option<&str>) -> Vec<Beside> {
        let is_it = |window: &&MergedWindow| match workload {
            Some(_) => window.phase == Phase::Unconstrained && window.workload.as_deref() == workload,
            None => window.phase == Phase::Flight,
        };
        let of_file = |merged: &&MergedMeter| {
            let window = merged.windows.iter().find(is_it)?;
            Some(Beside { source: merged.source.clone(), drawn: window.drawn })
        };
        let read = self.read_beside.iter().filter(|(of, _)| *of == workload).flat_map(|(_, sources)| sources.iter());
        read.cloned().chain(self.meter_files.iter().filter_map(of_file)).collect()
    }
}
