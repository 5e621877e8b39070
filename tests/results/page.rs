//! `report.html`: one file that loads nothing, says what the other pages say, and keeps as text what a flight names.

use crate::flown::said;
use crate::simulated::{dawndusk, only_result, simulate};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// A simulated flight with a fault of every kind of mark.
fn flown(results: &Path, more: &[&str]) -> PathBuf {
    let faults = ["--fault", "silent@600+30", "--fault", "array=0.2@3000", "--jitter", "0.3"];
    let output = simulate(results, &[&faults, more].concat());
    assert_eq!(output.status.code(), Some(0), "no limit is broken: {}", said(&output));
    only_result(results)
}

fn read(directory: &Path, name: &str) -> String {
    std::fs::read_to_string(directory.join(name)).expect("the page is there")
}

/// What the curves are drawn from.
fn data(page: &str) -> Value {
    let (_, after) = page.split_once("id=\"data\">").expect("the data are in the page");
    let (json, _) = after.split_once("</script>").expect("they end");
    serde_json::from_str(json).expect("they are JSON")
}

fn number(value: &Value, place: &str) -> f64 {
    value.pointer(place).and_then(Value::as_f64).unwrap_or_else(|| panic!("{place} is a number"))
}

fn greatest(data: &Value, curve: &str, sign: f64) -> f64 {
    let rows = data["rows"][curve].as_array().expect("a curve");
    rows.iter().filter_map(Value::as_f64).map(|value| sign * value).fold(f64::NEG_INFINITY, f64::max) * sign
}

#[test]
fn the_page_loads_nothing_and_is_small() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let page = read(&flown(results.path(), &[]), "report.html");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    for loading in
        ["src=", "href=", "@import", "url(http", "url(//", "url(\"http", "fetch(", "XMLHttpRequest", "import("]
    {
        assert!(!page.contains(loading), "{loading} loads something");
    }
    let (_, policy) = page.split_once("Content-Security-Policy\" content=\"").expect("a policy");
    assert!(policy.starts_with("default-src &#39;none&#39;") || policy.starts_with("default-src 'none'"), "no network");
    assert!(!policy.split('"').next().unwrap_or_default().contains("http"), "and from nowhere");
}

#[test]
fn every_limit_and_every_workload_is_on_the_page_with_the_numbers_of_the_result() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = flown(results.path(), &[]);
    let (page, result) = (read(&directory, "report.html"), read(&directory, "result.json"));
    let (data, result): (Value, Value) = (data(&page), serde_json::from_str(&result).expect("it is JSON"));
    let near = |one: f64, two: f64, what: &str| assert!((one - two).abs() < 0.006, "{what}: {one} on the page, {two}");
    let satellite = "/plan/satellite";
    let kelvin = |place: &str| number(&result, &format!("{satellite}/thermal/{place}")) - 273.15;
    near(number(&data, "/junction_limit"), kelvin("junction_limit_k"), "junction");
    near(number(&data, "/loop_limit"), kelvin("loop_limit_k"), "loop");
    for (limit, key) in [("/charge_min", "soc_min"), ("/charge_max", "soc_max")] {
        near(number(&data, limit), 100.0 * number(&result, &format!("{satellite}/battery/{key}")), key);
    }
    near(greatest(&data, "charge", -1.0), 100.0 * number(&result, "/flight/soc_lowest"), "lowest charge");
    near(greatest(&data, "junction", 1.0), number(&result, "/flight/junction_highest_k") - 273.15, "hottest junction");
    near(greatest(&data, "loop", 1.0), number(&result, "/flight/loop_highest_k") - 273.15, "hottest loop");
    let share = format!("{:.1}\u{a0}% of the work", 100.0 * number(&result, "/flight/share_of_unconstrained"));
    assert!(page.contains(&share), "{share}");
    let workloads = result["flight"]["workloads"].as_array().expect("a list");
    for (index, workload) in workloads.iter().enumerate() {
        let name = workload["name"].as_str().expect("a name");
        assert_eq!(data["workloads"][index], name, "in the curves");
        assert!(page.contains(&format!("<th scope=\"row\">{name}</th>")), "{name} in the tables");
    }
    for (name, assumption) in
        result["assumptions"].as_array().expect("a list").iter().map(|one| (&one["assumption"], one))
    {
        assert!(page.contains(&format!("<th scope=\"row\">{}</th>", name.as_str().expect("a name"))), "{assumption}");
    }
    for text in ["fault: silent@600+30", "fault: array=0.2@3000", "regime: stale after tracking"] {
        assert!(page.contains(text), "the mark `{text}`");
    }
    let marks = data["marks"].as_array().expect("a list");
    assert!(marks.iter().any(|mark| mark[1] == "fault" && mark[0] == 50.0), "3000 s are 50 minutes: {marks:?}");
    assert!(marks.iter().any(|mark| mark[1] == "regime"), "and regimes: {marks:?}");
}

