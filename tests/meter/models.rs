//! The model from CPU time.

use dawndusk::meter::Meter;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::cpu_time::{CpuTime, Inputs};
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};
use std::sync::{Arc, Mutex};

const INPUTS: Inputs = Inputs { cores: 4, busy_w: Watts(6.0), idle_w: Watts(2.0) };

/// The model with a CPU clock that the test sets.
fn model() -> (Channel<CpuTime>, Arc<Mutex<Result<Seconds, NoData>>>) {
    let clock = Arc::new(Mutex::new(Ok(Seconds(50.0))));
    let theirs = Arc::clone(&clock);
    (CpuTime::with_clock(INPUTS, Box::new(move || *theirs.lock().expect("no test panics here"))), clock)
}

fn set(clock: &Mutex<Result<Seconds, NoData>>, time: Result<Seconds, NoData>) {
    *clock.lock().expect("no test panics here") = time;
}

#[test]
fn the_model_says_that_it_is_one() {
    let (model, _) = model();
    let source = model.source();
    assert_eq!(source.provenance, Provenance::Modelled, "not a measurement");
    assert_eq!(source.boundary, Boundary::Process, "this process alone");
    assert_eq!(source.relative_uncertainty, None, "a model has no band");
    assert_eq!(source.rated_w, Some(Watts(24.0)), "four cores at 6 W");
    for input in ["model", "4 cores", "6.000 W", "2.000 W", "CPU time"] {
        assert!(source.method.contains(input), "the formula names {input}: {}", source.method);
    }
}

#[test]
fn idle_cores_and_busy_time_add_up() {
    let (mut model, clock) = model();
    assert_eq!(model.read(Seconds(10.0)).energy, Ok(Joules(0.0)), "the first look");
    set(&clock, Ok(Seconds(53.0)));
    let reading = model.read(Seconds(12.0));
    assert_eq!(reading.energy, Ok(Joules(28.0)), "2 W · 4 · 2 s + (6 W - 2 W) · 3 s");
    assert_eq!(reading.power, Ok(Watts(14.0)), "over 2 s");
}

#[test]
fn all_cores_busy_is_the_rated_power() {
    let (mut model, clock) = model();
    model.read(Seconds(0.0));
    set(&clock, Ok(Seconds(58.0)));
    assert_eq!(model.read(Seconds(2.0)).power, Ok(Watts(24.0)), "8 s of CPU time in 2 s on four cores");
}

#[test]
fn a_burst_past_the_quota_is_no_power_past_the_rating() {
    let (mut model, clock) = model();
    model.read(Seconds(0.0));
    set(&clock, Ok(Seconds(52.0)));
    let reading = model.read(Seconds(0.2));
    let power = reading.power.expect("a window has passed");
    assert!((power.0 - 24.0).abs() < 1e-9, "2 s of CPU time in 0.2 s would need ten cores: {power}");
    let energy = reading.energy.expect("the clock answered");
    assert!((energy.0 - 4.8).abs() < 1e-12, "24 W for 0.2 s, found {energy}");
    let later = model.read(Seconds(2.0)).energy.expect("the clock answered");
    assert!((later.0 - 24.0).abs() < 1e-12, "and all of it in the end, 2 W · 4 · 2 s + 4 W · 2 s: {later}");
}

#[test]
fn a_silent_clock_is_a_cause() {
    let (mut model, clock) = model();
    model.read(Seconds(0.0));
    set(&clock, Err(NoData::NotSupported));
    assert_eq!(model.read(Seconds(1.0)).energy, Err(NoData::NotSupported), "never 0 J");
    assert_eq!(model.coverage().missed, 1, "and it is counted");
}

#[test]
fn modelled_energy_never_falls() {
    let (mut model, clock) = model();
    model.read(Seconds(0.0));
    set(&clock, Ok(Seconds(51.0)));
    let before = model.read(Seconds(1.0)).energy.expect("the clock answered");
    set(&clock, Ok(Seconds(40.0)));
    let after = model.read(Seconds(1.1)).energy.expect("the clock answered");
    assert!(after.0 >= before.0, "{before} then {after}, though the CPU clock ran backwards");
}

#[cfg(unix)]
#[test]
fn work_in_this_process_draws_energy() {
    let mut model = CpuTime::open().expect("Unix has the clock");
    let start = std::time::Instant::now();
    let now = || Seconds(start.elapsed().as_secs_f64());
    model.read(now());
    let mut sum = 0u64;
    while start.elapsed().as_secs_f64() < 0.15 {
        sum = std::hint::black_box(sum.wrapping_mul(3).wrapping_add(1));
    }
    let reading = model.read(now());
    let idle = Inputs::of_this_process().idle_w * Inputs::of_this_process().cores as f64;
    let power = reading.power.expect("a window has passed");
    assert!(power.0 > idle.0, "{power} of a busy process, idle is {idle}");
    assert!(power.0 <= model.source().rated_w.expect("rated").0, "{power} is within the rating");
}
