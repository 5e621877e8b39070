//! Whether a result is right.
//!
//! Error is measured by norm, |a - b| / |b| over all words: a bound for each word would have to forgive those near
//! zero, where a sum of large terms cancels. A word that was never written, or that is not finite, fails by itself.

use crate::gpu::POISON;

/// One result beside what it should be.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Verification {
    /// |a - b| / |b| against the twin; none where the twin itself ran, since nothing else could be asked.
    pub relative_error: Option<f64>,
    /// The largest error that passes.
    pub tolerance: f64,
    /// Words in the result.
    pub words: usize,
    /// Words that the kernel left as they were.
    pub unwritten: usize,
    /// Words that are infinite or NaN, without those unwritten.
    pub not_finite: usize,
}

impl Verification {
    /// A `result` whose words were [`POISON`] before, beside its `reference`.
    pub fn of(result: &[f32], reference: Option<&[f32]>, tolerance: f64) -> Verification {
        let unwritten = result.iter().filter(|word| word.to_bits() == POISON).count();
        Verification {
            relative_error: reference.map(|reference| relative_error(result, reference)),
            tolerance,
            words: result.len(),
            unwritten,
            not_finite: result.iter().filter(|word| !word.is_finite()).count() - unwritten,
        }
    }

    /// Every word was written, is finite, and together they are near enough.
    pub fn passed(&self) -> bool {
        let near = self.relative_error.is_none_or(|error| error <= self.tolerance);
        near && self.unwritten == 0 && self.not_finite == 0
    }
}

impl std::fmt::Display for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.relative_error {
            Some(error) => write!(f, "relative error {error:.1e} of {:.0e} allowed", self.tolerance)?,
            None => f.write_str("not compared")?,
        }
        write!(f, ", {} of {} words unwritten, {} not finite", self.unwritten, self.words, self.not_finite)
    }
}

/// |a - b| / |b|; where b is nothing but zeros, |a|. Vectors of unlike length are infinitely far apart.
fn relative_error(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let square = |word: f64| word * word;
    let difference: f64 = a.iter().zip(b).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let size: f64 = b.iter().map(|&b| square(f64::from(b))).sum();
    if size == 0.0 { difference.sqrt() } else { (difference / size).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_nobody_wrote_fails_a_result_that_is_near() {
        let reference = [1.0; 4];
        let mut result = reference;
        assert!(Verification::of(&result, Some(&reference), 1e-5).passed(), "equal");
        result[2] = f32::from_bits(POISON);
        let verification = Verification::of(&result, Some(&reference), 1e-5);
        assert_eq!((verification.unwritten, verification.not_finite), (1, 0), "one is missing, none is wrong");
        assert!(!verification.passed(), "a hole fails, also where nothing can be compared");
        assert!(!Verification::of(&result, None, 1e-5).passed(), "and without a reference");
    }

    #[test]
    fn an_infinite_word_fails() {
        let verification = Verification::of(&[1.0, f32::INFINITY], None, 1e-5);
        assert_eq!((verification.unwritten, verification.not_finite), (0, 1), "written, but infinite");
        assert!(!verification.passed(), "it fails");
    }

    #[test]
    fn an_error_just_over_the_tolerance_fails_and_just_under_passes() {
        let reference = [3.0, 4.0];
        assert!(Verification::of(&[3.0, 4.000_04], Some(&reference), 1e-5).passed(), "8e-6 of 5");
        assert!(!Verification::of(&[3.0, 4.000_06], Some(&reference), 1e-5).passed(), "1.2e-5 of 5");
        assert!(!Verification::of(&[3.0], Some(&reference), 1e-5).passed(), "too short");
        assert!(!Verification::of(&[0.0, f32::NAN], Some(&[0.0, 0.0]), 1e-5).passed(), "NaN is never near");
    }
}
