//! dawndusk benchmarks AI inference the way a satellite would have to run it: inside a power and heat budget.
//!
//! ```text
//!   profile ─> envelope ─> governor ─> pacer ─> workload ─> meter ─> journal ─> report      imports: a line
//!                 ^                                           │
//!                 └────────────── flight (only) ──────────────┘                             data: a ring
//! ```
//!
//! Modules stand in reading order, which is the order of dependency: each imports only from those above it.
//!
//! * **Pure**: `units` to `oracle` know no clock, thread, file (but for loading a profile), device or engine. Time is
//!   an argument, so a year flies in a test.
//! * **Engines stay in their rooms**: wgpu under `gpu` and `kernel`, candle under `model`, NVML in one file of `meter`.
//! * **A workload cannot know that it is throttled**; `report` and `live` see only the journal; a report also has
//!   the pure modules to compute with.
//! * **The ring closes in one function**, in `flight`: measured watts heat the simulated radiator, which limits the next
//!   watts.

pub mod units;

pub mod stats;

pub mod reading;

pub mod profile;

pub mod envelope;

pub mod estimator;

pub mod governor;

pub mod oracle;

pub mod interrupt;

pub mod files;

pub mod gpu;

pub mod kernel;

pub mod tuner;

pub mod model;

pub mod engine;

pub mod workload;

pub mod meter;

pub mod actuator;

pub mod journal;

pub mod flight;

pub mod report;

pub mod live;

pub mod cli;
