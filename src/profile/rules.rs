//! Rules between the keys of a satellite: what each may be in the light of the others.

use super::error::ProfileError;
use super::ranges::{SETTLING_MIN_S, SUN_SYNCHRONOUS_MAX_KM};
use super::satellite::{Battery, Orbit, Satellite, Thermal};
use super::schema::Place;

/// Refuses the first rule that `satellite` breaks. Each key alone is in its range already.
pub(super) fn check(satellite: &Satellite, place: &Place<'_>) -> Result<(), ProfileError> {
    plane(&satellite.orbit, place)?;
    charge_window(&satellite.battery, place)?;
    radiator(&satellite.thermal, place)?;
    settling(&satellite.thermal, place)
}

/// Either `ltan`, or `inclination_deg` with `raan_deg`; and a Sun-synchronous inclination must exist.
fn plane(orbit: &Orbit, place: &Place<'_>) -> Result<(), ProfileError> {
    let keys = ["orbit.ltan", "orbit.inclination_deg", "orbit.raan_deg"];
    let refuse = |problem: &str| Err(ProfileError::new(place.of(&keys), problem));
    match (orbit.ltan.is_some(), orbit.inclination_deg.is_some(), orbit.raan_deg.is_some()) {
        (true, false, false) if orbit.altitude_km > SUN_SYNCHRONOUS_MAX_KM => Err(refused(
            place,
            "orbit.altitude_km",
            orbit.altitude_km,
            &format!(
                "up to {SUN_SYNCHRONOUS_MAX_KM} with orbit.ltan, since no inclination is Sun-synchronous above it \
                 (inclination_deg and raan_deg instead of ltan allow more)"
            ),
        )),
        (true, false, false) | (false, true, true) => Ok(()),
        (false, false, false) => {
            refuse("orbit.ltan is missing; allowed: ltan (Sun-synchronous), or inclination_deg and raan_deg together")
        }
        (false, true, false) => refuse("orbit.raan_deg is missing; allowed: inclination_deg and raan_deg together"),
        (false, false, true) => {
            refuse("orbit.inclination_deg is missing; allowed: inclination_deg and raan_deg together")
        }
        (true, _, _) => refuse(
            "orbit.ltan conflicts with orbit.inclination_deg and orbit.raan_deg; allowed: ltan alone, or both others \
             without it (setting both, and not ltan, leaves the Sun-synchronous orbit of a profile)",
        ),
    }
}

/// `soc_min < soc_initial <= soc_max`.
fn charge_window(battery: &Battery, place: &Place<'_>) -> Result<(), ProfileError> {
    let &Battery { soc_min, soc_max, soc_initial, .. } = battery;
    if soc_min >= soc_max {
        return Err(refused(place, "battery.soc_min", soc_min, &format!("under battery.soc_max, {soc_max}")));
    }
    if soc_initial <= soc_min || soc_initial > soc_max {
        let allowed = format!("over battery.soc_min, {soc_min}, up to battery.soc_max, {soc_max}");
        return Err(refused(place, "battery.soc_initial", soc_initial, &allowed));
    }
    Ok(())
}

/// Two sides of one plate see the Earth with at most 1 together, and a flight begins inside its limits.
fn radiator(thermal: &Thermal, place: &Place<'_>) -> Result<(), ProfileError> {
    let first = thermal.earth_view_factor_1;
    if first + thermal.earth_view_factor_2 > 1.0 {
        let allowed = format!("up to 1 together with thermal.earth_view_factor_1, {first}");
        return Err(refused(place, "thermal.earth_view_factor_2", thermal.earth_view_factor_2, &allowed));
    }
    for (name, limit) in [("junction_limit_k", thermal.junction_limit_k), ("loop_limit_k", thermal.loop_limit_k)] {
        if thermal.initial_k > limit {
            let allowed = format!("up to thermal.{name}, {limit}");
            return Err(refused(place, "thermal.initial_k", thermal.initial_k, &allowed));
        }
    }
    Ok(())
}

/// No node settles faster than [`SETTLING_MIN_S`]: heat capacity over the conductances that reach it.
fn settling(thermal: &Thermal, place: &Place<'_>) -> Result<(), ProfileError> {
    let (up, down) = (1.0 / thermal.junction_to_loop_k_per_w, thermal.loop_to_radiator_w_per_k);
    let nodes = [
        ("thermal.junction_j_per_k", thermal.junction_j_per_k, up),
        ("thermal.loop_j_per_k", thermal.loop_j_per_k, up + down),
        ("thermal.radiator_j_per_k", thermal.radiator_j_per_k, down),
    ];
    for (key, capacity, conductance) in nodes {
        let least = SETTLING_MIN_S * conductance;
        if capacity < least {
            let allowed = format!("from {least}, so that the node settles in {SETTLING_MIN_S} s or more");
            return Err(refused(place, key, capacity, &allowed));
        }
    }
    Ok(())
}

fn refused(place: &Place<'_>, key: &str, found: f64, allowed: &str) -> ProfileError {
    ProfileError::refused(place.of(&[key]), key, found, allowed)
}
