//! Programs, each compiled once however many layers run it.

use super::EngineError;
use crate::gpu::{Device, Program, Wgsl};
use std::collections::HashMap;

/// A source, and the bits of its constants.
type Key = (&'static str, Vec<(&'static str, u64)>);

/// What was compiled so far.
#[derive(Debug)]
pub(super) struct Programs {
    device: Device,
    compiled: HashMap<Key, Program>,
}

impl Programs {
    pub(super) fn new(device: &Device) -> Programs {
        Programs { device: device.clone(), compiled: HashMap::new() }
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// The program of a source with these constants.
    pub(super) fn get(&mut self, source: Wgsl, constants: &[(&'static str, f64)]) -> Result<Program, EngineError> {
        let bits = constants.iter().map(|&(name, value)| (name, value.to_bits())).collect();
        let key = (source.file, bits);
        if let Some(program) = self.compiled.get(&key) {
            return Ok(program.clone());
        }
        let program = Program::new(&self.device, source, constants)?;
        self.compiled.insert(key, program.clone());
        Ok(program)
    }
}
