//! Numbers on web servers: where they stand, what they are, and every way in which an answer is none.

use crate::servers::{HANG_UP, Server, answer, ok, server};
use crate::{refusal, refused, source, sources_with, watts};

fn at(server: &Server, rest: &str) -> String {
    format!("http://127.0.0.1:{}{rest}", server.port)
}

/// The source at a server that always answers so.
fn of(reply: Vec<u8>, rest: &str) -> serde_json::Value {
    let server = server(move |_| reply.clone());
    source(&at(&server, rest), "http:0")
}

/// Cause and sentence of a server that always answers so.
fn why(reply: Vec<u8>) -> (String, String) {
    refusal(&of(reply, "/power#/power&unit=W"))
}

#[test]
fn a_number_is_found_by_its_pointer_in_json_and_in_plain_text() {
    let json = ok(r#"{"supplies":[{"power":"81.5"},{"power":40}]}"#);
    assert_eq!(watts(&of(json.clone(), "/a#/supplies/0/power&unit=W&boundary=wall")), 81.5, "a number as a text");
    assert_eq!(watts(&of(ok("0.0815\n"), "/#unit=kW")), 81.5, "a bare number, in kilowatts");
    let text = ok("volts 230.1\npower: 81.5 W\n");
    assert_eq!(watts(&of(text.clone(), "/#/power:/1&unit=W")), 81.5, "in a line of text");
    assert_eq!(watts(&of(text, "/#/1/1&unit=W")), 81.5, "by its place");
    let found = of(ok(r#"{"kwh":12.5}"#), "/#/kwh&unit=kWh&boundary=wall");
    assert!(
        found["refusal"].is_null() && found["source"]["method"].as_str().is_some_and(|m| m.contains("counted")),
        "{found:#}"
    );
    let unit = ok(r#"{"state":"0.0815","attributes":{"unit":"kW"}}"#);
    assert_eq!(watts(&of(unit, "/#/state&unit_at=/attributes/unit")), 81.5, "the answer names its unit");
}

#[test]
fn several_numbers_are_added_or_refused_by_choice() {
    let both = r#"{"supplies":[{"power":81.5},{"power":40}]}"#;
    assert_eq!(watts(&of(ok(both), "/#/supplies/*/power&several=add&unit=W")), 121.5, "all of them");
    assert_eq!(watts(&of(ok(both), "/#/supplies/0/power&/supplies/1/power&several=add&unit=W")), 121.5, "two pointers");
    let (cause, detail) = refusal(&of(ok(both), "/#/supplies/*/power&unit=W"));
    assert!(
        cause == "implausible" && detail.contains("2 numbers") && detail.contains("several=add"),
        "{cause}: {detail}"
    );
    let (code, err) = refused(&["devices", "--meter", "http://a/#/x&/y&unit=W"]);
    assert!(code == 2 && err.contains("several=add"), "{code}: {err}");
    let half = r#"{"supplies":[{"power":81.5}]}"#;
    let (cause, detail) = refusal(&of(ok(half), "/#/supplies/0/power&/supplies/1/power&several=add&unit=W"));
    assert!(cause == "not_supported" && detail.contains("/supplies/1/power"), "a part is missing: {cause}: {detail}");
    let back = r#"{"supplies":[{"power":81.5},{"power":-3}]}"#;
    assert_eq!(refusal(&of(ok(back), "/#/supplies/*/power&several=add&unit=W")).0, "negative", "a part feeds back");
}

#[test]
fn a_status_has_its_own_sentence() {
    for (status, headers, cause, part) in [
        ("429 Too Many Requests", "Retry-After: 5\r\n", "busy", "asked too often: HTTP 429"),
        ("503 Service Unavailable", "", "busy", "it is busy: HTTP 503"),
        (
            "401 Unauthorized",
            "WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\n",
            "no_permission",
            "asks for a password (Digest",
        ),
        ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"\r\n", "no_permission", "asks for a password (Basic"),
        ("403 Forbidden", "", "no_permission", "asks for no password (HTTP 403); name a token with token_env"),
        ("404 Not Found", "", "not_supported", "HTTP 404 Not Found"),
        ("500 Internal Server Error", "", "meter_error", "HTTP 500"),
        ("502 Bad Gateway", "", "meter_error", "HTTP 502"),
        ("302 Found", "Location: http://127.0.0.1:1/\r\n", "not_supported", "it points to http://127.0.0.1:1/"),
    ] {
        let (found, detail) = why(answer(status, headers, ""));
        assert!(found == cause && detail.contains(part), "{status}: {found}: {detail}");
        assert!(
            cause != "no_permission" || detail.contains("DAWNDUSK_METER_PASSWORD") || detail.contains("token_env"),
            "{detail}"
        );
    }
}

#[test]
fn an_answer_that_is_cut_or_announces_a_wrong_length_says_so() {
    let with =
        |length: &str, body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes();
    let (cause, detail) = why(with("9", r#"{"power": 81.5}"#));
    assert!(
        cause == "implausible" && detail.contains("announced 9 bytes (Content-Length), too few"),
        "{cause}: {detail}"
    );
    let mut long = with("500", r#"{"power": 81.5}"#);
    let (cause, detail) = why(long.clone());
    assert!(cause == "timeout" && detail.contains("15 bytes of the 500"), "it waits for the rest: {cause}: {detail}");
    long.extend(HANG_UP);
    let (cause, detail) = why(long);
    assert!(cause == "lost" && detail.contains("hung up after 18 bytes of the 500"), "{cause}: {detail}");
    let (cause, detail) = why(with("many", r#"{"power": 81.5}"#));
    assert!(cause == "implausible" && detail.contains("`many` is no length"), "{cause}: {detail}");
    let torn = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"power\":\r\n\n\n\n".to_vec();
    assert!(["lost", "implausible"].contains(&why(torn.clone()).0.as_str()), "chunks without an end: {:?}", why(torn));
    assert_eq!(why(Vec::new()).0, "timeout", "no answer at all");
}

#[test]
fn chunks_and_connections_that_are_kept_open_are_read_at_once() {
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{\"power\":\r\n6\r\n 81.5}\r\n0\r\n\r\n".to_vec();
    assert_eq!(watts(&of(chunked, "/#/power&unit=W")), 81.5, "chunks");
    let began = std::time::Instant::now();
    let kept = answer("200 OK", "Connection: keep-alive\r\n", r#"{"power":81.5}"#);
    assert_eq!(watts(&of(kept, "/#/power&unit=W")), 81.5, "the connection stays open");
    assert!(began.elapsed().as_secs_f64() < 1.9, "and its end is not waited for: {:?}", began.elapsed());
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n{\"power\":81.5}" as &[u8], HANG_UP].concat();
    assert_eq!(watts(&of(endless, "/#/power&unit=W")), 81.5, "no length, until it closes");
}

#[test]
fn what_is_no_power_has_its_own_sentence() {
    for (body, cause, part) in [
        (r#"{"volts":230}"#, "not_supported", "nothing stands at `/power`"),
        (r#"{"power":null}"#, "not_supported", "null is no number"),
        (r#"{"power":"unavailable"}"#, "implausible", "\"unavailable\" is no number"),
        (r#"{"power":-3.5}"#, "negative", "-3.5"),
        (r#"{"power":0}"#, "implausible", "no energy"),
        ("<html>login</html>", "not_supported", "<html>login</html>"),
    ] {
        let (found, detail) = why(ok(body));
        assert!(found == cause && detail.contains(part), "{body}: {found}: {detail}");
    }
}

#[test]
fn a_server_that_asks_for_a_pause_is_left_alone() {
    let mut times = 0;
    let busy = server(move |_| {
        times += 1;
        match times {
            1 => answer("429 Too Many Requests", "Retry-After: 30\r\n", ""),
            _ => ok(r#"{"power":81.5}"#),
        }
    });
    let found = sources_with(&[&at(&busy, "/#/power&unit=W")], &[]);
    assert_eq!(refusal(&crate::named(&found, "http:0")).0, "busy", "it is not asked again at once");
    assert_eq!(busy.asked().len(), 1, "one question");
}

#[test]
fn a_bad_address_of_a_server_is_refused_and_a_password_in_it_is_not_repeated() {
    let (code, err) = refused(&["devices", "--meter", "http://me:hunter2@bmc/#/x&unit=W"]);
    assert!(code == 2 && err.contains("DAWNDUSK_METER_PASSWORD") && !err.contains("hunter2"), "{code}: {err}");
    for meter in ["shelly://admin:hunter2@bmc", "profile:redfish,host=root:hunter2@bmc", "ptd://a:hunter2@b"] {
        for verb in ["devices", "doctor", "bench", "run"] {
            let (code, err) = refused(&[verb, "--meter", meter]);
            assert!(code == 2 && err.contains("DAWNDUSK_METER_PASSWORD") && !err.contains("hunter2"), "{code}: {err}");
        }
    }
    for (meter, part) in
        [("http://a/#/x", "unit=W"), ("http://a/#unit=W&x", "KEY=VALUE"), ("ftp://a", "no kind of meter")]
    {
        let (code, err) = refused(&["devices", "--meter", meter]);
        assert!(code == 2 && err.contains(part), "{meter}: {code}: {err}");
    }
}

#[test]
fn a_long_page_and_one_in_latin_1_are_read_and_one_without_an_end_is_told_so() {
    let lines: String = (0..12_000).map(|number| format!("other_metric_{number} 1.5\n")).collect();
    assert!(lines.len() > 200_000, "as long as an exporter's: {}", lines.len());
    assert_eq!(watts(&of(ok(&format!("{lines}power_watts 81.5\n")), "/#/power_watts/1&unit=W")), 81.5, "its last line");
    let body = b"{\"note\":\"40 \xb0C\",\"power\":81.5}";
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    assert_eq!(watts(&of([head.as_bytes(), body].concat(), "/#/power&unit=W")), 81.5, "a degree sign in Latin-1");
    let (cause, detail) = why(ok(&"1 ".repeat(3 << 20)));
    assert!(cause == "implausible" && detail.contains("longer than 4 MiB"), "{cause}: {detail}");
    let (cause, detail) = why(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\xff\xfe8\0".to_vec());
    assert!(cause == "implausible" && detail.contains("no text"), "{cause}: {detail}");
}

#[test]
fn a_negative_count_of_energy_is_no_negative_power() {
    let (cause, detail) = refusal(&of(ok(r#"{"kwh":-12.5}"#), "/#/kwh&unit=kWh&boundary=wall"));
    assert!(cause == "implausible" && detail.contains("no count of energy is negative"), "{cause}: {detail}");
    let counted = source("exec,unit=kWh:while :; do echo -12.5; sleep 0.2; done", "exec:0");
    assert_eq!(refusal(&counted).0, "implausible", "nor is a program's");
}

#[test]
fn a_server_that_does_not_encrypt_is_told_so() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let port = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer("400 Bad Request", "Connection: close\r\n", "no"));
        }
    });
    let (cause, detail) = refusal(&source(&format!("https://127.0.0.1:{port}/#/power&unit=W"), "http:0"));
    assert!(cause == "implausible" && detail.contains("say http://"), "{cause}: {detail}");
}
