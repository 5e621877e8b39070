//! Meters on the network: a plug and an analyser's daemon on loopback, that answer well, slowly, with rubbish or not at all.

use dawndusk::meter::channel::Channel;
use dawndusk::meter::shelly::Shelly;
use dawndusk::meter::{Accelerator, Address, Meter, Roots, open_all, sysfs::Tree};
use dawndusk::reading::{Boundary, NoData, Provenance};
use dawndusk::units::{Joules, Seconds, Watts};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a stand-in does with one request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A web server's answer, or a daemon's line.
    Text(String),
    /// Bytes as they are, and then the end.
    Raw(Vec<u8>),
    /// Nothing, for a minute.
    Silence,
    /// One byte now and then, for ever.
    Drip,
    /// The end at once.
    HangUp,
}

pub(crate) type Script = Arc<Mutex<Box<dyn FnMut(&str) -> Reply + Send>>>;

pub(crate) fn script(answer: impl FnMut(&str) -> Reply + Send + 'static) -> Script {
    Arc::new(Mutex::new(Box::new(answer)))
}

/// Listens on a port of the system's choice; each connection has a thread of its own, which ends with the test.
pub(crate) fn listen(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let port = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Says `reply`; false where the conversation is over.
pub(crate) fn say(stream: &mut TcpStream, reply: Reply, frame: impl Fn(String) -> String) -> bool {
    match reply {
        Reply::Text(text) => stream.write_all(frame(text).as_bytes()).is_ok(),
        Reply::Raw(bytes) => {
            // A peer that has heard enough hangs up first.
            drop(stream.write_all(&bytes));
            false
        }
        Reply::Silence => {
            std::thread::sleep(Duration::from_secs(60));
            false
        }
        Reply::Drip => {
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(100));
            }
            false
        }
        Reply::HangUp => false,
    }
}

/// A plug: the path in, JSON out.
fn plug(script: Script) -> u16 {
    listen(move |mut stream| {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            head.push(byte[0]);
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let reply = (script.lock().expect("no test panics here"))(&path);
        let frame = |body: String| {
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        };
        say(&mut stream, reply, frame);
    })
}

pub(crate) fn text(text: &str) -> Reply {
    Reply::Text(text.to_owned())
}

const GEN2: &str = r#"{"id":"shellyplusplugs-1","model":"SNPL-00112EU","gen":2}"#;

/// A plug of the second generation that shows what `status` says.
pub(crate) fn gen2(status: impl FnMut() -> Reply + Send + 'static) -> u16 {
    let mut status = status;
    plug(script(move |path| match path {
        "/shelly" => text(GEN2),
        "/rpc/Switch.GetStatus?id=0" => status(),
        _ => Reply::Raw(b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec()),
    }))
}

fn open(port: u16) -> Result<Channel<Shelly>, dawndusk::meter::Refusal> {
    Shelly::open("shelly:0", "127.0.0.1", port, None, None)
}

/// The cause for which a plug that always shows `status` is not taken.
fn refused(status: Reply) -> NoData {
    let started = Instant::now();
    let refusal = open(gen2(move || status.clone())).err().expect("no reading");
    assert!(started.elapsed() < Duration::from_secs(10), "the deadline holds: {:?}", started.elapsed());
    refusal.cause
}

#[test]
fn a_plug_is_the_whole_machine_at_its_supply() {
    let mut meter = open(gen2(|| text(r#"{"output":true,"apower":81.5,"aenergy":{"total":4.2}}"#))).expect("it meters");
    let source = meter.source();
    assert_eq!((source.provenance, source.boundary), (Provenance::ExternalMeter, Boundary::Wall), "from outside");
    assert!(source.method.contains("SNPL-00112EU"), "the model is named: {}", source.method);
    assert!(!source.method.contains("127.0.0.1"), "but not where it is: a result may be published");
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(81.5)), "its power");
    assert_eq!(meter.read(Seconds(2.0)).energy, Ok(Joules(163.0)), "integrated");
}

#[test]
fn a_plug_of_the_first_generation_counts_watt_minutes() {
    let total = Arc::new(Mutex::new(10.0));
    let theirs = Arc::clone(&total);
    let port = plug(script(move |path| match path {
        "/shelly" => text(r#"{"type":"SHPLG-S","auth":false}"#),
        "/status" => {
            let total = *theirs.lock().expect("no test panics here");
            text(&format!(
                r#"{{"relays":[{{"ison":true}}],"meters":[{{"power":60.0,"is_valid":true,"total":{total}}}]}}"#
            ))
        }
        _ => Reply::HangUp,
    }));
    let mut meter = open(port).expect("it meters");
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(60.0)), "its power");
    *total.lock().expect("no test panics here") = 11.0;
    assert_eq!(meter.read(Seconds(1.0)).energy, Ok(Joules(60.0)), "integrated");
    *total.lock().expect("no test panics here") = 0.0;
    assert_eq!(meter.read(Seconds(2.0)).energy, Err(NoData::CounterReset), "it was started anew: there is no total");
}

