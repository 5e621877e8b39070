//! The score of a governor: on sequences made by hand, and of flights against the oracle.

use dawndusk::envelope::{Breaches, Scale, Sky};
use dawndusk::estimator::Assumptions;
use dawndusk::flight::simulation::{Load, Plant, Sensor, Simulation, compare, scored, simulate};
use dawndusk::governor::{Policy, Regime, Score, Scorer, Unscored};
use dawndusk::profile::{self, Machine, Satellite};
use dawndusk::units::{Joules, Kelvin, Seconds, Watts};
use jiff::{SignedDuration, Timestamp};

const STALE: Regime = Regime::Stale { since: Seconds(0.0) };

/// Full power 1000 W, an orbit of 100 s, and no window.
fn scorer() -> Scorer {
    Scorer::new(Watts(1000.0), Seconds(100.0), Seconds(0.0), 1.0)
}

/// A second at each power, under one budget.
fn hold(scorer: &mut Scorer, budget: f64, powers: &[f64]) {
    for power in powers {
        scorer.grant(Watts(budget), Regime::Tracking);
        scorer.draw(Seconds(1.0), Some(Watts(*power)), 1.0);
    }
}

fn near(what: &str, found: Option<f64>, expected: f64) {
    let found = found.unwrap_or_else(|| panic!("{what} is known"));
    assert!((found - expected).abs() < 1e-9, "{what}: found {found}, expected {expected}");
}

#[test]
fn a_power_that_follows_the_budget_is_blameless() {
    let mut scorer = scorer();
    hold(&mut scorer, 500.0, &[500.0; 10]);
    hold(&mut scorer, 800.0, &[800.0; 10]);
    let score = scorer.score(Some(&Breaches::default()));
    assert_eq!((score.over_budget_s, score.over_budget_j), (Some(Seconds(0.0)), Some(Joules(0.0))), "never over");
    assert_eq!((score.overshoot_w, score.overshoot_share), (Some(Watts(0.0)), Some(0.0)), "no overshoot");
    assert_eq!((score.budget_steps, score.settling_worst_s), (1, Some(Seconds(0.0))), "settled at once");
    assert_eq!((score.ripple_share, score.budget_use_share), (Some(0.0), Some(1.0)), "steady, and all used");
    assert_eq!((score.ticks, score.duration_s), (20, Seconds(20.0)), "twenty ticks");
}

#[test]
fn a_step_with_overshoot_is_measured_in_watts_seconds_and_joules() {
    let mut scorer = scorer();
    hold(&mut scorer, 400.0, &[400.0; 5]);
    // 25 % over, then 10 %, then 1 % (inside the band), then on target.
    hold(&mut scorer, 600.0, &[400.0, 750.0, 660.0, 606.0, 600.0, 600.0]);
    let score = scorer.score(None);
    near("overshoot", score.overshoot_w.map(|power| power.0), 150.0);
    near("overshoot share", score.overshoot_share, 0.25);
    near("time over the budget", score.over_budget_s.map(|time| time.0), 2.0);
    near("energy over the budget, the last percent too", score.over_budget_j.map(|energy| energy.0), 216.0);
    near("settling", score.settling_worst_s.map(|time| time.0), 3.0);
    assert_eq!((score.budget_steps, score.unsettled_steps), (1, 0), "one step, settled");
}

#[test]
fn a_power_that_leaves_the_band_again_was_not_settled() {
    let mut scorer = scorer();
    hold(&mut scorer, 400.0, &[400.0; 2]);
    hold(&mut scorer, 600.0, &[600.0, 600.0, 500.0, 600.0, 600.0]);
    near("settling", scorer.score(None).settling_worst_s.map(|time| time.0), 3.0);
}

#[test]
fn a_step_before_the_last_one_settled_counts_as_unsettled() {
    let mut scorer = scorer();
    hold(&mut scorer, 400.0, &[400.0; 2]);
    hold(&mut scorer, 600.0, &[400.0; 3]);
    hold(&mut scorer, 800.0, &[500.0, 800.0, 800.0]);
    hold(&mut scorer, 300.0, &[800.0, 800.0, 800.0, 300.0]);
    let score = scorer.score(None);
    assert_eq!((score.budget_steps, score.unsettled_steps), (3, 1), "three steps, the first one lost");
    near("median settling", score.settling_median_s.map(|time| time.0), 2.0);
    near("worst settling", score.settling_worst_s.map(|time| time.0), 3.0);
}

#[test]
fn a_drift_of_the_budget_is_no_step() {
    let mut scorer = scorer();
    for second in 0..20 {
        let budget = 400.0 + 40.0 * f64::from(second);
        hold(&mut scorer, budget, &[budget]);
    }
    let score = scorer.score(None);
    assert_eq!((score.budget_steps, score.settling_median_s), (0, None), "4 % of full power a tick");
}

