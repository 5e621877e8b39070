//! Profiles: what is shipped is valid, what is wrong is refused in one line that says where and what is allowed.

use dawndusk::envelope::{Scale, Shown, Sky, Spacecraft};
use dawndusk::profile::{self, Override, ProfileError, Satellite};
use dawndusk::reading::Provenance;
use dawndusk::units::{Seconds, Watts};
use std::path::{Path, PathBuf};

fn overrides(texts: &[&str]) -> Vec<Override> {
    texts.iter().map(|text| text.parse().unwrap_or_else(|cause| panic!("{cause}"))).collect()
}

fn load(name: &str, texts: &[&str]) -> Result<Satellite, ProfileError> {
    profile::satellite(name, &overrides(texts))
}

/// The message of a refusal, which must be one line, bad input, and hold all fragments.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ProfileError>, fragments: &[&str]) {
    let error = match result {
        Err(error) => error,
        Ok(value) => panic!("accepted, expected {fragments:?}: {value:?}"),
    };
    let message = error.to_string();
    assert!(!message.contains('\n'), "one line: {message}");
    assert!(message.len() < 1000, "short: {message}");
    for fragment in fragments {
        assert!(message.contains(fragment), "{message:?} does not say {fragment:?}");
    }
}

#[test]
fn every_invalid_profile_is_refused_with_its_file_key_and_range() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid_profiles");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    assert!(files.len() >= 45, "{} files", files.len());
    for file in files {
        let path = file.to_str().expect("a plain path");
        let text = std::fs::read_to_string(&file).expect("readable");
        let first = text.lines().next().unwrap_or_default();
        let expected = first.strip_prefix("# expect: ").unwrap_or_else(|| panic!("{path}: no expectation"));
        let fragments: Vec<&str> = std::iter::once(path).chain(expected.split(" | ")).collect();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("machine_") {
            refused(profile::machine(path), &fragments);
        } else {
            refused(profile::satellite(path, &[]), &fragments);
        }
    }
}

#[test]
fn every_shipped_satellite_is_valid_and_flies() {
    let names: Vec<&str> = profile::SATELLITES.iter().map(|shipped| shipped.name).collect();
    assert_eq!(names, ["leo-100kw", "ai1", "suncatcher", "equatorial-stress", "unlimited"], "the default is first");
    for shipped in profile::SATELLITES {
        let satellite = load(shipped.name, &[]).unwrap_or_else(|cause| panic!("{cause}"));
        assert!(profile::check(&satellite).is_ok(), "{}: a loaded satellite is a checked one", shipped.name);
        assert!(shipped.summary().len() > 20, "{}: the first line says what it is", shipped.name);
        let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
        let state = spacecraft.step(Seconds(6000.0), Watts(0.5 * satellite.compute.power_w), 1e6);
        assert!(state.temperatures.junction.is_finite() && state.soc > 0.0, "{}: {state:?}", shipped.name);
    }
}

#[test]
fn every_number_of_a_shipped_profile_has_its_source_beside_it() {
    // The control stands for no satellite, and says so once at its top.
    for shipped in profile::SATELLITES.iter().filter(|shipped| shipped.name != "unlimited") {
        let mut source = "";
        for line in shipped.text.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
            let comment = line.split_once('#').map_or("", |(_, comment)| comment.trim());
            let twin = ["discharge_efficiency", "earth_view_factor_2", "sun_cosine_2", "soc_max"]
                .iter()
                .any(|key| line.starts_with(key));
            assert!(!comment.is_empty() || (twin && !source.is_empty()), "{}: {line}", shipped.name);
            source = comment;
        }
    }
}

