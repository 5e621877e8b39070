//! The simulation as a tool: given loads, schedules, scale, the bound and what it refuses.

use dawndusk::envelope::{Scale, Sky, Spacecraft};
use dawndusk::estimator::Assumptions;
use dawndusk::flight::simulation::{
    Load, Plant, Row, Schedule, Sensor, Simulation, SimulationError, Summary, simulate, simulate_all,
};
use dawndusk::governor::Policy;
use dawndusk::profile::{self, Machine, Satellite};
use dawndusk::units::{Seconds, Watts};

fn satellite() -> Satellite {
    profile::satellite("leo-100kw", &[]).expect("a shipped profile")
}

fn ideal() -> Machine {
    profile::machine("ideal").expect("a shipped profile")
}

fn orbit<'a>(satellite: &'a Satellite, machine: &'a Machine, load: Load) -> Simulation<'a> {
    Simulation {
        satellite,
        scale: Scale::FULL,
        sky: Sky::Orbit,
        start: satellite.orbit.start,
        duration: Seconds(6000.0),
        dt: Seconds(10.0),
        load,
        policy: Policy::Predictive,
        machine,
        sensor: Sensor::IDEAL,
        plant: Plant::IDEAL,
        assumptions: Assumptions::default(),
    }
}

fn fly(simulation: &Simulation<'_>) -> Summary {
    simulate(simulation, None).expect("it can be flown")
}

#[test]
fn a_constant_load_is_the_spacecraft_under_that_load() {
    let (satellite, machine) = (satellite(), ideal());
    let flown = fly(&orbit(&satellite, &machine, Load::Constant(Watts(95e3))));
    let mut alone = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    for _ in 0..600 {
        alone.step(Seconds(10.0), Watts(95e3), 0.0);
    }
    assert_eq!(flown.soc_end, alone.state().soc, "the same charge");
    assert_eq!(flown.ledger, *alone.ledger(), "the same joules");
    assert_eq!(flown.breaches, *alone.breaches(), "the same breaches");
    assert_eq!((flown.governor, flown.share_of_upper_bound), (None, None), "nobody governed");
}

#[test]
fn a_load_that_breaks_limits_is_flown_to_the_end_and_reported() {
    let (satellite, machine) = (satellite(), ideal());
    let flown = fly(&orbit(&satellite, &machine, Load::Constant(Watts(150e3))));
    assert!(flown.breaches.any(), "150 kW breaks something");
    assert_eq!(flown.duration_s, Seconds(6000.0), "and is flown all the same");
    assert_eq!(flown.mean_load_w, Watts(150e3), "at full load");
    let closure = flown.ledger.sources() / flown.ledger.uses() - 1.0;
    assert!(closure.abs() < 1e-9, "every joule is accounted for, but for {closure}");
}

#[test]
fn a_switch_inside_a_step_is_flown_at_its_time() {
    let (satellite, machine) = (satellite(), ideal());
    let text = "t_s,power_w\n0,20000\n1234.5,110000\n2777.25,0\n";
    let load = || Load::Schedule(Schedule::parse("load.csv", text).expect("well formed"));
    let coarse = fly(&Simulation { dt: Seconds(600.0), ..orbit(&satellite, &machine, load()) });
    let fine = fly(&Simulation { dt: Seconds(1.0), ..orbit(&satellite, &machine, load()) });
    let energy = 20e3 * 1234.5 + 110e3 * (2777.25 - 1234.5);
    assert!((coarse.energy_j.0 / energy - 1.0).abs() < 1e-9, "{} J drawn, {energy} J asked for", coarse.energy_j);
    assert!((coarse.soc_end - fine.soc_end).abs() < 1e-5, "{} coarse, {} fine", coarse.soc_end, fine.soc_end);
    let apart = (coarse.junction_peak_k - fine.junction_peak_k).0.abs();
    assert!(apart < 0.5, "peaks {} and {}", coarse.junction_peak_k, fine.junction_peak_k);
}

