//! One orbit on the machine in front of us: what the control loop is ordered to fly.

use super::bench::Bench;
use super::control::{self, Order};
use super::measure::Unconstrained;
use super::recorder::Recorder;
use super::worker::Worker;
use super::{FlightError, Request};
use crate::actuator::Actuator;
use crate::envelope::{Sky, Spacecraft};
use crate::estimator::OperatingRange;
use crate::governor::{self, Design, WorkCurve, safe_all_year};
use crate::meter::Gauge;
use crate::units::Seconds;
use crate::workload::Description;

/// Everything an orbit is flown with.
pub(super) struct Orbit<'a, 'r> {
    pub(super) recorder: &'a mut Recorder<'r>,
    pub(super) request: &'a Request,
    /// On the machine's clock; a whole orbit, unless only the loop is of interest.
    pub(super) duration: Seconds,
    pub(super) worker: &'a Worker,
    pub(super) gauge: &'a mut Gauge,
    pub(super) workloads: &'a [Description],
    pub(super) measured: &'a [Unconstrained],
    pub(super) spacecraft: Spacecraft,
    pub(super) machine: OperatingRange,
    /// What follows the budget beside the pacer, where that was asked for.
    pub(super) actuator: Option<&'a mut Actuator>,
}

/// Flies it. The arrival is recorded however it ends.
pub(super) fn fly(orbit: Orbit<'_, '_>) -> Result<(), FlightError> {
    let Orbit { recorder, request, duration, worker, gauge, workloads, measured, spacecraft, machine, actuator } =
        orbit;
    let design = Design {
        static_cap: safe_all_year(&request.satellite, spacecraft.scale(), Sky::Orbit, &machine),
        curve: WorkCurve::linear(machine.idle_w, machine.full_w),
    };
    let source = gauge.source();
    let band = source.relative_uncertainty.filter(|_| source.provenance.is_measured());
    let order = Order {
        duration,
        tick: request.length.tick,
        slice: request.length.slice,
        governor: governor::new(request.policy, &design),
        assumptions: request.assumptions,
        range: machine,
        costs: measured.iter().map(|measured| measured.cost(&machine)).collect(),
        spacecraft,
        // The band is that of a shown value; what was drawn may lie over it by so much (k = 2).
        high: band.map(|band| 1.0 / (1.0 - band.clamp(0.0, 0.99))),
    };
    control::fly(&mut Bench::new(recorder, worker, gauge, workloads, actuator), order)
}
