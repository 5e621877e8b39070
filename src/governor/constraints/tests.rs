//! The constraints against the network itself, and against spacecraft that are flown.

use super::super::infeasible::infeasible;
use super::super::light::Light;
use super::super::rollout::settling_time;
use super::*;
use crate::envelope::{Forecast, Scale, Sky, Spacecraft, State, Temperatures};
use crate::estimator::{Assumptions, Freshness};
use crate::profile::{self, Satellite};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The default chain of the satellite profiles at full size.
pub(in crate::governor) const THERMAL: Thermal = Thermal {
    emission_w_per_k4: 0.9 * 0.88 * 5.670_374_419e-8 * 220.0,
    junction_to_loop_k_per_w: 2.5e-4,
    loop_to_radiator_w_per_k: 2e4,
    junction_j_per_k: 1.5e5,
    loop_j_per_k: 4e5,
    radiator_j_per_k: 1e6,
};
pub(in crate::governor) const LIMITS: Limits = Limits {
    junction: Kelvin(353.15),
    coolant: Kelvin(340.0),
    soc_min: 0.2,
    compute: Watts(100e3),
    downlink_bits_per_orbit: 1e12,
};
pub(in crate::governor) const ENVIRONMENT: Watts = Watts(11.5e3);

fn machine(batch_s: f64) -> OperatingRange {
    OperatingRange {
        idle_w: Watts(15e3),
        full_w: Watts(120e3),
        sensor_lag_s: Seconds(0.1),
        update_period_s: Seconds(0.1),
        batch_s: Seconds(batch_s),
    }
}

/// What is known of a spacecraft whose state is known exactly.
fn observation<'a>(
    spacecraft: (&'a State, &'a Limits, &'a Forecast),
    machine: &'a OperatingRange,
    assumptions: &'a Assumptions,
    has_own_sensors: bool,
) -> Observation<'a> {
    let (state, limits, forecast) = spacecraft;
    Observation {
        now: state.t,
        tick: Seconds(0.5),
        state,
        worst: state,
        limits,
        forecast,
        freshness: Freshness::FRESH,
        machine,
        assumptions,
        has_own_sensors,
        power_step: Watts::ZERO,
        held: (Watts::ZERO, Seconds::ZERO),
    }
}

fn satellite(overrides: &[&str]) -> Satellite {
    let overrides: Vec<_> = overrides.iter().map(|text| text.parse().expect("an override")).collect();
    profile::satellite("leo-100kw", &overrides).expect("a shipped profile")
}

/// At its node on the day of the longest night.
fn spacecraft(overrides: &[&str]) -> Spacecraft {
    let start = "2027-12-22T00:00:00Z".parse().expect("an instant");
    Spacecraft::new(&satellite(overrides), Scale::FULL, Sky::Orbit, start)
}

/// The orbit ahead, and what the constraints leave of it.
fn room(observation: &Observation<'_>) -> Room {
    let Observation { forecast, machine, limits, state, .. } = *observation;
    let floor = limits.soc_min + resolution(observation);
    let horizon =
        Horizon::new(Light::new(forecast), forecast, machine, state.t, (machine.full_w, machine.full_w), floor);
    let worst = Worst::new(observation);
    let radiator = observation.worst.temperatures.radiator;
    worst.room(&horizon, Rollout::renewed(&mut None, &worst.thermal, worst.reach, radiator))
}

#[test]
fn the_steady_cap_settles_at_the_limit() {
    let cap = steady_cap(&THERMAL, &LIMITS, &machine(0.0), ENVIRONMENT);
    let hot = THERMAL.steady(cap.power, ENVIRONMENT);
    let room = (LIMITS.junction - hot.junction).min(LIMITS.coolant - hot.coolant);
    assert!(room.0.abs() < 1e-6, "{room} of room at {}", cap.power);
}

#[test]
fn longer_batches_leave_more_room() {
    let caps = [0.0, 1.0, 5.0].map(|s| steady_cap(&THERMAL, &LIMITS, &machine(s), ENVIRONMENT).power.0);
    assert!(caps.windows(2).all(|pair| pair[1] < pair[0]), "{caps:?} W for batches of 0, 1 and 5 s");
}

