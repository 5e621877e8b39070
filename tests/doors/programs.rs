//! Programs that print numbers, and what becomes of them and of what they start.

use crate::{bare, program, refusal, refused, said, source, sources_with, watts};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

#[test]
fn a_program_that_prints_a_number_a_line_is_a_meter_as_it_is_told() {
    let found = source(
        "exec,unit=mW,boundary=wall,rated_w=200,band_percent=2:while :; do echo 81500; sleep 0.2; done",
        "exec:0",
    );
    assert_eq!(watts(&found), 81.5, "milliwatts");
    let source = &found["source"];
    assert_eq!(source["boundary"], "wall", "as it was said: {source}");
    assert_eq!((&source["rated_w"], &source["relative_uncertainty"]), (&200.0.into(), &0.02.into()), "these too");
    assert_eq!(
        (&source["provenance"], &source["update_period_s"]),
        (&"external_meter".into(), &1.0.into()),
        "as usual"
    );
}

#[test]
fn a_line_may_name_its_power_or_its_energy() {
    let meters = [
        "exec:while :; do echo power_w=81.5; sleep 0.2; done",
        "exec:n=100; while :; do n=$((n+20)); echo energy_j=$n; sleep 0.2; done",
        "exec:n=100; while :; do n=$((n+20)); echo power_w=99.5 energy_j=$n; sleep 0.2; done",
    ];
    let found = sources_with(&meters, &[]);
    let of = |name: &str| crate::named(&found, name);
    assert_eq!(watts(&of("exec:0")), 81.5, "watts need no unit");
    assert_eq!(of("exec:0")["source"]["boundary"], "not_stated", "what nobody says is not guessed");
    let method = of("exec:0")["source"]["method"].as_str().unwrap_or_default().to_owned();
    assert!(method.contains("say boundary=NAME"), "and what to say is told: {method}");
    let counter = of("exec:1");
    assert!(counter["refusal"].is_null(), "a counter has an energy at once: {counter:#}");
    assert!(counter["source"]["method"].as_str().is_some_and(|method| method.contains("counted")), "{counter:#}");
    assert_eq!(watts(&of("exec:2")), 99.5, "the power that stands beside a counter is shown");
}

#[test]
fn a_program_that_ends_or_is_silent_or_prints_no_numbers_says_why() {
    let found = sources_with(
        &[
            "exec,unit=W:echo 81.5; exit 3",
            "exec,unit=W:no-such-program-anywhere",
            "exec,unit=W:sleep 60",
            "exec,unit=W:while :; do echo warming up; sleep 0.2; done",
            "exec:while :; do echo 81.5; sleep 0.2; done",
            "exec,unit=W:while :; do echo -81.5; sleep 0.2; done",
            "exec,unit=W:while :; do echo 0; sleep 0.2; done",
        ],
        &[],
    );
    let of = |index: usize| refusal(&crate::named(&found, &format!("exec:{index}")));
    let missing = of(1);
    assert_eq!(missing.0, "not_supported", "no such program: {}", missing.1);
    assert!(missing.1.contains("127") && missing.1.contains("not found"), "what the shell says: {}", missing.1);
    let silent = of(2);
    assert_eq!(silent.0, "timeout", "silence is no zero: {}", silent.1);
    assert!(silent.1.contains("no line in 5 s"), "{}", silent.1);
    let words = of(3);
    assert_eq!(words.0, "implausible", "{}", words.1);
    assert!(words.1.contains("`warming up`"), "the line is shown: {}", words.1);
    let unit = of(4);
    assert!(unit.0 == "implausible" && unit.1.contains("unit=W"), "a number without a unit: {}", unit.1);
    assert_eq!(of(5).0, "negative", "less than nothing");
    assert_eq!(of(6).0, "implausible", "0 W from what has never shown a power");
    // It gave one line before it ended: it is taken, and lost in flight.
    assert!(crate::named(&found, "exec:0")["power_w"] == 81.5, "its only line was good");
}

#[test]
fn the_end_of_a_program_in_flight_is_a_cause_and_not_a_zero() {
    let folder = bare();
    let mut command = program(folder.path());
    let meter = "exec,unit=W,boundary=wall,rated_w=200:for n in 1 2 3 4; do echo 8$n; sleep 1; done";
    command.args([
        "run",
        "--length",
        "quick",
        "--compression",
        "1000",
        "--workloads",
        "copy",
        "--json",
        "--meter",
        meter,
    ]);
    command.arg("--results").arg(folder.path().join("results"));
    let said = said(command);
    let journal = journal(&folder.path().join("results"));
    assert!(journal.contains("\"ended\""), "the journal says why: exit {}\n{}", said.code, said.err);
    assert!(said.code != 0 || said.out.contains("UNMEASURED"), "nobody is told that it was measured: {}", said.out);
}

fn journal(results: &Path) -> String {
    let folders = std::fs::read_dir(results).into_iter().flatten().flatten();
    folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("journal.jsonl")).ok()).collect()
}

#[test]
fn a_bad_address_of_a_program_is_refused_with_what_would_be_good() {
    for (meter, part) in [
        ("exec:", "no program"),
        ("exec,unit=hp:x", "uW, mW, W, kW"),
        ("exec,period_s=0:x", "from 0.01 to 60"),
        ("exec,colour=red:x", "`colour` is no key"),
        ("exec,boundary=moon:x", "wall, accelerator, package, apu, module or cpu_package"),
        ("exec,certificate=x:y", "no use"),
    ] {
        let (code, err) = refused(&["devices", "--meter", meter]);
        assert!(code == 2 && err.contains(part), "{meter}: exit code {code}: {err}");
    }
}

