//! The meter against counters, files, boards and threads that misbehave in every way known.

mod boards;
mod counters;
mod fakes;
#[cfg(unix)]
mod files;
mod models;
mod samplers;
#[cfg(unix)]
mod selection;
