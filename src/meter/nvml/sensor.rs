//! A board as a sensor: its counter, or its power integrated; what else it gives is integrated beside it.
//!
//! The counter starts anew with the driver and has no known range: a fall is a reset, never a wrap. Where a counter has no
//! power of its own boundary beside it, the power shown is the counter's mean. Beside `nvml:0` stand, where the driver
//! has them, `nvml:0/power` (the same watts by the other way), `nvml:0/module` and `nvml:0/memory`.

use super::powers::{Powers, filter};
use super::renewal::Renewal;
use super::watch::{DEFAULT_UPDATE_PERIOD, WATCH, Watch};
use super::{NvmlBoard, PowerKind};
use crate::meter::channel::{Channel, Quantity, Sample, Sensor, Value};
use crate::meter::counter::{Limits, MILLIJOULE};
use crate::meter::plausible;
use crate::meter::probe::Refusal;
use crate::meter::throttle::ThrottleLook;
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Seconds, Watts};

/// Half width of the band on a steady load, k = 2: NVML's manual states ±5 % for the boards for which it states
/// anything (nvmlDeviceGetPowerUsage), and Yang et al. found gains of that size on newer ones.
pub const RELATIVE_UNCERTAINTY: f64 = 0.05;

/// A lost board is looked for again after this long.
const REOPEN_AFTER: Seconds = Seconds(1.0);

/// Beside a counter, which is looked at four times an update, powers are asked for no more often than this: they are
/// renewed every 100 ms, and each question costs as much as the counter's.
const POWERS_REST: Seconds = Seconds(0.04);

/// A board that can be asked.
pub struct BoardSensor {
    board: NvmlBoard,
    /// Of the counter, which is the first quantity; none where that is a power.
    renewal: Option<Renewal>,
    /// Of each quantity that is a power, in their order.
    kinds: Vec<PowerKind>,
    /// Each kind once.
    asked: Vec<PowerKind>,
    /// From this quantity on they stand beside.
    beside_from: usize,
    asked_at: Option<Seconds>,
    lost_at: Option<Seconds>,
    doubt: Option<String>,
}

impl BoardSensor {
    /// Opens `board` as the source `name`. `wait` sleeps for the time it is given and says what the clock shows then.
    ///
    /// # Errors
    /// Why neither its counter nor a power can be used.
    pub fn open(
        mut board: NvmlBoard,
        name: &str,
        wait: &mut dyn FnMut(Seconds) -> Seconds,
    ) -> Result<Channel<BoardSensor>, Refusal> {
        let rated = board.rated();
        let powers = Powers::find(&mut board, rated);
        let watch = Watch::over(&mut board, &powers, rated, WATCH, wait);
        let period = watch.judge();
        let doubt = period.is_ok().then(|| watch.disagreement(&mut board, &powers, rated, wait)).flatten();
        let source = source(&board, name, rated, &period);
        let power = |kind| Quantity::power(filter(kind, rated), DEFAULT_UPDATE_PERIOD);
        let (mut quantities, account, control, beside, source) = match (&period, powers.account) {
            (Ok(_), account) => {
                let ceiling = plausible::ceiling(rated, plausible::BOARD_CEILING);
                let counter = Quantity::counter(Limits::of(MILLIJOULE, None, ceiling));
                // A module's power is another boundary's: it stands beside the counter and is not shown in its place.
                let control = powers.control.filter(|_| !powers.is_of_module());
                let beside = account.into_iter().chain(powers.beside).collect::<Vec<_>>();
                (vec![counter], None, control, beside, source)
            }
            (Err(no_counter), Some(kind)) => {
                let boundary = if powers.is_of_module() { Boundary::Module } else { source.boundary };
                let method = said(&board, &format!("{kind}, integrated, because {no_counter}"));
                let source = Source { boundary, method, sensing: board.sensing(kind), ..source };
                (vec![power(kind)], Some(kind), powers.control, powers.beside, source)
            }
            (Err(no_counter), None) => {
                let detail = format!("{}: {no_counter}, and no power", board.identity().name);
                return Err(Refusal::new(powers.cause(), detail));
            }
        };
        quantities.extend(control.map(|kind| power(kind).shown()));
        let beside_from = quantities.len();
        let stands_beside = |&kind: &PowerKind| power(kind).beside(beside_source(&board, kind, &source));
        quantities.extend(beside.iter().map(stands_beside));
        let kinds: Vec<PowerKind> = account.into_iter().chain(control).chain(beside).collect();
        let mut asked = kinds.clone();
        asked.sort_unstable();
        asked.dedup();
        let renewal = period.ok().map(Renewal::new);
        // Renewals of a counter are seen to within a quarter of their period.
        let poll_period = source.update_period_s * if renewal.is_some() { 0.25 } else { 0.5 };
        let sensor = BoardSensor { board, renewal, kinds, asked, beside_from, asked_at: None, lost_at: None, doubt };
        Ok(Channel::new(source, sensor, quantities).polled_every(poll_period))
    }

