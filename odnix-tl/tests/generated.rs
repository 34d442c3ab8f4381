//! The checked-in types are those of the schemas.

use std::{fs, path::Path};

use odnix_tl::schema::{Options, Schema, generate};

#[path = "../examples/generate.rs"]
#[allow(dead_code, reason = "only the table of schemas is wanted")]
mod example;

#[test]
fn regenerating_changes_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, title) in example::SCHEMAS {
        let schema = fs::read_to_string(root.join(format!("schema/{name}.tl"))).unwrap();
        let schema = Schema::parse(&schema).unwrap();
        let text = generate(&schema, &Options { crate_path: "crate", title });
        let checked_in = fs::read_to_string(root.join(format!("src/generated/{name}.rs"))).unwrap();
        assert!(
            text == checked_in,
            "{name}.rs is stale: run `cargo run -p odnix-tl --example generate`"
        );
    }
}
