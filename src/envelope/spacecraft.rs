//! The spacecraft in motion: one `step` moves sunlight, charge, heat and bits together.
//!
//! A step is cut into pieces of at most one simulated second. In each, sunlight is the mean of both ends, the load is
//! `compute / conversion efficiency + housekeeping`, and all compute power is heat in the junction. Sun, node and
//! ageing are renewed every simulated day (see `season`), the forecast eight times an orbit. Same satellite, scale, start and
//! sequence of steps: same bits in every result.

mod renewal;

use super::link::{Contact, Link};
use super::season::Season;
use super::thermal::Network;
use super::{Battery, BatteryFlow, Breaches, Condition, Forecast, Ledger, Limits, Orbit, Scale, Sky, State};
use super::{Temperatures, Thermal};
use crate::profile::Satellite;
use crate::units::{Joules, Kelvin, Seconds, Watts};
use jiff::Timestamp;

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
    /// Conditions to come, by simulated time; the earliest last.
    to_come: Vec<(Seconds, Condition)>,
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

/// What one piece was given.
#[derive(Clone, Copy, Debug)]
struct Supply {
    /// Machine time.
    dt: Seconds,
    array: Watts,
    environment: Watts,
    flow: BatteryFlow,
}

/// How many pieces `simulated` seconds are cut into, and their length.
fn cut(simulated: Seconds) -> (u64, Seconds) {
    // The slack keeps k * (1/k) from being cut in two where it rounds to just over a second.
    let count = (simulated.0 / PIECE_S - 1e-9).ceil().max(1.0);
    (count as u64, simulated / count)
}

