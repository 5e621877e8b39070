//! What cannot be merged is refused before anything is touched.

use crate::flown::{Copied, copied, dawndusk, files, said, steady};

fn refuses(copy: &Copied, words: &[&str], fragments: &[&str]) {
    let before = files(&copy.directory);
    let output = copy.command("report", words);
    assert_eq!(output.status.code(), Some(2), "{words:?} is bad input: {}", said(&output));
    for fragment in fragments {
        assert!(said(&output).contains(fragment), "{words:?} must name `{fragment}`: {}", said(&output));
    }
    assert!(files(&copy.directory) == before, "{words:?} must touch nothing");
}

#[test]
fn a_file_of_another_time_or_that_is_no_meters_is_refused_and_nothing_is_touched() {
    let copy = copied();
    let far = copy.file("far.csv", steady(50.0, 2, (0.0, 0.0)));
    refuses(
        &copy,
        &["--meter-file", &far, "--meter-offset", "86400"],
        &["far.csv", "no sample lies", "--meter-offset"],
    );
    let text = copy.file("letter.txt", "Dear Sir,\nwatts are fine.\n");
    refuses(&copy, &["--meter-file", &text], &["letter.txt", "line 1"]);
    let empty = copy.file("empty.csv", "");
    refuses(&copy, &["--meter-file", &empty], &["empty.csv", "two powers"]);
    let bytes = copy.file("picture.png", [0x89, b'P', 0xff, 0, 1, 2, 0xfe]);
    refuses(&copy, &["--meter-file", &bytes], &["picture.png", "no text"]);
    refuses(&copy, &["--meter-file", "/no/such/file.csv"], &["/no/such/file.csv"]);
    let folder = copy.directory.to_string_lossy().into_owned();
    refuses(&copy, &["--meter-file", &folder], &["--meter-file"]);
    copy.is_sound();
}

#[test]
fn words_about_a_file_are_checked_and_need_the_file() {
    let copy = copied();
    let file = copy.file("plug.csv", steady(50.0, 2, (0.0, 0.0)));
    let with = |more: [&str; 2], fragments: &[&str]| {
        refuses(&copy, &[&["--meter-file", file.as_str()][..], &more].concat(), fragments);
        refuses(&copy, &more, &[more[0]]);
    };
    with(["--meter-band", "0"], &["--meter-band", "up to 50"]);
    with(["--meter-band", "nan"], &["--meter-band", "up to 50"]);
    with(["--meter-boundary", "moon"], &["--meter-boundary", "wall, accelerator, package, apu, module, cpu_package"]);
    with(["--meter-offset", "inf"], &["--meter-offset", "number of seconds"]);
    for more in [["--meter-band", "2"], ["--meter-boundary", "wall"], ["--meter-offset", "3"]] {
        refuses(&copy, &more, &["--meter-file"]);
    }
}

#[test]
fn a_directory_that_holds_no_flight_is_refused_and_stays_as_it_is() {
    let copy = copied();
    let file = copy.file("plug.csv", steady(50.0, 2, (0.0, 0.0)));
    let mut others = files(&copy.directory);
    let benched = r#"{"sequence":0,"t_s":0.0,"event":"benched","program":"dawndusk","test_time":"2026-11-22T10:00:00Z","repeats":1,"measured_too":[]}"#;
    others.retain(|name, _| name == "conditions.json");
    others.insert("journal.jsonl".into(), format!("{benched}\n").into_bytes());
    copy.put(&others);
    refuses(&copy, &["--meter-file", &file], &["journal.jsonl", "`opened`"]);
    let mut torn = files(&copied().directory);
    let journal = torn.get_mut("journal.jsonl").expect("it is there");
    journal.truncate(journal.len() - 5);
    torn.retain(|name, _| name == "journal.jsonl");
    copy.put(&torn);
    refuses(&copy, &["--meter-file", &file], &["journal.jsonl", "torn"]);
}

#[test]
fn a_recording_in_another_form_than_its_own_is_refused_with_its_line_and_never_read_as_something_else() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (text, fragments) in [
        ("t_s;energy_j\n0;0\n1;52,71\n2;105,42\n", ["line 1", "t_s,energy_j"]),
        ("t_s,energy_j\n0,0\n1,52,71\n2,105,42\n", ["line 3", "more columns"]),
        ("t_s,energy_j\n0,\"0\"\n1,\"1,200\"\n2,\"2,400\"\n", ["line 3", "neither a number of joules nor a cause"]),
        ("0,0,1,2\n1,60,1,2\n2,120,1,2\n", ["line 1", "more columns"]),
        ("t_s,energy_wh\n0,0\n1,60\n2,120\n", ["line 1", "t_s,energy_wh"]),
        ("t_s,energy_j\n0,100\n0,5000\n0,20\n0,700\n1,150\n", ["line 3", "rise"]),
    ] {
        let file = folder.path().join("looks.csv");
        std::fs::write(&file, text).expect("files can be written");
        let (meter, results) = (format!("recorded://{}", file.display()), folder.path().join("results"));
        let results = results.to_string_lossy().into_owned();
        let words =
            ["run", "unlimited", "--adapter", "cpu", "--length", "quick", "--workloads", "fma", "--meter", &meter];
        let output = dawndusk(&[&words[..], &["--results", &results]].concat());
        assert_eq!(output.status.code(), Some(14), "{text:?}: {}", said(&output));
        for fragment in fragments {
            assert!(said(&output).contains(fragment), "{text:?} must name `{fragment}`: {}", said(&output));
        }
    }
}
