//! What is known without a programme: closed forms, bounds, scaling, and what cannot be flown.

use super::sky::{SATELLITES, battery, cold, minutes, orbit, satellite, spacecraft, stores, tiring};
use dawndusk::envelope::Scale;
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Broken, Ends, OracleError, analytic_bound, best};
use dawndusk::units::Watts;

/// Eighty minutes in the sun and twenty in the shade.
fn sunshine(watts: f64) -> Vec<f64> {
    (0..100).map(|minute| if minute < 80 { watts } else { 0.0 }).collect()
}

/// Relative difference.
fn apart(a: f64, b: f64) -> f64 {
    (a / b - 1.0).abs()
}

#[test]
fn a_machine_of_proportional_work_takes_the_direct_light_first() {
    let curve = WorkCurve::linear(Watts(0.0), Watts(110.0));
    let trace = minutes(battery(200.0), cold(), 400.0, &curve, &sunshine(113.0));
    let found = best(&trace, &Ends::Periodic).expect("it can be flown");
    let shade = (113.0 - 110.0) * 80.0 * 0.96 * 0.96 / 20.0;
    let closed = 60.0 * (80.0 + 20.0 * shade / 110.0);
    assert!(apart(found.work.0, closed) < 1e-6, "{} s of work, closed form {closed} s", found.work.0);
    let dark = found.loads[80..].iter().map(|load| load.0).sum::<f64>() / 20.0;
    assert!(apart(dark, shade) < 1e-5, "{dark} W in the shade, closed form {shade} W");
    let worth = 0.96 / 110.0;
    assert!(apart(found.worth_s_per_j, worth) < 1e-4, "{} s/J stored, closed form {worth}", found.worth_s_per_j);
}

#[test]
fn a_machine_that_cannot_use_the_peaks_runs_at_a_constant_load() {
    // The curve is so bent that every watt above the sustainable load is worth nothing.
    let dark = 0.2;
    let constant = 113.0 * (1.0 - dark) / ((1.0 - dark) + dark / (0.96 * 0.96));
    let curve = WorkCurve::new(Watts(0.0), &[(Watts(constant), 1.0), (Watts(2.0 * constant), 1.0 + 1e-9)]);
    let curve = curve.expect("a curve");
    let trace = minutes(battery(200.0), cold(), 400.0, &curve, &sunshine(113.0));
    let found = best(&trace, &Ends::Periodic).expect("it can be flown");
    assert!(apart(found.work.0, 6000.0) < 1e-6, "{} s of 6000 s at {constant} W", found.work.0);
}

#[test]
fn a_battery_too_small_for_the_shade_is_emptied_in_it() {
    let curve = WorkCurve::linear(Watts(0.0), Watts(90.0));
    let trace = minutes(battery(10.0), cold(), 400.0, &curve, &sunshine(113.0));
    let found = best(&trace, &Ends::Periodic).expect("it can be flown");
    let closed = 60.0 * 80.0 + 10.0 * 3600.0 * 0.8 * 0.96 / 90.0;
    assert!(apart(found.work.0, closed) < 1e-6, "{} s of work, closed form {closed} s", found.work.0);
}

#[test]
fn a_flight_that_may_end_empty_spends_what_it_has() {
    let curve = WorkCurve::linear(Watts(0.0), Watts(110.0));
    let trace = minutes(battery(200.0), cold(), 400.0, &curve, &[0.0; 60]);
    let found = best(&trace, &Ends::From(stores(0.5, 280.0))).expect("it can be flown");
    let closed = 0.3 * 200.0 * 3600.0 * 0.96 / 110.0;
    assert!(apart(found.work.0, closed) < 1e-6, "{} s of work, closed form {closed} s", found.work.0);
    assert_eq!(found.worth_s_per_j, 0.0, "nobody asks for charge at the end");
    assert_eq!(found.start, stores(0.5, 280.0), "the start was given");
}

#[test]
fn heat_alone_is_the_steady_power_of_the_limit() {
    let curve = WorkCurve::linear(Watts(0.0), Watts(110.0));
    let warm = dawndusk::envelope::Thermal { emission_w_per_k4: 6e-9, ..cold() };
    let trace = minutes(battery(1000.0), warm, 330.0, &curve, &[200.0; 100]);
    let found = best(&trace, &Ends::Periodic).expect("it can be flown");
    let limit = dawndusk::units::Kelvin(330.0);
    let steady = warm.heat_at_loop(limit, Watts(10.0)).min(warm.heat_at_junction(limit, Watts(10.0)));
    assert!(steady < Watts(110.0), "{steady} must bind for this to say anything");
    let closed = 6000.0 * steady.0 / 110.0;
    assert!(apart(found.upper.0, closed) < 1e-6, "{} s of work, closed form {closed} s", found.upper.0);
}

