//! An accelerator board behind its driver's library: the energy counter first, its power integrated where there is none.
//!
//! [`Board`] is the small part of such a library that a meter needs, in the library's own units, so that a test can
//! put a board of its own behind it. [`BoardMeter::open`] accepts a board by reading it for up to [`WATCH`]:
//!
//! * The energy counter is taken if it moves, and if its rise over that time is within 0.1 to 10 times the power times
//!   the time (the check that Zeus makes on AMD boards). Some boards have a counter that stands still or counts in
//!   other units than it says.
//! * Otherwise the power is taken, integrated by [`super::integral`].
//! * The update period is the median time between two changes of the counter. A board that changes less than three times
//!   in the watch gets [`DEFAULT_UPDATE_PERIOD`].
//!
//! The counter starts anew with the driver and has no known range: a fall is a reset, never a wrap.

use super::Meter;
use super::counter::{Counter, Limits, MILLIJOULE, SLACK};
use super::integral::PowerIntegral;
use super::plausible::{self, PowerFilter};
use super::probe::{Place, Refusal};
use super::renewal::Renewal;
use super::throttle::{ThrottleLook, ThrottleWatch};
use crate::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source, Throttling};
use crate::stats;
use crate::units::{Joules, Seconds, Watts};

/// The longest time that opening a board spends on watching its counter.
pub const WATCH: Seconds = Seconds(0.3);

/// Time between two looks of the watch.
const WATCH_STEP: Seconds = Seconds(0.002);

/// Where the update period cannot be seen: 100 ms, the longest that Yang, Adamek & Armour (SC24, arXiv:2312.02741)
/// found on more than 70 NVIDIA boards.
pub const DEFAULT_UPDATE_PERIOD: Seconds = Seconds(0.1);

/// Half width of the band on a steady load, k = 2: NVML's manual states ±5 % for the boards for which it states
/// anything (nvmlDeviceGetPowerUsage), and Yang et al. found gains of that size on newer ones.
pub const RELATIVE_UNCERTAINTY: f64 = 0.05;

/// A lost board is looked for again after this long.
const REOPEN_AFTER: Seconds = Seconds(1.0);

/// One board, in the units of its driver.
pub trait Board: Send {
    /// Product name.
    fn name(&self) -> String;
    /// An identifier that stays when boards are counted anew.
    fn id(&self) -> String;
    /// Where it sits.
    fn place(&self) -> Place;
    /// Energy since the driver was loaded, in millijoules.
    fn energy_mj(&mut self) -> Result<u64, NoData>;
    /// Power, in milliwatts.
    fn power_mw(&mut self) -> Result<u64, NoData>;
    /// The limit in force, in milliwatts.
    fn power_limit_mw(&mut self) -> Result<u64, NoData>;
    /// Finds the board again by its identifier after it was lost.
    fn reopen(&mut self) -> Result<(), NoData>;
    /// How [`Board::power_mw`] comes about inside the board.
    fn power_sensing(&self) -> Sensing {
        Sensing::default()
    }
    /// What slows the board down.
    fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        Err(NoData::NotSupported)
    }
}

/// The power limit of a board, in the units of its driver.
pub trait BoardLimit: Send {
    /// Name for people.
    fn name(&self) -> String;
    /// An identifier that stays when boards are counted anew.
    fn id(&self) -> String;
    /// The lowest and the highest limit, in milliwatts.
    fn range_mw(&mut self) -> Result<(u64, u64), NoData>;
    /// The limit that was asked for last, in milliwatts.
    fn limit_mw(&mut self) -> Result<u64, NoData>;
    /// Asks for a limit in milliwatts.
    fn set_limit_mw(&mut self, milliwatts: u64) -> Result<(), NoData>;
}

/// The boards of a library in its own order; one that does not answer leaves the others usable.
pub type Boards = Result<Vec<Result<Box<dyn Board>, Refusal>>, Refusal>;

/// A driver's library.
pub trait BoardDriver: Send + Sync {
    /// Prefix of its sources, such as `nvml`.
    fn name(&self) -> &'static str;
    /// The boards it has now.
    fn boards(&self) -> Boards;
}

/// What the energy comes from.
enum Method {
    /// Its power is integrated beside it, as a witness.
    Counter {
        counter: Counter,
        renewal: Renewal,
        beside: Box<Beside>,
    },
    Power(PowerIntegral),
}

/// The other way to an energy, never added to the first.
struct Beside {
    source: Source,
    integral: PowerIntegral,
    coverage: Coverage,
    last: Reading,
}

impl Beside {
    fn look(&mut self, now: Seconds, power: Result<Watts, NoData>) {
        if let Ok(power) = power {
            self.coverage.updates += u64::from(self.integral.last_power() != Some(power));
            self.integral.advance(now, power);
        }
        self.coverage.looks += 1;
        self.coverage.missed += u64::from(power.is_err());
        self.integral.tell(&mut self.coverage);
        self.last = Reading { taken_at: now, energy: power.map(|_| self.integral.total()), power };
    }
}

