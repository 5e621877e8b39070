//! An analyser behind PTDaemon: a daemon on loopback that says what a test lets it say.

use crate::network::{Reply, Script, listen, say, script, text};
use dawndusk::meter::Meter;
use dawndusk::meter::channel::Channel;
use dawndusk::meter::ptdaemon::PtDaemon;
use dawndusk::meter::thread::{Answers, PARTING, Threaded};
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A daemon: a line in, lines out.
fn daemon(script: Script) -> u16 {
    listen(move |mut stream| {
        let lines = BufReader::new(stream.try_clone().expect("a socket has two ends")).lines();
        for line in lines.map_while(Result::ok) {
            let reply = (script.lock().expect("no test panics here"))(line.trim());
            if !say(&mut stream, reply, |text| format!("{text}\r\n")) {
                return;
            }
        }
    })
}

/// A daemon that gives `samples` to each question, and what it was told.
pub(crate) fn daemon_with(
    identity: &'static str,
    samples: impl FnMut() -> Reply + Send + 'static,
) -> (u16, Arc<Mutex<Vec<String>>>) {
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let (theirs, mut samples) = (Arc::clone(&told), samples);
    let port = daemon(script(move |line| {
        theirs.lock().expect("no test panics here").push(line.to_owned());
        match line {
            "Hello" => text("Hello, PTDaemon here!"),
            "Identify" => text(identity),
            "SR,V,Auto" => text("Range V changed"),
            "SR,A,Auto" => text("Range A changed"),
            "RR" => text("Ranges,1,1.0,1,300.0"),
            "Go,1000,0,dawndusk" => {
                text("Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples")
            }
            "RL" => samples(),
            "Stop" => text("Stopping untimed measurement"),
            _ => text("Error: unknown command"),
        }
    }));
    (port, told)
}

pub(crate) const WT310: &str = "YokogawaWT310,1000,1,0,1,1,0,0,1,version=1.10.0-8b5b4bd6-20230908,OS=Linux,mode=power";

fn analyser(port: u16) -> Result<Channel<PtDaemon>, dawndusk::meter::Refusal> {
    PtDaemon::open("ptd:0", "127.0.0.1", port)
}

#[test]
fn an_analysers_samples_are_integrated_by_its_own_clock_and_none_is_lost() {
    let mut second = 0;
    let (port, told) = daemon_with(WT310, move || {
        second += 2;
        let line =
            |s: u32, w: f64| format!("Time,11-22-2026 10:00:{s:02}.000,Watts,{w:.3},Volts,230.1,Amps,0.4,PF,0.98");
        text(&format!("Last 2 samples\r\n{}\r\n{}", line(second, 100.0), line(second + 1, 200.0)))
    });
    let mut meter = analyser(port).expect("it measures");
    let source = meter.source();
    assert_eq!((source.provenance, source.boundary), (Provenance::ExternalMeter, Boundary::Wall), "from outside");
    assert!(source.method.contains("WT310") && source.method.contains("1.10.0"), "{}", source.method);
    let band = source.relative_uncertainty.expect("the analyser is known, and its range");
    assert!((band - (0.001 + 0.001 * 300.0 / 200.0)).abs() < 1e-12, "by its data sheet, at 200 W of 300 W: {band}");
    assert_eq!(meter.read(Seconds(0.0)).energy, Ok(Joules(150.0)), "two samples a second apart");
    assert_eq!(meter.read(Seconds(9.0)).energy, Ok(Joules(450.0)), "four, whenever they are asked for");
    drop(meter);
    let told = told.lock().expect("no test panics here").clone();
    let asked = ["Hello", "Identify", "SR,V,Auto", "SR,A,Auto", "RR", "Go,1000,0,dawndusk", "RL", "RL"];
    assert_eq!(told[..8], asked, "in the order of the protocol");
    let stopped = |told: &[String]| told.last().is_some_and(|line| line == "Stop");
    assert!(stopped(&told), "and it is stopped: {told:?}");
}