#[test]
fn the_programme_lies_under_the_analytic_bound_and_above_its_own_plan() {
    for name in SATELLITES {
        let satellite = satellite(name);
        let curve = tiring(Watts(satellite.compute.power_w));
        let trace = orbit(spacecraft(&satellite, Scale::FULL), &curve);
        let found = best(&trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let loose = analytic_bound(&trace, &Ends::Periodic);
        // The programme forgives the rounding that breaches forgive; the analytic bound does not.
        assert!(found.upper.0 <= loose.0 * (1.0 + 1e-7), "{name}: {} over the analytic bound {loose}", found.upper);
        assert!(found.upper >= found.work, "{name}: {} under the plan's {}", found.upper, found.work);
        assert!(apart(found.upper.0, found.work.0) < 1e-6, "{name}: the solver left {} to {}", found.work, found.upper);
    }
}

#[test]
fn a_satellite_of_the_size_of_a_machine_has_the_same_optimum() {
    for name in ["leo-100kw", "equatorial-stress"] {
        let satellite = satellite(name);
        let installed = Watts(satellite.compute.power_w);
        let share = |scale: Scale| {
            let trace = orbit(spacecraft(&satellite, scale), &tiring(installed * scale.power));
            let found = best(&trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            (found.work / trace.duration(), found.worth_s_per_j * installed.0 * scale.power)
        };
        let (whole, small) = (share(Scale::FULL), share(Scale::new(Watts(10.0), installed, 50.0)));
        assert!(apart(whole.0, small.0) < 1e-6, "{name}: {} of full speed at 100 kW, {} at 10 W", whole.0, small.0);
        assert!((whole.1 - small.1).abs() < 1e-4, "{name}: a joule is worth {} and {}", whole.1, small.1);
    }
}

#[test]
fn more_of_anything_never_makes_less_work() {
    let curve = tiring(Watts(100.0));
    let warm = |size: f64| dawndusk::envelope::Thermal { emission_w_per_k4: 5e-9 * size, ..cold() };
    let work = |array: f64, capacity: f64, radiator: f64| {
        let trace = minutes(battery(capacity), warm(radiator), 335.0, &curve, &sunshine(array));
        best(&trace, &Ends::Periodic).expect("it can be flown").upper.0
    };
    let mut risen = [0; 3];
    for step in 0..6 {
        let (less, more) = (f64::from(step), f64::from(step + 1));
        let pairs = [
            (work(60.0 + 6.0 * less, 60.0, 2.0), work(60.0 + 6.0 * more, 60.0, 2.0)),
            (work(110.0, 10.0 + 5.0 * less, 1.0), work(110.0, 10.0 + 5.0 * more, 1.0)),
            (work(120.0, 60.0, 0.8 + 0.05 * less), work(120.0, 60.0, 0.8 + 0.05 * more)),
        ];
        for (which, (before, after)) in pairs.into_iter().enumerate() {
            assert!(after >= before * (1.0 - 1e-7), "{which}, step {step}: from {before} to {after} s");
            risen[which] += usize::from(after > before * (1.0 + 1e-4));
        }
    }
    assert!(risen.iter().all(|steps| *steps > 0), "array, battery, radiator: {risen:?} steps that helped");
}

#[test]
fn a_shade_that_idle_power_cannot_survive_is_said_to_be_so() {
    let curve = WorkCurve::linear(Watts(60.0), Watts(90.0));
    let trace = minutes(battery(10.0), cold(), 400.0, &curve, &sunshine(113.0));
    let refused = best(&trace, &Ends::Periodic).expect_err("20 Wh from a battery of 10 Wh");
    assert_eq!(refused, OracleError::Infeasible { limit: Broken::Charge }, "the battery's fault");
    assert!(refused.to_string().contains("charge falls under its floor"), "`{refused}` names the limit");
}

#[test]
fn a_machine_too_hot_at_idle_is_said_to_be_so() {
    let curve = WorkCurve::linear(Watts(60.0), Watts(90.0));
    let warm = dawndusk::envelope::Thermal { emission_w_per_k4: 6e-9, ..cold() };
    let trace = minutes(battery(1000.0), warm, 300.0, &curve, &[200.0; 30]);
    let refused = best(&trace, &Ends::Periodic).expect_err("70 W need 329 K");
    assert_eq!(refused, OracleError::Infeasible { limit: Broken::Heat }, "the radiator's fault");
}

#[test]
fn impossible_starts_and_numbers_are_refused_by_name() {
    let curve = WorkCurve::linear(Watts(0.0), Watts(90.0));
    let trace = |array: &[f64]| minutes(battery(10.0), cold(), 400.0, &curve, array);
    assert_eq!(best(&trace(&[]), &Ends::Periodic), Err(OracleError::Empty), "nothing was flown");
    let empty = best(&trace(&[1.0]), &Ends::From(stores(0.1, 280.0))).expect_err("under the floor");
    assert!(empty.to_string().contains("charge at 0.1; allowed: 0.2"), "`{empty}` names both");
    let hot = best(&trace(&[1.0]), &Ends::From(stores(0.5, 500.0))).expect_err("over the limit");
    assert!(hot.to_string().contains("junction at 500"), "`{hot}` names the node");
    let nan = best(&trace(&[1.0, f64::NAN]), &Ends::Periodic).expect_err("no number");
    assert!(nan.to_string().contains("array NaN"), "`{nan}` names the number");
}
