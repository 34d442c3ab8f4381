//! Which modules of generated code are behind which cargo features, and that the enums of
//! everything can do without any of their variants.

use std::collections::{BTreeMap, BTreeSet};

use odnix_tl::{
    Bytes, Constructor, Decode, DecodeError, EmbeddedSchema,
    schema::{Options, Schema, generate},
};

fn generated(schema: &str, features: bool) -> String {
    let schema = Schema::parse(schema).unwrap();
    generate(&schema, &Options { crate_path: "odnix_tl", title: "", features, any: true })
}

/// `types::items`, and `Object::ItemsItem`: what each `#[cfg(…)]` stands in front of, with the
/// features that it names. Everything else is always there.
fn gates(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut gates = BTreeMap::new();
    let (mut parent, mut features) = ("", None);
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            ["pub", "enum" | "mod", name, ..] if line.starts_with("pub") => parent = name,
            // Inside `tl_any!`.
            ["pub", "enum", name, ..] if line.starts_with("    pub") => parent = name,
            _ => {}
        }
        if let Some(cfg) = line.trim().strip_prefix("#[cfg(") {
            let names = cfg.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
            let quoted: Vec<_> = names.iter().map(|name| format!("feature = \"{name}\"")).collect();
            let exact = match quoted.as_slice() {
                [only] => format!("{only})]"),
                several => format!("any({}))]", several.join(", ")),
            };
            assert_eq!(cfg, exact);
            features = Some(names);
        } else if let Some(features) = features.take() {
            let name = line.trim().trim_start_matches("pub mod ");
            let name = &name[..name.find([' ', '(']).unwrap()];
            gates.insert(format!("{parent}::{name}"), features);
        }
    }
    gates
}

/// One gate in a line.
fn table(schema: &str) -> Vec<String> {
    let text = generated(schema, true);
    gates(&text).iter().map(|(what, of)| format!("{what}: {}", of.join(" "))).collect()
}

/// Without the variants of `Object` and `Request`.
fn modules(schema: &str) -> Vec<String> {
    let is_module =
        |line: &String| ["types::", "enums::", "functions::"].iter().any(|of| line.starts_with(of));
    table(schema).into_iter().filter(is_module).collect()
}

/// The modules that the code of `types::items` and the like names, by what it is in.
fn mentions(text: &str) -> BTreeSet<(String, String)> {
    let (mut parent, mut module) = ("", String::new());
    let mut mentions = BTreeSet::new();
    for line in text.lines().take_while(|line| !line.contains("tl_any!")) {
        let code = line.trim_start();
        let name = code.strip_prefix("pub mod ").and_then(|name| name.strip_suffix(" {"));
        match name {
            Some(name) if line.starts_with("pub") => (parent, module) = (name, name.to_owned()),
            Some(name) => module = format!("{parent}::{name}"),
            None if code.starts_with("///") || code.starts_with("use ") => {}
            None => {
                for of in ["types::", "enums::"] {
                    for (at, _) in line.match_indices(of) {
                        let mut parts = line[at..].split("::").take(3).collect::<Vec<_>>();
                        // What has no namespace is `types::Pong`.
                        if parts.len() == 3 && parts[1].starts_with(char::is_lowercase) {
                            parts.truncate(2);
                            mentions.insert((module.clone(), parts.join("::")));
                        }
                    }
                }
            }
        }
    }
    mentions
}

/// Asserts that whatever a module mentions is there when the module is.
fn assert_closed(schema: &str) {
    let text = generated(schema, true);
    let gates = gates(&text);
    for (module, mentioned) in mentions(&text) {
        let Some(needed_by) = gates.get(&mentioned) else { continue };
        let features = gates.get(&module);
        let is_there = features.is_some_and(|of| of.iter().all(|name| needed_by.contains(name)));
        assert!(is_there, "{module} mentions {mentioned} in {schema}: {gates:?}");
    }
}

