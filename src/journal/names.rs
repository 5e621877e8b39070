//! Names of closed sets, as files spell them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How long a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthName {
    /// For CI.
    Quick,
    /// The default.
    Standard,
    /// For publication.
    Strict,
}

impl fmt::Display for LengthName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Strict => "strict",
        })
    }
}

/// What the kernels run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl fmt::Display for AdapterClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hardware => "hardware",
            Self::Software => "software",
            Self::None => "none",
            Self::Simulated => "simulated",
        })
    }
}

/// A part of a run whose begin and end the journal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "idle",
            Self::Unconstrained => "unconstrained",
            Self::Flight => "flight",
            Self::IdleAfter => "idle_after",
            Self::Whole => "whole",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_written_as_it_is_printed() {
        let written = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for name in [LengthName::Quick, LengthName::Standard, LengthName::Strict] {
            assert_eq!(written(serde_json::json!(name)), Some(name.to_string()), "length");
        }
        for class in [AdapterClass::Hardware, AdapterClass::Software, AdapterClass::None, AdapterClass::Simulated] {
            assert_eq!(written(serde_json::json!(class)), Some(class.to_string()), "adapter");
        }
        for phase in [Phase::Idle, Phase::Unconstrained, Phase::Flight, Phase::IdleAfter, Phase::Whole] {
            assert_eq!(written(serde_json::json!(phase)), Some(phase.to_string()), "phase");
        }
    }
}
