//! The estimator as everybody sees it: each joule moves the spacecraft once, whatever the meter does.

mod constant;
mod meters;
mod states;
