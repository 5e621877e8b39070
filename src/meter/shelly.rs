//! Shelly plugs, relays and meters with clamps, over HTTP: the whole machine at its supply.
//!
//! `/shelly` tells the generation; [`super::shelly_answer`] holds what each of them answers. The power is integrated: the
//! counters step by 3.6 J or 60 J and some are renewed once a minute. They are watched for a fall, which says that the
//! device was started anew, and then there is no total.
//!
//! Relays without a meter report the same fields with 0 W in them. So a zero is believed only from a device that has shown
//! power, one that is switched off is [`NoData::Off`], one without the fields is [`NoData::NotSupported`], one that reports
//! an error is [`NoData::MeterError`], and a power below zero is [`NoData::Negative`].

use super::access::AccessSettings;
use super::channel::{self, Channel, Quantity, Sample, Sensor};
use super::http::{Client, Server};
use super::plausible::PowerFilter;
use super::probe::Refusal;
pub use super::shelly_answer::Phase;
use super::shelly_answer::{Dialect, Part, ask};
use crate::reading::{Boundary, NoData, Provenance, Sensing, Source};
use crate::units::{Joules, Seconds, Watts};
use serde_json::Value;
use std::time::Duration;

/// How often a device renews its power, and how often it is asked.
pub const PERIOD: Seconds = Seconds(1.0);

/// Half width of the band, k = 2. Assumed: the maker states none for power; 1 to 2 % is the class of such meters.
pub const RELATIVE_UNCERTAINTY: f64 = 0.02;

/// Longest time for one question and its answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The device of the first generation whose three meters are the phases of one supply.
const THREE_PHASES: &str = "SHEM-3";

/// A device.
pub struct Shelly {
    client: Client,
    part: Part,
    /// The energy that it counts for itself, at the last answer, to a joule.
    total: Joules,
}

impl Shelly {
    /// Opens switch or meter `switch` (the first unless said) of the device at `host` as the source `name`, once it has
    /// given a power.
    ///
    /// # Errors
    /// Why it has given none.
    pub fn open(
        name: &str,
        host: &str,
        port: u16,
        switch: Option<u8>,
        phase: Option<Phase>,
    ) -> Result<Channel<Shelly>, Refusal> {
        let server = Server { is_secure: false, host: host.to_owned(), port };
        let mut client = Client::new(&server, &AccessSettings::default(), TIMEOUT)?;
        let about = ask(&mut client, "/shelly")?;
        let generation = about.get("gen").and_then(Value::as_u64).unwrap_or(1);
        let model = ["model", "type"].iter().find_map(|key| about.get(key)?.as_str()).unwrap_or("of unknown model");
        let is_three_phases = phase.is_some() || (generation == 1 && model == THREE_PHASES && switch.is_none());
        let id = switch.unwrap_or(0);
        // The first part that the device knows at all says best what is wrong, then what is more than not being there.
        let (mut known, mut refusal): (Option<Refusal>, Option<Refusal>) = (None, None);
        for &dialect in Dialect::of(generation, is_three_phases) {
            let part = Part { id, phase, dialect };
            let status = match part.status(&mut client) {
                Ok(status) => status,
                Err(error) => {
                    // Some answer 500 for a part that they do not have.
                    let is_missing = error.cause == NoData::MeterError;
                    let cause = if is_missing { NoData::NotSupported } else { error.cause };
                    let error = Refusal { cause, ..error };
                    let is_better = |before: &Refusal| before.cause == NoData::NotSupported;
                    refusal = refusal.filter(|before| !is_better(before)).or(Some(error));
                    continue;
                }
            };
            match part.answer(&client, &status) {
                Ok(answer) if answer.watts > Watts::ZERO => {
                    let source = source(name, &part.name(), model, generation);
                    let quantity = Quantity::power(PowerFilter::below(part.ceiling()), PERIOD);
                    return Ok(Channel::new(source, Shelly { client, part, total: Joules::ZERO }, vec![quantity]));
                }
                Ok(_) => {
                    let detail = format!("{host}:{port}: 0 W: the relay has no meter, or nothing is plugged in");
                    let zero = Refusal::new(NoData::Implausible, detail)
                        .with_remedy("plug this machine in there, or name another switch with ?id=N");
                    known = known.filter(|before| before.cause != NoData::NotSupported).or(Some(zero));
                }
                Err(error) => known = known.or(Some(error)),
            }
        }
        let nothing = || Refusal::new(NoData::NotSupported, format!("{host}:{port}: no switch and no meter {id}"));
        Err(known.or(refusal).unwrap_or_else(nothing))
    }
}

fn source(name: &str, part: &str, model: &str, generation: u64) -> Source {
    Source {
        name: name.to_owned(),
        provenance: Provenance::ExternalMeter,
        boundary: Boundary::Wall,
        method: format!("{part} of a Shelly {model}, generation {generation}: its power, integrated"),
        update_period_s: PERIOD,
        relative_uncertainty: Some(RELATIVE_UNCERTAINTY),
        rated_w: None,
        sensing: Sensing { averaging_s: PERIOD, seen_share: 1.0 },
    }
}

impl Sensor for Shelly {
    fn samples(&mut self, now: Seconds) -> Result<Vec<Sample>, NoData> {
        let status = self.part.status(&mut self.client).map_err(|refusal| refusal.cause)?;
        let answer = self.part.answer(&self.client, &status).map_err(|refusal| refusal.cause)?;
        let total = answer.total.map_or(self.total, |total| Joules(total.0.round()));
        let has_fallen = std::mem::replace(&mut self.total, total) > total;
        let restarted = has_fallen.then(|| Sample::new(0, now, Ok(channel::Value::Restarted)));
        Ok(restarted.into_iter().chain([Sample::power(now, Ok(answer.watts))]).collect())
    }
}
