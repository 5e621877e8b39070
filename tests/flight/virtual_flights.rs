//! Whole flights on the virtual machine: the phases, the meter and the journal of the product, on a clock that jumps.

use dawndusk::flight::simulation::{
    Fault, Plant, Sensor, Shows, SimulatedMachine, SimulatedWork, SimulationError, VirtualFlight,
};
use dawndusk::flight::{self, Length, Recorder, Request};
use dawndusk::governor::Policy;
use dawndusk::journal::{self, Event, Identification, Journal, Outcome};
use dawndusk::profile;
use dawndusk::report::{Class, FlightResult, ResultDirectory, verify};
use dawndusk::units::{Seconds, Watts};
use std::sync::atomic::{AtomicBool, Ordering};

const FULL: Watts = Watts(200.0);
const IDLE_SHARE: f64 = 0.3;

pub(crate) fn request(length: Length) -> Request {
    Request {
        satellite_name: "leo-100kw".into(),
        satellite: profile::satellite("leo-100kw", &[]).expect("a shipped profile"),
        policy: Policy::Predictive,
        length,
        compression: None,
        assumptions: Default::default(),
        seed: 1,
    }
}

/// Two workloads, of which the first draws full power.
pub(crate) fn machine(sensor: Sensor) -> SimulatedMachine {
    let profile = profile::machine("ideal").expect("a shipped profile");
    let profile = profile::Machine { idle_w: profile.full().0 * IDLE_SHARE, ..profile };
    let work = |name: &str, batch, share| SimulatedWork { name: name.into(), batch: Seconds(batch), share };
    SimulatedMachine {
        profile,
        rated: FULL,
        states_rated: true,
        sensor,
        plant: Plant::IDEAL,
        workloads: vec![work("full", 0.04, 1.0), work("part", 0.02, 0.6)],
    }
}

fn counter(lag: f64, period: f64) -> Sensor {
    Sensor { lag: Seconds(lag), update_period: Seconds(period), ..Sensor::IDEAL }
}

fn power(lag: f64, period: f64) -> Sensor {
    Sensor { shows: Shows::Power, ..counter(lag, period) }
}

pub(crate) struct Flown {
    pub(crate) outcome: Outcome,
    pub(crate) result: FlightResult,
    journal: Vec<u8>,
    directory: ResultDirectory,
    _parent: tempfile::TempDir,
}

/// Flies; an event of which `stop` is true interrupts it.
pub(crate) fn fly_until(request: &Request, machine: &SimulatedMachine, stop: impl Fn(&Event) -> bool) -> Flown {
    let parent = tempfile::tempdir().expect("a temporary directory");
    let directory = ResultDirectory::create(parent.path(), "test").expect("the directory can be written");
    let journal = Journal::create(&directory.journal()).expect("the journal can be written");
    let interrupt = AtomicBool::new(false);
    let mut spectator = |event: &Event| {
        if stop(event) {
            interrupt.store(true, Ordering::Relaxed);
        }
    };
    let flight = VirtualFlight::new(request, machine).expect("a machine that can be");
    let request = &request.clone().for_machine(&flight.conditions());
    let flight = VirtualFlight::new(request, machine).expect("the same machine");
    let mut recorder = Recorder::new(Some(journal), &mut spectator, &interrupt);
    recorder.simulate();
    flight::open(&mut recorder, request, "2026-01-01T00:00:00Z".into(), &flight.conditions());
    let outcome = flight.fly(&mut recorder);
    recorder.close().expect("the journal was written");
    let result = directory.write_pages().expect("the pages can be written");
    let journal = std::fs::read(directory.journal()).expect("the journal is there");
    Flown { outcome, result, journal, directory, _parent: parent }
}

fn fly(request: &Request, machine: &SimulatedMachine) -> Flown {
    fly_until(request, machine, |_| false)
}

/// The names of the events, each once, in the order in which they come first.
fn phases(flown: &Flown) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for line in flown.journal.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry: serde_json::Value = serde_json::from_slice(line).expect("a whole line");
        let name = entry["event"].as_str().expect("an event").to_owned();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What every flight has, whatever befalls it.
const PHASES: [&str; 13] = [
    "opened",
    "conditions",
    "idle",
    "unconstrained",
    "identified",
    "scaled",
    "assumed",
    "departed",
    "tick",
    "work",
    "arrived",
    "idle_after",
    "closed",
];

