//! Each fault alone, on the default satellite's worst day: what it costs, and that it breaks nothing.

use crate::assumptions::judge;
use crate::case::{Case, RATED_W};
use dawndusk::flight::simulation::{KnownBy, Row, Sensor, Shows, Summary};
use dawndusk::governor::Policy;
use dawndusk::units::Seconds;

/// Thirty machine seconds at fifty times the sky's pace.
const THIRTY_S: &str = "@5000+1500";

/// Flies, and asserts that nothing is broken.
fn clean(case: &Case) -> Summary {
    let summary = case.fly();
    assert!(!summary.breaches.any(), "{:?}: {}", summary.breaches, case.command());
    summary
}

/// Work over that of the same flight without faults.
fn share_of_sound(case: &Case) -> f64 {
    clean(case).work_s / clean(&case.with(&[])).work_s
}

fn with_lag(lag: f64) -> Case {
    let sound = Case::sound();
    Case { sensor: Sensor { lag: Seconds(lag), ..sound.sensor }, ..sound }
}

#[test]
fn a_sensor_that_shows_nothing_sensible_costs_work_and_breaks_nothing() {
    for lag in [0.0, 0.1, 1.0] {
        for name in ["nan", "zero", "stuck", "silent", "counter-lost", "stamps=3600", "stamps=-3600"] {
            let share = share_of_sound(&with_lag(lag).with(&[&format!("{name}{THIRTY_S}")]));
            assert!((0.8..0.98).contains(&share), "{name} with {lag} s of lag: {share} of the work");
        }
    }
}

#[test]
fn a_counter_that_is_reset_costs_next_to_nothing() {
    let share = share_of_sound(&Case::sound().with(&["counter-reset@5000"]));
    assert!((0.99..1.001).contains(&share), "{share} of the work");
}

#[test]
fn a_step_of_the_gain_breaks_nothing() {
    for gain in ["gain=0.8@5000", "gain=0.95@5000", "gain=1.05@5000", "gain=1.25@5000"] {
        // A spacecraft that is moved by the meter takes its word, and a machine that seems to draw less may do more.
        let share = share_of_sound(&Case::sound().with(&[gain]));
        assert!((0.6..1.25).contains(&share), "{gain}: {share} of the work");
        let own_sensors = Case { known_by: KnownBy::OwnSensors, ..Case::sound() };
        let share = share_of_sound(&own_sensors.with(&[gain]));
        assert!((0.6..1.05).contains(&share), "{gain} where the spacecraft knows better: {share} of the work");
    }
}

#[test]
fn a_leap_of_the_clock_breaks_nothing() {
    // The spacecraft lives by the machine's clock: time that it skips is no time for work.
    let (sound, at) = (Case::sound(), 5000.0);
    for leap in [1.0, 4.0, 20.0, 600.0, 3600.0] {
        let fault = format!("clock={leap}@{at}");
        let left = (sound.duration - leap * sound.compression).max(at) / sound.duration;
        let share = share_of_sound(&sound.with(&[&fault]));
        assert!((0.9 * left..1.001).contains(&share), "{fault}: {share} of the work in {left} of the time");
    }
}

#[test]
fn nothing_runs_while_the_machine_is_suspended_and_the_satellite_flies_on() {
    let case = Case::sound().with(&["suspend@5000+600"]);
    let (mut inside, mut before, mut after) = (0, None, None);
    let idle_w = case.idle * RATED_W;
    let mut look = |row: &Row| {
        // But for rounding.
        if (4999.99..5599.99).contains(&row.t_s.0) {
            let is_idle = (row.load_w.0 - idle_w).abs() < 1e-9;
            assert!(is_idle || row.t_s.0 < 5000.0, "{} at {}", row.load_w, row.t_s);
            inside += u32::from(is_idle);
            before = before.or(Some(row.state));
        } else if row.t_s.0 >= 5599.99 {
            after = after.or(Some(row.state));
        }
    };
    let summary = case.trace(Some(&mut look));
    assert!(!summary.breaches.any(), "{:?}", summary.breaches);
    let (before, after) = (before.expect("it was suspended"), after.expect("it woke"));
    assert!((after.simulated - before.simulated).0 > 595.0, "ten minutes passed in orbit");
    assert!(after.temperatures.junction < before.temperatures.junction, "an idle machine cools");
    assert!(inside > 0, "the trace shows it");
}

/// Forty batches in a tick, over a radiator so small that the junction is near its limit.
#[test]
fn between_two_ticks_batches_take_no_more_than_the_constraints_leave() {
    let sets = vec!["thermal.radiator_side_area_m2=70".to_owned()];
    let work = clean(&Case { tick: 4.0, idle: 0.1, sets, ..Case::sound() }).work_s;
    assert!(work.0 > 6000.0, "{work} of work");
}

/// Nothing followed the budget meanwhile, and what nobody counted is taken for idle power. Half an orbit of work that was never
/// done would pass the floor.
#[test]
fn a_smooth_machine_that_slept_while_its_counter_was_reset_is_taken_to_have_idled() {
    clean(&Case { batch: 0.0, ..Case::sound() }.with(&["suspend@4000+3000", "counter-reset@5000"]));
}

#[test]
fn work_that_costs_forty_percent_more_breaks_nothing_and_buys_less() {
    for lag in [0.0, 0.1, 1.0] {
        let share = share_of_sound(&with_lag(lag).with(&["load=1.4@5000"]));
        assert!((0.65..0.95).contains(&share), "{lag} s of lag: {share} of the work");
    }
}

