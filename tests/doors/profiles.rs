//! The profiles of meters that come with the program, each tried against a stand-in of its device, and a user's own.

use crate::servers::{answer, ok, server};
use crate::{bare, named, program, refusal, refused, said, source, sources_with, watts};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const SHIPPED: [&str; 7] =
    ["redfish", "redfish-environment", "ipmi-dcmi", "snmp-pdu", "tasmota", "home-assistant", "prometheus"];

#[test]
fn redfish_gives_the_power_of_a_chassis_behind_a_password_and_a_certificate() {
    let (server, pem) = crate::servers::secure_server(|question| {
        let is_known = question.header("Authorization") == Some("Basic cm9vdDpjYWx2aW4=");
        match (is_known, question.path.as_str()) {
            // Some say how they want the password, some do not.
            (false, path) if path.contains("Environment") => answer("401 Unauthorized", "", ""),
            (false, _) => answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"Redfish\"\r\n", ""),
            (_, "/redfish/v1/Chassis/Self/Power") => ok(r##"{"@odata.type":"#Power.v1_7_1.Power","PowerControl":[
                {"MemberId":"0","Name":"System Power Control","PowerConsumedWatts":344,"PowerMetrics":{"AverageConsumedWatts":319}}]}"##),
            (_, "/redfish/v1/Chassis/1/EnvironmentMetrics") => ok(
                r##"{"@odata.type":"#EnvironmentMetrics.v1_3_0.EnvironmentMetrics","PowerWatts":{"DataSourceUri":null,"Reading":374}}"##,
            ),
            _ => answer("404 Not Found", "", "{}"),
        }
    });
    let folder = bare();
    let file = folder.path().join("bmc.pem");
    std::fs::write(&file, pem).expect("files can be written");
    let place = format!("host=127.0.0.1,port={},user=root,certificate={}", server.port, file.display());
    let meters = [&*format!("profile:redfish,chassis=Self,{place}"), &*format!("profile:redfish-environment,{place}")];
    let found = sources_with(&meters, &[("DAWNDUSK_METER_PASSWORD", "calvin")]);
    let power = named(&found, "redfish:0");
    assert_eq!(watts(&power), 344.0, "now, and not the mean");
    assert_eq!(watts(&named(&found, "redfish-environment:0")), 374.0, "the newer schema");
    // Two questions each, one of them for the password: the opening's, and no further connection for either.
    assert_eq!(server.connections(), 2, "connections stay open: {:?}", server.asked());
    let (cause, _) = refusal(&named(
        &sources_with(&[&format!("profile:redfish,{place}")], &[("DAWNDUSK_METER_PASSWORD", "calvin")]),
        "redfish:0",
    ));
    assert_eq!(cause, "not_supported", "another chassis");
}

/// A program of this name on the path that does what `script` says.
fn on_the_path(folder: &Path, name: &str, script: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("files can be written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

const DCMI: &str = r#"
    Instantaneous power reading:                   220 Watts
    Minimum during sampling period:                 15 Watts
    Maximum during sampling period:                391 Watts
    Average power reading over sample period:      219 Watts
    IPMI timestamp:                           Mon Nov 30 12:00:00 2026
    Sampling period:                          00001178 Seconds.
    Power reading state is:                   activated
"#;

#[test]
fn ipmi_gives_the_power_now_of_this_machine_or_of_a_host() {
    let folder = bare();
    let script = format!(
        "[ \"$*\" = 'dcmi power reading' ] || [ \"$* $IPMI_PASSWORD\" = '-I lanplus -H bmc -U op -E dcmi power reading pw' ] || exit 1\ncat <<'END'{DCMI}END"
    );
    let path = on_the_path(folder.path(), "ipmitool", &script);
    let more = [("PATH", path.as_str()), ("IPMI_PASSWORD", "pw")];
    let found = sources_with(&["profile:ipmi-dcmi", "profile:ipmi-dcmi,host=bmc,login=op"], &more);
    assert_eq!(watts(&named(&found, "ipmi-dcmi:0")), 220.0, "this machine's, and not the mean");
    assert_eq!(watts(&named(&found, "ipmi-dcmi:1")), 220.0, "another's");
    on_the_path(
        folder.path(),
        "ipmitool",
        "echo 'Could not open device at /dev/ipmi0: No such file or directory' >&2; exit 1",
    );
    let (cause, detail) = refusal(&named(&sources_with(&["profile:ipmi-dcmi"], &more[..1]), "ipmi-dcmi:0"));
    assert!(cause == "timeout" && detail.contains("Could not open device"), "what it says is told: {cause}: {detail}");
}

#[test]
fn a_profile_says_at_once_that_its_program_is_not_installed() {
    let folder = bare();
    // The shell's own programs, without the two.
    for name in ["sh", "sed", "sleep", "cat"] {
        let found =
            ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name)).into_iter().find(|file| file.exists());
        std::os::unix::fs::symlink(found.expect("it is there"), folder.path().join(name)).expect("links can be made");
    }
    let path = folder.path().display().to_string();
    for (meter, program) in [("profile:ipmi-dcmi", "ipmitool"), ("profile:snmp-pdu,host=pdu,oid=1", "snmpget")] {
        let began = std::time::Instant::now();
        let name = meter[8..].split(',').next().map(|name| format!("{name}:0")).expect("a name");
        let (cause, detail) = refusal(&named(&sources_with(&[meter], &[("PATH", &path)]), &name));
        let is_told = detail.contains(&format!("it says: {program}")) && detail.contains("not installed");
        assert!(cause == "not_supported" && is_told, "{cause}: {detail}");
        assert!(began.elapsed().as_secs() < 5, "and no line is waited for: {:?}", began.elapsed());
    }
}

