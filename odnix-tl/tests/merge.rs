//! Several schemas as one: what is taken, and what cannot stand together.

use odnix_tl::{
    mtproto, odnix,
    schema::{MergeConflict, Position, Schema},
};

fn merge(texts: &[&str]) -> Result<Schema, Vec<MergeConflict>> {
    let schemas: Vec<_> = texts.iter().map(|text| Schema::parse(text).unwrap()).collect();
    Schema::merge(&schemas)
}

fn names(schema: &Schema) -> Vec<String> {
    schema.definitions.iter().map(|line| line.name.to_string()).collect()
}

/// The only conflict: its message, the schema and line of it, and those of the other line.
fn conflict(texts: &[&str]) -> (String, [(usize, u32); 2]) {
    let conflicts = merge(texts).unwrap_err();
    let [MergeConflict { message, schema, position, other_schema, other_position, .. }] =
        conflicts.as_slice()
    else {
        panic!("{conflicts:?}");
    };
    (message.clone(), [(*schema, position.line), (*other_schema, other_position.line)])
}

#[test]
fn lines_keep_their_order_and_equal_ones_are_taken_once() {
    let both = merge(&["a#1 = A; b#2 x:A = B;", "a#1 = A; c#3 = A;\n---functions---\nf#4 = A;"]);
    assert_eq!(names(&both.unwrap()), ["a", "b", "c", "f"]);
    assert_eq!(merge(&[]).unwrap(), Schema::default());
    let one = Schema::parse(odnix::SCHEMA.text()).unwrap();
    assert_eq!(Schema::merge(&[one.clone(), one.clone()]).unwrap(), one);
}

#[test]
fn a_computed_id_and_the_same_declared_one_are_equal() {
    let id = Schema::parse("a x:int = A;").unwrap().definitions[0].id();
    let both = merge(&["a x:int = A;", &format!("a#{id:x} x:int = A;")]).unwrap();
    assert_eq!(names(&both), ["a"]);
}

#[test]
fn the_first_layer_and_the_first_documentation_count() {
    let text = |layer, docs| format!("// LAYER {layer}\n//@class A @description {docs}\na#1 = A;");
    let both = merge(&["b#2 = B;", &text(7, "one"), &text(8, "two")]).unwrap();
    assert_eq!(both.layer, Some(7));
    assert_eq!(both.type_docs.len(), 1);
    assert_eq!(both.type_docs[0].docs, ["one"]);
}

#[test]
fn a_name_with_two_lines_is_a_conflict() {
    let (message, places) = conflict(&["a#1 = A;", "b#2 = B;\na#1 x:int = A;"]);
    assert_eq!(message, "`a` is `a#00000001 x:int = A;` here and `a#00000001 = A;` there");
    assert_eq!(places, [(1, 2), (0, 1)]);
    let conflicts = merge(&["a#1 = A;", "a#2 = A;"]).unwrap_err();
    assert_eq!(
        conflicts[0].to_string(),
        "`a` is `a#00000002 = A;` here and `a#00000001 = A;` there (schemas 1 at 1:1, 0 at 1:1)"
    );
    assert_eq!(conflicts[0].position, Position { line: 1, column: 1 });
}

#[test]
fn an_id_with_two_names_is_a_conflict() {
    let (message, places) = conflict(&["a#1 = A;", "b#1 = B;"]);
    assert_eq!(message, "`b` has the id 00000001 of `a`");
    assert_eq!(places, [(1, 1), (0, 1)]);
    let function = "a#1 = A;\n---functions---\n";
    let (message, _) = conflict(&["a#1 = A;", "b#2 = B;\n---functions---\na#1 = B;"]);
    assert_eq!(message, "`a` has the id 00000001 of `a`");
    // As in one file.
    assert!(merge(&[&format!("{function}f#2 = A;"), &format!("{function}g#2 = A;")]).is_ok());
}

#[test]
fn a_bare_type_keeps_its_one_constructor() {
    let bare = "point#1 x:int = Point;\nline#2 points:vector<%Point> = Line;";
    let (message, places) = conflict(&[bare, "\n\nspace#3 x:int y:int = Point;"]);
    assert_eq!(
        message,
        "`space` is a second constructor of a type that `line` has as `%Point`, which is for types \
         with one"
    );
    assert_eq!(places, [(1, 3), (0, 2)]);
    let named = "point#1 x:int = Point;\nline#2 points:vector<point> = Line;";
    assert!(merge(&[named, "space#3 x:int y:int = Point;"]).is_ok());
}

#[test]
fn all_conflicts_are_reported() {
    let conflicts = merge(&["a#1 = A; b#2 = B;", "a#3 = A; c#2 = C;"]).unwrap_err();
    assert_eq!(conflicts.len(), 2);
}

#[test]
fn the_embedded_schemas_stand_together_and_each_name_means_one_thing() {
    let both = merge(&[mtproto::SCHEMA.text(), odnix::SCHEMA.text()]).unwrap();
    let mut names = names(&both);
    let count = names.len();
    names.sort();
    names.dedup();
    // Nothing is both a constructor and a function, so the JSON form is unambiguous.
    assert_eq!(names.len(), count);
}
