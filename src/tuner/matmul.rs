//! The products with weights, as a family for each format: one variant for each way of sharing the work.

use super::{Family, SizeClass};
use crate::gpu::{Class, Facts};
use crate::kernel::{self, Epilogue, Format, Kernel, Matmul, Sharing};
use std::sync::Arc;

/// y = x W^T with W in one format; a shape is rows of x, rows of W, columns of both. What becomes of the sums changes
/// little of the time, so a choice is made for the plain store and holds for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatmulFamily {
    /// Of W.
    pub format: Format,
}

/// Most rows of x that are a batch of sequences; more are a prompt.
const BATCH_MAX: u32 = 16;

/// Words of W between the classes: those of models of about 0.1, 1 and 10 billion weights.
const SMALL_MAX: u64 = 1 << 22;
const MEDIUM_MAX: u64 = 1 << 26;

impl Family for MatmulFamily {
    fn name(&self) -> &'static str {
        match self.format {
            Format::F32 => "matmul_f32",
            Format::F16 => "matmul_f16",
            Format::Q8 => "matmul_q8",
            Format::Q4 => "matmul_q4",
        }
    }

    fn variants(&self, facts: &Facts) -> Vec<&'static str> {
        // On a CPU workgroup memory costs more than it saves: tiles are not worth their trial there.
        let worth = |sharing: &Sharing| *sharing != Sharing::Tiled || facts.class == Class::Hardware;
        let runs = |sharing: &Sharing| sharing.runs_on(facts) && worth(sharing);
        Sharing::ALL.into_iter().filter(runs).map(Sharing::name).collect()
    }

    fn default_variant(&self, facts: Option<&Facts>, shape: &[u32]) -> &'static str {
        Sharing::of(facts, shape.first().copied().unwrap_or(1)).name()
    }

    fn kernel(&self, variant: &str, shape: &[u32]) -> Result<Arc<dyn Kernel>, kernel::Error> {
        let &[tokens, rows, columns] = shape else {
            let reason = "it must be rows of x, rows of W, columns".to_owned();
            return Err(kernel::Error::Shape { kernel: "matmul", shape: format!("{shape:?}"), reason });
        };
        let known = || Sharing::ALL.map(Sharing::name).join(", ");
        let sharing = Sharing::named(variant);
        let sharing = sharing.ok_or_else(|| kernel::Error::Unknown { name: variant.to_owned(), known: known() })?;
        Ok(Arc::new(Matmul::new([tokens, rows, columns], self.format, Epilogue::Store, sharing)?))
    }

    /// By the rows of x, and by the words of W: a small one may lie in a cache.
    fn class(&self, shape: &[u32]) -> SizeClass {
        let tokens = shape.first().copied().unwrap_or(1);
        let words = shape.iter().skip(1).map(|&size| u64::from(size)).fold(1, u64::saturating_mul);
        let step = [("step, small", 1), ("step, medium", 1), ("step, large", 1)];
        let batch = [("batch, small", 8), ("batch, medium", 8), ("batch, large", 8)];
        let prompt = [("prompt, small", 64), ("prompt, medium", 64), ("prompt, large", 64)];
        let by_tokens = match tokens {
            0..=1 => step,
            2..=BATCH_MAX => batch,
            _ => prompt,
        };
        let (place, [rows, columns]) = match words {
            words if words <= SMALL_MAX => (0, [3072, 576]),
            words if words <= MEDIUM_MAX => (1, [8192, 2048]),
            _ => (2, [16384, 8192]),
        };
        let (name, tokens) = by_tokens[place];
        SizeClass { name, shape: vec![tokens, rows, columns] }
    }

    fn probes(&self) -> Vec<Vec<u32>> {
        vec![vec![9, 70, 130], vec![1, 40, 96]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_of_one_class_and_so_is_the_shape_that_is_timed_for_it() {
        let family = MatmulFamily { format: Format::Q4 };
        let cases =
            [([1, 576, 576], "step, small"), ([16, 49152, 576], "batch, medium"), ([17, 64, 64], "prompt, small")];
        for (shape, expected) in cases.into_iter().chain([([u32::MAX; 3], "prompt, large")]) {
            let class = family.class(&shape);
            assert_eq!(class.name, expected, "{shape:?}");
            assert_eq!(family.class(&class.shape), class, "the shape that stands for {expected} belongs to it");
        }
    }

    #[test]
    fn every_variant_of_every_format_is_a_kernel_of_its_own_name() {
        for family in Format::ALL.map(|format| MatmulFamily { format }) {
            for sharing in Sharing::ALL {
                let kernel = family.kernel(sharing.name(), &[2, 32, 64]).expect("it is known");
                assert_eq!(kernel.name(), sharing.name(), "of {family:?}");
            }
            let error = family.kernel("matmul_ghost", &[2, 32, 64]).expect_err("no such variant").to_string();
            assert!(error.contains("matmul_ghost") && error.contains("matmul_split"), "names and lists: {error}");
        }
    }
}
