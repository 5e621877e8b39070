//! `simulate --results DIR`: a whole flight of the product on the virtual machine, written as `run` writes one.
//!
//! Satellite, machine profile, sensor and faults are those of `simulate`; phases, journal and pages those of `run`. Every page
//! but timeline.csv says that no machine was used.

use super::arguments::SimulateArguments;
use super::interrupts::Interrupts;
use super::run::{self, for_machine, journalled, published_name, stem, written};
use super::{Exit, Failure};
use crate::envelope::Sky;
use crate::flight::simulation::{SimulatedMachine, VirtualFlight};
use crate::flight::{self, Length, Request};
use crate::governor::Policy;
use crate::profile;
use crate::report::ResultDirectory;
use crate::units::Seconds;
use jiff::Timestamp;
use std::path::Path;

/// Flies, writes the result under `results` and prints it.
pub(super) fn fly(arguments: &SimulateArguments, results: &Path) -> Result<Exit, Failure> {
    let (request, machine) = asked(arguments)?;
    let interrupts = Interrupts::handle()?;
    let conditions = VirtualFlight::new(&request, &machine).map_err(Failure::input)?.conditions();
    let mut request = for_machine(request.clone(), &conditions);
    // In simulated seconds: a slow sensor makes the orbit last longer.
    if let Some(step) = arguments.step {
        request.length.tick = Seconds(step / request.time_compression());
    }
    let virtual_flight = VirtualFlight::new(&request, &machine).map_err(Failure::input)?;
    let directory = ResultDirectory::create(results, &stem(Timestamp::now(), &request.satellite_name))?;
    let quiet = arguments.output.json;
    let flown = journalled(&directory, (interrupts.interrupt(), quiet), |recorder, test_time| {
        recorder.simulate();
        flight::open(recorder, &request, test_time, &virtual_flight.conditions());
        virtual_flight.fly(recorder)
    })?;
    Ok(interrupts.exit(written(&directory, flown, quiet)?))
}

/// What is flown, and on which machine.
fn asked(arguments: &SimulateArguments) -> Result<(Request, SimulatedMachine), Failure> {
    let policy = match arguments.governor.as_str() {
        "all" => return Err(Failure::input("--results holds one flight: name one --governor, not `all`")),
        name => name.parse::<Policy>().map_err(|error| Failure::input(format!("--governor: {error}")))?,
    };
    let refused = [
        ("--load", arguments.load != "governed", "it flies what the governor admits"),
        ("--duration", arguments.duration.is_some(), "it flies one orbit"),
        ("--sky constant", arguments.sky == Sky::Constant, "it flies under the sky of its orbit"),
        ("--trace", arguments.trace.is_some(), "timeline.csv in the result holds the same"),
    ];
    if let Some((flag, _, why)) = refused.iter().find(|(_, is_told, _)| *is_told) {
        return Err(Failure::input(format!("{flag} does not go with --results: {why}")));
    }
    let mut satellite = profile::satellite(&arguments.satellite, &arguments.overrides.set).map_err(Failure::input)?;
    satellite.orbit.start = arguments.start.unwrap_or(satellite.orbit.start);
    let profile = profile::machine(&arguments.machine).map_err(Failure::input)?;
    let machine = arguments.plant.flown(profile, &satellite)?;
    let request = Request {
        satellite_name: published_name(&arguments.satellite),
        satellite,
        policy,
        length: Length::STANDARD,
        compression: arguments.plant.compression(),
        seed: arguments.plant.seed(),
        assumptions: run::assumptions(&arguments.assume)?,
    };
    Ok((request, machine))
}
