//! A temperature between the points at which it is known: where it is highest.
//!
//! At each point the temperature and its slope follow in line from the state and the power. Between two of them the curve
//! is their cubic (Hermite), which is off by `h⁴/384` of its fourth derivative.

use super::linear::{Hold, Rates, Vector, dot, through};

/// A temperature or its slope, as it follows from where the network begins and from what is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    state: Vector,
    /// By the power of the first stretch.
    pub(super) on: f64,
    idle: f64,
    absorbed: f64,
}

/// What is known at one time: of the junction and of the loop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    time: f64,
    pub(super) temperature: [Row; 2],
    slope: [Row; 2],
}

/// What the curves follow from, beside the power of the first stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inputs {
    pub(super) x: Vector,
    pub(super) idle: f64,
    pub(super) absorbed: f64,
}

impl Row {
    /// Without the power of the first stretch.
    pub(super) fn at(&self, inputs: &Inputs) -> f64 {
        dot(&self.state, &inputs.x) + self.idle * inputs.idle + self.absorbed * inputs.absorbed
    }
}

impl Point {
    /// While the power of the first stretch is held, `time` after it began.
    pub(super) fn during(rates: &Rates, time: f64, on: &Hold) -> Point {
        Point::new(rates, time, (&on.state, &on.absorbed), (on.power, rates.power), ([0.0; 3], 0.0))
    }

    /// `time` after it began, under idle power for the last part of it, which moves the network by `rest`.
    pub(super) fn after(rates: &Rates, time: f64, on: &Hold, rest: &Hold) -> Point {
        let both = on.then(rest);
        let on = rest.state.map(|row| dot(&row, &on.power));
        Point::new(rates, time, (&both.state, &both.absorbed), (on, 0.0), (rest.power, rates.power))
    }

    /// Each power as what it has moved so far, and by what it heats the junction now.
    fn new(
        rates: &Rates,
        time: f64,
        (state, absorbed): (&[Vector; 3], &Vector),
        (on, heating): (Vector, f64),
        (idle, idle_heating): (Vector, f64),
    ) -> Point {
        let temperature =
            |node: usize| Row { state: state[node], on: on[node], idle: idle[node], absorbed: absorbed[node] };
        let slope = |node: usize| {
            let rate = &rates.state[node];
            let is_heated = if node == 0 { 1.0 } else { 0.0 };
            Row {
                state: through(rate, state),
                on: dot(rate, &on) + heating * is_heated,
                idle: dot(rate, &idle) + idle_heating * is_heated,
                absorbed: dot(rate, absorbed),
            }
        };
        Point { time, temperature: [temperature(0), temperature(1)], slope: [slope(0), slope(1)] }
    }

    /// The highest temperature of `node` between this point and `next` under `power`, if it is higher than at both: what it is
    /// without the power, and how much a watt of it adds.
    pub(super) fn peak(&self, next: &Point, node: usize, inputs: &Inputs, power: f64) -> Option<(f64, f64)> {
        let h = next.time - self.time;
        let rows = [self.temperature[node], self.slope[node], next.temperature[node], next.slope[node]];
        let base = rows.map(|row| row.at(inputs));
        let [begin, rises, end, falls] = std::array::from_fn(|i| base[i] + rows[i].on * power);
        let u = turning(end - begin, rises * h, falls * h)?;
        let (one, square) = (1.0 - u, u * u);
        let weights = [one * one * (1.0 + 2.0 * u), one * one * u * h, square * (3.0 - 2.0 * u), -square * one * h];
        let sum = |values: [f64; 4]| (0..4).map(|i| weights[i] * values[i]).sum();
        Some((sum(base), sum(rows.map(|row| row.on))))
    }
}

/// Where between 0 and 1 a cubic has its peak, that goes up by `rise` from slope `first` to slope `last`; none where it has none.
fn turning(rise: f64, first: f64, last: f64) -> Option<f64> {
    if !(first > 0.0 && last < 0.0) {
        return None;
    }
    // The slope is a u² + b u + first.
    let (a, b) = (3.0 * (first + last) - 6.0 * rise, 6.0 * rise - 4.0 * first - 2.0 * last);
    Some(2.0 * first / ((b * b - 4.0 * a * first).sqrt() - b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_turns_where_its_slope_is_zero() {
        // (u - 0.3)(u - k) times s, integrated: peaks at 0.3 where the other root lies beyond the ends.
        for (other, s) in [(2.0, 1.0), (1.5, 4.0), (-3.0, -2.0), (1e9, 1e-9)] {
            let slope = |u: f64| s * (u - 0.3) * (u - other);
            let rise = s * (1.0 / 3.0 - (0.3 + other) / 2.0 + 0.3 * other);
            let found = turning(rise, slope(0.0), slope(1.0)).expect("it rises and then falls");
            assert!((found - 0.3).abs() < 1e-6, "turns at {found}, other root {other}");
        }
        assert_eq!(turning(1.0, 0.5, 0.2), None, "it rises all the way");
        assert_eq!(turning(-1.0, -0.5, -0.2), None, "it falls all the way");
    }
}