#[test]
fn an_analyser_with_nothing_new_keeps_its_last_energy_and_one_with_errors_drops_them() {
    let mut turn = 0;
    let (port, _) = daemon_with(WT310, move || {
        turn += 1;
        match turn {
            1 => text("Last 1 sample\r\nTime,11-22-2026 10:00:00.000,Watts,50.0,Volts,230"),
            2 => text("No unread samples"),
            3 => text("Last 1 sample\r\nTime,11-22-2026 10:00:01.000,Watts,-1.000,Volts,-1"),
            4 => text("Last 1 sample\r\nTime,11-22-2026 09:00:02.000,Watts,70.0,Volts,230"),
            _ => text("42"),
        }
    });
    let mut meter = analyser(port).expect("it measures");
    assert_eq!(meter.read(Seconds(0.0)).energy, Ok(Joules(0.0)), "one sample is a level");
    assert_eq!(meter.read(Seconds(0.5)).power, Ok(Watts(50.0)), "nothing new");
    assert_eq!(meter.read(Seconds(1.0)).energy, Ok(Joules(0.0)), "an error of the analyser is no power");
    assert_eq!(meter.read(Seconds(2.0)).energy, Ok(Joules(60.0)), "a clock set back by an hour costs no energy");
    assert_eq!(meter.read(Seconds(3.0)).energy, Err(NoData::Implausible), "rubbish");
}

#[test]
fn a_daemon_that_is_none_or_busy_or_reads_something_else_is_refused() {
    let cause = |answer: fn(&str) -> Reply| {
        let started = Instant::now();
        let refusal = analyser(daemon(script(answer))).err().expect("no measurement");
        assert!(started.elapsed() < Duration::from_secs(8), "the deadline holds: {:?}", started.elapsed());
        refusal.cause
    };
    assert_eq!(cause(|_| Reply::Silence), NoData::Timeout, "it hangs");
    assert_eq!(cause(|_| Reply::HangUp), NoData::Lost, "it hangs up");
    assert_eq!(cause(|_| text("SSH-2.0-OpenSSH_9.2")), NoData::Implausible, "another service");
    assert_eq!(cause(|_| Reply::Drip), NoData::Timeout, "a line that never ends");
    let thermometer = daemon_with("PCsensor,5000,1,0,0,0,0,0,1,version=1.9.1,mode=temperature", || Reply::HangUp).0;
    assert_eq!(analyser(thermometer).err().map(|refusal| refusal.cause), Some(NoData::NotSupported), "degrees");
    let busy = daemon(script(|line| match line {
        "Hello" => text("Hello, PTDaemon here!"),
        "Identify" => text(WT310),
        _ => text("Error: measurement already in progress"),
    }));
    let refusal = analyser(busy).err().expect("somebody else measures");
    assert!(refusal.detail.contains("already in progress") && refusal.remedy.is_some(), "{}", refusal.detail);
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    assert_eq!(analyser(nobody).err().map(|refusal| refusal.cause), Some(NoData::Lost), "nobody listens");
}

#[test]
fn the_band_of_an_analyser_follows_from_its_kind_its_range_and_the_power_or_is_not_stated() {
    let band = |identity: &'static str, ranges: &'static str, watts: &'static str| {
        let port = daemon(script(move |line| match line {
            "Hello" => text("Hello, PTDaemon here!"),
            "Identify" => text(identity),
            "RR" => text(ranges),
            "RL" => text(&format!("Last 1 sample\r\nTime,11-22-2026 10:00:00.000,Watts,{watts},Volts,230")),
            line if line.starts_with("Go") => text("Starting untimed measurement"),
            _ => text("ok"),
        }));
        let meter = analyser(port).expect("it measures");
        assert_eq!(meter.source().provenance, Provenance::ExternalMeter, "{identity}: it measures");
        (meter.source().relative_uncertainty, meter.source().method.clone())
    };
    let near = |found: Option<f64>, expected: f64| found.is_some_and(|found| (found - expected).abs() < 1e-12);
    let (wt310, said) = band(WT310, "Ranges,0,5.0,0,300.0", "75.0");
    assert!(near(wt310, 0.001 + 0.001 * 20.0) && said.contains("2.10 %"), "a wide range for 75 W: {wt310:?}, {said}");
    let (wt310e, _) = band("YokogawaWT310E,1000,1,version=1.10.0,mode=power", "Ranges,1,2.0,1,150.0", "300.0");
    assert!(near(wt310e, 0.0015), "the later series, at its full range: {wt310e:?}");
    for silent in ["Ranges,1,-1.0,1,-1.0", "Error: unknown command", "Ranges,1", "Ranges,1,nan,1,300.0"] {
        let (class, said) = band(WT310, silent, "75.0");
        assert!(
            near(class, 0.01) && said.contains("SPEC accepts"),
            "{silent}: the class of the kind: {class:?}, {said}"
        );
    }
    let (unknown, said) = band("HomeBrew9000,1000,1,version=1.10.0,mode=power", "Ranges,0,5.0,0,300.0", "75.0");
    assert!(unknown.is_none() && said.contains("not stated"), "an analyser that nobody knows: {unknown:?}, {said}");
    let (tiny, _) = band(WT310, "Ranges,0,20.0,0,600.0", "1.0");
    assert!(near(tiny, 0.99), "a range that says nothing of a watt: {tiny:?}");
}

