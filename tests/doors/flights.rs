//! Meters that are renewed once a second, in a whole quick flight and a whole benchmark.

use crate::servers::{ok, server};
use crate::{bare, program, said};
use serde_json::Value;

const PROGRAM: &str = "exec,boundary=wall,rated_w=200,band_percent=2:n=0; while :; do n=$((n+1)); echo power_w=$((80 + n % 7)); sleep 1; done";

/// A server whose power moves a little, and the address of its meter.
fn moving() -> (crate::servers::Server, String) {
    let mut asked = 0;
    let server = server(move |_| {
        asked += 1;
        ok(&format!("{{\"power\":{}}}", 60 + asked % 7))
    });
    let meter = format!("http://127.0.0.1:{}/#/power&unit=W&boundary=wall&rated_w=200&band_percent=2", server.port);
    (server, meter)
}

#[test]
fn a_quick_flight_is_flown_on_a_program_of_one_line_a_second_with_a_web_server_beside_it() {
    let (_server, web) = moving();
    fly(("exec:0", PROGRAM), ("http:0", &web));
}

#[test]
fn a_quick_flight_is_flown_on_a_web_server_that_is_asked_once_a_second_with_a_program_beside_it() {
    let (_server, web) = moving();
    fly(("http:0", &web), ("exec:0", PROGRAM));
}

fn fly((first, meter): (&str, &str), (other, beside): (&str, &str)) {
    let folder = bare();
    let mut command = program(folder.path());
    command.args(["run", "--length", "quick", "--workloads", "copy", "--json", "--meter", meter, "--meter", beside]);
    command.arg("--results").arg(folder.path().join("results"));
    let said = said(command);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.err.contains(&format!("{first} is renewed every 1 s, so the flight takes about")),
        "it says so first: {}",
        said.err
    );
    let result: Value = serde_json::from_str(&said.out).expect("one JSON document");
    assert_eq!(result["verdict"]["class"], "VALID", "{}", said.err);
    let found = energies(&result);
    let of = |name: &str| found.iter().filter(|energy| is_of(energy, name)).collect::<Vec<_>>();
    let measured = |energy: &&&Value| {
        energy["kind"] == "measured" && energy["value_j"].as_f64().is_some_and(|joules| joules > 0.0)
    };
    assert!(of(first).iter().filter(measured).count() >= 2, "the flight's energy, and each workload's: {found:#?}");
    let beside = of(other);
    assert!(
        !beside.is_empty() && beside.iter().all(|energy| energy["value_j"].as_f64() > Some(0.0)),
        "beside it: {found:#?}"
    );
}

/// Whether an energy is by the source `name`.
fn is_of(energy: &Value, name: &str) -> bool {
    energy["source"].as_str().is_some_and(|source| source == name || source.starts_with(&format!("{name}: ")))
}

/// Every energy in a document.
fn energies(document: &Value) -> Vec<Value> {
    match document {
        Value::Object(keys) => {
            let own = keys.contains_key("value_j").then(|| document.clone());
            own.into_iter().chain(keys.values().flat_map(energies)).collect()
        }
        Value::Array(list) => list.iter().flat_map(energies).collect(),
        _ => Vec::new(),
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_program_costs_that_burns_a_core_is_told() {
    let folder = bare();
    let mut command = program(folder.path());
    let meter = "exec,boundary=wall,rated_w=200:while :; do echo power_w=81.5; done";
    command.args(["bench", "--length", "quick", "--workloads", "copy", "-o", "json", "--meter", meter]);
    let said = said(command);
    assert_eq!(said.code, 0, "{}", said.err);
    let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
    let shares = all(&document, "core_share");
    // A core that others use as well is not all its own.
    assert!(shares.iter().any(|share| *share > 0.1), "shares of one core: {shares:?}\n{}", said.err);
}

/// Every number in a document that has this name.
fn all(document: &Value, name: &str) -> Vec<f64> {
    match document {
        Value::Object(keys) => {
            let own = keys.get(name).and_then(Value::as_f64);
            own.into_iter().chain(keys.values().flat_map(|value| all(value, name))).collect()
        }
        Value::Array(list) => list.iter().flat_map(|value| all(value, name)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_benchmark_is_measured_by_a_web_server_and_by_the_sum_of_two() {
    for sum in [false, true] {
        let folder = bare();
        let ((_one, first), (_two, second)) = (moving(), moving());
        let mut command = program(folder.path());
        command.args(["bench", "--length", "quick", "--workloads", "copy", "-o", "json"]);
        let name = if sum { "sum:0" } else { "http:0" };
        match sum {
            true => command.args(["--meter", "sum:http:0,http:1", "--meter", &first, "--meter", &second]),
            false => command.args(["--meter", &first]),
        };
        let said = said(command);
        assert_eq!(said.code, 0, "{}", said.err);
        let document: Value = serde_json::from_str(&said.out).expect("one JSON document");
        let energies = energies(&document);
        let measured = energies.iter().find(|energy| is_of(energy, name) && energy["value_j"].as_f64().is_some());
        let measured = measured.unwrap_or_else(|| panic!("no energy by {name}: {energies:#?}\n{}", said.err));
        assert_eq!(measured["kind"], "measured", "{measured:#}");
        assert!(measured["updates"].as_u64().is_some_and(|updates| updates >= 3), "it was seen: {measured:#}");
    }
}
