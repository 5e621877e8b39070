//! The spacecraft in motion: one `step` moves sunlight, charge, heat and bits together.
//!
//! A step is cut into pieces of at most one simulated second. In each, sunlight is the mean of both ends, the load is
//! `compute / conversion efficiency + housekeeping`, and all compute power is heat in the junction. Sun, node and
//! ageing are renewed every simulated day (see `season`), the forecast eight times an orbit. Same satellite, scale, start and
//! sequence of steps: same bits in every result.

use super::link::{Contact, Link};
use super::season::Season;
use super::thermal::Network;
use super::{Battery, Breaches, Condition, Delay, Forecast, Ledger, Orbit, Scale, Temperatures, Thermal};
use crate::profile::Satellite;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Where sunlight and environment come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sky {
    /// From orbit, date and shadow.
    Orbit,
    /// Always lit at 1361 W/m2 and normal incidence, with the environment heat of the profile. Link windows stay
    /// those of the orbit.
    Constant,
}

/// The spacecraft now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// Machine time since the start.
    pub t: Seconds,
    /// Simulated time since the start: `t` times k.
    pub simulated: Seconds,
    /// Share of the orbit since the last ascending node.
    pub orbit_phase: f64,
    /// Visible share of the Sun's disc.
    pub illumination: f64,
    /// What the array can give now.
    pub array: Watts,
    /// Heat that the radiator absorbs now.
    pub environment: Watts,
    /// Charge, share of capacity.
    pub soc: f64,
    /// Temperatures of the three nodes.
    pub temperatures: Temperatures,
    /// Results waiting for the link.
    pub backlog_bits: f64,
    /// Results sent since the start.
    pub sent_bits: f64,
}

/// What must hold at every instant. Constant over a flight, but for what a [`Condition`] takes of the compute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// The junction stays at or below.
    pub junction: Kelvin,
    /// The loop stays at or below.
    pub coolant: Kelvin,
    /// The charge stays at or above, share of capacity.
    pub soc_min: f64,
    /// The installed compute.
    pub compute: Watts,
    /// What the link can send in one orbit at best: used whenever it is open, on the mean of the first day.
    pub downlink_bits_per_orbit: f64,
}

/// A satellite in orbit, scaled to the machine.
#[derive(Clone, Debug)]
pub struct Spacecraft {
    limits: Limits,
    state: State,
    forecast: Forecast,
    satellite: Satellite,
    scale: Scale,
    sky: Sky,
    orbit: Orbit,
    thermal: Thermal,
    network: Network,
    condition: Condition,
    link: Link,
    season: Season,
    contact: Contact,
    /// Simulated time at which the season must be renewed.
    season_ends: f64,
    /// Simulated time at which the contact must be renewed.
    contact_ends: f64,
    /// Simulated time at which the forecast must be renewed.
    forecast_ends: f64,
    ledger: Ledger,
    absorbed: Joules,
    breaches: Breaches,
}

/// Longest piece of a step, simulated seconds.
const PIECE_S: f64 = 1.0;
/// Forecasts in one orbit.
const FORECASTS_PER_ORBIT: f64 = 8.0;

impl Spacecraft {
    /// A spacecraft at its ascending node at `start`. The satellite must have been checked; one that was not may
    /// give NaN, but does not panic.
    pub fn new(satellite: &Satellite, scale: Scale, sky: Sky, start: Timestamp) -> Spacecraft {
        let orbit = Orbit::new(&satellite.orbit, start);
        let link = Link::new(&satellite.link, &orbit, scale);
        let season = Season::new(satellite, &orbit, sky, scale, Seconds::ZERO);
        let battery = Battery::scaled(&satellite.battery, scale);
        let thermal = Thermal::scaled(&satellite.thermal, scale);
        let illumination = season.illumination(0.0);
        let initial = Kelvin(satellite.thermal.initial_k);
        let orbit_bits = link.bits(scale.machine(orbit.nodal_period)) * link.open_share(&orbit);
        let mut spacecraft = Spacecraft {
            limits: Limits {
                junction: Kelvin(satellite.thermal.junction_limit_k),
                coolant: Kelvin(satellite.thermal.loop_limit_k),
                soc_min: satellite.battery.soc_min,
                compute: Watts(satellite.compute.power_w * scale.power),
                downlink_bits_per_orbit: orbit_bits,
            },
            state: State {
                t: Seconds::ZERO,
                simulated: Seconds::ZERO,
                orbit_phase: 0.0,
                illumination,
                array: season.array(illumination),
                environment: season.environment(illumination),
                soc: satellite.battery.soc_initial,
                temperatures: Temperatures { junction: initial, coolant: initial, radiator: initial },
                backlog_bits: 0.0,
                sent_bits: 0.0,
            },
            forecast: Forecast::empty(orbit.nodal_period, scale, &satellite.bus, battery, thermal),
            satellite: satellite.clone(),
            scale,
            sky,
            orbit,
            thermal,
            network: Network::new(&thermal),
            condition: Condition::SOUND,
            link,
            season,
            contact: Contact::Changing,
            season_ends: Season::HELD_S,
            contact_ends: 0.0,
            forecast_ends: 0.0,
            ledger: Ledger::default(),
            absorbed: Joules::ZERO,
            breaches: Breaches::default(),
        };
        spacecraft.renew_contact();
        spacecraft.renew_forecast();
        spacecraft
    }

