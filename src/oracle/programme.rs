//! A linear programme, its solution, and a bound that holds whatever the solver did.
//!
//! ```text
//! maximise  c x    subject to    A_e x = b_e,    A_i x <= b_i,    low <= x <= high
//! ```
//!
//! For any multipliers z, those of inequalities not negative, and any x that keeps all rows and ranges,
//!
//! ```text
//! c x  <=  b z + (c - A'z) x  <=  b z + sum_j max(r_j low_j, r_j high_j),    r = c - A'z
//! ```
//!
//! so the bound is proven by the multipliers alone, to the rounding of these few sums, even if the solver stopped early
//! (Neumaier and Shcherbina, "Safe bounds in linear and mixed-integer linear programming", Math. Program. 99, 2004).
//! The solver is Clarabel (Goulart and Chen, arXiv 2405.12762), an interior-point method for sparse problems.

use super::OracleError;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettings, DefaultSolver, IPSolver, NonnegativeConeT, SolverStatus, ZeroConeT};

/// What a plan may leave of its rows, relative.
pub(super) const KEPT: f64 = 1e-6;

/// Added to the diagonal of the solver's equations: its default, and what helps where rows nearly repeat one another.
const REGULARIZATION: [f64; 2] = [1e-8, 1e-7];

/// Which variable.
pub(super) type Variable = usize;

/// Which inequality.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inequality(usize);

/// A sum of variables, and what it equals or stays below.
#[derive(Clone, Debug)]
struct Row {
    terms: Vec<(Variable, f64)>,
    right: f64,
}

/// A linear programme under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Programme {
    worth: Vec<f64>,
    ranges: Vec<(f64, f64)>,
    equalities: Vec<Row>,
    inequalities: Vec<Row>,
}

/// What the solver found.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    /// The variables.
    pub(super) x: Vec<f64>,
    /// Objective of `x`.
    pub(super) value: f64,
    /// No x has more.
    pub(super) upper: f64,
    pub(super) iterations: u32,
    multipliers: Vec<f64>,
    equalities: usize,
}

impl Programme {
    /// A new variable in `low..=high`, worth `worth` each.
    pub(super) fn variable(&mut self, worth: f64, low: f64, high: f64) -> Variable {
        self.worth.push(worth);
        self.ranges.push((low, high));
        self.worth.len() - 1
    }

    /// `variable` is at most `high`.
    pub(super) fn cap(&mut self, variable: Variable, high: f64) {
        self.ranges[variable].1 = self.ranges[variable].1.min(high);
    }

    /// The sum of `terms` is `right`.
    pub(super) fn equal(&mut self, terms: &[(Variable, f64)], right: f64) {
        self.equalities.push(Row { terms: terms.to_vec(), right });
    }

    /// The sum of `terms` is at most `right`.
    pub(super) fn at_most(&mut self, terms: &[(Variable, f64)], right: f64) -> Inequality {
        self.inequalities.push(Row { terms: terms.to_vec(), right });
        Inequality(self.inequalities.len() - 1)
    }

    /// Solves it; none if it has no solution.
    pub(super) fn solve(&self) -> Result<Option<Solution>, OracleError> {
        let (matrix, right, equalities) = self.matrix();
        let count = self.worth.len();
        let cost: Vec<f64> = self.worth.iter().map(|worth| -worth).collect();
        let cones = [ZeroConeT(equalities), NonnegativeConeT(right.len() - equalities)];
        let none = CscMatrix::zeros((count, count));
        let refuse = |cause: String| OracleError::Solver { cause };
        let attempt = |regularization: f64| {
            let settings = DefaultSettings {
                verbose: false,
                static_regularization_constant: regularization,
                ..DefaultSettings::default()
            };
            let mut solver = DefaultSolver::new(&none, &cost, &matrix, &right, &cones, settings)
                .map_err(|cause| refuse(cause.to_string()))?;
            solver.solve();
            Ok(solver.solution)
        };
        let mut found = attempt(REGULARIZATION[0])?;
        if !matches!(found.status, SolverStatus::Solved | SolverStatus::PrimalInfeasible) {
            found = attempt(REGULARIZATION[1])?;
        }
        match found.status {
            SolverStatus::PrimalInfeasible => return Ok(None),
            SolverStatus::Solved | SolverStatus::AlmostSolved => {}
            // Stuck for rounding, but at a plan that keeps its rows; the bound holds in any case.
            SolverStatus::InsufficientProgress if found.r_prim < KEPT => {}
            other => return Err(refuse(other.to_string())),
        }
        Ok(Some(Solution {
            value: -found.obj_val,
            upper: self.bound(&found.z),
            iterations: found.iterations,
            x: found.x,
            multipliers: found.z,
            equalities,
        }))
    }

    /// All rows, ranges last, and how many of them are equalities. A range of no width is one of those: between two
    /// inequalities an interior-point method finds no inside.
    fn matrix(&self) -> (CscMatrix<f64>, Vec<f64>, usize) {
        let (mut rows, mut columns, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut right = Vec::new();
        let mut put = |terms: &[(Variable, f64)], limit: f64| {
            for &(column, value) in terms {
                rows.push(right.len());
                columns.push(column);
                values.push(value);
            }
            right.push(limit);
        };
        self.equalities.iter().for_each(|row| put(&row.terms, row.right));
        for (column, &(low, _)) in self.ranges.iter().enumerate().filter(|(_, range)| is_fixed(range)) {
            put(&[(column, 1.0)], low);
        }
        self.inequalities.iter().for_each(|row| put(&row.terms, row.right));
        for (column, &(low, high)) in self.ranges.iter().enumerate().filter(|(_, range)| !is_fixed(range)) {
            put(&[(column, 1.0)], high);
            put(&[(column, -1.0)], -low);
        }
        let matrix = CscMatrix::new_from_triplets(right.len(), self.worth.len(), rows, columns, values);
        (matrix, right, self.equalities.len() + self.fixed())
    }

    /// Variables whose range has no width.
    fn fixed(&self) -> usize {
        self.ranges.iter().filter(|range| is_fixed(range)).count()
    }

    /// The bound that `multipliers` prove. Those of the ranges are not needed: what they leave is in the residual.
    fn bound(&self, multipliers: &[f64]) -> f64 {
        let mut residual = self.worth.clone();
        let mut bound = 0.0;
        let prices = multipliers[self.equalities.len() + self.fixed()..].iter().map(|price| price.max(0.0));
        let inequalities = self.inequalities.iter().zip(prices);
        let equalities = self.equalities.iter().zip(multipliers.iter().copied());
        for (row, price) in equalities.chain(inequalities) {
            bound += price * row.right;
            for &(column, value) in &row.terms {
                residual[column] -= price * value;
            }
        }
        let rest = residual.iter().zip(&self.ranges).map(|(r, (low, high))| (r * low).max(r * high));
        bound + rest.sum::<f64>()
    }
}

fn is_fixed((low, high): &(f64, f64)) -> bool {
    low == high
}

impl Solution {
    /// What a unit more on the right of `row` would be worth.
    pub(super) fn price(&self, row: Inequality) -> f64 {
        self.multipliers[self.equalities + row.0].max(0.0)
    }
}
