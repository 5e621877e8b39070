//! The policies against the true plant: who holds the limits, who does the most work within them.

use dawndusk::envelope::{Scale, Sky, Spacecraft, State};
use dawndusk::estimator::{Assumptions, Estimator, Freshness};
use dawndusk::flight::simulation::{Load, Plant, Row, Sensor, Simulation, Summary, simulate, simulate_all};
use dawndusk::governor::{
    self, Decision, Design, LimitedBy, Observation, OperatingRange, Policy, Regime, WorkCurve, safe_all_year,
};
use dawndusk::profile::{self, Machine, Satellite};
use dawndusk::reading::{NoData, Reading};
use dawndusk::units::{Joules, Kelvin, Seconds, Watts};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// Everyone who governs without a plan.
const BASELINES: [Policy; 4] = [Policy::Static, Policy::Threshold, Policy::Reactive, Policy::Price];

fn satellite() -> Satellite {
    profile::satellite("leo-100kw", &[]).expect("a shipped profile")
}

/// The same in the middle of its charge window, where no policy but one that plans holds anything back.
fn charged() -> Satellite {
    let mut satellite = satellite();
    satellite.battery.soc_initial = 0.85;
    satellite
}

fn ideal() -> Machine {
    profile::machine("ideal").expect("a shipped profile")
}