#[test]
fn a_whole_flight_has_every_phase_and_its_pages_follow_from_its_journal() {
    let flown = fly(&request(Length::STANDARD), &machine(counter(0.02, 0.1)));
    assert_eq!(flown.outcome, Outcome::Completed, "one whole orbit");
    let found = phases(&flown);
    let place = |name: &&str| found.iter().position(|found| found == name);
    let places: Vec<_> = PHASES.iter().map(place).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "all phases in order: {found:?}");
    assert_eq!(flown.result.unconstrained.len(), 2, "both workloads");
    assert_eq!(flown.result.verdict.class, Class::Unmeasured, "{:?}", flown.result.verdict.constraints);
    assert!(!flown.result.verdict.ranked, "never ranked");
    let flight = flown.result.flight.as_ref().expect("it flew");
    assert!(!flight.breaches.expect("it arrived").any(), "and broke nothing: {:?}", flight.breaches);
    let worked = flight.workloads.iter().filter(|workload| workload.items > 0.0).count();
    assert_eq!(worked, 2, "both took their turns");
    assert!(
        verify(&flown.directory).expect("it can be checked").disagreements.is_empty(),
        "every page is what the journal gives"
    );
    let summary = std::fs::read_to_string(flown.directory.path().join("summary.txt")).expect("the page is there");
    assert!(summary.contains("SIMULATED"), "and it says what it is: {summary}");
}

#[test]
fn the_same_seed_gives_the_same_journal_byte_for_byte_and_another_seed_another() {
    let flown = |seed| {
        let faults = ["gain=1.1@2000", "load=1.2@3000+500"].map(|fault| fault.parse::<Fault>().expect("a fault"));
        let plant = Plant { jitter: 0.2, faults: faults.into(), seed, ..Plant::IDEAL };
        let machine = SimulatedMachine { plant, ..machine(power(0.05, 0.1)) };
        fly(&request(Length::QUICK), &machine).journal
    };
    let (one, again, other) = (flown(7), flown(7), flown(8));
    assert!(one.len() > 100_000, "a whole journal: {} bytes", one.len());
    assert!(one == again, "the same seed");
    assert!(one != other, "another seed");
}

/// Of the sensor's own time: half of its renewal, and of the mean that a power is.
fn dead_time(sensor: &Sensor) -> f64 {
    let mean = if sensor.shows == Shows::Power { 1.0 } else { 0.0 };
    sensor.lag.0 + sensor.update_period.0 * (1.0 + mean) / 2.0
}

fn identified(flown: &Flown) -> &Identification {
    flown.result.identification.as_ref().expect("the work was stepped")
}

#[test]
fn calibration_finds_idle_and_full_power_and_the_sensor_whatever_its_lag_and_period() {
    for (lag, period) in [(0.0, 0.01), (0.05, 0.02), (0.02, 0.1), (0.3, 0.1), (0.2, 1.0), (1.0, 3.0)] {
        for sensor in [counter(lag, period), power(lag, period)] {
            let flown = fly(&request(Length::STANDARD), &machine(sensor));
            let scale = flown.result.scale.expect("it was scaled");
            let found = identified(&flown);
            let (idle, full) = (scale.idle_w / FULL, scale.full_w / FULL);
            // The machine idled before the first look, so nothing is missed there; a repeat begins in the lag of the one before.
            assert!((idle - IDLE_SHARE).abs() < 0.02, "idle power by {sensor:?}: {idle} of full power");
            let missed = 2.0 * dead_time(&sensor) / Length::STANDARD.repeat.0.max(4.0 * period);
            assert!((full - 1.0).abs() < 0.01 + 0.3 * missed, "full power by {sensor:?}: {full} of it");
            assert_eq!(found.refused, None, "{sensor:?} follows the work");
            let late = found.lag_s.expect("found").0;
            let expected = dead_time(&sensor);
            let bound = (period * 0.5).max(0.01);
            assert!((late - expected).abs() <= bound, "{sensor:?} is {expected} s late, found {late} s");
            // The energy of a power that is integrated grows at every look; there the source is believed.
            let thermal = &profile::satellite("leo-100kw", &[]).expect("a shipped profile").thermal;
            let fastest = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k;
            let renewed = scale.sensing_ratio * fastest / scale.time_compression;
            assert!((renewed - period).abs() <= 0.02 + 0.1 * period, "{sensor:?}: renewed every {renewed} s");
        }
    }
}

/// What a meter's renewal takes from the flight is time, and never the limits.
#[test]
fn a_slow_meter_flies_longer_and_holds_the_same_limits() {
    for period in [0.1, 1.0, 10.0] {
        for (sensor, states_rated) in
            [(counter(0.0, period), true), (power(0.0, period), true), (power(0.1, period), false)]
        {
            let told = format!("{:?} every {period} s, rated: {states_rated}", sensor.shows);
            let flown = fly(&request(Length::QUICK), &SimulatedMachine { states_rated, ..machine(sensor) });
            assert_eq!(flown.outcome, Outcome::Completed, "{told}");
            let scale = flown.result.scale.expect("it was scaled");
            assert_eq!(scale.rated_is_calibrated, !states_rated, "{told}: where the rated power is from");
            assert!((scale.idle_w / FULL - IDLE_SHARE).abs() < 0.02, "{told}: idle power of {}", scale.idle_w);
            assert!((scale.full_w / FULL - 1.0).abs() < 0.15, "{told}: full power of {}", scale.full_w);
            let found = identified(&flown);
            assert_eq!(found.refused, None, "{told}: it can be stepped");
            let flight = flown.result.flight.as_ref().expect("it flew");
            let breaches = flight.breaches.expect("it arrived");
            assert!(!breaches.any(), "{told}: {breaches:?}");
            assert!(flight.counted_share > 0.99, "{told}: {} was counted", flight.counted_share);
            let worked = flight.workloads.iter().filter(|workload| workload.items > 0.0).count();
            assert_eq!(worked, 2, "{told}: both took their turns");
        }
    }
}

