//! Sources that no search finds, since they are somewhere else: a plug, an analyser, a recording.
//!
//! | address | is |
//! |---|---|
//! | `shelly://HOST[:PORT][?id=N&phase=a]` | a Shelly plug, relay or clamp that meters ([`super::shelly`]); port 80, all phases |
//! | `ptd://HOST[:PORT]` | a PTDaemon of the user's own before an analyser ([`super::ptdaemon`]); port 8888 |
//! | `recorded://FILE[?boundary=NAME]` | energies from a file, replayed ([`super::recorded`]); never a measurement, and of what nobody states unless a boundary is named |
//! | `exec:...`, `http://...`, `https://...`, `profile:...`, `sum:...` | whatever else measures ([`super::doors`]) |
//!
//! An IPv6 host stands in brackets: `shelly://[fd00::7]:80`. No password stands in an address; where one does all the same, no
//! message repeats it.

use super::doors::{self, Exec, Web};
use super::meter_profile;
use super::shelly::Phase;
use crate::reading::Boundary;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a source is that has to be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Address {
    /// A Shelly device on the network.
    Shelly {
        /// Host name or number, without brackets.
        host: String,
        /// TCP port of its web server.
        port: u16,
        /// Which of its switches or meters; none where the device has one, or its phases are added.
        switch: Option<u8>,
        /// Which of the phases of a meter with three; none for all of them.
        phase: Option<Phase>,
    },
    /// A PTDaemon on the network.
    PtDaemon {
        /// Host name or number, without brackets.
        host: String,
        /// TCP port that it listens on.
        port: u16,
    },
    /// A recording.
    Recorded {
        /// The file.
        file: PathBuf,
        /// What its numbers are said to cover.
        boundary: Boundary,
    },
    /// A program that prints numbers.
    Exec(Exec),
    /// A number on a web server.
    Web(Web),
    /// Several sources of one boundary, by their names.
    Sum(Vec<String>),
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("meter `{text}`: {reason} (its form: {form})")]
pub struct AddressError {
    text: String,
    reason: String,
    form: &'static str,
}

/// What each kind of address looks like, by how it begins.
const FORMS: [(&str, &str); 8] = [
    ("shelly:", "shelly://HOST[:PORT][?id=N&phase=a]"),
    ("ptd:", "ptd://HOST[:PORT]"),
    ("recorded:", "recorded://FILE[?boundary=NAME]"),
    ("exec", "exec[,KEY=VALUE...]:COMMAND"),
    ("http:", "http://HOST[:PORT]/PATH#/POINTER&unit=W[&KEY=VALUE...]"),
    ("https:", "https://HOST[:PORT]/PATH#/POINTER&unit=W[&KEY=VALUE...]"),
    ("profile:", "profile:NAME[,KEY=VALUE...]"),
    ("sum:", "sum:NAME,NAME"),
];

/// The same where it begins like none of them.
const ANY_FORM: &str =
    "shelly://, ptd://, recorded://, http://, https://, exec:, profile: or sum:, and what is behind it";

/// What is said where a password stands in an address.
pub(super) const NO_PASSWORD: &str = "no user and no password stand in an address: put the password into the environment \
                                      variable DAWNDUSK_METER_PASSWORD";

impl AddressError {
    /// A password that stands where none should is not repeated.
    fn of(text: &str, mut reason: String) -> AddressError {
        let form = FORMS.iter().find(|(begin, _)| text.starts_with(begin)).map_or(ANY_FORM, |(_, form)| *form);
        let (text, secrets) = hidden(text);
        for secret in &secrets {
            let password = secret.split_once(':').map_or("", |(_, password)| password);
            for part in [secret.as_str(), password].into_iter().filter(|part| !part.is_empty()) {
                reason = reason.replace(part, "...");
            }
        }
        AddressError { text, reason, form }
    }
}

impl Address {
    /// What its sources are called, before the colon.
    pub fn kind(&self) -> &str {
        match self {
            Self::Shelly { .. } => "shelly",
            Self::PtDaemon { .. } => "ptd",
            Self::Recorded { .. } => "recorded",
            Self::Exec(exec) => exec.profile.as_deref().unwrap_or("exec"),
            Self::Web(web) => web.profile.as_deref().unwrap_or("http"),
            Self::Sum(_) => "sum",
        }
    }

