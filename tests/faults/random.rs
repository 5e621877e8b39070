//! Random flights: satellites around those that are shipped, machines, sensors and up to three faults, all from a seed.
//!
//! Numbers are rounded to four digits, so that the command that repeats a flight says them exactly.

use crate::case::Case;
use dawndusk::flight::simulation::{Fault, Plant, Sensor, Shows};
use dawndusk::governor::Policy;
use dawndusk::profile;
use dawndusk::units::Seconds;
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Satellites that have limits to break.
const SATELLITES: [&str; 4] = ["leo-100kw", "ai1", "suncatcher", "equatorial-stress"];
/// A flight is so long on the machine's clock, but at least and at most so long in orbit.
const MACHINE_S: f64 = 400.0;
const SIMULATED_S: (f64, f64) = (900.0, 6000.0);

/// To four digits.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// The flight of a seed.
pub(super) fn draw(seed: u64) -> Case {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let satellite = SATELLITES[rng.random_range(0..SATELLITES.len())];
    let compression = rounded(100f64.powf(rng.random_range(0.0..1.0)));
    let duration = rounded((MACHINE_S * compression).clamp(SIMULATED_S.0, SIMULATED_S.1));
    let day = SignedDuration::from_hours(24 * rng.random_range(0..365));
    let year: Timestamp = "2027-01-01T00:00:00Z".parse().expect("an instant");
    let sets = sets(satellite, &mut rng);
    let sensor = sensor(&mut rng);
    let batch = if rng.random_bool(0.1) { 0.0 } else { rounded(rng.random_range(0.002..0.2)) };
    let mut case = Case {
        satellite,
        policy: Policy::Predictive,
        sets,
        start: year.checked_add(day).expect("a day of 2027"),
        duration,
        compression,
        idle: rounded(rng.random_range(0.0..0.6)),
        tick: rounded(rng.random_range(0.05..0.2)),
        batch,
        jitter: if rng.random_bool(0.5) { 0.0 } else { rounded(rng.random_range(0.0..0.5)) },
        sensor,
        known_by: Plant::IDEAL.known_by,
        faults: Vec::new(),
        seed,
    };
    for _ in 0..rng.random_range(1..=3) {
        let fault = fault(&case, &mut rng);
        case.faults.push(fault);
    }
    case
}

/// Keys of a satellite, each around what the profile says.
fn sets(name: &str, rng: &mut ChaCha8Rng) -> Vec<String> {
    let satellite = profile::satellite(name, &[]).expect("a shipped profile");
    let (thermal, battery) = (&satellite.thermal, &satellite.battery);
    let floor = battery.soc_min + rng.random_range(-0.1..0.1);
    let mut number = |low: f64, high: f64| rng.random_range(low..high);
    let numbers = [
        ("array.power_w", satellite.array.power_w * number(0.8, 1.3)),
        ("array.age_years", number(0.0, 5.0)),
        ("battery.capacity_wh", battery.capacity_wh * number(0.6, 1.6)),
        ("battery.charge_efficiency", number(0.9, 0.99)),
        ("battery.discharge_efficiency", number(0.9, 0.99)),
        ("battery.charge_rate_max_c", battery.charge_rate_max_c * number(0.7, 2.0)),
        ("battery.soc_min", floor),
        ("battery.soc_initial", floor + (battery.soc_max - floor) * number(0.1, 1.0)),
        ("bus.housekeeping_w", satellite.bus.housekeeping_w * number(0.5, 2.0)),
        ("thermal.radiator_side_area_m2", thermal.radiator_side_area_m2 * number(0.8, 1.2)),
        ("thermal.emissivity", number(0.8, 0.92)),
        ("thermal.junction_to_loop_k_per_w", thermal.junction_to_loop_k_per_w * number(0.7, 1.4)),
        ("thermal.junction_j_per_k", thermal.junction_j_per_k * number(0.5, 2.0)),
        ("thermal.loop_j_per_k", thermal.loop_j_per_k * number(0.5, 2.0)),
        ("thermal.radiator_j_per_k", thermal.radiator_j_per_k * number(0.5, 2.0)),
        ("thermal.junction_limit_k", thermal.junction_limit_k + number(-8.0, 8.0)),
        ("thermal.loop_limit_k", thermal.loop_limit_k + number(-4.0, 4.0)),
        // Warm enough that heat binds within a short flight.
        ("thermal.initial_k", number(290.0, thermal.loop_limit_k - 15.0)),
    ];
    numbers.into_iter().map(|(key, value)| format!("{key}={}", rounded(value))).collect()
}

fn sensor(rng: &mut ChaCha8Rng) -> Sensor {
    let lags = [0.0, 0.1, 1.0];
    let shows = [Shows::Counter, Shows::Counter, Shows::Power, Shows::Both];
    Sensor {
        lag: Seconds(lags[rng.random_range(0..lags.len())]),
        update_period: Seconds(rounded(rng.random_range(0.02..0.2))),
        gain: rounded(rng.random_range(0.95..1.05)),
        // A step of 1 W on a machine of 250 to 1000 W.
        step: if rng.random_bool(0.5) { 0.0 } else { rounded(rng.random_range(0.012..0.05)) },
        shows: shows[rng.random_range(0..shows.len())],
    }
}

/// A fault in the first two thirds of the flight.
fn fault(case: &Case, rng: &mut ChaCha8Rng) -> Fault {
    const NAMES: [&str; 15] = [
        "nan",
        "zero",
        "stuck",
        "silent",
        "counter-reset",
        "counter-lost",
        "gain",
        "stamps",
        "clock",
        "suspend",
        "load",
        "cap",
        "array",
        "radiator",
        "forecast",
    ];
    let name = NAMES[rng.random_range(0..NAMES.len())];
    let start = rounded(case.duration * rng.random_range(0.05..0.65));
    let machine = rng.random_range(2.0..60.0);
    let value = match name {
        "gain" => rng.random_range(0.8..1.25),
        "stamps" => {
            if rng.random_bool(0.5) {
                3600.0
            } else {
                -3600.0
            }
        }
        "clock" => rng.random_range(1.0..3600.0),
        "load" => rng.random_range(1.1..1.6),
        "cap" => rng.random_range(0.3..0.7),
        "array" | "radiator" => rng.random_range(0.05..0.4),
        "forecast" => rng.random_range(0.9..1.1),
        _ => f64::NAN,
    };
    let length = match name {
        "nan" | "zero" | "stuck" | "counter-lost" | "stamps" => Some(machine * case.compression),
        "silent" => Some(30.0 * case.compression),
        "suspend" => Some(600.0),
        "cap" => Some(case.duration * rng.random_range(0.1..0.5)),
        _ => None,
    };
    let value = if value.is_nan() { String::new() } else { format!("={}", rounded(value)) };
    let length = length.map_or(String::new(), |length| format!("+{}", rounded(length)));
    let text = format!("{name}{value}@{start}{length}");
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}
