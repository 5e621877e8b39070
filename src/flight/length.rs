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

use crate::journal::LengthName;
use crate::units::Seconds;

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
