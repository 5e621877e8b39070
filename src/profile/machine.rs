//! The machine profile: how fast a machine works at each power, measured or assumed.
//!
//! Between its points the rate is taken as a straight line, from the idle power (where nothing is done) up.

use super::error::ProfileError;
use super::ranges::POINT;
use super::schema::{self, Place};
use crate::reading::Provenance;
use crate::units::Watts;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use toml::Table;

/// A machine's operating points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// The accelerator.
    pub adapter: String,
    /// Its driver, with the version.
    pub driver: String,
    /// The day on which the points were taken.
    pub date: Date,
    /// How they were taken, or from where.
    pub source: String,
    /// What the powers are: read from a sensor or modelled.
    pub provenance: Provenance,
    /// The power that stands for the satellite's installed compute.
    pub rated_w: f64,
    /// Power with nothing to do.
    pub idle_w: f64,
    /// Power and rate, both strictly increasing; the last rate is 1.
    #[serde(rename = "point")]
    pub points: Vec<Point>,
}

/// One operating point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// Power while working at this rate.
    pub power_w: f64,
    /// Share of full throughput.
    pub rate: f64,
}

impl Machine {
    /// The share of full throughput that `power` buys: 0 at idle and below, 1 from the last point on.
    pub fn rate_at(&self, power: Watts) -> f64 {
        let mut below = Point { power_w: self.idle_w, rate: 0.0 };
        if power.0 <= below.power_w {
            return 0.0;
        }
        for point in &self.points {
            if power.0 < point.power_w {
                let share = (power.0 - below.power_w) / (point.power_w - below.power_w);
                return below.rate + share * (point.rate - below.rate);
            }
            below = *point;
        }
        below.rate
    }

    /// The power at full throughput.
    pub fn full(&self) -> Watts {
        Watts(self.points.last().map_or(self.idle_w, |point| point.power_w))
    }
}

/// Refuses a machine without points, with an ill-formed one, or with points that do not climb from idle to a rate of 1.
pub(super) fn check_points(table: &Table, place: &Place<'_>) -> Result<(), ProfileError> {
    let refused = |key: &str, found: &str, allowed: &str| Err(ProfileError::refused(place.file, key, found, allowed));
    let Some(value) = table.get("point") else {
        let allowed = "one [[point]] with power_w and rate for each operating point";
        return Err(ProfileError::missing(place.file, "point", allowed));
    };
    let points = value.as_array().filter(|points| !points.is_empty() && points.iter().all(toml::Value::is_table));
    let Some(points) = points else {
        return refused("point", value.type_str(), "a list of tables [[point]]");
    };
    let number = |table: &Table, key: &str| table.get(key).and_then(schema::number).unwrap_or_default();
    let mut power_below = number(table, "idle_w");
    let mut rate_below = 0.0;
    for (i, point) in points.iter().filter_map(toml::Value::as_table).enumerate() {
        let prefix = format!("point {}: ", i + 1);
        schema::check(point, POINT, &[], &prefix, place)?;
        let power = number(point, "power_w");
        let rate = number(point, "rate");
        if power <= power_below {
            let allowed = format!("over {power_below}, the power before it (idle_w before the first)");
            return refused(&format!("{prefix}power_w"), &power.to_string(), &allowed);
        }
        if rate <= rate_below {
            let allowed = format!("over {rate_below}, the rate before it");
            return refused(&format!("{prefix}rate"), &rate.to_string(), &allowed);
        }
        (power_below, rate_below) = (power, rate);
    }
    if rate_below != 1.0 {
        let key = format!("point {}: rate", points.len());
        return refused(&key, &rate_below.to_string(), "1 at the last point, which is full throughput");
    }
    Ok(())
}
