//! Energy as it is published: with boundary, source and kind, and with bounds only where it was measured.
//!
//! The bounds are those of [`Drawn`]. What other sources saw of the same window stands beside it: nothing is ever added up
//! over two sources, and where two of the same boundary differ by more than [`DISAGREEMENT`], both are shown.

use crate::journal::{Beside, Drawn};
use crate::reading::{Boundary, Provenance, Source};
use crate::units::{Joules, Seconds, Watts};
use serde::Serialize;

/// Whether a number came from a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Read from a sensor.
    Measured,
    /// Computed from something that is not power; never ranked.
    Modelled,
    /// Not known.
    Unmeasured,
}

/// An energy and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Energy {
    /// The energy; null where there is none.
    pub value_j: Option<Joules>,
    /// What it covers; null where there is none.
    pub boundary: Option<Boundary>,
    /// The source's name and method.
    pub source: String,
    /// Measured, modelled or unmeasured.
    pub kind: Kind,
    /// Lower bound (k = 2); null for a model, and where nobody states the source's band.
    pub low_j: Option<Joules>,
    /// Upper bound (k = 2); null where the lower one is.
    pub high_j: Option<Joules>,
    /// How often the reading changed in the window.
    pub updates: u64,
    /// Share of the window in which the source was watched closely enough; null where there is no energy.
    pub coverage_share: Option<f64>,
    /// Age of the oldest value in use; null where there is no energy.
    pub oldest_sample_s: Option<Seconds>,
    /// What other sources saw.
    pub beside: Vec<EnergyBeside>,
}

/// The same window by another source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnergyBeside {
    /// The source's name and method.
    pub source: String,
    /// What it covers.
    pub boundary: Boundary,
    /// The energy; null where there is none.
    pub value_j: Option<Joules>,
    /// Lower bound (k = 2).
    pub low_j: Option<Joules>,
    /// Upper bound (k = 2).
    pub high_j: Option<Joules>,
    /// Difference over the mean of both; null where the two do not cover the same.
    pub disagreement_share: Option<f64>,
}

/// Two sources of the same boundary that differ by more are both shown, with the difference.
pub const DISAGREEMENT: f64 = 0.05;

impl Energy {
    /// What `source` said over a window. Work that the source does not see has no energy.
    pub fn of(drawn: &Drawn, source: &Source, seen: bool) -> Energy {
        let text = format!("{}: {}", source.name, source.method);
        let kind = match (drawn.energy_j, source.provenance) {
            _ if !seen => Kind::Unmeasured,
            (None, _) | (_, Provenance::None) => Kind::Unmeasured,
            (_, Provenance::Modelled) => Kind::Modelled,
            _ => Kind::Measured,
        };
        let value = drawn.energy_j.filter(|_| kind != Kind::Unmeasured);
        let bounds = drawn.bounds(source).filter(|_| kind == Kind::Measured);
        Energy {
            value_j: value,
            boundary: value.map(|_| source.boundary),
            source: text,
            kind,
            low_j: bounds.map(|(low, _)| low),
            high_j: bounds.map(|(_, high)| high),
            updates: drawn.updates,
            coverage_share: value.and(drawn.coverage()),
            oldest_sample_s: value.and(drawn.coverage()).map(|_| drawn.oldest_s),
            beside: Vec::new(),
        }
    }

    /// With what other sources saw of the same window.
    pub fn with(mut self, others: &[Beside]) -> Energy {
        let beside = |other: &Beside| {
            let (source, drawn) = (&other.source, &other.drawn);
            let bounds = drawn.bounds(source);
            let both = self.value_j.zip(drawn.energy_j).filter(|_| self.boundary == Some(source.boundary));
            EnergyBeside {
                source: format!("{}: {}", source.name, source.method),
                boundary: source.boundary,
                value_j: drawn.energy_j,
                low_j: bounds.map(|(low, _)| low),
                high_j: bounds.map(|(_, high)| high),
                disagreement_share: both
                    .map(|(one, two)| 2.0 * ((one - two) / (one + two)).abs())
                    .filter(|share| share.is_finite()),
            }
        };
        self.beside = others.iter().map(beside).collect();
        self
    }

    /// The sources that disagree, in words.
    pub(super) fn disputes(&self) -> Vec<String> {
        let dispute = |other: &EnergyBeside| {
            let share = other.disagreement_share.filter(|share| *share > DISAGREEMENT)?;
            let (ours, theirs) = (self.value_j?, other.value_j?);
            let name = |source: &str| source.split(": ").next().unwrap_or_default().to_owned();
            Some(format!(
                "{:.1} J by {} and {:.1} J by {} differ by {:.1} %",
                ours.0,
                name(&self.source),
                theirs.0,
                name(&other.source),
                100.0 * share
            ))
        };
        self.beside.iter().filter_map(dispute).collect()
    }
}

/// Work bought by a joule, gross: idle power is inside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WorkPerJoule {
    /// Items for each joule; null where there is no energy.
    pub value: Option<f64>,
    /// Items for each joule above idle power; null where idle power is not known or nothing is above it.
    pub above_idle: Option<f64>,
    /// Measured, modelled or unmeasured. Only a measured one may be ranked.
    pub kind: Kind,
}

