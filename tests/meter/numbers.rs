//! A number on a web server in flight: a pause that it asks for, an old value, a counter.

use crate::network::{Reply, Script, listen, say, script, text};
use dawndusk::meter::channel::Channel;
use dawndusk::meter::web::Web;
use dawndusk::meter::{Address, Meter};
use dawndusk::reading::NoData;
use dawndusk::units::{Joules, Seconds, Watts};
use proptest::prelude::*;
use std::io::Read;

fn open(script: Script, rest: &str) -> Channel<Web> {
    let port = listen(move |mut stream| {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            head.push(byte[0]);
        }
        let reply = (script.lock().expect("no test panics here"))("");
        say(&mut stream, reply, |body| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    });
    let Address::Web(web) = format!("http://127.0.0.1:{port}/{rest}").parse().expect("a good address") else {
        panic!("{rest} is on a web server")
    };
    Web::open("http:0", &web).unwrap_or_else(|refusal| panic!("{refusal:?}"))
}

/// One answer after another, the last for ever.
fn turns(replies: &'static [&'static str]) -> Script {
    let mut turn = 0;
    script(move |_| {
        let reply = replies[turn.min(replies.len() - 1)];
        turn += 1;
        if reply.starts_with("HTTP") { Reply::Raw(reply.as_bytes().to_vec()) } else { text(reply) }
    })
}

#[test]
fn a_pause_that_a_server_asks_for_in_flight_is_a_cause_and_it_is_left_alone() {
    const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    let mut meter = open(turns(&["100", "100", BUSY, "100"]), "#unit=W&period_s=10");
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(100.0)), "the answer by which it was opened");
    assert_eq!(meter.read(Seconds(10.0)).energy, Ok(Joules(1000.0)), "and the next");
    assert_eq!(meter.read(Seconds(20.0)).energy, Err(NoData::Busy), "neither the last value nor zero");
    assert_eq!(meter.read(Seconds(21.0)).energy, Err(NoData::Busy), "it is not asked again before its time");
    std::thread::sleep(std::time::Duration::from_millis(1050));
    assert_eq!(
        meter.read(Seconds(30.0)).energy,
        Ok(Joules(3000.0)),
        "it is back, and nothing was too long ago to tell"
    );
}

#[test]
fn an_answer_of_the_same_time_is_not_a_new_one() {
    let old = r#"{"w":100,"at":"12:00:00"}"#;
    let replies: &'static [&'static str] = Box::leak(Box::new([old, old, old, r#"{"w":50,"at":"12:00:05"}"#]));
    let mut meter = open(turns(replies), "#/w&unit=W&time_at=/at");
    assert_eq!(meter.read(Seconds(0.0)).taken_at, Seconds(0.0), "the first");
    let repeated = meter.read(Seconds(2.0));
    assert_eq!((repeated.taken_at, repeated.energy), (Seconds(0.0), Ok(Joules(0.0))), "it grows old");
    assert_eq!(meter.read(Seconds(4.0)).taken_at, Seconds(0.0), "and older");
    assert_eq!(meter.read(Seconds(5.0)).energy, Ok(Joules(375.0)), "the next value, five seconds later");
}

#[test]
fn a_count_of_energy_gives_differences_and_a_fall_ends_them() {
    let mut meter = open(turns(&["2.000", "2.001", "2.003", "0.000"]), "#unit=kWh&period_s=60&rated_w=500");
    assert_eq!(meter.read(Seconds(0.0)).energy, Ok(Joules(0.0)), "a level");
    assert_eq!(meter.read(Seconds(60.0)).energy.map(|joules| joules.0.round()), Ok(3600.0), "a watt hour");
    assert_eq!(meter.read(Seconds(120.0)).energy.map(|joules| joules.0.round()), Ok(10_800.0), "two more");
    assert_eq!(meter.read(Seconds(180.0)).energy, Err(NoData::CounterReset), "it began anew: there is no total");
}

#[test]
fn a_coarse_count_that_stands_still_for_long_is_no_reset_when_it_steps() {
    let mut turn = 0;
    let steps = script(move |_| {
        turn += 1;
        // A step of a watt hour every 36 looks: 100 W.
        text(&format!("{:.3}", 2.0 + f64::from((turn - 1) / 36) * 1e-3))
    });
    let mut meter = open(steps, "#unit=kWh&period_s=1&rated_w=500");
    let mut last = meter.read(Seconds(0.0));
    for second in 1..110 {
        last = meter.read(Seconds(f64::from(second)));
        assert!(last.energy.is_ok(), "second {second}: {:?}", last.energy);
    }
    assert_eq!(last.energy.map(|joules| joules.0.round()), Ok(10_800.0), "three watt hours");
    assert!(last.power.is_ok_and(|power| (power.0 - 100.0).abs() < 1.0), "over the time of a step: {:?}", last.power);
    assert_eq!(last.taken_at, Seconds(109.0), "and it is as fresh as the last answer");
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_be_refused(
        scheme in "(exec|exec,unit=W|http://|https://|profile:|profile:tasmota,|sum:|shelly://|ptd://|recorded://)",
        rest in "\\PC{0,40}",
    ) {
        // What it is does not matter: it is an address or an error, and nothing panics.
        let text = format!("{scheme}{rest}");
        if let Err(error) = text.parse::<Address>() {
            prop_assert!(error.to_string().contains("its form: "), "{}", error);
        }
    }

    #[test]
    fn no_answer_is_too_strange_for_a_meter(body in "\\PC{0,60}|[{\\[][0-9a-z\":,{}\\[\\]. -]{0,40}", pointer in "(/[a-z0-9*~]{0,3}){0,3}") {
        let port = listen(move |mut stream| {
            drop(stream.read(&mut [0; 1024]));
            say(&mut stream, text(&body), |body| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        });
        let Address::Web(web) = format!("http://127.0.0.1:{port}/#{pointer}&unit=W").parse().expect("a good address") else {
            panic!("it is on a web server")
        };
        if let Ok(mut meter) = Web::open("http:0", &web) {
            let power = meter.read(Seconds(0.0)).power;
            prop_assert!(power.is_err() || power.is_ok_and(|power| power.is_finite() && power >= Watts(0.0)), "{:?}", power);
        }
    }
}

#[test]
fn a_number_that_turns_negative_or_is_none_any_more_is_a_cause() {
    let mut meter = open(
        turns(&[r#"{"w":100}"#, r#"{"w":-100}"#, r#"{"w":null}"#, r#"{"v":1}"#, "HTTP/1.1 403 No\r\n\r\n"]),
        "#/w&unit=W",
    );
    assert_eq!(meter.read(Seconds(0.0)).power, Ok(Watts(100.0)), "a power");
    for (second, cause) in
        [NoData::Negative, NoData::NotSupported, NoData::NotSupported, NoData::NoPermission].iter().enumerate()
    {
        assert_eq!(meter.read(Seconds(1.0 + second as f64)).energy, Err(*cause), "look {second}");
    }
}
