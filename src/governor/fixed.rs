//! `static`: one cap for the whole life of the flight, found before it from the worst day of the year.
//!
//! The cap is the largest *constant* power that the orbit of that day sustains, from the initial charge on, and that
//! settles below both temperature limits. Nothing corrects it in flight, so it keeps a share for the error of the meter.

use super::allocation::Allocation;
use super::constraints::steady_cap;
use super::horizon::Horizon;
use super::light::Light;
use super::link::link_cap;
use super::{Answer, LimitedBy, Observation, OperatingRange, Rule, Target};
use crate::envelope::{Forecast, Limits, Orbit, Scale, Sky, Spacecraft};
use crate::profile::Satellite;
use crate::units::{Seconds, Watts};

/// Share of the cap that is used: board sensors err by up to 5 % of the reading (Yang, Adamek, Armour, "Part-time
/// Power Measurements", SC24).
const METER_SHARE: f64 = 0.95;
/// Charge kept above the floor: chosen, nothing corrects this policy in flight.
const CHARGE_MARGIN: f64 = 0.01;
/// Days from one look at the year to the next, and in a year.
const LOOK_DAYS: u32 = 3;
const YEAR_DAYS: u32 = 366;
const DAY_S: f64 = 86_400.0;

/// Holds one cap.
#[derive(Debug)]
pub(super) struct Fixed {
    cap: Watts,
}

impl Fixed {
    pub(super) fn new(cap: Watts) -> Fixed {
        Fixed { cap }
    }
}

impl Rule for Fixed {
    fn answer(&mut self, observation: &Observation<'_>) -> Answer {
        Target::at(self.cap, LimitedBy::Energy).and(link_cap(observation)).into()
    }
}

/// The largest constant power that this orbit sustains within all limits and that the charge `soc` at its beginning
/// lasts for, with a share kept for the meter's error. Zero if that is less than idle power.
pub fn constant_cap(forecast: &Forecast, limits: &Limits, machine: &OperatingRange, soc: f64) -> Watts {
    let environment = forecast.samples.iter().fold(Watts::ZERO, |most, sample| most.max(sample.environment));
    let heat = steady_cap(&forecast.thermal, limits, machine, environment).power;
    let full = machine.full_w.min(limits.compute).max(machine.idle_w);
    let floor = limits.soc_min + CHARGE_MARGIN;
    let horizon = Horizon::new(Light::new(forecast), forecast, machine, forecast.start, (full, machine.full_w), floor);
    let sustained = horizon.sustainable_from(&Allocation::constant(machine.idle_w, full), soc);
    sustained.map_or(Watts::ZERO, |levels| levels.shade.min(heat).max(Watts::ZERO) * METER_SHARE)
}

/// The constant power that is safe on every day of the year that begins at the satellite's `start`.
pub fn safe_all_year(satellite: &Satellite, scale: Scale, sky: Sky, machine: &OperatingRange) -> Watts {
    let start = satellite.orbit.start;
    let orbit = Orbit::new(&satellite.orbit, start);
    let mut least = machine.full_w;
    for day in (0..YEAR_DAYS).step_by(LOOK_DAYS as usize) {
        let Ok(date) = start.checked_add(jiff::SignedDuration::from_hours(24 * i64::from(day))) else { break };
        let mut then = satellite.clone();
        then.array.age_years += f64::from(day) / 365.25;
        if then.orbit.raan_deg.is_some() {
            then.orbit.raan_deg = Some(orbit.raan_deg(Seconds(f64::from(day) * DAY_S)));
        }
        let spacecraft = Spacecraft::new(&then, scale, sky, date);
        let soc = spacecraft.state().soc;
        least = least.min(constant_cap(spacecraft.forecast(), spacecraft.limits(), machine, soc));
    }
    least
}