impl WorkPerJoule {
    /// `items` done with `energy` in `duration` on a machine that idles at `idle` watts.
    pub fn of(items: f64, energy: &Energy, duration: Seconds, idle: Option<Watts>) -> WorkPerJoule {
        let positive = |energy: Joules| (energy > Joules::ZERO).then_some(items / energy.0);
        let above = energy.value_j.zip(idle).and_then(|(energy, idle)| positive(energy - idle * duration));
        WorkPerJoule { value: energy.value_j.and_then(positive), above_idle: above, kind: energy.kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{NoData, Sensing};

    fn source(provenance: Provenance, band: Option<f64>) -> Source {
        Source {
            name: "test".into(),
            provenance,
            boundary: Boundary::Accelerator,
            method: "made up".into(),
            update_period_s: Seconds(0.1),
            relative_uncertainty: band,
            rated_w: None,
            sensing: Sensing::default(),
        }
    }

    fn drawn(energy: f64) -> Drawn {
        Drawn { energy_j: Some(Joules(energy)), updates: 9, windows: 1, window_s: Seconds(10.0), ..Drawn::default() }
    }

    #[test]
    fn a_modelled_energy_has_no_band() {
        let energy = Energy::of(&drawn(100.0), &source(Provenance::Modelled, Some(0.05)), true);
        assert_eq!(energy.kind, Kind::Modelled, "a model is a model");
        assert_eq!((energy.low_j, energy.high_j), (None, None), "even if a band were claimed");
    }

    #[test]
    fn the_band_holds_gain_edges_and_lag() {
        let wide = Drawn { spread_j: Joules(3.0), lag_j: Joules(2.0), ..drawn(100.0) };
        let energy = Energy::of(&wide, &source(Provenance::BoardSensor, Some(0.05)), true);
        let (low, high) = (energy.low_j.expect("measured"), energy.high_j.expect("measured"));
        let half = 13.0_f64.sqrt();
        assert!((low.0 - (100.0 - half) / 1.05).abs() < 1e-12, "3 J and 2 J, and a sensor that shows too much: {low}");
        assert!((high.0 - (100.0 + half) / 0.95).abs() < 1e-12, "or one that shows too little: {high}");
    }

    #[test]
    fn many_windows_spread_less_than_they_lag() {
        let one = Drawn { spread_j: Joules(1.0), lag_j: Joules(1.0), ..drawn(100.0) };
        let four = one.plus(&one).plus(&one.plus(&one));
        assert!((four.spread_j.0 - 2.0).abs() < 1e-12, "edges fall one way or the other, {}", four.spread_j);
        assert!((four.lag_j.0 - 4.0).abs() < 1e-12, "the same work lags the same way, {}", four.lag_j);
        assert_eq!((four.windows, four.energy_j), (4, Some(Joules(400.0))), "and the energies add up");
    }

    #[test]
    fn another_source_is_shown_beside_and_never_added() {
        let sensor = source(Provenance::BoardSensor, Some(0.05));
        let by = |boundary, energy| Beside { source: Source { boundary, ..sensor.clone() }, drawn: drawn(energy) };
        let same =
            Energy::of(&drawn(100.0), &sensor, true).with(&[by(sensor.boundary, 110.0), by(Boundary::Wall, 300.0)]);
        assert_eq!(same.value_j, Some(Joules(100.0)), "the source that counts counts alone");
        let shares: Vec<Option<f64>> = same.beside.iter().map(|other| other.disagreement_share).collect();
        assert!(shares[0].is_some_and(|share| (share - 10.0 / 105.0).abs() < 1e-12), "10 J of 105 J: {shares:?}");
        assert_eq!(shares[1], None, "a wall holds more than a board: no disagreement");
        assert_eq!(same.disputes().len(), 1, "one is over 5 %: {:?}", same.disputes());
        let close = Energy::of(&drawn(100.0), &sensor, true).with(&[by(sensor.boundary, 102.0)]);
        assert!(close.disputes().is_empty(), "2 % are no dispute");
    }

    #[test]
    fn work_that_the_source_does_not_see_has_no_energy() {
        let energy = Energy::of(&drawn(100.0), &source(Provenance::BoardSensor, Some(0.05)), false);
        assert_eq!((energy.kind, energy.value_j), (Kind::Unmeasured, None), "a GPU's sensor says nothing of the CPU");
    }

    #[test]
    fn a_missing_energy_is_null_and_not_zero() {
        let gone = Drawn { updates: 3, ..Drawn::absent(NoData::Lost, Seconds(10.0)) };
        let energy = Energy::of(&gone, &source(Provenance::BoardSensor, Some(0.05)), true);
        assert_eq!(energy.kind, Kind::Unmeasured, "nothing was read");
        let text = serde_json::to_string(&energy).expect("serialises");
        assert!(text.contains("\"value_j\":null"), "null, never 0: {text}");
        let work = WorkPerJoule::of(5.0, &energy, Seconds(10.0), Some(Watts(1.0)));
        assert_eq!(work.value, None, "no energy, no work per joule");
    }

    #[test]
    fn idle_power_is_shown_beside_and_not_subtracted() {
        let energy = Energy::of(&drawn(100.0), &source(Provenance::BoardSensor, Some(0.05)), true);
        let work = WorkPerJoule::of(200.0, &energy, Seconds(10.0), Some(Watts(5.0)));
        assert_eq!((work.value, work.above_idle), (Some(2.0), Some(4.0)), "gross first, above idle beside it");
    }
}
