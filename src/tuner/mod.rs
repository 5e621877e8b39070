//! Which of several kernels for one computation suits this adapter: found by trial, remembered for the next time.
//!
//! A [`Family`] is one computation with several kernels for it, its variants. For each adapter, driver and class of
//! sizes
//!
//! 1. every variant runs on a few small shapes and is held against its twin: one that computes wrong results, or that
//!    the driver refuses, is excluded and named (matrix units have returned wrong tiles on released drivers);
//! 2. those left are timed in interleaved rounds, and the one of the shortest median time is chosen;
//! 3. the choice goes into one JSON file for each adapter, and counts for as long as adapter, driver, wgpu and the
//!    sources of all variants stay what they were ([`Identity`]).
//!
//! One configuration for all reaches on average 80 % of each GPU's own best and 44 % on the worst of them (llama.cpp's
//! pull request 22241, on its WebGPU backend); hence the trial. Without an adapter the twin runs, and there is nothing
//! to choose.
//!
//! The file is trusted for nothing but the choice: what it names must be a variant that could run here. A damaged one
//! is ignored and written anew; a folder that cannot be written costs a trial at each start, and the choice says so.

mod folder;
mod gemm;
mod identity;
mod matmul;
mod memory;
mod trial;

pub use folder::CacheFolder;
pub use gemm::GemmFamily;
pub use identity::{Identity, WGPU_VERSION};
pub use matmul::MatmulFamily;

use crate::gpu::{Device, Facts};
use crate::interrupt::Interrupt;
use crate::kernel::{self, Kernel};
use crate::units::Seconds;
use memory::{Entry, Memory};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Instant;

/// One computation with several kernels for it.
pub trait Family: Send + Sync {
    /// Its name: `gemm`.
    fn name(&self) -> &'static str;

    /// The variants that have all the features they need on this adapter.
    fn variants(&self, facts: &Facts) -> Vec<&'static str>;

    /// What runs where nothing is tried: tuning is off, or there is no adapter.
    fn default_variant(&self, facts: Option<&Facts>, shape: &[u32]) -> &'static str;

    /// A variant in a shape. All variants of one shape have the same operands, result and twin.
    ///
    /// # Errors
    /// [`kernel::Error`] for a name that is none of the variants, or an impossible shape.
    fn kernel(&self, variant: &str, shape: &[u32]) -> Result<Arc<dyn Kernel>, kernel::Error>;

    /// The class of sizes that a shape belongs to; one choice is made for the class.
    fn class(&self, shape: &[u32]) -> SizeClass;

    /// Small shapes on which every variant must agree with its twin, the most telling first: odd sizes, several tiles.
    fn probes(&self) -> Vec<Vec<u32>>;
}

/// Shapes that behave alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeClass {
    /// Its name: `small`.
    pub name: &'static str,
    /// The shape that is timed for all of them.
    pub shape: Vec<u32>,
}

/// Whether what is remembered counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retune {
    /// Everything is measured again, once, and replaces what is remembered.
    Yes,
    /// A remembered choice is taken.
    No,
}

/// How a choice came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// By trial, just now.
    Measured,
    /// By an earlier trial.
    Remembered,
    /// Nothing was tried: no adapter, or no variant that passed.
    Default,
}

/// The variant to use, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The computation.
    pub family: String,
    /// The class of sizes.
    pub class: String,
    /// The shape that was timed for it.
    pub shape: Vec<u32>,
    /// What to use.
    pub variant: String,
    /// How that was found.
    pub how: How,
    /// What each variant that passed reached, the fastest first.
    pub rates: Vec<Rate>,
    /// The variants that must not be used here.
    pub excluded: Vec<Excluded>,
    /// Why the choice could not be kept on disk; none where it is there.
    pub not_kept: Option<String>,
    /// What the trial took; 0 for a remembered choice.
    pub trial_s: Seconds,
}

/// What a variant reached in its trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Which.
    pub variant: String,
    /// Its work (FLOP, or bytes for a kernel that is measured in bytes) each second, by the median time.
    pub work_per_s: f64,
}

/// A variant that must not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Which.
    pub variant: String,
    /// What it did wrong.
    pub reason: String,
}

/// Chooses, and remembers.
#[derive(Debug)]
pub struct Tuner {
    device: Option<Device>,
    /// What is remembered, by whom; none without an adapter.
    memory: Option<Memory>,
    retune: Retune,
    interrupt: Interrupt,
    choices: Vec<Choice>,
}

impl Tuner {
    /// A tuner for one adapter, or for none, with its memory in `folder`. Nothing runs yet.
    pub fn open(device: Option<&Device>, folder: &CacheFolder, retune: Retune) -> Tuner {
        let memory = device.map(|device| Memory::open(folder, Identity::of(device.facts())));
        Tuner { device: device.cloned(), memory, retune, interrupt: Interrupt::default(), choices: Vec::new() }
    }

