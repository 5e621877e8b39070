//! One orbit on a calibrated machine: what the control loop is ordered to fly.

use super::control::{self, Order};
use super::machine::Ground;
use super::measure::Unconstrained;
use super::{FlightError, Request};
use crate::envelope::{Sky, Spacecraft};
use crate::estimator::OperatingRange;
use crate::governor::{self, Design, WorkCurve, safe_all_year};
use crate::units::Seconds;

/// What an orbit is flown with beside the machine.
pub(super) struct Orbit<'a> {
    pub(super) request: &'a Request,
    /// On the machine's clock; a whole orbit, unless only the loop is of interest.
    pub(super) duration: Seconds,
    pub(super) measured: &'a [Unconstrained],
    pub(super) spacecraft: Spacecraft,
    pub(super) range: OperatingRange,
}

/// Flies it. The arrival is recorded however it ends.
pub(super) fn fly<M: Ground>(machine: &mut M, orbit: Orbit<'_>) -> Result<(), FlightError> {
    let Orbit { request, duration, measured, spacecraft, range } = orbit;
    let design = Design {
        static_cap: safe_all_year(&request.satellite, spacecraft.scale(), Sky::Orbit, &range),
        curve: WorkCurve::linear(range.idle_w, range.full_w),
    };
    let source = machine.gauge().source();
    let band = source.relative_uncertainty.filter(|_| source.provenance.is_measured());
    let order = Order {
        duration,
        tick: request.length.tick,
        slice: request.length.slice,
        governor: governor::new(request.policy, &design),
        assumptions: request.assumptions,
        range,
        costs: measured.iter().map(|measured| measured.cost(&range)).collect(),
        spacecraft,
        // The band is that of a shown value; what was drawn may lie over it by so much (k = 2).
        high: band.map(|band| 1.0 / (1.0 - band.clamp(0.0, 0.99))),
    };
    machine.depart();
    control::fly(machine, order)
}
