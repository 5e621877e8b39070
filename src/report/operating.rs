//! A machine profile from a sweep: power against rate, as `simulate --machine` takes it.
//!
//! ```text
//! rate(duty) = rounds a second at this duty / rounds a second at full duty        power(duty) = energy / time
//! ```
//!
//! A profile's points must climb in power and in rate. Where noise has two neighbours the wrong way round they become
//! their mean (pool adjacent violators: Ayer et al., *Annals of Mathematical Statistics* 26 (1955) 641), and the
//! profile says which; a point that is not above idle power is left out, and the profile says that too.

use super::record::Record;
use crate::journal::{Conditions, DutyHeld, Event};
use crate::profile::{Machine, Point};
use crate::reading::NoData;
use crate::units::Watts;
use jiff::Timestamp;

/// A machine profile, and what was measured for it.
#[derive(Clone, Debug, PartialEq)]
pub struct OperatingPoints {
    /// The profile.
    pub machine: Machine,
    /// Lines for people: each duty as it was measured, and what was pooled or left out.
    pub remarks: Vec<String>,
}

/// Why a sweep gives no profile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SweepError {
    /// The machine was never described, or no duty was held.
    #[error("the sweep ended before every duty had been held")]
    Incomplete,
    /// No energy.
    #[error("power source `{source_name}` gave no energy ({cause}), so there are no operating points")]
    NoReading {
        /// Which source.
        source_name: String,
        /// Why not.
        cause: NoData,
    },
    /// The source does not see where the work ran.
    #[error("power source `{source_name}` does not see the adapter, so what it reads says nothing about the work")]
    NotSeen {
        /// Which source.
        source_name: String,
    },
    /// Power does not rise with work.
    #[error("power does not rise with work: {idle:.2} W idle, {full:.2} W at full speed; the source sees none of it")]
    Flat {
        /// Idle.
        idle: Watts,
        /// At full duty.
        full: Watts,
    },
}

impl SweepError {
    /// Whether what is missing is a power source.
    pub fn is_missing_power(&self) -> bool {
        !matches!(self, SweepError::Incomplete)
    }
}

/// Means over both passes of one duty.
#[derive(Clone, Copy, Debug)]
struct Duty {
    duty: f64,
    power_w: f64,
    rounds_per_s: f64,
}

/// Points that became one.
#[derive(Clone, Debug)]
struct Pool {
    members: Vec<Duty>,
}

impl OperatingPoints {
    /// Computes a profile called `name` from the events of a sweep.
    ///
    /// # Errors
    /// [`SweepError`]: nothing is made up for what is missing.
    pub fn from_events(events: &[Event], name: &str) -> Result<OperatingPoints, SweepError> {
        let record = Record::from_events(events).map_err(|_| SweepError::Incomplete)?;
        let conditions = record.conditions.ok_or(SweepError::Incomplete)?;
        let source_name = || conditions.source.name.clone();
        if conditions.workloads.iter().any(|workload| !conditions.sees(&workload.backend)) {
            return Err(SweepError::NotSeen { source_name: source_name() });
        }
        let no_reading = |cause: Option<NoData>| SweepError::NoReading {
            source_name: source_name(),
            cause: cause.unwrap_or(NoData::NotSupported),
        };
        let watch = record.idle.ok_or(SweepError::Incomplete)?;
        let idle = watch.power().ok_or_else(|| no_reading(watch.drawn.no_data))?;
        let held = held(&record.duties, &no_reading)?;
        let full = held.last().filter(|held| held.duty == 1.0).ok_or(SweepError::Incomplete)?;
        let (points, mut remarks) = climbing(&held, idle);
        if points.is_empty() {
            return Err(SweepError::Flat { idle, full: Watts(full.power_w) });
        }
        let measured = held.iter().map(|held| {
            let rate = held.rounds_per_s / full.rounds_per_s;
            format!(
                "duty {:.2}: {:.3} W, {:.3} rounds/s, {rate:.4} of full",
                held.duty, held.power_w, held.rounds_per_s
            )
        });
        remarks.splice(0..0, measured);
        Ok(OperatingPoints { machine: machine(&record, conditions, name, idle, points)?, remarks })
    }

    /// The profile as a file, with what was measured in comments.
    ///
    /// # Errors
    /// A value that TOML cannot hold.
    pub fn toml(&self) -> Result<String, toml::ser::Error> {
        let kind = match self.machine.provenance.is_measured() {
            true => "measured",
            false => "MODELLED, not measured",
        };
        let mut text = format!("# Operating points of {}: the powers are {kind}.\n#\n", self.machine.adapter);
        for remark in &self.remarks {
            text.push_str(&format!("# {remark}\n"));
        }
        text.push('\n');
        text.push_str(&toml::to_string(&self.machine)?);
        Ok(text)
    }
}

