//! Asking a meter's web server, one question at a time, each with one deadline for all of it. No redirect is followed: whatever
//! stands in an answer, only the named host is ever spoken to.
//!
//! | what happens | cause |
//! |---|---|
//! | no answer in time | [`NoData::Timeout`] |
//! | 429 or 503: it is asked too often, or is busy | [`NoData::Busy`], and it is left alone for as long as it asks for |
//! | 401 or 403 | [`NoData::NoPermission`], with what [`super::access`] makes of it |
//! | another status of 5xx | [`NoData::MeterError`]: it has an error of its own |
//! | another status | [`NoData::NotSupported`] |
//! | nobody there, or it hangs up in the middle | [`NoData::Lost`] |
//! | what is no HTTP, not encrypted behind `https`, no text, longer than [`ANSWER_MAX`], or cut by its own announced length | [`NoData::Implausible`] |

use super::access::{Access, AccessSettings};
use super::probe::Refusal;
use super::trust;
use crate::reading::NoData;
use std::error::Error;
use std::io::{self, ErrorKind, Read};
use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Whether the connection is encrypted.
    pub is_secure: bool,
    /// Host name or number, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// The longest answer that is read. A page for Prometheus has some hundreds of kilobytes, one of a large machine a few
/// megabytes; docs/meters.md names it.
const ANSWER_MAX: usize = 4 << 20;

/// A server that is left alone for as long as it asks for, but no longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// One that says it is busy and not for how long is left alone for this.
const USUAL_PAUSE: Duration = Duration::from_secs(2);

/// A web server to ask.
pub(super) struct Client {
    agent: ureq::Agent,
    server: Server,
    access: Access,
    busy_until: Option<Instant>,
}

/// What it answered.
pub(super) struct Answer {
    pub(super) body: String,
    announced: Option<usize>,
}

impl Answer {
    /// The answer as JSON; none where it is other text.
    ///
    /// # Errors
    /// JSON that was cut in the middle.
    pub(super) fn json(&self) -> Result<Option<serde_json::Value>, String> {
        match serde_json::from_str(&self.body) {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_eof() && self.body.trim_start().starts_with(['{', '[']) => {
                Err(match self.announced {
                    Some(length) => {
                        format!(
                            "its answer stops in the middle of its JSON: it announced {length} bytes (Content-Length), too few"
                        )
                    }
                    None => "its answer stops in the middle of its JSON".into(),
                })
            }
            Err(_) => Ok(None),
        }
    }
}

impl Client {
    /// A client of `server` that waits for `timeout` at most.
    ///
    /// # Errors
    /// A password that is not in the environment, a certificate that cannot be read.
    pub(super) fn new(server: &Server, access: &AccessSettings, timeout: Duration) -> Result<Client, Refusal> {
        let place = (server.host.clone(), server.port);
        let mut builder = ureq::AgentBuilder::new()
            .resolver(move |_: &str| place.to_socket_addrs().map(Iterator::collect))
            .timeout(timeout)
            .redirects(0)
            .try_proxy_from_env(false);
        if let Some(file) = access.certificate.as_ref().filter(|_| server.is_secure) {
            builder = builder.tls_config(trust::only(file)?);
        }
        Ok(Client { agent: builder.build(), server: server.clone(), access: Access::of(access)?, busy_until: None })
    }

    /// What people call `path`: host, port and path, without what is asked there.
    pub(super) fn place(&self, path: &str) -> String {
        format!("{}:{}{}", self.server.host, self.server.port, path.split('?').next().unwrap_or(path))
    }

    /// The body of `path`.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn get(&mut self, path: &str) -> Result<Answer, Refusal> {
        let Server { is_secure, host, port } = &self.server;
        let where_ = self.place(path);
        let wrong = |cause, what: &str| Refusal::new(cause, format!("{where_}: {what}"));
        if self.busy_until.is_some_and(|until| Instant::now() < until) {
            return Err(wrong(NoData::Busy, "it asked for a pause"));
        }
        // The zone of an IPv6 address is for the resolver, and no part of a URL.
        let name = host.split('%').next().unwrap_or(host);
        let name = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        let url = format!("{}://{name}:{port}{path}", if *is_secure { "https" } else { "http" });
        for attempt in 0..2 {
            let mut request = self.agent.get(&url).set("Accept", "application/json, text/plain;q=0.9, */*;q=0.1");
            // A handshake a second is work for a small device; a connection without one costs nothing.
            if !is_secure {
                request = request.set("Connection", "close");
            }
            let login = self.access.header(path);
            let has_logged_in = login.is_some();
            if let Some(header) = login {
                request = request.set("Authorization", &header);
            }
            let answer = match request.call() {
                Ok(answer) | Err(ureq::Error::Status(_, answer)) => answer,
                Err(ureq::Error::Transport(error)) => return Err(refusal(&error, wrong)),
            };
            match (answer.status(), answer.status_text()) {
                (200, _) => return body(answer, wrong),
                (status @ (401 | 403), _) => {
                    let challenges = answer.all("WWW-Authenticate");
                    if status == 401 && self.access.is_asked(&challenges, attempt > 0, *is_secure) {
                        continue;
                    }
                    let refusal = self.access.refusal(status, &challenges, has_logged_in);
                    return Err(Refusal { detail: format!("{where_}: {}", refusal.detail), ..refusal });
                }
                (code @ (429 | 503), text) => {
                    let seconds = answer.header("Retry-After").and_then(|text| text.trim().parse().ok());
                    let pause = seconds.map_or(USUAL_PAUSE, Duration::from_secs).min(LONGEST_PAUSE);
                    self.busy_until = Some(Instant::now() + pause);
                    let why = if code == 429 { "it is asked too often" } else { "it is busy" };
                    return Err(wrong(NoData::Busy, &format!("{why}: HTTP {code} {text}"))
                        .with_remedy("let no other program ask it, or ask it less often with period_s=SECONDS"));
                }
                (code @ 300..=399, text) => {
                    let place: String = answer.header("Location").unwrap_or("nowhere").chars().take(200).collect();
                    return Err(wrong(NoData::NotSupported, &format!("HTTP {code} {text}: it points to {place}"))
                        .with_remedy(
                            "only the server that is named is asked: name that place, if it is the same device",
                        ));
                }
                (code @ 500..=599, text) => return Err(wrong(NoData::MeterError, &format!("HTTP {code} {text}"))),
                (code, text) => return Err(wrong(NoData::NotSupported, &format!("HTTP {code} {text}"))),
            }
        }
        Err(wrong(NoData::NoPermission, "it asks for a password again and again"))
    }
}