    /// True for a text that must not be repeated, since a password stands in it, where none should.
    pub fn holds_a_password(text: &str) -> bool {
        !hidden(text).1.is_empty()
    }

    /// True for a text that is meant as an address, and not as the name of a source of this machine.
    pub fn is_meant_by(text: &str) -> bool {
        text.contains("://") || ["exec:", "exec,", "profile:", "sum:"].iter().any(|start| text.starts_with(start))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let wrong = |reason: String| AddressError::of(text, reason);
        if let Some(rest) = text.strip_prefix("exec").filter(|rest| rest.starts_with([':', ','])) {
            return Exec::of(rest).map(Address::Exec).map_err(wrong);
        }
        if let Some(rest) = text.strip_prefix("profile:") {
            let meter = doors::profile_of(rest).and_then(|(name, given)| meter_profile::address(name, &given));
            return meter.map_err(wrong);
        }
        if let Some(rest) = text.strip_prefix("sum:") {
            return doors::sum_of(rest).map(Address::Sum).map_err(wrong);
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no `://`".into()))?;
        if let "http" | "https" = scheme {
            return Web::of(scheme == "https", rest).map(Address::Web).map_err(wrong);
        }
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        classic(scheme, place, query).map_err(wrong)
    }
}

/// Keys under which people write a password.
const SECRET_KEYS: [&str; 6] = ["password", "passwd", "pass", "token", "secret", "key"];

/// A text without what may be a password in it, and what that was.
fn hidden(text: &str) -> (String, Vec<String>) {
    // A command may hold anything, and `@` is usual there.
    let end = if text.starts_with("exec") { text.find(':').unwrap_or(text.len()) } else { text.len() };
    let (told, command) = text.split_at(end);
    let mut secrets: Vec<&str> = Vec::new();
    if let Some((_, rest)) = told.split_once("://").filter(|(scheme, _)| *scheme != "recorded") {
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let is_torn =
            authority.rsplit_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()));
        // A password may hold what ends the name of a host.
        let place = if is_torn && !authority.contains(['@', ']']) { rest } else { authority };
        secrets.extend(place.rfind('@').map(|at| &place[..at]));
    }
    for (key, value) in told.split([',', '&', '?', '#']).filter_map(|pair| pair.split_once('=')) {
        if SECRET_KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)) {
            secrets.push(value);
        } else if told.starts_with("profile:") {
            secrets.extend(value.rfind('@').map(|at| &value[..at]));
        }
    }
    secrets.retain(|secret| !secret.is_empty());
    let shown = secrets.iter().fold(told.to_owned(), |shown, secret| shown.replace(secret, "..."));
    (shown + command, secrets.into_iter().map(str::to_owned).collect())
}

