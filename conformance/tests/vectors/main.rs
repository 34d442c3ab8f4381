//! The vectors are what the library does: each file is read as a foreign program would read it
//! and compared with the public API, in both directions where there are two.

mod crypto;
mod handshake;
mod packets;
mod read;
mod session;
mod transport;

use boon::{Compiler, Draft, Schemas};
use odnix_conformance::vectors;
use read::file;
use serde_json::Value;
use std::collections::BTreeSet;

/// What all files together may take.
const BYTES_MAX: u64 = 300 << 10;

/// Every vector file, by its name without `.json`.
fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(vectors::folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: BTreeSet<String> =
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    assert!(names.remove("schema"));
    names
}

#[test]
fn making_the_vectors_again_gives_the_same_files() {
    for (name, value) in vectors::all() {
        let path = vectors::folder().join(format!("{name}.json"));
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            text == vectors::render(&value),
            "{} is stale: cargo run -p odnix-conformance --bin vectors",
            path.display()
        );
    }
}

#[test]
fn every_file_is_valid_by_the_schema() {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource("schema.json", file("schema")).unwrap();
    let mut schemas = Schemas::new();
    for name in names() {
        let definition = format!("schema.json#/$defs/{name}");
        let definition = compiler.compile(&definition, &mut schemas).unwrap();
        let value = file(&name);
        let problem = schemas.validate(&value, definition).err().map(|error| format!("{error:#}"));
        assert_eq!(problem, None, "{name}");
    }
}

/// A file with one character of one hexadecimal text changed is not valid, so the schema says
/// something.
#[test]
fn the_schema_refuses_other_members_and_other_texts() {
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.add_resource("schema.json", file("schema")).unwrap();
    let mut schemas = Schemas::new();
    let definition = compiler.compile("schema.json#/$defs/ige", &mut schemas).unwrap();
    let mut changed = file("ige");
    changed["cases"][0]["key"] = Value::from("0G");
    assert!(schemas.validate(&changed, definition).is_err());
    let mut added = file("ige");
    added["cases"][0]["other"] = Value::from(1);
    assert!(schemas.validate(&added, definition).is_err());
}

#[test]
fn every_file_is_small_and_explained() {
    let page = std::fs::read_to_string(vectors::folder().join("../../docs/vectors.md")).unwrap();
    let mut bytes = 0;
    for name in names() {
        assert!(page.contains(&format!("`{name}.json`")), "docs/vectors.md lacks {name}.json");
        bytes += vectors::folder().join(format!("{name}.json")).metadata().unwrap().len();
    }
    assert!(bytes <= BYTES_MAX, "{bytes} bytes of vectors");
}
