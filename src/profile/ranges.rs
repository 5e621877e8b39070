//! Every key of every profile with what it may be: the one table of ranges.
//!
//! The ranges refuse what cannot be (an efficiency of 1.4, an orbit inside the atmosphere), not what is unusual. Rules
//! between keys stand in `rules`.

use super::schema::{Allowed, Key};

/// A number from `low` to `high`.
const fn from(path: &'static str, low: f64, high: f64) -> Key {
    Key { path, allowed: Allowed::Number { low, high, without_low: false }, required: true }
}

/// A number over `low`, up to `high`.
const fn over(path: &'static str, low: f64, high: f64) -> Key {
    Key { path, allowed: Allowed::Number { low, high, without_low: true }, required: true }
}

const fn key(path: &'static str, allowed: Allowed) -> Key {
    Key { path, allowed, required: true }
}

const fn optional(key: Key) -> Key {
    Key { required: false, ..key }
}

/// Highest orbit with a Sun-synchronous inclination, km: there `1.5 n J2 (R_E/a)^2` has fallen to one turn a year.
pub(super) const SUN_SYNCHRONOUS_MAX_KM: f64 = 5974.0;

/// Shortest time in which a thermal node may settle, s. Faster ones would make a flight crawl.
pub(super) const SETTLING_MIN_S: f64 = 0.1;

/// Keys of a satellite.
pub(super) const SATELLITE: &[Key] = &[
    // Above the drag of a day (160 km) and up to about geostationary height.
    from("orbit.altitude_km", 160.0, 36_000.0),
    optional(key("orbit.ltan", Allowed::LocalTime)),
    optional(from("orbit.inclination_deg", 0.0, 180.0)),
    optional(from("orbit.raan_deg", 0.0, 360.0)),
    key("orbit.start", Allowed::Instant),
    from("array.power_w", 1.0, 1e9),
    key("array.pointing", Allowed::Word(&["sun-tracking", "orbit-normal"])),
    from("array.temperature_coefficient_per_k", -0.01, 0.01),
    from("array.degradation_per_year", 0.0, 0.5),
    from("array.age_years", 0.0, 50.0),
    from("battery.capacity_wh", 1.0, 1e9),
    from("battery.charge_efficiency", 0.01, 1.0),
    from("battery.discharge_efficiency", 0.01, 1.0),
    from("battery.charge_rate_max_c", 0.001, 100.0),
    from("battery.discharge_rate_max_c", 0.001, 100.0),
    from("battery.soc_min", 0.0, 1.0),
    from("battery.soc_max", 0.0, 1.0),
    from("battery.soc_initial", 0.0, 1.0),
    from("bus.housekeeping_w", 0.0, 1e9),
    from("bus.conversion_efficiency", 0.01, 1.0),
    from("compute.power_w", 1.0, 1e9),
    from("thermal.radiator_side_area_m2", 0.001, 1e6),
    from("thermal.emissivity", 0.01, 1.0),
    from("thermal.absorptivity", 0.0, 1.0),
    from("thermal.fin_efficiency", 0.01, 1.0),
    from("thermal.earth_view_factor_1", 0.0, 1.0),
    from("thermal.earth_view_factor_2", 0.0, 1.0),
    from("thermal.sun_cosine_1", 0.0, 1.0),
    from("thermal.sun_cosine_2", 0.0, 1.0),
    from("thermal.earth_ir_w_m2", 0.0, 1000.0),
    from("thermal.albedo", 0.0, 1.0),
    from("thermal.albedo_phase_factor", 0.0, 1.0),
    from("thermal.junction_to_loop_k_per_w", 1e-9, 1000.0),
    from("thermal.loop_to_radiator_w_per_k", 1e-3, 1e9),
    from("thermal.junction_j_per_k", 1e-3, 1e12),
    from("thermal.loop_j_per_k", 1e-3, 1e12),
    from("thermal.radiator_j_per_k", 1e-3, 1e12),
    from("thermal.junction_limit_k", 200.0, 2000.0),
    from("thermal.loop_limit_k", 200.0, 2000.0),
    from("thermal.initial_k", 100.0, 2000.0),
    key("link.mode", Allowed::Word(&["relay", "direct"])),
    from("link.downlink_bps", 1.0, 1e15),
    from("link.uplink_bps", 1.0, 1e15),
    key("link.relay_hops", Allowed::Whole { low: 0, high: 100 }),
    from("link.station_latitude_deg", -90.0, 90.0),
    from("link.elevation_min_deg", 0.0, 89.0),
];

/// Keys of a machine, but for its points.
pub(super) const MACHINE: &[Key] = &[
    key("name", Allowed::Text),
    key("adapter", Allowed::Text),
    key("driver", Allowed::Text),
    key("date", Allowed::Date),
    key("source", Allowed::Text),
    key("provenance", Allowed::Word(&["external_meter", "board_sensor", "soc_counter", "modelled"])),
    from("rated_w", 0.1, 1e6),
    from("idle_w", 0.0, 1e6),
];

/// Keys of one operating point of a machine.
pub(super) const POINT: &[Key] = &[over("power_w", 0.0, 1e6), over("rate", 0.0, 1.0)];
