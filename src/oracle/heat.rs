//! The three thermal nodes as rows of the programme.
//!
//! Over a bin of length h, with T at its ends, means with a bar and q = environment - emission,
//!
//! ```text
//! C_J (J' - J) = h [P - (j - l)/R]        C_L (L' - L) = h [(j - l)/R - G (l - r)]
//! C_R (R' - R) >= h [G (l - r) + environment - chord(r)]              (j, l, r: the means of J, L, R)
//! J, j <= junction limit,   L, l <= loop limit,   |j - (J + J')/2| <= h (rise_J + fall_J)/8, same for l and r
//! ```
//!
//! *Why no flight is lost.* The balances are the equations of the network integrated over the bin. The radiator emits
//! `a T^4` and T^4 is convex, so between the least and the greatest temperature that any flight reaches it lies below
//! its chord, and so does its mean below the chord at the mean: the programme may emit more than physics, never less.
//! Whatever moves by at most `rise` up and `fall` down has, over h between two given ends of mean slope m, a mean that
//! leaves that of the ends by at most `h (rise - m)(m + fall)/(2 (rise + fall)) <= h (rise + fall)/8`: the triangle that
//! goes up as fast as it can and then down. The same holds for the whole heat `H = C_J J + C_L L + C_R R`, whose slope
//! `P + environment - emission` is far smaller than those of its parts.
//!
//! *The ranges* ([`Ranges`]) follow from comparison: the network is monotone (more heat anywhere makes no node
//! colder), so it stays above the steady state of idle power under the least environment if it starts above, and below
//! that of the limits under the greatest if it starts below; a start outside widens the range, and a periodic flight,
//! flown for ever, forgets its start. A start colder than idle power would keep it lies above the steady state of some
//! lesser power, and the flight stays there. From above, bin by bin ([`Ranges::ceilings`]), no flight is warmer than one that
//! began at the top of the range and draws all that array and battery could give at each instant: after a shade that
//! the battery does not carry at full power the chord ends lower. For the flows
//! f = (J - L)/R and g = G (L - R), `f' <= (P - f)/(R C_J)` where f is the largest of the two, `g' <= -G (g +
//! environment - emission)/C_R` where g is: neither can pass the largest of full power, greatest emission less least
//! environment, and what it starts with; from below likewise.

use super::exogenous::{ExogenousTrace, Light};
use super::model::{Emission, Level, Margins, Terms, Units};
use super::programme::{Programme, Variable};
use super::{Ends, Stores};
use crate::envelope::{Temperatures, Thermal};
use crate::units::{Kelvin, Watts};

/// Parts of a bin in which the warmest flight is followed.
const PARTS: u32 = 16;
/// Far more than the integration of a part leaves, K.
const STEP_K: f64 = 1e-5;
/// Halvings in search of a power: to a thousandth.
const HALVINGS: u32 = 10;

/// Where temperatures and flows of any flight lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranges {
    low: [f64; 3],
    high: [f64; 3],
    /// Heat between two nodes, W.
    flow: (f64, f64),
    /// Emission less absorption at the radiator, W.
    lost: (f64, f64),
}

/// The variables of one network.
pub(super) struct Heat {
    /// Junction, loop, radiator at the start.
    pub(super) start: [Level; 3],
    /// Mean of the radiator by bin.
    pub(super) radiator: Vec<Variable>,
}