#[test]
fn a_square_wave_has_its_amplitude_as_ripple() {
    let mut scorer = scorer();
    hold(&mut scorer, 500.0, &[550.0, 450.0].repeat(50));
    let score = scorer.score(None);
    near("ripple", score.ripple_share, 0.1);
    near("budget use", score.budget_use_share, 0.95);
    near("time over the budget", score.over_budget_s.map(|time| time.0), 50.0);
    near("energy over the budget", score.over_budget_j.map(|energy| energy.0), 2500.0);
}

#[test]
fn a_window_looks_through_the_quanta_of_a_pacer() {
    let mut scorer = Scorer::new(Watts(1000.0), Seconds(100.0), Seconds(10.0), 1.0);
    hold(&mut scorer, 500.0, &[1000.0, 0.0].repeat(50));
    let score = scorer.score(None);
    assert_eq!(score.window_s, Seconds(10.0), "the score says over what it averages");
    near("overshoot of a mean over ten seconds", score.overshoot_w.map(|power| power.0), 0.0);
    near("ripple", score.ripple_share, 0.0);
    near("budget use", score.budget_use_share, 1.0);
}

#[test]
fn a_budget_over_full_power_is_met_by_full_power() {
    let mut scorer = scorer();
    hold(&mut scorer, 500.0, &[500.0; 3]);
    hold(&mut scorer, 1500.0, &[1000.0; 3]);
    let score = scorer.score(None);
    near("settling", score.settling_worst_s.map(|time| time.0), 0.0);
    near("budget use", score.budget_use_share, 1.0);
}

#[test]
fn stale_stretches_are_counted_and_timed() {
    let mut scorer = scorer();
    let regimes = [Regime::Tracking, STALE, STALE, Regime::Recovering { fresh: 1 }, Regime::Tracking, STALE];
    for regime in regimes.into_iter().chain([Regime::Tracking; 4]) {
        scorer.grant(Watts(500.0), regime);
        scorer.draw(Seconds(2.0), Some(Watts(500.0)), 1.0);
    }
    let score = scorer.score(None);
    assert_eq!((score.stale_ticks, score.ticks, score.recoveries), (4, 10, 2), "ticks that were not tracking");
    near("share", Some(score.stale_share), 0.4);
    near("median recovery", score.recovery_median_s.map(|time| time.0), 4.0);
    near("worst recovery", score.recovery_worst_s.map(|time| time.0), 6.0);
}

#[test]
fn what_nobody_measured_is_null_and_not_zero() {
    let mut scorer = scorer();
    for _ in 0..5 {
        scorer.grant(Watts(500.0), STALE);
        scorer.draw(Seconds(1.0), None, 0.9);
    }
    let score = scorer.score(None);
    let json = serde_json::to_value(&score).expect("it serialises");
    let unknown = [
        "over_budget_s",
        "over_budget_j",
        "overshoot_w",
        "overshoot_share",
        "ripple_share",
        "budget_use_share",
        "settling_median_s",
        "recovery_worst_s",
        "junction_excess_k_s",
        "charge_shortfall_j",
        "work_s",
        "share_of_oracle",
        "regret_s",
    ];
    for key in unknown {
        assert!(json.get(key).is_some_and(serde_json::Value::is_null), "{key} is there and null: {json}");
    }
    assert_eq!((score.stale_ticks, score.recoveries), (5, 0), "distrust to the end is no recovery");
    assert_eq!(serde_json::from_value::<Score>(json).expect("it is read back"), score, "and back again");
}

#[test]
fn a_gap_in_the_readings_is_not_bridged() {
    let mut scorer = Scorer::new(Watts(1000.0), Seconds(100.0), Seconds(4.0), 1.0);
    hold(&mut scorer, 500.0, &[900.0, 900.0]);
    scorer.grant(Watts(500.0), STALE);
    scorer.draw(Seconds(1.0), None, 1.0);
    hold(&mut scorer, 500.0, &[500.0; 6]);
    near("overshoot, of whole windows alone", scorer.score(None).overshoot_w.map(|power| power.0), 0.0);
}

#[test]
fn depth_is_the_largest_fall_inside_one_orbit() {
    let mut scorer = scorer();
    scorer.grant(Watts(500.0), Regime::Tracking);
    let mut draw = |dt: f64, soc: f64| scorer.draw(Seconds(dt), Some(Watts(500.0)), soc);
    // A fall of 0.1, back up, a fall of 0.3 across the end of the first orbit, and 0.2 more than an orbit later.
    for (dt, soc) in [(30.0, 0.9), (30.0, 1.0), (50.0, 0.7), (120.0, 0.5)] {
        draw(dt, soc);
    }
    let score = scorer.score(None);
    near("depth", Some(score.depth_of_discharge), 0.3);
    near("cycles", Some(score.battery_cycles), 0.6);
}

