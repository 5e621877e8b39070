//! Flights: the only place where everything meets.

pub mod simulation;