impl Ranges {
    /// Those of `trace` between `ends`.
    pub(super) fn new(trace: &ExogenousTrace, ends: &Ends) -> Ranges {
        let (least, greatest) = trace.environment();
        let with = |emission_w_per_k4| Thermal { emission_w_per_k4, ..trace.thermal };
        let emissions = trace.bins().iter().map(|bin| bin.emission_w_per_k4);
        let weak = with(emissions.clone().fold(f64::INFINITY, f64::min));
        let strong = with(emissions.fold(0.0, f64::max));
        let start = ends.start().map(|stores| nodes(&stores.temperatures));
        let limits = [trace.junction_limit().0, trace.coolant_limit().0];

        let by_loop = weak.heat_at_loop(Kelvin(limits[1]), greatest);
        let power = trace.curve.full().min(weak.heat_at_junction(Kelvin(limits[0]), greatest)).min(by_loop);
        let hottest = nodes(&weak.steady(power, greatest));
        let radiator = match start {
            Some(start) if (0..3).any(|i| start[i] > hottest[i]) => {
                start[2].max(weak.steady(by_loop, greatest).radiator.0)
            }
            _ => hottest[2],
        };
        let coldest = nodes(&strong.steady(trace.curve.idle(), least));
        let low = match start {
            Some(start) if (0..3).any(|i| start[i] < coldest[i]) => {
                kept_warm(&strong, trace.curve.idle(), least, start)
            }
            _ => coldest,
        };
        let high = [limits[0], limits[1], radiator];
        let most = emitted(&strong, radiator) - least.0;
        let fewest = emitted(&weak, low[2]) - greatest.0;
        let mut flow = (trace.curve.idle().0.min(fewest), trace.curve.full().0.max(most));
        if let Some([junction, coolant, radiator]) = start {
            let up = (junction - coolant) / trace.thermal.junction_to_loop_k_per_w;
            let down = (coolant - radiator) * trace.thermal.loop_to_radiator_w_per_k;
            flow = (flow.0.min(up).min(down), flow.1.max(up).max(down));
        }
        Ranges { low, high, flow, lost: (fewest, most) }
    }

    /// The warmest that the radiator of any flight can be inside each bin, K.
    fn ceilings(&self, trace: &ExogenousTrace, ends: &Ends) -> Vec<f64> {
        let high = self.high.map(Kelvin);
        let top = Temperatures { junction: high[0], coolant: high[1], radiator: high[2] };
        let mut at = match ends {
            Ends::From(start) => start.temperatures,
            _ => top,
        };
        let fastest = self.slopes(trace)[2] / trace.thermal.radiator_j_per_k;
        let warmest = trace.environment().1;
        let ceiling = |(bin, light): (&super::Bin, &Light)| {
            let thermal = Thermal { emission_w_per_k4: bin.emission_w_per_k4, ..trace.thermal };
            let (power, dt) = (most_power(trace, light), bin.dt / f64::from(PARTS));
            let mut ceiling = at.radiator;
            for _ in 0..PARTS {
                let moved = thermal.step(at, power, warmest, dt);
                at = Temperatures {
                    junction: moved.junction.min(top.junction),
                    coolant: moved.coolant.min(top.coolant),
                    radiator: (moved.radiator + Kelvin(STEP_K)).min(top.radiator),
                };
                ceiling = ceiling.max(at.radiator);
            }
            // Between two parts it goes up as fast as it can and down again.
            (ceiling.0 + fastest * dt.0 / 2.0).min(self.high[2])
        };
        trace.bins().iter().zip(trace.lights()).map(ceiling).collect()
    }

    /// Whether even full power for ever keeps every flight of `trace` under its limits.
    pub(super) fn never_binds(trace: &ExogenousTrace, ends: &Ends) -> bool {
        let weakest = trace.bins().iter().fold(f64::INFINITY, |least, bin| least.min(bin.emission_w_per_k4));
        let thermal = Thermal { emission_w_per_k4: weakest, ..trace.thermal };
        let steady = thermal.steady(trace.curve.full(), trace.environment().1);
        let below = |at: &Temperatures| nodes(at).iter().zip(nodes(&steady)).all(|(at, most)| *at <= most);
        steady.junction <= trace.limits.junction
            && steady.coolant <= trace.limits.coolant
            && ends.start().is_none_or(|start| below(&start.temperatures))
    }

    /// Greatest rise and fall of the nodes and of the whole heat, watts into each.
    fn slopes(&self, trace: &ExogenousTrace) -> [f64; 4] {
        let width = self.flow.1 - self.flow.0;
        let (idle, full) = (trace.curve.idle().0, trace.curve.full().0);
        let lost = self.lost.1 - self.lost.0;
        [full - self.flow.0 + self.flow.1 - idle, 2.0 * width, width + lost, full - idle + lost]
    }
}

