//! The horizon: the orbit ahead as stretches of even light, and what the battery makes of it.
//!
//! In full sun and in full shade the samples of the forecast are alike, and one in which the light comes or goes is lit for a
//! part of it, so an orbit is a few stretches. Charge moves evenly inside one, up to the upper end of its window, so its least and its last value are known from the ends.
//!
//! A machine of batches draws full power or idle, so its battery charges and discharges around every mean, at a loss and up
//! to its charging limit each time; its change of charge is that of the mix, not that of the mean.

use super::allocation::Levels;
use super::light::Light;
use super::{Observation, OperatingRange};
use crate::envelope::Forecast;
use crate::units::{Seconds, Watts};

/// A stretch of the orbit with one light.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    duration: Seconds,
    array: Watts,
    /// What the array leaves for the compute.
    direct: Watts,
    /// What the compute may draw: machine, heat and bus.
    most: Watts,
    /// Change of charge a second at idle power.
    idle_gain: f64,
    /// Of idle power from its end on.
    idle_after: Idle,
}

/// The lowest charge that idle power leads to from a charge of `c` is `min(c + change, full)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Idle {
    /// In a battery without an upper end; not above zero.
    pub(super) change: f64,
    /// After a battery that was full on the way.
    pub(super) full: f64,
}

impl Idle {
    /// Where nothing comes any more.
    const OVER: Idle = Idle { change: 0.0, full: f64::INFINITY };

    /// With a stretch that changes the charge by `change` before it, in a battery that is full at `most`.
    fn after(self, change: f64, most: f64) -> Idle {
        Idle { change: (change + self.change).min(0.0), full: self.full.min(most + self.change) }
    }
}

/// The orbit ahead from one instant.
#[derive(Clone, Debug)]
pub(super) struct Horizon {
    /// The whole orbit's.
    pub(super) light: Light,
    /// Where it begins, machine time.
    begin: Seconds,
    stretches: Vec<Stretch>,
    housekeeping: Watts,
    /// Idle and full power of a machine that draws nothing in between.
    switching: Option<(Watts, Watts)>,
    idle: Watts,
    /// Watts at the bus per watt of compute.
    bus_per_compute: f64,
    charge_max: Watts,
    /// Change of charge per joule at the bus, in and out.
    gain_per_joule: f64,
    loss_per_joule: f64,
    soc_max: f64,
    floor: f64,
}

/// What array and battery together can feed. A machine of batches draws full power or idle: if they cannot feed full
/// power, none may run.
pub(super) fn carried(forecast: &Forecast, machine: &OperatingRange, full: Watts, array: Watts) -> Watts {
    let carried = forecast.compute_from(array + forecast.battery.discharge_max);
    if carried < full && machine.is_switching() { machine.idle_w } else { carried }
}

/// The least charge above the floor that keeps the floor inside each sample too, share of capacity. Samples and what the
/// meter shows are means.
///
/// * Where the light comes back inside a sample, idle power drains the battery before. That is less than idle power for a
///   whole sample.
/// * Power that rises after the light came back seems to rise before it: by a quarter of the window where a counter spreads it,
///   by all of it where a shown power stands for the window.
pub(super) fn resolution(observation: &Observation<'_>) -> f64 {
    let Observation { forecast, machine, .. } = *observation;
    let battery = &forecast.battery;
    let drained = forecast.bus_load(machine.idle_w) * forecast.step;
    let early = (observation.window() * 0.25).max(observation.held.1);
    let early = (machine.full_w - machine.idle_w) * early / forecast.conversion_efficiency;
    (drained + early).0 / battery.discharge_efficiency / battery.capacity.0
}