#[test]
fn a_batch_of_full_power_from_the_steady_cap_breaks_no_limit() {
    for batch_s in [0.5, 2.0, 5.0] {
        let machine = machine(batch_s);
        let cap = steady_cap(&THERMAL, &LIMITS, &machine, ENVIRONMENT).power;
        let settled = THERMAL.steady(cap, ENVIRONMENT);
        let peak = THERMAL.step(settled, machine.full_w, ENVIRONMENT, machine.batch_s);
        assert!(peak.junction <= LIMITS.junction, "{} after a batch of {batch_s} s", peak.junction);
        assert!(peak.coolant <= LIMITS.coolant, "{} after a batch of {batch_s} s", peak.coolant);
    }
}

#[test]
fn batches_at_the_mean_cap_swing_up_to_the_limit_and_not_over_it() {
    // A radiator that stays what it is now.
    let held = Thermal { radiator_j_per_k: 1e15, ..THERMAL };
    let start = spacecraft(&[]);
    let forecast = Forecast { thermal: held, ..start.forecast().clone() };
    let assumptions = Assumptions::default();
    // Longer ones reach from one time constant into the next, and the sum of both swings is less than what they do together.
    for (batch_s, radiator) in [(0.2, 305.0), (1.0, 305.0), (1.0, 312.0), (2.0, 305.0)] {
        let machine = machine(batch_s);
        let at = Kelvin(radiator);
        let temperatures = Temperatures { junction: at, coolant: at, radiator: at };
        let state = State { temperatures, ..*start.state() };
        let cap = mean_cap(&observation((&state, &LIMITS, &forecast), &machine, &assumptions, false)).power;
        assert!(cap > machine.idle_w, "{cap} with batches of {batch_s} s over {radiator} K");
        let on = machine.idle_w + (machine.full_w - machine.idle_w) * assumptions.item_cost;
        let length = machine.batch_s * assumptions.batch_length;
        let pause = length * ((on - cap) / (cap - machine.idle_w));
        let (mut now, mut hottest) = (temperatures, temperatures);
        for _ in 0..(200.0 / (length + pause).0).ceil() as u32 {
            now = held.step(now, on, ENVIRONMENT, length);
            hottest.junction = hottest.junction.max(now.junction);
            for _ in 0..20 {
                hottest.coolant = hottest.coolant.max(now.coolant);
                now = held.step(now, machine.idle_w, ENVIRONMENT, pause / 20.0);
            }
        }
        let room = (LIMITS.junction - hottest.junction).min(LIMITS.coolant - hottest.coolant);
        assert!((0.0..8.0).contains(&room.0), "{room} of room with batches of {batch_s} s over {radiator} K");
    }
}

/// A spacecraft near its limits somewhere in its orbit, and a machine for it.
fn near_its_limits(random: &mut ChaCha8Rng, orbit: &[Spacecraft]) -> (Spacecraft, OperatingRange) {
    let craft = &orbit[random.random_range(0..orbit.len())];
    let limits = *craft.limits();
    let radiator = limits.coolant - Kelvin(random.random_range(2.0..30.0));
    let coolant = radiator.max(limits.coolant - Kelvin(random.random_range(0.0..10.0)));
    let junction = coolant.max(limits.junction - Kelvin(random.random_range(0.0..30.0)));
    let soc = random.random_range(limits.soc_min..1.0);
    let craft = craft.clone().holding(soc, Temperatures { junction, coolant, radiator });
    let batch_s = if random.random_bool(0.5) { 0.0 } else { random.random_range(0.02..3.0) };
    let idle_w = Watts(random.random_range(2e3..20e3));
    (craft, OperatingRange { idle_w, full_w: Watts(100e3), ..machine(batch_s) })
}

/// Around the orbit of the longest night, a minute apart.
fn orbit(overrides: &[&str]) -> Vec<Spacecraft> {
    let mut craft = spacecraft(overrides);
    let minute = |_| {
        craft.step(Seconds(60.0), Watts(50e3), 0.0);
        craft.clone()
    };
    (0..100).map(minute).collect()
}

