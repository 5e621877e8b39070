//! The rollout: junction and loop under one power for a time, and under idle power afterwards.
//!
//! The network is linear but for what its radiator emits. The tangent at one temperature lies under the fourth power
//! everywhere, and each node warms its neighbours, so a network that emits by the tangent is nowhere cooler than the real
//! one: a limit that it keeps is kept. At [`NEAR`] kelvin from the tangent's point it emits less by `6 emission T² NEAR²`, less
//! than a ten thousandth of what it emits.
//!
//! Under inputs that are held, a linear network moves by one matrix for each length of time (zero-order hold):
//!
//! ```text
//! x(t + h) = A(h) x(t) + b(h) P + c(h) q        x: junction, loop, radiator
//!                                               P: power; q: what the radiator absorbs, less the tangent's constant
//! ```
//!
//! so the matrices are made once and a rollout is some multiplications. The highest power is then a division for each
//! point that is looked at, since every temperature rises in line with `P`.

use super::LimitedBy;
use crate::envelope::{Limits, Temperatures, Thermal};
use crate::units::{Kelvin, Seconds, Watts};

/// The tangent is moved when the radiator is so far from its point.
const NEAR: Kelvin = Kelvin(1.0);
/// After so many fast time constants at idle power the nodes have settled.
const SETTLED_CONSTANTS: f64 = 3.0;
/// Points at which settling nodes are looked at, the first ones close together: that is where a loop is hottest.
const POINTS: usize = 12;
/// Points within the reach: while the loop cools, a junction under one power may be hottest on the way.
const QUARTERS: usize = 4;
/// The time for which batches may run is found in so many halvings: to 0.4 % of the reach.
const HALVINGS: usize = 8;
/// Terms of the exponential's series, and how far it is used: it leaves 1e-14.
const TERMS: u32 = 8;
const SERIES: f64 = 0.125;

/// So far below its limit a node is kept, for what is of second order: how a window spreads a change of the power.
const ROUNDING: Kelvin = Kelvin(1e-4);

type Vector = [f64; 3];
type Matrix = [Vector; 3];

/// What moves the network over one length of time.
#[derive(Clone, Copy, Debug)]
struct Hold {
    state: Matrix,
    power: Vector,
    absorbed: Vector,
}

/// Rates of the linear network: of the state, and of the inputs.
struct Rates {
    state: Matrix,
    power: f64,
    absorbed: f64,
}

/// One temperature as it follows from what was before.
#[derive(Clone, Copy, Debug)]
struct Row {
    state: Vector,
    on: f64,
    idle: f64,
    absorbed: f64,
}

/// See above.
#[derive(Clone, Debug)]
pub(super) struct Rollout {
    thermal: Thermal,
    reach: Seconds,
    tangent: Kelvin,
    /// A half, a quarter, ... of the reach.
    parts: [Hold; HALVINGS],
    /// From the end of the power to each point.
    settling: [Hold; POINTS],
    /// Junction and loop at each quarter of the whole reach, and at each point after it.
    whole: [[Row; 2]; POINTS + QUARTERS],
}

/// What is rolled out: from where, what idle power is, and what the radiator absorbs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// Where it is expected to be: every limit is to be kept from now on.
    pub(super) expected: Temperatures,
    /// Where it is at worst: every limit is to be kept from the middle of the reach on. What makes a state the worst changes
    /// from reading to reading, and a power that followed at once would itself be what makes it change.
    pub(super) from: Temperatures,
    pub(super) idle: Watts,
    pub(super) environment: Watts,
    /// The power of now, and for how long more than that may seem to be drawn before it is.
    pub(super) held: (Watts, Seconds),
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    a.map(|row| std::array::from_fn(|column| row[0] * b[0][column] + row[1] * b[1][column] + row[2] * b[2][column]))
}

fn dot(row: &Vector, x: &Vector) -> f64 {
    row[0] * x[0] + row[1] * x[1] + row[2] * x[2]
}