impl Horizon {
    /// The orbit from machine time `now` on, in the light of `forecast`. The compute draws at most `most`, and `full` where a
    /// batch runs; the charge keeps `floor`.
    pub(super) fn new(
        light: Light,
        forecast: &Forecast,
        machine: &OperatingRange,
        now: Seconds,
        (most, full): (Watts, Watts),
        floor: f64,
    ) -> Horizon {
        let battery = &forecast.battery;
        let stretch = |(duration, array): (Seconds, Watts)| Stretch {
            duration,
            array,
            direct: forecast.compute_from(array),
            most: most.min(carried(forecast, machine, full, array)).max(machine.idle_w),
            idle_gain: 0.0,
            idle_after: Idle::OVER,
        };
        let stretches = light.ahead(now).into_iter().map(stretch).collect();
        let mut horizon = Horizon {
            light,
            begin: now,
            stretches,
            housekeeping: forecast.housekeeping,
            switching: machine.is_switching().then_some((machine.idle_w, machine.full_w)),
            idle: machine.idle_w,
            bus_per_compute: 1.0 / forecast.conversion_efficiency,
            charge_max: battery.charge_max,
            gain_per_joule: battery.charge_efficiency / battery.capacity.0,
            loss_per_joule: 1.0 / (battery.discharge_efficiency * battery.capacity.0),
            soc_max: battery.soc_max,
            floor,
        };
        horizon.foresee_idle();
        horizon
    }

    /// What idle power makes of the charge, from the last stretch to the first.
    fn foresee_idle(&mut self) {
        let gains: Vec<f64> = self.stretches.iter().map(|stretch| self.gain_at(stretch.array, self.idle)).collect();
        let mut after = Idle::OVER;
        for (stretch, gain) in self.stretches.iter_mut().zip(gains).rev() {
            (stretch.idle_gain, stretch.idle_after) = (gain, after);
            after = after.after(gain * stretch.duration.0, self.soc_max);
        }
    }

    /// What idle power makes of the charge from machine time `now` on, which lies in the horizon.
    pub(super) fn idle(&self, now: Seconds) -> Idle {
        let mut begun = (now - self.begin).max(Seconds::ZERO);
        for stretch in &self.stretches {
            if begun < stretch.duration {
                return stretch.idle_after.after(stretch.idle_gain * (stretch.duration - begun).0, self.soc_max);
            }
            begun -= stretch.duration;
        }
        Idle::OVER
    }

    /// Change of charge a second under a steady draw while the array gives `array`.
    pub(super) fn gain_at(&self, array: Watts, drawn: Watts) -> f64 {
        let surplus = array - (drawn * self.bus_per_compute + self.housekeeping);
        if surplus > Watts::ZERO {
            surplus.min(self.charge_max).0 * self.gain_per_joule
        } else {
            surplus.0 * self.loss_per_joule
        }
    }

    /// The same under a mean draw, mixed where the machine knows two powers only.
    fn gain(&self, array: Watts, drawn: Watts) -> f64 {
        match self.switching {
            None => self.gain_at(array, drawn),
            Some((idle, full)) => {
                let share = (drawn - idle) / (full - idle);
                self.gain_at(array, full) * share + self.gain_at(array, idle) * (1.0 - share)
            }
        }
    }

    /// Change of charge over a stretch, in a battery without ends.
    fn change(&self, stretch: &Stretch, levels: &Levels) -> f64 {
        let drawn = levels.draw(stretch.direct).min(stretch.most);
        self.gain(stretch.array, drawn) * stretch.duration.0
    }

    /// Change of charge over one orbit in a battery without ends, and the charge needed now and at worst to fly for ever.
    fn needs(&self, levels: &Levels) -> (f64, f64, f64) {
        let (mut net, mut need, mut worst) = (0.0, self.floor, self.floor);
        // The first pass finds where the orbit joins itself, the second the needs.
        for pass in 0..2 {
            for stretch in self.stretches.iter().rev() {
                let change = self.change(stretch, levels);
                need = (need - change).max(self.floor);
                worst = worst.max(need);
                net += if pass == 0 { change } else { 0.0 };
            }
        }
        (net, need, worst)
    }

    /// Whether the periodic orbit gains at least what it loses, and its deepest need fits between floor and full.
    pub(super) fn sustains(&self, levels: &Levels) -> bool {
        let (net, _, worst) = self.needs(levels);
        net >= -ROUNDING && worst <= self.soc_max + ROUNDING
    }