#[test]
fn a_dummy_device_is_no_measurement() {
    let sample = || text("Last 1 sample\r\nTime,11-22-2026 10:00:00.000,Watts,50.0");
    let (port, _) = daemon_with("Dummy Power Analyzer,0,1,0,0,0,0,0,1,version=1.10.0,mode=power", sample);
    let source = analyser(port).expect("it answers").source().clone();
    assert_eq!(
        (source.provenance, source.relative_uncertainty),
        (Provenance::Modelled, None),
        "its numbers are made up"
    );
    assert!(source.method.contains("not a measurement"), "{}", source.method);
}

fn sample() -> Reply {
    text("Last 1 sample\r\nTime,11-22-2026 10:00:00.000,Watts,50.0,Volts,230")
}

#[test]
fn a_measurement_is_stopped_by_whoever_lets_its_thread_go_and_not_at_the_next_look() {
    let (port, told) = daemon_with(WT310, sample);
    let mut meter = analyser(port).expect("it measures");
    let first = meter.read(Seconds(0.0));
    let start = (Instant::now(), first);
    let polled = Threaded::start(Box::new(meter), start, Seconds(60.0), Answers::Latest).expect("a thread");
    let began = Instant::now();
    drop(polled);
    assert!(began.elapsed() < PARTING, "it is not a matter of patience: {:?}", began.elapsed());
    let told = told.lock().expect("no test panics here").clone();
    assert_eq!(told.last().map(String::as_str), Some("Stop"), "at once: {told:?}");
}

#[test]
fn an_analyser_that_hangs_does_not_hold_up_the_end_of_the_program() {
    let mut turn = 0;
    let (port, _) = daemon_with(WT310, move || {
        turn += 1;
        if turn > 1 { Reply::Silence } else { sample() }
    });
    let mut meter = analyser(port).expect("it measures");
    let first = meter.read(Seconds(0.0));
    let start = (Instant::now(), first);
    let polled = Threaded::start(Box::new(meter), start, Seconds(0.01), Answers::Latest).expect("a thread");
    std::thread::sleep(Duration::from_millis(100));
    let began = Instant::now();
    drop(polled);
    assert!(began.elapsed() < PARTING * 2, "no longer than is stated: {:?}", began.elapsed());
}

#[test]
fn a_measurement_whose_connection_was_lost_is_stopped_over_a_new_one() {
    let mut turn = 0;
    let (port, told) = daemon_with(WT310, move || {
        turn += 1;
        if turn == 2 { Reply::HangUp } else { sample() }
    });
    let mut meter = analyser(port).expect("it measures");
    assert!(meter.read(Seconds(0.0)).energy.is_ok(), "it works at first");
    assert_eq!(meter.read(Seconds(1.0)).energy, Err(NoData::Lost), "it hung up");
    drop(meter);
    let told = told.lock().expect("no test panics here").clone();
    assert_eq!(told[told.len() - 2..], ["Hello", "Stop"], "{told:?}");
}

#[test]
fn a_program_that_fails_before_it_measures_stops_the_analyser_as_well() {
    let (port, told) = daemon_with(WT310, sample);
    let meter = format!("ptd://127.0.0.1:{port}");
    let output = Command::new(env!("CARGO_BIN_EXE_dawndusk"))
        .args(["bench", "--adapter", "cpu", "--workloads", "no-such-workload", "--meter", &meter])
        .env("VK_ICD_FILENAMES", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let told = told.lock().expect("no test panics here").clone();
    assert!(told.iter().any(|line| line.starts_with("Go,")), "the measurement was started: {told:?}");
    assert_eq!(told.last().map(String::as_str), Some("Stop"), "and stopped: {told:?}");
}

#[test]
fn a_daemon_that_is_started_again_is_found_again() {
    let mut turn = 0;
    let (port, told) = daemon_with(WT310, move || {
        turn += 1;
        match turn {
            2 => Reply::HangUp,
            _ => text(&format!("Last 1 sample\r\nTime,11-22-2026 10:00:0{turn}.000,Watts,50.0")),
        }
    });
    let mut meter = analyser(port).expect("it measures");
    assert!(meter.read(Seconds(0.0)).energy.is_ok(), "it works at first");
    assert_eq!(meter.read(Seconds(1.0)).energy, Err(NoData::Lost), "it hung up");
    assert_eq!(meter.read(Seconds(2.0)).energy, Ok(Joules(100.0)), "and is asked anew: 2 s at 50 W");
    let greetings = told.lock().expect("no test panics here").iter().filter(|line| *line == "Hello").count();
    assert_eq!(greetings, 2, "with all its courtesies");
}