/// Longest piece of a step, simulated seconds.
const PIECE_S: f64 = 1.0;

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
                emission_w_per_k4: thermal.emission_w_per_k4,
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
            to_come: Vec::new(),
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
        spacecraft.renew_contact(Seconds::ZERO);
        spacecraft.renew_forecast();
        spacecraft
    }

    /// The same with another charge (share of capacity) and other temperatures, from which nothing has been broken yet.
    pub fn holding(mut self, soc: f64, temperatures: Temperatures) -> Spacecraft {
        self.state.soc = soc;
        self.state.temperatures = temperatures;
        self.breaches = Breaches::default();
        self
    }

    /// The same with what becomes of it: a condition from each simulated time on, in order.
    pub fn becoming(mut self, conditions: Vec<(Seconds, Condition)>) -> Spacecraft {
        self.to_come = conditions;
        self.to_come.reverse();
        self.become_due();
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

    /// What must hold at a simulated time to come.
    pub fn limits_at(&self, simulated: Seconds) -> Limits {
        let due = self.to_come.iter().find(|(due, _)| *due <= simulated);
        let compute = due.map_or(self.limits.compute, |(_, condition)| self.installed(condition));
        Limits { compute, ..self.limits }
    }

    /// What is left of the installed compute in `condition`.
    fn installed(&self, condition: &Condition) -> Watts {
        Watts(self.satellite.compute.power_w * self.scale.power * condition.compute)
    }

    /// The orbit ahead. Renewed eight times an orbit, as the season drifts.
    pub fn forecast(&self) -> &Forecast {
        &self.forecast
    }

    /// Every joule since the start.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
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

    /// What is left of the satellite.
    pub fn condition(&self) -> Condition {
        self.condition
    }

    /// What is left of the satellite from now on; see [`Condition`] for who knows of it, and when.
    pub fn set_condition(&mut self, condition: Condition) {
        self.condition = condition;
        let thermal = self.thermal_left();
        self.network = Network::new(&thermal);
        self.state.emission_w_per_k4 = thermal.emission_w_per_k4;
        self.limits.compute = self.installed(&condition);
        self.state.array = self.array(self.state.illumination);
        self.state.environment = self.environment(self.state.illumination);
        if self.state.simulated == Seconds::ZERO {
            self.renew_forecast();
        }
    }

    /// Moves it on by `dt` of machine time with `compute` watts drawn and `produced_bits` of results made, evenly over
    /// the step. Time does not run backwards: a `dt` that is not positive and finite changes nothing.
    /// The cost grows with `dt`: about 80 ns for each simulated second.
    pub fn step(&mut self, dt: Seconds, compute: Watts, produced_bits: f64) -> &State {
        if !(dt.0 > 0.0 && dt.is_finite()) {
            return &self.state;
        }
        let (simulated, begin) = (self.scale.simulated(dt), self.state.simulated);
        let mut flown = Seconds::ZERO;
        while let Some(&(due, _)) = self.to_come.last().filter(|(due, _)| *due < begin + simulated) {
            let part = (due - self.state.simulated).max(Seconds::ZERO);
            self.pieces(part, compute, produced_bits * (part / simulated));
            flown += part;
            self.become_due();
        }
        let part = simulated - flown;
        self.pieces(part, compute, produced_bits * (part / simulated));
        self.become_due();
        &self.state
    }

    /// Takes on the conditions whose time has come.
    fn become_due(&mut self) {
        while self.to_come.last().is_some_and(|(due, _)| *due <= self.state.simulated) {
            if let Some((_, condition)) = self.to_come.pop() {
                self.set_condition(condition);
            }
        }
    }

    /// Where it would be `dt` of machine time after `from`, a state of its own from now on, with `compute` watts drawn: the
    /// same to the bit as [`Spacecraft::step`], but for results and a day that ends in between.
    pub fn ahead(&self, from: &State, dt: Seconds, compute: Watts) -> State {
        let simulated = self.scale.simulated(dt);
        if self.to_come.last().is_some_and(|(due, _)| *due <= from.simulated + simulated) {
            let mut craft = self.clone();
            craft.step(from.t - self.state.t, Watts::ZERO, 0.0);
            craft.state = State { emission_w_per_k4: craft.state.emission_w_per_k4, ..*from };
            return *craft.step(dt, compute, 0.0);
        }
        let (count, piece) = cut(simulated);
        (0..count).fold(*from, |state, _| self.moved(&state, piece, compute).0)
    }

    /// Moves it on by `simulated` seconds in pieces of at most one.
    fn pieces(&mut self, simulated: Seconds, compute: Watts, produced_bits: f64) {
        if simulated.0 <= 0.0 {
            return;
        }
        let (count, piece) = cut(simulated);
        let bits = produced_bits / count as f64;
        (0..count).for_each(|_| self.piece(piece, compute, bits));
    }

    /// Moves it on by `simulated` seconds, at most one.
    fn piece(&mut self, simulated: Seconds, compute: Watts, produced_bits: f64) {
        let before = self.state;
        let now = before.simulated + simulated;
        if now.0 >= self.season_ends {
            self.renew_season(now);
        }
        if now.0 >= self.contact_ends {
            self.renew_contact(now);
        }
        let (after, supply) = self.moved(&before, simulated, compute);
        self.state = after;
        self.keep_books(&before, &supply, compute);
        self.send(produced_bits, supply.dt);
        let capacity = self.forecast.battery.capacity;
        self.breaches.record(&self.limits, capacity, &before, &self.state, supply.flow.unserved);
        if now.0 >= self.forecast_ends {
            self.renew_forecast();
        }
    }

    /// The state `simulated` seconds after `before`, at most one, and what was supplied on the way.
    fn moved(&self, before: &State, simulated: Seconds, compute: Watts) -> (State, Supply) {
        let (dt, now) = (self.scale.machine(simulated), before.simulated + simulated);
        let phase = self.orbit.phase(now);
        let illumination = self.season.illumination(phase);
        let mean = 0.5 * (before.illumination + illumination);
        let (array, environment) = (self.array(mean), self.environment(mean));
        let load = compute / self.forecast.conversion_efficiency + self.forecast.housekeeping;
        let (soc, flow) = self.forecast.battery.step(before.soc, array - load, dt);
        let state = State {
            t: self.scale.machine(now),
            simulated: now,
            orbit_phase: phase,
            illumination,
            array: self.array(illumination),
            environment: self.environment(illumination),
            soc,
            temperatures: self.network.step(before.temperatures, compute, environment, dt),
            ..*before
        };
        (state, Supply { dt, array, environment, flow })
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

    /// Enters a piece into the ledger.
    fn keep_books(&mut self, before: &State, supply: &Supply, compute: Watts) {
        let Supply { dt, array, environment, flow } = *supply;
        let battery = &self.forecast.battery;
        let stored = battery.capacity * (self.state.soc - before.soc);
        let lost = compute / self.forecast.conversion_efficiency - compute;
        self.absorbed += environment * dt;
        self.ledger.array_j += array * dt;
        self.ledger.compute_j += compute * dt;
        self.ledger.conversion_j += lost * dt;
        self.ledger.housekeeping_j += self.forecast.housekeeping * dt;
        self.ledger.add_flow(battery, &flow, stored);
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
}
