//! Power sources through the program, on machines that a test makes up: what each covers, what it can draw at most, which
//! of them is believed and chosen, and how `doctor` says so.

#[cfg(unix)]
mod choices;
#[cfg(unix)]
mod devices;
#[cfg(unix)]
mod leaps;
#[cfg(unix)]
mod machine;
#[cfg(unix)]
mod nodes;
#[cfg(unix)]
mod page;
#[cfg(unix)]
mod ratings;
#[cfg(unix)]
mod sums;