    /// The charge from which `levels` can be flown for ever.
    pub(super) fn need(&self, levels: &Levels) -> f64 {
        self.needs(levels).1
    }

    /// The draw under which the charge changes by `gain` a second while the array gives `array`: the inverse of
    /// [`Horizon::gain_at`].
    pub(super) fn draw_at(&self, array: Watts, gain: f64) -> Watts {
        let per_joule = if gain > 0.0 { self.gain_per_joule } else { self.loss_per_joule };
        (array - Watts(gain / per_joule) - self.housekeeping) / self.bus_per_compute
    }

    /// The charge at the end of each stretch, from `soc` at `levels`.
    pub(super) fn charges(&self, levels: &Levels, soc: f64) -> Vec<f64> {
        let mut charge = soc;
        let end = |stretch: &Stretch| {
            charge = (charge + self.change(stretch, levels)).min(self.soc_max.max(charge));
            charge
        };
        self.stretches.iter().map(end).collect()
    }

    /// Whether `levels` from `soc` keep the charge at or over the floor, or where not even idle does, over `idle`'s, and end
    /// with `end` at least.
    pub(super) fn affords(&self, levels: &Levels, soc: f64, idle: &[f64], end: f64) -> bool {
        let mut charge = soc;
        for (stretch, least) in self.stretches.iter().zip(idle) {
            charge = (charge + self.change(stretch, levels)).min(self.soc_max.max(charge));
            if charge < self.floor.min(*least) - ROUNDING {
                return false;
            }
        }
        charge >= end.min(self.soc_max) - ROUNDING
    }

    /// The mean draw that takes nothing from the battery that it could have now, while the array gives `array`.
    pub(super) fn free(&self, array: Watts, is_full: bool, most: Watts) -> Watts {
        let wanted = if is_full { 0.0 } else { self.gain(array, self.idle) };
        match self.switching {
            None if wanted < 0.0 => self.idle,
            None => {
                let taken = Watts(wanted / self.gain_per_joule);
                ((array - taken - self.housekeeping) / self.bus_per_compute).max(self.idle)
            }
            Some((idle, full)) => {
                let (on, off) = (self.gain_at(array, full), self.gain_at(array, idle));
                let share = if on >= wanted {
                    1.0
                } else if is_full && off > 0.0 {
                    off / (off - on)
                } else {
                    0.0
                };
                idle + (full - idle) * share
            }
        }
        .min(most.max(self.idle))
    }
}

