//! How well the budget was held: power against budget, both as means over the same stretch of the machine's time.

use crate::journal::Tick;
use crate::units::{Joules, Seconds};

/// The stretch over which both are averaged.
pub(super) const WINDOW: Seconds = Seconds(10.0);

/// The largest `|mean power / mean budget - 1|` over any [`WINDOW`] in which the budget bound all the time and every tick
/// had a reading. None where there is no such stretch. A tick's power is that since the tick before, whose budget held.
pub(super) fn largest_deviation(ticks: &[&Tick]) -> Option<f64> {
    let mut most: Option<f64> = None;
    let (mut drawn, mut granted) = (Joules::ZERO, Joules::ZERO);
    let mut first = 0;
    for last in 1..ticks.len() {
        let (before, now) = (ticks[last - 1], ticks[last]);
        let dt = now.flight_s - before.flight_s;
        let Some(power) = now.power_w.filter(|_| before.budget_binds()) else {
            (drawn, granted, first) = (Joules::ZERO, Joules::ZERO, last);
            continue;
        };
        drawn += power * dt;
        granted += before.budget_w * dt;
        // The shortest stretch that is still long enough.
        while ticks[last].flight_s - ticks[first + 1].flight_s >= WINDOW {
            let (begin, end) = (ticks[first], ticks[first + 1]);
            let dt = end.flight_s - begin.flight_s;
            drawn -= end.power_w.unwrap_or_default() * dt;
            granted -= begin.budget_w * dt;
            first += 1;
        }
        if now.flight_s - ticks[first].flight_s >= WINDOW && granted.0 > 0.0 {
            let deviation = (drawn / granted - 1.0).abs();
            most = Some(most.map_or(deviation, |most| most.max(deviation)));
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governor::{LimitedBy, Regime};
    use crate::units::{Kelvin, Watts};

    fn flight(seconds: u32, power: impl Fn(f64) -> f64, limited_by: impl Fn(f64) -> LimitedBy) -> Option<f64> {
        let ticks: Vec<Tick> = (0..=seconds * 10)
            .map(|index| {
                let t = f64::from(index) * 0.1;
                Tick {
                    flight_s: Seconds(t),
                    simulated_s: Seconds(t),
                    illumination: 1.0,
                    array_w: Watts(100.0),
                    power_w: Some(Watts(power(t))).filter(|power| power.0 > 0.0),
                    no_data: None,
                    load_w: Watts(power(t)),
                    budget_w: Watts(100.0),
                    limited_by: limited_by(t),
                    regime: Regime::Tracking,
                    soc: 0.9,
                    junction_k: Kelvin(300.0),
                    loop_k: Kelvin(300.0),
                    radiator_k: Kelvin(300.0),
                    workload: 0,
                }
            })
            .collect();
        largest_deviation(&ticks.iter().collect::<Vec<_>>())
    }

    #[test]
    fn the_worst_stretch_of_ten_seconds_counts_and_a_shorter_flight_has_none() {
        let found = flight(30, |t| if t > 12.05 && t < 17.05 { 90.0 } else { 100.0 }, |_| LimitedBy::Energy);
        assert!(found.is_some_and(|found| (found - 0.05).abs() < 1e-6), "5 s of 10 W too little: {found:?}");
        assert_eq!(flight(9, |_| 100.0, |_| LimitedBy::Energy), None, "nine seconds");
    }

    #[test]
    fn only_stretches_count_in_which_the_budget_binds_and_the_power_is_known() {
        let bound = |t: f64| if t < 12.0 { LimitedBy::Machine } else { LimitedBy::Junction };
        let found = flight(30, |t| if t <= 12.0 { 50.0 } else { 98.0 }, bound);
        assert!(found.is_some_and(|found| (found - 0.02).abs() < 1e-6), "the free half is left out: {found:?}");
        assert_eq!(flight(30, |_| 50.0, |_| LimitedBy::Machine), None, "nothing binds");
        let holes = |t: f64| if ((t * 10.0).round() as u32).is_multiple_of(50) { 0.0 } else { 100.0 };
        assert_eq!(flight(30, holes, |_| LimitedBy::Energy), None, "a hole every five seconds");
    }
}
