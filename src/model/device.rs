//! The devices that a model can run on: the CPU always, CUDA and Metal in builds with that feature.

/// Devices of one kind that are looked for.
const ORDINALS: usize = 16;

/// One device of candle.
#[derive(Clone, Debug)]
pub struct Device {
    pub(super) candle: candle_core::Device,
    name: String,
}

impl Device {
    /// The CPU.
    pub fn cpu() -> Self {
        Self { candle: candle_core::Device::Cpu, name: "cpu".to_owned() }
    }

    /// Every device that answers now.
    pub fn list() -> Vec<Self> {
        let mut found = vec![Self::cpu()];
        for kind in ["cuda", "metal"] {
            found.extend((0..ORDINALS).map_while(|ordinal| Self::gpu(kind, ordinal)));
        }
        found
    }

    /// None where this build has no such devices, or it does not answer.
    fn gpu(kind: &str, ordinal: usize) -> Option<Self> {
        let found = match kind {
            "cuda" if candle_core::utils::cuda_is_available() => candle_core::Device::new_cuda(ordinal),
            "metal" if candle_core::utils::metal_is_available() => candle_core::Device::new_metal(ordinal),
            _ => return None,
        };
        found.ok().map(|candle| Self { candle, name: format!("{kind}:{ordinal}") })
    }

    /// `cpu`, `cuda:0`, ...
    pub fn name(&self) -> &str {
        &self.name
    }

    /// True for the CPU.
    pub fn is_cpu(&self) -> bool {
        self.candle.is_cpu()
    }

    /// Threads that candle uses on a CPU: `RAYON_NUM_THREADS` where it is set when the program starts, else the
    /// physical cores. `None` for a GPU.
    pub fn threads(&self) -> Option<usize> {
        self.is_cpu().then(candle_core::utils::get_num_threads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_is_always_listed_first() {
        assert_eq!(Device::list()[0].name(), "cpu", "the first device");
        assert!(Device::cpu().threads().is_some_and(|threads| threads > 0), "a CPU has threads");
    }
}