    /// The same with another charge (share of capacity) and other temperatures.
    pub fn holding(mut self, soc: f64, temperatures: Temperatures) -> Spacecraft {
        self.state.soc = soc;
        self.state.temperatures = temperatures;
        self
    }

    /// Where it is now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What must hold.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The orbit ahead. Renewed eight times an orbit, as the season drifts.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// Every joule since the start.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What the radiator emits now over (T^4 - T_space^4), W/K4: the forecast may not know yet what is left of it.
    pub fn emission_w_per_k4(&self) -> f64 {
        self.thermal_left().emission_w_per_k4
    }

    /// Heat that the radiator has absorbed since the start.
    pub fn absorbed(&self) -> Joules {
        self.absorbed
    }

    /// Every breach since the start.
    pub fn breaches(&self) -> &Breaches {
        &self.breaches
    }

    /// The orbit it flies.
    pub fn orbit(&self) -> &Orbit {
        &self.orbit
    }

    /// How it was scaled.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Whether the link is open now.
    pub fn link_is_open(&self) -> bool {
        self.link.is_open(&self.orbit, self.state.simulated)
    }

    /// What can be sent up in one orbit at best, on the same terms as [`Limits::downlink_bits_per_orbit`].
    pub fn uplink_bits_per_orbit(&self) -> f64 {
        let link = &self.satellite.link;
        self.limits.downlink_bits_per_orbit * (link.uplink_bps / link.downlink_bps)
    }

    /// What is left of the satellite.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// What is left of the satellite from now on; see [`Condition`] for who knows of it, and when.
    pub fn set_condition(&mut self, condition: Condition) {
        self.condition = condition;
        self.network = Network::new(&self.thermal_left());
        self.limits.compute = Watts(self.satellite.compute.power_w * self.scale.power * condition.compute);
        self.state.array = self.array(self.state.illumination);
        self.state.environment = self.environment(self.state.illumination);
        if self.state.simulated == Seconds::ZERO {
            self.renew_forecast();
        }
    }

    /// One-way light time to the ground, in real seconds.
    pub fn delay(&self) -> Delay {
        Delay::new(&self.satellite)
    }

    /// Moves it on by `dt` of machine time with `compute` watts drawn and `produced_bits` of results made, evenly over
    /// the step. Time does not run backwards: a `dt` that is not positive and finite changes nothing.
    /// The cost grows with `dt`: about 80 ns for each simulated second.
    pub fn step(&mut self, dt: Seconds, compute: Watts, produced_bits: f64) -> &State {
        if !(dt.0 > 0.0 && dt.is_finite()) {
            return &self.state;
        }
        let simulated = self.scale.simulated(dt);
        // The slack keeps k * (1/k) from being cut in two where it rounds to just over a second.
        let pieces = (simulated.0 / PIECE_S - 1e-9).ceil().max(1.0);
        let (piece, bits) = (simulated / pieces, produced_bits / pieces);
        for _ in 0..pieces as u64 {
            self.piece(piece, compute, bits);
        }
        &self.state
    }