#[test]
fn nothing_binds_in_the_unlimited_control() {
    let satellite = load("unlimited", &[]).unwrap_or_else(|cause| panic!("{cause}"));
    let mut spacecraft = Spacecraft::new(&satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    for _ in 0..20_000 {
        spacecraft.step(Seconds(1.0), Watts(10.0 * satellite.compute.power_w), 1e9);
    }
    assert!(!spacecraft.breaches().any(), "ten times the load: {:?}", spacecraft.breaches());
    assert_eq!(spacecraft.state().soc, 1.0, "the battery is never touched");
    assert_eq!(spacecraft.state().backlog_bits, 0.0, "the link is never full");
}

#[test]
fn the_equator_is_dark_in_every_orbit() {
    let satellite = load("equatorial-stress", &[]).unwrap_or_else(|cause| panic!("{cause}"));
    for month in 1..=12 {
        let date = format!("2027-{month:02}-21T00:00:00Z").parse().expect("an instant");
        let shown = Shown::new(&satellite, date);
        assert!(shown.derived.eclipse.umbra_s > Seconds(1900.0), "{date}: {:?}", shown.derived.eclipse);
    }
}

#[test]
fn ai1_holds_its_average_and_not_its_peak() {
    let satellite = load("ai1", &[]).unwrap_or_else(|cause| panic!("{cause}"));
    let june = "2027-06-21T00:00:00Z".parse().expect("an instant");
    let derived = Shown::new(&satellite, june).derived;
    let heat = derived.thermal.power_at_junction_limit_w;
    assert!(heat > Watts(120_000.0) && heat < Watts(150_000.0), "the radiator holds {heat}");
    let compute = (derived.power.sustainable_w.0 - satellite.bus.housekeeping_w) * satellite.bus.conversion_efficiency;
    assert!(compute > 120_000.0 && compute < 150_000.0, "the array holds {compute} W in June");
}

#[test]
fn a_profile_survives_the_way_through_json() {
    for shipped in profile::SATELLITES {
        let satellite = load(shipped.name, &[]).unwrap_or_else(|cause| panic!("{cause}"));
        let json = serde_json::to_string(&satellite).expect("plain data serialises");
        let back: Satellite = serde_json::from_str(&json).unwrap_or_else(|cause| panic!("{cause}"));
        assert_eq!(back, satellite, "{}", shipped.name);
    }
}

#[test]
fn an_override_changes_one_key_and_is_checked_like_the_file() {
    let satellite = load("leo-100kw", &["orbit.altitude_km=700", "orbit.ltan=18:00", "link.mode=direct"])
        .unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(satellite.orbit.altitude_km, 700.0, "a whole number is a number");
    assert_eq!(satellite.orbit.ltan.as_deref(), Some("18:00"), "a bare word is text");
    assert_eq!(satellite.link.mode, profile::LinkMode::Direct, "a bare word is text");
    let start = load("leo-100kw", &["orbit.start=2027-03-01T12:00:00Z"]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(start.orbit.start.to_string(), "2027-03-01T12:00:00Z", "a bare instant is text");
    let last =
        load("leo-100kw", &["array.power_w=1e5", "array.power_w = 2e5"]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(last.array.power_w, 2e5, "the last override of a key holds");
    let quoted = load("leo-100kw", &["orbit.ltan=\"07:30\""]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(quoted.orbit.ltan.as_deref(), Some("07:30"), "TOML text is text");
}

#[test]
fn a_wrong_override_is_refused_by_its_name() {
    refused(load("leo-100kw", &["orbit.altitude_km=100"]), &["leo-100kw with --set orbit.altitude_km", "is 100"]);
    refused(load("leo-100kw", &["orbit.height=700"]), &["unknown key orbit.height", "known keys in [orbit]"]);
    refused(load("leo-100kw", &["altitude_km=700"]), &["unknown key altitude_km", "nearest: orbit.altitude_km"]);
    refused(load("leo-100kw", &["orbit=5"]), &["unknown key orbit"]);
    refused(load("leo-100kw", &["orbit.start.year=5"]), &["unknown key orbit.start.year"]);
    refused(load("leo-100kw", &["array.power_w=lots"]), &["array.power_w is \"lots\"", "a number from 1"]);
    refused(load("leo-100kw", &["array.power_w=nan"]), &["array.power_w is nan"]);
    refused(load("leo-100kw", &["battery.charge_efficiency=1.4"]), &["is 1.4", "from 0.01 to 1"]);
    refused(load("leo-100kw", &["battery.soc_min=0.9"]), &["battery.soc_initial is 0.8", "over battery.soc_min, 0.9"]);
    refused(load("leo-100kw", &["array.power_w={a=1}"]), &["array.power_w is a table"]);
    for text in ["", "=", "orbit.altitude_km", "orbit.altitude_km=", "=700"] {
        refused(text.parse::<Override>(), &["expected KEY.PATH=VALUE"]);
    }
}

#[test]
fn a_value_brings_no_further_keys_along() {
    let item: Override = "bus.housekeeping_w=1\nvalue2=3".parse().unwrap_or_else(|cause| panic!("{cause}"));
    assert!(item.value.is_str(), "{item:?}");
    refused(profile::satellite("leo-100kw", &[item]), &["bus.housekeeping_w is"]);
}

#[test]
fn a_plane_changes_its_kind_only_as_a_whole() {
    refused(
        load("leo-100kw", &["orbit.inclination_deg=53"]),
        &["--set orbit.inclination_deg", "conflicts", "setting both, and not ltan, leaves the Sun-synchronous orbit"],
    );
    let inclined = load("leo-100kw", &["orbit.inclination_deg=53", "orbit.raan_deg=10"]);
    let inclined = inclined.unwrap_or_else(|cause| panic!("{cause}")).orbit;
    assert_eq!((inclined.ltan, inclined.inclination_deg), (None, Some(53.0)), "both together leave the local time");
    let synchronous = load("equatorial-stress", &["orbit.ltan=06:00"]).unwrap_or_else(|cause| panic!("{cause}")).orbit;
    assert_eq!((synchronous.inclination_deg, synchronous.raan_deg), (None, None), "a local time leaves the plane");
    let tilted = load("equatorial-stress", &["orbit.inclination_deg=28.5"]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(tilted.orbit.inclination_deg, Some(28.5), "one angle of an inclined plane may change alone");
    refused(
        load("leo-100kw", &["orbit.ltan=07:00", "orbit.inclination_deg=53", "orbit.raan_deg=1"]),
        &["--set orbit.ltan", "conflicts"],
    );
}

#[test]
fn what_is_no_profile_at_all_is_refused_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a plain path").to_owned();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("writable");
        path(name)
    };
    refused(profile::satellite(folder.path().to_str().expect("a plain path"), &[]), &["is a directory, not a file"]);
    refused(profile::satellite(&write("empty.toml", b""), &[]), &["empty.toml", "is empty"]);
    refused(profile::satellite(&write("bytes.toml", b"[orbit]\n\xff\xfe"), &[]), &["is not UTF-8 (at byte 8)"]);
    refused(profile::satellite(&write("big.toml", &vec![b'#'; (1 << 20) + 1]), &[]), &["is larger than 1048576 bytes"]);
    let fits = [&vec![b'#'; 1 << 19], b"\n".as_slice(), profile::SATELLITES[0].text.as_bytes()].concat();
    assert!(profile::satellite(&write("fits.toml", &fits), &[]).is_ok(), "half a MiB of comment does no harm");
    refused(profile::satellite(&path("none.toml"), &[]), &["none.toml", "shipped: leo-100kw, ai1"]);
    refused(profile::satellite("leo-100", &[]), &["leo-100: no such satellite profile", "leo-100kw"]);
    refused(profile::satellite("", &[]), &["no such satellite profile"]);
    refused(profile::satellite("a\0b", &[]), &["no such satellite profile"]);
    refused(profile::satellite("two\nlines", &[]), &["no such satellite profile"]);
    refused(profile::machine("h100"), &["no such machine profile", "shipped: ideal"]);
    let deep = format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    refused(profile::satellite(&write("deep.toml", deep.as_bytes()), &[]), &["deep.toml", "is not TOML"]);
    if Path::new("/dev/null").exists() {
        refused(profile::satellite("/dev/null", &[]), &["is a device or pipe, not a file"]);
    }
}

#[test]
fn a_satellite_file_is_read_from_its_path() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, profile::SATELLITES[1].text).expect("writable");
    let mine = load(path.to_str().expect("a plain path"), &[]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(mine, load("ai1", &[]).unwrap_or_else(|cause| panic!("{cause}")), "the same text, the same satellite");
}

#[test]
fn instants_and_days_may_be_written_as_toml_has_them() {
    let text = profile::SATELLITES[0].text.replace("\"2027-12-22T00:00:00Z\"", "2027-12-22T00:00:00Z");
    let satellite = profile::satellite_from_text("bare", &text, &[]).unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(satellite, load("leo-100kw", &[]).unwrap_or_else(|cause| panic!("{cause}")), "a bare instant");
    let text = profile::MACHINES[0].text.replace("\"2027-01-01\"", "2027-01-01");
    assert!(profile::machine_from_text("bare", &text).is_ok(), "a bare day");
}

#[test]
fn a_satellite_changed_in_code_can_be_checked_again() {
    let mut satellite = load("leo-100kw", &[]).unwrap_or_else(|cause| panic!("{cause}"));
    satellite.array.power_w = f64::NAN;
    refused(profile::check(&satellite), &["satellite: array.power_w is nan"]);
    satellite.array.power_w = 1e5;
    satellite.orbit.ltan = Some("noon".to_owned());
    refused(profile::check(&satellite), &["orbit.ltan is \"noon\""]);
}

#[test]
fn the_ideal_machine_works_in_proportion_to_its_power_and_says_it_is_assumed() {
    let ideal = profile::machine("ideal").unwrap_or_else(|cause| panic!("{cause}"));
    assert_eq!(ideal.provenance, Provenance::Modelled, "an assumption is no measurement");
    assert!(ideal.source.starts_with("assumed"), "{}", ideal.source);
    for (power, rate) in [(-5.0, 0.0), (0.0, 0.0), (250.0, 0.25), (1000.0, 1.0), (2000.0, 1.0)] {
        assert!((ideal.rate_at(Watts(power)) - rate).abs() < 1e-15, "{power} W");
    }
    assert_eq!(ideal.full(), Watts(1000.0), "full power");
}

#[test]
fn every_shipped_machine_is_acceptable_and_says_where_its_points_are_from() {
    assert!(profile::MACHINES.len() >= 3, "the assumed one, and others that were measured");
    for shipped in profile::MACHINES {
        let machine = profile::machine(shipped.name).unwrap_or_else(|cause| panic!("{cause}"));
        assert_eq!(machine.name, shipped.name, "the file and its name");
        let source = &machine.source;
        if machine.provenance == Provenance::Modelled {
            assert!(source.starts_with("assumed") || source.contains("dawndusk"), "{}: {source}", shipped.name);
            continue;
        }
        let told = source.starts_with("measured") || source.starts_with("cited: ") && source.contains("20");
        assert!(told, "{}: a measurement, or a citation with its year: {source}", shipped.name);
        assert!(machine.points.len() >= 5, "{}: {} points make a curve", shipped.name, machine.points.len());
        assert!(machine.idle_w > 0.0, "{}: a board that is on draws something", shipped.name);
        assert!(machine.full().0 <= machine.rated_w * 1.05, "{}: full power within the limit", shipped.name);
    }
}

#[test]
fn a_machine_works_between_its_points() {
    let text = profile::MACHINES[0].text.replace("idle_w = 0.0", "idle_w = 100.0").replace(
        "[[point]]",
        "[[point]]\npower_w = 300.0\nrate = 0.5\n\n[[point]]\npower_w = 500.0\nrate = 0.8\n\n[[point]]",
    );
    let machine = profile::machine_from_text("bent", &text).unwrap_or_else(|cause| panic!("{cause}"));
    for (power, rate) in [(100.0, 0.0), (200.0, 0.25), (300.0, 0.5), (400.0, 0.65), (750.0, 0.9), (1e9, 1.0)] {
        let found = machine.rate_at(Watts(power));
        assert!((found - rate).abs() < 1e-12, "{power} W: {found}, expected {rate}");
    }
}

/// Paths of all keys, from a satellite that has them all.
fn keys() -> Vec<String> {
    let mut satellite = load("leo-100kw", &[]).unwrap_or_else(|cause| panic!("{cause}"));
    satellite.orbit.inclination_deg = Some(1.0);
    satellite.orbit.raan_deg = Some(1.0);
    let json = serde_json::to_value(satellite).expect("plain data serialises");
    let sections = json.as_object().expect("sections");
    let inside = |(name, section): (&String, &serde_json::Value)| -> Vec<String> {
        section.as_object().expect("keys").keys().map(|key| format!("{name}.{key}")).collect()
    };
    sections.iter().flat_map(inside).collect()
}

/// Values at, around and far beyond the edges of every kind of key.
#[rustfmt::skip]
const VALUES: [&str; 39] = [
    "-1e300", "-1", "-0.0", "0", "1e-300", "1e-9", "1e-3", "0.5", "1", "2", "100", "250.0", "1e3", "5e3", "1e5",
    "1e6", "1e9", "1e12", "1e15", "1e300", "9223372036854775807", "nan", "-inf", "true", "[]", "[1]", "{}", "\"\"",
    "00:00", "23:59", "relay", "direct", "orbit-normal", "1950-01-01T00:00:00Z", "2049-12-31T23:59:59Z",
    "1949-12-31T23:59:59Z", "\u{1f600}", "'''", "#",
];

/// Flies a minute of an accepted satellite and shows it: everything must be finite.
fn flies(what: &str, satellite: &Satellite) {
    let mut spacecraft = Spacecraft::new(satellite, Scale::FULL, Sky::Orbit, satellite.orbit.start);
    let state = *spacecraft.step(Seconds(60.0), Watts(1e5), 1e6);
    let temperatures = state.temperatures;
    assert!(temperatures.junction.is_finite() && temperatures.radiator.0 > 0.0, "{what}: {temperatures:?}");
    assert!((0.0..=1.0).contains(&state.soc), "{what}: charge {}", state.soc);
    assert!((0.0..=1.0).contains(&state.illumination), "{what}: illumination {}", state.illumination);
    let shown = Shown::new(satellite, satellite.orbit.start);
    let json = serde_json::to_string(&shown).expect("plain data serialises");
    assert!(!json.contains("null"), "{what}: a number is not finite in {json}");
}

#[test]
fn no_value_of_any_key_panics_and_what_is_accepted_flies() {
    let keys = keys();
    assert!(keys.len() > 40, "all keys are tried: {keys:?}");
    let mut flown = 0;
    for base in ["leo-100kw", "equatorial-stress"] {
        for key in &keys {
            for value in VALUES {
                let text = format!("{key}={value}");
                let item: Override = text.parse().unwrap_or_else(|cause| panic!("{cause}"));
                match profile::satellite(base, &[item]) {
                    Err(error) => refused::<()>(Err(error), &[base]),
                    Ok(satellite) => {
                        flown += 1;
                        flies(&format!("{base} {text}"), &satellite);
                    }
                }
            }
        }
    }
    assert!(flown > 300, "only {flown} were accepted");
}
