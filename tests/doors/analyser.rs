//! A PTDaemon whose analyser gives no value.

use crate::{refusal, source, watts};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

/// A daemon that gives one sample of these watts to each question.
fn daemon(watts: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be bound");
    let port = listener.local_addr().expect("it has an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut second = 0;
            let lines = BufReader::new(stream.try_clone().expect("a socket has two ends")).lines();
            for line in lines.map_while(Result::ok) {
                second += 1;
                let reply = match line.trim() {
                    "Hello" => "Hello, PTDaemon here!".to_owned(),
                    "Identify" => "YokogawaWT310E,1000,1,version=1.10.0,OS=Linux,mode=power".to_owned(),
                    "RR" => "Ranges,1,1.0,1,300.0".to_owned(),
                    "RL" => format!(
                        "Last 1 sample\r\nTime,11-22-2026 10:{:02}:{:02}.000,Watts,{watts},Volts,230.1",
                        second / 60 % 60,
                        second % 60
                    ),
                    command if command.starts_with("Go") => "Starting untimed measurement".to_owned(),
                    _ => "ok".to_owned(),
                };
                if stream.write_all(format!("{reply}\r\n").as_bytes()).is_err() {
                    break;
                }
            }
        }
    });
    port
}

#[test]
fn samples_that_are_all_minus_one_are_the_analysers_own_error() {
    let (cause, detail) = refusal(&source(&format!("ptd://127.0.0.1:{}", daemon("-1.000")), "ptd:0"));
    let is_told = detail.contains("samples are -1") && detail.contains("look at the analyser");
    assert!(cause == "meter_error" && is_told, "{cause}: {detail}");
    assert_eq!(
        watts(&source(&format!("ptd://127.0.0.1:{}", daemon("81.500")), "ptd:0")),
        81.5,
        "the same with a value"
    );
    let (cause, detail) = refusal(&source(&format!("ptd://127.0.0.1:{}", daemon("-81.5")), "ptd:0"));
    assert_eq!(cause, "negative", "wired backwards, which is another fault: {detail}");
}
