//! An open adapter.
//!
//! wgpu reports most failures through two callbacks and ends the process if nobody listens. Here they are kept,
//! and every call that could have caused one asks for it before it returns. So an error names the work that was
//! being done, and a lost device is an ordinary `Err` to its caller.

use super::{Adapter, Error, Facts};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// Longest wait for a batch, far above any batch that is sensible and below the patience of a CI job.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An adapter made ready for work. Cheap to clone; all clones are the same device.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) handle: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    facts: Arc<Facts>,
    faults: Arc<Mutex<Faults>>,
    timeout: Duration,
    checked: bool,
    memory_bytes: Option<u64>,
}

#[derive(Debug, Default)]
struct Faults {
    lost: Option<String>,
    /// By the thread that asked: wgpu calls back on it, before the request returns.
    refused: HashMap<ThreadId, String>,
}

impl Device {
    /// Opens an adapter with all of its limits, and with those of the wanted features that it has. One that does not open
    /// with what it promises is opened without its matrix units, and then with nothing that it need not have.
    ///
    /// # Errors
    /// [`Error::Open`] with the driver's reason.
    pub fn open(adapter: &Adapter) -> Result<Device, Error> {
        let facts = adapter.facts();
        let mut attempts = attempts(adapter.handle.features(), !facts.features.cooperative_matrix.is_empty());
        let first = attempts.remove(0);
        let opened = request(adapter, first);
        let (handle, queue) = opened
            .or_else(|why| attempts.into_iter().find_map(|less| request(adapter, less).ok()).ok_or(why))
            .map_err(|reason| Error::Open { adapter: facts.name.clone(), reason })?;
        let facts = facts.opened_with(handle.features());

        let faults = Arc::new(Mutex::new(Faults::default()));
        let keeper = Arc::clone(&faults);
        handle.set_device_lost_callback(move |_, reason| lock(&keeper).lost = Some(reason));
        let keeper = Arc::clone(&faults);
        // The first refusal is the cause; those after it are its consequences.
        handle.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            lock(&keeper).refused.entry(thread::current().id()).or_insert_with(|| words(&error));
        }));
        Ok(Device {
            handle,
            queue,
            facts: Arc::new(facts),
            faults,
            timeout: TIMEOUT,
            checked: false,
            memory_bytes: adapter.memory_bytes(),
        })
    }

    /// The same device, with another longest wait (60 s unless said).
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Device {
        Device { timeout, ..self }
    }

    /// The same device, whose programs are compiled with wgpu's checks of bounds, loops and divisions.
    #[must_use]
    pub fn checked(self) -> Device {
        Device { checked: true, ..self }
    }

    pub(super) fn is_checked(&self) -> bool {
        self.checked
    }

    /// The longest wait.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What is known of its adapter.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Bytes of its memory; none where its driver does not tell.
    pub fn memory_bytes(&self) -> Option<u64> {
        self.memory_bytes
    }

    /// The same device, with a smaller memory and smaller bindings than it has: how a lesser one would be met.
    #[must_use]
    pub fn limited(self, memory_bytes: u64, binding_bytes: u64) -> Device {
        let mut facts = Facts::clone(&self.facts);
        facts.limits.storage_binding_bytes = facts.limits.storage_binding_bytes.min(binding_bytes);
        let memory_bytes = Some(self.memory_bytes.map_or(memory_bytes, |bytes| bytes.min(memory_bytes)));
        Device { facts: Arc::new(facts), memory_bytes, ..self }
    }

    /// Gives the device back. Whoever still uses it, through any clone, gets [`Error::Lost`].
    pub fn close(&self) {
        self.handle.destroy();
        lock(&self.faults).lost.get_or_insert_with(|| "it was closed".to_owned());
    }

    /// Takes up what the callbacks have kept.
    pub(super) fn check(&self, doing: &str) -> Result<(), Error> {
        let mut faults = lock(&self.faults);
        let (adapter, doing) = (|| self.facts.name.clone(), || doing.to_owned());
        if let Some(reason) = &faults.lost {
            return Err(Error::Lost { adapter: adapter(), doing: doing(), reason: reason.clone() });
        }
        match faults.refused.remove(&thread::current().id()) {
            Some(reason) => Err(Error::Refused { adapter: adapter(), doing: doing(), reason }),
            None => Ok(()),
        }
    }

    /// Waits until a submission has run, for the device's longest wait at most.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex, doing: &str) -> Result<(), Error> {
        let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: Some(self.timeout) };
        // wgpu 30 panics in `poll` when the driver says that the device is gone: it has no error for that.
        let polled = catch_unwind(AssertUnwindSafe(|| self.handle.poll(poll)));
        self.check(doing)?;
        let (adapter, doing) = (self.facts.name.clone(), doing.to_owned());
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) => {
                self.abandon();
                Err(Error::Timeout { adapter, doing, limit_s: self.timeout.as_secs_f64() })
            }
            Ok(Err(error)) => Err(Error::Refused { adapter, doing, reason: error.to_string() }),
            Err(_) => Err(Error::Lost { adapter, doing, reason: "its driver stopped answering".to_owned() }),
        }
    }

    /// Sees to it that the queue is never dropped: wgpu 30 would wait there for its work without any limit.
    fn abandon(&self) {
        std::mem::forget(self.queue.clone());
        std::mem::forget(self.handle.clone());
    }

    /// Whether a shader may see this many bytes at once.
    ///
    /// # Errors
    /// [`Error::TooLarge`] on behalf of `what`.
    pub fn holds(&self, what: &str, bytes: u64) -> Result<(), Error> {
        let limits = &self.facts.limits;
        self.fits(what, "bytes in a buffer", bytes, limits.buffer_bytes, "maxBufferSize")?;
        self.fits(what, "bytes in a binding", bytes, limits.storage_binding_bytes, "maxStorageBufferBindingSize")
    }

    /// Whether a workgroup may share this many bytes.
    ///
    /// # Errors
    /// As [`Device::holds`].
    pub fn shares(&self, what: &str, bytes: u64) -> Result<(), Error> {
        let limit = self.facts.limits.workgroup_storage_bytes.into();
        self.fits(what, "bytes in a workgroup", bytes, limit, "maxComputeWorkgroupStorageSize")
    }

    /// Whether so many workgroups may be dispatched along x, y and z.
    ///
    /// # Errors
    /// As [`Device::holds`].
    pub fn dispatches(&self, what: &str, workgroups: [u32; 3]) -> Result<(), Error> {
        let limit = self.facts.limits.workgroups_per_dimension.into();
        let longest = workgroups.into_iter().max().unwrap_or(0).into();
        self.fits(what, "workgroups along one axis", longest, limit, "maxComputeWorkgroupsPerDimension")
    }

    pub(super) fn fits(
        &self,
        what: &str,
        unit: &'static str,
        needed: u64,
        limit: u64,
        name: &'static str,
    ) -> Result<(), Error> {
        if needed <= limit {
            return Ok(());
        }
        Err(Error::TooLarge { adapter: self.facts.name.clone(), what: what.to_owned(), needed, unit, limit, name })
    }
}

