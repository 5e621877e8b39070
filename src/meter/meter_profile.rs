//! Profiles of meters: how a kind of device is asked, as a TOML file. Those that come with the program are in
//! `profiles/meters/`, and a user's own is named by its path.
//!
//! ```toml
//! url = "http://{host}/cm?cmnd=Status%208"     # or: command = "..."
//! pointer = "/StatusSNS/ENERGY/Power"          # or a list of them
//! parameters = ["host"]                        # to be given: profile:NAME,host=10.0.0.7
//! [defaults]                                   # parameters that may be given
//! [settings]                                   # the keys of `settings`, which may be given too
//! unit = "W"
//! ```
//!
//! In a URL a parameter stands in braces and is written so that it cannot end its place; a command finds it in its
//! environment under its name, so that no value is ever a part of the command; and as `period_s` how often it is to print.

use super::Address;
use super::address::NO_PASSWORD;
use super::doors::{Exec, Web};
use super::settings::{self, Settings};
use crate::profile::METERS;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use toml::Table;

/// Largest profile that is read.
const MAX_BYTES: u64 = 64 << 10;

/// The keys of a file.
const KEYS: [&str; 6] = ["url", "command", "pointer", "parameters", "defaults", "settings"];

/// One pointer or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Pointers {
    One(String),
    Several(Vec<String>),
}

/// A file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: Option<String>,
    command: Option<String>,
    pointer: Option<Pointers>,
    #[serde(default)]
    parameters: Vec<String>,
    #[serde(default)]
    defaults: BTreeMap<String, String>,
    #[serde(default)]
    settings: Table,
}

/// The meter of a shipped name or a file, with parameters and keys from the command line.
///
/// # Errors
/// The file and what is wrong with it, a parameter that is missing or not known.
pub(super) fn address(name_or_path: &str, given: &[(&str, &str)]) -> Result<Address, String> {
    let text = text_of(name_or_path)?;
    let wrong = |why: String| format!("{name_or_path}: {why}");
    let file = parse(&text).map_err(wrong)?;
    let mut parameters = file.defaults.clone();
    let mut keys = file.settings.clone();
    for &(key, value) in given {
        let name = key.to_owned();
        if file.parameters.contains(&name) || file.defaults.contains_key(key) {
            parameters.insert(name, value.to_owned());
        } else if settings::KEYS.iter().any(|(known, _)| *known == key) {
            keys.insert(name, settings::value_of(key, value));
        } else {
            let parameters: Vec<&str> =
                file.parameters.iter().chain(file.defaults.keys()).map(String::as_str).collect();
            let known: Vec<&str> = settings::KEYS.iter().map(|(known, _)| *known).collect();
            let (parameters, known) = (parameters.join(", "), known.join(", "));
            return Err(wrong(format!("`{key}` is none of its parameters ({parameters}) and no key ({known})")));
        }
    }
    let is_missing = |name: &&String| parameters.get(*name).is_none_or(String::is_empty);
    if let Some(missing) = file.parameters.iter().find(is_missing) {
        return Err(wrong(format!("say {missing}=VALUE: profile:{name_or_path},{missing}=VALUE")));
    }
    meter(&file, &parameters, keys, &called(name_or_path)).map_err(wrong)
}

/// What the sources of a profile are called: by a file of the user's own, never what another source is.
fn called(name_or_path: &str) -> String {
    if METERS.iter().any(|shipped| shipped.name == name_or_path) {
        return name_or_path.to_owned();
    }
    let stem = Path::new(name_or_path).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    format!("profile-{}", stem.chars().map(plain).collect::<String>())
}

/// Whether a text is a good profile, whatever its parameters will be.
///
/// # Errors
/// What is wrong with it.
pub fn check(name_or_path: &str) -> Result<(), String> {
    let wrong = |why: String| format!("{name_or_path}: {why}");
    let file = parse(&text_of(name_or_path)?).map_err(wrong)?;
    // It is good as a host, as a port and in a path.
    let stand_ins = file.parameters.iter().map(|name| (name.clone(), "1".to_owned()));
    let parameters = file.defaults.clone().into_iter().chain(stand_ins).collect();
    meter(&file, &parameters, file.settings.clone(), "x").map(|_| ()).map_err(wrong)
}