/// All of an answer, up to a bound.
fn body(answer: ureq::Response, wrong: impl Fn(NoData, &str) -> Refusal) -> Result<Answer, Refusal> {
    let is_chunked = answer.header("Transfer-Encoding").is_some();
    let length = answer.header("Content-Length").filter(|_| !is_chunked).map(str::to_owned);
    let announced = match length.as_deref().map(|text| text.trim().parse::<usize>()) {
        Some(Ok(length)) => Some(length),
        Some(Err(_)) => {
            let said: String = length.unwrap_or_default().chars().take(40).collect();
            return Err(wrong(NoData::Implausible, &format!("its Content-Length `{said}` is no length")));
        }
        None => None,
    };
    let mut bytes = Vec::new();
    let read = answer.into_reader().take(ANSWER_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| match (error.kind(), announced) {
        (ErrorKind::TimedOut | ErrorKind::WouldBlock, Some(length)) if !bytes.is_empty() => {
            let came = bytes.len();
            wrong(
                NoData::Timeout,
                &format!("{came} bytes of the {length} that it announced (Content-Length) came in time"),
            )
        }
        (ErrorKind::TimedOut | ErrorKind::WouldBlock, _) => wrong(NoData::Timeout, "no answer in time"),
        (_, Some(length)) => {
            let came = bytes.len();
            wrong(
                NoData::Lost,
                &format!("it hung up after {came} bytes of the {length} that it announced (Content-Length)"),
            )
        }
        _ => wrong(NoData::Lost, &format!("it hung up in the middle of its answer: {error}")),
    })?;
    if bytes.len() > ANSWER_MAX {
        let most = ANSWER_MAX >> 20;
        return Err(wrong(
            NoData::Implausible,
            &format!("its answer is longer than {most} MiB, which is the most that is read"),
        )
        .with_remedy("name a page that shows less"));
    }
    let body = text_of(bytes).ok_or_else(|| wrong(NoData::Implausible, "what it says is no text"))?;
    Ok(Answer { body, announced })
}

/// UTF-8, or else Latin-1, in which older devices write and every byte but 0 may stand. Both write numbers alike.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) if error.as_bytes().contains(&0) => None,
        Err(error) => Some(error.as_bytes().iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// Why there was no answer with a status, or none that is HTTP.
fn refusal(error: &ureq::Transport, wrong: impl Fn(NoData, &str) -> Refusal) -> Refusal {
    if let Some(why) = trust::refused(error) {
        return wrong(NoData::NoPermission, &format!("its certificate is not trusted: {why}"))
            .with_remedy("name its certificate, or the one that signed it, with certificate=FILE");
    }
    if trust::is_not_encrypted(error) {
        return wrong(NoData::Implausible, "its answer is not encrypted: nothing there speaks https")
            .with_remedy("say http:// in place of https://, or name the port for https");
    }
    match (error.kind(), io_kind(error)) {
        (_, Some(ErrorKind::TimedOut | ErrorKind::WouldBlock)) => wrong(NoData::Timeout, "no answer in time"),
        (ureq::ErrorKind::BadStatus | ureq::ErrorKind::BadHeader, _)
        // The end or 100 kB before the end of a line.
        | (ureq::ErrorKind::Io, Some(ErrorKind::ConnectionAborted | ErrorKind::InvalidInput | ErrorKind::Other)) => {
            wrong(NoData::Implausible, &format!("no answer of a web server: {error}"))
        }
        _ => wrong(NoData::Lost, &error.to_string()),
    }
}

/// What the system said, where it was the system.
fn io_kind(error: &(dyn Error + 'static)) -> Option<ErrorKind> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => error.source().and_then(io_kind),
    }
}
