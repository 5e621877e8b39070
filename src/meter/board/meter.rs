//! A board as a meter: its counter, or its power integrated; what else it gives is integrated beside it.
//!
//! The counter starts anew with the driver and has no known range: a fall is a reset, never a wrap. Where a counter has no
//! power of its own boundary beside it, the power shown is the counter's mean. Beside `nvml:0` stand, where the driver
//! has them, `nvml:0/power` (the same watts by the other road), `nvml:0/module` and `nvml:0/memory`.

use super::roads::{Roads, count, filter, watts};
use super::watch::{DEFAULT_UPDATE_PERIOD, Watch};
use super::{Board, PowerKind};
use crate::meter::Meter;
use crate::meter::counter::{Counter, Limits, MILLIJOULE, SLACK};
use crate::meter::integral::PowerIntegral;
use crate::meter::mean_power::MeanPower;
use crate::meter::plausible::{self, PowerFilter};
use crate::meter::probe::Refusal;
use crate::meter::renewal::Renewal;
use crate::meter::throttle::ThrottleWatch;
use crate::reading::{Boundary, Coverage, NoData, Provenance, Reading, Sensing, Source, Throttling};
use crate::units::{Seconds, Watts};

/// Half width of the band on a steady load, k = 2: NVML's manual states ±5 % for the boards for which it states
/// anything (nvmlDeviceGetPowerUsage), and Yang et al. found gains of that size on newer ones.
pub const RELATIVE_UNCERTAINTY: f64 = 0.05;

/// A lost board is looked for again after this long.
const REOPEN_AFTER: Seconds = Seconds(1.0);

/// Beside a counter, which is looked at four times an update, powers are asked for no more often than this: they are
/// renewed every 100 ms, and each question costs as much as the counter's.
const POWERS_REST: Seconds = Seconds(0.04);

/// What the energy comes from.
enum Method {
    Counter { counter: Counter, renewal: Renewal, mean: MeanPower },
    Power { kind: PowerKind, integral: PowerIntegral },
}

/// One kind of power under watch.
struct Watched {
    kind: PowerKind,
    filter: PowerFilter,
    seen: Result<Watts, NoData>,
}

/// Another energy, never added to the first.
struct Beside {
    kind: PowerKind,
    source: Source,
    integral: PowerIntegral,
    coverage: Coverage,
    last: Reading,
}

