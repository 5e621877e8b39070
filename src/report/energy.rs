//! Energy as it is published: with boundary, source and kind, and with bounds only where it was measured.

use crate::journal::Drawn;
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
    /// Lower bound (k = 2); null for a model.
    pub low_j: Option<Joules>,
    /// Upper bound (k = 2); null for a model.
    pub high_j: Option<Joules>,
    /// How often the reading changed in the window.
    pub updates: u64,
}

impl Energy {
    /// What `source` said over a window of `duration`.
    ///
    /// The band is u^2 = (g E)^2 + n (P t_update)^2: the gain of the sensor, and half an update at each of the two edges
    /// of n windows at the mean power (JCGM 100:2008, uncorrelated contributions). Work that the source does not see
    /// has no energy.
    pub fn of(drawn: &Drawn, duration: Seconds, source: &Source, seen: bool) -> Energy {
        let text = format!("{}: {}", source.name, source.method);
        let kind = match (drawn.energy_j, source.provenance) {
            _ if !seen => Kind::Unmeasured,
            (None, _) | (_, Provenance::None) => Kind::Unmeasured,
            (_, Provenance::Modelled) => Kind::Modelled,
            _ => Kind::Measured,
        };
        let value = drawn.energy_j.filter(|_| kind != Kind::Unmeasured);
        let band = match (kind, value, source.relative_uncertainty) {
            (Kind::Measured, Some(energy), Some(gain)) => {
                let mean: Watts = energy / duration;
                let edges = (drawn.windows.max(1) as f64).sqrt() * (mean * source.update_period_s).0;
                Some(Joules((gain * energy.0).hypot(edges)))
            }
            _ => None,
        };
        Energy {
            value_j: value,
            boundary: value.map(|_| source.boundary),
            source: text,
            kind,
            low_j: value.zip(band).map(|(energy, band)| (energy - band).max(Joules::ZERO)),
            high_j: value.zip(band).map(|(energy, band)| energy + band),
            updates: drawn.updates,
        }
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

    fn source(provenance: Provenance, band: Option<f64>) -> Source {
        Source {
            name: "test".into(),
            provenance,
            boundary: Boundary::Accelerator,
            method: "made up".into(),
            update_period_s: Seconds(0.1),
            relative_uncertainty: band,
            rated_w: None,
        }
    }

    fn drawn(energy: f64) -> Drawn {
        Drawn { energy_j: Some(Joules(energy)), updates: 9, windows: 1, no_data: None }
    }

    #[test]
    fn a_modelled_energy_has_no_band() {
        let energy = Energy::of(&drawn(100.0), Seconds(10.0), &source(Provenance::Modelled, Some(0.05)), true);
        assert_eq!(energy.kind, Kind::Modelled, "a model is a model");
        assert_eq!((energy.low_j, energy.high_j), (None, None), "even if a band were claimed");
    }

    #[test]
    fn the_band_holds_gain_and_window_edges() {
        let energy = Energy::of(&drawn(100.0), Seconds(10.0), &source(Provenance::BoardSensor, Some(0.05)), true);
        let half = energy.high_j.expect("measured with a gain") - Joules(100.0);
        assert!((half.0 - 5.0_f64.hypot(1.0)).abs() < 1e-12, "5 J of gain and 1 J of edges give {half}");
    }

    #[test]
    fn many_windows_have_many_edges() {
        let four = Drawn { windows: 4, ..drawn(100.0) };
        let energy = Energy::of(&four, Seconds(10.0), &source(Provenance::BoardSensor, Some(0.0)), true);
        let half = energy.high_j.expect("measured with a gain") - Joules(100.0);
        assert!((half.0 - 2.0).abs() < 1e-12, "twice the 1 J of one window, {half}");
    }

    #[test]
    fn work_that_the_source_does_not_see_has_no_energy() {
        let energy = Energy::of(&drawn(100.0), Seconds(10.0), &source(Provenance::BoardSensor, Some(0.05)), false);
        assert_eq!((energy.kind, energy.value_j), (Kind::Unmeasured, None), "a GPU's sensor says nothing of the CPU");
    }

    #[test]
    fn a_missing_energy_is_null_and_not_zero() {
        let gone = Drawn { energy_j: None, updates: 3, windows: 1, no_data: None };
        let energy = Energy::of(&gone, Seconds(10.0), &source(Provenance::BoardSensor, Some(0.05)), true);
        assert_eq!(energy.kind, Kind::Unmeasured, "nothing was read");
        let text = serde_json::to_string(&energy).expect("serialises");
        assert!(text.contains("\"value_j\":null"), "null, never 0: {text}");
        let work = WorkPerJoule::of(5.0, &energy, Seconds(10.0), Some(Watts(1.0)));
        assert_eq!(work.value, None, "no energy, no work per joule");
    }

    #[test]
    fn idle_power_is_shown_beside_and_not_subtracted() {
        let energy = Energy::of(&drawn(100.0), Seconds(10.0), &source(Provenance::BoardSensor, Some(0.05)), true);
        let work = WorkPerJoule::of(200.0, &energy, Seconds(10.0), Some(Watts(5.0)));
        assert_eq!((work.value, work.above_idle), (Some(2.0), Some(4.0)), "gross first, above idle beside it");
    }
}
