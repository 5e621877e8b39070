//! The thermal network.

use crate::reference::{Row, midnight, near, rows, satellite, seeded};
use dawndusk::envelope::{Absorbed, Scale, Shown, Sky, Spacecraft, Temperatures, Thermal};
use dawndusk::units::{Kelvin, Seconds, Watts};
use proptest::prelude::*;

/// The network of the reference, and what its radiator absorbs.
fn network(overrides: &[&str]) -> (Thermal, Watts) {
    let satellite = satellite(overrides);
    (Thermal::scaled(&satellite.thermal, Scale::FULL), Absorbed::under(&satellite.thermal, 1361.0).at(1.0))
}

fn row_temperatures(row: &Row) -> Temperatures {
    let [junction, coolant, radiator] = ["T_J_K", "T_L_K", "T_R_K"].map(|column| Kelvin(row.number(column)));
    Temperatures { junction, coolant, radiator }
}

#[track_caller]
fn near_all(what: &str, found: Temperatures, expected: Temperatures, tolerance: f64) {
    near(&format!("{what}: junction"), found.junction.0, expected.junction.0, tolerance);
    near(&format!("{what}: loop"), found.coolant.0, expected.coolant.0, tolerance);
    near(&format!("{what}: radiator"), found.radiator.0, expected.radiator.0, tolerance);
}

#[test]
fn transients_agree_with_an_implicit_solver_at_any_step() {
    let (thermal, environment) = network(&[]);
    for dt in [0.7, 1.0, 37.0, 300.0] {
        for case in ["step_100kW", "cooldown_0kW"] {
            let rows: Vec<Row> = rows("thermal_transient.csv").into_iter().filter(|r| r.text("case") == case).collect();
            let mut now = row_temperatures(&rows[0]);
            for pair in rows.windows(2) {
                let mut left = pair[1].number("t_s") - pair[0].number("t_s");
                while left > 0.0 {
                    let step = left.min(dt);
                    now = thermal.step(now, Watts(pair[0].number("P_W")), environment, Seconds(step));
                    left -= step;
                }
                let what = format!("{case} at {} s by {dt} s", pair[1].text("t_s"));
                near_all(&what, now, row_temperatures(&pair[1]), 1e-3);
            }
        }
    }
}

#[test]
fn a_spacecraft_under_a_constant_sky_warms_as_the_reference() {
    let satellite = satellite(&[]);
    let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
    for row in rows("thermal_transient.csv").iter().filter(|row| row.text("case") == "step_100kW") {
        while spacecraft.state().t.0 < row.number("t_s") - 0.5 {
            spacecraft.step(Seconds(1.0), Watts(100_000.0), 0.0);
        }
        let what = format!("at {} s", row.text("t_s"));
        near_all(&what, spacecraft.state().temperatures, row_temperatures(row), 1e-3);
    }
}

#[test]
fn steady_states_and_the_power_at_a_limit_agree_with_the_reference() {
    for row in rows("thermal_steady.csv") {
        let absorptivity = row.text("alpha");
        let (thermal, environment) = network(&[&format!("thermal.absorptivity={absorptivity}")]);
        let heat = Watts(row.number("P_W"));
        let what = format!("{heat} at absorptivity {absorptivity}");
        near(&format!("{what}: environment"), environment.0, row.number("q_env_W"), 1e-3);
        near_all(&what, thermal.steady(heat, environment), row_temperatures(&row), 1e-3);
        for (limit, column) in [(353.15, "Pmax_at_TJ_353K_W"), (363.15, "Pmax_at_TJ_363K_W")] {
            let found = thermal.heat_at_junction(Kelvin(limit), environment);
            near(&format!("{what}: power at {limit} K"), found.0, row.number(column), 0.1);
        }
    }
}

#[test]
fn the_default_shows_the_reference_chain() {
    let thermal = Shown::new(&satellite(&[]), midnight("2027-01-01")).derived.thermal;
    near("radiator", thermal.radiator_k.0, 325.9162, 1e-3);
    near("loop", thermal.loop_k.0, 330.9162, 1e-3);
    near("junction", thermal.junction_k.0, 355.9162, 1e-3);
    near("power at the limit", thermal.power_at_junction_limit_w.0, 97_333.9, 0.1);
    for (found, expected) in thermal.time_constants_s.iter().zip([12.27, 38.96, 1146.7]) {
        near("time constant", found.0, expected, 5e-4 * expected);
    }
}

