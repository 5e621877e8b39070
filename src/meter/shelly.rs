//! Shelly plugs and relays that meter, over HTTP: the whole machine at its supply.
//!
//! | generation | question | power | energy |
//! |---|---|---|---|
//! | 2 and later | `/rpc/Switch.GetStatus?id=N`, else `/rpc/PM1.GetStatus?id=N` | `apower` (W) | `aenergy.total` (Wh) |
//! | 1 | `/status` | `meters[N].power` (W), else `emeters[N].power` | `meters[N].total` (watt-minutes), `emeters[N].total` (Wh) |
//!
//! `/shelly` tells the generation. The power is integrated: the counters step by 3.6 J or 60 J and some are renewed once a
//! minute. They are watched for a fall, which says that the plug was started anew, and then there is no total.
//!
//! Relays without a meter report the same fields with 0 W in them. So a zero is believed only from a plug that has shown
//! power, a plug that is switched off is [`NoData::Off`], and one without the fields is [`NoData::NotSupported`].

use super::channel::{self, Channel, Quantity, Sample, Sensor};
use super::network;
use super::plausible::PowerFilter;
use super::probe::Refusal;
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use serde_json::Value;
use std::time::Duration;

/// How often a plug renews its power, and how often it is asked.
pub const PERIOD: Seconds = Seconds(1.0);

/// Half width of the band, k = 2. Assumed: the maker states none for power; 1 to 2 % is the class of such meters.
pub const RELATIVE_UNCERTAINTY: f64 = 0.02;

/// Longest time for one question and its answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// No socket carries more: 16 A at 240 V, three times over for three phases.
const CEILING: Watts = Watts(12_000.0);

const WATT_HOUR: Joules = Joules(3600.0);
const WATT_MINUTE: Joules = Joules(60.0);

/// How a plug is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// `/rpc/COMPONENT.GetStatus`.
    Rpc(&'static str),
    /// `/status`, list of this name.
    Status(&'static str),
}

/// What one answer holds.
struct Answer {
    watts: Watts,
    /// Energy since some start of its own; none where the plug counts none.
    total: Option<Joules>,
}

/// A plug.
pub struct Shelly {
    host: String,
    port: u16,
    switch: u8,
    dialect: Dialect,
    /// The energy that it counts for itself, at the last answer, to a joule.
    total: Joules,
}

impl Shelly {
    /// Opens switch `switch` of the plug at `host` as the source `name`, once it has given a power.
    ///
    /// # Errors
    /// Why it has given none.
    pub fn open(name: &str, host: &str, port: u16, switch: u8) -> Result<Channel<Shelly>, Refusal> {
        let about = ask(host, port, "/shelly")?;
        let generation = about.get("gen").and_then(Value::as_u64).unwrap_or(1);
        let model = ["model", "type"].iter().find_map(|key| about.get(key)?.as_str()).unwrap_or("of unknown model");
        let dialects: &[Dialect] = match generation {
            1 => &[Dialect::Status("meters"), Dialect::Status("emeters")],
            _ => &[Dialect::Rpc("Switch"), Dialect::Rpc("PM1")],
        };
        let mut refusal = Refusal::new(NoData::NotSupported, format!("{host}:{port}: no switch {switch}"));
        for &dialect in dialects {
            match question(host, port, switch, dialect) {
                Ok(answer) if answer.watts > Watts::ZERO => {
                    let source = Source {
                        name: name.to_owned(),
                        provenance: Provenance::ExternalMeter,
                        boundary: Boundary::Wall,
                        method: format!(
                            "switch {switch} of a Shelly {model}, generation {generation}: its power, integrated"
                        ),
                        update_period_s: PERIOD,
                        relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
                        rated_w: None,
                        sensing: Sensing { averaging_s: PERIOD, seen_share: 1.0 },
                    };
                    let plug = Shelly { host: host.to_owned(), port, switch, dialect, total: Joules::ZERO };
                    return Ok(Channel::new(
                        source,
                        plug,
                        vec![Quantity::power(PowerFilter::new(Some(CEILING)), PERIOD)],
                    ));
                }
                Ok(_) => {
                    let detail = format!("{host}:{port}: 0 W: the relay has no meter, or nothing is plugged in");
                    refusal = Refusal::new(NoData::Implausible, detail)
                        .with_remedy("plug this machine in there, or name another switch with ?id=N");
                }
                // The first that knows the switch at all says best what is wrong.
                Err(error) if refusal.cause == NoData::NotSupported => refusal = error,
                Err(_) => {}
            }
        }
        Err(refusal)
    }
}

impl Sensor for Shelly {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let answer = question(&self.host, self.port, self.switch, self.dialect).map_err(|refusal| refusal.cause)?;
        let total = answer.total.map_or(self.total, |total| Joules(total.0.round()));
        let has_fallen = std::mem::replace(&mut self.total, total) > total;
        let restarted = has_fallen.then(|| Sample::new(0, now, Ok(channel::Value::Restarted)));
        Ok(restarted.into_iter().chain([Sample::power(now, Ok(answer.watts))]).collect())
    }
}

fn ask(host: &str, port: u16, path: &str) -> Result<Value, Refusal> {
    let body = network::http_get(host, port, path, TIMEOUT)?;
    let garbage = |_| Refusal::new(NoData::Implausible, format!("{host}:{port}{path}: no JSON"));
    serde_json::from_str(&body).map_err(garbage)
}

/// Asks once, in the plug's dialect.
fn question(host: &str, port: u16, switch: u8, dialect: Dialect) -> Result<Answer, Refusal> {
    let path = match dialect {
        Dialect::Rpc(component) => format!("/rpc/{component}.GetStatus?id={switch}"),
        Dialect::Status(_) => "/status".to_owned(),
    };
    let status = ask(host, port, &path)?;
    let refuse = |cause, what: &str| Err(Refusal::new(cause, format!("{host}:{port}{path}: {what}")));
    let (fields, power, total, unit) = match dialect {
        Dialect::Rpc(_) => (Some(&status), "/apower", "/aenergy/total", WATT_HOUR),
        Dialect::Status(list) => {
            let unit = if list == "meters" { WATT_MINUTE } else { WATT_HOUR };
            (status.pointer(&format!("/{list}/{switch}")), "/power", "/total", unit)
        }
    };
    let Some(fields) = fields else { return refuse(NoData::NotSupported, "it has no such meter") };
    let relay = status.pointer(&format!("/relays/{switch}/ison"));
    if fields.get("output").or(relay).and_then(Value::as_bool) == Some(false) {
        return refuse(NoData::Off, "it is switched off");
    }
    if fields.get("is_valid").and_then(Value::as_bool) == Some(false) {
        return refuse(NoData::Implausible, "it says itself that its reading is not valid");
    }
    let Some(watts) = fields.pointer(power) else { return refuse(NoData::NotSupported, "it does not meter") };
    let total = fields.pointer(total).and_then(Value::as_f64).filter(|total| *total >= 0.0);
    match watts.as_f64() {
        Some(watts) if watts.is_finite() && (0.0..=CEILING.0).contains(&watts) => {
            Ok(Answer { watts: Watts(watts), total: total.map(|total| unit * total) })
        }
        _ => refuse(NoData::Implausible, "its power is none"),
    }
}