#[test]
fn a_profiles_program_is_told_its_period_and_its_parameters_as_they_were_said() {
    let folder = bare();
    let file = folder.path().join("own.toml");
    let log = folder.path().join("log");
    let text = format!(
        "command = \"echo $period_s $wait_s >> {}; while :; do echo 50; sleep 0.2; done\"\n[defaults]\nwait_s = \"1\"\n[settings]\nunit = \"W\"\n",
        log.display()
    );
    std::fs::write(&file, text).expect("files can be written");
    let meter = |more: &str| format!("profile:{}{more}", file.display());
    for more in ["", ",period_s=3,wait_s=2", ",period_s=0.5,wait_s=02"] {
        assert_eq!(watts(&source(&meter(more), "profile-own:0")), 50.0, "{more}");
    }
    let told = std::fs::read_to_string(&log).expect("it was run");
    assert_eq!(told.lines().collect::<Vec<_>>(), ["1 1", "3 2", "0.5 02"], "neither 2.0 nor another period");
    let (code, err) = refused(&["devices", "--meter", "profile:ipmi-dcmi,pause_s=30"]);
    assert!(code == 2 && err.contains("`pause_s` is none"), "there is one key for it: {code}: {err}");
}

#[test]
fn a_profile_states_no_boundary_of_what_its_user_chooses() {
    let outlet = |more: &str| {
        let folder = bare();
        let path = on_the_path(folder.path(), "snmpget", "echo 22");
        let found = sources_with(&[&format!("profile:snmp-pdu,host=pdu,oid=1{more}")], &[("PATH", path.as_str())]);
        named(&found, "snmp-pdu:0")["source"]["boundary"].clone()
    };
    assert_eq!(outlet(""), "not_stated", "any number of the strip");
    assert_eq!(outlet(",boundary=wall"), "wall", "as it is said");
    for name in ["redfish", "redfish-environment", "prometheus", "home-assistant"] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("profiles/meters/{name}.toml"));
        let table: toml::Table = std::fs::read_to_string(file).expect("it is there").parse().expect("TOML");
        assert!(
            !table["settings"].as_table().expect("a table").contains_key("boundary"),
            "{name}: nor any chassis or query"
        );
    }
    let folder = bare();
    let file = folder.path().join("looks.csv");
    std::fs::write(&file, "t_s,energy_j\n0,0\n1,100\n2,200\n").expect("files can be written");
    let recorded = source(&format!("recorded://{}", file.display()), "recorded:0");
    assert_eq!(recorded["source"]["boundary"], "not_stated", "nor any recording: {recorded:#}");
}

#[test]
fn a_power_strip_gives_the_power_of_an_outlet() {
    let folder = bare();
    let script = "[ \"$*\" = '-v2c -c secret -Oqv pdu 1.3.6.1.4.1.318.1.1.26.9.4.3.1.7.5' ] && echo 22 || echo 'No Such Instance currently exists at this OID'";
    let path = on_the_path(folder.path(), "snmpget", script);
    let more = [("PATH", path.as_str())];
    let outlet = "profile:snmp-pdu,host=pdu,community=secret,oid=1.3.6.1.4.1.318.1.1.26.9.4.3.1.7";
    let found = sources_with(&[&format!("{outlet}.5,factor=10"), &format!("{outlet}.6")], &more);
    assert_eq!(watts(&named(&found, "snmp-pdu:0")), 220.0, "in tens of watts");
    let (cause, detail) = refusal(&named(&found, "snmp-pdu:1"));
    assert!(cause == "implausible" && detail.contains("No Such Instance"), "{cause}: {detail}");
    // A parameter is never a part of the command.
    let marker = folder.path().join("ran");
    let evil = format!("profile:snmp-pdu,host=a;touch {0};$(touch {0}),oid=1", marker.display());
    drop(sources_with(&[&evil], &more));
    assert!(!marker.exists(), "what a parameter holds is not run");
}