impl Beside {
    fn new(kind: PowerKind, source: Source) -> Beside {
        Beside {
            kind,
            source,
            integral: PowerIntegral::new(DEFAULT_UPDATE_PERIOD),
            coverage: Coverage::default(),
            last: Reading::absent(Seconds::ZERO, NoData::NotYet),
        }
    }

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
    /// What is shown; none where there is only a counter.
    control: Option<PowerKind>,
    powers: Vec<Watched>,
    asked_at: Option<Seconds>,
    beside: Vec<Beside>,
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
        let roads = Roads::find(board.as_mut(), rated);
        let period = Watch::over(board.as_mut(), &roads, rated, wait).judge();
        let source = source(board.as_ref(), name, rated, &period);
        let mut beside: Vec<Beside> =
            roads.beside.iter().map(|&kind| Beside::new(kind, beside_source(board.as_ref(), kind, &source))).collect();
        let (method, control, source) = match (period, roads.account) {
            (Ok(_), account) => {
                // A module's power is another boundary's: it stands beside the counter and is not shown in its place.
                let account = account.filter(|_| !roads.is_of_module());
                if roads.is_of_module() {
                    let kind = PowerKind::Module;
                    beside.insert(0, Beside::new(kind, beside_source(board.as_ref(), kind, &source)));
                }
                if let Some(kind) = account {
                    beside.insert(0, Beside::new(kind, beside_source(board.as_ref(), kind, &source)));
                }
                let limits = Limits {
                    unit: MILLIJOULE,
                    range: None,
                    ceiling: Some(plausible::ceiling(rated, plausible::BOARD_CEILING)),
                    slack: SLACK,
                };
                let (counter, renewal, mean) = (Counter::new(limits), Renewal::default(), MeanPower::default());
                (Method::Counter { counter, renewal, mean }, account.and(roads.control), source)
            }
            (Err(no_counter), None) => {
                let detail = format!("{}: {no_counter}, and no power", board.name());
                return Err(Refusal::new(roads.cause(), detail));
            }
            (Err(no_counter), Some(kind)) => {
                let integral = PowerIntegral::new(DEFAULT_UPDATE_PERIOD);
                let boundary = if roads.is_of_module() { Boundary::Module } else { source.boundary };
                let method = said(board.as_ref(), &format!("{kind}, integrated, because {no_counter}"));
                let source = Source { boundary, method, sensing: board.sensing(kind), ..source };
                (Method::Power { kind, integral }, roads.control, source)
            }
        };
        let account = if let Method::Power { kind, .. } = method { Some(kind) } else { None };
        let mut powers: Vec<Watched> = Vec::new();
        for kind in control.into_iter().chain(account).chain(beside.iter().map(|beside| beside.kind)) {
            if powers.iter().all(|watched| watched.kind != kind) {
                powers.push(Watched { kind, filter: filter(kind, rated), seen: Err(NoData::NotYet) });
            }
        }
        let (coverage, throttle) = (Coverage::default(), ThrottleWatch::default());
        let (asked_at, lost_at) = (None, None);
        Ok(BoardMeter { board, source, method, control, powers, asked_at, beside, coverage, lost_at, throttle })
    }

    /// How often a sampler should look between the flight's own looks.
    pub fn poll_period(&self) -> Seconds {
        match self.method {
            // Renewals are seen to within a quarter of their period.
            Method::Counter { .. } => self.source.update_period_s * 0.25,
            Method::Power { .. } => self.source.update_period_s * 0.5,
        }
    }

    /// Asks for all powers that are used, at once, where it is time to; whether it was.
    fn ask(&mut self, now: Seconds) -> bool {
        let rests = |at: Seconds| now >= at && now - at < POWERS_REST;
        if matches!(self.method, Method::Counter { .. }) && self.asked_at.is_some_and(rests) {
            return false;
        }
        self.asked_at = Some(now);
        let kinds: Vec<PowerKind> = self.powers.iter().map(|watched| watched.kind).collect();
        for (watched, answer) in self.powers.iter_mut().zip(self.board.powers_mw(&kinds)) {
            watched.seen = watts(answer).and_then(|power| watched.filter.check(power));
        }
        true
    }

    fn seen(&self, kind: PowerKind) -> Result<Watts, NoData> {
        let watched = self.powers.iter().find(|watched| watched.kind == kind);
        watched.map_or(Err(NoData::NotSupported), |watched| watched.seen)
    }

    /// Energy and power of one look, and whether the value behind the energy has changed.
    fn look(&mut self, now: Seconds) -> (Reading, bool) {
        let shown = self.control.map(|kind| self.seen(kind));
        let account = if let Method::Power { kind, .. } = self.method { self.seen(kind) } else { Err(NoData::NotYet) };
        let (energy, power, taken_at, is_update) = match &mut self.method {
            Method::Counter { counter, renewal, mean } => match count(self.board.energy_mj()) {
                Ok(count) => {
                    let is_update = counter.last_count() != Some(count);
                    let step = counter.advance(now, count);
                    let taken_at = renewal.advance(now, is_update, self.source.update_period_s);
                    // From renewal to renewal: from look to look, whole updates would come and go.
                    if is_update {
                        mean.advance(taken_at, step.energy());
                    }
                    (counter.total(), shown.unwrap_or(mean.watts()), taken_at, is_update)
                }
                Err(cause) => (Err(cause), shown.unwrap_or(Err(cause)), now, false),
            },
            Method::Power { integral, .. } => {
                let is_update = account.is_ok_and(|power| integral.last_power() != Some(power));
                let energy = account.map(|power| {
                    integral.advance(now, power);
                    integral.total()
                });
                (energy, shown.unwrap_or(account), now, is_update)
            }
        };
        (Reading { taken_at, energy, power }, is_update)
    }

    /// Integrates what stands beside. A board that is gone leaves its gap there too.
    fn look_beside(&mut self, now: Seconds, lost: bool) {
        for index in 0..self.beside.len() {
            let seen = if lost { Err(NoData::Lost) } else { self.seen(self.beside[index].kind) };
            self.beside[index].look(now, seen);
        }
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
            self.look_beside(now, true);
            return Reading::absent(now, NoData::Lost);
        }
        let has_asked = self.ask(now);
        let (mut reading, is_update) = self.look(now);
        if reading.energy == Err(NoData::Lost) || reading.power == Err(NoData::Lost) {
            self.lost_at = Some(now);
            reading = Reading::absent(now, NoData::Lost);
        }
        if has_asked || self.lost_at.is_some() {
            self.look_beside(now, self.lost_at.is_some());
        }
        if self.throttle.is_due(now) {
            self.throttle.advance(now, self.board.throttle());
        }
        self.coverage.updates += u64::from(is_update);
        self.coverage.missed += u64::from(reading.energy.is_err());
        if let Method::Power { integral, .. } = &self.method {
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
        self.beside.iter().map(|beside| beside.source.clone()).collect()
    }

    fn witnesses(&self) -> Vec<(Reading, Coverage)> {
        self.beside.iter().map(|beside| (beside.last, beside.coverage)).collect()
    }
}

/// The board's name and identifier with `how` its numbers come about.
fn said(board: &dyn Board, how: &str) -> String {
    let stands_in = if board.is_stand_in() { ", a stand-in that measures nothing" } else { "" };
    format!("{} ({}{stands_in}): {how}", board.name(), board.id())
}

/// The board with its counter.
fn source(board: &dyn Board, name: &str, rated: Option<Watts>, period: &Result<Seconds, String>) -> Source {
    let (provenance, band) = match board.is_stand_in() {
        true => (Provenance::Modelled, None),
        false => (Provenance::BoardSensor, Some(RELATIVE_UNCERTAINTY)),
    };
    Source {
        name: name.to_owned(),
        provenance,
        boundary: Boundary::Accelerator,
        method: said(board, "the energy counter of its driver"),
        update_period_s: period.as_ref().map_or(DEFAULT_UPDATE_PERIOD, |&period| period),
        relative_uncertainty: band,
        rated_w: rated,
        sensing: Sensing::default(),
    }
}

/// A power beside `source`, integrated.
fn beside_source(board: &dyn Board, kind: PowerKind, source: &Source) -> Source {
    let (suffix, boundary, rated_w) = match kind {
        PowerKind::Module => ("module", Boundary::Module, None),
        PowerKind::Memory => ("memory", Boundary::Memory, None),
        PowerKind::Instant | PowerKind::Average | PowerKind::Reported => ("power", source.boundary, source.rated_w),
    };
    Source {
        name: format!("{}/{suffix}", source.name),
        boundary,
        method: said(board, &format!("{kind}, integrated")),
        update_period_s: DEFAULT_UPDATE_PERIOD,
        sensing: board.sensing(kind),
        rated_w,
        ..source.clone()
    }
}
