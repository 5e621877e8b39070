//! Machines that are on or off, nothing between: many flights against the bound, and plans that can be done.

use super::sky::{SATELLITES, battery, chance, cold, minutes, orbit, satellite, spacecraft, stores};
use dawndusk::envelope::{Scale, Spacecraft};
use dawndusk::governor::WorkCurve;
use dawndusk::oracle::{Broken, Ends, ExogenousTrace, OracleError, Stores, analytic_bound, best, feasible};
use dawndusk::profile::Satellite;
use dawndusk::units::{Seconds, Watts};

/// How a machine that is on or off chooses.
#[derive(Clone, Copy, Debug)]
struct Choice {
    /// Longest time on or off, simulated.
    longest: f64,
    /// Share of the time on, in the light and in the dark.
    on: [f64; 2],
    /// It is off while less than so much of the window is left, or a node is closer to its limit, K.
    reserve: (f64, f64),
}

/// A flight of one orbit that switches at random but never where a limit is near; its work, trace and ends, or none if
/// it broke a limit all the same.
fn flown(
    mut craft: Spacecraft,
    curve: &WorkCurve,
    choice: Choice,
    dice: &mut u64,
) -> Option<(Seconds, ExogenousTrace, Ends)> {
    let mut trace = ExogenousTrace::of(&craft, curve.clone()).switching(true);
    let (from, scale) = (Stores::from(craft.state()), craft.scale());
    let (limits, sky) = (*craft.limits(), craft.forecast());
    let (battery, top) = (sky.battery, sky.battery.soc_max);
    // A tenth more: the light falls while a batch runs.
    let bus = (curve.full() / sky.conversion_efficiency + sky.housekeeping) * 1.1;
    let (mut work, mut left) = (Seconds::ZERO, craft.orbit().nodal_period.0);
    while left > 0.0 {
        let length = (choice.longest * (0.2 + 0.8 * chance(dice))).min(left);
        left -= length;
        let state = craft.state();
        let held = (state.soc - limits.soc_min) / (top - limits.soc_min);
        let cool = (limits.junction - state.temperatures.junction).min(limits.coolant - state.temperatures.coolant).0;
        let dark = usize::from(state.illumination < 0.5);
        let carried = state.array + battery.discharge_max >= bus;
        let on = carried && held > choice.reserve.0 && cool > choice.reserve.1 && chance(dice) < choice.on[dark];
        let dt = scale.machine(Seconds(length));
        craft.step(dt, if on { curve.full() } else { curve.idle() }, 0.0);
        trace.follow(&craft, curve.full());
        work += if on { dt } else { Seconds::ZERO };
    }
    let ends = Ends::Change { from, to: craft.state().into() };
    (!craft.breaches().any()).then_some((work, trace, ends))
}

/// A shipped satellite with other sizes, in which the rates of its battery matter.
fn odd(dice: &mut u64) -> (Satellite, WorkCurve) {
    let mut between = |low: f64, high: f64| low + (high - low) * chance(dice);
    let mut satellite = satellite(SATELLITES[between(0.0, 4.0) as usize]);
    satellite.array.power_w *= between(0.6, 1.2);
    satellite.battery.capacity_wh *= between(0.3, 1.2);
    satellite.battery.charge_rate_max_c = between(0.05, 0.5);
    satellite.battery.charge_efficiency = between(0.8, 1.0);
    satellite.battery.discharge_efficiency = between(0.8, 1.0);
    satellite.battery.soc_initial = between(satellite.battery.soc_min, satellite.battery.soc_max);
    satellite.thermal.radiator_side_area_m2 *= between(0.7, 1.3);
    satellite.thermal.initial_k = between(250.0, 330.0);
    let full = Watts(satellite.compute.power_w);
    let curve = WorkCurve::linear(full * between(0.0, 0.4), full);
    (satellite, curve)
}

