//! A number on a web server: `http://HOST/PATH#/POINTER&unit=W`, asked once a period.
//!
//! The pointer ([`super::pointer`]) leads to the number; `unit` or `unit_at` says what it is. Several pointers, or one that
//! leads to several numbers, are added with `several=add` and refused without: one missing leaves the sum without. A power
//! is integrated, an energy is a counter. With `time_at` an answer is new only if the time that stands there is: a server
//! that repeats an old value, such as a database, has nothing to say.

use super::channel::{Channel, Sample, Sensor, Value};
use super::doors::Web as WebAddress;
use super::http::{Answer, Client};
use super::pointer;
use super::probe::Refusal;
use super::settings::{Several, Steps, Unit, microjoules};
use crate::reading::NoData;
use crate::units::{Seconds, Watts};
use std::time::{Duration, Instant};

/// A number on a web server.
pub struct Web {
    client: Client,
    address: WebAddress,
    /// The time that stood in the last answer.
    last_time: Option<serde_json::Value>,
    steps: Steps,
    /// How long the last question took.
    cost: Seconds,
    /// The answer by which it was opened.
    untold: Option<Value>,
}

impl Web {
    /// Opens the number at `address` as the source `name`, once it has been read.
    ///
    /// # Errors
    /// Why it has not.
    pub fn open(name: &str, address: &WebAddress) -> Result<Channel<Web>, Refusal> {
        let timeout = Duration::try_from_secs_f64(address.settings.timeout.0).unwrap_or_default();
        let client = Client::new(&address.server, &address.settings.access, timeout)?;
        let mut web = Web {
            client,
            address: address.clone(),
            last_time: None,
            steps: Steps::default(),
            cost: Seconds::ZERO,
            untold: None,
        };
        let first = web.look()?;
        let (quantity, kind) = match first {
            Some(Value::Count(_)) => (address.settings.counter(), "its energy, counted"),
            _ => (address.settings.power(), "its power, integrated"),
        };
        web.untold = first;
        let by = address.profile.as_ref().map(|profile| format!(" by the profile {profile}")).unwrap_or_default();
        let pointers = address.pointers.join(" + ");
        let method = format!("a number on a web server{by} (`{pointers}`): {kind}");
        Ok(Channel::new(address.settings.source(name, &method), web, vec![quantity]))
    }

    /// How long the last question and its answer took.
    pub(super) fn cost(&self) -> Seconds {
        self.cost
    }

    /// Asks once; none where the answer is an old one.
    fn look(&mut self) -> Result<Option<Value>, Refusal> {
        let begin = Instant::now();
        let answer = self.client.get(&self.address.path);
        self.cost = Seconds(begin.elapsed().as_secs_f64());
        let answer = answer?;
        let place = self.client.place(&self.address.path);
        self.value(&answer).map_err(|(cause, why)| Refusal::new(cause, format!("{place}: {why}")))
    }

    fn value(&mut self, answer: &Answer) -> Result<Option<Value>, (NoData, String)> {
        let settings = &self.address.settings;
        let json = answer.json().map_err(|why| (NoData::Implausible, why))?;
        let document = pointer::document(&answer.body, json);
        let one = |place: &str| {
            let found = pointer::find(&document, place);
            found
                .first()
                .copied()
                .cloned()
                .ok_or_else(|| (NoData::NotSupported, format!("nothing stands at `{place}`")))
        };
        if let Some(place) = &settings.time_at {
            let time = Some(one(place)?);
            if time == self.last_time {
                return Ok(None);
            }
            self.last_time = time;
        }
        let unit = match (&settings.unit_at, settings.unit) {
            (Some(place), said) => {
                let text = one(place)?;
                let unit = text.as_str().and_then(Unit::named);
                let unit =
                    unit.ok_or_else(|| (NoData::Implausible, format!("its unit {text} is none that is known")))?;
                if said.is_some_and(|said| said != unit) {
                    return Err((NoData::Implausible, format!("its unit is {text}, and another was said")));
                }
                unit
            }
            (None, said) => said.ok_or_else(|| (NoData::Implausible, "nobody says its unit".to_owned()))?,
        };
        let mut numbers = Vec::new();
        for place in &self.address.pointers {
            let found = pointer::find(&document, place);
            if found.is_empty() {
                let said: String = answer.body.chars().filter(|c| !c.is_control()).take(80).collect();
                return Err((NoData::NotSupported, format!("nothing stands at `{place}` of its answer `{said}`")));
            }
            for value in found {
                let cause = if value.is_null() { NoData::NotSupported } else { NoData::Implausible };
                numbers.push(pointer::number(value).map_err(|why| (cause, format!("at `{place}`: {why}")))?);
            }
        }
        if numbers.len() > 1 && settings.several == Several::Refuse {
            let why = format!("{} numbers stand there; name one, or add them with several=add", numbers.len());
            return Err((NoData::Implausible, why));
        }
        // A part that is negative is not made good by the others.
        if let Some(negative) = numbers.iter().find(|number| **number * settings.factor < 0.0) {
            return Err(match unit {
                Unit::Power(_) => (NoData::Negative, format!("it says {negative}")),
                Unit::Energy(_) => {
                    (NoData::Implausible, format!("it says {negative}, and no count of energy is negative"))
                }
            });
        }
        let number = numbers.iter().sum::<f64>() * settings.factor;
        Ok(Some(match unit {
            Unit::Power(unit) => Value::Power(Watts(number * unit.0)),
            Unit::Energy(unit) => {
                let count = microjoules(unit * number).map_err(|cause| (cause, format!("it says {number}")))?;
                Value::Count(count)
            }
        }))
    }
}

impl Sensor for Web {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let value = match self.untold.take() {
            Some(value) => Some(value),
            None => self.look().map_err(|refusal| refusal.cause)?,
        };
        let sample = |value| match value {
            Value::Count(count) => self.steps.sample(now, count),
            other => Sample::new(0, now, Ok(other)),
        };
        Ok(value.map(sample).into_iter().collect())
    }
}
