//! What a person says of a meter that nothing here knows: unit, boundary, period, rated power, band, and how to log in.
//!
//! The keys are the same in an address (`exec,unit=mW:COMMAND`, `http://HOST/PATH#/pointer&unit=W`, `profile:NAME,unit=W`)
//! and in a profile of a meter ([`super::meter_profile`]). What is not said is not guessed: without a boundary the meter
//! covers [`Boundary::NotStated`], without a band its energies have no bounds.

use super::access::AccessSettings;
use super::channel::{Quantity, Sample, Value as Shown};
use super::counter::{Limits, MICROJOULE, SLACK};
use super::plausible::{self, BAND_RANGE, PowerFilter};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use serde::Deserialize;
use toml::{Table, Value};

pub use super::unit::Unit;

/// How often a meter is taken to renew its value where nobody says.
const PERIOD: Seconds = Seconds(1.0);

/// What a counter is taken to be where no rating bounds it: more than any machine at one socket draws.
const CEILING: Watts = Watts(100_000.0);

/// Keys, and what each may be; [`Settings`] has the same names.
pub const KEYS: [(&str, &str); 16] = [
    ("unit", super::unit::SYMBOLS),
    ("factor", "a number that is not 0"),
    ("boundary", "wall, accelerator, package, apu, module or cpu_package"),
    ("provenance", "external_meter, board_sensor, soc_counter or modelled"),
    ("period_s", "from 0.01 to 60"),
    ("averaging_s", "from 0 to 3600"),
    ("rated_w", "over 0, up to 1e6"),
    ("band_percent", BAND_RANGE),
    ("several", "add or refuse"),
    ("unit_at", "a JSON pointer"),
    ("time_at", "a JSON pointer"),
    ("user", "a text"),
    ("password_env", "the name of an environment variable"),
    ("token_env", "the name of an environment variable"),
    ("certificate", "a file in PEM"),
    ("timeout_s", "from 0.1 to 10"),
];

/// What is to be done with several numbers where one was expected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Several {
    /// Their sum is the meter's.
    Add,
    /// There is no telling which is meant.
    #[default]
    Refuse,
}

/// The keys, as they were given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    unit: Option<String>,
    factor: Option<f64>,
    boundary: Option<String>,
    provenance: Option<Provenance>,
    period_s: Option<f64>,
    averaging_s: Option<f64>,
    rated_w: Option<f64>,
    band_percent: Option<f64>,
    #[serde(default)]
    several: Several,
    unit_at: Option<String>,
    time_at: Option<String>,
    user: Option<String>,
    password_env: Option<String>,
    token_env: Option<String>,
    certificate: Option<std::path::PathBuf>,
    timeout_s: Option<f64>,
}

/// What was said, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What the numbers are; none where each says it itself.
    pub unit: Option<Unit>,
    /// Each number is multiplied by it.
    pub factor: f64,
    /// What the numbers cover.
    pub boundary: Boundary,
    provenance: Provenance,
    /// How often a number is renewed.
    pub period: Seconds,
    averaging: Seconds,
    rated: Option<Watts>,
    band: Option<f64>,
    /// What several numbers are.
    pub several: Several,
    /// Where an answer names its unit.
    pub unit_at: Option<String>,
    /// Where an answer names the time of its value.
    pub time_at: Option<String>,
    /// How to log in.
    pub access: AccessSettings,
    /// Longest time for one question and its answer.
    pub timeout: Seconds,
}

/// Keys and values of `key=value` texts.
///
/// # Errors
/// A text that is no pair, a key twice.
pub fn pairs_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<(&'a str, &'a str)>, String> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for text in texts {
        let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no KEY=VALUE"))?;
        if pairs.iter().any(|(known, _)| *known == key) {
            return Err(format!("`{key}` stands there twice"));
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The same as a table of settings.
///
/// # Errors
/// A text that is no pair, a key twice.
pub fn table_of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Table, String> {
    Ok(pairs_of(texts)?.into_iter().map(|(key, value)| (key.to_owned(), value_of(key, value))).collect())
}

/// What a text is as the value of a setting: keys whose name ends with a unit hold numbers.
pub fn value_of(key: &str, text: &str) -> Value {
    let is_number = key == "factor" || ["_s", "_w", "_percent"].iter().any(|unit| key.ends_with(unit));
    let number = text.parse().ok().filter(|_| is_number).map(Value::Float);
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            unit: None,
            factor: 1.0,
            boundary: Boundary::NotStated,
            provenance: Provenance::ExternalMeter,
            period: PERIOD,
            averaging: PERIOD,
            rated: None,
            band: None,
            several: Several::Refuse,
            unit_at: None,
            time_at: None,
            access: AccessSettings::default(),
            timeout: Seconds(2.0),
        }
    }
}

