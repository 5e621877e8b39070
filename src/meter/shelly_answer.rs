//! What Shelly's devices answer: power and energy by generation and component, and everything that is no power.
//!
//! | generation | question | power | energy |
//! |---|---|---|---|
//! | 2 and later | `/rpc/Switch.GetStatus?id=N`, `/rpc/PM1.GetStatus?id=N` | `apower` (W) | `aenergy.total` (Wh) |
//! | | `/rpc/EM.GetStatus?id=N` (three phases) | `total_act_power`, or `a_act_power` ... of one phase | none here |
//! | | `/rpc/EM1.GetStatus?id=N` | `act_power` | none here |
//! | 1 | `/status` | `meters[N].power`, `emeters[N].power` | `meters[N].total` (watt-minutes), `emeters[N].total` (Wh) |
//!
//! `emeters` of a device with three (3EM) are the phases of one supply and are added, unless one is named.

use super::http::Client;
use super::probe::Refusal;
use crate::reading::NoData;
use crate::units::{Joules, Watts};
use serde_json::Value;

/// No socket carries more: 16 A at 240 V, three times over for three phases.
const SOCKET: Watts = Watts(12_000.0);

/// Three clamps of 120 A at 277 V, the largest that the maker sells.
const CEILING: Watts = Watts(100_000.0);

const WATT_HOUR: Joules = Joules(3600.0);
const WATT_MINUTE: Joules = Joules(60.0);

/// What an answer calls its errors.
const ERRORS: &str = "errors";

/// One phase of a meter with three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The first.
    A,
    /// The second.
    B,
    /// The third.
    C,
}

impl Phase {
    /// All of them.
    pub const ALL: [Phase; 3] = [Phase::A, Phase::B, Phase::C];

    /// The phase of a word.
    pub fn named(word: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.letter() == word)
    }

    /// Its letter, as the device has it.
    pub fn letter(self) -> &'static str {
        match self {
            Phase::A => "a",
            Phase::B => "b",
            Phase::C => "c",
        }
    }
}

/// How a device is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Dialect {
    /// `/rpc/COMPONENT.GetStatus` of one circuit: the component, and what it calls its power.
    Rpc(&'static str, &'static str),
    /// `/rpc/EM.GetStatus`, three phases.
    ThreePhases,
    /// `/status`, place in the list of this name, and what its energy counts.
    Status(&'static str, Joules),
    /// `/status`, the three `emeters` of one supply.
    Emeters,
}

impl Dialect {
    /// The dialects of a generation, in the order in which they are tried.
    pub(super) fn of(generation: u64, is_three_phases: bool) -> &'static [Dialect] {
        match (generation, is_three_phases) {
            (1, true) => &[Dialect::Emeters],
            (1, false) => &[Dialect::Status("meters", WATT_MINUTE), Dialect::Status("emeters", WATT_HOUR)],
            (_, true) => &[Dialect::ThreePhases],
            _ => &[
                Dialect::Rpc("Switch", "apower"),
                Dialect::Rpc("PM1", "apower"),
                Dialect::ThreePhases,
                Dialect::Rpc("EM1", "act_power"),
            ],
        }
    }
}

/// Which part of a device is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) id: u8,
    pub(super) phase: Option<Phase>,
    pub(super) dialect: Dialect,
}

/// What one answer holds.
pub(super) struct Answer {
    pub(super) watts: Watts,
    /// Energy since some start of its own; none where the device counts none.
    pub(super) total: Option<Joules>,
}

/// The answer of `path` as JSON.
pub(super) fn ask(client: &mut Client, path: &str) -> Result<Value, Refusal> {
    let answer = client.get(path)?;
    let place = client.place(path);
    let wrong = |why: String| Refusal::new(NoData::Implausible, format!("{place}: {why}"));
    answer.json().map_err(wrong)?.ok_or_else(|| wrong("no JSON".into()))
}

impl Part {
    /// What people call it.
    pub(super) fn name(&self) -> String {
        let id = self.id;
        match (self.dialect, self.phase) {
            (Dialect::Rpc("Switch", _), _) | (Dialect::Status("meters", _), _) => format!("switch {id}"),
            (Dialect::ThreePhases | Dialect::Emeters, None) => "all three phases".to_owned(),
            (_, Some(phase)) => format!("phase {}", phase.letter()),
            _ => format!("meter {id}"),
        }
    }

    /// The most that can go through it.
    pub(super) fn ceiling(&self) -> Watts {
        let is_socket = matches!(self.dialect, Dialect::Rpc(_, "apower") | Dialect::Status("meters", _));
        if is_socket { SOCKET } else { CEILING }
    }

    fn path(&self) -> String {
        let id = self.id;
        match self.dialect {
            Dialect::Rpc(component, _) => format!("/rpc/{component}.GetStatus?id={id}"),
            Dialect::ThreePhases => format!("/rpc/EM.GetStatus?id={id}"),
            Dialect::Status(..) | Dialect::Emeters => "/status".to_owned(),
        }
    }

    /// Asks once; an error is of a device that does not know the part, or does not answer.
    pub(super) fn status(&self, client: &mut Client) -> Result<Value, Refusal> {
        ask(client, &self.path())
    }

