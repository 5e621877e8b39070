//! Orbit, Sun and shadow.

use crate::reference::{fly, midnight, near, neutral, orbit_on, rows, satellite, seeded};
use dawndusk::envelope::{Eclipse, Orbit};
use dawndusk::units::Seconds;
use jiff::Timestamp;
use proptest::prelude::*;

/// 1 s for long eclipses, 4 s near the edge of a season; short ones hang on thousandths of a degree.
fn near_duration(what: &str, found: Seconds, expected: f64) {
    if expected == 0.0 {
        assert!(found.0 == 0.0, "{what}: {found}, expected none");
    } else if expected >= 100.0 {
        near(what, found.0, expected, if expected > 600.0 { 1.0 } else { 4.0 });
    }
}

#[test]
fn the_orbit_has_the_reference_constants() {
    let row = &rows("orbit_650km.csv")[0];
    let orbit = orbit_on(&satellite(&[]), "2027-01-01");
    near("radius", orbit.radius_km, row.number("a_km"), 1e-9);
    near("inclination", orbit.inclination.to_degrees(), row.number("incl_deg"), 1e-4);
    near("Kepler period", orbit.kepler_period.0, row.number("kepler_period_s"), 0.01);
    near("nodal period", orbit.nodal_period.0, row.number("nodal_period_s"), 0.01);
    near("view factor", orbit.edge_view_factor(), row.number("earth_view_factor_edge_plate"), 1e-5);
    let day = Seconds(86_400.0);
    let drift = orbit.raan_deg(day) - orbit.raan_deg(Seconds::ZERO);
    near("node rate", drift, row.number("node_rate_deg_day_formula"), 1e-6);
}

#[test]
fn sun_node_and_eclipse_agree_with_astropy_through_the_year() {
    for row in rows("eclipse_650km_0600.csv") {
        let day = row.text("date");
        let orbit = orbit_on(&satellite(&[]), day);
        let aspect = orbit.aspect(Seconds::ZERO);
        near(&format!("{day} node"), orbit.raan_deg(Seconds::ZERO), row.number("raan_deg"), 1e-4);
        near(&format!("{day} beta"), aspect.beta_deg(), row.number("beta_deg"), 0.01);
        let factor = row.number("flux_factor");
        near(&format!("{day} flux factor"), aspect.sun.flux_factor(), factor, 2e-4 * factor);
        let flux = row.number("flux_w_m2");
        near(&format!("{day} flux"), aspect.sun.flux_w_m2(), flux, 2e-4 * flux);
        let [x, y, z] = aspect.sun.direction;
        let ascension = y.atan2(x).to_degrees().rem_euclid(360.0);
        near(&format!("{day} right ascension"), ascension, row.number("sun_ra_deg"), 0.01);
        near(&format!("{day} declination"), z.asin().to_degrees(), row.number("sun_dec_deg"), 0.01);
        let eclipse = Eclipse::new(&orbit, Seconds::ZERO);
        near_duration(&format!("{day} cylinder"), eclipse.cylinder, row.number("ecl_cyl_analytic_s"));
        near_duration(&format!("{day} umbra"), eclipse.umbra, row.number("umbra_s"));
        near_duration(&format!("{day} penumbra"), eclipse.penumbra, row.number("penumbra_total_s"));
        near_duration(&format!("{day} equivalent"), eclipse.equivalent, row.number("ecl_equiv_s"));
        near_duration(&format!("{day} oblate umbra"), eclipse.oblate_umbra, row.number("oblate_umbra_s"));
    }
}

#[test]
fn a_flattened_earth_lets_the_sun_in_at_the_edge_of_the_season() {
    let eclipse = Eclipse::new(&orbit_on(&satellite(&[]), "2027-02-01"), Seconds::ZERO);
    assert!(eclipse.oblate_umbra == Seconds::ZERO, "the ellipsoid casts no umbra, found {}", eclipse.oblate_umbra);
    near("umbra of the sphere", eclipse.umbra.0, 289.91, 4.0);
}

#[test]
fn outside_the_season_the_sun_is_whole_all_orbit_long() {
    for day in ["2027-02-15", "2027-06-21", "2027-11-01"] {
        let mut spacecraft = fly(&satellite(&[&format!("orbit.start={day}T00:00:00Z")]));
        assert!(spacecraft.forecast().samples.iter().all(|sample| sample.illumination == 1.0), "{day}: forecast");
        for _ in 0..5871 {
            let state = spacecraft.step(Seconds(1.0), dawndusk::units::Watts(80_000.0), 0.0);
            assert!(state.illumination == 1.0, "{day}: {} at {}", state.illumination, state.t);
        }
    }
}

