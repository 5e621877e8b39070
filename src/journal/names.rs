//! Names of closed sets, as files spell them.

use serde::{Deserialize, Serialize};

/// How long a run takes.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::VariantArray,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum LengthName {
    /// For CI.
    Quick,
    /// The default.
    Standard,
    /// For publication.
    Strict,
}

/// What the kernels run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum AdapterClass {
    /// A GPU.
    Hardware,
    /// A renderer on the CPU.
    Software,
    /// No adapter: twins in plain Rust.
    None,
    /// No machine at all: it is simulated.
    Simulated,
}

/// A part of a run whose begin and end the journal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::VariantArray)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Phase {
    /// Nothing ran, before the work.
    Idle,
    /// A workload without an envelope.
    Unconstrained,
    /// From departure to arrival.
    Flight,
    /// Nothing ran, after the work.
    IdleAfter,
    /// All of it.
    Whole,
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::VariantArray;

    #[test]
    fn every_name_is_written_as_it_is_printed() {
        fn agree<T: VariantArray + Serialize + ToString>() {
            for name in T::VARIANTS {
                assert_eq!(serde_json::json!(name), name.to_string(), "one name");
            }
        }
        agree::<LengthName>();
        agree::<AdapterClass>();
        agree::<Phase>();
    }
}