#[test]
fn a_namespace_is_behind_the_features_of_all_that_mention_it() {
    let cases: [(&str, &str, &[&str]); 16] = [
        ("no namespace", "x = X; ---functions--- f = X;", &[]),
        ("types alone", "a.x = a.X;", &["types::a: a"]),
        ("an enum", "a.x = a.X; a.y = a.X;", &["enums::a: a", "types::a: a"]),
        (
            "a function needs what it returns, and what it takes",
            "a.x = a.X; b.x = b.X; ---functions--- c.f x:a.X = b.X; ---types--- d.x = d.X;",
            &["functions::c: c", "types::a: a c", "types::b: b c", "types::d: d"],
        ),
        ("functions alone", "---functions--- a.f x:int = Bool;", &["functions::a: a"]),
        (
            "a type needs its fields",
            "a.x = a.X; b.x x:a.X = b.X;",
            &["types::a: a b", "types::b: b"],
        ),
        (
            "and theirs",
            "a.x = a.X; b.x x:a.X = b.X; c.x x:b.X = c.X;",
            &["types::a: a b c", "types::b: b c", "types::c: c"],
        ),
        (
            "and what other types beside theirs need",
            "a.x = a.X; b.x = b.X; b.y x:a.X = b.Y; c.x x:b.X = c.X;",
            &["types::a: a b c", "types::b: b c", "types::c: c"],
        ),
        (
            "but not functions beside them",
            "a.x = a.X; b.x = b.X; ---functions--- b.f = a.X; ---types--- c.x x:b.X = c.X;",
            &["functions::b: b", "types::a: a b", "types::b: b c", "types::c: c"],
        ),
        (
            "in circles",
            "a.x f:# x:f.0?b.X = a.X; b.x x:a.X = b.X;",
            &["types::a: a b", "types::b: a b"],
        ),
        (
            "in any form",
            "a.x = a.X; b.x = b.X; c.x = c.X; d.x = d.X; \
             e.x f:# a:Vector<vector<a.X>> b:f.1?vector<%b.X> c:%c.X d:d.x = e.X;",
            &["types::a: a e", "types::b: b e", "types::c: c e", "types::d: d e", "types::e: e"],
        ),
        (
            "a type of one namespace with the constructors of another",
            "a.x = b.X; a.y = b.X; c.x x:b.X = c.X;",
            &["enums::b: a c", "types::a: a c", "types::c: c"],
        ),
        (
            "which has functions, too",
            "a.x = b.X; a.y = b.X; ---functions--- b.f = Bool;",
            &["enums::b: a b", "functions::b: b", "types::a: a b"],
        ),
        (
            "what has no namespace is always there, with what it needs, and what that needs",
            "a.x = a.X; b.x = b.X; b.y x:a.X = b.Y; c.x = c.X; x x:b.X = X;",
            &["types::c: c"],
        ),
        (
            "as a function",
            "a.x = a.X; b.x = b.X; ---functions--- f x:a.X = Bool;",
            &["types::b: b"],
        ),
        (
            "or as an enum",
            "a.x = X; a.y = X; b.x = b.X; b.y = b.X;",
            &["enums::b: b", "types::b: b"],
        ),
    ];
    for (what, schema, expected) in cases {
        assert_eq!(modules(schema), expected, "{what}");
        assert_closed(schema);
    }
}

#[test]
fn the_layers_here_are_complete_with_any_feature() {
    for schema in [&odnix_tl::odnix::SCHEMA, &odnix_tl::mtproto::SCHEMA] {
        assert_closed(schema.text());
    }
}

#[test]
fn variants_of_everything_are_behind_the_features_of_their_structs() {
    let schema = "a.x = a.X; b.x x:a.X = b.X; x = X; \
                  ---functions--- a.f = a.X; b.f = a.X; f = X;";
    assert_eq!(
        table(schema),
        [
            "Object::AX: a b",
            "Object::BX: b",
            "Request::AF: a",
            "Request::BF: b",
            "functions::a: a",
            "functions::b: b",
            "types::a: a b",
            "types::b: b",
        ]
    );
}

#[test]
fn features_have_the_names_of_the_schema() {
    let schema = "type.x = type.X; e2e.chain.x = e2e.chain.X;";
    assert_eq!(modules(schema), ["types::e2e_chain: e2e.chain", "types::type_: type"]);
    let schema = Schema::parse(schema).unwrap();
    assert_eq!(Vec::from_iter(schema.namespaces()), ["e2e.chain", "type"]);
}

#[test]
fn without_the_option_nothing_is_behind_a_feature() {
    let schema = "a.x = a.X; a.y = a.X; ---functions--- a.f = a.X;";
    assert!(generated(schema, true).contains("#[cfg("));
    assert!(!generated(schema, false).contains("#[cfg("));
}

/// What a build without any feature makes of a schema that has namespaces only.
mod without_variants {
    use super::EmbeddedSchema;

    pub static SCHEMA: EmbeddedSchema = EmbeddedSchema::new("");

    odnix_tl::tl_any! {
        /// A value of any type.
        pub enum Object = "Object", Constructor, 4 {
            /// `a.x`
            #[cfg(any())]
            AX(types::a::X),
        }
    }
}

#[test]
fn an_enum_of_everything_may_have_no_variants() {
    let id = odnix_tl::mtproto::types::Pong::ID;
    let result = without_variants::Object::from_bytes(Bytes::copy_from_slice(&id.to_le_bytes()));
    assert_eq!(
        result,
        Err(DecodeError::UnknownConstructor { position: 0, id, expected: "Object" })
    );
}