#[test]
fn no_random_flight_of_a_machine_that_is_on_or_off_does_more_than_its_bound() {
    let (mut compared, mut closest) = (0, 0.0_f64);
    for seed in 0..40_u64 {
        let mut dice = seed;
        let (satellite, curve) = odd(&mut dice);
        let choice = Choice {
            longest: 0.5 + 30.0 * chance(&mut dice).powi(2),
            on: [1.0 - 0.3 * chance(&mut dice).powi(3), chance(&mut dice)],
            reserve: (0.5 * chance(&mut dice), 1.0 + 5.0 * chance(&mut dice)),
        };
        let craft = spacecraft(&satellite, Scale::FULL);
        let Some((work, trace, ends)) = flown(craft, &curve, choice, &mut dice) else { continue };
        compared += 1;
        let upper = best(&trace, &ends).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}")).upper;
        assert!(work <= upper, "seed {seed}: {work} of work, at most {upper}");
        closest = closest.max(work / upper);
        let loose = analytic_bound(&trace, &ends);
        assert!(upper.0 <= loose.0 * (1.0 + 1e-6), "seed {seed}: {upper} over the analytic bound {loose}");
    }
    assert!(compared >= 25 && closest > 0.98, "{compared} of 40 flights kept their limits, the best had {closest}");
}

#[test]
fn no_random_flight_under_a_sky_made_by_hand_does_more_than_its_bound() {
    // Charge alone: every store is summed here, without a spacecraft.
    let mut closest = 0.0_f64;
    for seed in 0..150_u64 {
        let mut dice = seed;
        let mut between = |low: f64, high: f64| low + (high - low) * chance(&mut dice);
        let mut cells = battery(between(5.0, 60.0));
        (cells.charge_max, cells.discharge_max) = (Watts(between(5.0, 60.0)), Watts(between(60.0, 120.0)));
        (cells.charge_efficiency, cells.discharge_efficiency) = (between(0.8, 1.0), between(0.8, 1.0));
        let curve = WorkCurve::linear(Watts(between(0.0, 30.0)), Watts(110.0));
        let array: Vec<f64> =
            (0..100).map(|_| if between(0.0, 1.0) < 0.7 { between(20.0, 150.0) } else { 0.0 }).collect();
        let (from, eager, dt) = (between(0.3, 1.0), between(0.3, 1.0), Seconds(0.5));
        let (mut soc, mut work) = (from, Seconds::ZERO);
        let mut broken = false;
        for watts in &array {
            for _ in 0..120 {
                let on_surplus = Watts(*watts) - curve.full();
                let room = soc - 0.2 > 0.002 && -on_surplus <= cells.discharge_max;
                let on = room && between(0.0, 1.0) < eager;
                let load = if on { curve.full() } else { curve.idle() };
                let (after, flow) = cells.step(soc, Watts(*watts) - load, dt);
                broken |= after < 0.2 || flow.unserved.0 > 0.0;
                soc = after;
                work += if on { dt } else { Seconds::ZERO };
            }
        }
        if broken {
            continue;
        }
        let trace = minutes(cells, cold(), 400.0, &curve, &array).switching(true);
        let ends = Ends::Change { from: stores(from, 280.0), to: stores(soc, 280.0) };
        let upper = best(&trace, &ends).unwrap_or_else(|refusal| panic!("seed {seed}: {refusal}")).upper;
        assert!(work.0 <= upper.0, "seed {seed}: {work} of work, at most {upper}");
        let loose = analytic_bound(&trace, &ends);
        assert!(upper.0 <= loose.0 * (1.0 + 1e-6), "seed {seed}: {upper} over the analytic bound {loose}");
        closest = closest.max(work / upper);
    }
    assert!(closest > 0.97, "the best of them had {closest} of its bound");
}