    /// The same tuner, whose trials end between two steps once the user wishes to stop.
    pub fn until(self, interrupt: &Interrupt) -> Tuner {
        Tuner { interrupt: interrupt.clone(), ..self }
    }

    /// Every choice so far, in the order of asking.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The variant for a shape. The first asking for a class of sizes may take a trial; the next ones take none.
    ///
    /// # Errors
    /// [`kernel::Error::Gpu`] where the device is lost or does not answer. The variant that was running is then
    /// excluded until everything is measured again. [`kernel::Error::Interrupted`] where the user stopped the trial, of
    /// which nothing is remembered then.
    pub fn choose(&mut self, family: &dyn Family, shape: &[u32]) -> Result<Choice, kernel::Error> {
        let class = family.class(shape);
        let made = self.choices.iter().find(|made| made.family == family.name() && made.class == class.name);
        if let Some(made) = made {
            return Ok(made.clone());
        }
        let choice = self.decide(family, &class)?;
        self.choices.push(choice.clone());
        Ok(choice)
    }

    fn decide(&self, family: &dyn Family, class: &SizeClass) -> Result<Choice, kernel::Error> {
        let (Some(device), Some(memory)) = (&self.device, &self.memory) else {
            return Ok(Choice::by_default(family, class, None));
        };
        let sources = identity::sources(family, class, device.facts())?;
        let variants = family.variants(device.facts());
        let remembered = match self.retune {
            Retune::Yes => None,
            Retune::No => memory.entry(family.name(), class.name, &sources).map(|entry| entry.known(&variants)),
        };
        if let Some(Entry { variant: Some(variant), rates, excluded, .. }) = remembered {
            let how = How::Remembered;
            let choice = Choice::by_default(family, class, Some(device.facts()));
            return Ok(Choice { variant, how, rates, excluded, ..choice });
        }
        let began = Instant::now();
        // A variant that took the device down with it is known from an entry without a choice.
        let fatal = remembered.map(|entry| entry.excluded).unwrap_or_default();
        let tried = trial::run(family, class, &variants, (device, &self.interrupt), fatal);
        if let Some(error @ kernel::Error::Interrupted(_)) = tried.lost {
            return Err(error);
        }
        let entry = Entry {
            family: family.name().to_owned(),
            class: class.name.to_owned(),
            sources,
            variant: tried.rates.first().map(|rate| rate.variant.clone()),
            rates: tried.rates.clone(),
            excluded: tried.excluded.clone(),
        };
        // Where every variant failed, the next run tries again.
        let kept = if entry.variant.is_some() || tried.lost.is_some() { memory.keep(&entry) } else { Ok(()) };
        if let Some(error) = tried.lost {
            return Err(error);
        }
        let choice = Choice::by_default(family, class, Some(device.facts()));
        let how = if entry.variant.is_some() { How::Measured } else { How::Default };
        Ok(Choice {
            variant: entry.variant.unwrap_or(choice.variant),
            how,
            rates: tried.rates,
            excluded: tried.excluded,
            not_kept: kept.err(),
            trial_s: Seconds(began.elapsed().as_secs_f64()),
            ..choice
        })
    }
}

impl Choice {
    fn by_default(family: &dyn Family, class: &SizeClass, facts: Option<&Facts>) -> Choice {
        Choice {
            family: family.name().to_owned(),
            class: class.name.to_owned(),
            shape: class.shape.clone(),
            variant: family.default_variant(facts, &class.shape).to_owned(),
            how: How::Default,
            rates: Vec::new(),
            excluded: Vec::new(),
            not_kept: None,
            trial_s: Seconds::ZERO,
        }
    }
}

/// `gemm (small): gemm_quad, measured in 0.4 s (1.00; gemm_registers 0.71); excluded: gemm_tiled, ...`.
impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}): {}", self.family, self.class, self.variant)?;
        match self.how {
            How::Measured => write!(f, ", measured in {:.1} s", self.trial_s.0)?,
            How::Remembered => f.write_str(", remembered")?,
            How::Default => f.write_str(", by default")?,
        }
        if let Some((best, others)) = self.rates.split_first() {
            let share = |rate: &Rate| format!("{} at {:.2}", rate.variant, rate.work_per_s / best.work_per_s);
            write!(f, ", {:.3e} work/s", best.work_per_s)?;
            if !others.is_empty() {
                write!(f, " ({} of that)", others.iter().map(share).collect::<Vec<_>>().join(", "))?;
            }
        }
        for excluded in &self.excluded {
            write!(f, "; EXCLUDED {}: {}", excluded.variant, excluded.reason)?;
        }
        match &self.not_kept {
            Some(reason) => write!(f, "; not remembered: {reason}"),
            None => Ok(()),
        }
    }
}
