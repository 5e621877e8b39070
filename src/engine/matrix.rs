//! A matrix of weights on the device, in as many parts as its largest binding asks for.

use super::EngineError;
use crate::gpu::{Device, Held, Resource};
use crate::kernel::{Format, GROUP, Memory, Sharing, Weights};

/// A matrix of `rows` x `columns`.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) format: Format,
    pub(super) memory: Memory,
    pub(super) parts: Vec<Part>,
    pub(super) bytes: u64,
}

/// Some groups of 32 rows.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) first: usize,
    pub(super) groups: usize,
    quants: Held,
    scales: Held,
}

impl Part {
    /// Quants, then scales.
    pub(super) fn resources(&self) -> [Resource<'_>; 2] {
        [self.quants.resource(), self.scales.resource()]
    }
}

impl Matrix {
    /// Its format and sizes: what a choice between kernels depends on.
    pub(super) fn kind(&self) -> (Format, [usize; 2]) {
        (self.format, [self.rows, self.columns])
    }

    /// Uploads weights; no part is larger than what a binding may be.
    pub(super) fn upload(
        device: &Device,
        name: &str,
        weights: &Weights,
        memory: Memory,
    ) -> Result<Matrix, EngineError> {
        let most = device.facts().limits.storage_binding_bytes;
        let groups = weights.rows.div_ceil(GROUP);
        let quants = weights.quants.len() / groups;
        let scales = if weights.format.is_quantised() { weights.scales.len() / groups } else { 0 };
        let step = groups_in(most, 4 * quants.max(scales) as u64).min(groups);
        let mut parts = Vec::with_capacity(groups.div_ceil(step));
        for first in (0..groups).step_by(step) {
            let count = step.min(groups - first);
            let scales = match scales {
                // A binding must hold something, also where the format has no scales.
                0 => &weights.scales[..],
                scales => &weights.scales[first * scales..(first + count) * scales],
            };
            parts.push(Part {
                first,
                groups: count,
                quants: memory.hold(device, name, &weights.quants[first * quants..(first + count) * quants])?,
                scales: memory.hold(device, name, scales)?,
            });
        }
        let (rows, columns, format) = (weights.rows, weights.columns, weights.format);
        Ok(Matrix { rows, columns, format, memory, parts, bytes: weights.bytes() })
    }
}

/// Waits until the device holds all that was uploaded: until something is handed over, a copy waits in memory that a
/// large model needs for itself.
pub(super) fn settle(device: &Device) -> Result<(), EngineError> {
    const DOING: &str = "loading weights";
    Ok(device.record().submit(DOING)?.wait(DOING)?)
}

/// Groups that fit into `most` bytes; one at least, which the device then refuses by name.
fn groups_in(most: u64, bytes: u64) -> usize {
    (most / bytes.max(1)).max(1) as usize
}

/// What the products of this adapter read weights from.
pub(super) fn memory(device: &Device) -> Memory {
    Sharing::of(Some(device.facts()), 1).memory()
}