#[test]
fn watts_that_were_not_measured_are_told_before_anything_else() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let page = read(&flown(results.path(), &[]), "report.html");
    let (_, after) = page.split_once("<h1>").expect("a headline");
    let headline = after.split("</h1>").next().unwrap_or_default();
    assert!(headline.contains("</span> The watts are modelled, not measured: "), "{headline}");
    assert!(headline.contains("a simulated machine"), "and what flew: {headline}");
}

#[test]
fn a_long_flight_is_thinned_and_says_so() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = flown(results.path(), &["--compression", "6"]);
    let page = read(&directory, "report.html");
    let (ticks, rows) = (read(&directory, "timeline.csv").lines().count() - 1, data(&page)["rows"]["charge"].clone());
    let rows = rows.as_array().map_or(0, Vec::len);
    assert!(rows < ticks && rows <= 5002, "{rows} rows of {ticks}");
    assert!(page.contains(&format!("{rows} of {ticks} ticks are drawn")), "and the page says so");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let result: Value = serde_json::from_str(&read(&directory, "result.json")).expect("it is JSON");
    let lowest = greatest(&data(&page), "charge", -1.0);
    assert!(
        (lowest - 100.0 * number(&result, "/flight/soc_lowest")).abs() < 0.006,
        "the lowest charge is kept: {lowest}"
    );
}