#[test]
fn a_sunlit_side_absorbs_only_while_the_sun_is_seen() {
    let satellite = satellite(&["thermal.sun_cosine_1=0.5"]);
    let absorbed = Absorbed::under(&satellite.thermal, 1000.0);
    near("direct sunlight", absorbed.sun.0, 110.0 * 0.20 * 1000.0 * 0.5, 1e-9);
    assert_eq!(absorbed.at(0.0), absorbed.earth, "in the dark only the Earth warms it");
}

#[test]
fn the_flux_of_the_date_warms_the_radiator() {
    let environment = |start: &str| {
        let satellite = satellite(&[&format!("orbit.start={start}")]);
        Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start).state().environment.0
    };
    let (january, july) = (environment("2027-01-03T00:00:00Z"), environment("2027-07-04T00:00:00Z"));
    let albedo = 110.0 * 2.0 * 0.2407 * 0.20 * 0.30 * 0.10;
    near("January over July", january - july, albedo * (1407.5 - 1316.7), 0.2);
}

#[test]
fn a_stiff_network_stays_stable() {
    let (mut thermal, environment) = network(&[]);
    thermal.loop_j_per_k = 3000.0;
    let from = Temperatures { junction: Kelvin(293.15), coolant: Kelvin(293.15), radiator: Kelvin(293.15) };
    let after = thermal.step(from, Watts(100_000.0), environment, Seconds(20_000.0));
    near_all("after 20,000 s", after, thermal.steady(Watts(100_000.0), environment), 1e-3);
}

proptest! {
    #![proptest_config(seeded(64))]

    #[test]
    fn the_power_at_a_limit_leads_to_that_limit(limit in 280.0..420.0f64, area in 10.0..400.0f64, sun in 0.0..1.0f64) {
        let (thermal, environment) = network(&[
            &format!("thermal.radiator_side_area_m2={area}"), &format!("thermal.sun_cosine_1={sun}"),
        ]);
        let junction = thermal.steady(thermal.heat_at_junction(Kelvin(limit), environment), environment).junction;
        prop_assert!((junction.0 - limit).abs() < 1e-6, "junction at {junction}");
        let coolant = thermal.steady(thermal.heat_at_loop(Kelvin(limit), environment), environment).coolant;
        prop_assert!((coolant.0 - limit).abs() < 1e-6, "loop at {coolant}");
    }

    #[test]
    fn more_radiator_or_better_fins_never_carry_less(
        area in 20.0..400.0f64, fins in 0.5..0.95f64, more in 1.0..1.05f64,
    ) {
        let carried = |area: f64, fins: f64| {
            let (thermal, environment) = network(&[
                &format!("thermal.radiator_side_area_m2={area}"), &format!("thermal.fin_efficiency={fins}"),
            ]);
            thermal.heat_at_junction(Kelvin(353.15), environment)
        };
        let base = carried(area, fins);
        prop_assert!(carried(area * more, fins) >= base * (1.0 - 1e-12), "more area");
        prop_assert!(carried(area, fins * more) >= base * (1.0 - 1e-12), "better fins");
    }

    #[test]
    fn one_step_is_as_good_as_many(heat in 0.0..200_000.0f64, start in 250.0..380.0f64, dt in 0.1..30.0f64) {
        let (thermal, environment) = network(&[]);
        let from = Temperatures { junction: Kelvin(start + 20.0), coolant: Kelvin(start), radiator: Kelvin(start) };
        let at_once = thermal.step(from, Watts(heat), environment, Seconds(dt));
        let fine = (0..200).fold(from, |now, _| thermal.step(now, Watts(heat), environment, Seconds(dt / 200.0)));
        prop_assert!((at_once.junction - fine.junction).0.abs() < 1e-4, "{} against {}", at_once.junction, fine.junction);
        prop_assert!((at_once.radiator - fine.radiator).0.abs() < 1e-4, "{} against {}", at_once.radiator, fine.radiator);
    }
}
