//! How long a run takes: three named lengths, so that two results of the same name can be compared.
//!
//! | | quick | standard | strict |
//! |---|---|---|---|
//! | idle watched | 1 s | 5 s | 30 s |
//! | warm-up of each workload | 0.2 s | 0.5 s | 10 s |
//! | unconstrained, each workload | 3 x 0.5 s | 5 x 1 s | 10 x 60 s |
//! | stepping, longer where batches are | 2 s | 5 s | 15 s |
//! | one orbit | 30 s | 110 s | 1200 s |
//! | governor tick | 50 ms | 50 ms | 100 ms |
//!
//! Quick suits CI; standard fits a coffee; strict follows MLPerf Inference's 600 s of performance run.
//!
//! A source that is renewed every T seconds, each power the mean of t_a seconds, may need longer ([`Length::for_source`]).
//! What is longer already stays as it is; up to T = 0.1 s that is everything.
//!
//! | | least | why |
//! |---|---|---|
//! | idle, a repeat, a slice | 4 T | the first update still shows what was before, and the last one is up to T old: between them lie two that show this alone |
//! | the same without a rated power | 3.5 (t_a + T) | then nothing bounds what has not been shown yet, and a window of less than 3 (t_a + T) has no energy |
//! | stepping | 17 T | it may take three times as long, and that holds four periods of two halves of 6 T |
//! | one orbit | 55 T, strict 660 T | 50 and 600 updates make a measured energy count, and one in eleven may be missed by a look that comes late |
//! | one orbit | two slices of each workload | so that each has its turns, the first of which begins in the lag of another |

use crate::journal::LengthName;
use crate::reading::Source;
use crate::units::Seconds;

/// Updates in a window of one kind of work.
const WINDOW_UPDATES: f64 = 4.0;
/// Means and updates in such a window where nobody states a rated power.
const UNRATED_WINDOW: f64 = 3.5;
/// Updates for which stepping is laid out.
const STEPPING_UPDATES: f64 = 17.0;
/// Updates in all of stepping where its half periods are the shortest: nine of six, the rest before them among them.
const STEPPED_UPDATES: f64 = 54.0;
/// Slices of each workload in an orbit.
const TURNS: f64 = 2.0;

/// The durations of a run, on the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Length {
    /// Which of the three.
    pub name: LengthName,
    /// Idle power is watched for this long.
    pub idle: Seconds,
    /// Each workload runs unmeasured for this long.
    pub warm_up: Seconds,
    /// Length of one unconstrained repeat.
    pub repeat: Seconds,
    /// Repeats of each workload, interleaved.
    pub repeats: u32,
    /// The sensor's delay is identified in about this long.
    pub identification: Seconds,
    /// One orbit takes this long.
    pub orbit: Seconds,
    /// The governor decides this often.
    pub tick: Seconds,
    /// A workload keeps its turn for this long before the next one has it.
    pub slice: Seconds,
}

impl Length {
    /// What `source` and so many workloads need at least; see above.
    pub fn for_source(self, source: &Source, workloads: usize) -> Length {
        let update = source.update_period_s;
        let window = Length::window(source);
        let slice = self.slice.max(window);
        let turns = if slice > self.slice { slice * (TURNS * workloads as f64) } else { Seconds::ZERO };
        let updates = if self.name == LengthName::Strict { 660.0 } else { 55.0 };
        Length {
            idle: self.idle.max(window),
            repeat: self.repeat.max(window),
            slice,
            identification: self.identification.max(update * STEPPING_UPDATES),
            orbit: self.orbit.max(update * updates).max(turns),
            ..self
        }
    }

    /// The shortest window of one kind of work that has an energy by `source`.
    pub fn window(source: &Source) -> Seconds {
        let update = source.update_period_s;
        let unrated = if source.rated_w.is_none() { UNRATED_WINDOW } else { 0.0 };
        (update * WINDOW_UPDATES).max((source.sensing.averaging_s + update) * unrated)
    }

    /// About how long all phases take with a source renewed every `update`, so many workloads and an orbit of `orbit`.
    pub fn whole(&self, update: Seconds, workloads: usize, orbit: Seconds) -> Seconds {
        let repeats = self.repeat * f64::from(self.repeats);
        let stepping = self.identification.max(update * STEPPED_UPDATES);
        self.idle * 2.0 + (self.warm_up + repeats) * workloads as f64 + stepping + orbit
    }

    /// For CI.
    pub const QUICK: Length = Length {
        name: LengthName::Quick,
        idle: Seconds(1.0),
        warm_up: Seconds(0.2),
        repeat: Seconds(0.5),
        repeats: 3,
        identification: Seconds(2.0),
        orbit: Seconds(30.0),
        tick: Seconds(0.05),
        slice: Seconds(0.5),
    };

    /// The default.
    pub const STANDARD: Length = Length {
        name: LengthName::Standard,
        idle: Seconds(5.0),
        warm_up: Seconds(0.5),
        repeat: Seconds(1.0),
        repeats: 5,
        identification: Seconds(5.0),
        orbit: Seconds(110.0),
        tick: Seconds(0.05),
        slice: Seconds(1.0),
    };

    /// For publication.
    pub const STRICT: Length = Length {
        name: LengthName::Strict,
        idle: Seconds(30.0),
        warm_up: Seconds(10.0),
        repeat: Seconds(60.0),
        repeats: 10,
        identification: Seconds(15.0),
        orbit: Seconds(1200.0),
        tick: Seconds(0.1),
        slice: Seconds(5.0),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{Boundary, Provenance, Sensing};
    use crate::units::Watts;

    fn source(update: f64, rated_w: Option<Watts>) -> Source {
        Source {
            name: "told".into(),
            provenance: Provenance::ExternalMeter,
            boundary: Boundary::Wall,
            method: "told by a test".into(),
            update_period_s: Seconds(update),
            relative_uncertainty: None,
            rated_w,
            sensing: Sensing { averaging_s: Seconds(update), ..Sensing::default() },
        }
    }

    /// Of ten workloads, in minutes.
    fn minutes(named: Length, update: f64, rated_w: Option<Watts>) -> f64 {
        let length = named.for_source(&source(update, rated_w), 10);
        length.whole(Seconds(update), 10, length.orbit).0 / 60.0
    }

    #[test]
    fn a_flight_takes_what_the_front_page_says() {
        let rated = Some(Watts(300.0));
        for (update, quick, standard) in [(0.1, 1.0, 3.0), (1.0, 4.0, 6.0), (10.0, 44.0, 57.0)] {
            for (named, told) in [(Length::QUICK, quick), (Length::STANDARD, standard)] {
                let takes = minutes(named, update, rated);
                assert!((takes - told).abs() <= 0.5, "{} with {update} s: {takes} min", named.name);
                let unrated = minutes(named, update, None) / takes;
                assert!((1.0..=1.67).contains(&unrated), "{} with {update} s, unrated: {unrated}", named.name);
            }
        }
    }

    #[test]
    fn a_source_that_is_fast_enough_leaves_every_length_as_it_is() {
        for named in [Length::QUICK, Length::STANDARD, Length::STRICT] {
            assert_eq!(named.for_source(&source(0.1, Some(Watts(300.0))), 10), named, "{}", named.name);
        }
    }
}
