//! Apple's chips, by the energy counters that their firmware keeps (IOReport, read by the crate `macmon`).
//!
//! Needs the cargo feature `apple`, which is compiled on macOS alone. A thread of its own asks for the mean power of CPU,
//! GPU and neural engine since it asked last, and every joule lies in one of these intervals:
//!
//! ```text
//! E += P_i · (t_i - t_{i-1})        an interval without a power is a gap
//! ```
//!
//! The chip's memory is left out: on newer chips its counter stands still. Apple calls the values estimates and states no
//! error; they are also no instants, but means over [`PERIOD`].

use super::channel::{Channel, Quantity, Sample, Sensor, Value};
use super::plausible::PowerFilter;
use super::probe::Refusal;
use super::trial::{Candidate, Roots, Trial};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

/// Name of the source.
pub const NAME: &str = "apple";

/// Length of an interval. A look also reads every temperature of the chip, which takes tens of milliseconds.
pub const PERIOD: Seconds = Seconds(0.25);

/// Half width of the band, k = 2. Assumed: Apple states none, and calls them estimates (`man powermetrics`).
pub const RELATIVE_UNCERTAINTY: f64 = 0.25;

/// After so many intervals without a new one the thread hangs.
const STALE_PERIODS: f64 = 8.0;

/// One interval.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// When it ended; it began where the one before ended.
    pub ended: Instant,
    /// The mean power in it, or why there is none.
    pub mean: Result<Watts, NoData>,
}

/// The chip of this machine: where macOS runs, or why it cannot be read. None elsewhere.
pub fn open() -> Option<Result<Channel<Apple>, Refusal>> {
    #[cfg(all(target_os = "macos", feature = "apple"))]
    return Some(ioreport::start().map(Apple::channel));
    #[cfg(all(target_os = "macos", not(feature = "apple")))]
    return Some(Err(Refusal::new(NoData::NotSupported, "this program was built without the feature `apple`")
        .with_remedy("build it with: cargo install dawndusk --features apple")));
    #[cfg(not(target_os = "macos"))]
    None
}

/// The chip, by the intervals of its thread.
pub struct Apple {
    intervals: Receiver<Interval>,
    /// The ends of the first and of the last interval.
    ended: Option<(Instant, Instant)>,
}

/// It has a thread already, and its first interval takes its time.
pub(super) fn trials(roots: &Roots) -> Vec<Trial> {
    vec![Trial::start(NAME, roots.slow_deadline(), || open().map(|chip| Candidate::slow(chip?)).transpose())]
}

impl Apple {
    /// What comes from `intervals`. Its energy counts from the end of the first.
    pub fn channel(intervals: Receiver<Interval>) -> Channel<Apple> {
        let source = Source {
            name: NAME.to_owned(),
            provenance: Provenance::SocCounter,
            boundary: Boundary::Module,
            method: format!(
                "the energy counters of the chip's CPU, GPU and neural engine (IOReport), without its memory, as means \
                 over {PERIOD}; estimates of its firmware"
            ),
            update_period_s: PERIOD,
            relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
            rated_w: None,
            sensing: Sensing { averaging_s: PERIOD, seen_share: 1.0 },
        };
        let quantity = Quantity::power(PowerFilter::new(None), PERIOD);
        Channel::new(source, Apple { intervals, ended: None }, vec![quantity])
    }

    fn sample(&mut self, now: Seconds, interval: Interval) -> Sample {
        let first = self.ended.map_or(interval.ended, |(first, _)| first);
        self.ended = Some((first, interval.ended));
        Sample {
            quantity: 0,
            taken_at: now - Seconds(interval.ended.elapsed().as_secs_f64()),
            clock: Seconds(interval.ended.saturating_duration_since(first).as_secs_f64()),
            value: Ok(Value::Mean(interval.mean)),
        }
    }
}

impl Sensor for Apple {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let mut samples = Vec::new();
        let has_ended = loop {
            match self.intervals.try_recv() {
                Ok(interval) => samples.push(self.sample(now, interval)),
                Err(error) => break error == TryRecvError::Disconnected,
            }
        };
        let cause = match self.ended {
            _ if has_ended => Some(NoData::Lost),
            None => Some(NoData::NotYet),
            Some((_, last)) => (last.elapsed().as_secs_f64() > PERIOD.0 * STALE_PERIODS).then_some(NoData::Timeout),
        };
        // What came before it counts all the same.
        samples.extend(cause.map(|cause| Sample::new(0, now, Err(cause))));
        Ok(samples)
    }
}

/// The one place that names the crate.
#[cfg(all(target_os = "macos", feature = "apple"))]
mod ioreport {
    use super::{Interval, PERIOD};
    use crate::meter::probe::Refusal;
    use crate::reading::NoData;
    use crate::units::Watts;
    use std::sync::mpsc::{self, Receiver, SyncSender};
    use std::time::Instant;

    /// Intervals that may wait to be taken: half a minute.
    const WAITING: usize = 128;

