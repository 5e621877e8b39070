//! Memory on the device.
//!
//! A buffer holds 32-bit words. What is to be written by a kernel is poisoned first, so that what a kernel has not
//! written can be told from what it has.

use super::{Device, Error};
use std::sync::mpsc;

/// The word that poisoned memory is filled with: a quiet NaN with a mark, which no finite computation gives.
pub const POISON: u32 = 0x7fc0_dead;

/// Storage that kernels read and write.
#[derive(Debug)]
pub struct Buffer {
    pub(super) handle: wgpu::Buffer,
    name: String,
}

impl Buffer {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.handle.size()
    }
}

impl Device {
    /// A storage buffer that starts as `words`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for what the adapter cannot hold or bind, [`Error::Refused`] where its memory is full.
    pub fn upload<T: bytemuck::Pod>(&self, name: &str, words: &[T]) -> Result<Buffer, Error> {
        self.filled(name, bytemuck::cast_slice(words))
    }

    /// A storage buffer of `words` words, all of them [`POISON`].
    ///
    /// # Errors
    /// As [`Device::upload`].
    pub fn poisoned(&self, name: &str, words: usize) -> Result<Buffer, Error> {
        let poison = vec![POISON; words];
        self.filled(name, bytemuck::cast_slice(&poison))
    }

    /// A storage buffer of `words` words, all of them 0.
    ///
    /// # Errors
    /// As [`Device::upload`].
    pub fn zeros(&self, name: &str, words: usize) -> Result<Buffer, Error> {
        // WebGPU promises zeros.
        self.storage(name, words * size_of::<u32>(), false)
    }

    fn storage(&self, name: &str, bytes: usize, mapped_at_creation: bool) -> Result<Buffer, Error> {
        let size = bytes as u64;
        self.holds(&format!("the buffer `{name}`"), size)?;
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let descriptor = wgpu::BufferDescriptor { label: Some(name), size, usage, mapped_at_creation };
        let handle = self.handle.create_buffer(&descriptor);
        self.check(&format!("making the buffer `{name}` of {size} bytes"))?;
        Ok(Buffer { handle, name: name.to_owned() })
    }

    fn filled(&self, name: &str, bytes: &[u8]) -> Result<Buffer, Error> {
        let buffer = self.storage(name, bytes.len(), true)?;
        let doing = format!("filling the buffer `{name}` of {} bytes", bytes.len());
        let mut view = buffer.handle.get_mapped_range_mut(..).map_err(|error| self.unmapped(&doing, &error))?;
        view.copy_from_slice(bytes);
        drop(view);
        buffer.handle.unmap();
        self.check(&doing)?;
        Ok(buffer)
    }

    /// Fills a buffer with [`POISON`].
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Refused`].
    pub fn poison(&self, buffer: &Buffer) -> Result<(), Error> {
        let doing = format!("poisoning the buffer `{}`", buffer.name);
        let poison = vec![POISON; buffer.bytes() as usize / size_of::<u32>()];
        self.queue.write_buffer(&buffer.handle, 0, bytemuck::cast_slice(&poison));
        let submission = self.queue.submit([]);
        self.wait(submission, &doing)
    }

    /// Writes words over the beginning of a buffer, before whatever is submitted next.
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Refused`], as where they are more than the buffer holds.
    pub fn write<T: bytemuck::Pod>(&self, buffer: &Buffer, words: &[T]) -> Result<(), Error> {
        self.queue.write_buffer(&buffer.handle, 0, bytemuck::cast_slice(words));
        self.check(&format!("writing to the buffer `{}`", buffer.name))
    }

    /// What a buffer holds now.
    ///
    /// # Errors
    /// [`Error::Lost`], [`Error::Refused`] or [`Error::Timeout`].
    pub fn read<T: bytemuck::Pod>(&self, buffer: &Buffer) -> Result<Vec<T>, Error> {
        let doing = format!("reading the buffer `{}`", buffer.name);
        let staging = self.staging(buffer.bytes());
        let mut encoder = self.handle.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&buffer.handle, 0, &staging, 0, buffer.bytes());
        let submission = self.queue.submit([encoder.finish()]);
        self.check(&doing)?;
        self.mapped(&staging, submission, &doing, bytemuck::pod_collect_to_vec)
    }

    pub(super) fn staging(&self, bytes: u64) -> wgpu::Buffer {
        self.handle.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Waits for `submission`, then shows `take` the bytes of `staging`.
    pub(super) fn mapped<T>(
        &self,
        staging: &wgpu::Buffer,
        submission: wgpu::SubmissionIndex,
        doing: &str,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Error> {
        let (sender, receiver) = mpsc::channel();
        // The receiver is gone only if the wait below has failed, and then nobody asks.
        staging.map_async(wgpu::MapMode::Read, .., move |outcome| drop(sender.send(outcome)));
        self.wait(submission, doing)?;
        // Another thread that waits on this device may have taken our callback up, and may still be about to call it.
        match receiver.recv_timeout(self.timeout()) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.unmapped(doing, &error)),
            Err(error) => return Err(self.unmapped(doing, &error)),
        }
        let view = staging.get_mapped_range(..).map_err(|error| self.unmapped(doing, &error))?;
        let taken = take(&view);
        drop(view);
        staging.unmap();
        Ok(taken)
    }

    fn unmapped(&self, doing: &str, error: &dyn std::error::Error) -> Error {
        Error::Refused { adapter: self.facts().name.clone(), doing: doing.to_owned(), reason: error.to_string() }
    }
}