    /// Moves it on by `simulated` seconds, at most one.
    fn piece(&mut self, simulated: Seconds, compute: Watts, produced_bits: f64) {
        let before = self.state;
        let dt = self.scale.machine(simulated);
        let now = before.simulated + simulated;
        self.state.simulated = now;
        self.state.t = self.scale.machine(now);
        if now.0 >= self.season_ends {
            self.renew_season();
        }
        if now.0 >= self.contact_ends {
            self.renew_contact();
        }
        let phase = self.orbit.phase(now);
        let illumination = self.season.illumination(phase);
        self.state.orbit_phase = phase;
        self.state.illumination = illumination;
        self.state.array = self.array(illumination);
        self.state.environment = self.environment(illumination);

        let mean = 0.5 * (before.illumination + illumination);
        let unserved = self.supply(self.array(mean), compute, dt);
        let environment = self.environment(mean);
        self.absorbed += environment * dt;
        self.state.temperatures = self.network.step(before.temperatures, compute, environment, dt);
        self.send(produced_bits, dt);
        self.breaches.record(&self.limits, self.forecast.battery.capacity, &before, &self.state, unserved);
        if now.0 >= self.forecast_ends {
            self.renew_forecast();
        }
    }

    /// What is left of the array gives this.
    fn array(&self, illumination: f64) -> Watts {
        self.season.array(illumination) * self.condition.array
    }

    /// What is left of the radiator absorbs this.
    fn environment(&self, illumination: f64) -> Watts {
        self.season.environment(illumination) * self.condition.radiator
    }

    /// The network with what is left of the radiator.
    fn thermal_left(&self) -> Thermal {
        Thermal { emission_w_per_k4: self.thermal.emission_w_per_k4 * self.condition.radiator, ..self.thermal }
    }

    /// Supplies the bus for `dt` and keeps the ledger; what was missing comes back.
    fn supply(&mut self, array: Watts, compute: Watts, dt: Seconds) -> Joules {
        let battery = &self.forecast.battery;
        let housekeeping = self.forecast.housekeeping;
        let drawn = compute / self.forecast.conversion_efficiency;
        let (soc, flow) = battery.step(self.state.soc, array - drawn - housekeeping, dt);
        let stored = battery.capacity * (soc - self.state.soc);
        self.state.soc = soc;
        self.ledger.array_j += array * dt;
        self.ledger.compute_j += compute * dt;
        self.ledger.conversion_j += (drawn - compute) * dt;
        self.ledger.housekeeping_j += housekeeping * dt;
        self.ledger.add_flow(battery, &flow, stored);
        flow.unserved
    }

    /// Queues `produced_bits` and sends what the link carries in `dt`.
    fn send(&mut self, produced_bits: f64, dt: Seconds) {
        let open = match self.contact {
            Contact::Open => true,
            Contact::Closed => false,
            Contact::Changing => self.link.is_open(&self.orbit, self.state.simulated),
        };
        let waiting = self.state.backlog_bits + produced_bits;
        let sent = if open { waiting.min(self.link.bits(dt)) } else { 0.0 };
        self.state.backlog_bits = waiting - sent;
        self.state.sent_bits += sent;
    }

    /// The season of the day that holds the present.
    fn renew_season(&mut self) {
        let day = Season::beginning(self.state.simulated);
        self.season = self.season_of(day);
        self.season_ends = day.0 + Season::HELD_S;
    }

    /// The contact of the minute that holds the present.
    fn renew_contact(&mut self) {
        let minute = (self.state.simulated.0 / Contact::HELD_S).floor();
        self.contact = self.link.contact(&self.orbit, Seconds((minute + 0.5) * Contact::HELD_S));
        self.contact_ends = (minute + 1.0) * Contact::HELD_S;
    }

    /// The orbit from now on.
    fn renew_forecast(&mut self) {
        let (now, period) = (self.state.simulated, self.orbit.nodal_period);
        let tomorrow = Seconds(self.season_ends);
        let next = (now + period > tomorrow).then(|| self.season_of(tomorrow));
        let turn = (tomorrow - now) / period;
        self.forecast.thermal = self.thermal_left();
        let condition = self.condition;
        self.forecast.renew(self.state.t, self.state.orbit_phase, &condition, |ahead| match &next {
            Some(next) if ahead >= turn => next,
            _ => &self.season,
        });
        self.forecast_ends = now.0 + period.0 / FORECASTS_PER_ORBIT;
    }

    fn season_of(&self, day: Seconds) -> Season {
        Season::new(&self.satellite, &self.orbit, self.sky, self.scale, day)
    }
}
