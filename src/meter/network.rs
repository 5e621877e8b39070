//! Talking to a meter on the network: lines over TCP, every exchange with one deadline for all of it, so that a peer that
//! drips a byte at a time does not hold it up. Web servers are asked by [`super::http`].
//!
//! A peer that does not answer in time is [`NoData::Timeout`], one that is not there or hangs up is [`NoData::Lost`], and what
//! it says out of turn is [`NoData::Implausible`].

use super::probe::Refusal;
use crate::reading::NoData;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// The longest answer that is read, and the longest line.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// An open conversation.
pub(super) struct Connection {
    stream: TcpStream,
    peer: String,
    /// Received and not yet taken.
    pending: Vec<u8>,
}

impl Connection {
    /// Connects to the first address of `host` that answers before `until`.
    pub(super) fn open(host: &str, port: u16, until: Instant) -> Result<Connection, Refusal> {
        let peer = format!("{host}:{port}");
        let lost = |why: String| Refusal::new(NoData::Lost, format!("{peer}: {why}"));
        let addresses = (host, port).to_socket_addrs().map_err(|error| lost(format!("no such host: {error}")))?;
        let mut last = lost("the host has no address".into());
        for address in addresses {
            let connected = left(until).and_then(|left| TcpStream::connect_timeout(&address, left));
            match connected.and_then(|stream| stream.set_nodelay(true).map(|()| stream)) {
                Ok(stream) => return Ok(Connection { stream, peer, pending: Vec::new() }),
                Err(error) => last = fault(&peer, &error),
            }
        }
        Err(last)
    }

    /// Sends all of `text`.
    pub(super) fn send(&mut self, text: &str, until: Instant) -> Result<(), Refusal> {
        let sent = left(until).and_then(|left| {
            self.stream.set_write_timeout(Some(left))?;
            self.stream.write_all(text.as_bytes())
        });
        sent.map_err(|error| fault(&self.peer, &error))
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self, until: Instant) -> Result<String, Refusal> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return self.text(line).map(|line| line.trim_end().to_owned());
            }
            if self.receive(until)? == 0 {
                return Err(Refusal::new(NoData::Lost, format!("{}: it hung up", self.peer)));
            }
        }
    }

    /// Waits for more; 0 where the peer has closed.
    fn receive(&mut self, until: Instant) -> Result<usize, Refusal> {
        let mut part = [0; 4096];
        let received = left(until).and_then(|left| {
            self.stream.set_read_timeout(Some(left))?;
            self.stream.read(&mut part)
        });
        let count = received.map_err(|error| fault(&self.peer, &error))?;
        self.pending.extend_from_slice(&part[..count]);
        if self.pending.len() > MAX_BYTES {
            return Err(self.garbage("it does not stop talking"));
        }
        Ok(count)
    }

    fn text(&self, bytes: Vec<u8>) -> Result<String, Refusal> {
        String::from_utf8(bytes).map_err(|_| self.garbage("what it says is no text"))
    }

    fn garbage(&self, what: &str) -> Refusal {
        Refusal::new(NoData::Implausible, format!("{}: {what}", self.peer))
    }
}

/// Time until the deadline, none of it an error: a timeout of zero would mean "for ever".
fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn fault(peer: &str, error: &io::Error) -> Refusal {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            Refusal::new(NoData::Timeout, format!("{peer}: no answer in time"))
        }
        _ => Refusal::new(NoData::Lost, format!("{peer}: {error}")),
    }
}
