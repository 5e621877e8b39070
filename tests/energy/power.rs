//! Powers with a known energy: pieces of straight lines.

/// SplitMix64 (Steele, Lea & Flood, OOPSLA 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly between two values.
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly between their logarithms.
    pub(crate) fn scale(&mut self, low: f64, high: f64) -> f64 {
        self.between(low.ln(), high.ln()).exp()
    }

    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.between(0.0, 1.0) < share
    }
}

/// From `at` on, a straight line from `begin` to `end` watts, reached where the next piece begins.
struct Piece {
    at: f64,
    begin: f64,
    end: f64,
    before_j: f64,
}

/// A power over time.
pub(crate) struct Power(Vec<Piece>);

/// Idle power and the most that a load draws.
pub(crate) const IDLE: f64 = 70.0;
const MOST: f64 = 650.0;

/// The loads of the promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Steady,
    Steps,
    Ramp,
    Square,
    Bursts,
}

pub(crate) const SHAPES: [Shape; 5] = [Shape::Steady, Shape::Steps, Shape::Ramp, Shape::Square, Shape::Bursts];

impl Power {
    fn through(points: Vec<(f64, f64, f64)>) -> Power {
        let mut pieces: Vec<Piece> = Vec::with_capacity(points.len());
        for (at, begin, end) in points {
            let before_j = pieces
                .last()
                .map_or(0.0, |last: &Piece| last.before_j + 0.5 * (last.begin + last.end) * (at - last.at));
            pieces.push(Piece { at, begin, end, before_j });
        }
        Power(pieces)
    }

    /// A load of one kind over `[0, end]`; the window begins at `start`. A load that is not steady may be idle until then.
    /// `update` is the sensor's: every second square wave beats with it.
    pub(crate) fn random(random: &mut Random, shape: Shape, update: f64, (start, end): (f64, f64)) -> Power {
        let idles = shape != Shape::Steady && random.chance(0.5);
        let mut points = Vec::new();
        let from = if idles {
            points.push((0.0, IDLE, IDLE));
            start
        } else {
            0.0
        };
        let level = |random: &mut Random| random.between(IDLE, MOST);
        match shape {
            Shape::Steady => {
                let power = level(random);
                points.push((from, power, power));
            }
            Shape::Steps => {
                let mut at = from;
                while at < end {
                    let power = level(random);
                    points.push((at, power, power));
                    at += random.scale(0.05, 5.0);
                }
            }
            Shape::Ramp => {
                let (low, high) = (level(random), level(random));
                points.push((from, low, high));
                points.push((end, high, high));
            }
            Shape::Square => {
                let (low, high) = (level(random), level(random));
                let beats = random.chance(0.5);
                let period = if beats { update * random.scale(0.5, 2.0) } else { random.scale(0.03, 0.5) };
                let duty = random.between(0.2, 0.8);
                let mut at = from;
                while at < end {
                    points.push((at, high, high));
                    points.push((at + duty * period, low, low));
                    at += period;
                }
            }
            Shape::Bursts => {
                let (low, high, rest) =
                    (random.between(IDLE, 150.0), random.between(200.0, MOST), random.scale(0.05, 2.0));
                let mut at = from;
                while at < end {
                    points.push((at, low, low));
                    at += -rest * random.between(1e-9, 1.0).ln();
                    points.push((at, high, high));
                    at += random.scale(0.005, 0.3);
                }
            }
        }
        Power::through(points)
    }

    /// Joules from 0 to `at`.
    pub(crate) fn energy(&self, at: f64) -> f64 {
        let index = self.0.partition_point(|piece| piece.at <= at).saturating_sub(1);
        let (piece, next) = (&self.0[index], self.0.get(index + 1));
        let into = at - piece.at;
        // After the last piece its begin holds.
        let slope = next.map_or(0.0, |next| (piece.end - piece.begin) / (next.at - piece.at));
        piece.before_j + into * (piece.begin + 0.5 * slope * into)
    }

    /// Watts between two times.
    pub(crate) fn mean(&self, from: f64, to: f64) -> f64 {
        (self.energy(to) - self.energy(from)) / (to - from)
    }
}
