//! What can happen in a flight, in the order in which it happens.
//!
//! Every key carries its SI unit; what is missing is `null`, never zero.

use super::{
    Arrival, Beside, CompileTime, Conditions, DutyHeld, FaultsRecord, FlightPlan, Identification, IdleWatch,
    Measurement, MergedMeter, Outcome, Pair, ScaleRecord, Tick, Verification, WorkDone,
};
use crate::actuator::Setting;
use crate::governor::{Assumptions, Broken, Coarse, Transition};
use crate::meter::MeterCost;
use crate::reading::EnergyWindow;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};

/// One event. The journal of a complete flight holds them in this order; ticks, energy and work
/// alternate, with changes of regime between them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line.
    Opened {
        /// [`super::SCHEMA_VERSION`] of the writer.
        schema_version: String,
        /// Program and version.
        program: String,
        /// Wall clock at the start, UTC; a label, never used in arithmetic.
        test_time: String,
        /// What was asked for.
        plan: Box<FlightPlan>,
    },
    /// The first line of a benchmark without an envelope.
    Benched {
        /// Program and version.
        program: String,
        /// Wall clock at the start, UTC; a label, never used in arithmetic.
        test_time: String,
        /// Repeats of each measurement.
        repeats: u32,
        /// Workloads that nobody asked for: the shares of the others are of their rates.
        measured_too: Vec<String>,
    },
    /// The machine, as found.
    Conditions(Box<Conditions>),
    /// A kernel against its twin, before it is measured.
    Verified(Verification),
    /// What a kernel took to compile, creation and first dispatch together.
    Compiled(CompileTime),
    /// A share of full speed, held for a while: batches, and rests between them.
    Duty(DutyHeld),
    /// The same work under the flight loop and without it, one after the other.
    Paired(Pair),
    /// Power with everything open and nothing running.
    Idle(IdleWatch),
    /// The same after the work, for a machine that is warm.
    IdleAfter(IdleWatch),
    /// The machine slept: its clocks say so. What was measured across it counts for nothing.
    Suspended {
        /// For how long.
        slept_s: Seconds,
    },
    /// What the meter itself took.
    Metered(MeterCost),
    /// Energy of one phase by the sources beside the one that counts.
    ReadBeside {
        /// The workload without an envelope, or none for the flight.
        workload: Option<String>,
        /// In the order of their sources.
        sources: Vec<Beside>,
    },
    /// A workload without an envelope.
    Unconstrained(Measurement),
    /// How late the meter shows what the pacer does.
    Identified(Identification),
    /// What is made to go wrong; only in a simulated flight.
    Faults(FaultsRecord),
    /// The factors between satellite and machine.
    Scaled(ScaleRecord),
    /// What the controller takes for granted.
    Assumed(Assumptions),
    /// The satellite crosses its ascending node; ticks follow.
    Departed,
    /// The governor can admit nothing by a meter that is so coarse.
    Coarse(Coarse),
    /// A power limit was set, read back, or put back.
    PowerLimit(Setting),
    /// Energy that moved the confirmed spacecraft. Windows touch, from departure (0 s) to the end of the flight.
    Energy(EnergyWindow),
    /// An assumption did not hold: the first time, and whenever it is exceeded by more.
    Broken(Broken),
    /// One tick of the control loop.
    Tick(Tick),
    /// The governor came to believe the readings more, or less; the tick that follows is the first of the new regime.
    Regime {
        /// Since departure, machine clock.
        flight_s: Seconds,
        /// From what to what, and why.
        transition: Transition,
    },
    /// What one workload did since its last entry.
    Work(WorkDone),
    /// The orbit is closed, or was cut short.
    Arrived(Arrival),
    /// After the last line, and after the flight: a meter's own file beside it.
    Merged(Box<MergedMeter>),
    /// The last line of a flight.
    Closed {
        /// How it ended.
        outcome: Outcome,
    },
}

impl Event {
    /// False for a kernel that disagreed with its twin; true for every other event.
    pub fn is_sound(&self) -> bool {
        if let Event::Verified(verification) = self { verification.is_sound() } else { true }
    }
}