impl Hold {
    /// Over `time`: the series of a short one, doubled as often as it takes.
    fn over(rates: &Rates, time: Seconds) -> Hold {
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
    fn then(&self, later: &Hold) -> Hold {
        let moved = |first: &Vector, second: &Vector| std::array::from_fn(|i| dot(&later.state[i], first) + second[i]);
        Hold {
            state: product(&later.state, &self.state),
            power: moved(&self.power, &later.power),
            absorbed: moved(&self.absorbed, &later.absorbed),
        }
    }

    fn apply(&self, x: &Vector, power: f64, absorbed: f64) -> Vector {
        std::array::from_fn(|i| dot(&self.state[i], x) + self.power[i] * power + self.absorbed[i] * absorbed)
    }
}

impl Row {
    fn temperature(&self, x: &Vector, idle: f64, absorbed: f64) -> f64 {
        dot(&self.state, x) + self.idle * idle + self.absorbed * absorbed
    }
}

impl Rollout {
    fn new(thermal: &Thermal, reach: Seconds, tangent: Kelvin) -> Rollout {
        let up = 1.0 / thermal.junction_to_loop_k_per_w;
        let down = thermal.loop_to_radiator_w_per_k;
        let emission = 4.0 * thermal.emission_w_per_k4 * tangent.0.powi(3);
        let [junction, coolant, radiator] =
            [thermal.junction_j_per_k, thermal.loop_j_per_k, thermal.radiator_j_per_k].map(|capacity| 1.0 / capacity);
        let rates = Rates {
            state: [
                [-up * junction, up * junction, 0.0],
                [up * coolant, -(up + down) * coolant, down * coolant],
                [0.0, down * radiator, -(down + emission) * radiator],
            ],
            power: junction,
            absorbed: radiator,
        };
        let mut parts = [Hold::over(&rates, reach / f64::from(1 << HALVINGS)); HALVINGS];
        (0..HALVINGS - 1).rev().for_each(|i| parts[i] = parts[i + 1].then(&parts[i + 1]));
        let [half, quarter] = [parts[0], parts[1]];
        let within = [quarter, half, half.then(&quarter), half.then(&half)];
        let on = within[QUARTERS - 1];
        let squares = (POINTS * POINTS) as f64;
        let first = Hold::over(&rates, settling_time(thermal) / squares);
        let two = first.then(&first);
        // From point to point 1, 3, 5, ... parts.
        let (mut step, mut settling) = (first, [first; POINTS]);
        for point in 1..POINTS {
            step = step.then(&two);
            settling[point] = settling[point - 1].then(&step);
        }
        let during = |hold: &Hold, node: usize| Row {
            state: hold.state[node],
            on: hold.power[node],
            idle: 0.0,
            absorbed: hold.absorbed[node],
        };
        let after = |hold: &Hold, node: usize| {
            let both = on.then(hold);
            let on = dot(&hold.state[node], &on.power);
            Row { state: both.state[node], on, idle: hold.power[node], absorbed: both.absorbed[node] }
        };
        let whole = std::array::from_fn(|point| match point.checked_sub(QUARTERS) {
            None => [0, 1].map(|node| during(&within[point], node)),
            Some(point) => [0, 1].map(|node| after(&settling[point], node)),
        });
        Rollout { thermal: *thermal, reach, tangent, parts, settling, whole }
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
    fn begin(&self, from: Temperatures, start: &Start) -> (Vector, f64) {
        let Temperatures { junction, coolant, radiator } = from;
        let slope = 4.0 * self.thermal.emission_w_per_k4 * self.tangent.0.powi(3);
        let absorbed = (start.environment - self.thermal.emitted(self.tangent)).0 + slope * self.tangent.0;
        ([junction.0, coolant.0, radiator.0], absorbed)
    }

    /// The highest power that may be held over the whole reach, below `full`; none where `full` may. And what limits it.
    pub(super) fn highest_power(&self, start: &Start, full: Watts, limits: &Limits) -> Option<(Watts, LimitedBy)> {
        let (expected, _) = self.begin(start.expected, start);
        let (worst, absorbed) = self.begin(start.from, start);
        // Kelvin of the junction for each watt that is more than now.
        let early = start.held.1.0 / self.thermal.junction_j_per_k;
        let held = start.held.0.0;
        let mut highest = None;
        let mut least = full.0;
        for (index, point) in self.whole.iter().enumerate() {
            let x = if index == 0 { expected } else { worst };
            for (row, (limit, limited_by)) in point.iter().zip(limited(limits)) {
                let room = limit - row.temperature(&x, start.idle.0, absorbed);
                let highest_here = match room / row.on {
                    power if power > held => (room + early * held) / (row.on + early),
                    power => power,
                };
                if highest_here < least {
                    least = highest_here;
                    highest = Some((Watts(least), limited_by));
                }
            }
        }
        highest
    }

    /// For how long of the reach `power` may be held; none where all of it. And what limits that.
    pub(super) fn longest(&self, start: &Start, power: Watts, limits: &Limits) -> Option<(Seconds, LimitedBy)> {
        let (_, limited_by) = self.highest_power(start, power, limits)?;
        let (mut x, absorbed) = self.begin(start.from, start);
        let settled = |hold: &Hold, node: usize| hold.power[node] * start.idle.0 + hold.absorbed[node] * absorbed;
        let at_rest: [[f64; 2]; POINTS] =
            std::array::from_fn(|point| [settled(&self.settling[point], 0), settled(&self.settling[point], 1)]);
        let holds = |x: &Vector| {
            let [junction, coolant] = limited(limits).map(|(limit, _)| limit);
            let settles = |(hold, rest): (&Hold, &[f64; 2])| {
                dot(&hold.state[0], x) + rest[0] <= junction && dot(&hold.state[1], x) + rest[1] <= coolant
            };
            x[0] <= junction && x[1] <= coolant && self.settling.iter().zip(&at_rest).all(settles)
        };
        let (mut time, mut part) = (Seconds::ZERO, self.reach);
        for hold in &self.parts {
            part = part / 2.0;
            let on = hold.apply(&x, power.0, absorbed);
            if holds(&on) {
                (x, time) = (on, time + part);
            }
        }
        Some((time, limited_by))
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
mod tests {
    use super::super::constraints::tests::{ENVIRONMENT, LIMITS, THERMAL};
    use super::*;

    const IDLE: Watts = Watts(15e3);

    fn from(radiator: f64, loop_over: f64, junction_over: f64) -> Temperatures {
        let coolant = radiator + loop_over;
        Temperatures { junction: Kelvin(coolant + junction_over), coolant: Kelvin(coolant), radiator: Kelvin(radiator) }
    }

    /// Highest junction and loop from the first quarter of `time` on, under `power` and then idle power, by the network itself.
    fn flown(from: Temperatures, power: Watts, time: Seconds) -> [f64; 2] {
        let (mut now, mut highest) = (from, [0.0_f64; 2]);
        let mut fly = |power, dt, is_looked_at: bool| {
            now = THERMAL.step(now, power, ENVIRONMENT, dt);
            if is_looked_at {
                highest = [highest[0].max(now.junction.0), highest[1].max(now.coolant.0)];
            }
        };
        (1..=40).for_each(|part| fly(power, time / 40.0, part >= 10));
        (0..400).for_each(|_| fly(IDLE, settling_time(&THERMAL) / 400.0, true));
        highest
    }

    /// How far the closer of both is below its limit.
    fn room([junction, coolant]: [f64; 2]) -> f64 {
        (LIMITS.junction.0 - junction).min(LIMITS.coolant.0 - coolant)
    }

    #[test]
    fn the_linear_network_is_the_network_and_never_the_cooler_of_the_two() {
        for radiator in [300.0, 320.0, 335.0] {
            for off in [-1.0, 0.0, 1.0] {
                let from = from(radiator, 3.0, 20.0);
                let rollout = Rollout::new(&THERMAL, Seconds(40.0), Kelvin(radiator + off));
                let start =
                    Start { expected: from, from, idle: IDLE, environment: ENVIRONMENT, held: (IDLE, Seconds::ZERO) };
                let (x, absorbed) = rollout.begin(from, &start);
                let half = rollout.parts[0].apply(&x, 90e3, absorbed);
                let true_half = THERMAL.step(from, Watts(90e3), ENVIRONMENT, Seconds(20.0));
                for (linear, true_one) in half.iter().zip([true_half.junction, true_half.coolant, true_half.radiator]) {
                    let warmer = linear - true_one.0;
                    assert!((-1e-6..1e-3).contains(&warmer), "{warmer} K warmer from {radiator} K, {off} K off");
                }
            }
        }
    }

    #[test]
    fn the_highest_power_reaches_a_limit_and_does_not_pass_it() {
        let mut held = 0;
        for reach in [0.5, 2.5, 10.0].map(Seconds) {
            for radiator in (2400..2720).map(|eighth| f64::from(eighth) / 8.0) {
                for (loop_over, junction_over) in [(0.0, 0.0), (2.0, 12.0), (5.0, 20.0), (4.0, 25.0)] {
                    let from = from(radiator, loop_over, junction_over);
                    let rollout = Rollout::new(&THERMAL, reach, Kelvin(radiator - 0.7));
                    let start = Start {
                        expected: from,
                        from,
                        idle: IDLE,
                        environment: ENVIRONMENT,
                        held: (IDLE, Seconds::ZERO),
                    };
                    let Some((power, _)) = rollout.highest_power(&start, Watts(120e3), &LIMITS) else {
                        let room = room(flown(from, Watts(120e3), reach));
                        assert!(room > -1e-6, "full power is over by {room} K from {from:?}");
                        continue;
                    };
                    if power < IDLE {
                        continue;
                    }
                    let room = room(flown(from, power, reach));
                    assert!((-1e-3..0.02).contains(&room), "{room} K of room with {power} for {reach} from {from:?}");
                    held += 1;
                }
            }
        }
        assert!(held > 50, "{held} were held back");
    }

    #[test]
    fn the_longest_time_leaves_no_room_for_one_that_is_longer() {
        let (mut held, reach) = (0, Seconds(30.0));
        for radiator in (300..340).map(f64::from) {
            for (loop_over, junction_over) in [(0.0, 0.0), (2.0, 12.0), (5.0, 20.0), (4.0, 25.0)] {
                let from = from(radiator, loop_over, junction_over);
                let rollout = Rollout::new(&THERMAL, reach, Kelvin(radiator + 0.7));
                let start =
                    Start { expected: from, from, idle: IDLE, environment: ENVIRONMENT, held: (IDLE, Seconds::ZERO) };
                let Some((time, _)) = rollout.longest(&start, Watts(120e3), &LIMITS) else { continue };
                if time.0 <= 0.0 {
                    continue;
                }
                let (kept, longer) = (flown(from, Watts(120e3), time), flown(from, Watts(120e3), time + reach / 256.0));
                assert!(room(kept) > -1e-3, "over by {} K after {time} from {from:?}", -room(kept));
                assert!(room(longer) < 0.02, "{} K of room after {time} and more from {from:?}", room(longer));
                held += 1;
            }
        }
        assert!(held > 10, "{held} were held back");
    }
}