/// A program that starts another, and writes down both numbers.
fn family(folder: &Path) -> (String, PathBuf) {
    let file = folder.join("numbers");
    let script = format!(
        "sleep 300 & echo $$ $! > {0}.new; mv {0}.new {0}; n=0; while :; do n=$((n+1)); echo $((80 + n % 5)); sleep 0.2; done",
        file.display()
    );
    (format!("exec,unit=W,boundary=wall,rated_w=200,period_s=0.2:{script}"), file)
}

fn numbers(file: &Path) -> Vec<Pid> {
    let began = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let numbers: Vec<Pid> = text.split_whitespace().filter_map(|word| Pid::from_raw(word.parse().ok()?)).collect();
        if numbers.len() == 2 {
            return numbers;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it did not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until none of them is there; a process that only its parent's parent has to collect is not there either.
fn gone(numbers: &[Pid], when: &str) {
    let is_there = |number: &&Pid| {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", number.as_raw_nonzero())).unwrap_or_default();
        let is_dead = status.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'));
        test_kill_process(**number).is_ok() && !is_dead
    };
    let began = Instant::now();
    while numbers.iter().any(|number| is_there(&number)) {
        assert!(began.elapsed() < Duration::from_secs(3), "{when}: they are still there: {numbers:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn flight(folder: &Path, meter: &str) -> Child {
    let mut command = program(folder);
    command.args(["run", "--length", "quick", "--workloads", "copy", "--meter", meter]);
    command.arg("--results").arg(folder.join("results"));
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command.spawn().expect("it starts")
}

fn send(child: &Child, signal: Signal) {
    let number = Pid::from_raw(i32::try_from(child.id()).expect("a process number")).expect("not zero");
    kill_process(number, signal).expect("it is alive");
}

#[test]
fn a_program_and_all_that_it_started_end_with_the_command() {
    let folder = bare();
    let (meter, file) = family(folder.path());
    let mut command = program(folder.path());
    command.args(["devices", "--meter", &meter]);
    assert_eq!(said(command).code, 0, "it is listed");
    gone(&numbers(&file), "after devices");
}

#[test]
fn a_program_ends_with_a_flight_that_is_interrupted_once_twice_or_killed() {
    for (times, signal) in [(1, Signal::INT), (2, Signal::INT), (1, Signal::TERM), (1, Signal::KILL)] {
        let folder = bare();
        let (meter, file) = family(folder.path());
        let mut child = flight(folder.path(), &meter);
        let began = numbers(&file);
        std::thread::sleep(Duration::from_millis(1500));
        for _ in 0..times {
            send(&child, signal);
            std::thread::sleep(Duration::from_millis(600));
        }
        child.wait().expect("it ends");
        gone(&began, &format!("{times} times {signal:?}"));
    }
}

#[test]
fn a_program_that_says_nothing_ends_with_a_command_that_waits_for_it() {
    for (verb, signal) in
        [("run", Signal::INT), ("devices", Signal::TERM), ("doctor", Signal::TERM), ("run", Signal::KILL)]
    {
        let folder = bare();
        let file = folder.path().join("numbers");
        let meter = format!("exec:sleep 300 & echo $$ $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let mut command = program(folder.path());
        command.args([verb, "--meter", &meter]).current_dir(folder.path());
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("it starts");
        let began = numbers(&file);
        send(&child, signal);
        let asked = Instant::now();
        let status = child.wait().expect("it ends");
        assert!(asked.elapsed() < Duration::from_secs(4), "{verb} {signal:?}: {:?}", asked.elapsed());
        assert!(!status.success(), "{verb} {signal:?}: {status}");
        gone(&began, &format!("{verb} {signal:?}"));
    }
}

#[test]
fn the_doctor_says_what_a_program_is_worth_and_what_is_wrong_with_it() {
    let folder = bare();
    let examined = |meter: &str| {
        let mut command = program(folder.path());
        command.args(["doctor", "--json", "--meter", meter]);
        let said = said(command);
        let document: serde_json::Value = serde_json::from_str(&said.out).expect("one JSON document");
        let checks = document["checks"].as_array().expect("a list").clone();
        let line = checks
            .iter()
            .find(|check| check["area"] == "power" && check["name"] == "exec:0")
            .expect("its line")
            .clone();
        (said.code, line, document["power"].clone())
    };
    let good = "exec,unit=W,boundary=wall,band_percent=2:while :; do echo 81.5; sleep 0.2; done";
    let (_, line, power) = examined(good);
    assert_eq!((&line["state"], &line["reads"]["power_w"]), (&"pass".into(), &81.5.into()), "{line:#}");
    assert_eq!(
        (&power["source"], &power["covers_adapter"]),
        (&"exec:0".into(), &true.into()),
        "it is chosen: {power:#}"
    );
    let (code, line, _) = examined("exec,unit=W:echo 81.5 >&2; exit 3");
    let finding = line["finding"].as_str().expect("a sentence");
    assert!(finding.contains("the program has ended") && finding.contains("exit code 3; it says: 81.5"), "{finding}");
    assert_eq!((code, &line["state"]), (10, &"fail".into()), "exit code 10 where a line fails");
}
