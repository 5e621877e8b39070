//! The meter against counters, files, boards and threads that misbehave in every way known.

mod analyser;
mod boards;
mod channels;
mod counters;
#[cfg(unix)]
mod cray;
#[cfg(unix)]
mod duplicates;
#[cfg(unix)]
mod failures;
mod fakes;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod jetson;
mod merged_files;
mod models;
mod network;
mod numbers;
mod nvml;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod recordings;
mod samplers;
#[cfg(unix)]
mod selection;
#[cfg(target_os = "linux")]
mod slow;
#[cfg(unix)]
mod slowed;
mod sums;
mod throttling;
