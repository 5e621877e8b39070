//! Sources that no search finds, since they are somewhere else: a plug, an analyser, a recording.
//!
//! | address | is |
//! |---|---|
//! | `shelly://HOST[:PORT][?id=N]` | a Shelly plug or relay that meters ([`super::shelly`]); port 80, switch 0 |
//! | `ptd://HOST[:PORT]` | a PTDaemon of the user's own before an analyser ([`super::ptdaemon`]); port 8888 |
//! | `recorded://FILE[?boundary=NAME]` | energies from a file, replayed ([`super::recorded`]); never a measurement |
//!
//! An IPv6 host stands in brackets: `shelly://[fd00::7]:80`.

use crate::reading::Boundary;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a source is that has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Shelly device on the network.
    Shelly {
        /// Host name or number, without brackets.
        host: String,
        /// TCP port of its web server.
        port: u16,
        /// Which of its switches.
        switch: u8,
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
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "meter `{text}`: {reason}; an address is shelly://HOST[:PORT][?id=0], ptd://HOST[:PORT] or \
     recorded://FILE[?boundary=wall|accelerator|module|cpu_package]"
)]
pub struct AddressError {
    text: String,
    reason: String,
}

impl Address {
    /// What its sources are called, before the colon.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Shelly { .. } => "shelly",
            Self::PtDaemon { .. } => "ptd",
            Self::Recorded { .. } => "recorded",
        }
    }

    /// True for a text that is meant as an address, and not as the name of a source of this machine.
    pub fn is_meant_by(text: &str) -> bool {
        text.contains("://")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Address, AddressError> {
        let wrong = |reason: String| AddressError { text: text.to_owned(), reason };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no `://`".into()))?;
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let value = |key: &str| -> Result<Option<&str>, AddressError> {
            match query.map(|query| query.split_once('=')) {
                None => Ok(None),
                Some(Some((name, value))) if name == key => Ok(Some(value)),
                Some(_) => Err(wrong(format!("after `?` only `{key}=...` is known"))),
            }
        };
        match scheme {
            "shelly" => {
                let (host, port) = host_and_port(place, 80).map_err(wrong)?;
                let switch = value("id")?.map_or(Ok(0), str::parse).map_err(|_| wrong("id is from 0 to 255".into()))?;
                Ok(Address::Shelly { host, port, switch })
            }
            "ptd" => {
                let (host, port) = host_and_port(place, 8888).map_err(wrong)?;
                match query {
                    None => Ok(Address::PtDaemon { host, port }),
                    Some(_) => Err(wrong("nothing is known after `?`".into())),
                }
            }
            "recorded" if place.is_empty() => Err(wrong("it names no file".into())),
            "recorded" => {
                let boundary = match value("boundary")? {
                    None => Boundary::Wall,
                    Some(word) => Boundary::named(word).ok_or_else(|| wrong(format!("`{word}` is no boundary")))?,
                };
                Ok(Address::Recorded { file: place.into(), boundary })
            }
            other => Err(wrong(format!("`{other}` is no kind of meter"))),
        }
    }
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`; a trailing slash is no part of it.
fn host_and_port(place: &str, otherwise: u16) -> Result<(String, u16), String> {
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
        let shelly = |host: &str, port, switch| Address::Shelly { host: host.into(), port, switch };
        assert_eq!(parsed("shelly://plug.local"), shelly("plug.local", 80, 0), "defaults");
        assert_eq!(parsed("shelly://10.0.0.7:8080?id=2"), shelly("10.0.0.7", 8080, 2), "all of it");
        assert_eq!(parsed("shelly://[fd00::7]:81/"), shelly("fd00::7", 81, 0), "an IPv6 host");
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
            "http://a",
            "x",
        ] {
            let error = text.parse::<Address>().err().unwrap_or_else(|| panic!("{text} is no address")).to_string();
            assert!(error.contains(text) && error.contains("ptd://HOST"), "{error}");
        }
    }
}
