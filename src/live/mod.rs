//! The live view: what the journal says, as it says it, on standard error.
//!
//! On a terminal a bar shows the orbit with power against budget, charge, junction temperature and what limits;
//! elsewhere (a pipe, CI) each phase and every tenth of the orbit is one line.

use crate::journal::{AdapterClass, Conditions, Event, Outcome, Tick, Verification};
use crate::units::{Seconds, Watts};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Where events are shown.
pub struct Screen {
    bar: ProgressBar,
    manner: Manner,
    orbit: Seconds,
    tenth: u64,
    workloads: Vec<String>,
}

/// How it is shown.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// A bar, with lines above it.
    Terminal,
    /// Lines.
    Lines,
    /// Nothing.
    Silent,
}

/// Steps of the bar.
const STEPS: u64 = 1000;

impl Screen {
    /// A view on standard error, or none at all.
    pub fn new(quiet: bool) -> Screen {
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr_with_hz(8));
        let style =
            ProgressStyle::with_template("  {bar:30} {percent:>3} %  {msg}").expect("the template is a constant");
        bar.set_style(style);
        let manner = match (quiet, bar.is_hidden()) {
            (true, _) => Manner::Silent,
            (false, true) => Manner::Lines,
            (false, false) => Manner::Terminal,
        };
        if manner != Manner::Terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Screen { bar, manner, orbit: Seconds::ZERO, tenth: 0, workloads: Vec::new() }
    }

    /// Shows one event.
    pub fn show(&mut self, event: &Event) {
        match event {
            Event::Opened { plan, .. } => {
                self.orbit = plan.orbit_s;
                self.say(&format!("{} under `{}`: preparing", plan.satellite_name, plan.governor));
            }
            Event::Benched { measured_too, .. } if !measured_too.is_empty() => {
                self.say(&format!("{} measured too: shares are of their rates", measured_too.join(" and ")));
            }
            Event::Benched { .. } | Event::Compiled(_) => {}
            Event::Duty(held) => {
                let power = held.drawn.energy_j.map(|energy| energy / held.duration_s);
                self.say(&format!("duty {:3.0} %: {}", 100.0 * held.duty, watts(power)));
            }
            Event::Conditions(conditions) => self.conditions(conditions),
            Event::Verified(Verification { workload, relative_error, .. }) => {
                let word = if event.is_sound() { "agrees" } else { "DISAGREES" };
                let error = relative_error.map_or("not finite".into(), |error| format!("{error:.1e}"));
                self.say(&format!("{workload} {word} with its twin: relative error {error}"));
            }
            Event::Idle(watch) => self.say(&format!("idle: {}", watts(watch.power()))),
            Event::IdleAfter(watch) => self.say(&format!("idle after the work: {}", watts(watch.power()))),
            Event::Suspended { slept_s } => self.say(&format!("the machine slept for {:.0} s", slept_s.0)),
            Event::ReadBeside { .. } | Event::Metered(_) => {}
            Event::Unconstrained(measured) => self.say(&format!("measured {}", measured.workload)),
            Event::Paired(pair) => {
                let cost = 100.0 * (1.0 - pair.governed.batches_per_s() / pair.fixed.batches_per_s());
                self.say(&format!("{}: the loop costs {cost:.2} %", pair.workload));
            }
            Event::PowerLimit(setting) => self.say(&setting.to_string()),
            Event::Identified(identification) => self.say(&format!("sensor: {identification}")),
            Event::Faults(record) => self.say(&format!("simulated faults: {}", record.faults.join(", "))),
            Event::Scaled(scale) => {
                let rated = if scale.rated_is_calibrated { ", the most that calibration saw," } else { "" };
                self.say(&format!(
                    "{:.1} W{rated} stand for the satellite's compute; one orbit in {:.0} s (k = {:.1})",
                    scale.rated_w.0, scale.orbit_s.0, scale.time_compression
                ));
                if let Some(blind) = scale.blind() {
                    self.say(&blind);
                }
            }
            Event::Coarse(coarse) => self.say(&coarse.to_string()),
            Event::Departed => self.say("departed"),
            Event::Tick(tick) => self.tick(tick),
            Event::Regime { flight_s, transition } => {
                let (from, to, cause) = (transition.from, transition.to, transition.cause);
                self.say(&format!("{:.1} s: {from} to {to}, {cause}", flight_s.0));
            }
            Event::Assumed(_) | Event::Energy(_) | Event::Work(_) | Event::Merged(_) => {}
            Event::Broken(broken) => self.say(&format!(
                "{:.1} s: assumption {} broken: {:.3} assumed, {:.3} seen",
                broken.at_s.0, broken.assumption, broken.assumed, broken.seen
            )),
            Event::Arrived(_) => self.bar.finish_and_clear(),
            Event::Closed { outcome } => {
                self.bar.finish_and_clear();
                match outcome {
                    Outcome::Completed => self.say("the orbit is closed"),
                    Outcome::Interrupted => self.say("interrupted; what was measured is kept"),
                    Outcome::Failed { message } => self.say(&format!("failed: {message}; what was measured is kept")),
                }
            }
        }
    }

    fn conditions(&mut self, conditions: &Conditions) {
        for choice in &conditions.tuning {
            self.say(&format!("tuned {choice}"));
        }
        self.workloads = conditions.workloads.iter().map(|workload| workload.name.clone()).collect();
        let adapter = match (&conditions.gpu_info, conditions.adapter_class) {
            (Some(adapter), _) => adapter,
            (None, AdapterClass::Simulated) => "a SIMULATED machine",
            (None, _) => "no adapter, twins on the CPU",
        };
        self.say(&format!("{} workloads on {adapter}; power from {}", self.workloads.len(), conditions.source.name));
    }

    fn tick(&mut self, tick: &Tick) {
        let share = (tick.flight_s / self.orbit).clamp(0.0, 1.0);
        let limit = tick.limited_by.map_or("running free".to_owned(), |limit| format!("limited by {limit}"));
        let text = format!(
            "{:5.1} W of {:5.1} W  charge {:4.1} %  junction {:4.1} °C  {:<8} {limit}",
            tick.power_w.unwrap_or(tick.expected_w).0,
            tick.budget_w.0,
            100.0 * tick.soc,
            tick.junction_k.0 - 273.15,
            if tick.illumination >= 0.5 { "sun" } else { "eclipse" },
        );
        self.bar.set_position((share * STEPS as f64) as u64);
        self.bar.set_message(text.clone());
        let tenth = (share * 10.0) as u64;
        if self.manner == Manner::Lines && tenth > self.tenth {
            self.tenth = tenth;
            self.say(&format!("{:3} %  {text}", tenth * 10));
        }
    }

    #[expect(clippy::print_stderr, reason = "standard error is where the live view lives")]
    fn say(&self, text: &str) {
        match self.manner {
            Manner::Terminal => self.bar.println(format!("  {text}")),
            Manner::Lines => eprintln!("  {text}"),
            Manner::Silent => {}
        }
    }
}

/// A power that may be missing.
fn watts(power: Option<Watts>) -> String {
    power.map_or("no reading".into(), |power| format!("{:.2} W", power.0))
}
