//! The thread between the flight and a source that may hang.

use dawndusk::meter::thread::{Answers, Threaded};
use dawndusk::meter::{Gauge, Meter};
use dawndusk::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source};
use dawndusk::units::{Joules, Seconds, Watts};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

/// A source that answers once for every message.
struct Gated {
    source: Source,
    gate: Receiver<()>,
    looks: u64,
}

fn gated() -> (Gated, Sender<()>) {
    let source = Source {
        name: "gated".to_owned(),
        provenance: Provenance::BoardSensor,
        boundary: Boundary::Accelerator,
        method: "a source that waits".to_owned(),
        update_period_s: Seconds(0.1),
        relative_uncertainty: None,
        rated_w: None,
        sensing: Sensing::default(),
    };
    let (open, gate) = channel();
    (Gated { source, gate, looks: 0 }, open)
}

impl Meter for Gated {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        if self.gate.recv().is_err() {
            return Reading::absent(now, NoData::Lost);
        }
        self.looks += 1;
        Reading { taken_at: now, energy: Ok(Joules(self.looks as f64)), power: Ok(Watts(1.0)) }
    }

    fn coverage(&self) -> Coverage {
        Coverage { looks: self.looks, ..Coverage::default() }
    }
}

fn threaded(meter: Gated, period: Seconds, deadline: Seconds) -> Threaded {
    let nothing_yet = (Instant::now(), Reading::absent(Seconds::ZERO, NoData::NotYet));
    let answers = Answers::Fresh { wait: deadline, oldest: deadline };
    Threaded::start(Box::new(meter), nothing_yet, period, answers).expect("a thread")
}

const NEVER: Seconds = Seconds(1000.0);

#[test]
fn a_look_is_fresh_and_on_the_flights_clock() {
    let (meter, open) = gated();
    let mut meter = threaded(meter, NEVER, Seconds(5.0));
    for look in 1..=3 {
        open.send(()).expect("the thread lives");
        let before = Instant::now();
        let reading = meter.read(Seconds(5000.0));
        let waited = before.elapsed().as_secs_f64();
        assert_eq!(reading.energy, Ok(Joules(f64::from(look))), "look {look} asked the source anew");
        let late = reading.taken_at.0 - 5000.0;
        assert!((-1e-6..=waited + 1e-6).contains(&late), "taken {late} s after it was asked for, in {waited} s");
    }
    assert_eq!(meter.coverage().looks, 3, "the source's own count");
}

#[test]
fn a_hung_source_costs_one_deadline_and_is_named() {
    let (meter, _open) = gated();
    let mut meter = threaded(meter, NEVER, Seconds(0.05));
    let before = Instant::now();
    let first = meter.read(Seconds(1.0));
    assert!(before.elapsed().as_secs_f64() >= 0.05, "the first look waits");
    assert_eq!((first.energy, first.power), (Err(NoData::Timeout), Err(NoData::Timeout)), "neither last nor zero");
    let before = Instant::now();
    for look in 0..1000 {
        assert_eq!(meter.read(Seconds(2.0)).energy, Err(NoData::Timeout), "look {look} after it");
    }
    let waited = before.elapsed().as_secs_f64();
    assert!(waited < 1000.0 * 0.05, "a thousand looks did not wait again, but took {waited} s");
    assert_eq!(meter.coverage().missed, 1001, "all are counted");
}