/// A board as a meter.
pub struct BoardMeter {
    board: Box<dyn Board>,
    source: Source,
    method: Method,
    filter: PowerFilter,
    coverage: Coverage,
    lost_at: Option<Seconds>,
    throttle: ThrottleWatch,
}

impl BoardMeter {
    /// Opens `board` as the source `name`. `wait` sleeps for the time it is given and says what the clock shows then.
    pub fn open(
        mut board: Box<dyn Board>,
        name: &str,
        wait: &mut dyn FnMut(Seconds) -> Seconds,
    ) -> Result<BoardMeter, Refusal> {
        let limit = board.power_limit_mw().ok().filter(|&limit| limit > 0 && !plausible::is_sentinel(limit));
        let rated = limit.map(|limit| Watts(limit as f64 * 1e-3));
        let watch = Watch::over(board.as_mut(), rated, wait);
        let period = watch.judge();
        let update_period_s = period.as_ref().map_or(DEFAULT_UPDATE_PERIOD, |&period| period);
        let named = |how: &str| format!("{} ({}): {how}", board.name(), board.id());
        let mut source = Source {
            name: name.to_owned(),
            provenance: Provenance::BoardSensor,
            boundary: Boundary::Accelerator,
            method: named("the energy counter of its driver"),
            update_period_s,
            relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
            rated_w: rated,
            sensing: Sensing::default(),
        };
        let method = match period {
            Ok(_) => {
                let limits = Limits {
                    unit: MILLIJOULE,
                    range: None,
                    ceiling: Some(plausible::ceiling(rated, plausible::BOARD_CEILING)),
                    slack: SLACK,
                };
                let beside = Box::new(Beside {
                    source: Source {
                        name: format!("{name}/power"),
                        method: named("the power its driver reports, integrated"),
                        update_period_s: DEFAULT_UPDATE_PERIOD,
                        sensing: board.power_sensing(),
                        ..source.clone()
                    },
                    integral: PowerIntegral::new(DEFAULT_UPDATE_PERIOD),
                    coverage: Coverage::default(),
                    last: Reading::absent(Seconds::ZERO, NoData::NotYet),
                });
                Method::Counter { counter: Counter::new(limits), renewal: Renewal::default(), beside }
            }
            Err(no_counter) => {
                let no_power = |cause| Refusal::new(cause, format!("{}: {no_counter}, and no power", board.name()));
                watch.power.map_err(no_power)?;
                source.method = named(&format!("the power its driver reports, integrated, because {no_counter}"));
                source.sensing = board.power_sensing();
                Method::Power(PowerIntegral::new(DEFAULT_UPDATE_PERIOD))
            }
        };
        let filter = PowerFilter::new(rated);
        let (coverage, throttle) = (Coverage::default(), ThrottleWatch::default());
        Ok(BoardMeter { board, source, method, filter, coverage, lost_at: None, throttle })
    }

    /// How often a sampler should look between the flight's own looks.
    pub fn poll_period(&self) -> Seconds {
        match self.method {
            // Renewals are seen to within a quarter of their period.
            Method::Counter { .. } => self.source.update_period_s * 0.25,
            Method::Power(_) => self.source.update_period_s * 0.5,
        }
    }

    fn power(&mut self) -> Result<Watts, NoData> {
        self.filter.check(watts(self.board.power_mw()?)?)
    }

    /// Energy and power of one look, and whether the value behind the energy has changed.
    fn look(&mut self, now: Seconds) -> (Reading, bool) {
        let power = self.power();
        let mut taken_at = now;
        let (energy, is_update) = match &mut self.method {
            Method::Counter { counter, renewal, beside } => {
                beside.look(now, power);
                match self.board.energy_mj().and_then(count) {
                    Ok(count) => {
                        let is_update = counter.last_count() != Some(count);
                        counter.advance(now, count);
                        taken_at = renewal.advance(now, is_update, self.source.update_period_s);
                        (counter.total(), is_update)
                    }
                    Err(cause) => (Err(cause), false),
                }
            }
            Method::Power(integral) => match power {
                Ok(power) => {
                    let is_update = integral.last_power() != Some(power);
                    integral.advance(now, power);
                    (Ok(integral.total()), is_update)
                }
                Err(cause) => (Err(cause), false),
            },
        };
        (Reading { taken_at, energy, power }, is_update)
    }

    /// True once the board answers again, or has not been lost.
    fn is_present(&mut self, now: Seconds) -> bool {
        match self.lost_at {
            None => true,
            Some(lost_at) if now - lost_at < REOPEN_AFTER => false,
            Some(_) => {
                self.lost_at = if self.board.reopen().is_ok() { None } else { Some(now) };
                self.lost_at.is_none()
            }
        }
    }
}

