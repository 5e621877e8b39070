//! The meter against counters, files, boards and threads that misbehave in every way known.

mod boards;
mod counters;
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
#[cfg(unix)]
mod recordings;
mod samplers;
#[cfg(unix)]
mod selection;
mod throttling;