/// Mean power and rate of every duty, rising.
fn held(duties: &[DutyHeld], no_reading: &dyn Fn(Option<NoData>) -> SweepError) -> Result<Vec<Duty>, SweepError> {
    let mut sums: Vec<(f64, f64, f64, f64)> = Vec::new();
    for DutyHeld { duty, rounds, duration_s, drawn } in duties {
        let energy = drawn.energy_j.ok_or_else(|| no_reading(drawn.no_data))?;
        let place = sums.iter().position(|sum| sum.0 == *duty).unwrap_or_else(|| {
            sums.push((*duty, 0.0, 0.0, 0.0));
            sums.len() - 1
        });
        let (_, total_j, total_s, total_rounds) = &mut sums[place];
        *total_j += energy.0;
        *total_s += duration_s.0;
        *total_rounds += *rounds as f64;
    }
    sums.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = |&(duty, energy, time, rounds): &(f64, f64, f64, f64)| Duty {
        duty,
        power_w: energy / time,
        rounds_per_s: rounds / time,
    };
    Ok(sums.iter().map(mean).collect())
}

/// Points that climb from idle power to a rate of 1, and what was done to make them.
fn climbing(held: &[Duty], idle: Watts) -> (Vec<Point>, Vec<String>) {
    let mut remarks = Vec::new();
    let mut pools: Vec<Pool> = Vec::new();
    for &held in held {
        let mut pool = Pool { members: vec![held] };
        while let Some(before) = pools.pop_if(|before| !before.is_below(&pool)) {
            pool.members.splice(0..0, before.members);
        }
        pools.push(pool);
    }
    pools.retain(|pool| {
        let above = pool.power_w() > idle.0;
        if !above {
            remarks.push(format!("left out, not above idle power ({:.3} W): {}", idle.0, pool.duties()));
        }
        above
    });
    for pool in pools.iter().filter(|pool| pool.members.len() > 1) {
        remarks.push(format!("taken together, since power or rate did not rise between them: {}", pool.duties()));
    }
    let full = pools.last().map_or(1.0, Pool::rounds_per_s);
    let point = |pool: &Pool| Point { power_w: pool.power_w(), rate: pool.rounds_per_s() / full };
    (pools.iter().map(point).collect(), remarks)
}

impl Pool {
    fn mean(&self, value: impl Fn(&Duty) -> f64) -> f64 {
        self.members.iter().map(value).sum::<f64>() / self.members.len() as f64
    }

    fn power_w(&self) -> f64 {
        self.mean(|held| held.power_w)
    }

    fn rounds_per_s(&self) -> f64 {
        self.mean(|held| held.rounds_per_s)
    }

    fn is_below(&self, other: &Pool) -> bool {
        self.power_w() < other.power_w() && self.rounds_per_s() < other.rounds_per_s()
    }

    fn duties(&self) -> String {
        self.members.iter().map(|held| format!("duty {:.2}", held.duty)).collect::<Vec<_>>().join(", ")
    }
}

fn machine(
    record: &Record<'_>,
    conditions: &Conditions,
    name: &str,
    idle: Watts,
    points: Vec<Point>,
) -> Result<Machine, SweepError> {
    let instant = record.test_time.parse::<Timestamp>().map_err(|_| SweepError::Incomplete)?;
    let names: Vec<&str> = conditions.workloads.iter().map(|workload| workload.name.as_str()).collect();
    let source = &conditions.source;
    let full = points.last().map_or(idle.0, |point| point.power_w);
    Ok(Machine {
        name: name.to_owned(),
        adapter: conditions.gpu_info.clone().unwrap_or_else(|| format!("no adapter, twins on {}", conditions.cpu_info)),
        driver: conditions.driver.clone().unwrap_or_else(|| "none".to_owned()),
        date: instant.to_zoned(jiff::tz::TimeZone::UTC).date(),
        source: format!(
            "{}, duty cycles of {} in turn; powers from {}: {}",
            record.program,
            names.join(", "),
            source.name,
            source.method.split_whitespace().collect::<Vec<_>>().join(" ")
        ),
        provenance: source.provenance,
        rated_w: source.rated_w.map_or(full, |rated| rated.0),
        idle_w: idle.0,
        points,
    })
}
