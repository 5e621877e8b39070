//! The oracle: what it is worth as a bound, against independent answers.

mod certain;
mod dynamic;
mod flights;
mod plane;
mod plans;
mod sky;
mod switching;
