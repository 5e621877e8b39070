//! Power limits of boards and packages, set only under `run --actuate`.
//!
//! ```text
//! limit = clamp(1.05 budget, the lowest limit, the limit that was found)
//! ```
//!
//! The pacer holds the budget; the limit is a backstop a little above it, for work that draws more than it was seen to. It
//! follows when the aim has moved by more than [`STEP_SHARE`] of the found limit, at most once a second, so that it stays
//! at or above a steady budget. It never goes above the limit that was found. Limits of several packages share the budget
//! as their found limits do.
//!
//! | promise | how |
//! |---|---|
//! | what was set is what holds | every setting is read back; one that was refused or ends below the budget is given up, and pacing goes on |
//! | the found limit comes back | at the end of the flight, when it fails or is interrupted, when the stack unwinds ([`Drop`]), and when a second Ctrl-C ends the program at once ([`put_back_at_once`]) |
//! | also after a kill that no program survives | a [`state`] file, on the disk before the first setting; the next `run` or `bench` puts back what it says, `doctor` shows it |

pub mod power_limit;
pub mod state;

pub use power_limit::{PowerLimit, power_limits_of};
pub use state::{LeftLimit, Recovery, StateFolder, left, put_back_at_once, recover};

use crate::reading::NoData;
use crate::units::{Seconds, Watts};
use serde::{Deserialize, Serialize};
use state::Held;

/// The limit stands this far above the budget.
pub const MARGIN: f64 = 1.05;
/// It moves when the aim has moved by more than this share of the found limit.
pub const STEP_SHARE: f64 = 0.02;
/// Time between two settings.
pub const SETTLE: Seconds = Seconds(1.0);
/// A limit that is read back within this share is the one that was asked for.
const SAME_SHARE: f64 = 0.001;
/// A power limit is given back this often before it is given up.
const RESTORE_TRIES: u32 = 3;

/// Why there is nothing to set.
#[derive(Debug, thiserror::Error)]
pub enum ActuatorError {
    /// The flight's power source has no limit that is known here.
    #[error("power source `{0}` has no power limit that this program can set")]
    NoPowerLimit(String),
    /// The limit cannot be read.
    #[error("power limit {power_limit}: {cause}")]
    Unreadable {
        /// Which.
        power_limit: String,
        /// Why.
        cause: NoData,
    },
    /// Nothing would restore the limit after a panic.
    #[error("this program was built to abort on panic, so no power limit could be put back")]
    NoUnwinding,
}

/// What became of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// As asked for.
    Set,
    /// Another limit holds than was asked for, at or above the budget.
    Rounded,
    /// Nothing changed, or what holds is below the budget: the power limit is given up.
    Refused,
    /// The limit that was found is back.
    Restored,
    /// It could not be put back; the state file stays for the next start.
    Stuck,
}

/// One setting of one power limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Which power limit.
    #[serde(rename = "knob")]
    pub power_limit: String,
    /// Asked for.
    pub asked_w: Watts,
    /// Read back; null where it could not be read.
    pub read_back_w: Option<Watts>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Setting {
    fn of(
        power_limit: String,
        asked_w: Watts,
        read_back_w: Option<Watts>,
        outcome: Outcome,
        cause: Option<String>,
    ) -> Self {
        Setting { power_limit, asked_w, read_back_w, outcome, cause }
    }
}

/// A power limit with the value that was found and those that are allowed, in microwatts.
struct Controlled {
    power_limit: Box<dyn PowerLimit>,
    found: u64,
    low: u64,
    high: u64,
    touched: bool,
}

/// Power limits that follow a budget until they are given back.
pub struct Actuator {
    limits: Vec<Controlled>,
    folder: StateFolder,
    /// Present from before the first setting until all is back.
    held: Option<Held>,
    set_at: Option<Seconds>,
    aim: Watts,
    given_up: bool,
}

impl Actuator {
    /// Reads the limits; nothing is set yet.
    ///
    /// # Errors
    /// [`ActuatorError`] where there is nothing to set, or nothing could be put back.
    pub fn new(
        power_limits: Vec<Box<dyn PowerLimit>>,
        source: &str,
        folder: StateFolder,
    ) -> Result<Actuator, ActuatorError> {
        if cfg!(panic = "abort") {
            return Err(ActuatorError::NoUnwinding);
        }
        let mut limits = Vec::new();
        for mut power_limit in power_limits {
            let name = power_limit.name();
            let refused = |cause| ActuatorError::Unreadable { power_limit: name.clone(), cause };
            let found = power_limit.read().map_err(refused)?;
            let (low, high) = power_limit.range(found).map_err(refused)?;
            limits.push(Controlled { power_limit, found, low, high: high.min(found).max(low), touched: false });
        }
        if limits.is_empty() || limits.iter().any(|limit| limit.found == 0 || limit.found < limit.low) {
            return Err(ActuatorError::NoPowerLimit(source.to_owned()));
        }
        Ok(Actuator { limits, folder, held: None, set_at: None, aim: Watts::ZERO, given_up: false })
    }

    /// The limits, for people.
    pub fn name(&self) -> String {
        self.limits.iter().map(|limit| limit.power_limit.name()).collect::<Vec<_>>().join(", ")
    }

