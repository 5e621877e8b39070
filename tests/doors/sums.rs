//! Two supplies of one machine, added; and what is not added.

use crate::servers::{ok, server};
use crate::{bare, named, program, refusal, said, sources_with, watts};

fn supply(watts: f64, settings: &str) -> (crate::servers::Server, String) {
    let server = server(move |_| ok(&format!("{{\"power\":{watts}}}")));
    let meter = format!("http://127.0.0.1:{}/#/power&unit=W{settings}", server.port);
    (server, meter)
}

#[test]
fn two_supplies_of_a_machine_are_added() {
    let (_one, first) = supply(81.5, "&boundary=wall&rated_w=500&band_percent=2");
    let (_two, second) = supply(40.0, "&boundary=wall&rated_w=300&band_percent=3");
    let found = sources_with(&["sum:http:0,http:1", &first, &second], &[]);
    let sum = named(&found, "sum:0");
    assert_eq!(watts(&sum), 121.5, "together");
    let source = &sum["source"];
    assert_eq!((&source["rated_w"], &source["boundary"]), (&800.0.into(), &"wall".into()), "so are their ratings");
    assert_eq!(source["relative_uncertainty"], 0.03, "the wider of their bands");
    let method = source["method"].as_str().expect("a sentence");
    assert!(method.contains("http:0 and http:1"), "its parts are named: {method}");
}

#[test]
fn unlike_boundaries_and_what_is_not_there_are_refused() {
    let (_one, wall) = supply(81.5, "&boundary=wall");
    let (_two, board) = supply(40.0, "&boundary=accelerator");
    let (_three, unstated) = supply(40.0, "");
    let bench = |meters: &[&str]| {
        let folder = bare();
        let mut command = program(folder.path());
        command.args(["bench", "--length", "quick", "--workloads", "copy"]);
        for meter in meters {
            command.args(["--meter", meter]);
        }
        said(command)
    };
    let unlike = bench(&["sum:http:0,http:1", &wall, &board]);
    let is_told = unlike.err.contains("http:0 covers the whole machine, http:1 covers one board");
    assert!(unlike.code == 2 && is_told, "exit code {}: {}", unlike.code, unlike.err);
    let silent = bench(&["sum:http:0,http:1", &unstated, &unstated]);
    assert!(silent.code == 2 && silent.err.contains("boundary=wall"), "exit code {}: {}", silent.code, silent.err);
    let missing = bench(&["sum:http:0,http:7", &wall, &board]);
    assert!(missing.code == 2 && missing.err.contains("`http:7`"), "exit code {}: {}", missing.code, missing.err);
    let lost = bench(&["sum:http:0,http:1", &wall, "http://127.0.0.1:1/#/power&unit=W&boundary=wall"]);
    assert!(lost.code == 14 && lost.err.contains("http:1"), "exit code {}: {}", lost.code, lost.err);
    let listed = named(&sources_with(&["sum:http:0,http:1", &wall, &board], &[]), "sum:0");
    assert!(refusal(&listed).1.contains("unlike things are not added"), "a line of the report: {listed:#}");
    assert_eq!(bench(&["sum:http:0"]).code, 2, "a sum of one");
}

#[test]
fn one_meter_is_not_added_to_itself() {
    let (server, meter) = supply(71.5, "&boundary=wall");
    let other = format!("http://127.0.0.1:{}/#/*&unit=W&boundary=wall&period_s=2", server.port);
    for meters in [["sum:http:0,http:1", &meter, &meter], ["sum:http:0,http:1", &meter, &other]] {
        let (cause, detail) = refusal(&named(&sources_with(&meters, &[]), "sum:0"));
        assert!(cause == "not_supported" && detail.contains("they read the same number"), "{cause}: {detail}");
    }
    let counting = "exec,unit=W,boundary=wall:while :; do echo 40; sleep 0.2; done";
    let found = sources_with(&["sum:exec:0,exec:1", counting, counting], &[]);
    assert!(refusal(&named(&found, "sum:0")).1.contains("same number"), "nor is a program");
    let other = counting.replace("40", "41");
    let sums = sources_with(&["sum:http:0,exec:0", "sum:sum:0,exec:1", &meter, counting, &other], &[]);
    assert_eq!(watts(&named(&sums, "sum:0")), 111.5, "two meters are two");
    assert!(refusal(&named(&sums, "sum:1")).1.contains("sum:0 is a sum itself"), "whose parts may be there as well");
}

#[test]
fn a_short_name_in_a_sum_names_the_same_part_everywhere() {
    let folder = bare();
    let (_one, meter) = supply(81.5, "&boundary=wall&rated_w=500&band_percent=2");
    let file = folder.path().join("ex.toml");
    let text = "command = \"while :; do echo 50; sleep 0.2; done\"\n[settings]\nunit = \"W\"\nboundary = \"wall\"\n";
    std::fs::write(&file, text).expect("files can be written");
    let mut command = program(folder.path());
    let profile = format!("profile:{}", file.display());
    command.args(["doctor", "--json", "--meter", "sum:profile-ex,http", "--meter", &profile, "--meter", &meter]);
    let said = said(command);
    let document: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    assert_eq!(document["power"]["source"], "sum:0", "{:#}", document["power"]);
    assert_eq!(document["power"]["beside"], serde_json::json!([]), "its parts are not read beside it");
    let lines = document["checks"].as_array().expect("a list");
    let sum = lines.iter().find(|line| line["name"] == "sum:0").expect("its line");
    assert_eq!(sum["reads"]["power_w"], 131.5, "{sum:#}");
}