#[test]
fn a_machine_that_is_on_or_off_pays_the_battery_for_every_mean_between() {
    // 60 W of light; full power is 100 W: on, the battery gives 40 W; off, it takes 20 W of the 60 W.
    let curve = WorkCurve::linear(Watts(0.0), Watts(100.0));
    let cells = dawndusk::envelope::Battery { charge_max: Watts(20.0), ..battery(100.0) };
    let trace = minutes(cells, cold(), 400.0, &curve, &[60.0; 50]);
    let smooth = best(&trace, &Ends::Periodic).expect("it can be flown").upper.0;
    assert!((smooth / (3000.0 * 0.6) - 1.0).abs() < 1e-6, "{smooth} s of work straight from the light");
    let trace = trace.switching(true);
    let found = best(&trace, &Ends::Periodic).expect("it can be flown");
    let (taken, given) = (20.0 * 0.96, 40.0 / 0.96);
    let closed = 3000.0 * taken / (taken + given);
    assert!((found.upper.0 / closed - 1.0).abs() < 1e-6, "{} s of work, closed form {closed} s", found.upper.0);
    let loose = analytic_bound(&trace, &Ends::Periodic).0;
    assert!((loose / closed - 1.0).abs() < 1e-6, "the analytic bound is as close in even light: {loose} s, {closed} s");
}

#[test]
fn a_plan_for_a_machine_that_is_on_or_off_is_flown_by_one_and_comes_close_to_its_bound() {
    for name in ["leo-100kw", "ai1", "suncatcher", "equatorial-stress"] {
        let satellite = satellite(name);
        let full = Watts(satellite.compute.power_w);
        for curve in [WorkCurve::linear(Watts::ZERO, full), WorkCurve::linear(full * 0.2, full)] {
            let craft = spacecraft(&satellite, Scale::FULL);
            let trace = orbit(craft.clone(), &curve).switching(true);
            let upper = best(&trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}")).upper;
            let plan = feasible(&craft, &trace, &Ends::Periodic).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
            let gap = 1.0 - plan.work / upper;
            assert!((0.0..0.003).contains(&gap), "{name} from {}: a gap of {gap}", curve.idle());
        }
    }
}

#[test]
fn a_plan_is_found_for_every_battery_that_carries_idle_power() {
    for switching in [false, true] {
        for capacity_wh in [36e3, 12e3, 5e3, 4e3] {
            let mut satellite = satellite("leo-100kw");
            satellite.battery.capacity_wh = capacity_wh;
            let curve = WorkCurve::linear(Watts(0.0), Watts(100e3));
            let craft = spacecraft(&satellite, Scale::FULL);
            let trace = orbit(craft.clone(), &curve).switching(switching);
            let upper = best(&trace, &Ends::Periodic).expect("it can be flown").upper;
            let plan = feasible(&craft, &trace, &Ends::Periodic)
                .unwrap_or_else(|refusal| panic!("{capacity_wh} Wh, switching {switching}: {refusal}"));
            let gap = 1.0 - plan.work / upper;
            assert!((0.0..0.015).contains(&gap), "{capacity_wh} Wh, switching {switching}: a gap of {gap}");
        }
    }
}

#[test]
fn where_idle_power_breaks_a_limit_the_error_says_which_and_when() {
    let refused = |capacity_wh: f64, junction_k: f64| {
        let mut satellite = satellite("leo-100kw");
        satellite.battery.capacity_wh = capacity_wh;
        satellite.thermal.junction_limit_k = junction_k;
        let curve = WorkCurve::linear(Watts(20e3), Watts(100e3));
        let craft = spacecraft(&satellite, Scale::FULL);
        let trace = orbit(craft.clone(), &curve);
        match feasible(&craft, &trace, &Ends::Periodic) {
            Err(OracleError::NoPlan { limit, at }) => (limit, at.0),
            other => panic!("{capacity_wh} Wh, {junction_k} K: {other:?}"),
        }
    };
    let (limit, at) = refused(25e3, 350.0);
    assert_eq!(limit, Broken::Charge, "23 kW from 25 kWh of which 30 % may be used");
    assert!((900.0..2600.0).contains(&at), "in the shade, not after {at} s");
    let (limit, at) = refused(15e3, 350.0);
    assert_eq!(limit, Broken::Bus, "23 kW from a battery that gives 15 kW");
    assert!((800.0..1000.0).contains(&at), "when the shade begins, not after {at} s");
    let (limit, _) = refused(120e3, 200.0);
    assert_eq!(limit, Broken::Heat, "a junction limit under what idle power needs");
}
