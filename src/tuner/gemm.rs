//! The matrix products, as a family: one variant for each way of tiling.

use super::{Family, SizeClass};
use crate::gpu::Facts;
use crate::kernel::{self, Gemm, Kernel, Tiling};
use std::sync::Arc;

/// C = A B in f32; a shape is m, n, k.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GemmFamily;

/// Fewer rows or columns than this are less than a tile high or wide.
const THIN: u32 = 64;

/// FLOP of the products between the classes: cubes of 512 and of 1536.
const SMALL_MAX: u64 = 2 * 512 * 512 * 512;
const MEDIUM_MAX: u64 = 2 * 1536 * 1536 * 1536;

impl Family for GemmFamily {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn variants(&self, facts: &Facts) -> Vec<&'static str> {
        // A product in f16 is quicker where it is, but another product.
        let is_candidate = |tiling: &Tiling| !tiling.takes_f16() && tiling.runs_on(facts);
        Tiling::ALL.into_iter().filter(is_candidate).map(Tiling::name).collect()
    }

    fn default_variant(&self, facts: Option<&Facts>) -> &'static str {
        Tiling::of(facts).name()
    }

    fn kernel(&self, variant: &str, shape: &[u32]) -> Result<Arc<dyn Kernel>, kernel::Error> {
        let &[m, n, k] = shape else {
            let shape = format!("{shape:?}");
            return Err(kernel::Error::Shape { kernel: "gemm", shape, reason: "it must be m, n, k".to_owned() });
        };
        let known = || Tiling::ALL.map(Tiling::name).join(", ");
        let tiling = Tiling::ALL.into_iter().find(|tiling| tiling.name() == variant);
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
        vec![vec![33, 130, 17], vec![160, 256, 96]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_of_one_class_and_so_is_the_shape_that_is_timed_for_it() {
        let cases = [([1, 576, 576], "thin"), ([256; 3], "small"), ([512, 512, 512], "small"), ([1024; 3], "medium")];
        for (shape, expected) in cases.into_iter().chain([([2048; 3], "large"), ([u32::MAX; 3], "large")]) {
            let class = GemmFamily.class(&shape);
            assert_eq!(class.name, expected, "{shape:?}");
            assert_eq!(GemmFamily.class(&class.shape), class, "the shape that stands for {expected} belongs to it");
        }
    }

    #[test]
    fn every_variant_is_a_kernel_of_its_own_name() {
        for tiling in Tiling::ALL {
            let kernel = GemmFamily.kernel(tiling.name(), &[2, 3, 4]).expect("it is known");
            assert_eq!((kernel.name(), kernel.shape()), (tiling.name(), "2x3x4".to_owned()), "as asked for");
        }
        let error = GemmFamily.kernel("gemm_ghost", &[2, 3, 4]).expect_err("no such variant").to_string();
        assert!(error.contains("gemm_ghost") && error.contains("gemm_quad"), "names and lists: {error}");
    }
}
