//! The rollout: junction and loop under one power for a time, and under idle power afterwards.
//!
//! The network is linear but for what its radiator emits. The tangent at one temperature lies under the fourth power
//! everywhere, and each node warms its neighbours, so a network that emits by the tangent is nowhere cooler than the real
//! one: a limit that it keeps is kept. At [`NEAR`] kelvin from the tangent's point it emits less by `6 emission T² NEAR²`, less
//! than a ten thousandth of what it emits.
//!
//! ```text
//!            power             idle power
//!   |-----q-----q-----q-----|-p--p---p----p-----p------p ...
//!   now                   reach                    until the fast nodes have settled
//! ```
//!
//! A linear network moves by one matrix for each length of time ([`linear`]), so the matrices are made once and a rollout is
//! some multiplications. Every temperature rises in line with the power, so the highest power is a division for each point that
//! is looked at; where it is hottest between two points is told by the slopes there ([`curve`]).

mod curve;
mod linear;

use super::LimitedBy;
use crate::envelope::{Limits, Temperatures, Thermal};
use crate::units::{Kelvin, Seconds, Watts};
use curve::{Inputs, Point};
use linear::{Hold, Rates};

/// The tangent is moved when the radiator is so far from its point.
const NEAR: Kelvin = Kelvin(1.0);
/// After so many fast time constants at idle power the nodes have settled.
const SETTLED_CONSTANTS: f64 = 3.0;
/// Points after the reach, the first ones close together: that is where temperatures turn fastest. The last two are half a time
/// constant apart, where the cubic between them is off by less than a thousandth of what is left to settle.
const SETTLING: usize = 12;
/// Points within the reach: while the loop cools, a junction under one power may be hottest on the way.
const QUARTERS: usize = 4;
/// All of them; the end of the reach is one with the slope of before, and one with that of after.
const POINTS: usize = QUARTERS + 1 + SETTLING;
/// The time for which batches may run is found in so many halvings: to 0.4 % of the reach.
const HALVINGS: usize = 8;

/// So far below its limit a node is kept, for what is of second order: how a window spreads a change of the power. Chosen: with
/// a tenth of it limits were passed by up to 0.43 mK in 30,000 flights with faults.
const ROUNDING: Kelvin = Kelvin(1e-3);

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    thermal: Thermal,
    reach: Seconds,
    tangent: Kelvin,
    /// A half, a quarter, ... of the reach.
    parts: [Hold; HALVINGS],
    /// Under a power for the whole reach.
    whole: [Point; POINTS],
    /// Under idle power alone.
    settling: [Point; SETTLING + 1],
}

/// What is rolled out: from where, what idle power is, and what the radiator absorbs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// Where it is at worst.
    pub(super) from: Temperatures,
    pub(super) idle: Watts,
    pub(super) environment: Watts,
    /// The power of now, and for how long more than that may seem to be drawn before it is.
    pub(super) held: (Watts, Seconds),
}

impl Start {
    /// The highest power of the whole reach that is seen as no more than `limit` where the temperature is `base` and a watt adds
    /// `on`; `early` kelvin for each watt that is more than now.
    fn power(&self, early: f64, limit: f64, (base, on): (f64, f64)) -> f64 {
        let held = self.held.0.0;
        match (limit - base) / on {
            power if power > held => (limit - base + early * held) / (on + early),
            power => power,
        }
    }

    /// The highest power that, seen as drawn before now, leaves the junction within `limit` now.
    fn at_once(&self, early: f64, limit: f64) -> f64 {
        let room = (limit - self.from.junction.0).max(0.0);
        if early > 0.0 { self.held.0.0 + room / early } else { f64::INFINITY }
    }
}

impl Rollout {
    fn new(thermal: &Thermal, reach: Seconds, tangent: Kelvin) -> Rollout {
        let rates = Rates::new(thermal, tangent);
        let mut parts = [Hold::over(&rates, reach / f64::from(1 << HALVINGS)); HALVINGS];
        (0..HALVINGS - 1).rev().for_each(|i| parts[i] = parts[i + 1].then(&parts[i + 1]));
        let [half, quarter] = [parts[0], parts[1]];
        let within = [quarter, half, half.then(&quarter), half.then(&half)];
        let whole_reach = within[QUARTERS - 1];
        let share = settling_time(thermal) / (SETTLING * SETTLING) as f64;
        let (first, mut rests) = (Hold::over(&rates, share), [Hold::NONE; SETTLING + 1]);
        // From point to point 1, 3, 5, ... shares.
        let (two, mut step) = (first.then(&first), first);
        for point in 1..=SETTLING {
            rests[point] = rests[point - 1].then(&step);
            step = step.then(&two);
        }
        let after = |on: &Hold, begin: Seconds, point: usize| {
            let time = begin + share * (point * point) as f64;
            Point::after(&rates, time.0, on, &rests[point])
        };
        let whole = std::array::from_fn(|point| match point.checked_sub(QUARTERS) {
            None => Point::during(&rates, reach.0 * (point + 1) as f64 / QUARTERS as f64, &within[point]),
            Some(point) => after(&whole_reach, reach, point),
        });
        let settling = std::array::from_fn(|point| after(&Hold::NONE, Seconds::ZERO, point));
        Rollout { thermal: *thermal, reach, tangent, parts, whole, settling }
    }