#[test]
fn a_look_that_gets_no_answer_in_time_takes_the_last_one_while_that_is_young() {
    let (meter, open) = gated();
    let nothing_yet = (Instant::now(), Reading::absent(Seconds::ZERO, NoData::NotYet));
    let answers = Answers::Fresh { wait: Seconds(0.02), oldest: Seconds(0.6) };
    let mut meter = Threaded::start(Box::new(meter), nothing_yet, NEVER, answers).expect("a thread");
    open.send(()).expect("the thread lives");
    let start = Instant::now();
    while meter.read(Seconds(100.0)).energy.is_err() && start.elapsed().as_secs_f64() < 30.0 {
        std::thread::yield_now();
    }
    let shown = Instant::now();
    let before = Instant::now();
    let last = meter.read(Seconds(100.0));
    assert!(before.elapsed().as_secs_f64() < 0.5, "it did not wait until the answer was too old");
    if shown.elapsed().as_secs_f64() < 0.4 {
        assert_eq!(
            (last.energy, last.taken_at <= Seconds(100.0)),
            (Ok(Joules(1.0)), true),
            "the last one, with its age"
        );
    }
    while shown.elapsed().as_secs_f64() < 0.7 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(meter.read(Seconds(101.0)).energy, Err(NoData::Timeout), "and none when that is too old");
}

#[test]
fn a_source_that_comes_back_is_read_again() {
    let (meter, open) = gated();
    let mut meter = threaded(meter, NEVER, Seconds(0.05));
    assert_eq!(meter.read(Seconds(0.0)).energy, Err(NoData::Timeout), "it hangs");
    for _ in 0..100 {
        open.send(()).expect("the thread lives");
    }
    // Its late answer arrives within moments, however busy the machine is.
    let start = Instant::now();
    let energy = loop {
        let reading = meter.read(Seconds(1.0));
        if reading.energy.is_ok() || start.elapsed().as_secs_f64() > 30.0 {
            break reading.energy;
        }
        std::thread::yield_now();
    };
    assert!(energy.is_ok_and(|energy| energy.0 >= 2.0), "an answer to a new question: {energy:?}");
}

#[test]
fn the_thread_looks_by_itself_between_the_flights_looks() {
    let (meter, open) = gated();
    for _ in 0..1000 {
        open.send(()).expect("the thread will live");
    }
    let mut meter = threaded(meter, Seconds(0.002), Seconds(5.0));
    let start = Instant::now();
    while meter.coverage().looks < 5 && start.elapsed().as_secs_f64() < 30.0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let reading = meter.read(Seconds(0.0));
    assert!(reading.energy.is_ok_and(|looks| looks.0 >= 6.0), "five by itself and one asked for: {reading:?}");
}

#[test]
fn what_a_source_took_before_the_flight_is_not_the_flights() {
    let (meter, open) = gated();
    for _ in 0..100 {
        open.send(()).expect("the thread will live");
    }
    let mut meter = threaded(meter, NEVER, Seconds(5.0));
    for _ in 0..50 {
        assert!(meter.read(Seconds(0.0)).energy.is_ok(), "it is tried before it is chosen");
    }
    let tried = meter.cpu_time();
    let mut gauge = Gauge::new(Box::new(meter));
    for look in 0..3 {
        gauge.look(Seconds(1.0 + f64::from(look)));
    }
    let cost = gauge.cost(Seconds(11.0));
    assert_eq!((cost.looks, cost.reads, cost.over_s), (3, 3, Seconds(10.0)), "since the first look: {cost:?}");
    assert!(cost.waited_s > Seconds::ZERO, "a look waits for its answer: {cost:?}");
    assert!((cost.work_share - cost.waited_s.0 / 10.0).abs() < 1e-12, "every read was asked for: {cost:?}");
    if let (Some(tried), Some(cpu)) = (tried, cost.cpu_s) {
        assert!(cpu < tried.max(Seconds(0.01)), "three looks, and not the fifty before: {cost:?}, {tried} before");
    }
}

#[test]
fn a_dropped_source_lets_its_thread_go() {
    let (meter, open) = gated();
    let meter = threaded(meter, NEVER, Seconds(0.05));
    drop(meter);
    // The thread drops the source, and with it the gate.
    let start = Instant::now();
    while open.send(()).is_ok() && start.elapsed().as_secs_f64() < 30.0 {
        std::thread::yield_now();
    }
    assert!(open.send(()).is_err(), "the source is closed");
}
