//! Faults in simulated flights: each alone as a sentence, and a battery of random flights with several at once.

mod battery;
mod case;
mod random;
mod single;
mod verdict;
