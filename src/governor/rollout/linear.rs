//! A linear network of three nodes under inputs that are held (zero-order hold).
//!
//! ```text
//! dx/dt    = F x + p P + a q
//! x(t + h) = A(h) x(t) + b(h) P + c(h) q        x: junction, loop, radiator
//!                                               P: power; q: what the radiator absorbs, less the tangent's constant
//! ```

use crate::envelope::Thermal;
use crate::units::{Kelvin, Seconds};

/// Terms of the exponential's series, and how far it is used: it leaves 1e-14.
const TERMS: u32 = 8;
const SERIES: f64 = 0.125;

pub(super) type Vector = [f64; 3];
pub(super) type Matrix = [Vector; 3];

/// Rates of the network: of the state, of the junction by power, of the radiator by what it absorbs.
pub(super) struct Rates {
    pub(super) state: Matrix,
    pub(super) power: f64,
    pub(super) absorbed: f64,
}

/// What moves the network over one length of time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) state: Matrix,
    pub(super) power: Vector,
    pub(super) absorbed: Vector,
}

pub(super) fn dot(row: &Vector, x: &Vector) -> f64 {
    row[0] * x[0] + row[1] * x[1] + row[2] * x[2]
}

/// A row times a matrix.
pub(super) fn through(row: &Vector, b: &Matrix) -> Vector {
    std::array::from_fn(|column| row[0] * b[0][column] + row[1] * b[1][column] + row[2] * b[2][column])
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map(|row| through(&row, b))
}

impl Rates {
    /// Of `thermal`, whose radiator emits by the tangent at `tangent`.
    pub(super) fn new(thermal: &Thermal, tangent: Kelvin) -> Rates {
        let up = 1.0 / thermal.junction_to_loop_k_per_w;
        let down = thermal.loop_to_radiator_w_per_k;
        let emission = 4.0 * thermal.emission_w_per_k4 * tangent.0.powi(3);
        let [junction, coolant, radiator] =
            [thermal.junction_j_per_k, thermal.loop_j_per_k, thermal.radiator_j_per_k].map(|capacity| 1.0 / capacity);
        Rates {
            state: [
                [-up * junction, up * junction, 0.0],
                [up * coolant, -(up + down) * coolant, down * coolant],
                [0.0, down * radiator, -(down + emission) * radiator],
            ],
            power: junction,
            absorbed: radiator,
        }
    }
}

impl Hold {
    /// Over no time.
    pub(super) const NONE: Hold =
        Hold { state: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], power: [0.0; 3], absorbed: [0.0; 3] };

    /// Over `time`: the series of a short one, doubled as often as it takes.
    pub(super) fn over(rates: &Rates, time: Seconds) -> Hold {
        let fastest = rates.state.iter().map(|row| row.iter().map(|rate| rate.abs()).sum()).fold(0.0, f64::max);
        let doublings = (time.0 * fastest / SERIES).log2().ceil().max(0.0);
        let h = time.0 / doublings.exp2();
        // S = h + A h²/2 + A² h³/6 + ...: A(h) = 1 + A S, and inputs move the state by S.
        let mut term: Matrix = std::array::from_fn(|i| std::array::from_fn(|j| if i == j { h } else { 0.0 }));
        let mut sum = term;
        for order in 2..=TERMS {
            term = product(&rates.state, &term).map(|row| row.map(|value| value * h / f64::from(order)));
            sum = std::array::from_fn(|i| std::array::from_fn(|j| sum[i][j] + term[i][j]));
        }
        let mut state = product(&rates.state, &sum);
        (0..3).for_each(|i| state[i][i] += 1.0);
        let short = Hold {
            state,
            power: sum.map(|row| row[0] * rates.power),
            absorbed: sum.map(|row| row[2] * rates.absorbed),
        };
        (0..doublings as u32).fold(short, |hold, _| hold.then(&hold))
    }

    /// This one, and then another.
    pub(super) fn then(&self, later: &Hold) -> Hold {
        let moved = |first: &Vector, second: &Vector| std::array::from_fn(|i| dot(&later.state[i], first) + second[i]);
        Hold {
            state: product(&later.state, &self.state),
            power: moved(&self.power, &later.power),
            absorbed: moved(&self.absorbed, &later.absorbed),
        }
    }

    pub(super) fn apply(&self, x: &Vector, power: f64, absorbed: f64) -> Vector {
        std::array::from_fn(|i| dot(&self.state[i], x) + self.power[i] * power + self.absorbed[i] * absorbed)
    }
}
