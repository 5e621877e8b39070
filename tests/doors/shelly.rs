//! Shelly's meters with clamps, one phase or three, of both generations; their errors, and clamps the wrong way around.

use crate::servers::{Server, answer, ok, server};
use crate::{named, refusal, refused, source, sources_with, watts};

/// A device that answers these paths, and no others.
fn device(answers: &'static [(&'static str, &'static str)]) -> Server {
    server(move |question| match answers.iter().find(|(path, _)| *path == question.path) {
        Some((_, body)) => ok(body),
        None => answer("404 Not Found", "", r#"{"code":404,"message":"No handler"}"#),
    })
}

fn of(answers: &'static [(&'static str, &'static str)], query: &str) -> serde_json::Value {
    let device = device(answers);
    source(&format!("shelly://127.0.0.1:{}{query}", device.port), "shelly:0")
}

const PRO: (&str, &str) = ("/shelly", r#"{"model":"SPEM-003CEBEU","gen":2,"profile":"triphase"}"#);
const GEN1: (&str, &str) = ("/shelly", r#"{"type":"SHEM-3","auth":false}"#);

#[test]
fn a_meter_of_three_phases_is_their_sum_or_one_of_them() {
    const GOOD: &[(&str, &str)] = &[
        PRO,
        (
            "/rpc/EM.GetStatus?id=0",
            r#"{"id":0,"a_act_power":100.5,"b_act_power":50.0,"c_act_power":0.0,"total_act_power":150.5}"#,
        ),
    ];
    let all = of(GOOD, "");
    assert_eq!(watts(&all), 150.5, "neither a switch nor a PM1: its EM");
    assert!(all["source"]["method"].as_str().is_some_and(|method| method.contains("all three phases")), "{all:#}");
    assert_eq!(watts(&of(GOOD, "?phase=b")), 50.0, "one phase");
    let (cause, detail) = refusal(&of(GOOD, "?phase=c"));
    assert!(cause == "implausible" && detail.contains("0 W"), "nothing hangs on it: {cause}: {detail}");
    let (code, err) = refused(&["devices", "--meter", "shelly://a?phase=d"]);
    assert!(code == 2 && err.contains("a, b or c"), "{code}: {err}");
}

#[test]
fn a_meter_of_single_phases_is_the_clamp_that_is_named() {
    const EM1: &[(&str, &str)] = &[
        ("/shelly", r#"{"model":"SPEM-003CEBEU","gen":2,"profile":"monophase"}"#),
        ("/rpc/EM1.GetStatus?id=0", r#"{"id":0,"act_power":20.5}"#),
        ("/rpc/EM1.GetStatus?id=2", r#"{"id":2,"act_power":81.5}"#),
    ];
    assert_eq!(watts(&of(EM1, "")), 20.5, "the first unless said");
    assert_eq!(watts(&of(EM1, "?id=2")), 81.5, "the one that is named");
    const PM1: &[(&str, &str)] = &[
        ("/shelly", r#"{"model":"S3PM-001PCEU16","gen":3}"#),
        ("/rpc/PM1.GetStatus?id=0", r#"{"id":0,"apower":81.5}"#),
    ];
    assert_eq!(watts(&of(PM1, "")), 81.5, "a PM1");
}

#[test]
fn errors_that_a_device_reports_are_causes() {
    for (answers, part) in [
        (
            &[
                PRO,
                (
                    "/rpc/EM.GetStatus?id=0",
                    r#"{"a_act_power":1,"b_act_power":1,"c_act_power":1,"total_act_power":3,"errors":["phase_sequence"]}"#,
                ),
            ] as &'static [(&str, &str)],
            "it reports an error: phase_sequence",
        ),
        (
            &[
                PRO,
                (
                    "/rpc/EM.GetStatus?id=0",
                    r#"{"a_act_power":1,"b_act_power":1,"b_errors":["out_of_range:current"],"c_act_power":1,"total_act_power":3}"#,
                ),
            ],
            "error of phase b: out_of_range:current",
        ),
        (
            &[
                ("/shelly", r#"{"gen":2}"#),
                ("/rpc/Switch.GetStatus?id=0", r#"{"output":true,"apower":80,"errors":["overtemp","overpower"]}"#),
            ],
            "overtemp, overpower",
        ),
        (
            &[
                ("/shelly", r#"{"gen":2}"#),
                ("/rpc/EM1.GetStatus?id=0", r#"{"act_power":80,"errors":["power_meter_failure"]}"#),
            ],
            "power_meter_failure",
        ),
        (
            &[
                ("/shelly", r#"{"type":"SHPLG-S"}"#),
                ("/status", r#"{"relays":[{"ison":true}],"meters":[{"power":80,"is_valid":false}]}"#),
            ],
            "not valid",
        ),
    ] {
        let (cause, detail) = refusal(&of(answers, ""));
        assert!(cause == "meter_error" && detail.contains(part), "{part}: {cause}: {detail}");
    }
}

#[test]
fn a_negative_power_is_a_cause_and_the_phase_is_named() {
    const BACKWARDS: &[(&str, &str)] = &[
        PRO,
        (
            "/rpc/EM.GetStatus?id=0",
            r#"{"a_act_power":200.0,"b_act_power":-50.0,"c_act_power":10.0,"total_act_power":160.0}"#,
        ),
    ];
    let (cause, detail) = refusal(&of(BACKWARDS, ""));
    let is_told = detail.contains("of phase b is -50 W") && detail.contains("turn the clamp around");
    assert!(cause == "negative" && is_told, "although the sum is positive: {cause}: {detail}");
    assert_eq!(watts(&of(BACKWARDS, "?phase=a")), 200.0, "the others are good");
    const PLUG: &[(&str, &str)] =
        &[("/shelly", r#"{"gen":2}"#), ("/rpc/Switch.GetStatus?id=0", r#"{"output":true,"apower":-81.5}"#)];
    let (cause, detail) = refusal(&of(PLUG, ""));
    assert!(cause == "negative" && detail.contains("-81.5 W"), "{cause}: {detail}");
}

#[test]
fn three_meters_of_the_first_generation_are_added_or_the_missing_ones_are_named() {
    const GOOD: &[(&str, &str)] = &[
        GEN1,
        (
            "/status",
            r#"{"emeters":[{"power":100.5,"is_valid":true,"total":5},{"power":50,"is_valid":true,"total":6},{"power":0,"is_valid":true,"total":7}]}"#,
        ),
    ];
    assert_eq!(watts(&of(GOOD, "")), 150.5, "all three");
    assert_eq!(watts(&of(GOOD, "?phase=a")), 100.5, "one phase");
    assert_eq!(watts(&of(GOOD, "?id=1")), 50.0, "one meter, by its number");
    const TWO: &[(&str, &str)] =
        &[GEN1, ("/status", r#"{"emeters":[{"power":100.5,"is_valid":true},{"power":50,"is_valid":true}]}"#)];
    let (cause, detail) = refusal(&of(TWO, ""));
    assert!(cause == "meter_error" && detail.contains("no power of phase c (emeters[2])"), "{cause}: {detail}");
    const BAD: &[(&str, &str)] = &[
        GEN1,
        (
            "/status",
            r#"{"emeters":[{"power":1,"is_valid":false},{"power":50,"is_valid":true},{"power":0,"is_valid":false}]}"#,
        ),
    ];
    let (cause, detail) = refusal(&of(BAD, ""));
    let names_both = detail.contains("phase a (emeters[0])") && detail.contains("phase c (emeters[2])");
    assert!(cause == "meter_error" && names_both && !detail.contains("phase b"), "{cause}: {detail}");
}

#[test]
fn a_device_without_any_meter_is_told_so() {
    const DIMMER: &[(&str, &str)] =
        &[("/shelly", r#"{"gen":2}"#), ("/rpc/Switch.GetStatus?id=0", r#"{"output":true}"#)];
    let (cause, detail) = refusal(&of(DIMMER, ""));
    assert!(cause == "not_supported" && detail.contains("does not meter"), "{cause}: {detail}");
    const OFF: &[(&str, &str)] =
        &[("/shelly", r#"{"gen":2}"#), ("/rpc/Switch.GetStatus?id=0", r#"{"output":false,"apower":0}"#)];
    assert_eq!(refusal(&of(OFF, "")).0, "off", "switched off");
    let busy = server(|_| answer("429 Too Many Requests", "", ""));
    let found = sources_with(&[&format!("shelly://127.0.0.1:{}", busy.port)], &[]);
    assert_eq!(refusal(&named(&found, "shelly:0")).0, "busy", "asked too often");
}