/// Names that would leave their place if they were not kept as text: of a workload, a model, an adapter and a file.
#[test]
fn hostile_names_stay_text() {
    const HOSTILE: &str = "</script><script>alert(1)</script>&amp;\"'<b x='{{data}}'>";
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = flown(results.path(), &[]);
    let journal: String =
        read(&directory, "journal.jsonl").lines().map(|line| format!("{}\n", renamed(line, HOSTILE))).collect();
    let copy = results.path().join("hostile");
    std::fs::create_dir(&copy).expect("a folder");
    std::fs::write(copy.join("journal.jsonl"), journal).expect("the journal can be written");
    let output = dawndusk(&["report", copy.to_str().expect("a path in UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let (before, page) = (read(&directory, "report.html"), read(&copy, "report.html"));
    for tag in ["<script", "</script", "<b x", "<th scope=\"row\"", "<svg"] {
        assert_eq!(page.matches(tag).count(), before.matches(tag).count(), "as many {tag} as without");
    }
    assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;&quot;&#39;"), "as text");
    assert!(page.contains("{{data}}"), "what stands in a name is not filled");
    assert_eq!(data(&page)["workloads"][0], HOSTILE, "and the curves have the name as it is");
}

/// A line of a journal with another name for its workload, and for what else people name.
fn renamed(line: &str, name: &str) -> String {
    let mut entry: Value = serde_json::from_str(line).expect("a line is JSON");
    match entry["event"].as_str() {
        Some("conditions") => {
            for key in ["cpu_info", "gpu_info", "model"] {
                entry[key] = name.into();
            }
            entry["workloads"][0]["name"] = name.into();
        }
        Some("unconstrained") => entry["workload"] = name.into(),
        _ => return line.into(),
    }
    entry.to_string()
}

#[test]
fn a_flight_that_was_cut_short_has_a_page_that_says_so() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let journal = read(&flown(results.path(), &[]), "journal.jsonl");
    let departed = journal.lines().position(|line| line.contains("\"departed\"")).expect("it left");
    for (lines, said) in
        [(1, "the satellite never left"), (departed, "the satellite never left"), (departed + 4, "killed")]
    {
        let copy = results.path().join(format!("cut-{lines}"));
        std::fs::create_dir(&copy).expect("a folder");
        let kept: String = journal.lines().take(lines).map(|line| format!("{line}\n")).collect();
        std::fs::write(copy.join("journal.jsonl"), kept).expect("the journal can be written");
        let output = dawndusk(&["report", copy.to_str().expect("a path in UTF-8")]);
        assert_eq!(output.status.code(), Some(0), "{lines} lines: {output:?}");
        let page = read(&copy, "report.html");
        let (_, after) = page.split_once("<h1>").expect("a headline");
        let headline = after.split("</h1>").next().unwrap_or_default();
        assert!(headline.contains("INVALID") && headline.contains(said), "{lines} lines: {headline}");
        assert_eq!(data(&page).is_null(), lines <= departed, "curves from the first tick on");
    }
}

#[test]
fn what_draws_the_curves_is_the_published_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/page/uplot");
    let sums = read(&folder, "SHA256SUMS");
    assert_eq!(sums.lines().count(), 3, "program, style and licence");
    for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
        let bytes = std::fs::read(folder.join(name)).expect("the file is there");
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, sum, "{name} was changed");
    }
    assert!(read(&folder, "LICENSE").starts_with("The MIT License"), "its licence is beside it");
}

#[test]
fn a_result_of_before_the_page_was_written_is_still_sound() {
    let results = tempfile::tempdir().expect("a temporary directory");
    let directory = flown(results.path(), &[]);
    let sums = read(&directory, "SHA256SUMS");
    std::fs::remove_file(directory.join("report.html")).expect("it can be removed");
    let path = directory.to_str().expect("a path in UTF-8");
    let lost = dawndusk(&["verify", path]);
    assert_ne!(lost.status.code(), Some(0), "listed, and not there: {}", said(&lost));
    let without: String =
        sums.lines().filter(|line| !line.ends_with("report.html")).map(|line| format!("{line}\n")).collect();
    std::fs::write(directory.join("SHA256SUMS"), without).expect("it can be written");
    let old = dawndusk(&["verify", path]);
    assert_eq!(old.status.code(), Some(0), "{}", said(&old));
}

#[test]
fn several_results_stand_on_one_page_and_nothing_else_is_written() {
    let (one, two) = (tempfile::tempdir().expect("a temporary directory"), tempfile::tempdir().expect("another one"));
    let directories = [flown(one.path(), &[]), flown(two.path(), &["--compression", "30"])];
    let paths = directories.each_ref().map(|directory| directory.to_str().expect("a path in UTF-8"));
    let before = directories.each_ref().map(|directory| crate::flown::files(directory));
    let refused = dawndusk(&["report", paths[0], paths[1]]);
    assert_eq!(refused.status.code(), Some(2), "where to? {}", said(&refused));
    let file = one.path().join("page.html");
    let output = dawndusk(&["report", paths[0], paths[1], "--html", file.to_str().expect("a path in UTF-8")]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(directories.each_ref().map(|directory| crate::flown::files(directory)), before, "they stay as they are");
    let page = std::fs::read_to_string(file).expect("the page is there");
    for directory in &directories {
        let name = directory.file_name().expect("a name").to_string_lossy();
        assert!(page.contains(&*name), "{name}");
    }
    assert!(page.contains("<b>time compression</b>: 53.4 times; 30.0 times"), "what sets them apart: {page}");
    assert!(!page.contains("<script"), "no script, and nothing to load");
}