/// A plug, an analyser or a recording.
fn classic(scheme: &str, place: &str, query: Option<&str>) -> Result<Address, String> {
    let known: &[&str] = match scheme {
        "shelly" => &["id", "phase"],
        "recorded" => &["boundary"],
        _ => &[],
    };
    let pairs: Vec<(&str, &str)> = query
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .collect();
    let value = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
    let unknown = |scheme: &str| match pairs.iter().find(|(name, _)| !known.contains(name)) {
        Some(_) if known.is_empty() => Err("nothing is known after `?`".to_owned()),
        Some(_) => Err(format!("after `?` of {scheme} only {} is known", known.join("=..., ") + "=...")),
        None => Ok(()),
    };
    match scheme {
        "shelly" => {
            let (host, port) = host_and_port(place, 80)?;
            unknown(scheme)?;
            let switch = value("id").map(|id| id.parse().map_err(|_| "id is from 0 to 255")).transpose()?;
            let phase = value("phase").map(|name| Phase::named(name).ok_or("phase is a, b or c")).transpose()?;
            Ok(Address::Shelly { host, port, switch, phase })
        }
        "ptd" => {
            let (host, port) = host_and_port(place, 8888)?;
            unknown(scheme)?;
            Ok(Address::PtDaemon { host, port })
        }
        "recorded" if place.is_empty() => Err("it names no file".into()),
        "recorded" => {
            unknown(scheme)?;
            let boundary = match value("boundary") {
                None => Boundary::NotStated,
                Some(word) => Boundary::named(word).ok_or_else(|| {
                    let known: Vec<&str> = Boundary::WORDS.iter().map(|(word, _)| *word).collect();
                    format!("`{word}` is no boundary; it is one of {}", known.join(", "))
                })?,
            };
            Ok(Address::Recorded { file: place.into(), boundary })
        }
        other => Err(format!("`{other}` is no kind of meter")),
    }
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; a trailing slash is no part of it.
pub(super) fn host_and_port(place: &str, otherwise: u16) -> Result<(String, u16), String> {
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains('@') {
        return Err(NO_PASSWORD.into());
    }
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the bracket is not closed")?;
            (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) }))
        }
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    // What stands here goes into a request: no white space, no path.
    if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control() || c == '/') {
        return Err("it names no host".into());
    }
    let number = |port: &str| {
        // What is no number may be a part of a password.
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let said = if is_number { format!("port `{port}`") } else { "what stands behind the colon".to_owned() };
        port.parse().map_err(|_| format!("{said} is not 1 to 65535"))
    };
    let port = port.map_or(Ok(otherwise), number)?;
    if port == 0 { Err("port 0 is no port".into()) } else { Ok((host.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Address {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_kind_of_address_is_understood() {
        let shelly = |host: &str, port, switch, phase| Address::Shelly { host: host.into(), port, switch, phase };
        assert_eq!(parsed("shelly://plug.local"), shelly("plug.local", 80, None, None), "defaults");
        let all = shelly("10.0.0.7", 8080, Some(2), Some(Phase::B));
        assert_eq!(parsed("shelly://10.0.0.7:8080?id=2&phase=b"), all, "all of it");
        assert_eq!(parsed("shelly://[fd00::7]:81/"), shelly("fd00::7", 81, None, None), "an IPv6 host");
        assert_eq!(parsed("ptd://lab"), Address::PtDaemon { host: "lab".into(), port: 8888 }, "PTDaemon's port");
        let recorded = Address::Recorded { file: "/tmp/a.csv".into(), boundary: Boundary::Accelerator };
        assert_eq!(parsed("recorded:///tmp/a.csv?boundary=accelerator"), recorded, "an absolute path");
    }

    #[test]
    fn a_bad_address_names_itself_and_what_would_be_good() {
        for text in [
            "shelly://",
            "shelly://a b",
            "shelly://a:0",
            "shelly://a:x",
            "shelly://a?id=300",
            "shelly://a?no=1",
            "shelly://[::1",
            "shelly://[::1]x",
            "ptd://a?id=0",
            "recorded://",
            "recorded://a?boundary=moon",
            "shelly://a?phase=d",
            "http://a",
            "gopher://a",
            "exec:",
            "exec,unit=W",
            "sum:a",
            "profile:",
            "profile:no-such-profile,host=a",
            "profile:redfish",
            "profile:redfish,host=a,colour=red",
            "x",
        ] {
            let error = text.parse::<Address>().err().unwrap_or_else(|| panic!("{text} is no address")).to_string();
            let begins = text.split([':', ',']).next().filter(|begin| *begin != "x" && *begin != "gopher");
            let form = begins.unwrap_or("recorded://");
            assert!(
                error.contains(text) && error.split("(its form: ").nth(1).is_some_and(|s| s.contains(form)),
                "{error}"
            );
            assert!(error.len() < 300 + text.len() || text.contains("colour"), "short enough to be read: {error}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_never_repeated() {
        for text in [
            "http://me:hunter2@bmc/#unit=W",
            "https://me:hun/ter2@bmc/#unit=W",
            "shelly://admin:hunter2@bmc",
            "ptd://admin:hunter2@bmc:8888",
            "profile:redfish,host=root:hunter2@bmc",
            "profile:redfish,host=bmc,password=hunter2",
            "profile:redfish,host=bmc,port=hunter2@bmc",
            "http://bmc/#unit=W&password=hunter2",
            "shelly://bmc?password=hunter2",
            "exec,password=hunter2:bmc",
        ] {
            assert!(Address::holds_a_password(text), "{text}");
            let error = text.parse::<Address>().expect_err(text).to_string();
            assert!(
                !error.contains("ter2") && !error.contains("hun") && error.contains("bmc"),
                "it is not repeated: {error}"
            );
        }
        for text in ["recorded://a@b.csv", "http://bmc/a@b#unit=W", "exec:ssh me@bmc watts", "shelly://bmc"] {
            assert!(!Address::holds_a_password(text) && text.parse::<Address>().is_ok(), "{text} holds none");
        }
    }
}