    /// What speaks against its numbers, as it was seen when it was opened.
    pub fn doubt(&self) -> Option<&str> {
        self.doubt.as_deref()
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

    /// The count, made when it was renewed.
    fn count(&mut self, now: Seconds) -> Option<Sample> {
        let renewal = self.renewal.as_mut()?;
        let answer = self.board.energy_mj();
        Some(Sample::count(answer.map_or(now, |count| renewal.advance(now, count)), answer))
    }

    /// All powers that are used, asked for at once, where it is time to.
    fn powers(&mut self, now: Seconds) -> Vec<Sample> {
        let rests = |at: Seconds| now >= at && now - at < POWERS_REST;
        if self.renewal.is_some() && self.asked_at.is_some_and(rests) {
            return Vec::new();
        }
        self.asked_at = Some(now);
        let answers = self.board.powers(&self.asked);
        let first = usize::from(self.renewal.is_some());
        let sample = |(index, kind): (usize, &PowerKind)| {
            let answer =
                self.asked.iter().position(|asked| asked == kind).and_then(|place| answers.get(place).copied());
            Sample::new(first + index, now, answer.unwrap_or(Err(NoData::NotSupported)).map(Value::Power))
        };
        self.kinds.iter().enumerate().map(sample).collect()
    }
}

impl Sensor for BoardSensor {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        if !self.is_present(now) {
            return Err(NoData::Lost);
        }
        let mut samples = self.powers(now);
        samples.extend(self.count(now));
        // A board that is gone leaves its gap in what stands beside as well.
        if samples.iter().any(|sample| sample.quantity < self.beside_from && sample.value == Err(NoData::Lost)) {
            (self.lost_at, self.asked_at) = (Some(now), None);
            return Err(NoData::Lost);
        }
        Ok(samples)
    }

    fn rated(&mut self, quantity: usize) -> Option<Watts> {
        // The limit is the board's, and says nothing of the module.
        let is_counter = self.renewal.is_some() && quantity == 0;
        let kind = self.kinds.get(quantity.checked_sub(usize::from(self.renewal.is_some())).unwrap_or(usize::MAX));
        let is_of_board = is_counter || kind.is_some_and(|&kind| kind != PowerKind::Module);
        if is_of_board { self.board.rated() } else { None }
    }

    fn throttle(&mut self, _: Result<Watts, NoData>) -> Result<ThrottleLook, NoData> {
        if self.lost_at.is_some() { Err(NoData::Lost) } else { self.board.throttle() }
    }
}

/// The board's name and identifier with `how` its numbers come about.
fn said(board: &NvmlBoard, how: &str) -> String {
    let stands_in = if board.is_stand_in() { ", a stand-in that measures nothing" } else { "" };
    format!("{} ({}{stands_in}): {how}", board.identity().name, board.identity().id)
}

/// The board with its counter.
fn source(board: &NvmlBoard, name: &str, rated: Option<Watts>, period: &Result<Seconds, String>) -> Source {
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
fn beside_source(board: &NvmlBoard, kind: PowerKind, source: &Source) -> Source {
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
