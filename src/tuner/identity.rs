//! For whom a choice was made: it counts only where all of this is the same.

use super::{Family, SizeClass};
use crate::gpu::Facts;
use crate::kernel;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of wgpu that compiles the kernels; a test holds it against `Cargo.lock`.
pub const WGPU_VERSION: &str = "30.0.1";

/// An adapter, its driver and the compiler before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The driver's name for the device.
    pub adapter: String,
    /// The vendor's number.
    pub vendor_id: u32,
    /// The vendor's number for the device.
    pub device_id: u32,
    /// `vulkan`, `metal` or `dx12`.
    pub backend: String,
    /// The driver's name.
    pub driver: String,
    /// The driver's version.
    pub driver_info: String,
    /// The fewest and the most invocations that run in lockstep, as the driver says: settings can change them.
    pub subgroup_size: [u32; 2],
    /// [`WGPU_VERSION`].
    pub wgpu: String,
}

impl Identity {
    /// Of an adapter, with this program's wgpu.
    pub fn of(facts: &Facts) -> Identity {
        Identity {
            adapter: facts.name.clone(),
            vendor_id: facts.vendor_id,
            device_id: facts.device_id,
            backend: facts.backend.clone(),
            driver: facts.driver.clone(),
            driver_info: facts.driver_info.clone(),
            subgroup_size: [facts.subgroup_size_min, facts.subgroup_size_max],
            wgpu: WGPU_VERSION.to_owned(),
        }
    }

    /// `llvmpipe-llvm-15-0-6-256-bits-10005-0-vulkan.json`: the adapter without its driver, so that a new driver
    /// writes over what the old one left.
    pub(super) fn file_name(&self) -> String {
        const LETTERS_MAX: usize = 80;
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' };
        let name: String = self.adapter.chars().take(LETTERS_MAX).map(plain).collect();
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        let backend: String = self.backend.chars().map(plain).collect();
        format!("{}-{:x}-{:x}-{backend}.json", words.join("-"), self.vendor_id, self.device_id)
    }
}

/// The SHA-256 of everything that the variants are made of in the shape that is timed: names, WGSL, constants,
/// workgroups. A new tile size or a new variant is a new trial.
pub(super) fn sources(family: &dyn Family, class: &SizeClass, facts: &Facts) -> Result<String, kernel::Error> {
    let mut digest = Sha256::new();
    for variant in family.variants(facts) {
        let plan = family.kernel(variant, &class.shape)?.plan(facts);
        for text in [variant, plan.source.file, plan.source.text] {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        }
        digest.update(format!("{:?} {:?}\n", plan.constants, plan.workgroups));
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_wgpu_is_that_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        let package = lock.split("[[package]]").find(|package| package.contains("name = \"wgpu\"\n"));
        let package = package.expect("wgpu is locked");
        assert!(package.contains(&format!("version = \"{WGPU_VERSION}\"")), "WGPU_VERSION is old: {package}");
    }

    #[test]
    fn a_file_name_is_plain_whatever_a_driver_calls_itself() {
        let identity = Identity {
            adapter: "../Evil GPU (™) 7".to_owned(),
            vendor_id: 0x10de,
            device_id: 0x2331,
            backend: "vulkan".to_owned(),
            driver: "a".to_owned(),
            driver_info: "1".to_owned(),
            subgroup_size: [32, 32],
            wgpu: WGPU_VERSION.to_owned(),
        };
        assert_eq!(identity.file_name(), "evil-gpu-7-10de-2331-vulkan.json", "letters, digits and hyphens");
        let other_driver = Identity { driver_info: "2".to_owned(), ..identity.clone() };
        assert_eq!(other_driver.file_name(), identity.file_name(), "one file for an adapter");
        assert_ne!(other_driver, identity, "and yet it is another");
    }
}
