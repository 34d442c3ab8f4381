//! The checked-in types are those of the schemas.

use std::{fs, path::Path};

use odnix_tl::schema::{Schema, generate};

#[path = "../examples/generate.rs"]
#[allow(dead_code, reason = "only the table of modules is wanted")]
mod example;

#[test]
fn regenerating_changes_nothing() {
    let read = |path| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    for example::Module { schema, module, options } in example::MODULES {
        let parsed = Schema::parse(&read(schema)).unwrap();
        assert!(
            generate(&parsed, &options) == read(module),
            "{module} is stale: run `cargo run -p odnix-tl --example generate`"
        );
    }
}