/// Flies `on` for `time`, begun after `late`, then `idle` until the nodes have settled.
fn fly(mut craft: Spacecraft, (idle, on): (Watts, Watts), (late, time): (Seconds, Seconds)) -> Spacecraft {
    let settling = settling_time(&craft.forecast().thermal);
    craft.step(late, idle, 0.0);
    craft.step(time, on, 0.0);
    for _ in 0..200 {
        craft.step(settling / 200.0, idle, 0.0);
    }
    craft
}

#[test]
fn what_is_allowed_breaks_no_limit_when_it_is_flown_at_the_most_that_is_assumed() {
    let mut random = ChaCha8Rng::seed_from_u64(20_271_222);
    let assumptions = Assumptions::default();
    let orbit = orbit(&["battery.discharge_rate_max_c=0.8"]);
    let (mut held, mut free) = (0, 0);
    for case in 0..3000 {
        let (craft, machine) = near_its_limits(&mut random, &orbit);
        let has_own_sensors = random.random_bool(0.5);
        let known = (craft.state(), craft.limits(), craft.forecast());
        let observation = observation(known, &machine, &assumptions, has_own_sensors);
        let room = room(&observation);
        let meter = if has_own_sensors { 1.0 / (1.0 - assumptions.meter_share) } else { 1.0 };
        let above = machine.full_w - machine.idle_w;
        let reach = reach(&observation);
        let (on, time) = if machine.is_switching() {
            let on = machine.idle_w + above * (assumptions.item_cost * meter);
            (on, room.on_time_max.map_or(reach, |most| most.min(reach)))
        } else {
            (machine.clamp(room.power.power) * meter, reach)
        };
        let nothing = if machine.is_switching() { time.0 <= 0.0 } else { room.power.power <= machine.idle_w * 1.001 };
        if nothing {
            continue;
        }
        let is_held = room.on_time_max.is_some() || room.power.power < machine.full_w;
        held += u32::from(is_held);
        free += u32::from(!is_held);
        for share in [0.0, 0.5, 1.0] {
            let late = (reach - time) * share;
            let flown = fly(craft.clone(), (machine.idle_w * meter, on), (late, time));
            let broken = flown.breaches();
            let story = || {
                format!(
                    "case {case}: {on} for {time} after {late} of {machine:?} allowed by {room:?}, from {:?}",
                    craft.state()
                )
            };
            assert!(
                broken.junction.deepest_k.0 < 1e-6,
                "{} over the junction's limit, {}",
                broken.junction.deepest_k,
                story()
            );
            assert!(
                broken.coolant.deepest_k.0 < 1e-6,
                "{} over the loop's limit, {}",
                broken.coolant.deepest_k,
                story()
            );
            assert!(broken.charge.deepest_share < 1e-9, "{} under the floor, {}", broken.charge.deepest_share, story());
        }
        if machine.is_switching() {
            let peak = fly(craft.clone(), (machine.idle_w, machine.full_w * meter), (Seconds::ZERO, time));
            assert!(peak.breaches().bus.energy_j.0 < 1e-6, "case {case}: {:?}", peak.breaches().bus);
        } else {
            let flown = fly(craft.clone(), (machine.idle_w, on), (Seconds::ZERO, time));
            assert!(flown.breaches().bus.energy_j.0 < 1e-6, "case {case}: {:?}", flown.breaches().bus);
        }
    }
    assert!(held > 300 && free > 300, "{held} held back and {free} free: both are tried");
}

#[test]
fn a_radiator_that_cannot_shed_idle_power_is_infeasible_before_it_is_hot() {
    let spacecraft = spacecraft(&[]);
    let (machine, assumptions) = (OperatingRange { idle_w: Watts(6e4), ..machine(0.1) }, Assumptions::default());
    let limited_by = |left: f64| {
        let mut forecast = spacecraft.forecast().clone();
        forecast.thermal.emission_w_per_k4 *= left;
        let known = (spacecraft.state(), spacecraft.limits(), &forecast);
        infeasible(&observation(known, &machine, &assumptions, false), 1.0)
    };
    assert_eq!(limited_by(1.0), None, "a whole radiator sheds 60 kW");
    assert_eq!(limited_by(0.5), Some(LimitedBy::Junction), "half of one does not");
}

