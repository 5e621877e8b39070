//! The promise of every energy: the true one lies within its bounds.
//!
//! Powers whose energy is known exactly ([`power`]) are looked at through models of real sensors ([`sensors`]), by the
//! meters that ship, with random phases, late looks, gaps and gains. [`truth`] counts how often the bounds hold, and how
//! wide they are: a bound that is never broken because it says nothing would be a fault as well.

mod power;
mod sensors;
mod truth;
mod written;
