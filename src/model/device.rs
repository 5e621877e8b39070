//! The devices that a model can run on: the CPU always, CUDA and Metal in builds with that feature.

use super::ModelError;

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
            found.extend((0..ORDINALS).map_while(|ordinal| Self::gpu(kind, ordinal).ok()));
        }
        found
    }

    /// By its name: `cpu`, `cuda:0`, `metal:0`.
    ///
    /// # Errors
    /// The name is none of these, or the device does not answer.
    pub fn named(name: &str) -> Result<Self, ModelError> {
        let unknown = |why: &str| ModelError::Device { name: name.to_owned(), why: why.to_owned() };
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::cpu()),
            Some((kind @ ("cuda" | "metal"), ordinal)) => match ordinal.parse::<usize>() {
                Ok(ordinal) if ordinal < ORDINALS => Self::gpu(kind, ordinal),
                _ => Err(unknown("the number after the colon goes from 0 to 15")),
            },
            _ => Err(unknown("allowed: cpu, cuda:N, metal:N")),
        }
    }

    fn gpu(kind: &str, ordinal: usize) -> Result<Self, ModelError> {
        let name = format!("{kind}:{ordinal}");
        let built = match kind {
            "cuda" => candle_core::utils::cuda_is_available(),
            _ => candle_core::utils::metal_is_available(),
        };
        if !built {
            let why = format!("this build has no {kind}; build with --features {kind}");
            return Err(ModelError::Device { name, why });
        }
        let found = match kind {
            "cuda" => candle_core::Device::new_cuda(ordinal),
            _ => candle_core::Device::new_metal(ordinal),
        };
        match found {
            Ok(candle) => Ok(Self { candle, name }),
            Err(error) => Err(ModelError::Device { name, why: error.to_string() }),
        }
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

    #[test]
    fn a_device_that_is_not_there_is_named_with_what_to_do() {
        for (name, part) in [("tpu", "allowed: cpu"), ("cuda:99", "0 to 15"), ("", "allowed: cpu")] {
            let message = Device::named(name).expect_err("no such device").to_string();
            assert!(message.contains(part), "{name:?} gives {message:?}");
        }
        if !candle_core::utils::metal_is_available() {
            let message = Device::named("metal:0").expect_err("no such device").to_string();
            assert!(message.contains("--features metal"), "{message}");
        }
    }
}
