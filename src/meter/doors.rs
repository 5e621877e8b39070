//! The doors for meters that nothing here knows: a program, a web server, a profile of either, a sum.
//!
//! | address | is |
//! |---|---|
//! | `exec:COMMAND`, `exec,KEY=VALUE,...:COMMAND` | a program that prints a number a line ([`super::exec`]) |
//! | `http://HOST[:PORT]/PATH#/POINTER&KEY=VALUE...`, `https://...` | a number on a web server ([`super::web`]) |
//! | `profile:NAME\|FILE,KEY=VALUE,...` | one of them, as a file describes it ([`super::meter_profile`]) |
//! | `sum:NAME,NAME...` | several sources of one boundary, added ([`super::sum`]) |
//!
//! The keys are those of [`super::settings`]. What stands behind `#` is never sent. In a key or a pointer there `%26` stands
//! for `&` and `%25` for `%`.

use super::address::{NO_PASSWORD, host_and_port};
use super::http::Server;
use super::pointer;
use super::settings::{Settings, Several, pairs_of, table_of};

/// A program that prints numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Exec {
    /// What the shell runs.
    pub command: String,
    /// What it finds in its environment.
    pub variables: Vec<(String, String)>,
    /// What its numbers are.
    pub settings: Settings,
    /// The profile by which it is asked, if any.
    pub profile: Option<String>,
}

/// A number on a web server.
#[derive(Clone, Debug, PartialEq)]
pub struct Web {
    /// Where it is.
    pub server: Server,
    /// Path and query.
    pub path: String,
    /// Where the numbers stand in the answer.
    pub pointers: Vec<String>,
    /// What they are.
    pub settings: Settings,
    /// The profile by which it is asked, if any.
    pub profile: Option<String>,
}

impl Exec {
    /// Of what stands behind `exec`: `:COMMAND` or `,KEY=VALUE,...:COMMAND`.
    pub(super) fn of(rest: &str) -> Result<Exec, String> {
        let (keys, command) = rest.split_once(':').ok_or("behind `exec` and its keys stands `:COMMAND`")?;
        let keys = keys.strip_prefix(',').unwrap_or(keys);
        let settings = Settings::of(table_of(keys.split(',').filter(|key| !key.is_empty()))?)?;
        Exec::with(command, Vec::new(), settings)
    }

    /// Checks that there is a command, and that no key is given that has no meaning for a program.
    pub(super) fn with(command: &str, variables: Vec<(String, String)>, settings: Settings) -> Result<Exec, String> {
        if command.trim().is_empty() || command.contains('\0') {
            return Err("it names no program".into());
        }
        let plain = Settings::default();
        let of_the_web = [
            ("several", settings.several != plain.several),
            ("unit_at", settings.unit_at.is_some()),
            ("time_at", settings.time_at.is_some()),
            ("user, password_env, token_env and certificate", settings.access != plain.access),
            ("timeout_s", settings.timeout != plain.timeout),
        ];
        match of_the_web.iter().find(|(_, is_given)| *is_given) {
            Some((key, _)) => Err(format!("{key}: a program has no use for it")),
            None => Ok(Exec { command: command.to_owned(), variables, settings, profile: None }),
        }
    }
}

impl Exec {
    /// What its profile was given beside the period: it says which number is read.
    pub(super) fn parameters(&self) -> Vec<&(String, String)> {
        self.variables.iter().filter(|(name, _)| name != "period_s").collect()
    }
}

impl Web {
    /// Of `https://HOST/PATH#...`, by its scheme and what stands behind it.
    pub(super) fn of(is_secure: bool, rest: &str) -> Result<Web, String> {
        let (url, fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let parts: Vec<String> = fragment.split('&').filter(|part| !part.is_empty()).map(decoded).collect();
        let (pointers, keys): (Vec<String>, Vec<String>) = parts.into_iter().partition(|part| part.starts_with('/'));
        let pointers = if pointers.is_empty() { vec![String::new()] } else { pointers };
        Web::with(is_secure, url, pointers, Settings::of(table_of(keys.iter().map(String::as_str))?)?)
    }

    /// Checks that all of it can be asked for and understood.
    pub(super) fn with(is_secure: bool, url: &str, pointers: Vec<String>, settings: Settings) -> Result<Web, String> {
        let start = url.find(['/', '?']).unwrap_or(url.len());
        let (authority, path) = url.split_at(start);
        if authority.contains('@') {
            return Err(format!("{NO_PASSWORD}; the user is user=NAME"));
        }
        let (host, port) = host_and_port(authority, if is_secure { 443 } else { 80 })?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("its path holds white space; write %20".into());
        }
        let places = pointers.iter().chain(&settings.unit_at).chain(&settings.time_at);
        if let Some(bad) = places.into_iter().find(|place| !pointer::is_good(place)) {
            return Err(format!("`{bad}` is no JSON pointer: it begins with `/`"));
        }
        for (index, place) in pointers.iter().enumerate() {
            if let Some(other) = pointers[..index].iter().find(|other| pointer::meet(place, other)) {
                return Err(format!("`{other}` and `{place}` lead to the same number, which would be added twice"));
            }
        }
        if pointers.len() > 1 && settings.several == Several::Refuse {
            return Err("several pointers: say several=add to add what stands there, or name one".into());
        }
        if settings.unit.is_none() && settings.unit_at.is_none() {
            return Err("nobody says what its number is: say unit=W (or mW, kW, J, kJ, Wh, kWh), or where the answer \
                        does with unit_at=/POINTER"
                .into());
        }
        if settings.access.certificate.is_some() && !is_secure {
            return Err("certificate: only https:// has one".into());
        }
        Ok(Web { server: Server { is_secure, host, port }, path, pointers, settings, profile: None })
    }
}

