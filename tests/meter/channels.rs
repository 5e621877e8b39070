//! From a sensor to a meter, and from a meter to energies: what no source does for itself, on a clock of the test's own.

use dawndusk::meter::channel::{Channel, Quantity, Sample, Sensor, Value};
use dawndusk::meter::counter::Limits;
use dawndusk::meter::plausible::PowerFilter;
use dawndusk::meter::suspend::SuspendWatch;
use dawndusk::meter::{Gauge, Meter, MeterCost, Window};
use dawndusk::reading::{Boundary, NoData, Provenance, Reading, Sensing, Source};
use dawndusk::units::{Joules, Seconds, Watts};
use std::collections::VecDeque;

type Answer = Result<Vec<Sample>, NoData>;

/// Gives one answer after the other, and then says that nothing is new.
struct Scripted(VecDeque<Answer>);

impl Sensor for Scripted {
    fn samples(&mut self, _: Seconds) -> Answer {
        self.0.pop_front().unwrap_or_else(|| Ok(Vec::new()))
    }
}

fn source(name: &str) -> Source {
    Source {
        name: name.to_owned(),
        provenance: Provenance::BoardSensor,
        boundary: Boundary::Accelerator,
        method: "told by a test".to_owned(),
        update_period_s: Seconds(1.0),
        relative_uncertainty: Some(0.05),
        rated_w: Some(Watts(700.0)),
        sensing: Sensing::default(),
    }
}

fn channel(quantities: Vec<Quantity>, answers: impl IntoIterator<Item = Answer>) -> Channel<Scripted> {
    Channel::new(source("told"), Scripted(answers.into_iter().collect()), quantities)
}

fn power() -> Quantity {
    Quantity::power(PowerFilter::new(Some(Watts(700.0))), Seconds(1.0))
}

fn shows(at: f64, watts: f64) -> Answer {
    Ok(vec![Sample::power(Seconds(at), Ok(Watts(watts)))])
}

#[test]
fn a_look_at_which_nothing_is_new_shows_the_last_value_with_its_age() {
    let mut meter = channel(vec![power()], [shows(0.0, 100.0), shows(1.0, 300.0)]);
    assert_eq!(meter.read(Seconds(0.0)).energy, Ok(Joules(0.0)), "a level");
    let shown = Reading { taken_at: Seconds(1.0), energy: Ok(Joules(200.0)), power: Ok(Watts(300.0)) };
    assert_eq!(meter.read(Seconds(1.0)), shown, "the trapezoid");
    assert_eq!(meter.read(Seconds(1.7)), shown, "0.7 s old, and no younger for being looked at");
    let coverage = meter.coverage();
    assert_eq!((coverage.looks, coverage.updates, coverage.missed), (3, 2, 0), "looks, and what they brought");
}

#[test]
fn steps_go_by_the_devices_own_clock_and_age_by_the_flights() {
    let late = |taken_at: f64, clock: f64, watts: f64| {
        let value = Ok(Value::Power(Watts(watts)));
        Sample { quantity: 0, taken_at: Seconds(taken_at), clock: Seconds(clock), value }
    };
    let mut meter =
        channel(vec![power()], [Ok(vec![late(9.0, 0.0, 50.0), late(9.0, 1.0, 50.0), late(9.0, 2.0, 50.0)])]);
    let reading = meter.read(Seconds(9.0));
    assert_eq!((reading.energy, reading.taken_at), (Ok(Joules(100.0)), Seconds(9.0)), "two seconds that came at once");
}

#[test]
fn a_mean_counts_over_its_interval_and_one_without_a_power_is_a_gap() {
    let mean = |at: f64, mean: Result<f64, NoData>| Sample::new(0, Seconds(at), Ok(Value::Mean(mean.map(Watts))));
    let samples = vec![mean(0.0, Ok(99.0)), mean(1.0, Ok(10.0)), mean(2.0, Err(NoData::Asleep)), mean(3.0, Ok(30.0))];
    let mut meter = channel(vec![power()], [Ok(samples)]);
    assert_eq!(meter.read(Seconds(3.0)).energy, Ok(Joules(40.0)), "10 J and 30 J, from the end of the first");
    assert_eq!((meter.coverage().gaps, meter.coverage().gap_s), (1, Seconds(1.0)), "and a second that nobody saw");
}

