//! The published schema of `doctor --json` is that of the types that are written.
//!
//! `DAWNDUSK_WRITE_SCHEMA=1 cargo test --release --lib doctor::schema` writes it anew after a change of the types.

use super::Report;
use schemars::generate::SchemaSettings;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/doctor.json");

#[test]
fn the_published_schema_is_that_of_the_types() {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Report>();
    schema.insert("title".into(), "What `dawndusk doctor --json` prints".into());
    let text = serde_json::to_string_pretty(&schema).expect("a schema is plain JSON") + "\n";
    if std::env::var_os("DAWNDUSK_WRITE_SCHEMA").is_some() {
        std::fs::write(FILE, &text).expect("the folder is there");
    }
    let published = std::fs::read_to_string(FILE).expect("the schema is published");
    assert_eq!(published, text, "write it anew, as the head of this file says");
}