    /// Asks on a thread of its own, where alone the counters may be used, until nobody takes the answers.
    pub(super) fn start() -> Result<Receiver<Interval>, Refusal> {
        let (opened, is_open) = mpsc::sync_channel(1);
        let (sender, intervals) = mpsc::sync_channel(WAITING);
        let refuse = |why: String| Refusal::new(NoData::NotSupported, format!("IOReport: {why}"));
        std::thread::Builder::new()
            .name("meter apple".to_owned())
            .spawn(move || match macmon::Sampler::new() {
                Ok(sampler) => {
                    if opened.send(Ok(())).is_ok() {
                        ask(sampler, &sender);
                    }
                }
                // Nobody waits any more: nobody wants to know.
                Err(error) => drop(opened.send(Err(error.to_string()))),
            })
            .map_err(|error| refuse(error.to_string()))?;
        match is_open.recv() {
            Ok(Ok(())) => Ok(intervals),
            Ok(Err(why)) => Err(refuse(why)),
            Err(_) => Err(refuse("the thread that asks has ended".to_owned())),
        }
    }

    fn ask(mut sampler: macmon::Sampler, sender: &SyncSender<Interval>) {
        let milliseconds = (PERIOD.0 * 1e3) as u32;
        loop {
            // An unknown unit of a counter is an error there, and no number.
            let mean = sampler.get_metrics(milliseconds).map(|metrics| Watts(f64::from(metrics.all_power)));
            let interval = Interval { ended: Instant::now(), mean: mean.map_err(|_| NoData::Implausible) };
            if sender.send(interval).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::Meter;
    use std::sync::mpsc::{self, Sender};
    use std::time::Duration;

    fn chip() -> (Sender<Interval>, Channel<Apple>, Instant) {
        let (sender, intervals) = mpsc::channel();
        // Intervals of the last second and a half: none of them is stale.
        let begin = Instant::now().checked_sub(Duration::from_millis(1500)).expect("the machine runs for longer");
        (sender, Apple::channel(intervals), begin)
    }

    fn send(sender: &Sender<Interval>, begin: Instant, means: &[Result<f64, NoData>]) {
        for (step, mean) in means.iter().enumerate() {
            let ended = begin + Duration::from_millis(250 * (step as u64 + 1));
            sender.send(Interval { ended, mean: mean.map(Watts) }).expect("the meter listens");
        }
    }

    #[test]
    fn every_interval_is_counted_once_however_seldom_one_looks() {
        let (sender, mut chip, begin) = chip();
        assert_eq!(chip.read(Seconds(7.0)).energy, Err(NoData::NotYet), "no interval has ended");
        send(&sender, begin, &[Ok(99.0), Ok(10.0), Ok(20.0), Ok(30.0)]);
        let reading = chip.read(Seconds(8.0));
        let energy = reading.energy.expect("three intervals");
        assert!((energy.0 - 15.0).abs() < 1e-9, "60 W for 0.25 s, from the end of the first: {energy}");
        assert_eq!(reading.power, Ok(Watts(30.0)), "the mean over the last");
        let age = Seconds(8.0) - reading.taken_at;
        assert!(age.0 >= 0.5 && age.0 < 5.0, "taken when it ended, half a second ago: {age}");
        assert_eq!((chip.coverage().updates, chip.coverage().missed), (4, 1), "and one look was too early");
    }

    #[test]
    fn an_interval_without_a_power_is_a_gap_and_no_zero() {
        let (sender, mut chip, begin) = chip();
        send(&sender, begin, &[Ok(10.0), Err(NoData::Implausible), Ok(10.0), Ok(f64::NAN)]);
        assert_eq!(chip.read(Seconds(1.0)).energy, Err(NoData::Implausible), "the last one is no power");
        assert_eq!((chip.coverage().gaps, chip.coverage().gap_s), (2, Seconds(0.5)), "two of 0.25 s");
        send(&sender, begin + Duration::from_secs(1), &[Ok(40.0)]);
        let energy = chip.read(Seconds(1.3)).energy.expect("good again");
        assert!((energy.0 - 12.5).abs() < 1e-9, "what was seen, and nothing invented: {energy}");
    }

    #[test]
    fn a_virtual_machine_that_only_says_zero_has_no_power() {
        let (sender, mut chip, begin) = chip();
        send(&sender, begin, &[Ok(0.0), Ok(0.0)]);
        assert_eq!(chip.read(Seconds(1.0)).power, Err(NoData::Implausible), "nothing is metered there");
    }

    #[test]
    fn a_thread_that_hangs_or_ends_is_named() {
        let (sender, mut chip, _) = chip();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(3)).expect("the machine runs for longer");
        send(&sender, long_ago, &[Ok(10.0)]);
        assert_eq!(chip.read(Seconds(1.0)).power, Err(NoData::Timeout), "2.75 s without an answer, not the last value");
        drop(sender);
        assert_eq!(chip.read(Seconds(2.0)).power, Err(NoData::Lost), "nobody asks any more");
    }
}
