//! What `bench` prints, from recorded events: its four formats, and the machine profile of a sweep.

mod formats;
mod sweep;
