//! The matrix products, as a family: one variant for each way of tiling.

use super::{Family, SizeClass};
use crate::gpu::Facts;
use crate::kernel::{self, Gemm, Kernel, Tiling};
use std::sync::Arc;

/// C = A B; a shape is m, n, k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GemmFamily {
    /// Of operands in f32.
    Floats,
    /// Of operands in f16, on matrix units or without them.
    Halves,
}

impl GemmFamily {
    /// Both.
    pub const ALL: [GemmFamily; 2] = [GemmFamily::Floats, GemmFamily::Halves];

    /// Whether a tiling computes with these operands.
    fn holds(self, tiling: Tiling) -> bool {
        tiling.takes_f16() == (self == GemmFamily::Halves)
    }
}

/// Fewer rows or columns than this are less than a tile high or wide.
const THIN: u32 = 64;

/// FLOP of the products between the classes: cubes of 512 and of 1536.
const SMALL_MAX: u64 = 2 * 512 * 512 * 512;
const MEDIUM_MAX: u64 = 2 * 1536 * 1536 * 1536;

impl Family for GemmFamily {
    fn name(&self) -> &'static str {
        match self {
            GemmFamily::Floats => "gemm",
            GemmFamily::Halves => "gemm_f16",
        }
    }

    fn variants(&self, facts: &Facts) -> Vec<&'static str> {
        let suits = |tiling: &Tiling| self.holds(*tiling) && tiling.runs_on(facts);
        Tiling::ALL.into_iter().filter(suits).map(Tiling::name).collect()
    }

    fn default_variant(&self, facts: Option<&Facts>, _shape: &[u32]) -> &'static str {
        match self {
            GemmFamily::Floats => Tiling::of(facts).name(),
            GemmFamily::Halves => facts.and_then(Tiling::in_f16_of).unwrap_or(Tiling::Half).name(),
        }
    }

    fn kernel(&self, variant: &str, shape: &[u32]) -> Result<Arc<dyn Kernel>, kernel::Error> {
        let &[m, n, k] = shape else {
            let shape = format!("{shape:?}");
            return Err(kernel::Error::Shape { kernel: "gemm", shape, reason: "it must be m, n, k".to_owned() });
        };
        let ours = || Tiling::ALL.into_iter().filter(|tiling| self.holds(*tiling));
        let known = || ours().map(Tiling::name).collect::<Vec<_>>().join(", ");
        let tiling = ours().find(|tiling| tiling.name() == variant);
        let tiling = tiling.ok_or_else(|| kernel::Error::Unknown { name: variant.to_owned(), known: known() })?;
        Ok(Arc::new(Gemm::new(m, n, k, tiling)?))
    }

    /// Thin ones are those of a few tokens; the others go by their work.
    fn class(&self, shape: &[u32]) -> SizeClass {
        let least = shape.iter().take(2).min().copied().unwrap_or(0);
        let flop = shape.iter().map(|&size| u64::from(size)).fold(2, u64::saturating_mul);
        let (name, shape) = match flop {
            _ if least < THIN => ("thin", [32, 1024, 1024]),
            flop if flop <= SMALL_MAX => ("small", [256; 3]),
            flop if flop <= MEDIUM_MAX => ("medium", [1024; 3]),
            _ => ("large", [2048; 3]),
        };
        SizeClass { name, shape: shape.to_vec() }
    }

    fn probes(&self) -> Vec<Vec<u32>> {
        vec![vec![161, 130, 97], vec![33, 256, 17]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_of_one_class_and_so_is_the_shape_that_is_timed_for_it() {
        let cases = [([1, 576, 576], "thin"), ([256; 3], "small"), ([512, 512, 512], "small"), ([1024; 3], "medium")];
        for (shape, expected) in cases.into_iter().chain([([2048; 3], "large"), ([u32::MAX; 3], "large")]) {
            let class = GemmFamily::Floats.class(&shape);
            assert_eq!(class.name, expected, "{shape:?}");
            assert_eq!(
                GemmFamily::Floats.class(&class.shape),
                class,
                "the shape that stands for {expected} belongs to it"
            );
        }
    }

    #[test]
    fn every_variant_is_a_kernel_of_its_own_name() {
        for (family, tiling) in
            GemmFamily::ALL.into_iter().flat_map(|family| Tiling::ALL.map(|tiling| (family, tiling)))
        {
            match family.kernel(tiling.name(), &[2, 3, 4]) {
                Ok(kernel) => {
                    assert_eq!((kernel.name(), kernel.shape()), (tiling.name(), "2x3x4".to_owned()), "as asked for");
                    assert_eq!(tiling.takes_f16(), family == GemmFamily::Halves, "{tiling:?} of {family:?}");
                }
                Err(error) => assert!(!family.holds(tiling), "{tiling:?} of {family:?}: {error}"),
            }
        }
        let error = GemmFamily::Floats.kernel("gemm_ghost", &[2, 3, 4]).expect_err("no such variant").to_string();
        assert!(error.contains("gemm_ghost") && error.contains("gemm_quad"), "names and lists: {error}");
    }
}
