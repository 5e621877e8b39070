//! Meters that a person asks for: one that does not work, and how its figures are shown.

use crate::{bare, dawndusk, examined, jetson, line};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn a_meter_that_was_asked_for_and_does_not_work_fails_whatever_else_measures() {
    let root = jetson();
    let broken = "http://127.0.0.1:1/404#unit=W";
    let (code, found) = examined(root.path(), &["--meter", "jetson", "--meter", broken]);
    let there = line(&found, "power", "http:0");
    assert_eq!((code, &there["state"]), (10, &Value::from("fail")), "another source measures: {there}");
    assert_eq!(line(&found, "power", "rapl")["state"], "pass", "nobody asked for it");
    let said = dawndusk(root.path(), &["devices", "--meter", broken]);
    assert!(said.code == 14 && said.err.contains("http:0"), "{}: {}", said.code, said.err);
    assert!(said.out.contains("http:0: ") && said.out.contains("jetson: "), "after the list: {}", said.out);
    for (verb, name) in [("devices", "http:127.0.0.1/p"), ("devices", "exec"), ("doctor", "exec")] {
        let said = dawndusk(root.path(), &[verb, "--meter", name]);
        assert!(
            said.code == 2 && said.err.contains(&format!("`{name}`")),
            "{verb} {name}: {}: {}",
            said.code,
            said.err
        );
        assert!(said.err.contains("jetson, rapl, cpu-time"), "what there is: {}", said.err);
    }
}

#[test]
fn a_narrow_band_and_a_slow_question_are_not_rounded_away() {
    let root = bare();
    let meter = "exec,unit=W,boundary=wall,band_percent=0.4:while true; do echo 90; sleep 0.1; done";
    let (_, found) = examined(root.path(), &["--meter", meter]);
    let exec = line(&found, "power", "exec:0");
    assert!(exec["finding"].to_string().contains("within 0.4 % (k = 2)"), "{exec}");
    assert!(found["power"]["worth"].to_string().contains("to 0.4 % (k = 2)"), "{}", found["power"]);
    let (port, answer) = (answering(Duration::from_millis(200)), "read_cost_s");
    let (_, found) = examined(root.path(), &["--meter", &format!("http://127.0.0.1:{port}/p#unit=W&boundary=wall")]);
    let web = line(&found, "power", "http:0");
    let cost = web["reads"][answer].as_f64().unwrap_or_else(|| panic!("it answers: {web}"));
    assert!(cost >= 0.2, "a question takes 200 ms, not {cost} s");
}

/// A web server that says 90 to whatever is asked, `after` a while; its port.
fn answering(after: Duration) -> u16 {
    let server = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for mut client in server.incoming().flatten() {
            let mut request = [0; 4096];
            if client.read(&mut request).is_ok_and(|read| read > 0) {
                std::thread::sleep(after);
                drop(client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n90"));
            }
        }
    });
    port
}
