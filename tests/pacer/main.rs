//! The pacer against a simulated machine.

mod account;
mod budget;
mod machine;