#[test]
fn without_work_the_machine_idles() {
    let case = Case::sound().with(&["starved@0"]);
    let summary = clean(&case);
    assert!((summary.mean_load_w.0 - case.idle * RATED_W).abs() < 1e-9, "{}", summary.mean_load_w);
    assert_eq!(summary.work_s, Seconds(0.0), "nothing was done");
}

#[test]
fn a_cap_that_falls_to_half_is_held_but_for_the_batch_that_runs() {
    let case = Case::sound().with(&["cap=0.5@7000+2000"]);
    let cap_w = 0.5 * RATED_W;
    // A bucket that the cap drains: what is drawn above the cap and not made good by drawing less later.
    let (mut over, mut worst, mut last): (f64, f64, Option<(f64, f64)>) = (0.0, 0.0, None);
    let mut look = |row: &Row| {
        if let Some((t, load)) = last {
            over = (over + (load - cap_w) * (row.t_s.0 - t) / case.compression).max(0.0);
            worst = worst.max(over);
        }
        let inside = (7000.0..9000.0).contains(&row.t_s.0);
        last = inside.then_some((row.t_s.0, row.load_w.0));
        over = if inside { over } else { 0.0 };
    };
    let capped = case.trace(Some(&mut look));
    assert!(!capped.breaches.any(), "{:?}", capped.breaches);
    // Until the tick after the step, one batch more, and what the pacer's credit holds beyond it.
    let allowed = (RATED_W - cap_w) * (case.tick + 2.0 * case.batch) + 0.1 * RATED_W * case.batch;
    assert!(worst < allowed, "{worst} J over the cap, {allowed} J for batch and tick");
    assert!(worst > 0.0, "a batch of full power does exceed half of it");
    let work = capped.work_s / clean(&case.with(&[])).work_s;
    assert!(work < 0.98, "a cap that binds costs work: {work}");
}

#[test]
fn a_loss_of_array_or_radiator_costs_work_and_breaks_nothing() {
    // A tenth of the radiator costs less than a thousandth: heat binds in a small part of the orbit.
    let losses = [
        ("array=0.1@4000", 0.999),
        ("array=0.3@4000", 0.999),
        ("radiator=0.1@4000", 1.0),
        ("radiator=0.3@4000", 0.999),
    ];
    for (loss, most) in losses {
        let share = share_of_sound(&Case::sound().with(&[loss]));
        assert!((0.3..most).contains(&share), "{loss}: {share} of the work");
    }
}

#[test]
fn a_forecast_that_is_wrong_by_a_tenth_breaks_nothing() {
    for wrong in ["forecast=0.9@0", "forecast=1.1@0", "forecast=0.9@4000", "forecast=1.1@4000"] {
        // A flight that ends with less charge has done more.
        let share = share_of_sound(&Case::sound().with(&[wrong]));
        assert!((0.85..1.05).contains(&share), "{wrong}: {share} of the work");
    }
}

#[test]
fn three_faults_at_once_break_nothing() {
    let sensor = ["silent@4000+1500", "load=1.4@4100", "array=0.2@4200"];
    let sleep = ["suspend@3000+600", "radiator=0.2@3300", "array=0.1@3500"];
    for three in [sensor, sleep] {
        clean(&Case::sound().with(&three));
    }
}

#[test]
fn jitter_steps_and_a_sensor_without_a_counter_break_nothing() {
    for shows in [Shows::Counter, Shows::Power, Shows::Both] {
        let sound = Case::sound();
        let sensor = Sensor { step: 0.05, shows, ..sound.sensor };
        clean(&Case { jitter: 0.5, sensor, ..sound });
    }
}

#[test]
fn a_seed_is_one_flight_and_another_seed_another() {
    let fly = |seed| Case { jitter: 0.3, seed, ..Case::sound() }.with(&["load=1.2@3000"]).fly();
    assert_eq!(fly(7), fly(7), "the same seed, the same bits");
    assert_ne!(fly(7), fly(8), "batches of other lengths");
}

#[test]
fn a_breach_that_idle_power_makes_as_well_was_foreseen_and_said() {
    let dark = Case { idle: 0.5, ..Case::sound() }.with(&["nan@3000+500", "array=1@4000"]);
    let summary = dark.fly();
    let first = &summary.first_breach_s;
    let breaches = judge(&[first.junction, first.coolant, first.charge, first.bus], &summary.broken);
    assert!(breaches.iter().any(|breach| breach.limit == "charge"), "no array, no charge: {:?}", summary.breaches);
    assert!(breaches.iter().all(|breach| breach.cause.is_some()), "{breaches:?} of {:?}", summary.broken);
}

#[test]
fn a_flight_without_a_governor_has_no_assumption_to_excuse_it() {
    let summary = Case { policy: Policy::Off, ..Case::sound() }.fly();
    assert!(summary.breaches.charge.time_s.0 > 0.0, "full power into the eclipse: {:?}", summary.breaches);
    assert!(summary.broken.is_empty(), "nothing that is assumed was broken: {:?}", summary.broken);
}

#[test]
fn the_command_of_a_flight_repeats_it() {
    let case = crate::random::draw(1);
    let command = case.command();
    let words = command.split(' ').skip(1).chain(["--json"]);
    let binary = env!("CARGO_BIN_EXE_dawndusk");
    let said = std::process::Command::new(binary).args(words).output().expect("it runs");
    let document: serde_json::Value = serde_json::from_slice(&said.stdout).expect("one JSON document");
    let flown = serde_json::to_value(case.fly()).expect("it serialises");
    for key in ["energy_j", "work_s", "soc_end", "breaches"] {
        assert_eq!(document[key], flown[key], "{key} of {command}");
    }
}
