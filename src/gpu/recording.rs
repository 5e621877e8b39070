//! Many dispatches in one pass, handed over without waiting.
//!
//! A step of a language model is some three hundred dispatches. They are recorded one after the other, with the words
//! that change from step to step as immediates; several steps can be on their way while the host records the next.
//! Nothing is read back but what is copied into a [`Readback`].

use super::{Buffer, Device, Error, Pipeline};
use bytemuck::Pod;

/// One pass in the making.
#[derive(Debug)]
pub struct Recording {
    device: Device,
    encoder: wgpu::CommandEncoder,
    pass: Option<wgpu::ComputePass<'static>>,
}

/// Work that was handed over.
#[derive(Clone, Debug)]
pub struct Submission {
    device: Device,
    index: wgpu::SubmissionIndex,
}

/// Memory that the host can read, for one result at a time.
#[derive(Debug)]
pub struct Readback {
    staging: wgpu::Buffer,
}

impl Device {
    /// Begins a pass.
    pub fn record(&self) -> Recording {
        let mut encoder = self.handle.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let pass = Some(begin(&mut encoder));
        Recording { device: self.clone(), encoder, pass }
    }

    /// Memory for results of up to `bytes`.
    ///
    /// # Errors
    /// [`Error::TooLarge`] or [`Error::Refused`].
    pub fn readback(&self, bytes: u64) -> Result<Readback, Error> {
        self.holds("a result on its way to the host", bytes)?;
        let staging = self.staging(bytes);
        self.check("making memory for a result")?;
        Ok(Readback { staging })
    }
}

fn begin(encoder: &mut wgpu::CommandEncoder) -> wgpu::ComputePass<'static> {
    encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default()).forget_lifetime()
}

impl Recording {
    /// One dispatch as the pipeline has it.
    pub fn run(&mut self, pipeline: &Pipeline) {
        self.run_with(pipeline, pipeline.workgroups, &pipeline.immediates);
    }

    /// One dispatch with other workgroups and other immediates. It sees what all before it have written.
    pub fn run_with(&mut self, pipeline: &Pipeline, workgroups: [u32; 3], immediates: &[u32]) {
        let pass = self.pass.get_or_insert_with(|| begin(&mut self.encoder));
        pipeline.dispatch(pass, workgroups, immediates);
    }

    /// Copies the first `bytes` of a buffer to where the host can read them once this recording has run.
    pub fn copy(&mut self, buffer: &Buffer, bytes: u64, readback: &Readback) {
        self.pass = None;
        self.encoder.copy_buffer_to_buffer(&buffer.handle, 0, &readback.staging, 0, bytes);
    }

    /// Hands everything over and returns at once.
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Refused`].
    pub fn submit(mut self, doing: &str) -> Result<Submission, Error> {
        self.pass = None;
        let index = self.device.queue.submit([self.encoder.finish()]);
        self.device.check(doing)?;
        Ok(Submission { device: self.device, index })
    }
}

impl Submission {
    /// Waits until everything in it has run.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Lost`] or [`Error::Refused`].
    pub fn wait(&self, doing: &str) -> Result<(), Error> {
        self.device.wait(self.index.clone(), doing)
    }

    /// Waits, then takes `count` words out of a readback that it has written.
    ///
    /// # Errors
    /// As [`Submission::wait`].
    pub fn take<T: Pod>(&self, readback: &Readback, count: usize, doing: &str) -> Result<Vec<T>, Error> {
        self.device.mapped(&readback.staging, self.index.clone(), doing, |bytes| {
            bytemuck::pod_collect_to_vec(&bytes[..count * size_of::<T>()])
        })
    }
}
