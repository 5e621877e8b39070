//! What stands on the boards beside their power, and what it means for a measurement: a line each.
//!
//! | line | warns where |
//! |---|---|
//! | limit | it is not the one that the board starts with |
//! | partitions | the board is cut into instances: its power is that of all of them (NVIDIA's MIG) |
//! | other processes | some are on it: its power holds their work |
//! | persistence | the driver unloads between runs, and the energy counter starts anew |
//! | slowed by | something slows it down now; fails where that is heat or the supply |
//! | conditions | a clock or a temperature cannot be read for another reason than that the board has none |

use super::{Check, State};
use crate::meter::Probe;
use crate::meter::board::BoardFacts;
use crate::meter::throttle::Reason;
use crate::reading::NoData;
use crate::units::Watts;

/// A difference of limits that is only rounding.
const ROUNDING: Watts = Watts(0.5);

/// The lines of one source; none where it is no board, or its driver tells nothing.
pub(super) fn checks(probe: &Probe) -> Vec<Check> {
    let Some(facts) = probe.facts.as_deref() else { return Vec::new() };
    let line = |about: &str, (state, finding, remedy): Line| {
        let check = Check::new("board", format!("{} {about}", probe.name), state, finding);
        Check { remedy, ..check }
    };
    // What only NVIDIA's library is asked is not told of a board whose driver has no such thing.
    let told = |cause: Option<NoData>| cause != Some(NoData::NotSupported);
    let mut lines = vec![line("limit", limit(facts)), line("slowed by", slowed(facts))];
    if told(facts.is_partitioned.cause) {
        lines.push(line("partitions", partitions(facts)));
    }
    if told(facts.other_processes.cause) {
        lines.push(line("other processes", other_processes(facts)));
    }
    if told(facts.is_persistent.cause) {
        lines.push(line("persistence", persistence(facts)));
    }
    lines.push(line("conditions", conditions(facts)));
    lines
}

type Line = (State, String, Option<String>);

/// How bad it is that a value is missing: not at all where the board has no such thing.
fn state_of(cause: NoData) -> State {
    match cause {
        NoData::NotSupported => State::Pass,
        NoData::Lost | NoData::Timeout | NoData::Implausible => State::Fail,
        _ => State::Warn,
    }
}

fn limit(facts: &BoardFacts) -> Line {
    let range = match (facts.lowest_power_limit_w.value, facts.highest_power_limit_w.value) {
        (Some(low), Some(high)) => format!("; {low:.0} to {high:.0} can be set"),
        _ => String::new(),
    };
    match (facts.power_limit_w.known(), facts.default_power_limit_w.known()) {
        (Err(cause), _) => (state_of(cause), format!("no power limit: {cause}{range}"), None),
        (Ok(limit), Err(cause)) => (State::Pass, format!("{limit:.0}; the limit it starts with: {cause}{range}"), None),
        (Ok(limit), Ok(default)) if (limit.0 - default.0).abs() > ROUNDING.0 => (
            State::Warn,
            format!(
                "{limit:.0}, and {default:.0} is what it starts with{range}: full load is not what the board can do"
            ),
            Some(format!("as root: nvidia-smi -i {} -pl {:.0}", facts.id, default.0)).filter(|_| is_nvidia(facts)),
        ),
        (Ok(limit), Ok(_)) => (State::Pass, format!("{limit:.0}, as it starts with{range}"), None),
    }
}

fn slowed(facts: &BoardFacts) -> Line {
    match facts.slowed_by.known() {
        Err(cause) => untold("what slows it down", cause),
        Ok(reasons) if reasons.is_empty() => (State::Pass, "nothing slows it down now".into(), None),
        Ok(reasons) => {
            let said = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let is_harmless = reasons.iter().all(|reason| matches!(reason, Reason::PowerCap | Reason::Sync));
            match is_harmless {
                true => (State::Warn, format!("now: {said}"), Some("see that nothing else loads the board".into())),
                false => (
                    State::Fail,
                    format!("now: {said}; a result of such a window is not ranked"),
                    Some("let the board cool, look after its fans and its supply".into()),
                ),
            }
        }
    }
}

/// A line on what cannot be told.
fn untold(what: &str, cause: NoData) -> Line {
    (state_of(cause), format!("{what} cannot be told: {cause}"), None)
}

fn partitions(facts: &BoardFacts) -> Line {
    match facts.is_partitioned.known() {
        Err(cause) => untold("whether the board is cut into instances", cause),
        Ok(false) => (State::Pass, "none: the power is that of one device".into(), None),
        Ok(true) => (
            State::Warn,
            "MIG is on: the power is that of the whole board, with what all instances of it draw".into(),
            Some(format!("as root: nvidia-smi -i {} -mig 0; or see that no other instance works", facts.id)),
        ),
    }
}

fn other_processes(facts: &BoardFacts) -> Line {
    match facts.other_processes.known() {
        Err(cause) => untold("who else uses the board", cause),
        Ok(others) if others.is_empty() => (State::Pass, "no other process is on the board".into(), None),
        Ok(others) => {
            let numbers = others.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let noun = if others.len() == 1 { "process is" } else { "processes are" };
            (
                State::Warn,
                format!("{} other {noun} on the board ({numbers}): its power holds their work too", others.len()),
                Some("end them, or wait; inside a container this program may be listed by its number outside".into()),
            )
        }
    }
}

fn persistence(facts: &BoardFacts) -> Line {
    match facts.is_persistent.known() {
        Err(cause) => untold("whether the driver stays loaded", cause),
        Ok(true) => (State::Pass, "the driver stays loaded".into(), None),
        Ok(false) => (
            State::Warn,
            "the driver unloads when nobody uses the board: it starts slowly, and its energy counter anew".into(),
            Some(format!("as root: nvidia-smi -i {} -pm 1, or start nvidia-persistenced", facts.id)),
        ),
    }
}

/// Clocks, temperatures and powers, each with its cause where it is missing.
fn conditions(facts: &BoardFacts) -> Line {
    let said = facts.conditions();
    let state = said.iter().filter_map(|(_, cause)| cause.map(state_of)).max().unwrap_or(State::Pass);
    let texts: Vec<String> = said.into_iter().map(|(text, _)| text).collect();
    let remedy = "look into the kernel's log for the board (NVIDIA: dmesg | grep -i xid), and reset it";
    (state, texts.join(", "), (state == State::Fail).then(|| remedy.to_owned()))
}

fn is_nvidia(facts: &BoardFacts) -> bool {
    facts.id.starts_with("GPU-")
}
