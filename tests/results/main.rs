//! What stands beside a flight's own source, through the program: a second meter that disagrees, a meter's own file merged
//! afterwards, and a merge that is killed at any moment. One short flight of a twin before two recordings is flown once; each
//! test works on a copy of its result.

mod cut_short;
mod earlier;
mod flown;
mod formats;
mod loggers;
mod merged;
mod page;
mod refused;
mod simulated;
mod sources;
mod titles;