#[test]
fn the_plant_has_the_word_on_its_limits() {
    let mut breaches = Breaches::default();
    breaches.junction.excess_k_s = 12.0;
    breaches.junction.deepest_k = Kelvin(3.0);
    breaches.charge.energy_j = Joules(7.0);
    breaches.charge.deepest_share = 0.02;
    let mut scorer = scorer();
    hold(&mut scorer, 500.0, &[500.0]);
    let score = scorer.score(Some(&breaches));
    assert_eq!((score.junction_excess_k_s, score.loop_excess_k_s), (Some(12.0), Some(0.0)), "kelvin seconds");
    assert_eq!(score.charge_shortfall_j, Some(Joules(7.0)), "joules under the floor");
    assert_eq!(score.charge_shortfall_share, Some(0.02), "and how deep");
}

#[test]
fn regret_is_what_the_oracle_did_more() {
    let mut scorer = scorer();
    hold(&mut scorer, 500.0, &[500.0]);
    let score = scorer.score(None).against(Seconds(95.0), Ok(Seconds(100.0)));
    assert_eq!((score.share_of_oracle, score.regret_s), (Some(0.95), Some(Seconds(5.0))), "of 100 s");
    for why in [Unscored::Breached, Unscored::Ungoverned] {
        let score = scorer.score(None).against(Seconds(95.0), Err(why));
        assert_eq!((score.share_of_oracle, score.regret_s, score.unscored), (None, None, Some(why)), "{why}");
        assert_eq!(score.work_s, Some(Seconds(95.0)), "the work stands");
    }
    let nothing = scorer.score(None).against(Seconds(0.0), Ok(Seconds(0.0)));
    assert_eq!(nothing.unscored, Some(Unscored::NotComparable), "a share of nothing is none");
}

fn machine(name: &str) -> Machine {
    profile::machine(name).expect("a shipped profile")
}

/// An orbit of leo-100kw on its deepest eclipse day.
fn orbit<'a>(satellite: &'a Satellite, machine: &'a Machine) -> Simulation<'a> {
    Simulation {
        satellite,
        scale: Scale::FULL,
        sky: Sky::Orbit,
        start: "2027-12-22T00:00:00Z".parse().expect("an instant"),
        duration: Seconds(6000.0),
        dt: Seconds(10.0),
        load: Load::Governed,
        policy: Policy::Predictive,
        machine,
        sensor: Sensor::IDEAL,
        plant: Plant::IDEAL,
        assumptions: Assumptions::default(),
    }
}

fn satellite(name: &str) -> Satellite {
    profile::satellite(name, &[]).expect("a shipped profile")
}

#[test]
fn no_flight_does_more_than_the_oracle_and_a_plan_comes_close_to_its_bound() {
    for (name, machine_name) in
        [("leo-100kw", "ideal"), ("ai1", "v100-training"), ("equatorial-stress", "a40-training")]
    {
        let (satellite, machine) = (satellite(name), machine(machine_name));
        let compared = compare(&orbit(&satellite, &machine), &Policy::ALL, None).expect("it can be flown");
        let best = compared.oracle.expect("a governed flight has an oracle");
        assert!(
            best.work_s <= best.upper_s && best.upper_s <= best.analytic_bound_s * (1.0 + 1e-6),
            "{name}: {best:?}"
        );
        let plan = best.feasible_work_s.expect("a plan survives");
        let gap = best.gap_share.expect("and has a gap");
        assert!(plan <= best.upper_s && gap < 0.005, "{name}: {plan} of {}, gap {gap}", best.upper_s);
        assert_eq!(compared.flights.len(), Policy::ALL.len(), "{name}: each policy once");
        for flight in &compared.flights {
            let policy = flight.governor.expect("governed");
            assert_eq!(flight.share_of_oracle, flight.score.share_of_oracle, "{name}, {policy}: one share");
            match (policy, flight.breaches.any(), flight.share_of_oracle) {
                (Policy::Off, _, share) => {
                    assert_eq!((share, flight.score.unscored), (None, Some(Unscored::Ungoverned)), "{name}: off");
                }
                (_, true, share) => {
                    assert_eq!((share, flight.score.unscored), (None, Some(Unscored::Breached)), "{name}, {policy}");
                }
                (_, false, share) => {
                    let share = share.expect("a sound flight has a share");
                    assert!((0.2..=1.0).contains(&share), "{name}, {policy}: {share} of the oracle");
                }
            }
        }
    }
}