/// Longest cylinder eclipse of 2027 and the number of midnights with one.
fn season(overrides: &[&str]) -> (f64, u32) {
    let satellite = satellite(overrides);
    let mut longest: f64 = 0.0;
    let mut days = 0;
    for day in 0..365 {
        let orbit = Orbit::new(&satellite.orbit, midnight("2027-01-01") + jiff::SignedDuration::from_hours(24 * day));
        let cylinder = Eclipse::new(&orbit, Seconds::ZERO).cylinder.0;
        longest = longest.max(cylinder);
        days += u32::from(cylinder > 0.0);
    }
    (longest, days)
}

/// Figures of an independent sweep over 2027 with astropy's Sun (longest eclipse in whole seconds).
#[test]
fn other_heights_have_the_season_that_their_geometry_implies() {
    for (height, longest) in [(500, 1361.0), (600, 1243.0), (800, 1015.0), (1000, 783.0), (1200, 520.0)] {
        let (found, days) = season(&[&format!("orbit.altitude_km={height}")]);
        near(&format!("{height} km"), found, longest, 1.5);
        assert!((30..110).contains(&days), "{height} km: {days} days");
    }
    assert!(season(&["orbit.altitude_km=1400"]) == (0.0, 0), "1400 km: no eclipse in the cylinder");
}

/// Figures of the same sweep.
#[test]
fn other_node_times_have_the_season_that_their_geometry_implies() {
    for (ltan, longest, days) in [
        ("05:00", 1384.0, 116),
        ("05:30", 1240.0, 94),
        ("06:00", 1185.0, 87),
        ("06:30", 1253.0, 95),
        ("07:00", 1403.0, 119),
    ] {
        let (found, found_days) = season(&[&format!("orbit.ltan={ltan}")]);
        near(ltan, found, longest, 1.5);
        near(&format!("{ltan} days"), f64::from(found_days), f64::from(days), 1.0);
    }
}

#[test]
fn an_evening_node_sees_the_sun_on_the_other_side() {
    let morning = orbit_on(&satellite(&[]), "2027-04-01").aspect(Seconds::ZERO).beta_deg();
    let evening = orbit_on(&satellite(&["orbit.ltan=18:00"]), "2027-10-01").aspect(Seconds::ZERO).beta_deg();
    assert!(morning < -60.0 && evening > 60.0, "beta {morning} at 06:00, {evening} at 18:00");
}

#[test]
fn an_inclined_plane_drifts_with_j2_from_the_profile_start() {
    // The Sun-synchronous inclination given by hand must follow the Sun: 360 degrees in a tropical year.
    let overrides = ["orbit.inclination_deg=97.985997", "orbit.raan_deg=100", "orbit.start=2027-01-01T00:00:00Z"];
    let satellite = satellite(&overrides);
    near("at its start", orbit_on(&satellite, "2027-01-01").raan_deg(Seconds::ZERO), 100.0, 1e-9);
    let ten_days = 10.0 * 360.0 / 365.242_19;
    near("ten days on", orbit_on(&satellite, "2027-01-11").raan_deg(Seconds::ZERO), 100.0 + ten_days, 1e-4);
    near("in flight", orbit_on(&satellite, "2027-01-01").raan_deg(Seconds(864_000.0)), 100.0 + ten_days, 1e-4);
}

#[test]
fn a_sun_synchronous_plane_exists_up_to_the_stated_height() {
    let highest = satellite(&["orbit.altitude_km=5974"]);
    let orbit = Orbit::new(&highest.orbit, highest.orbit.start);
    assert!(orbit.inclination.is_finite() && orbit.inclination.to_degrees() > 179.0, "{}", orbit.inclination);
    let mut beyond = highest.orbit;
    beyond.altitude_km = 5976.0;
    let start: Timestamp = beyond.start;
    assert!(Orbit::new(&beyond, start).inclination.is_nan(), "no inclination is Sun-synchronous at 5976 km");
}

proptest! {
    #![proptest_config(seeded(64))]

    #[test]
    fn the_parts_of_an_eclipse_are_in_order(
        height in 300.0..1400.0f64, ltan in 0u32..24, day in 0i64..365,
    ) {
        let satellite = neutral(&[&format!("orbit.altitude_km={height}"), &format!("orbit.ltan={ltan:02}:30")]);
        let date = midnight("2027-01-01") + jiff::SignedDuration::from_hours(24 * day);
        let eclipse = Eclipse::new(&Orbit::new(&satellite.orbit, date), Seconds::ZERO);
        prop_assert!(eclipse.umbra <= eclipse.cylinder, "umbra {} cylinder {}", eclipse.umbra, eclipse.cylinder);
        prop_assert!(eclipse.cylinder <= eclipse.penumbra, "cylinder {} of {}", eclipse.cylinder, eclipse.penumbra);
        prop_assert!(eclipse.umbra <= eclipse.equivalent && eclipse.equivalent <= eclipse.penumbra, "equivalent");
        prop_assert!(eclipse.oblate_umbra.0 <= eclipse.umbra.0 + 1.0, "a flatter Earth has a smaller shadow");
    }
}
