//! Random flights against an idle machine and against the oracle.
//!
//! Two hundred are flown, or as many as `DAWNDUSK_FLIGHTS` says, from `DAWNDUSK_FIRST_SEED` on:
//!
//! ```text
//! DAWNDUSK_FLIGHTS=2000 cargo test --release --test random_flights random_flights_without -- --nocapture
//! ```
//!
//! A share counts where the oracle does a tenth of full work: of next to nothing no share says anything. A flight that
//! breaks a limit has none.

use crate::draw::draw;
use crate::idle::{Excess, excess};
use dawndusk::governor::Unscored;
use dawndusk::stats;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Flights without an order for more.
const FLIGHTS: u64 = 200;
/// The oracle works at least so much, share of the duration, where a share of its work counts.
const WORTH_A_SHARE: f64 = 0.1;
/// Nineteen of twenty flights do so much of the oracle's work.
const FIFTH_PERCENTILE: f64 = 0.97;
/// Lower edges of the histogram's rows, with which it begins at 0.
const EDGES: [f64; 13] = [0.0, 0.5, 0.7, 0.8, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99, 0.995];

/// What came of a flight.
#[derive(Clone, Debug)]
struct Outcome {
    /// Why a flight that broke nothing has no share.
    unscored: Option<Unscored>,
    excess: Vec<Excess>,
    broken: bool,
    /// Of the oracle's work, where that is worth a share.
    share: Option<f64>,
    /// Work of a machine at full power is 1.
    work: f64,
}

fn variable(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: it must be a whole number")))
}

fn outcome(seed: u64) -> Outcome {
    let flight = draw(seed);
    let flown = flight.scored();
    let excess = excess(&flight, &flown);
    let best = flown.score.regret_s.map(|regret| flown.work_s + regret);
    let counts = best.is_some_and(|best| best.0 >= WORTH_A_SHARE * flight.duration);
    let unscored = flown.score.unscored;
    Outcome {
        unscored: unscored.filter(|why| !matches!(why, Unscored::Breached | Unscored::NotComparable)),
        excess,
        broken: flown.breaches.any(),
        share: flown.share_of_oracle.filter(|_| counts),
        work: flown.work_s.0 / flight.duration,
    }
}

fn outcomes(seeds: Range<u64>) -> BTreeMap<u64, Outcome> {
    let next = AtomicU64::new(seeds.start);
    let found = Mutex::new(BTreeMap::new());
    let fly = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = outcome(seed);
            found.lock().expect("no thread has failed").insert(seed, outcome);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(fly))));
    found.into_inner().expect("no thread has failed")
}

/// How many shares stand from each edge on.
fn histogram(shares: &[f64]) -> String {
    let rows = EDGES.iter().enumerate().map(|(row, low)| {
        let high = EDGES.get(row + 1).copied().unwrap_or(f64::INFINITY);
        let count = shares.iter().filter(|share| (*low..high).contains(*share)).count();
        format!("{count:>6} from {low}\n")
    });
    rows.collect()
}

/// The fifth percentile of the shares; 1 of none.
#[expect(clippy::print_stderr, reason = "random flights say what they found")]
fn report(outcomes: &BTreeMap<u64, Outcome>) -> f64 {
    let mut scored: Vec<(f64, u64)> =
        outcomes.iter().filter_map(|(seed, outcome)| Some((outcome.share?, *seed))).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let shares: Vec<f64> = scored.iter().map(|(share, _)| *share).collect();
    let work: Vec<f64> = outcomes.values().map(|outcome| outcome.work).collect();
    let fifth = stats::quantile(&shares, 0.05).unwrap_or(1.0);
    let (flights, broken) = (outcomes.len(), outcomes.values().filter(|outcome| outcome.broken).count());
    eprintln!("{flights} flights, {broken} with a breach, mean work {:.4}", stats::mean(&work).unwrap_or(0.0));
    eprintln!("share of the oracle in {} flights:\n{}", shares.len(), histogram(&shares));
    eprintln!("mean {:.4}, fifth percentile {fifth:.4}", stats::mean(&shares).unwrap_or(1.0));
    for (pacer, batches) in [("ideal pacer", false), ("batches", true)] {
        let of_it = scored.iter().filter(|(_, seed)| (draw(*seed).batch > 0.0) == batches);
        let shares: Vec<f64> = of_it.map(|(share, _)| *share).collect();
        let fifth = stats::quantile(&shares, 0.05).unwrap_or(1.0);
        eprintln!("{pacer}: mean {:.4}, fifth percentile {fifth:.4}", stats::mean(&shares).unwrap_or(1.0));
    }
    scored.iter().take(10).for_each(|(share, seed)| eprintln!("{share:.4}: seed {seed}: {}", draw(*seed).command()));
    fifth
}

#[test]
fn random_flights_without_faults_break_no_more_than_an_idle_machine_and_work_like_the_oracle() {
    let (flights, first) = (variable("DAWNDUSK_FLIGHTS", FLIGHTS), variable("DAWNDUSK_FIRST_SEED", 0));
    assert!(flights > 0, "DAWNDUSK_FLIGHTS=0 flies nothing");
    let outcomes = outcomes(first..first + flights);
    assert_eq!(outcomes.len() as u64, flights, "each flight was flown");
    let fifth = report(&outcomes);
    let failures: Vec<String> = outcomes
        .iter()
        .flat_map(|(seed, outcome)| outcome.excess.iter().map(move |excess| (seed, excess)))
        .map(|(seed, Excess { limit, flown, idle })| {
            let command = draw(*seed).command();
            format!("seed {seed}: {limit} (depth, s) {flown:.5?}, an idle machine {idle:.5?}: {command}")
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} limits were broken further than by an idle machine:\n{}",
        failures.len(),
        failures.join("\n")
    );
    let unscored = outcomes.iter().filter_map(|(seed, outcome)| Some((seed, outcome.unscored?)));
    let unscored: Vec<String> =
        unscored.map(|(seed, why)| format!("seed {seed}: {why}: {}", draw(*seed).command())).collect();
    assert!(unscored.is_empty(), "{} flights without a share:\n{}", unscored.len(), unscored.join("\n"));
    assert!(fifth >= FIFTH_PERCENTILE, "fifth percentile {fifth:.4}, must be {FIFTH_PERCENTILE}");
}