impl Settings {
    /// Holds a table against the keys and their ranges.
    ///
    /// # Errors
    /// What is wrong with which key, and what it may be.
    pub fn of(table: Table) -> Result<Settings, String> {
        for (key, value) in &table {
            let Some((_, allowed)) = KEYS.iter().find(|(known, _)| known == key) else {
                let known: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
                return Err(format!("`{key}` is no key of a meter; there are {}", known.join(", ")));
            };
            let alone = Table::from_iter([(key.clone(), value.clone())]);
            alone.try_into::<Given>().map_err(|_| format!("{key} = {value}: it must be {allowed}"))?;
        }
        let given: Given = table.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let refuse = |key: &str| {
            let allowed = KEYS.iter().find(|(known, _)| *known == key).map_or("", |(_, allowed)| *allowed);
            format!("{key}: it must be {allowed}")
        };
        let within = |key: &str, value: Option<f64>, least: f64, most: f64| match value {
            Some(value) if !(least..=most).contains(&value) => Err(refuse(key)),
            value => Ok(value),
        };
        let unit = given.unit.as_deref().map(|word| Unit::named(word).ok_or_else(|| refuse("unit"))).transpose()?;
        let factor = given.factor.unwrap_or(1.0);
        if !factor.is_finite() || factor == 0.0 {
            return Err(refuse("factor"));
        }
        let boundary = given.boundary.as_deref().map(|word| Boundary::named(word).ok_or_else(|| refuse("boundary")));
        let boundary = boundary.transpose()?.unwrap_or(Boundary::NotStated);
        if given.provenance == Some(Provenance::None) {
            return Err(refuse("provenance"));
        }
        let period = within("period_s", given.period_s, 0.01, 60.0)?.map_or(PERIOD, Seconds);
        let access = AccessSettings {
            user: given.user,
            password_env: given.password_env,
            token_env: given.token_env,
            certificate: given.certificate,
        };
        Ok(Settings {
            unit,
            factor,
            boundary,
            provenance: given.provenance.unwrap_or_else(|| usual(boundary)),
            period,
            averaging: within("averaging_s", given.averaging_s, 0.0, 3600.0)?.map_or(period, Seconds),
            rated: within("rated_w", given.rated_w, f64::MIN_POSITIVE, 1e6)?.map(Watts),
            band: match given.band_percent {
                Some(_) if given.provenance == Some(Provenance::Modelled) => {
                    return Err(
                        "band_percent: a modelled number has no band; leave it or provenance=modelled out".into()
                    );
                }
                Some(percent) => Some(plausible::band(percent).ok_or_else(|| refuse("band_percent"))?),
                None => None,
            },
            several: given.several,
            unit_at: given.unit_at,
            time_at: given.time_at,
            access,
            timeout: Seconds(within("timeout_s", given.timeout_s, 0.1, 10.0)?.unwrap_or(2.0)),
        })
    }

    /// The source `name` by these settings; `method` says what is read.
    pub fn source(&self, name: &str, method: &str) -> Source {
        let band = if self.band.is_some() { "its band as the user states it" } else { "no band is stated" };
        let covers = match self.boundary {
            Boundary::NotStated => "; nobody states what it covers, so no work has an energy by it: say boundary=NAME",
            _ => "",
        };
        Source {
            name: name.to_owned(),
            provenance: self.provenance,
            boundary: self.boundary,
            method: format!("{method}; {band}{covers}"),
            update_period_s: self.period,
            relative_uncertainty: self.band.filter(|_| self.provenance.is_measured()),
            rated_w: self.rated,
            sensing: Sensing { averaging_s: self.averaging, seen_share: 1.0 },
        }
    }

    /// A power under watch.
    pub fn power(&self) -> Quantity {
        Quantity::power(PowerFilter::below(plausible::ceiling(self.rated, CEILING)), self.period)
    }