#[test]
fn counted_quantities_are_added_and_one_without_an_energy_leaves_none() {
    let counts = |at: f64, one: u64, two: Result<u64, NoData>| {
        let of =
            |quantity: usize, count: Result<u64, NoData>| Sample::new(quantity, Seconds(at), count.map(Value::Count));
        Ok(vec![of(0, Ok(one)), of(1, two)])
    };
    let quantities = vec![Quantity::counter(Limits::NONE), Quantity::counter(Limits::NONE)];
    let answers = [
        counts(0.0, 7, Ok(9)),
        counts(1.0, 7_000_007, Ok(3_000_009)),
        counts(2.0, 8_000_007, Err(NoData::Asleep)),
        counts(3.0, 9_000_007, Ok(4_000_009)),
    ];
    let mut meter = channel(quantities, answers);
    meter.read(Seconds(0.0));
    let both = meter.read(Seconds(1.0));
    assert_eq!((both.energy, both.power), (Ok(Joules(10.0)), Ok(Watts(10.0))), "7 J and 3 J in a second");
    assert_eq!(meter.read(Seconds(2.0)).energy, Err(NoData::Asleep), "no partial total");
    assert_eq!(meter.read(Seconds(3.0)).energy, Ok(Joules(13.0)), "both went on");
}

#[test]
fn what_stands_beside_is_never_added_and_a_look_that_fails_fails_for_it_too() {
    let quantities = vec![Quantity::counter(Limits::NONE), power().shown(), power().beside(source("told/module"))];
    let both = |at: f64, count: u64| {
        let of = |quantity: usize, watts: f64| Sample::new(quantity, Seconds(at), Ok(Value::Power(Watts(watts))));
        Ok(vec![Sample::count(Seconds(at), Ok(count)), of(1, 250.0), of(2, 600.0)])
    };
    let mut meter = channel(quantities, [both(0.0, 0), both(1.0, 240_000_000), Err(NoData::Lost)]);
    meter.read(Seconds(0.0));
    let reading = meter.read(Seconds(1.0));
    assert_eq!((reading.energy, reading.power), (Ok(Joules(240.0)), Ok(Watts(250.0))), "counted, and shown");
    assert_eq!(meter.beside()[0].0.energy, Ok(Joules(600.0)), "by itself");
    assert_eq!(meter.read(Seconds(2.0)), Reading::absent(Seconds(2.0), NoData::Lost), "neither value nor zero");
    assert_eq!(meter.beside()[0].0, Reading::absent(Seconds(2.0), NoData::Lost), "nor beside it");
}

#[test]
fn a_device_that_was_started_anew_has_a_power_and_no_total() {
    let mut meter = channel(
        vec![power()],
        [shows(0.0, 60.0), Ok(vec![Sample::new(0, Seconds(1.0), Ok(Value::Restarted))]), shows(2.0, 60.0)],
    );
    (0..2).for_each(|at| {
        meter.read(Seconds(f64::from(at)));
    });
    let reading = meter.read(Seconds(2.0));
    assert_eq!((reading.energy, reading.power), (Err(NoData::CounterReset), Ok(Watts(60.0))), "for good");
}

#[test]
fn a_gauge_without_the_machines_clocks_goes_by_the_flights_alone() {
    let answers = (0..=100).map(|step| shows(f64::from(step), 200.0));
    let suspend = SuspendWatch::with_clock(Box::new(|| None));
    let mut gauge = Gauge::without_clocks(Box::new(channel(vec![power()], answers)), suspend);
    let mut window = Window::open(&mut gauge, Seconds(0.0));
    (1..=100).for_each(|step| window.look(&mut gauge, Seconds(f64::from(step))));
    let energy = window.drawn(&gauge).energy_j.expect("it is shown");
    assert!((energy.0 - 20_000.0).abs() < 1e-6, "200 W for 100 s that took no time: {energy}");
    assert_eq!(gauge.take_suspend(), None, "nothing slept");
    let cost = gauge.cost(Seconds(100.0));
    let free = MeterCost { looks: 101, reads: 101, over_s: Seconds(100.0), ..MeterCost::default() };
    assert_eq!(cost, free, "and looking costs nothing");
}
