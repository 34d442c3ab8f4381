//! The checked-in types and pages are those of the schemas.

use std::fs;

use odnix_tl::schema::{generate, markdown};

#[path = "../examples/generate.rs"]
#[allow(dead_code, reason = "only its tables are wanted")]
mod example;

use example::{MODULES, Module, PAGES, Page, path, read_schema};

fn fresh(file: &str, text: &str) {
    assert!(
        fs::read_to_string(path(file)).unwrap() == text,
        "{file} is stale: run `cargo run -p odnix-tl --example generate`"
    );
}

#[test]
fn regenerating_changes_nothing() {
    for Module { schema, module, options } in MODULES {
        fresh(module, &generate(&read_schema(schema).unwrap(), &options));
    }
    for Page { schema, page, options } in PAGES {
        fresh(page, &markdown(&read_schema(schema).unwrap(), &options));
    }
}