/// Charge that rounding may cost over an orbit, share of capacity.
const ROUNDING: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Scale, Sky, Spacecraft};
    use crate::profile;

    fn machine(batch_s: f64) -> OperatingRange {
        OperatingRange {
            idle_w: Watts(10e3),
            full_w: Watts(100e3),
            sensor_lag_s: Seconds(0.1),
            update_period_s: Seconds(0.1),
            batch_s: Seconds(batch_s),
        }
    }

    /// Lowest and last charge, a piece of a part after the other through the battery itself.
    fn walked(forecast: &Forecast, machine: &OperatingRange, now: Seconds, levels: &Levels, soc: f64) -> (f64, f64) {
        let battery = &forecast.battery;
        let (mut charge, mut least) = (soc, soc);
        // Short pieces, which the battery takes in from the middle of its window.
        let piece = |(duration, array): (Seconds, Watts)| {
            let pieces = (duration / forecast.step).ceil();
            std::iter::repeat_n((duration / pieces, array), pieces as usize)
        };
        for (duration, array) in Light::new(forecast).ahead(now).into_iter().flat_map(piece) {
            let most = machine.clamp(carried(forecast, machine, machine.full_w, array));
            let drawn = levels.draw(forecast.compute_from(array)).min(most);
            // In the middle of its window: the mean of a mix is cut off at the upper end, and not its parts.
            let surplus = |drawn: Watts| array - forecast.bus_load(drawn);
            let after = |drawn: Watts| battery.step(0.5, surplus(drawn), duration).0 - 0.5;
            let share = (drawn - machine.idle_w) / (machine.full_w - machine.idle_w);
            let change = match machine.is_switching() {
                true => after(machine.full_w) * share + after(machine.idle_w) * (1.0 - share),
                false => after(drawn),
            };
            charge = (charge + change).min(battery.soc_max);
            least = least.min(charge);
        }
        (least, charge)
    }

    /// At its node on the day of the longest night.
    fn spacecraft(overrides: &[&str]) -> Spacecraft {
        let overrides: Vec<_> = overrides.iter().map(|text| text.parse().expect("an override")).collect();
        let satellite = profile::satellite("leo-100kw", &overrides).expect("a shipped profile");
        Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, "2027-12-22T00:00:00Z".parse().expect("an instant"))
    }

    #[test]
    fn stretches_give_the_same_charges_as_a_walk_from_part_to_part() {
        let (craft, range) = (spacecraft(&[]), machine(0.0));
        let forecast = craft.forecast();
        for batch_s in [0.0, 0.1] {
            let machine = machine(batch_s);
            for minute in 0..100 {
                let now = Seconds(f64::from(minute) * 60.0 + 7.0);
                let horizon =
                    Horizon::new(Light::new(forecast), forecast, &machine, now, (range.full_w, range.full_w), 0.2);
                for (shade, sun, soc) in [(10e3, 40e3, 0.6), (30e3, 95e3, 0.7), (10e3, 100e3, 0.9), (60e3, 60e3, 0.95)]
                {
                    let levels = Levels { shade: Watts(shade), sun: Watts(sun) };
                    let (least, last) = walked(forecast, &machine, now, &levels, soc);
                    let charges = horizon.charges(&levels, soc);
                    let found = (charges.iter().copied().fold(soc, f64::min), *charges.last().unwrap_or(&soc));
                    let off = (found.0 - least).abs().max((found.1 - last).abs());
                    assert!(off < 1e-9, "{found:?}, walked {:?}, at {now} with {levels:?} from {soc}", (least, last));
                }
            }
        }
    }

    /// A battery that may take in little at a time, so that a sample's mean says less of its charge than its parts.
    #[test]
    fn idle_power_from_any_moment_leads_to_the_charge_that_is_foreseen() {
        let mut craft = spacecraft(&["battery.capacity_wh=20000", "battery.charge_rate_max_c=0.5"]);
        let machine = machine(0.0);
        for minute in 0..98 {
            let full = (machine.full_w, machine.full_w);
            let horizon =
                Horizon::new(Light::new(craft.forecast()), craft.forecast(), &machine, craft.state().t, full, 0.2);
            craft.step(Seconds(7.0), Watts(50e3), 0.0);
            let idle = horizon.idle(craft.state().t);
            for soc in [0.5, 0.8, 0.99] {
                let mut flown = craft.clone().holding(soc, craft.state().temperatures);
                let mut least = soc;
                for _ in 0..5860 {
                    least = least.min(flown.step(Seconds(1.0), machine.idle_w, 0.0).soc);
                }
                let off = (soc + idle.change).min(idle.full) - least;
                assert!((-4e-3..1e-9).contains(&off), "{off} over {least} from {soc} in minute {minute}");
            }
            craft.step(Seconds(53.0), Watts(50e3), 0.0);
        }
    }

    #[test]
    fn sustained_levels_come_back_to_the_charge_that_they_need_and_keep_the_floor() {
        let craft = spacecraft(&[]);
        let (machine, floor) = (machine(0.0), craft.limits().soc_min);
        for minute in [0, 20, 40, 60, 80] {
            let now = Seconds(f64::from(minute) * 60.0);
            let full = (machine.full_w, machine.full_w);
            let horizon = Horizon::new(Light::new(craft.forecast()), craft.forecast(), &machine, now, full, floor);
            let levels = Levels { shade: Watts(30e3), sun: Watts(70e3) };
            assert!(horizon.sustains(&levels), "modest levels");
            let need = horizon.need(&levels);
            let (least, last) = walked(craft.forecast(), &machine, now, &levels, need);
            assert!((least - floor).abs() < 1e-9 || need <= floor, "{least} at the lowest from {need}");
            assert!(last >= need - 1e-9, "{last} after an orbit, {need} needed");
        }
    }
}