/// The text of a shipped profile or a file.
///
/// # Errors
/// A file that cannot be read.
pub fn text_of(name_or_path: &str) -> Result<String, String> {
    if let Some(shipped) = METERS.iter().find(|shipped| shipped.name == name_or_path) {
        return Ok(shipped.text.to_owned());
    }
    let path = Path::new(name_or_path);
    if !path.is_file() {
        let names: Vec<&str> = METERS.iter().map(|shipped| shipped.name).collect();
        return Err(format!("`{name_or_path}` is no file and no profile of a meter; shipped: {}", names.join(", ")));
    }
    let mut text = String::new();
    let opened = std::fs::File::open(path).map_err(|error| format!("{name_or_path}: {error}"))?;
    opened.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| format!("{name_or_path}: {error}"))?;
    if text.len() as u64 > MAX_BYTES { Err(format!("{name_or_path}: more than {MAX_BYTES} bytes")) } else { Ok(text) }
}

fn parse(text: &str) -> Result<File, String> {
    let at = |error: &toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        1 + text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count()
    };
    let line = |error: toml::de::Error| format!("line {}: {}", at(&error), error.message().replace('\n', " "));
    let table: Table = text.parse().map_err(line)?;
    if let Some(unknown) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("`{unknown}` is no key of a profile of a meter; there are {}", KEYS.join(", ")));
    }
    let file: File = toml::from_str(text).map_err(line)?;
    let is_name = |name: &&String| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if let Some(bad) = file.parameters.iter().chain(file.defaults.keys()).find(|name| !is_name(name)) {
        return Err(format!("parameter `{bad}`: its name is of a to z and _"));
    }
    let is_key = |name: &&String| settings::KEYS.iter().any(|(known, _)| known == name);
    if let Some(taken) = file.parameters.iter().chain(file.defaults.keys()).find(is_key) {
        return Err(format!("parameter `{taken}`: a setting has this name; give it another"));
    }
    if let Some(taken) = file.parameters.iter().find(|name| file.defaults.contains_key(*name)) {
        return Err(format!(
            "parameter `{taken}`: it has a default, so it need not be given; name it in one of the two"
        ));
    }
    Ok(file)
}

fn meter(file: &File, parameters: &BTreeMap<String, String>, keys: Table, name: &str) -> Result<Address, String> {
    let settings = Settings::of(keys)?;
    let profile = Some(name.to_owned());
    match (&file.url, &file.command, &file.pointer) {
        (Some(url), None, pointer) => {
            let (scheme, rest) = url.split_once("://").ok_or("url: it begins with http:// or https://")?;
            let is_secure = match scheme {
                "http" => false,
                "https" => true,
                other => return Err(format!("url: `{other}` is neither http nor https")),
            };
            let pointers = match pointer {
                Some(Pointers::One(one)) => vec![one.clone()],
                Some(Pointers::Several(several)) if !several.is_empty() => several.clone(),
                _ => vec![String::new()],
            };
            let web = Web::with(is_secure, &filled(rest, parameters)?, pointers, settings)?;
            Ok(Address::Web(Web { profile, ..web }))
        }
        (None, Some(command), None) => {
            let given = parameters.iter().map(|(name, value)| (name.clone(), value.clone()));
            let period = ("period_s".to_owned(), settings.period.0.to_string());
            let variables = given.chain([period]).collect();
            let exec = Exec::with(command, variables, settings)?;
            Ok(Address::Exec(Exec { profile, ..exec }))
        }
        (None, Some(_), Some(_)) => Err("pointer: a program prints numbers and has none".into()),
        _ => Err("it has either a url or a command".into()),
    }
}

/// The URL with its parameters: as they are in the name of the server, where nothing but one can stand, and elsewhere with
/// every character escaped that has a meaning there.
fn filled(url: &str, parameters: &BTreeMap<String, String>) -> Result<String, String> {
    let path_begins = url.find(['/', '?']).unwrap_or(url.len());
    let (mut text, mut rest) = (String::new(), url);
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, after) = behind.split_once('}').ok_or("url: a brace is not closed")?;
        let value = parameters.get(name).ok_or_else(|| format!("url: `{name}` is none of its parameters"))?;
        text.push_str(before);
        let is_in_the_path = url.len() - behind.len() > path_begins;
        if is_in_the_path {
            text.push_str(&escaped(value));
        } else if value.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]%".contains(c)) {
            text.push_str(value);
        } else {
            return Err(if value.contains('@') {
                format!("{name}: {NO_PASSWORD}; the user is user=NAME")
            } else {
                format!("{name}: `{value}` is no host")
            });
        }
        rest = after;
    }
    text.push_str(rest);
    Ok(text)
}

fn escaped(value: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(escape).collect()
}
