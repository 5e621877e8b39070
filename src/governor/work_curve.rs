//! What a watt buys: the rate of work over power, as the upper concave envelope of measured operating points.
//!
//! Between two points a machine can spend part of its time at each, so every power on the line between them is had
//! (Kim, Imes, Hoffmann, "Racing and Pacing to Idle", 2015); points under the envelope are never worth running.
//! Admission of batches alone mixes idle and full power: the line from (idle, 0) to (full, 1).

use crate::units::Watts;

/// Rate of work over power, concave and rising from (idle, 0) to (full, 1).
#[derive(Clone, Debug, PartialEq)]
pub struct WorkCurve {
    /// Power and rate of the corners; at least two, both rising strictly.
    corners: Vec<(Watts, f64)>,
}

/// Why points make no curve.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CurveError {
    /// A point with a power or a rate that cannot be.
    #[error("operating point {index}: power {power_w} W, rate {rate}: both must be finite, at least 0")]
    Impossible {
        /// Which point, from 0.
        index: usize,
        /// Its power, W.
        power_w: f64,
        /// Its rate.
        rate: f64,
    },
    /// No point works at more than idle power.
    #[error("no operating point has a rate over 0 and a power over the idle power of {idle_w} W")]
    NoWork {
        /// Idle power, W.
        idle_w: f64,
    },
}

/// One straight piece of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Segment {
    /// Its length on the power axis.
    pub(crate) watts: Watts,
    /// Work per joule on it, 1/W.
    pub(crate) slope: f64,
}

impl WorkCurve {
    /// The machine that only mixes idle and full power.
    pub fn linear(idle: Watts, full: Watts) -> WorkCurve {
        WorkCurve { corners: vec![(idle, 0.0), (full.max(idle), 1.0)] }
    }

    /// The envelope over `points` of power and rate (any unit of rate; it is divided by the best one).
    ///
    /// # Errors
    /// [`CurveError`] if a number is impossible or no point does work above idle power.
    pub fn new(idle: Watts, points: &[(Watts, f64)]) -> Result<WorkCurve, CurveError> {
        for (index, &(power, rate)) in points.iter().enumerate() {
            if !(power.is_finite() && rate.is_finite() && power.0 >= 0.0 && rate >= 0.0) {
                return Err(CurveError::Impossible { index, power_w: power.0, rate });
            }
        }
        let mut above: Vec<_> = points.iter().copied().filter(|&(power, rate)| power > idle && rate > 0.0).collect();
        above.sort_by(|a, b| a.0.0.total_cmp(&b.0.0).then(a.1.total_cmp(&b.1)));
        let best = above.iter().fold(0.0, |best: f64, point| best.max(point.1));
        if best == 0.0 {
            return Err(CurveError::NoWork { idle_w: idle.0 });
        }
        let mut corners: Vec<(Watts, f64)> = vec![(idle, 0.0)];
        for (power, rate) in above {
            let rate = rate / best;
            // What works no faster for more power is never run.
            if rate <= corners[corners.len() - 1].1 {
                continue;
            }
            while let [.., before, last] = corners[..]
                && slope(before, (power, rate)) >= slope(before, last)
            {
                corners.pop();
            }
            // Of several points at one power the fastest holds; its slope is infinite and has popped the rest.
            corners.push((power, rate));
        }
        Ok(WorkCurve { corners })
    }

    /// Power without work.
    pub fn idle(&self) -> Watts {
        self.corners[0].0
    }

    /// Power at the best rate.
    pub fn full(&self) -> Watts {
        self.corners[self.corners.len() - 1].0
    }

    /// Share of the best rate at `power`; 0 below idle, 1 above full power.
    pub fn rate(&self, power: Watts) -> f64 {
        let mut low = self.corners[0];
        for &high in &self.corners[1..] {
            if power < high.0 {
                return low.1 + (high.1 - low.1) * ((power - low.0).max(Watts::ZERO) / (high.0 - low.0));
            }
            low = high;
        }
        low.1
    }

    /// The straight pieces from idle up; their slopes fall.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        let pairs = self.corners.windows(2);
        pairs.map(|pair| Segment { watts: pair[1].0 - pair[0].0, slope: slope(pair[0], pair[1]) })
    }
}

fn slope(from: (Watts, f64), to: (Watts, f64)) -> f64 {
    (to.1 - from.1) / (to.0 - from.0).0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points() -> Vec<(Watts, f64)> {
        vec![
            (Watts(70.0), 0.0),
            (Watts(250.0), 60.0),
            (Watts(350.0), 70.0),
            (Watts(500.0), 92.0),
            (Watts(700.0), 100.0),
        ]
    }

    #[test]
    fn a_point_under_the_envelope_is_mixed_from_its_neighbours() {
        let curve = WorkCurve::new(Watts(70.0), &points()).expect("the points are possible");
        let mixed = 0.6 + (0.92 - 0.6) * 100.0 / 250.0;
        assert!((curve.rate(Watts(350.0)) - mixed).abs() < 1e-12, "{} at 350 W", curve.rate(Watts(350.0)));
        assert_eq!(curve.rate(Watts(700.0)), 1.0, "the best rate is 1");
        assert_eq!(curve.rate(Watts(10.0)), 0.0, "nothing below idle");
        assert_eq!(curve.rate(Watts(900.0)), 1.0, "and no more above full power");
    }

    #[test]
    fn slopes_fall_and_segments_reach_from_idle_to_full() {
        let curve = WorkCurve::new(Watts(70.0), &points()).expect("the points are possible");
        let segments: Vec<_> = curve.segments().collect();
        let length: f64 = segments.iter().map(|segment| segment.watts.0).sum();
        assert!((length - 630.0).abs() < 1e-9, "{length} W from idle to full");
        assert!(segments.windows(2).all(|pair| pair[0].slope > pair[1].slope), "{segments:?} is concave");
    }

    #[test]
    fn a_slower_point_at_more_power_is_dropped() {
        let curve = WorkCurve::new(Watts(50.0), &[(Watts(100.0), 1.0), (Watts(200.0), 0.9)]).expect("possible");
        assert_eq!(curve.full(), Watts(100.0), "200 W buys nothing");
    }

    #[test]
    fn of_two_points_at_one_power_the_faster_holds() {
        let curve = WorkCurve::new(Watts(0.0), &[(Watts(100.0), 1.0), (Watts(100.0), 2.0)]).expect("possible");
        assert_eq!(curve, WorkCurve::linear(Watts(0.0), Watts(100.0)), "one line to the faster");
    }

    #[test]
    fn impossible_points_are_refused_by_index() {
        let refused =
            WorkCurve::new(Watts(50.0), &[(Watts(60.0), 1.0), (Watts(f64::NAN), 1.0)]).expect_err("NaN power");
        assert!(refused.to_string().contains("operating point 1"), "`{refused}` names the point");
        let lazy = WorkCurve::new(Watts(50.0), &[(Watts(40.0), 1.0)]).expect_err("below idle");
        assert_eq!(lazy, CurveError::NoWork { idle_w: 50.0 }, "no work above idle");
    }
}
