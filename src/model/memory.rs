//! Whether weights drawn from a seed fit into main memory, asked before the first of them is drawn: a published shape
//! can be far larger than the machine. Only Linux tells what is free; elsewhere nothing is refused.

use super::{Config, ModelError, Precision};

/// Refuses what is larger than the memory that is free now.
pub(super) fn refuse_too_large(name: &str, shape: &Config, precision: Precision) -> Result<(), ModelError> {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    match free_bytes(&text).filter(|&free| free < seeded_bytes(shape, precision)) {
        None => Ok(()),
        Some(free) => Err(ModelError::TooLarge { name: name.to_owned(), needed: seeded_bytes(shape, precision), free }),
    }
}

/// Bytes of seeded weights: Q8_0 has 34 for 32 of them.
fn seeded_bytes(shape: &Config, precision: Precision) -> u64 {
    match precision {
        Precision::Quantised => shape.parameters() / 32 * 34,
        Precision::F32 => 4 * shape.parameters(),
    }
}

/// What `/proc/meminfo` says can be had without swapping, which it gives in KiB (proc_meminfo(5)).
fn free_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    #[test]
    fn what_is_free_is_read_as_linux_writes_it() {
        let text = "MemTotal:       32768000 kB\nMemFree:          100 kB\nMemAvailable:   16384000 kB\n";
        assert_eq!(free_bytes(text), Some(16_384_000 * 1024), "the third line");
        assert_eq!(free_bytes("MemTotal: 5 kB\n"), None, "an old kernel does not tell");
        assert_eq!(free_bytes("MemAvailable: many kB\n"), None, "no number");
    }

    #[test]
    fn grok_1_takes_334_gigabytes_in_eight_bits() {
        let shape = Profile::named("grok-1").and_then(|profile| profile.llama()).expect("a built-in profile");
        assert_eq!(seeded_bytes(&shape, Precision::Quantised), 315_684_034_560 / 32 * 34, "34 bytes for 32 weights");
        assert_eq!(seeded_bytes(&shape, Precision::F32), 4 * 315_684_034_560, "four bytes each");
    }
}
