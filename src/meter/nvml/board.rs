//! A board with the questions that it was found to answer.

use super::powers::{self, PowerKind};
use super::{Device, Identity, Question, VENDOR_ID, field, sensing, throttle};
use crate::meter::board::{BoardFacts, Fact};
use crate::meter::plausible;
use crate::meter::probe::Place;
use crate::meter::throttle::ThrottleLook;
use crate::reading::{NoData, Sensing};
use crate::units::{Kelvin, Watts};
use strum::VariantArray;

/// 0 °C.
const FREEZING: f64 = 273.15;

const POWER_AVERAGE: u32 = 185;
const POWER_INSTANT: u32 = 186;
const TOTAL_ENERGY: Question = field(83, 0);
const MEMORY_TEMPERATURE: Question = field(82, 0);

/// What is asked for each kind of power, in the order of [`PowerKind::VARIANTS`]; the first that answers is kept.
const POWERS: [&[Question]; 5] = [
    &[field(POWER_INSTANT, 0)],
    &[field(POWER_AVERAGE, 0)],
    &[Question::PowerUsage],
    &[field(POWER_AVERAGE, 1), field(POWER_INSTANT, 1)],
    &[field(POWER_AVERAGE, 2), field(POWER_INSTANT, 2)],
];

/// A board with what was found out about it.
pub struct NvmlBoard {
    device: Box<dyn Device>,
    /// The question behind each kind of power, in the order of [`PowerKind::VARIANTS`].
    powers: [Question; 5],
    energy: Question,
    /// In the order of [`throttle::COUNTERS`].
    counters: [Question; 5],
}

impl NvmlBoard {
    /// Finds out which questions the board answers: of several the first that gives a count, else the first.
    pub fn new(mut device: Box<dyn Device>) -> NvmlBoard {
        let mut first_of = |candidates: &[Question]| {
            let [only] = candidates else {
                let answers = device.ask(candidates);
                let is_count = |answer: &Result<u64, NoData>| answer.and_then(plausible::count).is_ok();
                return candidates[answers.iter().position(is_count).unwrap_or(0)];
            };
            *only
        };
        let powers = POWERS.map(&mut first_of);
        let energy = first_of(&[Question::Energy, TOTAL_ENERGY]);
        let counters = throttle::COUNTERS.map(|(_, candidates)| first_of(candidates));
        NvmlBoard { device, powers, energy, counters }
    }

    /// An answer that is no sentinel.
    fn ask(&mut self, question: Question) -> Result<u64, NoData> {
        let answer = self.device.ask(&[question]).pop().unwrap_or(Err(NoData::NotSupported));
        answer.and_then(plausible::count)
    }

    /// The same in units of `unit`.
    fn fact(&mut self, question: Question, unit: f64) -> Result<f64, NoData> {
        self.ask(question).map(|answer| answer as f64 * unit)
    }

    fn yes(&mut self, question: Question) -> Fact<bool> {
        self.ask(question).map(|answer| answer == 1).into()
    }

    fn watts(&mut self, question: Question) -> Fact<Watts> {
        self.fact(question, 1e-3).map(Watts).into()
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        self.device.identity()
    }

    /// Where it sits.
    pub fn place(&self) -> Place {
        let Identity { name, pci_address, .. } = self.identity().clone();
        Place { pci_address, vendor_id: Some(VENDOR_ID), product: Some(name) }
    }

    /// Energy since the driver was loaded, in millijoules.
    ///
    /// # Errors
    /// Why it gives none; so with all that is asked here.
    pub fn energy_mj(&mut self) -> Result<u64, NoData> {
        self.ask(self.energy)
    }

    /// The most that it can draw: the highest limit that can be set, or the highest of those that it says where it does not
    /// say that one. Read anew at every call: somebody may have raised the limit in force.
    pub fn rated(&mut self) -> Option<Watts> {
        let limits = [Question::HighestLimit, Question::EnforcedLimit, Question::DefaultLimit];
        let known = limits.into_iter().filter_map(|limit| self.watts(limit).value);
        known.filter(|limit| limit.0 > 0.0).reduce(Watts::max)
    }

    /// Finds the board again by its identifier after it was lost.
    ///
    /// # Errors
    /// Why it is not found.
    pub fn reopen(&mut self) -> Result<(), NoData> {
        self.device.reopen()
    }

    /// The `wanted` powers of one moment.
    pub fn powers(&mut self, wanted: &[PowerKind]) -> Vec<Result<Watts, NoData>> {
        let questions: Vec<Question> = wanted.iter().map(|&kind| self.powers[kind as usize]).collect();
        let watts = |answer: Result<u64, NoData>| Ok(Watts(plausible::count(answer?)? as f64 * 1e-3));
        self.device.ask(&questions).into_iter().map(watts).collect()
    }

    /// How a power comes about inside the board.
    pub fn sensing(&self, kind: PowerKind) -> Sensing {
        let is_instant = matches!(self.powers[kind as usize], Question::Field { id: POWER_INSTANT, .. });
        sensing::of(self.identity().architecture, kind, is_instant)
    }

    /// What slows it down.
    ///
    /// # Errors
    /// Why it does not say.
    pub fn throttle(&mut self) -> Result<ThrottleLook, NoData> {
        let counters = self.device.ask(&self.counters);
        throttle::look(self.ask(Question::EventReasons), &counters)
    }

    /// True for a board that a test or a person has made up: nothing that it says is measured.
    pub fn is_stand_in(&self) -> bool {
        self.device.is_stand_in()
    }

    /// What stands on it beside its power.
    pub fn facts(&mut self) -> BoardFacts {
        let own = std::process::id();
        let slowed_by = self.throttle().map(|look| look.in_force());
        let kelvin = |celsius: f64| Kelvin(celsius + FREEZING);
        let rated = self.rated();
        let answers = self.powers(PowerKind::VARIANTS);
        let power = |kind: PowerKind| -> Fact<Watts> {
            let answer = answers.get(kind as usize).copied().unwrap_or(Err(NoData::NotSupported));
            powers::power(kind, rated, answer).into()
        };
        BoardFacts {
            name: self.identity().name.clone(),
            id: self.identity().id.clone(),
            power_limit_w: self.watts(Question::EnforcedLimit),
            default_power_limit_w: self.watts(Question::DefaultLimit),
            lowest_power_limit_w: self.watts(Question::LowestLimit),
            highest_power_limit_w: self.watts(Question::HighestLimit),
            instant_power_w: power(PowerKind::Instant),
            average_power_w: power(PowerKind::Average),
            reported_power_w: power(PowerKind::Reported),
            module_power_w: power(PowerKind::Module),
            memory_power_w: power(PowerKind::Memory),
            core_clock_hz: self.fact(Question::CoreClock, 1e6).into(),
            memory_clock_hz: self.fact(Question::MemoryClock, 1e6).into(),
            chip_k: self.fact(Question::Temperature, 1e-3).map(Kelvin).into(),
            memory_k: self.fact(MEMORY_TEMPERATURE, 1.0).map(kelvin).into(),
            is_partitioned: self.yes(Question::Partitioned),
            is_persistent: self.yes(Question::Persistent),
            other_processes: self
                .device
                .processes()
                .map(|mut all| {
                    all.retain(|&process| process != own);
                    all.sort_unstable();
                    all.dedup();
                    all
                })
                .into(),
            slowed_by: slowed_by.into(),
        }
    }
}
