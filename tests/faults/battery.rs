//! Random flights, each with up to three faults, each repeatable by its seed.
//!
//! A thousand are flown, or as many as `DAWNDUSK_FLIGHTS` says, from `DAWNDUSK_FIRST_SEED` on, in the regime of a flight on
//! hardware: the governor knows readings alone, and what they count moves the spacecraft. `DAWNDUSK_OWN_SENSORS=1` gives the
//! spacecraft sensors of its own instead.
//!
//! ```text
//! DAWNDUSK_FLIGHTS=1000 DAWNDUSK_FIRST_SEED=60000 cargo test --release --test faults random_flights -- --nocapture
//! ```

use crate::assumptions::{Counts, judge};
use crate::case::Case;
use crate::random::draw;
use dawndusk::flight::simulation::{KnownBy, Summary};
use dawndusk::governor::Policy;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Flights without an order for more.
const FLIGHTS: u64 = 1000;
/// Flights that show what the campaign is worth.
const FREE_FLIGHTS: u64 = 60;

fn variable(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: it must be a whole number")))
}

/// The flights with these seeds, flown as `change` has it.
fn flown(seeds: Range<u64>, change: impl Fn(Case) -> Case + Sync) -> BTreeMap<u64, Summary> {
    let next = AtomicU64::new(seeds.start);
    let flown = Mutex::new(BTreeMap::new());
    let fly = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let summary = change(draw(seed)).fly();
            flown.lock().expect("no thread has failed").insert(seed, summary);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(fly))));
    flown.into_inner().expect("no thread has failed")
}

#[test]
fn without_a_governor_most_of_these_flights_break_a_limit() {
    let flown = flown(0..FREE_FLIGHTS, |case| Case { policy: Policy::Off, ..case });
    let broken = flown.values().filter(|summary| summary.breaches.any()).count();
    assert!(broken as u64 > FREE_FLIGHTS / 2, "{broken} of {FREE_FLIGHTS}: limits are within reach");
}

#[test]
#[expect(clippy::print_stderr, reason = "a campaign says what it found")]
fn random_flights_break_nothing_while_every_assumption_holds() {
    let (flights, first) = (variable("DAWNDUSK_FLIGHTS", FLIGHTS), variable("DAWNDUSK_FIRST_SEED", 0));
    assert!(flights > 0, "DAWNDUSK_FLIGHTS=0 flies nothing");
    let own = variable("DAWNDUSK_OWN_SENSORS", 0) > 0;
    let known_by = if own { KnownBy::OwnSensors } else { KnownBy::Readings };
    let flown = flown(first..first + flights, |case| Case { known_by, ..case });
    let mut counts = Counts::default();
    let (mut work, mut broken) = (0.0, 0);
    for (seed, summary) in &flown {
        work += summary.work_s / summary.duration_s / flown.len() as f64;
        broken += usize::from(summary.breaches.any());
        let first = &summary.first_breach_s;
        let case = Case { known_by, ..draw(*seed) };
        let broken = [summary.broken.clone(), case.unwatched()].concat();
        let breaches = judge(&[first.junction, first.coolant, first.charge, first.bus], &broken);
        counts.add(&breaches, &format!("seed {seed}: {:?}: {}", summary.breaches, case.command()));
    }
    eprintln!("mean work {work:.5} of full speed over {flights} flights from seed {first} on, {known_by:?}");
    eprintln!("{broken} flights broke a limit\n{counts}");
    assert_eq!(flown.len() as u64, flights, "each flight was judged");
    assert!(counts.faults.is_empty(), "{} breaches:\n{}", counts.faults.len(), counts.faults.join("\n"));
}
