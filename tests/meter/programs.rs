//! A program's lines as energy: when they come late, in a heap, or not at all.

use dawndusk::meter::{Accelerator, exec::Exec};
use dawndusk::meter::{Address, Meter, Roots, open_all, sysfs::Tree};
use dawndusk::reading::NoData;
use dawndusk::units::{Seconds, Watts};
use std::time::{Duration, Instant};

fn open(text: &str) -> dawndusk::meter::channel::Channel<Exec> {
    let Address::Exec(exec) = text.parse().expect("a good address") else { panic!("{text} is a program") };
    Exec::open("exec:0", &exec).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

#[test]
fn lines_that_come_late_are_integrated_by_the_times_at_which_they_come() {
    let script = "for pause in 0.1 0.25 0.05 0.3 0.1 0.2 0.15 5; do echo power_w=100; sleep $pause; done";
    let mut meter = open(&format!("exec,period_s=0.2:{script}"));
    let began = Instant::now();
    let mut last = meter.read(Seconds::ZERO);
    while began.elapsed() < Duration::from_millis(1300) {
        std::thread::sleep(Duration::from_millis(40));
        last = meter.read(Seconds(began.elapsed().as_secs_f64()));
    }
    // From the first line to the last: 1.15 s, and what the shell adds to each pause.
    let energy = last.energy.expect("it was heard a moment ago").0;
    assert!(energy >= 114.0 && energy <= 100.0 * (last.taken_at.0 + 0.1), "{energy} J until {}", last.taken_at);
    assert_eq!(meter.coverage().gaps, 0, "none was late by five periods");
}

#[test]
fn a_silence_and_the_end_are_causes_and_not_a_last_value() {
    let mut meter = open("exec,period_s=0.1:echo power_w=100; sleep 0.1; echo power_w=100; sleep 1.5; echo power_w=50");
    let began = Instant::now();
    let mut look = |until: f64| {
        let rest = Duration::from_secs_f64(until).saturating_sub(began.elapsed());
        std::thread::sleep(rest);
        meter.read(Seconds(began.elapsed().as_secs_f64()))
    };
    assert_eq!(look(0.3).power, Ok(Watts(100.0)), "it speaks");
    assert_eq!(look(1.1).energy, Err(NoData::Timeout), "silent for over five periods");
    assert_eq!(look(2.6).energy, Err(NoData::Ended), "it has ended");
    assert_eq!(look(2.7).power, Err(NoData::Ended), "and stays so");
    assert!(meter.coverage().missed >= 3, "each of them is counted: {:?}", meter.coverage());
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_prints_without_a_pause_is_read_as_it_prints() {
    // The seconds since the machine started, as a power: what is shown tells how old it is.
    let mut meter = open("exec,rated_w=1e6:while read up rest < /proc/uptime; do echo power_w=$up; done");
    let up = || {
        let text = std::fs::read_to_string("/proc/uptime").expect("Linux tells it");
        text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).expect("a number")
    };
    let began = Instant::now();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(500));
        let reading = meter.read(Seconds(began.elapsed().as_secs_f64()));
        let age = up() - reading.power.expect("it prints").0;
        assert!(age < 0.4, "what it shows is {age:.2} s old");
    }
}

#[test]
fn a_line_that_is_too_long_is_one_look_without_a_number_and_the_next_line_counts() {
    let line = |count: u32| format!("for n in {}; do echo power_w=100; sleep 0.1; done", "n ".repeat(count as usize));
    let long = "head -c 50000 /dev/zero | tr '\\0' 9; echo";
    let mut meter = open(&format!("exec,period_s=0.1:{}; {long}; {}; sleep 5", line(3), line(40)));
    let began = Instant::now();
    let mut last = meter.read(Seconds::ZERO);
    while began.elapsed() < Duration::from_millis(1500) {
        std::thread::sleep(Duration::from_millis(50));
        last = meter.read(Seconds(began.elapsed().as_secs_f64()));
    }
    assert_eq!(last.power, Ok(Watts(100.0)), "it goes on");
    assert!(last.energy.is_ok_and(|energy| energy.0 > 80.0), "and counts: {:?}", last.energy);
    assert_eq!(meter.coverage().missed, 1, "the long line is told: {:?}", meter.coverage());
}

#[test]
fn a_look_does_not_wait_for_a_program() {
    let sysfs = tempfile::tempdir().expect("a temporary directory");
    let roots = Roots { sysfs: Tree::new(sysfs.path()), drivers: Vec::new(), ..Roots::default() };
    let wanted = ["exec,boundary=wall:echo power_w=100; sleep 60".to_owned()];
    let mut selection = open_all(&roots, &wanted, &Accelerator::software()).expect("it spoke once");
    assert!(selection.covers_accelerator, "the wall sees everything");
    for _ in 0..20 {
        let before = Instant::now();
        let reading = selection.meter.read(Seconds(0.0));
        assert!(reading.energy.is_ok(), "its only line is fresh: {:?}", reading.energy);
        assert!(before.elapsed() < Duration::from_millis(100), "it waits for nobody: {:?}", before.elapsed());
        std::thread::sleep(Duration::from_millis(10));
    }
}
