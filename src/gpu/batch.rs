//! Many dispatches in one pass, and how long they took.
//!
//! A dispatch costs 20-70 us on a software renderer and a submission about 100 us, so work is handed over in batches.
//! The device's own clock is read at the two ends of the pass: timestamps inside a pass would land before the
//! barrier that they should follow.

use super::{Device, Error, Pipeline};
use crate::units::Seconds;
use serde::Serialize;
use std::time::Instant;

/// Whose clock measured a duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The device's own, from the beginning of the pass to its end.
    Timestamp,
    /// The host's, from before the submission to after the wait: it has the cost of both in it.
    Host,
}

/// How long a batch took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elapsed {
    /// By the better clock there is.
    pub time: Seconds,
    /// Which one that was.
    pub clock: Clock,
    /// By the host's clock in any case; what a pacer has to reckon with.
    pub host: Seconds,
}

impl Elapsed {
    /// A duration that only the host has measured.
    pub fn by_host(host: Seconds) -> Elapsed {
        Elapsed { time: host, clock: Clock::Host, host }
    }

    /// The device's time if it can be true: more than nothing, and no more than the host saw pass around it (2 % and
    /// 20 us are left for two clocks that do not agree). A driver that fails this has no usable timestamps.
    fn by_device(device: Seconds, host: Seconds) -> Elapsed {
        if device.0 > 0.0 && device.0 <= host.0 * 1.02 + 20e-6 {
            Elapsed { time: device, clock: Clock::Timestamp, host }
        } else {
            Elapsed::by_host(host)
        }
    }
}

/// A sequence of pipelines that is submitted as one.
#[derive(Debug)]
pub struct Batch {
    device: Device,
    pipelines: Vec<Pipeline>,
    stopwatch: Option<Stopwatch>,
}

/// Two timestamps and the way back to the host.
#[derive(Debug)]
struct Stopwatch {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
}

/// Two 64-bit counts of ticks.
const TICKS_BYTES: u64 = 16;

impl Batch {
    /// Pipelines that run one after the other, each seeing what those before it have written.
    ///
    /// # Errors
    /// [`Error::Lost`] or [`Error::Refused`].
    pub fn new(device: &Device, pipelines: Vec<Pipeline>) -> Result<Batch, Error> {
        let stopwatch = device.facts().features.timestamps.then(|| Stopwatch::new(device));
        device.check("making its timestamps")?;
        Ok(Batch { device: device.clone(), pipelines, stopwatch })
    }

    /// The device that it runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Submits the whole sequence `times` times in one pass and waits until it is done.
    ///
    /// # Errors
    /// [`Error::Timeout`], [`Error::Lost`] or [`Error::Refused`].
    pub fn run(&mut self, times: u32) -> Result<Elapsed, Error> {
        let names: Vec<&str> = self.pipelines.iter().map(Pipeline::file).collect();
        let doing = format!("running {} {times} times", names.join(", "));
        let start = Instant::now();
        let commands = self.record(times);
        let submission = self.device.queue.submit([commands]);
        self.device.check(&doing)?;
        let Some(stopwatch) = &self.stopwatch else {
            self.device.wait(submission, &doing)?;
            return Ok(Elapsed::by_host(since(start)));
        };
        let [begin, end] =
            self.device.mapped(&stopwatch.staging, submission, &doing, bytemuck::pod_read_unaligned::<[u64; 2]>)?;
        let nanoseconds = end.saturating_sub(begin) as f64 * f64::from(self.device.queue.get_timestamp_period());
        Ok(Elapsed::by_device(Seconds(nanoseconds * 1e-9), since(start)))
    }

    fn record(&self, times: u32) -> wgpu::CommandBuffer {
        let mut encoder = self.device.handle.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: self.stopwatch.as_ref().map(|stopwatch| wgpu::ComputePassTimestampWrites {
                query_set: &stopwatch.queries,
                beginning_of_pass_write_index: Some(0),
                end_of_pass_write_index: Some(1),
            }),
        });
        for _ in 0..times {
            for pipeline in &self.pipelines {
                pipeline.dispatch(&mut pass, pipeline.workgroups, &pipeline.immediates);
            }
        }
        drop(pass);
        if let Some(stopwatch) = &self.stopwatch {
            encoder.resolve_query_set(&stopwatch.queries, 0..2, &stopwatch.resolved, 0);
            encoder.copy_buffer_to_buffer(&stopwatch.resolved, 0, &stopwatch.staging, 0, TICKS_BYTES);
        }
        encoder.finish()
    }
}

impl Stopwatch {
    fn new(device: &Device) -> Stopwatch {
        Stopwatch {
            queries: device.handle.create_query_set(&wgpu::QuerySetDescriptor {
                label: None,
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: device.handle.create_buffer(&wgpu::BufferDescriptor {
                label: Some("timestamps"),
                size: TICKS_BYTES,
                usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: false,
            }),
            staging: device.staging(TICKS_BYTES),
        }
    }
}

fn since(start: Instant) -> Seconds {
    Seconds(start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_that_cannot_be_true_gives_way_to_the_host() {
        let host = Seconds(1e-3);
        assert_eq!(Elapsed::by_device(Seconds(0.9e-3), host).clock, Clock::Timestamp, "shorter than the host saw");
        assert_eq!(Elapsed::by_device(Seconds(0.0), host), Elapsed::by_host(host), "a clock that stands still");
        assert_eq!(Elapsed::by_device(Seconds(5e-3), host), Elapsed::by_host(host), "a clock with a wrong period");
    }
}
