//! Order statistics and the bootstrap: how repeated runs become one number with a range.
//!
//! | statistic | definition | source |
//! |---|---|---|
//! | quantile, median | R-7: linear between order statistics at `(n - 1) p` | Hyndman & Fan, *The American Statistician* 50 (1996) 361 |
//! | sample standard deviation | divisor `n - 1` | |
//! | interval for the median | percentile bootstrap | Efron & Tibshirani, *An Introduction to the Bootstrap* (1993), ch. 13 |
//!
//! Every function answers `None` for an empty input, and for one that holds a NaN or an infinity: such a value is
//! missing data that nobody named, and neither skipping nor sorting it away would be honest.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// Resamples behind an interval. Efron & Tibshirani (1993, ch. 13) ask for at least 1000 for percentile intervals.
pub const RESAMPLES: usize = 2000;

/// Confidence of the interval in a [`Summary`].
pub const CONFIDENCE: f64 = 0.95;

/// A sorted copy, if there is at least one value and all are finite.
fn sorted(values: &[f64]) -> Option<Vec<f64>> {
    if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some(sorted)
}

/// R-7 on values that are sorted, finite and not empty; `p` in 0..=1.
fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let position = (sorted.len() - 1) as f64 * p;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let share = position - below as f64;
    // Weighted this way the result stays between its neighbours and does not overflow.
    sorted[below] * (1.0 - share) + sorted[above] * share
}

/// The quantile at `p` in 0..=1, by definition R-7.
pub fn quantile(values: &[f64], p: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&p) {
        return None;
    }
    sorted(values).map(|sorted| quantile_of_sorted(&sorted, p))
}

/// The middle value, or the mean of the two middle ones.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The arithmetic mean.
pub fn mean(values: &[f64]) -> Option<f64> {
    sorted(values).map(|sorted| sorted.iter().sum::<f64>() / sorted.len() as f64)
}