#[test]
fn the_trace_has_a_row_for_every_tick_and_switch() {
    let (satellite, machine) = (satellite(), ideal());
    let schedule = Schedule::parse("load.csv", "t_s,power_w\n0,1000\n95,2000\n").expect("well formed");
    let simulation = orbit(&satellite, &machine, Load::Schedule(schedule));
    let mut rows: Vec<Row> = Vec::new();
    let mut keep = |row: &Row| rows.push(*row);
    simulate(&Simulation { duration: Seconds(120.0), ..simulation }, Some(&mut keep)).expect("it can be flown");
    let times: Vec<f64> = rows.iter().map(|row| row.t_s.0).collect();
    assert_eq!(times.len(), 14, "twelve ticks, one switch and the end: {times:?}");
    assert_eq!((times[10], rows[10].load_w), (95.0, Watts(2000.0)), "the switch has its own row");
    assert!(rows.iter().all(|row| row.budget_w > Watts(2000.0)), "the governor watches and would allow more");
}

#[test]
fn scale_and_compression_change_neither_charge_nor_share() {
    let (satellite, machine) = (satellite(), ideal());
    let full = fly(&orbit(&satellite, &machine, Load::Governed));
    for scale in [Scale { power: 0.0035, time: 1.0 }, Scale { power: 0.00012, time: 50.0 }] {
        let small = fly(&Simulation { scale, ..orbit(&satellite, &machine, Load::Governed) });
        assert!((small.soc_end - full.soc_end).abs() < 1e-3, "{} and {} at {scale:?}", small.soc_end, full.soc_end);
        let work = small.work_s / full.work_s;
        assert!((work - 1.0).abs() < 1e-3, "{work} of the work at {scale:?}");
        assert!(!small.breaches.any(), "no breach at {scale:?}");
    }
}

#[test]
fn every_policy_is_flown_simplest_first() {
    let (satellite, machine) = (satellite(), ideal());
    let all = simulate_all(&orbit(&satellite, &machine, Load::Governed)).expect("it can be flown");
    let names: Vec<_> = all.iter().map(|one| one.governor).collect();
    assert_eq!(names, Policy::ALL.map(Some), "each policy once");
    let bounds: Vec<f64> = all.iter().map(|one| one.upper_bound_s.0).collect();
    assert!(all.iter().all(|one| one.breaches.any() || one.work_s.0 <= one.upper_bound_s.0), "within {bounds:?}");
}

#[test]
fn a_flight_is_the_same_bit_by_bit() {
    let (satellite, machine) = (satellite(), ideal());
    let sensor = Sensor { lag: Seconds(1.0), update_period: Seconds(0.5), gain: 0.97, ..Sensor::IDEAL };
    let fly = || fly(&Simulation { sensor, ..orbit(&satellite, &machine, Load::Governed) });
    assert_eq!(fly(), fly(), "the same arguments, the same summary");
}

#[test]
fn what_cannot_be_flown_is_refused() {
    let (satellite, machine) = (satellite(), ideal());
    let sound = || orbit(&satellite, &machine, Load::Governed);
    let refused = |simulation: Simulation<'_>| simulate(&simulation, None).expect_err("it cannot be flown").to_string();
    for found in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let message = refused(Simulation { duration: Seconds(found), ..sound() });
        assert_eq!(message, format!("duration {found} s: must be finite and over 0 s"), "duration {found}");
        let message = refused(Simulation { dt: Seconds(found), ..sound() });
        assert_eq!(message, format!("step {found} s: must be finite and over 0 s"), "step {found}");
    }
    let message = refused(Simulation { dt: Seconds(1e-9), ..sound() });
    assert!(message.contains("choose a longer step"), "`{message}` says what to do");
    let message = refused(Simulation { load: Load::Constant(Watts(-5.0)), ..sound() });
    assert_eq!(message, "load -5 W: must be finite and at least 0 W", "a negative load");
    let deaf = Sensor { gain: 0.0, ..Sensor::IDEAL };
    assert!(refused(Simulation { sensor: deaf, ..sound() }).contains("gain over 0"), "a sensor that shows nothing");
    let lazy = Machine { idle_w: 2000.0, ..ideal() };
    let error = simulate(&Simulation { machine: &lazy, ..sound() }, None).expect_err("no work above idle");
    assert!(matches!(error, SimulationError::Machine { .. }), "{error}");
}
