//! Faults in simulated flights: each alone as a sentence, and random flights with several at once.

mod assumptions;
mod battery;
mod case;
mod random;
mod single;
