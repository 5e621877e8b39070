//! Flights in which nothing goes wrong: random ones from seeds, and single ones that are known to be hard.

mod command;
mod draw;
mod flight;
mod idle;
mod named;
mod shares;
