//! What a spacecraft renews on its way: the season each day, the contact each minute, the forecast eight times an orbit.

use super::super::link::Contact;
use super::super::season::Season;
use super::Spacecraft;
use crate::units::Seconds;

/// Forecasts in one orbit.
const FORECASTS_PER_ORBIT: f64 = 8.0;

impl Spacecraft {
    /// The season of the day that holds the present.
    pub(super) fn renew_season(&mut self, now: Seconds) {
        let day = Season::beginning(now);
        self.season = self.season_of(day);
        self.season_ends = day.0 + Season::HELD_S;
    }

    /// The contact of the minute that holds the present.
    pub(super) fn renew_contact(&mut self, now: Seconds) {
        let minute = (now.0 / Contact::HELD_S).floor();
        self.contact = self.link.contact(&self.orbit, Seconds((minute + 0.5) * Contact::HELD_S));
        self.contact_ends = (minute + 1.0) * Contact::HELD_S;
    }

    /// The orbit from now on.
    pub(super) fn renew_forecast(&mut self) {
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

    pub(super) fn season_of(&self, day: Seconds) -> Season {
        Season::new(&self.satellite, &self.orbit, self.sky, self.scale, day)
    }
}