#[test]
fn a_plan_knows_what_the_satellite_loses_and_survives_it() {
    let (satellite, machine) = (satellite("leo-100kw"), machine("ideal"));
    let best = |faults: &[&str]| {
        let faults = faults.iter().map(|text| text.parse().expect("a fault")).collect();
        let simulation = Simulation { plant: Plant { faults, ..Plant::IDEAL }, ..orbit(&satellite, &machine) };
        compare(&simulation, &[Policy::Predictive], None).expect("it can be flown").oracle.expect("governed")
    };
    let sound = best(&[]).feasible_work_s.expect("a plan survives");
    let lost = best(&["array=0.2@1500", "cap=0.6@2500+1000", "radiator=0.2@4000", "forecast=1.1@3000", "nan@500+60"]);
    let plan = lost.feasible_work_s.expect("a plan survives what was lost");
    let gap = lost.gap_share.expect("and has a gap");
    assert!(plan < sound * 0.95, "{plan} of full speed, {sound} with nothing lost");
    assert!((0.0..0.02).contains(&gap), "the plan lies {gap} under its bound");
    assert_eq!(best(&["load=1.2@1000"]).feasible_work_s, None, "no plan knows what work costs on the way");
}

#[test]
fn a_given_load_is_nobodys_merit() {
    let (satellite, machine) = (satellite("leo-100kw"), machine("ideal"));
    let simulation = Simulation { load: Load::Constant(Watts(80e3)), ..orbit(&satellite, &machine) };
    let compared = compare(&simulation, &[Policy::Predictive], None).expect("it can be flown");
    let flight = &compared.flights[0];
    assert_eq!(compared.oracle, None, "nobody governs");
    assert_eq!((flight.share_of_oracle, flight.score.unscored), (None, Some(Unscored::Ungoverned)), "no share");
    assert_eq!((flight.score.ticks, flight.score.overshoot_w), (0, None), "no budget was granted");
    assert!(flight.score.battery_cycles > 0.0, "but the battery worked");
}

#[test]
fn a_flight_that_was_not_compared_says_so() {
    let (satellite, machine) = (satellite("leo-100kw"), machine("ideal"));
    let flight = simulate(&orbit(&satellite, &machine), None).expect("it can be flown");
    assert_eq!((flight.share_of_oracle, flight.score.unscored), (None, Some(Unscored::NotAsked)), "no programme");
    assert_eq!(flight.score.work_s, Some(flight.work_s), "the work stands in both places");
}

#[test]
fn days_in_a_row_are_scored_day_by_day() {
    let (satellite, machine) = (satellite("leo-100kw"), machine("ideal"));
    let days = Simulation { duration: Seconds(4.0 * 86_400.0), dt: Seconds(20.0), ..orbit(&satellite, &machine) };
    let compared = compare(&days, &[Policy::Predictive], None).expect("it can be flown");
    let best = compared.oracle.expect("governed");
    assert_eq!(best.stretches, 4, "a programme for each day");
    let gap = best.gap_share.expect("and a plan for each");
    assert!((0.0..0.005).contains(&gap), "bound and plans are {gap} apart");
    let share = compared.flights[0].share_of_oracle.expect("no breach");
    assert!((0.97..=1.0).contains(&share), "{share} of the oracle over four days");
}

/// Flies `predictive` from every `weeks`-th week of 2027 for `duration`, and holds it to 98 % of the oracle's work.
fn through_2027(name: &str, weeks: usize, duration: f64) {
    let (satellite, machine) = (satellite(name), machine("ideal"));
    let new_year: Timestamp = "2027-01-01T00:00:00Z".parse().expect("an instant");
    for week in (0..52).step_by(weeks) {
        let start = new_year + SignedDuration::from_hours(24 * 7 * week);
        let (duration, dt) = (Seconds(duration), Seconds(10.0));
        let flight =
            scored(&Simulation { start, duration, dt, ..orbit(&satellite, &machine) }).expect("it can be flown");
        assert!(!flight.breaches.any(), "{name}, week {week}: {:?}", flight.breaches);
        let share = flight.share_of_oracle.expect("without a breach it has a share");
        assert!((0.98..=1.0).contains(&share), "{name}, week {week}: {share} of the oracle in {duration}");
    }
}

const TWO_ORBITS_S: f64 = 12_000.0;
const DAY_S: f64 = 86_400.0;

#[test]
fn every_week_of_2027_leo_100kw_is_within_two_percent_of_the_oracle() {
    through_2027("leo-100kw", 1, TWO_ORBITS_S);
    through_2027("leo-100kw", 5, DAY_S);
}

#[test]
fn every_week_of_2027_ai1_is_within_two_percent_of_the_oracle() {
    through_2027("ai1", 1, TWO_ORBITS_S);
    through_2027("ai1", 5, DAY_S);
}

#[test]
fn every_week_of_2027_equatorial_stress_is_within_two_percent_of_the_oracle() {
    through_2027("equatorial-stress", 1, TWO_ORBITS_S);
    through_2027("equatorial-stress", 5, DAY_S);
}
