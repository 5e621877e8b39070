//! The accelerator behind wgpu: what is there, which one is meant, and how work reaches it.
//!
//! * [`list`] and [`choose`]: the adapters of this machine. None at all is an empty list, not an error.
//! * [`Device`]: an open adapter. Loss, refusals and time-outs come back as [`Error`]; nothing here panics.
//! * [`Buffer`], [`Image`]: memory, as an array and as an image.
//! * [`Program`], [`Pipeline`]: one WGSL file compiled, and that file bound to its memory.
//! * [`Batch`]: dispatches that are timed together; [`Recording`]: dispatches that nobody waits for yet.
//! * [`Elapsed`]: how long a batch took, and by whose clock ([`Clock`]).
//!
//! wgpu is named in this module and nowhere above it. Only Vulkan, Metal and DX12 are asked: they have the
//! subgroup, f16 and timestamp features that the kernels want, and a GL adapter would list the same device again.
//!
//! No fixed subgroup size is assumed: adapters of 4 (SwiftShader), 8 (lavapipe), 32 and 64 lanes are all in use,
//! and some vary from one pipeline to the next.

mod adapter;
mod batch;
mod buffer;
mod choice;
mod device;
mod facts;
mod image;
mod memory;
mod pipeline;
mod program;
mod recording;

pub use adapter::{Adapter, list};
pub use batch::{Batch, Clock, Elapsed};
pub use buffer::{Buffer, POISON};
pub use choice::choose;
pub use device::Device;
pub use facts::{Class, Facts, Features, Limits};
pub use image::{Held, IMAGE_WIDTH, Image, Resource, Texel};
pub use pipeline::Pipeline;
pub use program::{Program, Wgsl};
pub use recording::{Readback, Recording, Submission};

/// What can go wrong between this program and an accelerator.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--adapter` names something that is not there.
    #[error("--adapter {wanted}: no such adapter; {listed}")]
    NoSuchAdapter {
        /// What was asked for.
        wanted: String,
        /// What there is, in words.
        listed: String,
    },
    /// The driver would not open the device.
    #[error("cannot open {adapter}: {reason}")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// The driver's words.
        reason: String,
    },
    /// The device went away: unplugged, reset after a hang, or closed.
    #[error("{adapter} is lost while {doing}: {reason}")]
    Lost {
        /// The adapter's name.
        adapter: String,
        /// What was being done.
        doing: String,
        /// The driver's words.
        reason: String,
    },
    /// The device refused a request: it did not validate, or its memory is full.
    #[error("{adapter} refuses {doing}: {reason}")]
    Refused {
        /// The adapter's name.
        adapter: String,
        /// What was being done.
        doing: String,
        /// wgpu's words.
        reason: String,
    },
    /// The device did not finish in the time that it was given.
    #[error("{adapter} gave no answer within {limit_s} s while {doing}")]
    Timeout {
        /// The adapter's name.
        adapter: String,
        /// What was being done.
        doing: String,
        /// How long was waited, in seconds.
        limit_s: f64,
    },
    /// A size is over what the adapter offers.
    #[error("{what} needs {needed} {unit}, but {adapter} allows {limit} ({name})")]
    TooLarge {
        /// The adapter's name.
        adapter: String,
        /// What is too large.
        what: String,
        /// The size it needs.
        needed: u64,
        /// What is counted, and in what.
        unit: &'static str,
        /// The largest size there is.
        limit: u64,
        /// The limit's name in WebGPU.
        name: &'static str,
    },
}