/// The steady state of the most power up to `idle` that is nowhere warmer than `start`; the coldest of `start` and an unheated
/// radiator where that is colder still.
fn kept_warm(thermal: &Thermal, idle: Watts, environment: Watts, start: [f64; 3]) -> [f64; 3] {
    let steady = |power| nodes(&thermal.steady(power, environment));
    let below = |at: [f64; 3]| at.iter().zip(start).all(|(at, start)| *at <= start);
    if !below(steady(Watts::ZERO)) {
        return [start.into_iter().fold(steady(Watts::ZERO)[2], f64::min); 3];
    }
    let (mut low, mut high) = (Watts::ZERO, idle);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if below(steady(middle)) { low = middle } else { high = middle }
    }
    steady(low)
}

/// The most that the machine can draw at any instant of a bin.
fn most_power(trace: &ExogenousTrace, light: &Light) -> Watts {
    let carried = light.most + trace.battery.discharge_max * (1.0 + 1e-9) - trace.housekeeping;
    let (idle, full) = (trace.curve.idle(), trace.curve.full());
    let power = (carried * trace.conversion_efficiency).max(idle).min(full);
    if trace.is_switching() && power < full { idle } else { power }
}

/// What the radiator of `thermal` emits at `radiator` K, W.
fn emitted(thermal: &Thermal, radiator: f64) -> f64 {
    thermal.emitted(Kelvin(radiator)).0
}

fn nodes(at: &Temperatures) -> [f64; 3] {
    [at.junction.0, at.coolant.0, at.radiator.0]
}

/// Heat capacities of the nodes, J/K.
fn capacities(thermal: &Thermal) -> [f64; 3] {
    [thermal.junction_j_per_k, thermal.loop_j_per_k, thermal.radiator_j_per_k]
}

/// Adds the network. `loads` are the variables of power above idle, by bin.
pub(super) fn add(
    programme: &mut Programme,
    trace: &ExogenousTrace,
    ends: &Ends,
    units: &Units,
    margins: &Margins,
    emission: &Emission<'_>,
    loads: &[Vec<Variable>],
) -> Heat {
    let ranges = Ranges::new(trace, ends);
    let cold = ranges.low.map(|at| units.kelvin(Kelvin(at)));
    let mut hot = ranges.high.map(|at| units.kelvin(Kelvin(at)));
    hot[0] -= margins.junction / Units::KELVIN;
    hot[1] -= margins.coolant / Units::KELVIN;
    let new = |programme: &mut Programme| [0, 1, 2].map(|i| programme.variable(0.0, cold[i], hot[i]));
    let start = match ends {
        Ends::From(start) => nodes(&start.temperatures).map(|at| Level::Fixed(units.kelvin(Kelvin(at)))),
        _ => new(programme).map(Level::Free),
    };
    let mut heat = Heat { start, radiator: Vec::new() };
    let ceilings = ranges.ceilings(trace, ends);
    let network = Network { trace, units, emission, slopes: ranges.slopes(trace), ranges, ceilings };
    let mut at = start;
    for (index, load) in loads.iter().enumerate() {
        let next = new(programme).map(Level::Free);
        let mean = new(programme);
        heat.radiator.push(mean[2]);
        network.balance(programme, index, load, [at, mean.map(Level::Free), next]);
        network.mean(programme, index, [at, mean.map(Level::Free), next]);
        at = next;
    }
    if let Some(change) = change(ends) {
        for i in 0..3 {
            let row = Terms::new(change[i] / Units::KELVIN).and(at[i], 1.0).and(start[i], -1.0);
            programme.at_most(&row.terms, row.right);
        }
    }
    heat
}

/// The most that each node may have warmed at the end; none if the end is free.
fn change(ends: &Ends) -> Option<[f64; 3]> {
    match ends {
        Ends::Periodic => Some([0.0; 3]),
        Ends::Change { from: Stores { temperatures: from, .. }, to: Stores { temperatures: to, .. } } => {
            let (from, to) = (nodes(from), nodes(to));
            Some([0, 1, 2].map(|i| to[i] - from[i]))
        }
        Ends::From(_) => None,
    }
}

/// What every bin shares.
struct Network<'a> {
    trace: &'a ExogenousTrace,
    units: &'a Units,
    emission: &'a Emission<'a>,
    ranges: Ranges,
    /// The warmest that the radiator can be inside each bin, K.
    ceilings: Vec<f64>,
    slopes: [f64; 4],
}

