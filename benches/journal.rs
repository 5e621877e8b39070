//! What one call of `Journal::record` takes from the flight that calls it: `cargo bench --bench journal`.
//!
//! A plain loop with a pause between two calls, as a flight has; means would hide the few calls that wait for a disk.

#![expect(clippy::print_stdout, reason = "a bench tells what it measured")]

use dawndusk::actuator::{Outcome, Setting};
use dawndusk::journal::{Drawn, Event, Journal, WorkDone};
use dawndusk::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// Calls of each kind.
const CALLS: usize = 2000;
/// Time between two calls; a flight's ticks are further apart.
const PAUSE: Duration = Duration::from_micros(500);

fn work() -> Event {
    let none = Seconds::ZERO;
    let drawn = Drawn::default();
    Event::Work(WorkDone { workload: 1, batches: 3, items: 0.1, busy_s: none, held_s: none, slice_s: none, drawn })
}

fn power_limit() -> Event {
    let (asked_w, outcome) = (Watts(240.0), Outcome::Set);
    Event::PowerLimit(Setting {
        power_limit: "board".into(),
        asked_w,
        read_back_w: Some(asked_w),
        outcome,
        cause: None,
    })
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, event) in [("work", work as fn() -> Event), ("power limit", power_limit)] {
        let mut journal = Journal::create(&folder.path().join(format!("{name}.jsonl"))).expect("a journal");
        let mut times: Vec<f64> = (0..CALLS)
            .map(|call| {
                std::thread::sleep(PAUSE);
                let event = event();
                let began = Instant::now();
                journal.record(Seconds(call as f64), event);
                began.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        journal.close().expect("all is written");
        times.sort_by(f64::total_cmp);
        let [median, high, most] = [CALLS / 2, CALLS * 99 / 100, CALLS - 1].map(|rank| times[rank]);
        println!("journal/record {name}: median {median:.1} us, 99th percentile {high:.1} us, most {most:.1} us");
    }
}