    /// That of `thermal` over `reach` with the radiator at `radiator`: `made`, made anew where it no longer serves.
    pub(super) fn renewed<'a>(
        made: &'a mut Option<Rollout>,
        thermal: &Thermal,
        reach: Seconds,
        radiator: Kelvin,
    ) -> &'a Rollout {
        let serves = |made: &Rollout| {
            made.thermal == *thermal && made.reach == reach && (made.tangent - radiator).0.abs() <= NEAR.0
        };
        if !made.as_ref().is_some_and(serves) {
            *made = None;
        }
        made.get_or_insert_with(|| Rollout::new(thermal, reach, radiator))
    }

    /// The state, and what the radiator absorbs beyond the tangent's constant.
    fn begin(&self, start: &Start) -> Inputs {
        let Temperatures { junction, coolant, radiator } = start.from;
        let slope = 4.0 * self.thermal.emission_w_per_k4 * self.tangent.0.powi(3);
        let absorbed = (start.environment - self.thermal.emitted(self.tangent)).0 + slope * self.tangent.0;
        Inputs { x: [junction.0, coolant.0, radiator.0], idle: start.idle.0, absorbed }
    }

    /// The highest power that may be held over the whole reach, below `full`; none where `full` may. And what limits it.
    pub(super) fn highest_power(&self, start: &Start, full: Watts, limits: &Limits) -> Option<(Watts, LimitedBy)> {
        let inputs = self.begin(start);
        // Kelvin of the junction for each watt that is more than now.
        let early = start.held.1.0 / self.thermal.junction_j_per_k;
        let limited = limited(limits);
        let mut tightest = (start.at_once(early, limited[0].0), 0, 0);
        for (index, point) in self.whole.iter().enumerate() {
            for (node, row) in point.temperature.iter().enumerate() {
                let base = row.at(&inputs);
                // A division only where the tightest so far would be too much.
                let beyond = tightest.0 - start.held.0.0;
                if limited[node].0 - base - row.on * tightest.0 < (early * beyond).max(0.0) {
                    tightest = (start.power(early, limited[node].0, (base, row.on)), index, node);
                }
            }
        }
        let (mut least, index, node) = tightest;
        // Between the points beside the tightest it may be hotter than at all of them.
        for first in index.max(1) - 1..=index.min(POINTS - 2) {
            let peak = self.whole[first].peak(&self.whole[first + 1], node, &inputs, least);
            least = peak.map_or(least, |peak| least.min(start.power(early, limited[node].0, peak)));
        }
        (least < full.0).then_some((Watts(least), limited[node].1))
    }

    /// For how long of the reach `power` may be held; none where all of it. And what limits that.
    pub(super) fn longest(&self, start: &Start, power: Watts, limits: &Limits) -> Option<(Seconds, LimitedBy)> {
        let (_, limited_by) = self.highest_power(start, power, limits)?;
        let mut inputs = self.begin(start);
        let limits = limited(limits).map(|(limit, _)| limit);
        let (mut time, mut part) = (Seconds::ZERO, self.reach);
        for hold in &self.parts {
            part = part / 2.0;
            let on = Inputs { x: hold.apply(&inputs.x, power.0, inputs.absorbed), ..inputs };
            if (0..2).all(|node| self.settles_within(node, &on, limits[node])) {
                (inputs, time) = (on, time + part);
            }
        }
        Some((time, limited_by))
    }

    /// Whether `node` keeps `limit` under idle power.
    fn settles_within(&self, node: usize, inputs: &Inputs, limit: f64) -> bool {
        let temperatures = self.settling.each_ref().map(|point| point.temperature[node].at(inputs));
        let hottest = (1..temperatures.len()).fold(0, |a, b| if temperatures[b] > temperatures[a] { b } else { a });
        let within = |first: usize| {
            let peak = self.settling[first].peak(&self.settling[first + 1], node, inputs, 0.0);
            peak.is_none_or(|(peak, _)| peak <= limit)
        };
        temperatures[hottest] <= limit && (hottest.max(1) - 1..=hottest.min(SETTLING - 1)).all(within)
    }
}

fn limited(limits: &Limits) -> [(f64, LimitedBy); 2] {
    [(limits.junction - ROUNDING, LimitedBy::Junction), (limits.coolant - ROUNDING, LimitedBy::Loop)]
        .map(|(limit, limited_by)| (limit.0, limited_by))
}

/// Three time constants of junction and loop.
pub(super) fn settling_time(thermal: &Thermal) -> Seconds {
    let junction = thermal.junction_to_loop_k_per_w * thermal.junction_j_per_k;
    Seconds((junction + thermal.loop_j_per_k / thermal.loop_to_radiator_w_per_k) * SETTLED_CONSTANTS)
}

#[cfg(test)]
mod tests;