impl Network<'_> {
    /// Heat in, heat out, heat kept; `at` holds the nodes at the beginning, their means and those at the end.
    fn balance(&self, programme: &mut Programme, index: usize, load: &[Variable], at: [[Level; 3]; 3]) {
        let [before, mean, after] = at;
        let bin = &self.trace.bins()[index];
        let (units, thermal, h) = (self.units, &self.trace.thermal, self.units.time(bin.dt));
        let conductance = |w_per_k: f64| h * w_per_k * Units::KELVIN / units.power.0;
        let up = conductance(1.0 / thermal.junction_to_loop_k_per_w);
        let down = conductance(thermal.loop_to_radiator_w_per_k);
        let stored = capacities(thermal).map(|j_per_k| units.capacity(j_per_k));
        let kept = |i: usize, right: f64| Terms::new(right).and(after[i], stored[i]).and(before[i], -stored[i]);

        let idle = h * units.watts(self.trace.curve.idle());
        let mut junction = kept(0, idle).and(mean[0], up).and(mean[1], -up);
        for &segment in load {
            junction = junction.and(Level::Free(segment), -h);
        }
        programme.equal(&junction.terms, junction.right);
        let coolant = kept(1, 0.0).and(mean[0], -up).and(mean[1], up + down).and(mean[2], -down);
        programme.equal(&coolant.terms, coolant.right);

        let (constant, slope) = self.emission_line(index);
        let given = h * units.watts(bin.environment - Watts(constant));
        let emission = conductance(slope);
        let radiator = kept(2, given).and(mean[1], -down).and(mean[2], down + emission);
        match self.emission {
            Emission::Tangents(_) => programme.equal(&radiator.terms, radiator.right),
            Emission::Chord => {
                let turned = radiator.turned();
                programme.at_most(&turned.terms, turned.right);
            }
        }
    }

    /// Emission over the radiator's variable as a straight line: its value where the variable is zero, W, and its slope, W/K.
    fn emission_line(&self, index: usize) -> (f64, f64) {
        let emission_w_per_k4 = self.trace.bins()[index].emission_w_per_k4;
        let thermal = Thermal { emission_w_per_k4, ..self.trace.thermal };
        let (at, slope) = match self.emission {
            Emission::Tangents(radiator) => (radiator[index], 4.0 * emission_w_per_k4 * radiator[index].powi(3)),
            Emission::Chord => {
                let (low, high) = (self.ranges.low[2], self.ceilings[index]);
                let rise = emitted(&thermal, high) - emitted(&thermal, low);
                (high, if high > low { rise / (high - low) } else { 4.0 * emission_w_per_k4 * high.powi(3) })
            }
        };
        (emitted(&thermal, at) + slope * (self.units.anchor.0 - at), slope)
    }

    /// Ties the means to the ends.
    fn mean(&self, programme: &mut Programme, index: usize, at: [[Level; 3]; 3]) {
        let [before, mean, after] = at;
        let away = |i: usize| Terms::new(0.0).and(mean[i], 1.0).and(before[i], -0.5).and(after[i], -0.5);
        if let Emission::Tangents(_) = self.emission {
            for row in [0, 1, 2].map(away) {
                programme.equal(&row.terms, row.right);
            }
            return;
        }
        let h = self.units.time(self.trace.bins()[index].dt);
        let stored = capacities(&self.trace.thermal).map(|j_per_k| self.units.capacity(j_per_k));
        let slack = |watts: f64| h * self.units.watts(Watts(watts)) / 8.0;
        let whole = (0..3).fold(Terms::new(0.0), |sum, i| sum.plus(&away(i), stored[i] / stored[2]));
        let rows = [away(0), away(1), away(2), whole];
        for (row, (watts, capacity)) in rows.iter().zip(self.slopes.into_iter().zip([0, 1, 2, 2].map(|i| stored[i]))) {
            let slack = slack(watts) / capacity;
            programme.at_most(&row.terms, row.right + slack);
            let turned = row.turned();
            programme.at_most(&turned.terms, turned.right + slack);
        }
    }
}
