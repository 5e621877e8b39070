//! Array, battery, and what an orbit can carry.

use crate::reference::{fly, midnight, near, neutral, orbit_on, rows, satellite, seeded};
use dawndusk::envelope::{
    Battery, Eclipse, RATED_CELL_K, Scale, Shown, Sky, Spacecraft, Sunlight, cell_temperature, sustainable,
};
use dawndusk::units::{Joules, Seconds, Watts};
use proptest::prelude::*;

/// Flies the reference day; the least charge, the last charge and the energy shunted in kWh.
fn battery_day(array_w: f64, load_w: f64, column: &str) -> (f64, f64, f64) {
    let mut spacecraft = fly(&neutral(&[&format!("array.power_w={array_w}")]));
    let mut least: f64 = 1.0;
    for row in rows("battery_day.csv") {
        while spacecraft.state().t.0 < row.number("t_s") - 0.5 {
            least = least.min(spacecraft.step(Seconds(1.0), Watts(load_w), 0.0).soc);
        }
        let state = spacecraft.state();
        let when = format!("case {column} at {}", state.t);
        near(&format!("{when}: phase"), state.orbit_phase, row.number("orbit_phase"), 1e-4);
        near(&format!("{when}: visible share"), state.illumination, row.number("illumination"), 0.01);
        near(&format!("{when}: charge"), state.soc, row.number(column), 3e-4);
    }
    (least, spacecraft.state().soc, spacecraft.ledger().shunt_j.0 / 3.6e6)
}

#[test]
fn a_rich_array_refills_the_battery_in_every_orbit() {
    let (least, last, shunted) = battery_day(140_000.0, 100_000.0, "soc_A_ok");
    near("least charge", least, 0.715_851, 3e-4);
    near("charge at the end of the day", last, 0.926_820, 3e-4);
    near("shunted, kWh", shunted, 324.8, 0.3);
}

#[test]
fn at_the_sustainable_load_the_charge_is_periodic() {
    let (least, _, _) = battery_day(110_000.0, 89_187.955, "soc_C_governed");
    near("least charge", least, 0.746_142, 3e-4);
}

#[test]
fn sustainable_power_agrees_with_the_reference_for_both_pointings() {
    for row in rows("sustainable_power_650km.csv") {
        for (pointing, column) in [
            ("sun-tracking", "P_star_sun_tracking_W_for_P_arr0_110kW"),
            ("orbit-normal", "P_star_orbit_normal_array_W_for_P_arr0_110kW"),
        ] {
            let satellite = neutral(&["array.power_w=110000", &format!("array.pointing={pointing}")]);
            let day = row.text("date");
            let shown = Shown::new(&satellite, midnight(day));
            let expected = row.number(column);
            near(&format!("{day} {pointing}"), shown.derived.power.sustainable_w.0, expected, 5e-4 * expected);
        }
        let beta = orbit_on(&satellite(&[]), row.text("date")).aspect(Seconds::ZERO).sin_beta.abs();
        near("|sin beta|", beta, row.number("cos_orbit_normal_array"), 1e-4);
    }
}

#[test]
fn the_smallest_array_for_100_kw_on_the_deepest_day_is_123_kw() {
    let satellite = neutral(&["array.power_w=123335"]);
    let found = sustainable(&satellite, &orbit_on(&satellite, "2027-12-22"));
    near("sustainable", found.0, 100_000.0, 50.0);
}

#[test]
fn a_day_at_the_sustainable_load_ends_where_it_began() {
    // The charge limit must not bind, since the balance leaves it out; the charge must not touch either end.
    let satellite = neutral(&["battery.charge_rate_max_c=2", "battery.soc_initial=0.8"]);
    let mut spacecraft = fly(&satellite);
    let load = sustainable(&satellite, spacecraft.orbit());
    let period = spacecraft.orbit().nodal_period;
    for _ in 0..10 * 4096 {
        spacecraft.step(period / 4096.0, load, 0.0);
    }
    near("charge after ten orbits", spacecraft.state().soc, 0.8, 1e-4);
}

#[test]
fn the_first_orbit_of_the_default_breaks_its_floor_at_80_kw_and_holds_it_with_a_cut_in_the_dark() {
    let satellite = satellite(&[]);
    let (mut held, mut cut) = (fly(&satellite), fly(&satellite));
    for _ in 0..5871 {
        held.step(Seconds(1.0), Watts(80_000.0), 0.0);
        let dark = cut.state().illumination < 1.0;
        cut.step(Seconds(1.0), Watts(if dark { 40_000.0 } else { 80_000.0 }), 0.0);
    }
    let charge = held.breaches().charge;
    assert!(charge.deepest_share > 0.03 && charge.time_s.0 > 600.0, "80 kW held: {charge:?}");
    assert!(!cut.breaches().any(), "40 kW in the dark: {:?}", cut.breaches());
}

#[test]
fn cells_warm_in_sunlight_and_lose_power() {
    let light = Sunlight { flux_w_m2: 1361.0, cosine: 1.0 };
    let cell = cell_temperature(light, 97.0);
    assert!((310.0..325.0).contains(&cell.0), "cells at 1 AU: {cell}");
    let satellite = satellite(&["array.temperature_coefficient_per_k=-0.0025", "array.age_years=2"]);
    let spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
    let expected = 110_000.0 * (1.0 - 0.0025 * (cell.0 - RATED_CELL_K)) * 0.985f64.powi(2);
    near("array", spacecraft.state().array.0, expected, 20.0);
}