/// The features to open an adapter with that offers so much, most first.
fn attempts(offered: wgpu::Features, has_matrix_units: bool) -> Vec<wgpu::Features> {
    let optional = wgpu::Features::SUBGROUP
        | wgpu::Features::SUBGROUP_BARRIER
        | wgpu::Features::SHADER_F16
        | wgpu::Features::TIMESTAMP_QUERY
        | wgpu::Features::IMMEDIATES;
    let plain = offered & optional;
    let matrix = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
    let with_matrix = if has_matrix_units { plain | matrix } else { plain };
    let mut attempts = vec![with_matrix, plain, wgpu::Features::empty()];
    attempts.dedup();
    attempts
}

/// A device of `adapter` with `features`, or why there is none. A driver that cannot keep what it lists makes wgpu panic.
fn request(adapter: &Adapter, features: wgpu::Features) -> Result<(wgpu::Device, wgpu::Queue), String> {
    let descriptor = wgpu::DeviceDescriptor {
        label: Some("dawndusk"),
        required_features: features,
        required_limits: adapter.handle.limits(),
        experimental_features: experimental(features),
        ..Default::default()
    };
    let opened = catch_unwind(AssertUnwindSafe(|| pollster::block_on(adapter.handle.request_device(&descriptor))));
    match opened {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(_) => Err("its driver lists what it does not have".to_owned()),
    }
}

/// Leave for the experimental features among these, if there are any.
#[expect(unsafe_code, reason = "wgpu's matrix units are experimental, which it wants to be told in unsafe code")]
fn experimental(features: wgpu::Features) -> wgpu::ExperimentalFeatures {
    if features.contains(wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX) {
        // SAFETY: what may go wrong is in shaders that use them, and those are this crate's own: they load and store
        // whole blocks inside of padded operands, in uniform control flow, and are verified against a twin before use.
        unsafe { wgpu::ExperimentalFeatures::enabled() }
    } else {
        wgpu::ExperimentalFeatures::disabled()
    }
}

/// A thread that panicked while holding this lock left a whole `Option` behind, so its poison says nothing.
fn lock(faults: &Mutex<Faults>) -> MutexGuard<'_, Faults> {
    faults.lock().unwrap_or_else(PoisonError::into_inner)
}

/// wgpu's description over several indented lines, as one line.
fn words(error: &wgpu::Error) -> String {
    let text = match error {
        wgpu::Error::OutOfMemory { .. } => "out of memory".to_owned(),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => description.clone(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_opened_with_less_and_less_of_what_it_offers_and_never_with_more() {
        let matrix = wgpu::Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
        let offered = wgpu::Features::SHADER_F16 | matrix | wgpu::Features::DEPTH_CLIP_CONTROL;
        for has_units in [true, false] {
            let attempts = attempts(offered, has_units);
            assert!(attempts.windows(2).all(|pair| pair[0].contains(pair[1]) && pair[0] != pair[1]), "{attempts:?}");
            assert!(attempts.iter().all(|features| offered.contains(*features)), "nothing that it does not have");
            assert_eq!(attempts[0].contains(matrix), has_units, "matrix units where a unit is listed");
            assert_eq!(attempts.last(), Some(&wgpu::Features::empty()), "the least at last");
        }
        assert_eq!(attempts(wgpu::Features::empty(), false).len(), 1, "nothing to leave out");
    }
}