#[test]
fn idle_power_that_takes_the_charge_below_the_floor_or_that_the_bus_cannot_feed_is_infeasible() {
    let (machine, assumptions) = (machine(0.1), Assumptions::default());
    for (rate, lowest, expected) in
        [(1.0, 0.9, None), (1.0, 0.1, Some(LimitedBy::Charge)), (0.1, 0.9, Some(LimitedBy::Bus))]
    {
        let spacecraft = spacecraft(&[&format!("battery.discharge_rate_max_c={rate}")]);
        let known = (spacecraft.state(), spacecraft.limits(), spacecraft.forecast());
        let found = infeasible(&observation(known, &machine, &assumptions, false), lowest);
        assert_eq!(found, expected, "{rate} C, and a charge of {lowest} at the lowest");
    }
}

#[test]
fn in_the_dark_the_bus_feeds_what_the_battery_gives() {
    let assumptions = Assumptions::default();
    let orbit = orbit(&["battery.discharge_rate_max_c=0.5"]);
    let dark = orbit.iter().filter(|craft| craft.state().illumination <= 0.0).nth(5).expect("a night");
    let light = orbit.iter().rfind(|craft| craft.forecast().at(craft.state().t).illumination >= 1.0).expect("a day");
    let cool = Temperatures { junction: Kelvin(290.0), coolant: Kelvin(290.0), radiator: Kelvin(290.0) };
    let room_of = |craft: &Spacecraft, batch_s: f64| {
        let craft = craft.clone().holding(0.95, cool);
        let machine = OperatingRange { full_w: Watts(100e3), ..machine(batch_s) };
        let known = (craft.state(), craft.limits(), craft.forecast());
        let observation = observation(known, &machine, &assumptions, false);
        room(&observation)
    };
    let forecast = dark.forecast();
    let given = forecast.compute_from(forecast.battery.discharge_max);
    assert_eq!(room_of(dark, 0.0).power, Target::at(given, LimitedBy::Bus), "a smooth machine is throttled to that");
    let batches = room_of(dark, 0.1);
    let nothing = (Some(Seconds::ZERO), Some(LimitedBy::Bus));
    assert_eq!((batches.on_time_max, batches.limited_by), nothing, "a whole batch would brown the bus out");
    for batch_s in [0.0, 0.1] {
        let room = room_of(light, batch_s);
        assert_eq!((room.power, room.on_time_max), (Target::FREE, None), "in the light the array helps");
    }
}

/// The lowest charge that `idle` power leads to within an orbit.
fn lowest(mut craft: Spacecraft, idle: Watts) -> f64 {
    let (dt, soc) = (craft.forecast().period() / 1000.0, craft.state().soc);
    (0..1000).map(|_| craft.step(dt, idle, 0.0).soc).fold(soc, f64::min)
}

#[test]
fn what_the_charge_allows_keeps_the_floor_through_the_night() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let assumptions = Assumptions::default();
    let mut held = 0;
    for (index, craft) in orbit(&[]).iter().enumerate() {
        for _ in 0..80 {
            let batch_s = if random.random_bool(0.5) { 0.0 } else { random.random_range(0.1..20.0) };
            let machine = OperatingRange { idle_w: Watts(8e3), full_w: Watts(100e3), ..machine(batch_s) };
            let cool = Kelvin(290.0);
            let temperatures = Temperatures { junction: cool, coolant: cool, radiator: cool };
            let soc = craft.limits().soc_min + random.random_range(0.0..0.06);
            let craft = craft.clone().holding(soc, temperatures);
            let known = (craft.state(), craft.limits(), craft.forecast());
            let observation = observation(known, &machine, &assumptions, false);
            let room = room(&observation);
            let above = machine.full_w - machine.idle_w;
            let (on, time) = match (machine.is_switching(), room.on_time_max) {
                (true, Some(most)) => (machine.idle_w + above * assumptions.item_cost, most),
                (true, None) => (machine.idle_w + above * assumptions.item_cost, reach(&observation)),
                (false, _) => (machine.clamp(room.power.power), reach(&observation)),
            };
            let by_charge = room.limited_by == Some(LimitedBy::Charge)
                || (!machine.is_switching() && room.power.limited_by == Some(LimitedBy::Charge));
            // Where idle power itself passes the floor there is nothing to keep.
            if lowest(craft.clone(), machine.idle_w) - craft.limits().soc_min < resolution(&observation) {
                continue;
            }
            held += u32::from(by_charge && time.0 > 0.0);
            let mut flown = craft.clone();
            flown.step(time, on, 0.0);
            let period = flown.forecast().period();
            for _ in 0..1000 {
                flown.step(period / 1000.0, machine.idle_w, 0.0);
            }
            let under = flown.breaches().charge.deepest_share;
            assert!(
                under <= 1e-9,
                "minute {index}: {under} under the floor after {on} for {time} from {soc}, {room:?}"
            );
        }
    }
    assert!(held > 50, "{held} were held back by the charge");
}