#[test]
fn a_flight_with_outages_and_late_ticks_has_all_phases_and_closes() {
    let cases: [&[&str]; 5] = [
        &["silent@1000+300", "nan@2500+60", "zero@3000+100"],
        &["counter-reset@2000"],
        &["clock=5@2000", "stuck@3000+200"],
        &["suspend@1500+400", "starved@3000+200"],
        &["array=0.3@1000", "radiator=0.2@2000", "cap=0.7@3000", "forecast=1.1@0", "load=1.3@2500"],
    ];
    for faults in cases {
        for sensor in [counter(0.05, 0.1), power(0.05, 0.1)] {
            let faults: Vec<Fault> = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
            let plant = Plant { jitter: 0.8, faults, ..Plant::IDEAL };
            let told = format!("{:?} under {:?}", plant.faults, sensor.shows);
            let flown = fly(&request(Length::QUICK), &SimulatedMachine { plant, ..machine(sensor) });
            assert_eq!(flown.outcome, Outcome::Completed, "{told}");
            let found = phases(&flown);
            assert!(PHASES.iter().all(|phase| found.iter().any(|found| found == phase)), "{told}: {found:?}");
            let wrong = verify(&flown.directory).expect("it can be checked").disagreements;
            assert!(wrong.is_empty(), "{told}: {wrong:?}");
        }
    }
}

#[test]
fn faults_count_from_departure_and_leave_calibration_alone() {
    let sound = fly(&request(Length::QUICK), &machine(counter(0.05, 0.1)));
    let fault = "load=2@0".parse::<Fault>().expect("a fault");
    let plant = Plant { faults: vec![fault], ..Plant::IDEAL };
    let hit = fly(&request(Length::QUICK), &SimulatedMachine { plant, ..machine(counter(0.05, 0.1)) });
    assert_eq!(sound.result.scale, hit.result.scale, "calibration saw none of it");
    let note = hit.result.verdict.notes.iter().find(|note| note.contains("load=2@0"));
    assert!(note.is_some(), "and the result says what was made to go wrong: {:?}", hit.result.verdict.notes);
}

/// Whether an event is the one at which a flight is stopped.
type Stop = fn(&Event) -> bool;

#[test]
fn an_interrupt_in_any_phase_ends_it_with_a_whole_journal() {
    let cases: [(&str, Stop); 7] = [
        ("before idle", |event| matches!(event, Event::Conditions(_))),
        ("after idle", |event| matches!(event, Event::Idle(_))),
        ("after the workloads", |event| matches!(event, Event::Unconstrained(_))),
        ("before the orbit", |event| matches!(event, Event::Scaled(_))),
        ("at departure", |event| matches!(event, Event::Departed)),
        ("in the orbit", |event| matches!(event, Event::Tick(tick) if tick.flight_s > Seconds(10.0))),
        ("at arrival", |event| matches!(event, Event::Arrived(_))),
    ];
    for (when, stop) in cases {
        let flown = fly_until(&request(Length::QUICK), &machine(counter(0.05, 0.1)), stop);
        assert_eq!(flown.outcome, Outcome::Interrupted, "{when}");
        let entries = journal::read(&flown.directory.journal()).expect("the journal is whole");
        let last = &entries.last().expect("it is not empty").event;
        assert_eq!(*last, Event::Closed { outcome: Outcome::Interrupted }, "{when}");
        assert_eq!(flown.result.verdict.class, Class::Invalid, "{when}: partial");
    }
}

#[test]
fn a_machine_that_cannot_be_is_refused() {
    let request = request(Length::QUICK);
    let sound = machine(Sensor::IDEAL);
    let first = sound.workloads[0].clone();
    let with = |workloads| SimulatedMachine { workloads, ..sound.clone() };
    let cases = [
        with(Vec::new()),
        with(vec![SimulatedWork { share: 0.0, ..first.clone() }]),
        with(vec![SimulatedWork { batch: Seconds::ZERO, ..first }]),
        SimulatedMachine { sensor: Sensor { gain: -1.0, ..Sensor::IDEAL }, ..sound.clone() },
    ];
    for machine in cases {
        let refused: Option<SimulationError> = VirtualFlight::new(&request, &machine).err();
        assert!(refused.is_some(), "{machine:?}");
    }
}
