//! What it costs to make a kernel ready: from its source to the end of its first dispatch.
//!
//! Drivers compile in two places, when a pipeline is made and when it first runs, so both are in the time. *Cold* is
//! the first time in this process; *warm* is a later one in the same process, when driver and wgpu have seen the same
//! source and constants before. A driver may keep a cache on disk (Mesa does, unless `MESA_SHADER_CACHE_DISABLE` is
//! set); what it finds there from an earlier process makes its cold times short as well.

use crate::gpu::{Device, Wgsl};
use crate::units::Seconds;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Times to make one kernel ready.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compilation {
    /// The first time in this process.
    pub cold: Seconds,
    /// Again, in the same process.
    pub warm: Seconds,
}

/// Adapter, driver, file and constants: what a driver compiles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Compiled(String);

/// The first time of everything that was compiled in this process, whoever asked for it.
static COLD: OnceLock<Mutex<HashMap<Compiled, Option<Seconds>>>> = OnceLock::new();

impl Compiled {
    pub(super) fn of(device: &Device, source: Wgsl, constants: &[(&str, f64)]) -> Compiled {
        let facts = device.facts();
        // Two sources of one name are told apart by where their text lies, which is the same for as long as a process.
        let text = source.text.as_ptr();
        Compiled(format!("{} {} {} {text:p} {constants:?}", facts.index, facts.name, source.file))
    }

    /// Takes down what making it ready took, if that was the first time; answers with what the first time took. None
    /// where that is not known.
    pub(super) fn took(&self, time: Option<Seconds>) -> Option<Seconds> {
        // Whoever panicked with this lock left a whole map behind.
        let mut cold = COLD.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        *cold.entry(self.clone()).or_insert(time)
    }
}