/// The standard deviation of the population behind the sample, with divisor `n - 1`; needs two values.
pub fn sample_standard_deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    // Two passes: the sum of squares about the mean does not cancel as `Σx² - n·mean²` does.
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The percentile bootstrap interval of the median at `confidence` in (0, 1), from [`RESAMPLES`] resamples.
///
/// The same seed gives the same interval. One value has none. Below six values it covers the true median less often than
/// [`CONFIDENCE`]: all `n` lie on one side of it with probability `2 · 2^-n`.
pub fn median_interval(values: &[f64], confidence: f64, seed: u64) -> Option<(f64, f64)> {
    let sorted = sorted(values)?;
    if sorted.len() < 2 || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ranks = vec![0usize; sorted.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            ranks.fill_with(|| random.random_range(0..sorted.len()));
            median_of_ranks(&sorted, &mut ranks)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let tail = (1.0 - confidence) / 2.0;
    Some((quantile_of_sorted(&medians, tail), quantile_of_sorted(&medians, 1.0 - tail)))
}

/// The median of the values at `ranks`. Ranks of a sorted slice order as its values do, so whole numbers are enough.
fn median_of_ranks(sorted: &[f64], ranks: &mut [usize]) -> f64 {
    let middle = ranks.len() / 2;
    let is_odd = ranks.len() % 2 == 1;
    let (lower_half, upper, _) = ranks.select_nth_unstable(middle);
    let upper = *upper;
    let lower = if is_odd { upper } else { lower_half.iter().copied().max().unwrap_or(upper) };
    sorted[lower] * 0.5 + sorted[upper] * 0.5
}

/// Repeated measurements of one quantity, in its own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Their median.
    pub median: f64,
    /// Lower end of the bootstrap interval of the median; one value has none.
    pub low: Option<f64>,
    /// Upper end of the bootstrap interval of the median; one value has none.
    pub high: Option<f64>,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Summary {
    /// Summarises `values`, with an interval at [`CONFIDENCE`] drawn from `seed`.
    pub fn of(values: &[f64], seed: u64) -> Option<Summary> {
        let sorted = sorted(values)?;
        let interval = median_interval(&sorted, CONFIDENCE, seed);
        Some(Summary {
            n: sorted.len(),
            median: quantile_of_sorted(&sorted, 0.5),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            min: sorted[0],
            max: sorted[sorted.len() - 1],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_follow_definition_seven() {
        // R: quantile(c(1, 3, 4, 8, 20), c(.1, .25, .5, .9), type = 7)
        let values = [20.0, 1.0, 8.0, 3.0, 4.0];
        for (p, expected) in [(0.0, 1.0), (0.1, 1.8), (0.25, 3.0), (0.5, 4.0), (0.9, 15.2), (1.0, 20.0)] {
            let found = quantile(&values, p).expect("five finite values");
            assert!((found - expected).abs() < 1e-12, "p = {p}: {found}, not {expected}");
        }
    }

    #[test]
    fn an_even_count_takes_the_mean_of_the_two_in_the_middle() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 10.0]), Some(3.0), "between 2 and 4");
    }

    #[test]
    fn spread_follows_the_textbook() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&values), Some(5.0), "40 / 8");
        let deviation = sample_standard_deviation(&values).expect("eight values");
        assert!((deviation - (32.0f64 / 7.0).sqrt()).abs() < 1e-12, "sqrt(32 / 7), found {deviation}");
    }

    #[test]
    fn a_far_offset_does_not_eat_the_deviation() {
        let deviation =
            sample_standard_deviation(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]).expect("four values");
        assert!((deviation - 30.0f64.sqrt()).abs() < 1e-9, "sqrt(30) at any offset, found {deviation}");
    }

    #[test]
    fn nothing_and_nan_have_no_answer() {
        for values in [&[][..], &[1.0, f64::NAN], &[f64::INFINITY, 1.0]] {
            assert_eq!(median(values), None, "median of {values:?}");
            assert_eq!(mean(values), None, "mean of {values:?}");
            assert_eq!(sample_standard_deviation(values), None, "deviation of {values:?}");
            assert_eq!(median_interval(values, 0.95, 1), None, "interval of {values:?}");
            assert_eq!(Summary::of(values, 1), None, "summary of {values:?}");
        }
        assert_eq!(quantile(&[1.0, 2.0], 1.5), None, "p above 1");
        assert_eq!(quantile(&[1.0, 2.0], f64::NAN), None, "p is no number");
    }

    #[test]
    fn one_value_has_a_median_and_no_interval() {
        let summary = Summary::of(&[7.0], 1).expect("one finite value");
        assert_eq!((summary.median, summary.low, summary.high), (7.0, None, None), "a width of 0 would be a lie");
        assert_eq!(sample_standard_deviation(&[7.0]), None, "no spread in one value");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let values: Vec<f64> = (0..31).map(|k| f64::from(k * k % 17)).collect();
        assert_eq!(median_interval(&values, 0.95, 9), median_interval(&values, 0.95, 9), "seed 9 twice");
        let (low, high) = median_interval(&values, 0.95, 9).expect("31 values");
        let centre = median(&values).expect("31 values");
        assert!(low <= centre && centre <= high, "{low} <= {centre} <= {high}");
    }

    #[test]
    fn the_interval_covers_the_true_median_about_as_often_as_it_says() {
        // 400 samples of 25 uniform values, seeds 0..400: a 95 % interval misses 20 of 400 (standard deviation 4.4).
        // The percentile interval of a median is known to run a little wide here, so only misses are bounded above.
        let misses = (0..400)
            .filter(|&seed| {
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                let values: Vec<f64> = (0..25).map(|_| random.random_range(0.0..1.0)).collect();
                let (low, high) = median_interval(&values, 0.95, seed).expect("25 values");
                !(low..=high).contains(&0.5)
            })
            .count();
        assert!((5..=37).contains(&misses), "{misses} misses in 400, expected near 20");
    }
}
