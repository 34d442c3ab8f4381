//! What the parser makes of a whole public schema.

use std::{collections::BTreeSet, fs};

use odnix_tl::schema::{Kind, Schema};

fn text_of_schema() -> String {
    fs::read_to_string(env!("ODNIX_PUBLIC_SCHEMA_PATH")).expect("the schema is there")
}

fn schema() -> Schema {
    let errors = |errors: Vec<_>| panic!("{} errors: {errors:#?}", errors.len());
    Schema::parse(&text_of_schema()).unwrap_or_else(errors)
}

#[test]
fn the_schema_is_read_without_an_error() {
    let schema = schema();
    assert!(schema.definitions.len() > 2000, "only {} lines", schema.definitions.len());
    assert_eq!(schema.layer.map(i64::from), Some(odnix_public_schema::LAYER.into()));
    let kinds: BTreeSet<_> = schema.definitions.iter().map(|line| line.kind).collect();
    assert_eq!(kinds, BTreeSet::from([Kind::Constructor, Kind::Function]));
}

#[test]
fn ids_are_the_ones_that_the_lines_give() {
    for line in schema().definitions {
        assert_eq!(line.declared_id, Some(line.computed_id()), "{line}");
    }
}

#[test]
fn what_is_displayed_is_what_was_read() {
    let schema = schema();
    let lines = |kind| {
        let of_kind = schema.definitions.iter().filter(move |line| line.kind == kind);
        of_kind.map(|line| format!("{line}\n")).collect::<String>()
    };
    let (types, functions) = (lines(Kind::Constructor), lines(Kind::Function));
    let text = format!("{types}---functions---\n{functions}");
    let again = Schema::parse(&text).expect("what it displays, it reads");
    let displayed = |schema: &Schema| -> BTreeSet<_> {
        schema.definitions.iter().map(|line| (line.kind, line.to_string())).collect()
    };
    assert_eq!(displayed(&again), displayed(&schema));

    let read: BTreeSet<_> = text_of_schema().lines().map(without_zeros).collect();
    for line in &schema.definitions {
        let line = without_zeros(&line.to_string());
        assert!(read.contains(&line), "the schema does not say: {line}");
    }
}

/// The zeros an id starts with may be left out.
fn without_zeros(line: &str) -> String {
    let (name, rest) = line.split_once('#').unwrap_or((line, ""));
    format!("{name}#{}", rest.trim_start_matches('0'))
}
