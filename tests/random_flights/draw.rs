//! Random flights: every shipped satellite that has limits, in other orbits, with other batteries and radiators.
//!
//! | what | from | to |
//! |---|---|---|
//! | satellite | `leo-100kw`, `ai1`, `suncatcher`, `equatorial-stress` | |
//! | local time of the ascending node (not `equatorial-stress`) | 00:00 | 23:59 |
//! | altitude, km | 400 | 1200 |
//! | start | 2026-01-01 | the end of 2035 |
//! | battery's capacity, share of the profile's | 0.1 | 3 |
//! | radiator's area, share of the profile's | 0.6 | 1.5 |
//! | housekeeping, share of the profile's | 0.5 | 3 |
//! | machine | every shipped one | |
//! | longest batch, s | 0 in every second flight, otherwise 0.05 | 4 |
//! | duration, s | 2,000 | 22,000 |
//! | tick, s | 1 | 5 |
//!
//! Each is drawn evenly. Numbers are rounded to what the command that repeats a flight says. What the check of profiles
//! refuses is drawn again.

use crate::flight::Flight;
use dawndusk::profile;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Satellites that have limits to break.
const SATELLITES: [&str; 4] = ["leo-100kw", "ai1", "suncatcher", "equatorial-stress"];
const MACHINES: [&str; 4] = ["ideal", "v100-training", "a40-training", "lavapipe"];

const FIRST: &str = "2026-01-01T00:00:00Z";
/// Ten years.
const SPAN_S: i64 = 3652 * 86_400;

/// To four digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// The flight of a seed.
pub(super) fn draw(seed: u64) -> Flight {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    loop {
        let flight = attempt(seed, &mut rng);
        if flight.satellite().is_ok() {
            return flight;
        }
    }
}

fn attempt(seed: u64, rng: &mut ChaCha8Rng) -> Flight {
    let satellite = SATELLITES[rng.random_range(0..SATELLITES.len())];
    let sets = sets(satellite, rng);
    let first: Timestamp = FIRST.parse().expect("an instant");
    let start = first.checked_add(SignedDuration::from_secs(rng.random_range(0..SPAN_S))).expect("before 2036");
    let batch = if rng.random_bool(0.5) { 0.0 } else { rounded(rng.random_range(0.05..4.0)) };
    Flight {
        sets,
        machine: MACHINES[rng.random_range(0..MACHINES.len())],
        duration: rng.random_range(2_000.0..22_000.0_f64).round(),
        dt: rounded(rng.random_range(1.0..5.0)),
        batch,
        seed,
        ..Flight::new(satellite, &start.to_string(), 0.0)
    }
}

/// Keys of a satellite.
fn sets(name: &str, rng: &mut ChaCha8Rng) -> Vec<String> {
    let satellite = profile::satellite(name, &[]).expect("a shipped profile");
    let mut number = |low: f64, high: f64| rng.random_range(low..high);
    let numbers = [
        ("orbit.altitude_km", number(400.0, 1200.0)),
        ("battery.capacity_wh", satellite.battery.capacity_wh * number(0.1, 3.0)),
        ("thermal.radiator_side_area_m2", satellite.thermal.radiator_side_area_m2 * number(0.6, 1.5)),
        ("bus.housekeeping_w", satellite.bus.housekeeping_w * number(0.5, 3.0)),
    ];
    let mut sets: Vec<String> = numbers.into_iter().map(|(key, value)| format!("{key}={}", rounded(value))).collect();
    let minutes = rng.random_range(0..24 * 60);
    if name != "equatorial-stress" {
        sets.push(format!("orbit.ltan={:02}:{:02}", minutes / 60, minutes % 60));
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_one_flight_and_seeds_reach_every_satellite_and_machine() {
        let commands: Vec<String> = (0..100).map(|seed| draw(seed).command()).collect();
        assert_eq!(commands, (0..100).map(|seed| draw(seed).command()).collect::<Vec<_>>(), "the same again");
        for word in SATELLITES.into_iter().chain(MACHINES) {
            let count = commands.iter().filter(|command| command.contains(word)).count();
            assert!(count >= 10, "{word} in {count} of 100 flights");
        }
    }
}
