//! Passwords, tokens and certificates: taken from the environment, sent only where they are asked for, checked by the server.

use crate::servers::{Question, answer, ok, secure_server, server};
use crate::{named, refusal, sources_with, watts};
use sha2::{Digest, Sha256};

const POWER: &str = r#"{"power":81.5}"#;

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A field of a header such as `Digest username="me", nc=00000001`.
fn field(header: &str, key: &str) -> String {
    let start = format!("{key}=");
    let found = header.trim_start_matches("Digest ").split(", ").find_map(|field| field.trim().strip_prefix(&start));
    found.unwrap_or_else(|| panic!("no {key}: {header}")).trim_matches('"').to_owned()
}

/// Lets in who knows the password, by RFC 7616.
fn by_digest(question: &Question) -> Vec<u8> {
    let ask = "WWW-Authenticate: Digest qop=\"auth\", realm=\"plug\", nonce=\"1700000000\", algorithm=SHA-256\r\n";
    let Some(said) = question.header("Authorization") else { return answer("401 Unauthorized", ask, "") };
    let of = |key: &str| field(said, key);
    let user = hash(&format!("{}:plug:s3cret", of("username")));
    let place = hash(&format!("GET:{}", of("uri")));
    let expected = hash(&format!("{user}:1700000000:{}:{}:auth:{place}", of("nc"), of("cnonce")));
    let is_right = of("response") == expected && of("uri") == question.path && !question.head.contains("s3cret");
    if is_right { ok(POWER) } else { answer("401 Unauthorized", ask, "") }
}

#[test]
fn a_digest_password_is_taken_from_the_environment_and_never_sent_as_it_is() {
    let server = server(by_digest);
    let meter = format!("http://127.0.0.1:{}/power?a=b#/power&unit=W&user=me", server.port);
    let with = |password: &str| named(&sources_with(&[&meter], &[("DAWNDUSK_METER_PASSWORD", password)]), "http:0");
    assert_eq!(watts(&with("s3cret")), 81.5, "the right one");
    let (cause, detail) = refusal(&with("wrong"));
    assert!(cause == "no_permission" && detail.contains("does not take user me and its password"), "{cause}: {detail}");
    let (cause, detail) = refusal(&named(&sources_with(&[&meter], &[]), "http:0"));
    assert!(
        cause == "no_permission" && detail.contains("set the environment variable DAWNDUSK_METER_PASSWORD"),
        "{detail}"
    );
    let missing = format!("{meter}&password_env=NOT_SET_ANYWHERE");
    let (_, detail) = refusal(&named(&sources_with(&[&missing], &[]), "http:0"));
    assert!(detail.contains("NOT_SET_ANYWHERE is not set"), "the variable is named: {detail}");
}

#[test]
fn a_server_that_forbids_says_whom() {
    let server = server(|question| match question.header("Authorization") {
        None if question.path.starts_with("/asks") => {
            answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"\r\n", "")
        }
        _ => answer("403 Forbidden", "", ""),
    });
    let detail = |path: &str| {
        let meter = format!("http://127.0.0.1:{}{path}#/power&unit=W&user=me", server.port);
        let found = named(&sources_with(&[&meter], &[("DAWNDUSK_METER_PASSWORD", "s3cret")]), "http:0");
        let (cause, detail) = refusal(&found);
        assert_eq!(cause, "no_permission", "{detail}");
        detail
    };
    assert!(detail("/asks").contains("knows this user and does not let it in"), "who has logged in");
    let open = detail("/open");
    assert!(open.contains("asks for no password") && !open.contains("knows this user"), "nobody has: {open}");
}