#[test]
fn tasmota_gives_the_power_of_its_plug() {
    let plug = server(|question| match question.path.as_str() {
        "/cm?cmnd=Status%208" => ok(
            r#"{"StatusSNS":{"Time":"2026-11-30T12:00:00","ENERGY":{"TotalStartTime":"2026-01-01T00:00:00","Total":3.185,"Power":81,"ApparentPower":94,"Voltage":230,"Current":0.41}}}"#,
        ),
        _ => ok(r#"{"Command":"Unknown"}"#),
    });
    let meter = format!("profile:tasmota,host=127.0.0.1,port={}", plug.port);
    assert_eq!(watts(&source(&meter, "tasmota:0")), 81.0, "its power");
    let other = server(|_| ok(r#"{"StatusSNS":{"Time":"2026-11-30T12:00:00"}}"#));
    let (cause, detail) = refusal(&source(&format!("profile:tasmota,host=127.0.0.1,port={}", other.port), "tasmota:0"));
    assert!(cause == "not_supported" && detail.contains("/StatusSNS/ENERGY/Power"), "no meter: {cause}: {detail}");
}

#[test]
fn home_assistant_gives_a_sensor_in_its_own_unit() {
    let home = server(|question| match (question.header("Authorization"), question.path.as_str()) {
        (Some("Bearer t0ken"), "/api/states/sensor.rack_power") => ok(
            r#"{"entity_id":"sensor.rack_power","state":"0.0815","attributes":{"unit_of_measurement":"kW","device_class":"power"},"last_reported":"2026-11-30T12:00:00+00:00"}"#,
        ),
        (Some("Bearer t0ken"), "/api/states/sensor.gone") => ok(
            r#"{"state":"unavailable","attributes":{"unit_of_measurement":"W"},"last_reported":"2026-11-30T12:00:00+00:00"}"#,
        ),
        (Some("Bearer t0ken"), _) => answer("404 Not Found", "", r#"{"message":"Entity not found."}"#),
        _ => answer("401 Unauthorized", "", "401: Unauthorized"),
    });
    let meter = |entity: &str| format!("profile:home-assistant,host=127.0.0.1,port={},entity={entity}", home.port);
    let of = |entity: &str, token: &str| {
        named(&sources_with(&[&meter(entity)], &[("HASS_TOKEN", token)]), "home-assistant:0")
    };
    assert_eq!(watts(&of("sensor.rack_power", "t0ken")), 81.5, "kilowatts");
    let (cause, detail) = refusal(&of("sensor.gone", "t0ken"));
    assert!(cause == "implausible" && detail.contains("unavailable"), "{cause}: {detail}");
    assert_eq!(refusal(&of("sensor.none", "t0ken")).0, "not_supported", "no such entity");
    assert_eq!(refusal(&of("sensor.rack_power", "old")).0, "no_permission", "another token");
    let unset = named(&sources_with(&[&meter("sensor.rack_power")], &[]), "home-assistant:0");
    assert!(std::env::var("HASS_TOKEN").is_ok() || refusal(&unset).1.contains("HASS_TOKEN is not set"), "{unset:#}");
}

#[test]
fn prometheus_gives_the_one_element_of_a_vector() {
    let prometheus = server(|question| match question.path.as_str() {
        "/api/v1/query?query=watts%7Bhost%3D%22a%22%7D" => ok(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"host":"a"},"value":[1700000000.123,"81.5"]}]}}"#,
        ),
        "/api/v1/query?query=watts" => ok(
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"81.5"]},{"metric":{},"value":[1,"40"]}]}}"#,
        ),
        _ => ok(r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#),
    });
    let of = |query: &str| {
        source(&format!("profile:prometheus,host=127.0.0.1,port={},query={query}", prometheus.port), "prometheus:0")
    };
    assert_eq!(watts(&of(r#"watts{host="a"}"#)), 81.5, "a text in a vector");
    let (cause, detail) = refusal(&of("watts"));
    assert!(cause == "implausible" && detail.contains("2 numbers"), "two series: {cause}: {detail}");
    assert_eq!(watts(&of("watts,several=add")), 121.5, "added by choice");
    assert_eq!(refusal(&of("nothing")).0, "not_supported", "an empty vector");
}

#[test]
fn a_users_own_profile_works_by_its_path_and_a_bad_one_is_refused() {
    let server = server(|question| match question.path.as_str() {
        "/now/rack%201" => ok(r#"{"w":[81.5,40.0]}"#),
        _ => answer("404 Not Found", "", ""),
    });
    let folder = bare();
    let file = folder.path().join("rack.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("files can be written");
    let good = format!(
        "url = \"http://{{host}}:{}/now/{{rack}}\"\npointer = [\"/w/0\", \"/w/1\"]\nparameters = [\"host\"]\n[defaults]\nrack = \"rack 1\"\n[settings]\nunit = \"W\"\nboundary = \"wall\"\nseveral = \"add\"\n",
        server.port
    );
    write(&good);
    let meter = format!("profile:{},host=127.0.0.1", file.display());
    assert_eq!(watts(&source(&meter, "profile-rack:0")), 121.5, "by its path, named after its file");
    let checked = |text: &str| {
        write(text);
        let mut command = program(folder.path());
        command.args(["profile", "check"]).arg(&file);
        let said = said(command);
        let listed = refused(&["devices", "--meter", &meter]);
        assert_eq!((said.code, listed.0), (2, 2), "{text}: {} {}", said.err, listed.1);
        assert!(said.err.contains("rack.toml"), "the file is named: {}", said.err);
        said.err
    };
    assert!(checked(&good.replace("pointer", "pointre")).contains("`pointre` is no key"), "an unknown key");
    assert!(checked(&good.replace("boundary", "boundry")).contains("`boundry` is no key"), "an unknown setting");
    assert!(checked(&good.replace("\"W\"", "\"hp\"")).contains("unit"), "a bad value");
    assert!(checked(&good.replace("{rack}", "{room}")).contains("`room` is none"), "an unknown parameter");
    assert!(checked(&format!("command = \"x\"\n{good}")).contains("either a url or a command"), "two ways");
    assert!(checked("url = [").contains("line 1"), "no TOML");
    assert!(checked(&good.replace("url", "ulr")).contains("`ulr` is no key of a profile of a meter"), "another");
    assert!(checked(&good.replace("rack = ", "unit = ")).contains("a setting has this name"), "a name of both");
    let port = "url = \"http://{host}:{port}/\"\nparameters = [\"host\", \"port\"]\n[settings]\nunit = \"W\"\n";
    write(port);
    let mut command = program(folder.path());
    command.args(["profile", "check"]).arg(&file);
    assert_eq!(crate::said(command).code, 0, "a port that has to be given");
    for arguments in [["--set", "a.b=1"], ["--date", "2027-01-01"]] {
        let (code, err) = refused(&[&["profile", "show", "redfish"][..], &arguments].concat());
        assert!(code == 2 && err.contains(arguments[0]) && err.contains("is a meter"), "{arguments:?}: {code}: {err}");
    }
    write(&good);
    let (code, err) = refused(&["devices", "--meter", &format!("profile:{}", file.display())]);
    assert!(code == 2 && err.contains("say host=VALUE"), "a parameter is missing: {code}: {err}");
    let (code, err) = refused(&["devices", "--meter", &format!("{meter},colour=red")]);
    assert!(code == 2 && err.contains("`colour` is none"), "an unknown key: {code}: {err}");
    let (code, err) = refused(&["devices", "--meter", "profile:redfish,host=a/b"]);
    assert!(code == 2 && err.contains("is no host"), "a host that is none: {code}: {err}");
}

#[test]
fn every_shipped_profile_is_listed_shown_and_acceptable() {
    let folder = bare();
    let tell = |arguments: &[&str]| {
        let mut command = program(folder.path());
        command.args(arguments);
        said(command)
    };
    let listed = tell(&["profile", "list"]).out;
    for name in SHIPPED {
        assert!(listed.lines().any(|line| line.starts_with("meter") && line.contains(name)), "{name}: {listed}");
        let shown = tell(&["profile", "show", name]);
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("profiles/meters/{name}.toml"));
        assert_eq!(shown.out, std::fs::read_to_string(file).expect("it is there"), "{name}: as it is");
        assert_eq!(tell(&["profile", "check", name]).code, 0, "{name} is acceptable");
    }
    let files = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/meters")).expect("it is there");
    assert_eq!(files.count(), SHIPPED.len(), "every file is shipped, and tried here");
}
