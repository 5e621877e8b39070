//! The names of the policies, as flags, files and results spell them.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the budget is decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// No governor: full power, whatever happens.
    Off,
    /// One cap, safe in every season.
    Static,
    /// Hysteresis on charge and temperature.
    Threshold,
    /// Proportional-integral on the temperatures and the charge.
    Reactive,
    /// A joule is bought while it earns more than barrier prices of charge, heat and backlog.
    Price,
    /// The plan for the orbit ahead, within what the constraints leave.
    #[default]
    Predictive,
}

impl Policy {
    /// Every policy, the simplest first.
    pub const ALL: [Policy; 6] =
        [Policy::Off, Policy::Static, Policy::Threshold, Policy::Reactive, Policy::Price, Policy::Predictive];

    /// The name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Static => "static",
            Self::Threshold => "threshold",
            Self::Reactive => "reactive",
            Self::Price => "price",
            Self::Predictive => "predictive",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// No policy has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown governor `{name}`: expected one of off, static, threshold, reactive, price, predictive")]
pub struct UnknownPolicy {
    /// What was asked for.
    pub name: String,
}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Policy, UnknownPolicy> {
        let found = Policy::ALL.into_iter().find(|policy| policy.name() == name);
        found.ok_or_else(|| UnknownPolicy { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_and_serialised_the_same() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse::<Policy>(), Ok(policy), "{policy} from its own name");
            let json = serde_json::to_string(&policy).expect("a unit variant serialises");
            assert_eq!(json, format!("\"{policy}\""), "the file spells it as the flag does");
        }
    }

    #[test]
    fn an_unknown_name_lists_those_that_exist() {
        let message = "fast".parse::<Policy>().expect_err("no such policy").to_string();
        for policy in Policy::ALL {
            assert!(message.contains(policy.name()), "`{message}` names {policy}");
        }
    }
}