#[test]
fn zero_from_an_unmetered_relay_is_absence() {
    let zero = text(r#"{"output":true,"apower":0.0,"aenergy":{"total":0.0}}"#);
    assert_eq!(refused(zero), NoData::Implausible, "not 0 W");
    assert_eq!(refused(text(r#"{"output":true}"#)), NoData::NotSupported, "no field, no meter");
    assert_eq!(refused(text(r#"{"output":false,"apower":0.0}"#)), NoData::Off, "switched off");
    assert_eq!(refused(text(r#"{"apower":null}"#)), NoData::Implausible, "null is no power");
    assert_eq!(refused(text(r#"{"apower":-3.0}"#)), NoData::Negative, "nor is less than nothing");
    assert_eq!(refused(text(r#"{"apower":1e9}"#)), NoData::Implausible, "nor a power station");
}

#[test]
fn a_plug_that_hangs_drips_hangs_up_or_talks_rubbish_has_a_cause() {
    assert_eq!(refused(Reply::Silence), NoData::Timeout, "silence");
    assert_eq!(refused(Reply::Drip), NoData::Timeout, "a byte at a time does not renew the deadline");
    assert_eq!(refused(Reply::HangUp), NoData::Implausible, "an empty answer");
    assert_eq!(refused(text("<html>no</html>")), NoData::Implausible, "no JSON");
    assert_eq!(refused(Reply::Raw(b"\xff\xfe\x00".to_vec())), NoData::Implausible, "no text");
    assert_eq!(refused(Reply::Raw(vec![b'x'; 200_000])), NoData::Implausible, "no end");
    let locked = Reply::Raw(b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec());
    assert_eq!(refused(locked), NoData::NoPermission, "a password");
    let torn = Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"apower\":".to_vec());
    assert_eq!(refused(torn), NoData::Lost, "the end in the middle");
}

/// What a plug that always shows `status` gives, and why not.
fn first(status: &'static [u8]) -> Result<Watts, dawndusk::meter::Refusal> {
    let mut meter = open(gen2(move || Reply::Raw(status.to_vec())))?;
    Ok(meter.read(Seconds(0.0)).power.expect("it was accepted by a reading"))
}

#[test]
fn an_answer_may_come_in_chunks_or_without_an_announced_length() {
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"apower\"\r\n7\r\n: 42.5}\r\n0\r\n\r\n";
    assert_eq!(first(chunked).expect("it meters"), Watts(42.5), "chunked");
    let old = b"HTTP/1.0 200 OK\r\n\r\n{\"apower\": 42.5}";
    assert_eq!(first(old).expect("it meters"), Watts(42.5), "until it closes");
    let torn = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"apower\"\r\n";
    assert_eq!(first(torn).expect_err("the last chunk is missing").cause, NoData::Lost, "the end in the middle");
}

#[test]
fn a_plug_that_keeps_its_connections_open_is_not_waited_for() {
    let port = listen(|mut stream| {
        let mut request = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut request) {
            let about = request[..count].starts_with(b"GET /shelly");
            let body = if about { GEN2 } else { r#"{"output":true,"apower":50.0}"# };
            let head = format!("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all((head + body).as_bytes()));
        }
    });
    let started = Instant::now();
    assert_eq!(open(port).expect("it meters").read(Seconds(0.0)).power, Ok(Watts(50.0)), "its power");
    assert!(started.elapsed() < Duration::from_millis(1500), "no deadline was waited for: {:?}", started.elapsed());
}

#[test]
fn a_status_other_than_200_has_a_cause() {
    let locked = first(
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest qop=\"auth\", realm=\"shelly\"\r\nContent-Length: 0\r\n\r\n",
    );
    let locked = locked.expect_err("it asks for a password");
    assert_eq!(locked.cause, NoData::NoPermission, "{}", locked.detail);
    assert!(locked.detail.contains("Digest") && locked.remedy.is_some(), "and what to do about it: {}", locked.detail);
    let busy = first(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n").expect_err("it is busy");
    assert_eq!(busy.cause, NoData::Busy, "a later look may be answered");
    assert!(busy.detail.contains("429 Too Many Requests"), "{}", busy.detail);
    let broken = first(b"HTTP/1.1 500 Internal Server Error\r\n\r\n").expect_err("it is broken");
    assert_eq!(broken.cause, NoData::NotSupported, "{}", broken.detail);
}

#[test]
fn a_redirect_is_not_followed() {
    let asked = Arc::new(Mutex::new(0));
    let theirs = Arc::clone(&asked);
    let other = plug(script(move |_| {
        *theirs.lock().expect("no test panics here") += 1;
        text(r#"{"apower":50.0}"#)
    }));
    let moved = format!("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{other}/\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(refused(Reply::Raw(moved.into_bytes())), NoData::NotSupported, "a redirect is no reading");
    assert_eq!(*asked.lock().expect("no test panics here"), 0, "nobody else was asked");
}

#[test]
fn an_answer_of_any_length_is_read_up_to_a_bound() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n{}", " ".repeat(5_000_000));
    assert_eq!(refused(Reply::Raw(long.into_bytes())), NoData::Implausible, "5 MB announced");
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let chunks = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(1200));
    assert_eq!(refused(Reply::Raw(chunks.into_bytes())), NoData::Implausible, "4.9 MB in chunks");
}

#[test]
fn a_plug_that_goes_away_is_lost_and_its_silence_is_a_gap() {
    let gone = Arc::new(Mutex::new(false));
    let theirs = Arc::clone(&gone);
    let mut meter = open(gen2(move || match *theirs.lock().expect("no test panics here") {
        true => Reply::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n".to_vec()),
        false => text(r#"{"output":true,"apower":100.0}"#),
    }))
    .expect("it meters");
    meter.read(Seconds(0.0));
    meter.read(Seconds(1.0));
    *gone.lock().expect("no test panics here") = true;
    assert_eq!(meter.read(Seconds(2.0)).energy, Err(NoData::Lost), "neither the last value nor zero");
    *gone.lock().expect("no test panics here") = false;
    assert_eq!(meter.read(Seconds(20.0)).energy, Ok(Joules(100.0)), "nothing is invented for the time between");
    let coverage = meter.coverage();
    assert_eq!((coverage.gaps, coverage.gap_s, coverage.missed), (1, Seconds(19.0), 1), "the gap is counted");
}

#[test]
fn a_flight_does_not_wait_for_a_slow_plug() {
    let port = gen2(|| {
        std::thread::sleep(Duration::from_millis(300));
        text(r#"{"output":true,"apower":50.0}"#)
    });
    let sysfs = tempfile::tempdir().expect("a temporary directory");
    let roots = Roots { sysfs: Tree::new(sysfs.path()), drivers: Vec::new(), ..Roots::default() };
    let wanted = vec![format!("shelly://127.0.0.1:{port}")];
    let mut selection = open_all(&roots, &wanted, &Accelerator::software()).expect("it meters");
    assert_eq!(selection.meter.source().name, "shelly:0", "named by its kind");
    assert!(selection.covers_accelerator, "the wall sees everything");
    let started = Instant::now();
    let mut last = Ok(Joules::ZERO);
    while started.elapsed() < Duration::from_millis(2500) {
        let before = Instant::now();
        let now = Seconds(started.elapsed().as_secs_f64());
        let reading = selection.meter.read(now);
        assert!(before.elapsed() < Duration::from_millis(200), "a look waits for nobody: {:?}", before.elapsed());
        assert!(reading.age(now).0 < 4.0, "and says how old it is: {}", reading.age(now));
        last = reading.energy;
        std::thread::sleep(Duration::from_millis(20));
    }
    let energy = last.expect("it meters");
    assert!(energy.0 > 20.0 && energy.0 < 200.0, "50 W for some two seconds, found {energy}");
    if cfg!(unix) {
        let cost = selection.meter.cpu_time().expect("the thread that asks is counted");
        assert!(cost > Seconds::ZERO && cost < Seconds(2.5), "it asked a few times: {cost}");
    }
}

#[test]
fn every_address_leads_to_its_kind_of_meter() {
    let kind = |text: &str| text.parse::<Address>().expect("a good address").kind().to_owned();
    let kinds = [
        ("shelly://a", "shelly"),
        ("ptd://a", "ptd"),
        ("recorded://a", "recorded"),
        ("exec:a", "exec"),
        ("https://a#unit=W", "http"),
        ("profile:tasmota,host=a", "tasmota"),
        ("sum:a,b", "sum"),
    ];
    for (text, expected) in kinds {
        assert_eq!(kind(text), expected, "{text}");
    }
}
