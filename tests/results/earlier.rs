//! A result that an earlier version of the program wrote.

use crate::flown::{Copied, copied, files, said};
use sha2::{Digest, Sha256};

/// Changes a file of the result and its hash, as the program that wrote it would have had it.
fn rewritten(copy: &Copied, name: &str, change: impl Fn(String) -> String) {
    let mut all = files(&copy.directory);
    let text = change(String::from_utf8(all[name].clone()).expect("text"));
    let sum: String = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let sums = String::from_utf8(all["SHA256SUMS"].clone()).expect("text");
    let line = |line: &str| match line.split_once("  ") {
        Some((_, file)) if file == name => format!("{sum}  {name}\n"),
        _ => format!("{line}\n"),
    };
    let sums: String = sums.lines().map(line).collect();
    all.insert(name.to_owned(), text.into_bytes());
    all.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    copy.put(&all);
}

/// A result as version 3.0.0 had it: other words on its pages, and a place fewer.
fn earlier() -> Copied {
    let copy = copied();
    let version = |text: String| text.replacen(dawndusk::journal::SCHEMA_VERSION, "3.0.0", 1);
    rewritten(&copy, "journal.jsonl", version);
    rewritten(&copy, "result.json", |text| {
        let mut result: serde_json::Value = serde_json::from_str(&version(text)).expect("JSON");
        result.as_object_mut().expect("an object").remove("meter_cost").expect("it is there");
        result["energy_statement"] = "in the words of then".into();
        serde_json::to_string_pretty(&result).expect("JSON") + "\n"
    });
    rewritten(&copy, "summary.txt", |text| text.replace("VALID", "valid"));
    copy
}

#[test]
fn a_result_of_an_earlier_format_is_no_forgery_and_its_figures_are_compared() {
    let copy = earlier();
    let output = copy.command("verify", &[]);
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "nothing was tampered with: {answer}{}", said(&output));
    assert!(answer.contains("written in format 3.0.0") && answer.contains("the figures alone"), "{answer}");
    let output = copy.command("verify", &["--json"]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert_eq!((&document["verified"], &document["written_in"]), (&true.into(), &"3.0.0".into()), "{document}");
}

#[test]
fn a_figure_that_does_not_follow_is_told_in_an_earlier_format_as_well() {
    let copy = earlier();
    rewritten(&copy, "result.json", |text| {
        let mut result: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        result["idle_power_w"] = 1.25.into();
        serde_json::to_string_pretty(&result).expect("JSON") + "\n"
    });
    let output = copy.command("verify", &[]);
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(10), "{answer}");
    assert!(answer.contains("result.json: /idle_power_w is 1.25"), "{answer}");
    assert!(!answer.contains("schema_version"), "the version is no disagreement: {answer}");
}