/// Power that rises after the light came back seems to rise before it, by a quarter of a window, and drains the battery there.
#[test]
fn what_the_charge_allows_leaves_what_a_slow_meter_spreads_into_the_dark() {
    let assumptions = Assumptions::default();
    let machine = OperatingRange { update_period_s: Seconds(5.0), ..machine(0.0) };
    let window = machine.update_period_s * assumptions.silence;
    let (mut idled, mut worked) = (0, 0);
    for craft in orbit(&[]).iter().filter(|craft| craft.state().illumination <= 0.0) {
        let (forecast, floor) = (craft.forecast(), craft.limits().soc_min);
        let drawn = (machine.full_w - machine.idle_w) * (window / 4.0) / forecast.conversion_efficiency;
        let spread = drawn / forecast.battery.discharge_efficiency / forecast.battery.capacity;
        let taken = craft.state().soc - lowest(craft.clone(), machine.idle_w);
        for left in [0.9, 5.0].map(|times| times * spread) {
            let cool = Kelvin(290.0);
            let temperatures = Temperatures { junction: cool, coolant: cool, radiator: cool };
            let craft = craft.clone().holding(floor + taken + left, temperatures);
            let known = (craft.state(), craft.limits(), craft.forecast());
            let observation = observation(known, &machine, &assumptions, false);
            let power = machine.clamp(room(&observation).power.power);
            let mut flown = craft.clone();
            flown.step(reach(&observation), power, 0.0);
            let kept = lowest(flown, machine.idle_w) - floor;
            let story = format!("{power} at {} keeps {kept} of {left}, {spread} is spread", craft.state().t);
            let is_idle = power <= machine.idle_w * 1.001;
            assert!(is_idle || kept >= spread, "{story}");
            idled += u32::from(is_idle);
            worked += u32::from(!is_idle);
        }
    }
    assert!(idled > 10 && worked > 10, "{idled} idled and {worked} worked: both are tried");
}

/// A junction close to its limit under a power that it just sheds.
#[test]
fn more_power_may_seem_to_be_drawn_before_it_is_and_breaks_no_limit_then() {
    let (craft, assumptions, machine) = (spacecraft(&[]), Assumptions::default(), machine(0.0));
    let junction = craft.limits().junction - Kelvin(0.3);
    let temperatures = Temperatures { junction, coolant: junction - Kelvin(15.0), radiator: junction - Kelvin(18.0) };
    let (craft, held) = (craft.clone().holding(0.9, temperatures), Watts(6e4));
    for early in [0.0, 0.25, 0.5].map(Seconds) {
        let known = (craft.state(), craft.limits(), craft.forecast());
        let observation = Observation { held: (held, early), ..observation(known, &machine, &assumptions, false) };
        let power = room(&observation).power.power;
        let shown = (power - held) * early / craft.forecast().thermal.junction_j_per_k;
        let hot = Temperatures { junction: junction + Kelvin(shown.0), ..temperatures };
        let broken =
            *fly(craft.clone().holding(0.9, hot), (held, power), (Seconds::ZERO, reach(&observation))).breaches();
        assert!(power > held * 1.1 && broken.junction.time_s <= Seconds::ZERO, "{power} {early} early: {broken:?}");
    }
}
