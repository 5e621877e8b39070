//! Sources that no search finds, since they are somewhere else: a plug, an analyser, a recording.
//!
//! | address | is |
//! |---|---|
//! | `shelly://HOST[:PORT][?id=N]` | a Shelly plug or relay that meters ([`super::shelly`]); port 80, switch 0 |
//! | `ptd://HOST[:PORT]` | a PTDaemon of the user's own before an analyser ([`super::ptdaemon`]); port 8888 |
//! | `recorded://FILE[?boundary=NAME]` | energies from a file, replayed ([`super::recorded`]); never a measurement |
//! | `exec:...`, `http://...`, `https://...`, `profile:...`, `sum:...` | whatever else measures ([`super::doors`]) |
//!
//! An IPv6 host stands in brackets: `shelly://[fd00::7]:80`.

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
#[error(
    "meter `{text}`: {reason}; an address is shelly://HOST[:PORT][?id=0&phase=a], ptd://HOST[:PORT], \
     recorded://FILE[?boundary=wall|accelerator|module|cpu_package], exec[,KEY=VALUE]:COMMAND, \
     http[s]://HOST/PATH#/POINTER&unit=W, profile:NAME,host=HOST or sum:NAME,NAME"
)]
pub struct AddressError {
    text: String,
    reason: String,
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
        secret(text).is_some()
    }

    /// True for a text that is meant as an address, and not as the name of a source of this machine.
    pub fn is_meant_by(text: &str) -> bool {
        text.contains("://") || ["exec:", "exec,", "profile:", "sum:"].iter().any(|start| text.starts_with(start))
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        // A password that stands where none should is not repeated.
        let wrong = |reason: String| match secret(text) {
            Some((scheme, rest)) => AddressError { text: format!("{scheme}://...@{rest}"), reason },
            None => AddressError { text: text.to_owned(), reason },
        };
        if let Some(rest) = text.strip_prefix("exec").filter(|rest| rest.starts_with([':', ','])) {
            return Exec::of(rest).map(Address::Exec).map_err(wrong);
        }
        if let Some(rest) = text.strip_prefix("profile:") {
            let meter = doors::profile_of(rest).and_then(|(name, given)| meter_profile::address(name, given));
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

/// Scheme and rest of a text that holds a password, as an address must not.
fn secret(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once("://").filter(|(scheme, _)| scheme.starts_with("http"))?;
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    Some((scheme, &rest[rest[..authority].rfind('@')? + 1..]))
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
                None => Boundary::Wall,
                Some(word) => Boundary::named(word).ok_or_else(|| format!("`{word}` is no boundary"))?,
            };
            Ok(Address::Recorded { file: place.into(), boundary })
        }
        other => Err(format!("`{other}` is no kind of meter")),
    }
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; a trailing slash is no part of it.
pub(super) fn host_and_port(place: &str, otherwise: u16) -> Result<(String, u16), String> {
    let place = place.strip_suffix('/').unwrap_or(place);
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
    let port =
        port.map_or(Ok(otherwise), |port| port.parse().map_err(|_| format!("port `{port}` is not 1 to 65535")))?;
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
            assert!(error.contains(text) && error.contains("ptd://HOST"), "{error}");
        }
        let secret = "http://me:hunter2@bmc/#unit=W".parse::<Address>().expect_err("a password").to_string();
        assert!(!secret.contains("hunter2") && secret.contains("bmc"), "it is not repeated: {secret}");
    }
}