/// A day of the deepest eclipse.
fn day<'a>(satellite: &'a Satellite, machine: &'a Machine) -> Simulation<'a> {
    Simulation {
        satellite,
        scale: Scale::FULL,
        sky: Sky::Orbit,
        start: instant("2027-12-22T00:00:00Z"),
        duration: Seconds(86_400.0),
        dt: Seconds(5.0),
        load: Load::Governed,
        policy: Policy::Predictive,
        machine,
        sensor: Sensor::IDEAL,
        plant: Plant::IDEAL,
        assumptions: Assumptions::default(),
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn fly(simulation: &Simulation<'_>) -> Summary {
    simulate(simulation, None).expect("it can be flown")
}

#[test]
fn predictive_holds_every_limit_and_does_the_most_work() {
    let (satellite, machine) = (satellite(), ideal());
    for dt in [1.0, 10.0] {
        let all = simulate_all(&Simulation { dt: Seconds(dt), ..day(&satellite, &machine) }).expect("it can be flown");
        let of = |policy: Policy| all.iter().find(|one| one.governor == Some(policy)).expect("every policy flew");
        let best = of(Policy::Predictive);
        assert!(!best.breaches.any(), "ticks of {dt} s: {:?}", best.breaches);
        let share = best.share_of_upper_bound.expect("without a breach it has a share");
        assert!((0.97..=1.0).contains(&share), "ticks of {dt} s: {share} of the upper bound");
        assert!(of(Policy::Off).breaches.any(), "full power breaks limits on that day");
        assert_eq!(of(Policy::Off).share_of_upper_bound, None, "and then its work does not count");
        for policy in BASELINES {
            let other = of(policy);
            assert!(!other.breaches.any(), "{policy} is safe too: {:?}", other.breaches);
            let share_of_other = other.share_of_upper_bound.expect("without a breach it has a share");
            assert!(share > share_of_other, "predictive {share}, {policy} {share_of_other}");
            assert!(best.work_s > other.work_s, "predictive {}, {policy} {}", best.work_s, other.work_s);
        }
    }
}

#[test]
fn a_late_and_wrong_sensor_leaves_predictive_safe_and_first() {
    let (satellite, machine) = (satellite(), ideal());
    for lag in [0.0, 0.1, 1.0] {
        for gain in [0.95, 1.05] {
            let sensor = Sensor { lag: Seconds(lag), update_period: Seconds(0.1), gain, ..Sensor::IDEAL };
            let under = |policy| fly(&Simulation { sensor, policy, ..day(&satellite, &machine) });
            let best = under(Policy::Predictive);
            assert!(!best.breaches.any(), "lag {lag} s, gain {gain}: {:?}", best.breaches);
            let share = best.share_of_upper_bound.expect("without a breach it has a share");
            assert!(share > 0.93, "lag {lag} s, gain {gain}: {share} of the upper bound");
            for policy in BASELINES {
                let other = under(policy);
                let less = other.breaches.any() || other.work_s < best.work_s;
                assert!(less, "lag {lag} s, gain {gain}: {policy} {}, predictive {}", other.work_s, best.work_s);
            }
        }
    }
}

#[test]
fn a_year_one_day_a_week_breaks_nothing() {
    let (satellite, machine) = (satellite(), ideal());
    for week in 0..52 {
        let start = instant("2027-01-01T00:00:00Z") + SignedDuration::from_hours(24 * 7 * week);
        let flown = fly(&Simulation { start, dt: Seconds(20.0), ..day(&satellite, &machine) });
        assert!(!flown.breaches.any(), "week {week}: {:?}", flown.breaches);
        let share = flown.share_of_upper_bound.expect("without a breach it has a share");
        assert!(share > 0.97, "week {week}: {share} of the upper bound");
    }
}

#[test]
fn the_static_cap_is_safe_in_every_season() {
    let (satellite, machine) = (satellite(), ideal());
    let range = OperatingRange { full_w: Watts(100e3), idle_w: Watts(0.0), ..MACHINE };
    let cap = safe_all_year(&satellite, Scale::FULL, Sky::Orbit, &range);
    assert!(cap > Watts(50e3) && cap < Watts(90e3), "{cap} for an array of 110 kW");
    for month in 1..=12 {
        let start = instant(&format!("2027-{month:02}-22T00:00:00Z"));
        let (load, dt) = (Load::Constant(cap), Seconds(60.0));
        let flown = fly(&Simulation { start, load, dt, ..day(&satellite, &machine) });
        assert!(!flown.breaches.any(), "month {month}: {:?}", flown.breaches);
    }
}

#[test]
fn a_machine_that_tires_is_still_governed_near_its_bound() {
    let satellite = satellite();
    let points = [(250.0, 0.6), (350.0, 0.78), (500.0, 0.92), (700.0, 1.0)];
    let points = points.map(|(power_w, rate)| profile::Point { power_w, rate }).to_vec();
    let machine = Machine { idle_w: 70.0, rated_w: 700.0, points, ..ideal() };
    let flown = fly(&day(&satellite, &machine));
    assert!(!flown.breaches.any(), "{:?}", flown.breaches);
    let share = flown.share_of_upper_bound.expect("without a breach it has a share");
    assert!((0.97..=1.0).contains(&share), "{share} of the upper bound");
}

#[test]
fn excess_results_throttle_and_an_empty_queue_does_not() {
    let mut spacecraft = Spacecraft::new(&charged(), Scale::FULL, Sky::Constant, instant("2027-06-22T00:00:00Z"));
    let orbit_bits = spacecraft.limits().downlink_bits_per_orbit;
    spacecraft.step(Seconds(1.0), Watts(1e3), 1.5 * orbit_bits);
    for policy in [Policy::Static, Policy::Threshold, Policy::Reactive, Policy::Predictive] {
        let decision = decide(policy, spacecraft.state(), &spacecraft, fresh(0.0));
        assert_eq!(
            decision.limited_by,
            Some(LimitedBy::Downlink),
            "{policy} with one and a half orbits of results waiting"
        );
        let half = MACHINE.at_share(0.5);
        assert!((decision.budget - half).0.abs() < 0.01 * half.0, "{policy} gives {}, not {half}", decision.budget);
    }
    spacecraft.step(Seconds(1.0), Watts(1e3), 0.3 * orbit_bits);
    let decision = decide(Policy::Price, spacecraft.state(), &spacecraft, fresh(0.0));
    let idle = (MACHINE.idle_w, Some(LimitedBy::Downlink));
    assert_eq!((decision.budget, decision.limited_by), idle, "a queue that is nearly full is dearer than work");
}

const MACHINE: OperatingRange = OperatingRange {
    idle_w: Watts(10e3),
    full_w: Watts(100e3),
    sensor_lag_s: Seconds(0.1),
    update_period_s: Seconds(0.1),
    batch_s: Seconds(0.0),
};

fn fresh(t: f64) -> Reading {
    Reading { taken_at: Seconds(t), energy: Ok(Joules(50e3 * t)), power: Ok(Watts(50e3)) }
}

/// What a governor sees of a spacecraft in `state`.
fn look<'a>(
    (state, of): (&'a State, &'a Spacecraft),
    (now, tick): (f64, f64),
    machine: &'a OperatingRange,
    (assumptions, freshness): (&'a Assumptions, Freshness),
) -> Observation<'a> {
    Observation {
        now: Seconds(now),
        tick: Seconds(tick),
        state,
        worst: state,
        limits: of.limits(),
        forecast: of.forecast(),
        freshness,
        machine,
        assumptions,
        has_own_sensors: false,
        power_step: Watts::ZERO,
        held: (Watts::ZERO, Seconds::ZERO),
    }
}

/// A governor that has been well for ten seconds, and what it says when it is then given `readings`, one each 0.1 s.
fn decisions(policy: Policy, state: &State, of: &Spacecraft, readings: &[Reading]) -> Vec<Decision> {
    let design = Design { static_cap: Watts(60e3), curve: WorkCurve::linear(MACHINE.idle_w, MACHINE.full_w) };
    let mut governor = governor::new(policy, &design);
    let assumptions = Assumptions::default();
    let mut estimator = Estimator::new(of.clone(), MACHINE, assumptions, Seconds(0.1), None);
    let well: Vec<Reading> = (0..100).map(|tick| fresh(0.1 * f64::from(tick))).collect();
    let mut said = Vec::new();
    for (tick, reading) in well.iter().chain(readings).enumerate() {
        let now = 0.1 * tick as f64;
        estimator.read(Seconds(now), reading);
        let freshness = estimator.freshness(Seconds(now));
        said.push(governor.tick(&look((state, of), (now, 0.1), &MACHINE, (&assumptions, freshness))));
    }
    said.split_off(well.len())
}

fn decide(policy: Policy, state: &State, of: &Spacecraft, reading: Reading) -> Decision {
    decisions(policy, state, of, &[reading])[0]
}

#[test]
fn the_policy_that_plans_foresees_the_dusk_while_a_batch_would_run() {
    let machine = OperatingRange { batch_s: Seconds(1.0), ..MACHINE };
    let design = Design { static_cap: Watts(60e3), curve: WorkCurve::linear(machine.idle_w, machine.full_w) };
    for policy in Policy::ALL {
        let mut spacecraft = Spacecraft::new(&satellite(), Scale::FULL, Sky::Orbit, instant("2027-12-22T00:00:00Z"));
        while spacecraft.forecast().at(spacecraft.state().t + Seconds(60.0)).illumination > 0.5 {
            spacecraft.step(Seconds(1.0), Watts(80e3), 0.0);
        }
        let mut governor = governor::new(policy, &design);
        let (mut falls, mut dusk) = (Vec::new(), None);
        for tick in 0..200_u32 {
            let state = *spacecraft.state();
            dusk = dusk.or((state.illumination < 0.5).then_some(tick));
            let seen = (&Assumptions::default(), Freshness::FRESH);
            let decision = governor.tick(&look((&state, &spacecraft), (state.t.0, 0.5), &machine, seen));
            falls.extend(decision.preview.map(|fall| (tick, fall)));
            spacecraft.step(Seconds(0.5), decision.budget, 0.0);
        }
        let dusk = dusk.expect("the night comes");
        assert_eq!(!falls.is_empty(), policy == Policy::Predictive, "{policy}: {falls:?}");
        for (tick, fall) in falls {
            assert!(tick + 16 > dusk && tick < dusk + 16, "tick {tick}, and the dusk is at {dusk}");
            assert!(fall.to < machine.full_w * 0.95 && fall.after <= Seconds(2.5), "{fall:?} within reach");
        }
    }
}

#[test]
fn silence_costs_power_under_every_policy_but_off() {
    let spacecraft = Spacecraft::new(&satellite(), Scale::FULL, Sky::Constant, instant("2027-06-22T00:00:00Z"));
    let impossible = [
        Reading::absent(Seconds(30.0), NoData::Timeout),
        Reading { taken_at: Seconds(30.0), energy: Ok(Joules(f64::NAN)), power: Ok(Watts(f64::INFINITY)) },
        Reading { taken_at: Seconds(f64::NAN), energy: Ok(Joules(1e9)), power: Ok(Watts(50e3)) },
        Reading { taken_at: Seconds(30.0), energy: Err(NoData::CounterReset), power: Ok(Watts(0.0)) },
        Reading { taken_at: Seconds(30.0), energy: Err(NoData::Lost), power: Ok(Watts(1e9)) },
        fresh(9.9),
    ];
    for policy in Policy::ALL {
        for reading in impossible {
            let said = decisions(policy, spacecraft.state(), &spacecraft, &vec![reading; 100]);
            if policy == Policy::Off {
                assert!(said.iter().all(|one| one.budget == MACHINE.full_w), "off is off");
                continue;
            }
            let last = said[said.len() - 1];
            let case = format!("{policy} after {reading:?}");
            assert!(matches!(last.regime, Regime::Blind { .. }), "{case}: {:?}", last.regime);
            assert_eq!(
                (last.budget, last.limited_by),
                (MACHINE.idle_w, Some(LimitedBy::Stale)),
                "{case}: idle in the end"
            );
            let stale: Vec<_> = said.iter().filter(|one| matches!(one.regime, Regime::Stale { .. })).collect();
            assert!(stale.len() > 20, "{case}: {} ticks of safe duty before", stale.len());
            assert!(stale.windows(2).all(|pair| pair[1].budget <= pair[0].budget), "{case}: it only falls");
        }
    }
}

#[test]
fn a_sensor_that_comes_back_is_trusted_after_three_readings() {
    let spacecraft = Spacecraft::new(&charged(), Scale::FULL, Sky::Constant, instant("2027-06-22T00:00:00Z"));
    let mut readings = vec![Reading::absent(Seconds(10.0), NoData::Timeout); 100];
    readings.extend((200..210).map(|tick| fresh(0.1 * f64::from(tick))));
    for policy in Policy::ALL.into_iter().skip(1) {
        let said = decisions(policy, spacecraft.state(), &spacecraft, &readings);
        let regimes: Vec<_> = said[100..].iter().map(|one| one.regime).collect();
        let expected = [Regime::Recovering { fresh: 1 }, Regime::Recovering { fresh: 2 }, Regime::Tracking];
        assert_eq!(regimes[..3], expected, "{policy}");
        assert!(said[109].budget > said[99].budget, "{policy} works again");
    }
}

#[test]
fn a_spacecraft_that_makes_no_sense_idles_the_machine() {
    let spacecraft = Spacecraft::new(&satellite(), Scale::FULL, Sky::Constant, instant("2027-06-22T00:00:00Z"));
    let well = *spacecraft.state();
    let mut hot = well;
    hot.temperatures.junction = Kelvin(f64::NAN);
    for state in [State { soc: f64::NAN, ..well }, State { array: Watts(f64::INFINITY), ..well }, hot] {
        for policy in Policy::ALL.into_iter().skip(1) {
            let decision = decide(policy, &state, &spacecraft, fresh(10.0));
            assert_eq!(decision.budget, MACHINE.idle_w, "{policy} in {state:?}");
        }
    }
}

#[test]
fn a_budget_below_idle_is_said_and_not_given() {
    let mut frail = satellite();
    frail.array.power_w = 8e3;
    let spacecraft = Spacecraft::new(&frail, Scale::FULL, Sky::Orbit, instant("2027-12-22T00:00:00Z"));
    let low = State { soc: 0.701, ..*spacecraft.state() };
    let decision = decide(Policy::Predictive, &low, &spacecraft, fresh(10.0));
    assert_eq!(decision.budget, MACHINE.idle_w, "no budget lies below idle");
    assert_eq!(decision.infeasible, Some(LimitedBy::Charge), "and that idle is too much is said, with the reason");
}

#[test]
fn the_trace_shows_what_was_flown() {
    let (satellite, machine) = (satellite(), ideal());
    let mut rows: Vec<Row> = Vec::new();
    let simulation = Simulation { duration: Seconds(600.0), dt: Seconds(60.0), ..day(&satellite, &machine) };
    let mut keep = |row: &Row| rows.push(*row);
    let flown = simulate(&simulation, Some(&mut keep)).expect("it can be flown");
    assert_eq!(rows.len(), 11, "ten ticks and the end");
    let apart = (rows[10].state.soc - flown.soc_end).abs();
    assert!(apart < 1e-9, "the last row is the end, but for {apart} of rounding");
    let columns = rows[3].to_string().split(',').count();
    assert_eq!(columns, Row::HEADER.split(',').count(), "one value for each column");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, rng_seed: RngSeed::Fixed(20_271_222), ..ProptestConfig::default() })]

    /// Two orbits of a random satellite on a random day: predictive breaks nothing, and no one beats the bound.
    #[test]
    fn predictive_holds_any_satellite(
        array_kw in 60.0..180.0f64,
        capacity_kwh in 60.0..200.0f64,
        floor in 0.2..0.75f64,
        junction_k in 325.0..375.0f64,
        loop_k in 312.0..350.0f64,
        altitude_km in 450.0..1200.0f64,
        day_of_year in 0..365i64,
        idle_share in 0.0..0.25f64,
        dt in 1.0..10.0f64,
    ) {
        let mut satellite = satellite();
        satellite.array.power_w = array_kw * 1e3;
        satellite.battery.capacity_wh = capacity_kwh * 1e3;
        satellite.battery.soc_min = floor;
        satellite.battery.soc_initial = floor + 0.7 * (1.0 - floor);
        satellite.thermal.junction_limit_k = junction_k;
        satellite.thermal.loop_limit_k = loop_k;
        satellite.orbit.altitude_km = altitude_km;
        let machine = Machine { idle_w: 1000.0 * idle_share, ..ideal() };
        let simulation = Simulation {
            start: instant("2027-01-01T00:00:00Z") + SignedDuration::from_hours(24 * day_of_year),
            duration: Seconds(12_000.0),
            dt: Seconds(dt),
            ..day(&satellite, &machine)
        };
        let flown = fly(&simulation);
        prop_assert!(!flown.breaches.any(), "{:?}", flown.breaches);
        let share = flown.share_of_upper_bound.expect("without a breach it has a share");
        prop_assert!(share <= 1.0 + 1e-9, "{} of the upper bound", share);
    }
}