#[test]
fn an_array_ages_in_flight() {
    let satellite = neutral(&["array.degradation_per_year=0.1", "orbit.start=2027-05-01T00:00:00Z"]);
    let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Constant, satellite.orbit.start);
    let new = spacecraft.state().array;
    for _ in 0..300 {
        spacecraft.step(Seconds(3600.0), Watts::ZERO, 0.0);
    }
    near("after 12 days of 365.24", spacecraft.state().array / new, 0.9f64.powf(12.0 / 365.242_19), 1e-6);
}

const STORE: Battery = Battery {
    capacity: Joules(1000.0),
    charge_efficiency: 0.8,
    discharge_efficiency: 0.5,
    charge_max: Watts(10.0),
    discharge_max: Watts(20.0),
    soc_min: 0.3,
    soc_max: 0.9,
};

#[test]
fn a_battery_charges_to_its_rate_and_shunts_the_rest() {
    let (soc, flow) = STORE.step(0.5, Watts(15.0), Seconds(10.0));
    near("charge", soc, 0.58, 1e-12);
    assert_eq!((flow.charged, flow.shunted), (Joules(100.0), Joules(50.0)), "10 W of 15 W are taken");
    near("lost", flow.lost.0, 20.0, 1e-9);
}

#[test]
fn charging_ends_at_the_window_not_beyond() {
    let (soc, flow) = STORE.step(0.899, Watts(10.0), Seconds(10.0));
    near("charge", soc, 0.9, 1e-12);
    near("charged", flow.charged.0, 1.25, 1e-9);
    near("shunted", flow.shunted.0, 98.75, 1e-9);
}

#[test]
fn a_battery_gives_past_its_floor_down_to_nothing_and_the_rest_is_unserved() {
    let (soc, flow) = STORE.step(0.01, Watts(-8.0), Seconds(1.0));
    assert_eq!(soc, 0.0, "empty");
    near("given", flow.discharged.0, 5.0, 1e-9);
    near("unserved", flow.unserved.0, 3.0, 1e-9);
    let (_, flow) = STORE.step(0.8, Watts(-50.0), Seconds(1.0));
    assert_eq!((flow.discharged, flow.unserved), (Joules(20.0), Joules(30.0)), "the rate limit holds at the bus");
}

proptest! {
    #![proptest_config(seeded(48))]

    #[test]
    fn a_battery_loses_nothing_that_it_does_not_name(
        soc in 0.0..0.9f64, surplus in -60.0..60.0f64, dt in 0.01..50.0f64,
    ) {
        let (after, flow) = STORE.step(soc, Watts(surplus), Seconds(dt));
        let stored = (after - soc) * STORE.capacity.0;
        let balance = surplus * dt - (stored + flow.lost.0 + flow.shunted.0 - flow.unserved.0);
        prop_assert!(balance.abs() < 1e-9, "{balance} J are missing of {surplus} W in {dt} s");
        prop_assert!((0.0..=0.9 + 1e-12).contains(&after), "charge {after}");
    }

    #[test]
    fn sustainable_power_follows_the_closed_form_of_a_sharp_shadow(
        array in 80_000.0..200_000.0f64, charge in 0.7..1.0f64, discharge in 0.7..1.0f64, day in 0i64..365,
    ) {
        let satellite = neutral(&[
            &format!("array.power_w={array}"),
            &format!("battery.charge_efficiency={charge}"),
            &format!("battery.discharge_efficiency={discharge}"),
        ]);
        let date = midnight("2027-01-01") + jiff::SignedDuration::from_hours(24 * day);
        let orbit = dawndusk::envelope::Orbit::new(&satellite.orbit, date);
        let dark = Eclipse::new(&orbit, Seconds::ZERO).equivalent / orbit.nodal_period;
        let sun = array * orbit.aspect(Seconds::ZERO).sun.flux_factor();
        let closed = sun * (1.0 - dark) / (1.0 - dark + dark / (charge * discharge));
        let found = sustainable(&satellite, &orbit).0;
        prop_assert!((found / closed - 1.0).abs() < 4e-3, "{found} W, closed form {closed} W");
    }

    #[test]
    fn more_array_or_better_cells_never_sustain_less(
        array in 80_000.0..200_000.0f64, charge in 0.7..0.95f64, more in 1.0..1.05f64, day in 0i64..365,
    ) {
        let sustained = |array: f64, charge: f64, discharge: f64| {
            let satellite = satellite(&[
                &format!("array.power_w={array}"),
                &format!("battery.charge_efficiency={charge}"),
                &format!("battery.discharge_efficiency={discharge}"),
            ]);
            let date = midnight("2027-01-01") + jiff::SignedDuration::from_hours(24 * day);
            Shown::new(&satellite, date).derived.power.sustainable_w.0
        };
        let base = sustained(array, charge, charge);
        prop_assert!(sustained(array * more, charge, charge) >= base * (1.0 - 1e-12), "more array");
        prop_assert!(sustained(array, charge * more, charge) >= base * (1.0 - 1e-12), "better charging");
        prop_assert!(sustained(array, charge, charge * more) >= base * (1.0 - 1e-12), "better discharging");
    }
}
