//! Single flights that are hard: each is known to have broken a limit or to have lost most of its work.

use crate::flight::Flight;
use dawndusk::flight::simulation::{Sensor, Shows, Summary};
use dawndusk::units::Seconds;

/// Flies it, and asserts that nothing is broken.
fn clean(flight: &Flight) -> Summary {
    let flown = flight.fly();
    assert!(!flown.breaches.any(), "{:?}: {}", flown.breaches, flight.command());
    flown
}

/// Flies it, and asserts that nothing is broken and that it does `least` of `work`, in s.
fn works(flight: &Flight, least: f64, work: f64) {
    let done = clean(flight).work_s.0;
    assert!(done >= least * work, "{done:.0} s of work, must be {least} of {work}: {}", flight.command());
}

/// Flies it against the oracle.
fn reaches(flight: &Flight, least: f64) {
    let flown = flight.scored();
    assert!(!flown.breaches.any(), "{:?}: {}", flown.breaches, flight.command());
    let share = flown.share_of_oracle.expect("without a breach it has a share");
    assert!(share >= least, "{share:.5} of the oracle, must be {least}: {}", flight.command());
}

#[test]
fn a_day_in_a_noon_orbit_with_a_concave_curve_loses_one_percent_at_most() {
    let noon = Flight { machine: "a40-training", ..Flight::new("leo-100kw", "2026-12-08T00:00:00Z", 86_400.0) };
    works(&noon.set(&["orbit.ltan=12:00"]), 0.99, 72_957.0);
}

#[test]
fn a_battery_that_charges_slowly_keeps_its_floor() {
    let slow = Flight { batch: 1.0, ..Flight::new("leo-100kw", "2027-07-01T00:00:00Z", 20_000.0) };
    clean(&slow.set(&["battery.charge_rate_max_c=0.1"]));
}

#[test]
fn a_battery_of_a_tenth_keeps_its_floor_in_summer_and_in_winter() {
    for start in ["2027-07-01T00:00:00Z", "2027-12-22T00:00:00Z"] {
        let small = Flight { batch: 1.0, ..Flight::new("ai1", start, 20_000.0) };
        clean(&small.set(&["battery.capacity_wh=15000"]));
    }
}

#[test]
fn half_an_orbit_with_a_small_radiator_is_not_idled_away() {
    let warm = Flight { machine: "lavapipe", ..Flight::new("leo-100kw", "2035-07-05T10:40:17Z", 2906.0) };
    let keys = [
        "battery.capacity_wh=77813",
        "thermal.radiator_side_area_m2=75.5",
        "orbit.ltan=23:40",
        "bus.housekeeping_w=6446",
    ];
    works(&warm.set(&keys), 0.95, 946.0);
}

#[test]
fn a_midnight_orbit_keeps_its_floor() {
    let midnight = Flight::new("suncatcher", "2034-09-12T00:00:00Z", 20_166.0);
    clean(&midnight.set(&["orbit.ltan=23:49", "orbit.altitude_km=776"]));
}

/// One orbit at 650 km is 5,871 s.
#[test]
fn a_sensor_of_power_alone_costs_one_percent_at_most() {
    for satellite in ["leo-100kw", "suncatcher"] {
        let sensor = Sensor { shows: Shows::Power, ..Sensor::IDEAL };
        reaches(&Flight { sensor, ..Flight::new(satellite, "2033-04-04T00:00:00Z", 5871.0) }, 0.99);
    }
}

#[test]
fn the_reference_day_reaches_999_of_1000_of_the_oracle() {
    let sensor = Sensor { lag: Seconds(1.0), ..Sensor::IDEAL };
    reaches(&Flight { sensor, ..Flight::new("leo-100kw", "2027-12-22T00:00:00Z", 86_400.0) }, 0.999);
}
