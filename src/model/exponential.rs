//! exp(x) in f32 without a call into the C library, so that loops over it run in vector registers.
//!
//! x = n ln 2 + r with n whole and |r| <= ln 2 / 2; exp(r) by its Taylor polynomial of degree 7, whose remainder there
//! is below 2^-27; times 2^n through the exponent bits. ln 2 is split in two so that n ln 2 is exact (Cody and Waite
//! 1980). Below -87 the result is 0 (exp underflows to a subnormal there), above 88 it stays at exp(88).

/// ln 2 in 9 bits, and what is left.
const LN_2_HIGH: f32 = 355.0 / 512.0;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// Adding 1.5 * 2^23 leaves a small f32 rounded to a whole number in the low bits of the sum.
const ROUND: f32 = 12_582_912.0;

/// e^x.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let inside = x.clamp(-87.0, 88.0);
    let shifted = inside * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = inside - n * LN_2_HIGH - n * LN_2_LOW;
    let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0)));
    let polynomial = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * tail)));
    let power = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    if x < -87.0 { 0.0 } else { polynomial * power }
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn it_is_within_two_units_in_the_last_place_of_the_true_value() {
        let mut worst = 0_f64;
        let mut x = -86.9_f32;
        while x < 87.9 {
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(exp(x)) - exact).abs() / exact);
            x += 0.000_37;
        }
        assert!(worst < 2.0 * f64::from(f32::EPSILON), "worst relative error {worst}");
    }

    #[test]
    fn the_ends_are_what_a_softmax_needs() {
        assert_eq!(exp(f32::NEG_INFINITY), 0.0, "a masked score has no weight");
        assert_eq!(exp(-200.0), 0.0, "underflow is zero");
        assert_eq!(exp(0.0), 1.0, "the largest score of a row");
        assert!(exp(1000.0).is_finite(), "overflow stays finite");
        assert!(exp(f32::NAN).is_nan(), "a NaN stays visible");
    }
}