    /// What stands in a status.
    pub(super) fn answer(&self, client: &Client, status: &Value) -> Result<Answer, Refusal> {
        let found = match self.dialect {
            Dialect::Rpc(_, power) => circuit(status, power, WATT_HOUR),
            Dialect::ThreePhases => three_phases(status, self.phase),
            Dialect::Status(list, unit) => listed(status, list, self.id, unit),
            Dialect::Emeters => emeters(status, self.phase),
        };
        found.map_err(|(cause, why)| Refusal::new(cause, format!("{}: {why}", client.place(&self.path()))))
    }
}

type Found<T> = Result<T, (NoData, String)>;

/// One circuit: a switch, or a meter with one clamp.
fn circuit(fields: &Value, power: &str, unit: Joules) -> Found<Answer> {
    let total = |place: &str| fields.pointer(place).and_then(Value::as_f64);
    let total = total("/aenergy/total").or_else(|| total("/total")).filter(|total| *total >= 0.0);
    if fields.get("output").and_then(Value::as_bool) == Some(false) {
        return Err((NoData::Off, "it is switched off".into()));
    }
    errors(fields, ERRORS, "")?;
    Ok(Answer { watts: watts(fields, power, "")?, total: total.map(|total| unit * total) })
}

/// An entry of a list of the first generation.
fn listed(status: &Value, list: &str, id: u8, unit: Joules) -> Found<Answer> {
    let Some(fields) = status.pointer(&format!("/{list}/{id}")) else {
        return Err((NoData::NotSupported, "it has no such meter".into()));
    };
    if status.pointer(&format!("/relays/{id}/ison")).and_then(Value::as_bool) == Some(false) {
        return Err((NoData::Off, "it is switched off".into()));
    }
    valid(fields, "its reading")?;
    circuit(fields, "power", unit)
}

fn valid(fields: &Value, what: &str) -> Found<()> {
    match fields.get("is_valid").and_then(Value::as_bool) {
        Some(false) => Err((NoData::MeterError, format!("it says itself that {what} is not valid"))),
        _ => Ok(()),
    }
}

/// Three phases of the second generation: one, or their sum, of which none may feed back.
fn three_phases(status: &Value, phase: Option<Phase>) -> Found<Answer> {
    errors(status, ERRORS, "")?;
    let of = |phase: Phase| {
        let (letter, of) = (phase.letter(), format!(" of phase {}", phase.letter()));
        errors(status, &format!("{letter}_{ERRORS}"), &of)?;
        watts(status, &format!("{letter}_act_power"), &of)
    };
    let watts = match phase {
        Some(phase) => of(phase)?,
        None => {
            Phase::ALL.into_iter().try_for_each(|phase| of(phase).map(|_| ()))?;
            watts(status, "total_act_power", "")?
        }
    };
    Ok(Answer { watts, total: None })
}

/// The three `emeters` of the first generation: one, or their sum.
fn emeters(status: &Value, phase: Option<Phase>) -> Found<Answer> {
    let of = |index: usize, phase: Phase| {
        let name = format!(" of phase {} (emeters[{index}])", phase.letter());
        let Some(fields) = status.pointer(&format!("/emeters/{index}")) else { return Ok(Err(name)) };
        if valid(fields, &format!("the reading{name}")).is_err() {
            return Ok(Err(format!("{name}, which says itself that it is not valid")));
        }
        let total = fields.get("total").and_then(Value::as_f64).filter(|total| *total >= 0.0);
        let watts = watts(fields, "power", &name)?;
        Ok::<_, (NoData, String)>(Ok(Answer { watts, total: total.map(|total| WATT_HOUR * total) }))
    };
    let wanted = Phase::ALL.into_iter().enumerate().filter(|(_, one)| phase.is_none_or(|phase| phase == *one));
    let mut sum = Answer { watts: Watts::ZERO, total: Some(Joules::ZERO) };
    let mut missing = Vec::new();
    for (index, phase) in wanted {
        match of(index, phase)? {
            Ok(one) => {
                sum.watts += one.watts;
                sum.total = sum.total.and_then(|total| Some(total + one.total?));
            }
            Err(name) => missing.push(name),
        }
    }
    match missing.as_slice() {
        [] => Ok(sum),
        missing => {
            Err((NoData::MeterError, format!("there is no power{}; without it there is no sum", missing.join(" and"))))
        }
    }
}

/// What a device says of its troubles.
fn errors(fields: &Value, key: &str, of: &str) -> Found<()> {
    match fields.get(key).and_then(Value::as_array).filter(|errors| !errors.is_empty()) {
        Some(errors) => {
            let said: Vec<String> =
                errors.iter().map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned)).collect();
            Err((NoData::MeterError, format!("it reports an error{of}: {}", said.join(", "))))
        }
        None => Ok(()),
    }
}

fn watts(fields: &Value, key: &str, of: &str) -> Found<Watts> {
    let Some(value) = fields.get(key) else {
        return Err((NoData::NotSupported, format!("it does not meter{of} ({key})")));
    };
    match value.as_f64() {
        Some(watts) if watts < 0.0 => Err((
            NoData::Negative,
            format!("its power{of} is {watts} W: turn the clamp around, or exchange the wires of the socket"),
        )),
        Some(watts) if watts.is_finite() && watts <= CEILING.0 => Ok(Watts(watts)),
        _ => Err((NoData::Implausible, format!("its power{of} is none: {value}"))),
    }
}
