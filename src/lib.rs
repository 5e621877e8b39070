//! dawndusk benchmarks AI inference the way a satellite would have to run it: inside a power and heat budget.
//!
//! Modules stand in reading order, which is the order of dependency: each imports only from those above it.

pub mod units;

pub mod reading;

pub mod profile;

pub mod envelope;

pub mod governor;

pub mod gpu;

pub mod kernel;