impl Meter for BoardMeter {
    fn source(&self) -> &Source {
        &self.source
    }

    fn read(&mut self, now: Seconds) -> Reading {
        self.coverage.looks += 1;
        if !self.is_present(now) {
            self.coverage.missed += 1;
            return Reading::absent(now, NoData::Lost);
        }
        let (mut reading, is_update) = self.look(now);
        if reading.energy == Err(NoData::Lost) || reading.power == Err(NoData::Lost) {
            self.lost_at = Some(now);
            reading = Reading::absent(now, NoData::Lost);
        }
        if self.throttle.is_due(now) {
            self.throttle.advance(now, self.board.throttle());
        }
        self.coverage.updates += u64::from(is_update);
        self.coverage.missed += u64::from(reading.energy.is_err());
        if let Method::Power(integral) = &self.method {
            integral.tell(&mut self.coverage);
        }
        reading
    }

    fn coverage(&self) -> Coverage {
        self.coverage
    }

    fn throttling(&self) -> Option<Throttling> {
        self.throttle.times()
    }

    fn witness_sources(&self) -> Vec<Source> {
        match &self.method {
            Method::Counter { beside, .. } => vec![beside.source.clone()],
            Method::Power(_) => Vec::new(),
        }
    }

    fn witnesses(&self) -> Vec<(Reading, Coverage)> {
        match &self.method {
            Method::Counter { beside, .. } => vec![(beside.last, beside.coverage)],
            Method::Power(_) => Vec::new(),
        }
    }
}

/// What was seen of a board while it was opened.
struct Watch {
    /// Energy and time of the first look, then of every change.
    changes: Vec<(Seconds, Joules)>,
    /// Why the counter could not be read at the first look.
    counter: Result<(), NoData>,
    /// Mean of the powers seen, or why the last look saw none.
    power: Result<Watts, NoData>,
}

impl Watch {
    fn over(board: &mut dyn Board, rated: Option<Watts>, wait: &mut dyn FnMut(Seconds) -> Seconds) -> Watch {
        let mut filter = PowerFilter::new(rated);
        let mut changes: Vec<(Seconds, Joules)> = Vec::new();
        let mut counter = Ok(());
        let mut powers = Vec::new();
        let mut power = Err(NoData::NotSupported);
        let start = wait(Seconds::ZERO);
        let mut now = start;
        while now - start <= WATCH {
            match board.energy_mj().and_then(count) {
                Ok(count) => {
                    let energy = MILLIJOULE * count as f64;
                    if changes.last().is_none_or(|&(_, last)| last != energy) {
                        changes.push((now, energy));
                    }
                }
                Err(cause) => counter = Err(cause),
            }
            power = board.power_mw().and_then(watts).and_then(|power| filter.check(power));
            powers.extend(power.iter().map(|power| power.0));
            if counter.is_err() {
                break;
            }
            now = wait(WATCH_STEP);
        }
        let mean = stats::mean(&powers).map(Watts);
        Watch { changes, counter, power: mean.ok_or(power.err().unwrap_or(NoData::Implausible)) }
    }

    /// The update period of a counter that can be trusted, or in words why it cannot.
    fn judge(&self) -> Result<Seconds, String> {
        if let Err(cause) = self.counter {
            return Err(format!("the energy counter cannot be read ({cause})"));
        }
        // The first look falls somewhere between two changes: only what lies between changes has a known length.
        let [_, changes @ ..] = self.changes.as_slice() else {
            return Err("the energy counter gave nothing".to_owned());
        };
        let ([first, ..], [.., last]) = (changes, changes) else {
            return Err(format!("the energy counter stood still for {WATCH}"));
        };
        if self.changes.windows(2).any(|pair| pair[1].1.0 < pair[0].1.0) {
            return Err("the energy counter fell while it was watched".to_owned());
        }
        if changes.len() < 3 {
            return Ok(DEFAULT_UPDATE_PERIOD);
        }
        if let Ok(power) = self.power {
            let ratio = (last.1 - first.1) / (power * (last.0 - first.0));
            if !(0.1..=10.0).contains(&ratio) {
                return Err(format!("the energy counter rises {ratio:.2} times as fast as the power says"));
            }
        }
        let steps: Vec<f64> = changes.windows(2).map(|pair| (pair[1].0 - pair[0].0).0).collect();
        Ok(stats::median(&steps).map_or(DEFAULT_UPDATE_PERIOD, Seconds))
    }
}

fn count(count: u64) -> Result<u64, NoData> {
    if plausible::is_sentinel(count) { Err(NoData::Implausible) } else { Ok(count) }
}

fn watts(milliwatts: u64) -> Result<Watts, NoData> {
    count(milliwatts).map(|milliwatts| Watts(milliwatts as f64 * 1e-3))
}
