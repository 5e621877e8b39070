//! Web servers on loopback that answer what a test lets them, open or encrypted.

use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A question: its path, and all of its head.
pub(crate) struct Question {
    pub(crate) path: String,
    pub(crate) head: String,
}

impl Question {
    /// A header of it.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&str| line.split(':').next().is_some_and(|key| key.eq_ignore_ascii_case(name));
        self.head.lines().find(is_it)?.split_once(':').map(|(_, value)| value.trim())
    }
}

/// What a server does.
type Answer = Arc<Mutex<dyn FnMut(&Question) -> Vec<u8> + Send>>;

/// A server under way, until the test ends.
pub(crate) struct Server {
    pub(crate) port: u16,
    /// The paths that were asked for.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    /// How many connections there were.
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Server {
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no test panics here").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().expect("no test panics here")
    }
}

/// A server that answers each question with these bytes and holds the connection open.
pub(crate) fn server(answer: impl FnMut(&Question) -> Vec<u8> + Send + 'static) -> Server {
    let answer: Answer = Arc::new(Mutex::new(answer));
    start(move |stream, asked| converse(stream, &answer, asked))
}

/// The same behind a certificate that the server made for itself; and that certificate, in PEM.
pub(crate) fn secure_server(answer: impl FnMut(&Question) -> Vec<u8> + Send + 'static) -> (Server, String) {
    let own = rcgen::generate_simple_self_signed(vec!["controller.invalid".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
    let chain: Vec<CertificateDer<'static>> = vec![own.cert.der().clone()];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("they fit"));
    let answer: Answer = Arc::new(Mutex::new(answer));
    let server = start(move |stream, asked| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        converse(StreamOwned::new(connection, stream), &answer, asked);
    });
    (server, own.cert.pem())
}

fn start(serve: impl Fn(TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let port = listener.local_addr().expect("it has an address").port();
    let (asked, connections): (Arc<Mutex<Vec<String>>>, Arc<Mutex<usize>>) = Default::default();
    let (serve, theirs, count) = (Arc::new(serve), Arc::clone(&asked), Arc::clone(&connections));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            *count.lock().expect("no test panics here") += 1;
            let (serve, asked) = (Arc::clone(&serve), Arc::clone(&theirs));
            std::thread::spawn(move || serve(stream, &asked));
        }
    });
    Server { port, asked, connections }
}

fn converse(mut stream: impl Read + Write, answer: &Answer, asked: &Mutex<Vec<String>>) {
    loop {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        asked.lock().expect("no test panics here").push(path.clone());
        let reply = (answer.lock().expect("no test panics here"))(&Question { path, head });
        // No answer at all stands for a server that hangs.
        if reply.is_empty() {
            std::thread::sleep(Duration::from_secs(20));
            return;
        }
        if stream.write_all(&reply).and_then(|()| stream.flush()).is_err() || reply.ends_with(HANG_UP) {
            return;
        }
    }
}

/// A body that ends so ends the connection.
pub(crate) const HANG_UP: &[u8] = b"\n\n\n";

/// A good answer.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "", body)
}

/// An answer with a status and headers, each with the end of its line.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
