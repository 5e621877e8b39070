//! The rollout against the network itself.

use super::super::constraints::tests::{ENVIRONMENT, LIMITS, THERMAL};
use super::*;

const IDLE: Watts = Watts(15e3);

fn from(radiator: f64, loop_over: f64, junction_over: f64) -> Temperatures {
    let coolant = radiator + loop_over;
    Temperatures { junction: Kelvin(coolant + junction_over), coolant: Kelvin(coolant), radiator: Kelvin(radiator) }
}

/// Highest junction and loop from the first quarter of `time` on, under `power` and then idle power, by the network itself.
fn flown(from: Temperatures, power: Watts, time: Seconds) -> [f64; 2] {
    flown_by(&THERMAL, (from, IDLE), power, time)
}

fn flown_by(thermal: &Thermal, (from, idle): (Temperatures, Watts), power: Watts, time: Seconds) -> [f64; 2] {
    let (mut now, mut highest) = (from, [0.0_f64; 2]);
    let mut fly = |power, dt, is_looked_at: bool| {
        now = thermal.step(now, power, ENVIRONMENT, dt);
        if is_looked_at {
            highest = [highest[0].max(now.junction.0), highest[1].max(now.coolant.0)];
        }
    };
    (1..=40).for_each(|part| fly(power, time / 40.0, part >= 10));
    (0..400).for_each(|_| fly(idle, settling_time(thermal) / 400.0, true));
    highest
}

/// How far the closer of both is below its limit.
fn room([junction, coolant]: [f64; 2]) -> f64 {
    (LIMITS.junction.0 - junction).min(LIMITS.coolant.0 - coolant)
}

#[test]
fn the_linear_network_is_the_network_and_never_the_cooler_of_the_two() {
    for radiator in [300.0, 320.0, 335.0] {
        for off in [-1.0, 0.0, 1.0] {
            let from = from(radiator, 3.0, 20.0);
            let rollout = Rollout::new(&THERMAL, Seconds(40.0), Kelvin(radiator + off));
            let start = Start { from, idle: IDLE, environment: ENVIRONMENT, held: (IDLE, Seconds::ZERO) };
            let Inputs { x, absorbed, .. } = rollout.begin(&start);
            let half = rollout.parts[0].apply(&x, 90e3, absorbed);
            let true_half = THERMAL.step(from, Watts(90e3), ENVIRONMENT, Seconds(20.0));
            for (linear, true_one) in half.iter().zip([true_half.junction, true_half.coolant, true_half.radiator]) {
                let warmer = linear - true_one.0;
                assert!((-1e-6..1e-3).contains(&warmer), "{warmer} K warmer from {radiator} K, {off} K off");
            }
        }
    }
}

#[test]
fn the_highest_power_reaches_a_limit_and_does_not_pass_it() {
    let mut held = 0;
    for reach in [0.5, 2.5, 10.0].map(Seconds) {
        for radiator in (2400..2720).map(|eighth| f64::from(eighth) / 8.0) {
            for (loop_over, junction_over) in [(0.0, 0.0), (2.0, 12.0), (5.0, 20.0), (4.0, 25.0)] {
                let from = from(radiator, loop_over, junction_over);
                let rollout = Rollout::new(&THERMAL, reach, Kelvin(radiator - 0.7));
                let start = Start { from, idle: IDLE, environment: ENVIRONMENT, held: (IDLE, Seconds::ZERO) };
                let Some((power, _)) = rollout.highest_power(&start, Watts(120e3), &LIMITS) else {
                    let room = room(flown(from, Watts(120e3), reach));
                    assert!(room > -1e-6, "full power is over by {room} K from {from:?}");
                    continue;
                };
                if power < IDLE {
                    continue;
                }
                let room = room(flown(from, power, reach));
                assert!((0.0..0.02).contains(&room), "{room} K of room with {power} for {reach} from {from:?}");
                held += 1;
            }
        }
    }
    assert!(held > 50, "{held} were held back");
}

#[test]
fn the_longest_time_leaves_no_room_for_one_that_is_longer() {
    let (mut held, reach) = (0, Seconds(30.0));
    for radiator in (300..340).map(f64::from) {
        for (loop_over, junction_over) in [(0.0, 0.0), (2.0, 12.0), (5.0, 20.0), (4.0, 25.0)] {
            let from = from(radiator, loop_over, junction_over);
            let rollout = Rollout::new(&THERMAL, reach, Kelvin(radiator + 0.7));
            let start = Start { from, idle: IDLE, environment: ENVIRONMENT, held: (IDLE, Seconds::ZERO) };
            let Some((time, _)) = rollout.longest(&start, Watts(120e3), &LIMITS) else { continue };
            if time.0 <= 0.0 {
                continue;
            }
            let (kept, longer) = (flown(from, Watts(120e3), time), flown(from, Watts(120e3), time + reach / 256.0));
            assert!(room(kept) > 0.0, "over by {} K after {time} from {from:?}", -room(kept));
            assert!(room(longer) < 0.02, "{} K of room after {time} and more from {from:?}", room(longer));
            held += 1;
        }
    }
    assert!(held > 10, "{held} were held back");
}

/// A slow junction that idle power goes on warming while the loop cools turns between two points.
#[test]
fn a_peak_between_two_points_keeps_the_limit_and_leaves_no_room() {
    let thermal = Thermal { junction_to_loop_k_per_w: 3.337e-4, junction_j_per_k: 243.8e3, ..THERMAL };
    let (reach, idle) = (Seconds(2.0), Watts(55e3));
    let mut held = 0;
    for step in 0..400 {
        let from = from(330.0 + 0.01 * f64::from(step), 2.75, 17.0);
        let rollout = Rollout::new(&thermal, reach, from.radiator);
        let start = Start { from, idle, environment: ENVIRONMENT, held: (idle, Seconds::ZERO) };
        let Some((power, _)) = rollout.highest_power(&start, Watts(120e3), &LIMITS) else { continue };
        if power < idle {
            continue;
        }
        let room = LIMITS.junction.0 - flown_by(&thermal, (from, idle), power, reach)[0];
        assert!((0.0..0.003).contains(&room), "{room} K of room with {power} from {from:?}");
        held += 1;
    }
    assert!(held > 10, "{held} were held back");
}
