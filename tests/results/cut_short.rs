//! A merge that is killed: whatever it leaves, the next `report` completes it or takes it back, and the result verifies.

use crate::flown::{Copied, Files, copied, files, said, steady};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The files of a result in the order in which they are replaced.
const ORDER: [&str; 6] =
    ["result.json", "conditions.json", "timeline.csv", "summary.txt", "report.html", "journal.jsonl"];
const SUMS: &str = "SHA256SUMS";

/// A result before a merge and after it.
fn before_and_after(copy: &Copied) -> (Files, Files) {
    let before = files(&copy.directory);
    let file = copy.file("plug.csv", steady(66.0, 20, (0.0, 0.0)));
    copy.report(&["--meter-file", &file]);
    let after = files(&copy.directory);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>(), "no file is left beside them");
    assert!(before != after, "the merge changed something");
    (before, after)
}

fn next(name: &str) -> String {
    format!("{name}.next")
}

#[test]
fn from_the_moment_that_the_new_hashes_are_listed_the_merge_is_completed() {
    let copy = copied();
    let (before, after) = before_and_after(&copy);
    let names: Vec<&str> = before.keys().map(String::as_str).filter(|name| *name != SUMS).collect();
    for name in ORDER {
        assert!(names.contains(&name), "{name} is part of a result");
    }
    for replaced in 0..=names.len() {
        let mut state = before.clone();
        for (index, name) in names.iter().enumerate() {
            let place = if index < replaced { (*name).to_owned() } else { next(name) };
            state.insert(place, after[*name].clone());
        }
        state.insert(next(SUMS), after[SUMS].clone());
        copy.put(&state);
        let verify = copy.command("verify", &[]);
        assert_eq!(verify.status.code(), Some(10), "{replaced} replaced: not sound yet");
        let answer = String::from_utf8_lossy(&verify.stdout).into_owned();
        assert!(answer.contains("cut short") && answer.contains("dawndusk report"), "and it says what to do: {answer}");
        let output = copy.command("report", &[]);
        assert_eq!(output.status.code(), Some(0), "{replaced} replaced: {}", said(&output));
        assert!(said(&output).contains("cut short"), "it is said: {}", said(&output));
        assert!(files(&copy.directory) == after, "{replaced} replaced: as if it had not been killed");
        copy.is_sound();
    }
}

#[test]
fn before_that_moment_the_merge_is_taken_back() {
    let copy = copied();
    let (before, after) = before_and_after(&copy);
    for staged in 1..=ORDER.len() {
        let mut state = before.clone();
        for name in &ORDER[..staged] {
            state.insert(next(name), after[*name].clone());
        }
        // The last of them is half written.
        let last = state.get_mut(&next(ORDER[staged - 1])).expect("it was put there");
        last.truncate(last.len() / 2);
        if staged == ORDER.len() {
            state.insert(format!("{SUMS}.part"), after[SUMS][..20].to_vec());
        }
        copy.put(&state);
        copy.is_sound();
        let output = copy.command("report", &[]);
        assert_eq!(output.status.code(), Some(0), "{staged} staged: {}", said(&output));
        assert!(files(&copy.directory) == before, "{staged} staged: as if it had never begun");
        copy.is_sound();
    }
}

#[test]
fn a_file_that_was_changed_in_between_is_named_and_nothing_more_is_done() {
    let copy = copied();
    let (before, after) = before_and_after(&copy);
    let mut state = before;
    state.insert(next(SUMS), after[SUMS].clone());
    state.insert(next("journal.jsonl"), b"{}\n".to_vec());
    copy.put(&state);
    let output = copy.command("report", &[]);
    assert_ne!(output.status.code(), Some(0), "it cannot be completed");
    assert!(said(&output).contains("cannot be completed"), "and that is said: {}", said(&output));
}

/// At moments that nobody chose: from before the first byte to after the last.
#[test]
fn a_merge_that_is_killed_at_any_moment_leaves_a_result_that_the_next_report_makes_sound() {
    let copy = copied();
    let before = files(&copy.directory);
    let file = copy.file("plug.csv", steady(66.0, 20, (0.0, 0.0)));
    for kill in 0..24_u64 {
        copy.put(&before);
        let mut command = Command::new(env!("CARGO_BIN_EXE_dawndusk"));
        command.arg("report").arg(&copy.directory).args(["--meter-file", &file]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        // By the clock, or as soon as the first of the new files is there.
        let waits_for_files = kill % 2 == 1;
        let mut naps = 5 * kill;
        while naps > 0 && !(waits_for_files && copy.directory.join(next(ORDER[0])).exists()) {
            std::thread::sleep(Duration::from_millis(1));
            naps -= 1;
        }
        std::thread::sleep(Duration::from_micros(700 * kill));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
        copy.report(&[]);
        copy.is_sound();
        assert_eq!(files(&copy.directory).len(), before.len(), "kill {kill}: no file is left beside the result");
    }
}
