//! Two sources of the same watts, idle power, and heat.

use crate::flown::{BUSY_W, IDLE_W, MORE, copied, dawndusk, number, said};

#[test]
fn two_sources_that_disagree_are_both_shown_with_the_disagreement() {
    let copy = copied();
    let result = copy.result();
    let energy = &result["flight"]["energy"];
    let seconds = number(&result, "/flight/duration_s");
    let value = number(energy, "/value_j");
    assert!((value / (BUSY_W * seconds) - 1.0).abs() < 0.05, "the first one counts, alone: {energy}");
    let other = &energy["beside"][0];
    assert_eq!(energy["beside"].as_array().map(Vec::len), Some(1), "the other one beside it");
    assert!((number(other, "/value_j") / value - MORE).abs() < 0.01, "a tenth more: {other}");
    assert!((number(other, "/disagreement_share") - 0.0952).abs() < 0.01, "over the mean of both: {other}");
    let notes = result["verdict"]["notes"].to_string();
    assert!(notes.contains("sources disagree on the flight") && notes.contains("recorded:1"), "{notes}");
    assert!(notes.contains("sources disagree on fma"), "in the unconstrained part as well: {notes}");
    assert!(copy.summary().contains("sources disagree on the flight"), "and on the page for people");
}

#[test]
fn idle_power_before_and_after_stands_beside_and_is_never_taken_off() {
    let copy = copied();
    let result = copy.result();
    let idle = number(&result, "/idle_power_w");
    assert!((IDLE_W * 0.9..BUSY_W).contains(&idle), "before the work: {idle} W");
    let after = number(&result, "/idle_power_after_w");
    assert!((after / BUSY_W - 1.0).abs() < 0.05, "after it, of a recording that goes on: {after} W");
    let fma = &result["unconstrained"][0];
    let seconds: f64 =
        fma["samples_ns"].as_array().expect("repeats").iter().filter_map(|ns| ns.as_f64()).sum::<f64>() / 1e9;
    let (energy, work) = (number(fma, "/energy/value_j"), &fma["work_per_joule"]);
    assert!(
        (energy / (BUSY_W * seconds) - 1.0).abs() < 0.2,
        "all that was drawn, idle inside: {energy} J in {seconds} s"
    );
    let (gross, above) = (number(work, "/value"), number(work, "/above_idle"));
    let expected = gross * energy / (energy - idle * seconds);
    assert!((above / expected - 1.0).abs() < 1e-9, "above idle beside gross: {above}, expected {expected}");
    let page = copy.summary();
    assert!(page.contains("W before the work") && page.contains("above idle"), "both on the page: {page}");
}

#[test]
fn heat_in_the_window_leaves_a_result_unranked_with_the_reason() {
    let result = copied().result();
    let verdict = &result["verdict"];
    assert_eq!(verdict["ranked"], false, "not ranked");
    let reasons = verdict["unranked_because"].to_string();
    assert!(reasons.contains("throttled in the flight: hot for"), "the reason, with its time: {reasons}");
    let hot = number(&result, "/flight/throttled/thermal_s");
    assert!(hot > 0.1 && hot <= 0.12 * number(&result, "/flight/duration_s"), "a tenth of the time: {hot} s");
    let share = number(&result, "/flight/slowed_by/thermal_share");
    assert!(share > 0.0 && share <= 0.12, "and as a share: {share}");
}

#[test]
fn what_the_meter_takes_is_on_every_page() {
    let copy = copied();
    let cost = copy.result()["meter_cost"].clone();
    let taken = number(&cost, "/work_share");
    assert!(taken > 0.0 && taken < 0.05, "of the throughput: {cost}");
    assert!(copy.summary().contains("of the throughput"), "on the page: {}", copy.summary());
}

#[test]
fn a_source_that_does_not_see_the_work_is_told_with_both_figures_and_not_ranked() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    // The plug of another machine, which draws less while ours works.
    let energy = |t: f64| 60.0 * t.min(1.0) + 55.0 * (t - 1.0).max(0.0);
    let lines = (0..900).map(|line| f64::from(line) * 0.1).map(|t| format!("{t:.1},{:.4}\n", energy(t)));
    std::fs::write(at("other.csv"), format!("t_s,energy_j\n{}", lines.collect::<String>()))
        .expect("files can be written");
    let meter = format!("recorded://{}?boundary=wall", at("other.csv"));
    let words = ["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--compression", "1000"];
    let output = dawndusk(&[&words[..], &["--workloads", "fma", "--meter", &meter, "--results", &at("r")]].concat());
    assert!(said(&output).contains("the power source does not see the work: "), "before it departs: {}", said(&output));
    let directory =
        std::fs::read_dir(at("r")).expect("the folder is there").flatten().next().expect("one result").path();
    let text = std::fs::read_to_string(directory.join("result.json")).expect("the page is there");
    let result: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let (idle, full) = (number(&result, "/scale/idle_seen_w"), number(&result, "/scale/full_w"));
    assert!(idle >= full && (54.0..61.0).contains(&full), "{idle} W and {full} W");
    let told = format!("the power source does not see the work: {idle:.2} W idle, {full:.2} W at the most");
    let verdict = &result["verdict"];
    assert!(verdict["notes"].to_string().contains(&told), "{verdict}");
    assert!(verdict["unranked_because"].to_string().contains(&told) && verdict["ranked"] == false, "{verdict}");
}