#[test]
fn a_shelly_device_takes_the_same_password() {
    let server = server(|question| match question.path.as_str() {
        "/shelly" => ok(r#"{"model":"SNPL-00112EU","gen":2,"auth_en":true}"#),
        path if path.starts_with("/rpc/Switch.GetStatus") => match by_digest(question) {
            good if good == ok(POWER) => ok(r#"{"id":0,"output":true,"apower":81.5}"#),
            refused => refused,
        },
        _ => answer("404 Not Found", "", ""),
    });
    let meter = format!("shelly://127.0.0.1:{}", server.port);
    let found = named(&sources_with(&[&meter], &[("DAWNDUSK_METER_PASSWORD", "s3cret")]), "shelly:0");
    assert_eq!(watts(&found), 81.5, "it is let in");
    let (cause, detail) = refusal(&named(&sources_with(&[&meter], &[]), "shelly:0"));
    let says_how = detail.contains("Digest") && detail.contains("DAWNDUSK_METER_PASSWORD");
    assert!(cause == "no_permission" && says_how, "{cause}: {detail}");
}

#[test]
fn a_basic_password_and_a_token_are_sent_where_they_belong() {
    let basic = server(|question| match question.header("Authorization") {
        // me:s3cret
        Some("Basic bWU6czNjcmV0") => ok(POWER),
        _ => answer("401 Unauthorized", "WWW-Authenticate: Basic realm=\"a\"\r\n", ""),
    });
    let meter = format!("http://127.0.0.1:{}/#/power&unit=W&user=me&password_env=BMC", basic.port);
    assert_eq!(watts(&named(&sources_with(&[&meter], &[("BMC", "s3cret")]), "http:0")), 81.5, "basic");
    let (_, detail) = refusal(&named(&sources_with(&[&meter], &[("BMC", "wrong")]), "http:0"));
    assert!(detail.contains("set BMC to the password") && !detail.contains("wrong"), "{detail}");
    let open = server(|question| match question.header("Authorization") {
        None => ok(POWER),
        Some(_) => answer("400 Bad Request", "", ""),
    });
    let meter = format!("http://127.0.0.1:{}/#/power&unit=W", open.port);
    let found = sources_with(&[&meter], &[("DAWNDUSK_METER_PASSWORD", "s3cret")]);
    assert_eq!(watts(&named(&found, "http:0")), 81.5, "a server that does not ask is told nothing");
    let token = server(|question| match question.header("Authorization") {
        Some("Bearer t0ken") => ok(POWER),
        _ => answer("401 Unauthorized", "", ""),
    });
    let meter = format!("http://127.0.0.1:{}/#/power&unit=W&token_env=T", token.port);
    assert_eq!(watts(&named(&sources_with(&[&meter], &[("T", "t0ken")]), "http:0")), 81.5, "a token");
    let (_, detail) = refusal(&named(&sources_with(&[&meter], &[("T", "old")]), "http:0"));
    assert!(detail.contains("does not take the token"), "{detail}");
}

#[test]
fn behind_https_a_certificate_is_trusted_that_is_named_and_no_other() {
    let (server, pem) = secure_server(|_| ok(POWER));
    let (_other, other_pem) = secure_server(|_| ok(POWER));
    let folder = crate::bare();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("files can be written");
        file.display().to_string()
    };
    let meter = format!("https://127.0.0.1:{}/#/power&unit=W", server.port);
    let with = |file: &str| named(&sources_with(&[&format!("{meter}&certificate={file}")], &[]), "http:0");
    assert_eq!(watts(&with(&write("own.pem", &pem))), 81.5, "its own, whatever name it bears");
    let (cause, detail) = refusal(&with(&write("other.pem", &other_pem)));
    assert!(cause == "no_permission" && detail.contains("certificate is not trusted"), "{cause}: {detail}");
    let (cause, detail) = refusal(&named(&sources_with(&[&meter], &[]), "http:0"));
    assert!(cause == "no_permission" && detail.contains("certificate=FILE"), "the public ones: {cause}: {detail}");
    let (_, detail) = refusal(&with(&write("none.pem", "no certificate")));
    assert!(detail.contains("no certificate in PEM"), "{detail}");
    let open = crate::servers::server(|_| ok(POWER));
    let (_, detail) =
        refusal(&named(&sources_with(&[&format!("https://127.0.0.1:{}/#/power&unit=W", open.port)], &[]), "http:0"));
    assert!(!detail.is_empty(), "what is not encrypted is not trusted: {detail}");
}