    /// Follows the budget. What was set; nothing where the limit stays.
    pub fn follow(&mut self, now: Seconds, budget: Watts) -> Vec<Setting> {
        let found: u64 = self.limits.iter().map(|limit| limit.found).sum();
        let found_w = watts(found);
        let aim = (budget * MARGIN).min(found_w);
        let is_early = self.set_at.is_some_and(|at| now - at < SETTLE);
        let before = if self.set_at.is_some() { self.aim } else { found_w };
        if self.given_up || is_early || !aim.is_finite() || (aim - before).0.abs() <= found_w.0 * STEP_SHARE {
            return Vec::new();
        }
        if let Err(setting) = self.hold(aim) {
            return vec![setting];
        }
        (self.set_at, self.aim) = (Some(now), aim);
        let mut settings = Vec::new();
        for limit in &mut self.limits {
            let share = limit.found as f64 / found as f64;
            settings.push(limit.set(aim * share, budget * share));
        }
        if settings.iter().any(|setting| setting.outcome == Outcome::Refused) {
            self.given_up = true;
            settings.extend(self.restore());
        }
        settings
    }

    /// Takes hold of the state file before the first setting.
    fn hold(&mut self, aim: Watts) -> Result<(), Setting> {
        if self.held.is_some() {
            return Ok(());
        }
        let found: Vec<_> = self.limits.iter().map(|limit| (limit.power_limit.key(), limit.found)).collect();
        let cause = match self.folder.hold(&found) {
            Ok(held) if self.limits.iter_mut().all(|limit| limit.power_limit.read() == Ok(limit.found)) => {
                self.held = Some(held);
                return Ok(());
            }
            Ok(held) => {
                // Another flight held them when they were read; what stands now is not what was there before it.
                held.release();
                "the limits have changed since the start".to_owned()
            }
            Err(reason) => reason,
        };
        self.given_up = true;
        Err(Setting::of(self.name(), aim, None, Outcome::Refused, Some(cause)))
    }

    /// Puts every limit back that was touched.
    pub fn restore(&mut self) -> Vec<Setting> {
        let settings: Vec<Setting> =
            self.limits.iter_mut().filter(|limit| limit.touched).map(Controlled::restore).collect();
        if settings.iter().all(|setting| setting.outcome == Outcome::Restored)
            && let Some(held) = self.held.take()
        {
            held.release();
        }
        settings
    }
}

impl Drop for Actuator {
    fn drop(&mut self) {
        // The state file tells the next start what could not be put back.
        drop(self.restore());
    }
}

impl Controlled {
    fn set(&mut self, aim: Watts, budget: Watts) -> Setting {
        let asked = ((aim.0 * 1e6).round() as u64).clamp(self.low, self.high);
        self.touched = true;
        let before = self.power_limit.read();
        let written = state::set_unless_over(|| self.power_limit.set(asked));
        let after = self.power_limit.read();
        let same = |read: u64, wanted: u64| read.abs_diff(wanted) as f64 <= wanted as f64 * SAME_SHARE;
        let (outcome, cause) = match (&written, after) {
            (Err(NoData::NoPermission), _) => (Outcome::Refused, Some(self.power_limit.remedy())),
            (Err(cause), _) => (Outcome::Refused, Some(cause.to_string())),
            (Ok(()), Ok(read)) if same(read, asked) => (Outcome::Set, None),
            (Ok(()), Ok(read)) if before == Ok(read) => {
                (Outcome::Refused, Some("the driver took the setting and did not change the limit".into()))
            }
            (Ok(()), Ok(read)) if (read as f64) < budget.0 * 1e6 => {
                (Outcome::Refused, Some("the driver set another limit, below the budget".into()))
            }
            (Ok(()), Ok(_)) => (Outcome::Rounded, None),
            (Ok(()), Err(cause)) => (Outcome::Refused, Some(format!("it cannot be read back: {cause}"))),
        };
        Setting::of(self.power_limit.name(), watts(asked), after.ok().map(watts), outcome, cause)
    }

    fn restore(&mut self) -> Setting {
        let mut read = self.power_limit.read();
        for _ in 0..RESTORE_TRIES {
            if read == Ok(self.found) {
                break;
            }
            // What counts is what is read back.
            let _ = self.power_limit.set(self.found);
            read = self.power_limit.read();
        }
        let is_back = read == Ok(self.found);
        self.touched = !is_back;
        let outcome = if is_back { Outcome::Restored } else { Outcome::Stuck };
        Setting::of(self.power_limit.name(), watts(self.found), read.ok().map(watts), outcome, None)
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Setting { power_limit, asked_w, read_back_w, outcome, cause } = self;
        let read = read_back_w.map_or("unknown".into(), |read| format!("{:.1} W", read.0));
        match outcome {
            Outcome::Set => write!(f, "power limit {power_limit}: {:.1} W", asked_w.0),
            Outcome::Rounded => write!(f, "power limit {power_limit}: {read} where {:.1} W were asked for", asked_w.0),
            Outcome::Refused => {
                let cause = cause.as_deref().unwrap_or("unknown cause");
                write!(f, "power limit {power_limit}: {:.1} W refused ({cause}); pacing goes on without it", asked_w.0)
            }
            Outcome::Restored => write!(f, "power limit {power_limit}: back at {read}"),
            Outcome::Stuck => {
                write!(f, "power limit {power_limit}: is {read} and CANNOT be put back to {:.1} W", asked_w.0)
            }
        }
    }
}

fn watts(microwatts: u64) -> Watts {
    Watts(microwatts as f64 * 1e-6)
}