    /// A count of microjoules under watch. Such a meter may be late by a period, and a reset is told by a fall.
    pub fn counter(&self) -> Quantity {
        let slack = SLACK.max(self.period * 2.0);
        let ceiling = plausible::ceiling(self.rated, CEILING);
        Quantity::counter(Limits { slack, ..Limits::of(MICROJOULE, None, ceiling) })
    }
}

/// No meter has counted more: 2.8 million kilowatt hours.
const MOST: Joules = Joules(1e13);

/// The microjoules of a count of energy.
///
/// # Errors
/// It is none: no count begins below zero.
pub(super) fn microjoules(energy: Joules) -> Result<u64, NoData> {
    match energy {
        energy if energy >= Joules::ZERO && energy <= MOST => Ok((energy / MICROJOULE).round() as u64),
        _ => Err(NoData::Implausible),
    }
}

/// A coarse count stands still for many looks and then makes one step, so a step is measured from the one before it: over the
/// time of one look it would be no load that anything can draw.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps(Option<(u64, Seconds)>);

impl Steps {
    /// The sample of a count that was seen at `at`.
    pub(super) fn sample(&mut self, at: Seconds, count: u64) -> Sample {
        let since = match self.0 {
            Some((last, since)) if last == count => since,
            _ => at,
        };
        self.0 = Some((count, since));
        Sample { clock: since, ..Sample::new(0, at, Ok(Shown::Count(count))) }
    }
}

/// Where the numbers of a boundary usually come from.
fn usual(boundary: Boundary) -> Provenance {
    match boundary {
        Boundary::Accelerator | Boundary::Package | Boundary::Apu | Boundary::Module => Provenance::BoardSensor,
        Boundary::CpuPackage => Provenance::SocCounter,
        _ => Provenance::ExternalMeter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[&str]) -> Result<Settings, String> {
        table_of(pairs.iter().copied()).and_then(Settings::of)
    }

    #[test]
    fn what_is_said_is_taken_and_what_is_not_said_is_not_guessed() {
        let said = settings(&["unit=mW", "boundary=wall", "period_s=2", "rated_w=700", "band_percent=2"]);
        let source = said.expect("good").source("exec:0", "a program");
        assert_eq!((source.boundary, source.update_period_s), (Boundary::Wall, Seconds(2.0)), "as it was said");
        assert_eq!((source.rated_w, source.relative_uncertainty), (Some(Watts(700.0)), Some(0.02)), "the same");
        let small = settings(&["unit=uW"]).expect("good").unit;
        assert_eq!(small, Some(Unit::Power(Watts(1e-6))), "the units of a meter's file are known here too");
        for (pairs, most) in [(&[][..], CEILING), (&["rated_w=700"], Watts(1050.0))] {
            let power = settings(pairs).expect("good").power();
            assert_eq!(power.ceiling(), most, "a ceiling is no rating, and stands as it is: {pairs:?}");
        }
        let silent = settings(&[]).expect("good");
        let source = silent.source("exec:0", "a program");
        assert_eq!((silent.unit, source.boundary), (None, Boundary::NotStated), "nothing is guessed");
        assert_eq!((source.rated_w, source.relative_uncertainty), (None, None), "nor is this");
    }

    #[test]
    fn a_bad_key_or_value_is_named_with_what_it_may_be() {
        for (pair, part) in [
            ("unti=W", "`unti` is no key"),
            ("unit=hp", "uW, mW, W, kW"),
            ("boundary=moon", "wall, accelerator"),
            ("period_s=0", "from 0.01 to 60"),
            ("period_s=often", "from 0.01 to 60"),
            ("rated_w=-1", "over 0"),
            ("band_percent=nan", "over 0 and up to 50"),
            ("band_percent=0", "over 0"),
            ("band_percent=51", "up to 50"),
            ("factor=0", "not 0"),
            ("provenance=none", "external_meter"),
            ("several=mean", "add or refuse"),
            ("wall", "no KEY=VALUE"),
        ] {
            let why = settings(&[pair]).expect_err(pair);
            assert!(why.contains(part), "{pair}: {why}");
        }
        let model = settings(&["provenance=modelled", "band_percent=2"]).expect_err("a model with a band");
        assert!(model.contains("a modelled number has no band"), "{model}");
        assert!(settings(&["unit=W", "unit=mW"]).expect_err("twice").contains("twice"), "a key twice");
    }
}