/// The names of `sum:NAME,NAME...`.
pub(super) fn sum_of(rest: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = rest.split(',').map(|name| name.trim().to_owned()).collect();
    if names.len() < 2 || names.iter().any(String::is_empty) {
        return Err("a sum has two names or more: sum:NAME,NAME".into());
    }
    if let Some(again) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
        return Err(format!("`{}` stands in it twice", names[again]));
    }
    Ok(names)
}

/// `key=value` texts, in their order.
type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A name or file and its `key=value` texts, each as it was said.
pub(super) fn profile_of(rest: &str) -> Result<(&str, Pairs<'_>), String> {
    let mut parts = rest.split(',');
    let name = parts.next().filter(|name| !name.is_empty()).ok_or("it names no profile")?;
    Ok((name, pairs_of(parts.filter(|part| !part.is_empty()))?))
}

fn decoded(part: &str) -> String {
    part.replace("%26", "&").replace("%2F", "/").replace("%20", " ").replace("%23", "#").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::Boundary;

    #[test]
    fn a_program_may_hold_whatever_a_shell_takes() {
        let exec = Exec::of(r#",unit=mW,boundary=wall:awk -F: '{print $1,$2}' # x=1"#).expect("good");
        assert_eq!(exec.command, r#"awk -F: '{print $1,$2}' # x=1"#, "all behind the first colon");
        assert_eq!(exec.settings.boundary, Boundary::Wall, "and the keys before it");
        assert_eq!(Exec::of(":power").expect("good").settings, Settings::default(), "no keys");
        for (bad, part) in [(":", "no program"), (",unit=W", "COMMAND"), (",user=a:x", "no use"), (",x=1:y", "no key")]
        {
            assert!(Exec::of(bad).expect_err(bad).contains(part), "{bad}");
        }
    }

    #[test]
    fn a_web_server_is_asked_for_what_stands_before_the_hash() {
        let web = Web::of(true, "bmc:8443/a/b?c=d#/x/0&/y%26z&several=add&unit=kW").expect("good");
        assert_eq!(
            (web.server.host.as_str(), web.server.port, web.path.as_str()),
            ("bmc", 8443, "/a/b?c=d"),
            "the place"
        );
        assert_eq!(web.pointers, ["/x/0", "/y&z"], "the pointers");
        let text = Web::of(false, "[fd00::7]#unit=W").expect("good");
        assert_eq!((text.server.host.as_str(), text.path.as_str()), ("fd00::7", "/"), "an IPv6 host, its first page");
        for (bad, part) in [
            ("a/b#/x", "say unit=W"),
            ("a/b#/x&/y&unit=W", "several=add"),
            ("a/b#/x/0&/x/*&several=add&unit=W", "added twice"),
            ("u:secret@a/b#unit=W", "DAWNDUSK_METER_PASSWORD"),
            ("/b#unit=W", "no host"),
            ("a/b c#unit=W", "white space"),
            ("a#unit=W&certificate=x", "https"),
            ("a#unit=W&unit_at=x", "JSON pointer"),
        ] {
            assert!(Web::of(false, bad).expect_err(bad).contains(part), "{bad}");
        }
    }

    #[test]
    fn a_sum_names_two_or_more_and_none_twice() {
        assert_eq!(sum_of("http:0,exec:1").expect("good"), ["http:0", "exec:1"], "two names");
        assert!(sum_of("http:0").is_err() && sum_of("a,,b").is_err() && sum_of("a,a").is_err(), "what is none");
    }
}
