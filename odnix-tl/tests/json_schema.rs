//! The JSON Schema describes the JSON form: an independent validator takes every value, and
//! refuses what the reader refuses.
#![cfg(feature = "serde")]

#[allow(dead_code, reason = "what is read by name only needs no other use")]
mod everything;
mod walk;

use std::collections::BTreeSet;

use boon::{Compiler, Draft, SchemaIndex, Schemas};
use odnix_tl::{
    dynamic::Layer,
    odnix,
    schema::{JsonSchemaOptions, Kind, Schema, json_schema},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use walk::Walk;

const ODNIX: &str = include_str!("../schema/odnix.tl");
const EVERYTHING: &str = include_str!("everything/everything.tl");
const LOCATION: &str = "https://example.org/layer.json";

fn document(schema: &str) -> Value {
    let options = JsonSchemaOptions { id: Some(LOCATION), title: "A layer" };
    let text = json_schema(&Schema::parse(schema).unwrap(), &options);
    serde_json::from_str(&text).expect(&text)
}

/// A compiled document.
struct Validator {
    schemas: Schemas,
    compiler: Compiler,
}

impl Validator {
    fn new(schema: &str) -> Self {
        let mut compiler = Compiler::new();
        compiler.set_default_draft(Draft::V2020_12);
        compiler.add_resource(LOCATION, document(schema)).unwrap();
        Self { schemas: Schemas::new(), compiler }
    }

    /// The definition with this name; the document itself if it is empty.
    fn definition(&mut self, name: &str) -> SchemaIndex {
        let fragment = if name.is_empty() { String::new() } else { format!("#/$defs/{name}") };
        self.compiler.compile(&format!("{LOCATION}{fragment}"), &mut self.schemas).unwrap()
    }

    fn takes(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let definition = self.definition(name);
        let result = self.schemas.validate(value, definition);
        result.map_err(|error| format!("{name}: {error}\n{value:#}"))
    }
}

macro_rules! values_are_valid {
    ($name:ident, $schema:literal) => {
        #[test]
        fn $name() {
            let text = include_str!($schema);
            let schema = Schema::parse(text).unwrap();
            let mut validator = Validator::new(text);
            let config = ProptestConfig::with_cases(32);
            let mut runner = proptest::test_runner::TestRunner::new(config);
            let entropy = prop::collection::vec(any::<u8>(), 0..600);
            let validator = std::cell::RefCell::new(&mut validator);
            let result = runner.run(&entropy, |entropy| {
                let mut validator = validator.borrow_mut();
                for line in &schema.definitions {
                    let value = Walk::new(&schema, &entropy).boxed(line);
                    let name = line.name.to_string();
                    let definitions = match line.kind {
                        _ if ["Bool", "True"].iter().any(|name| line.result.name.is(name)) => {
                            continue;
                        }
                        Kind::Constructor => [name, line.result.to_string(), "Object".to_owned()],
                        Kind::Function => [name, "Request".to_owned(), String::new()],
                    };
                    for definition in definitions {
                        validator.takes(&definition, &value).map_err(TestCaseError::fail)?;
                    }
                }
                Ok(())
            });
            result.unwrap();
        }
    };
}

values_are_valid!(all_of_mtproto, "../schema/mtproto.tl");
values_are_valid!(all_of_odnix, "../schema/odnix.tl");
values_are_valid!(all_of_everything, "everything/everything.tl");

/// Changes one part of `value`: which, and how, is up to `choices`.
fn damage(value: &mut Value, choices: &[u8]) {
    let [choice, choices @ ..] = choices else { return };
    let choice = usize::from(*choice);
    match value {
        Value::Array(items) if !items.is_empty() && choice % 8 != 0 => {
            let index = choice % items.len();
            damage(&mut items[index], choices);
        }
        Value::Object(members) if choice % 8 != 0 => {
            let name = members.keys().nth(choice % members.len()).unwrap().clone();
            match choice / 8 % 8 {
                0 => drop(members.remove(&name)),
                1 => drop(members.insert("more".to_owned(), json!(1))),
                _ => damage(&mut members[&name], choices),
            }
        }
        _ => {
            let others = [
                json!(null),
                json!(true),
                json!(1),
                json!(1.5),
                json!(2_147_483_648_u32),
                json!("1"),
                json!("NaN"),
                json!("AA=="),
                json!([]),
                json!({}),
                json!({"_": "inputPeerSelf"}),
                json!({"_": "inputUserSelf"}),
                json!("01"),
            ];
            *value = others[choice % others.len()].clone();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn reader_and_validator_agree_on_damaged_values(
        entropy in prop::collection::vec(any::<u8>(), 0..600),
        choices in prop::collection::vec(any::<u8>(), 10),
    ) {
        let schema = Schema::parse(ODNIX).unwrap();
        let mut validator = Validator::new(ODNIX);
        for line in &schema.definitions {
            let mut value = Walk::new(&schema, &entropy).boxed(line);
            damage(&mut value, &choices);
            // What stands inside of such a field is not the document's to say.
            if value.get("query").is_some_and(Value::is_object) {
                continue;
            }
            let text = value.to_string();
            let (definition, is_read) = match line.kind {
                Kind::Function => ("Request", serde_json::from_str::<odnix::Request>(&text).is_ok()),
                Kind::Constructor => ("Object", serde_json::from_str::<odnix::Object>(&text).is_ok()),
            };
            prop_assert_eq!(validator.takes(definition, &value).is_ok(), is_read, "{}", text);
        }
    }
}

/// Whether reader and validator refuse the value alike.
fn both_refuse(validator: &mut Validator, definition: &str, value: &Value) {
    let text = value.to_string();
    let is_read = match definition {
        "Request" => serde_json::from_str::<odnix::Request>(&text).is_ok(),
        _ => serde_json::from_str::<odnix::Object>(&text).is_ok(),
    };
    assert!(!is_read, "the reader takes {text}");
    assert!(validator.takes(definition, value).is_err(), "the validator takes {text}");
}

#[test]
fn what_the_reader_refuses() {
    let peer = json!({"_": "peerUser", "user_id": "1"});
    let faults: &[(&str, Value)] = &[
        ("Object", json!(7)),
        ("Object", json!([])),
        ("Object", json!({})),
        ("Object", json!({"_": 1})),
        ("Object", json!({"_": "nothing"})),
        ("Object", json!({"_": "help.getConfig"})),
        ("Request", peer.clone()),
        ("Request", json!({"_": "auth.logOut", "x": 1})),
        ("Request", json!({"_": "help.echo"})),
        ("Request", json!({"_": "help.echo", "data": null})),
        ("Request", json!({"_": "users.getUsers", "id": {}})),
        ("Request", json!({"_": "users.getUsers", "id": [peer]})),
        ("Request", json!({"_": "users.getUsers", "id": ["inputUserSelf"]})),
        ("Request", json!({"_": "auth.signIn", "username": true, "password": ""})),
        ("Object", json!({"_": "jsonBool", "value": "true"})),
        ("Object", json!({"_": "jsonBool", "value": 1})),
        ("Object", json!({"_": "jsonNumber", "value": "1"})),
        ("Object", json!({"_": "jsonNumber", "value": "nan"})),
        ("Object", json!({"_": "jsonNumber", "value": null})),
    ];
    let mut validator = Validator::new(ODNIX);
    for (definition, value) in faults {
        both_refuse(&mut validator, definition, value);
    }
    let members = [
        (
            "offset_id",
            [
                "1",
                "-1",
                "\"01\"",
                "\"+1\"",
                "\"-0\"",
                "\"\"",
                "\" 1\"",
                "\"0000000000000000001\"",
                "\"1\\n\"",
            ]
            .as_slice(),
        ),
        (
            "offset_id",
            &["\"9223372036854775808\"", "\"-9223372036854775809\"", "\"10000000000000000000\""],
        ),
        ("limit", &["\"1\"", "1.5", "2147483648", "-2147483649", "true", "null"]),
    ];
    for (name, values) in members {
        for value in values {
            let mut call = json!({"_": "messages.getDialogs", "offset_id": "0", "limit": 1});
            call[name] = serde_json::from_str(value).unwrap();
            both_refuse(&mut validator, "Request", &call);
        }
    }
    for data in
        ["A", "AA", "AA=", "AAA", "A===", "AB==", "AAB=", "AA==AA==", "AA-_", "A A=", "AA==\n"]
    {
        let call = json!({"_": "help.echo", "data": data});
        both_refuse(&mut validator, "Request", &call);
    }
}

#[test]
fn what_is_at_the_limit() {
    let mut validator = Validator::new(ODNIX);
    let mut take = |definition: &str, value: Value| {
        validator.takes(definition, &value).unwrap();
        match definition {
            "Request" => drop(serde_json::from_value::<odnix::Request>(value).unwrap()),
            _ => drop(serde_json::from_value::<odnix::Object>(value).unwrap()),
        }
    };
    let longs = [i64::MIN, i64::MIN + 1, -10, -9, -1, 0, 1, 9, 10, i64::MAX - 1, i64::MAX];
    let powers = (0..63).map(|bit| 1_i64 << bit).flat_map(|power| [power, -power, power - 1]);
    for long in longs.into_iter().chain(powers).chain([8_999_999_999_999_999_999]) {
        take("Object", json!({"_": "peerUser", "user_id": long.to_string()}));
    }
    for int in [i32::MIN, -1, 0, i32::MAX] {
        take("Request", json!({"_": "messages.getDialogs", "offset_id": "0", "limit": int}));
    }
    for data in ["", "AA==", "Aw==", "AAA=", "AA8=", "+/+/", "AAAAAA=="] {
        take("Request", json!({"_": "help.echo", "data": data}));
    }
    for number in [json!(1), json!(-1.5), json!("NaN"), json!("Infinity"), json!("-Infinity")] {
        take("Object", json!({"_": "jsonNumber", "value": number}));
    }
    for media in [json!(null), json!({"_": "dataJSON", "data": ""})] {
        let peer = json!({"_": "inputPeerSelf"});
        take(
            "Request",
            json!({"_": "messages.sendMessage", "peer": peer, "message": "", "random_id": "1", "media": media}),
        );
    }
    let user = json!({"_": "user", "self": null, "id": "1", "access_hash": "1", "username": "", "first_name": ""});
    take("Object", user);
}

#[test]
fn base64_of_the_wrong_length() {
    let mut validator = Validator::new(EVERYTHING);
    let (short, long) = ("AAAAAAAAAAAAAAAAAAAAAA==", format!("{}=", "A".repeat(43)));
    let mut takes =
        |definition: &str, text: &str| validator.takes(definition, &json!(text)).is_ok();
    assert!(takes("int128", short) && !takes("int256", short));
    assert!(takes("int256", &long) && !takes("int128", &long));
    for wrong in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAB=="] {
        assert!(!takes("int128", wrong) && !takes("int256", wrong), "{wrong}");
    }
}

#[test]
fn nan_has_its_sixteen_digits_behind_it_or_none() {
    let mut validator = Validator::new(ODNIX);
    let mut takes = |text: &str| validator.takes("double", &json!(text)).is_ok();
    assert!(takes("NaN") && takes("NaN:7ff8000000000001") && takes("NaN:fff0000000000001"));
    for wrong in ["NaN:", "NaN:7", "NaN:7FF8000000000001", "NaN:7ff80000000000010", "-NaN", "nan"] {
        assert!(!takes(wrong), "{wrong}");
    }
}

/// The limits that the documentation of `json_schema` lists.
#[test]
fn what_only_the_reader_finds() {
    let schema = "twins flags:# a:flags.0?int b:flags.0?int = A; number x:double = A;
        whole x:int = A; text x:string = A; raw x:Object = A; deep x:A = A; end = A;";
    let layer = Layer::new(&Schema::parse(schema).unwrap());
    let mut validator = Validator::new(schema);
    let long = format!(r#"{{"_": "text", "x": "{}"}}"#, "x".repeat(1 << 24));
    let end = r#"{"_": "end"}"#.to_owned();
    let deep = (0..20).fold(end, |inner, _| format!(r#"{{"_": "deep", "x": {inner}}}"#));
    let faults = [
        r#"{"_": "whole", "x": 1, "x": 1}"#,
        &deep,
        r#"{"_": "raw", "x": {"_": "nothing"}}"#,
        r#"{"_": "twins", "flags": 1}"#,
        &long,
        r#"{"_": "whole", "x": 1.0}"#,
        r#"{"_": "whole", "x": 1e0}"#,
        r#"{"_": "whole", "x": -0}"#,
        r#"{"_": "number", "x": "NaN:0000000000000000"}"#,
    ];
    for text in faults {
        let read = serde_json::from_str(text).map(|value| layer.encode(&value).is_ok());
        assert!(!read.unwrap_or(false), "{text:.99}");
        validator.takes("A", &serde_json::from_str(text).unwrap()).unwrap();
    }
    assert!(serde_json::from_str::<odnix_tl::json::Value>("1e999").is_err());
}

#[test]
fn what_only_a_layer_takes() {
    let schema = "boolFalse#bc799737 = Bool; boolTrue#997275b5 = Bool; true = True; null = Null;
        a = A; ---functions---\nf#1 = Bool; g#1 = Bool;";
    let layer = Layer::new(&Schema::parse(schema).unwrap());
    let mut validator = Validator::new(schema);
    for name in ["boolFalse", "boolTrue", "true", "null", "f"] {
        let text = json!({"_": name}).to_string();
        layer.encode(&serde_json::from_str(&text).unwrap()).unwrap();
        assert!(validator.takes("", &json!({"_": name})).is_err(), "{name}");
    }
    for name in ["a", "g"] {
        validator.takes("", &json!({"_": name})).unwrap();
    }
}

#[test]
fn fields_of_any_type_are_base64_or_a_named_object() {
    let mut validator = Validator::new(EVERYTHING);
    let mut takes = |object: Value| {
        validator.takes("wrapper", &json!({"_": "wrapper", "object": object})).is_ok()
    };
    assert!(takes(json!("")) && takes(json!("AAAAAA==")));
    assert!(takes(json!({"_": "of.anotherSchema", "x": 1})));
    for wrong in [json!("A"), json!({}), json!({"_": 1}), json!([]), json!(null)] {
        assert!(!takes(wrong.clone()), "{wrong}");
    }
}

#[test]
fn names_that_would_be_taken_get_a_line_below() {
    let schema = "a = Request;\nb = B;\n---functions---\nb x:Request = B;";
    let document = document(schema);
    let names: BTreeSet<&str> =
        document["$defs"].as_object().unwrap().keys().map(String::as_str).collect();
    let built_in =
        ["_word", "int", "long", "double", "bytes", "int128", "int256", "Object", "Request"];
    assert_eq!(names, built_in.into_iter().chain(["Request_", "B", "a", "b", "b_"]).collect());
    let mut validator = Validator::new(schema);
    let call = json!({"_": "b", "x": {"_": "a"}});
    validator.takes("Request", &call).unwrap();
    validator.takes("b_", &call).unwrap();
    assert!(validator.takes("b", &call).is_err());
    validator.takes("", &json!({"_": "b"})).unwrap();
}

#[test]
fn a_schema_without_functions_has_no_request() {
    let mut validator = Validator::new("a = A;");
    validator.takes("", &json!({"_": "a"})).unwrap();
    assert!(validator.takes("Request", &json!({"_": "a"})).is_err());
}

#[test]
fn the_text_of_a_small_schema() {
    let schema = "// LAYER 3
//@description Where it is \"really\"
//@label what to show
point#1 flags:# x:int label:flags.0?string far:flags.1?true = Point;
noPoint#2 = Point;
---functions---
//@description Finds them
find#3 {X:Type} near:Vector<Point> query:!X = X;";
    let options = JsonSchemaOptions { id: None, title: "Points" };
    let text = json_schema(&Schema::parse(schema).unwrap(), &options);
    let (head, defs) = text.split_once("    \"Object\"").unwrap();
    let (head, _) = head.split_once("    \"_word\"").unwrap();
    assert_eq!(
        head,
        r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Points",
  "description": "Layer 3.",
  "anyOf": [{"$ref": "#/$defs/Object"}, {"$ref": "#/$defs/Request"}],
  "$defs": {
"##
    );
    assert_eq!(
        defs,
        r##": {
      "type": "object",
      "properties": {"_": {"enum": ["point", "noPoint"]}},
      "required": ["_"],
      "allOf": [
        {
          "if": {"type": "object", "properties": {"_": {"const": "point"}}, "required": ["_"]},
          "then": {"$ref": "#/$defs/point"}
        },
        {
          "if": {
            "type": "object",
            "properties": {"_": {"const": "noPoint"}},
            "required": ["_"]
          },
          "then": {"$ref": "#/$defs/noPoint"}
        }
      ]
    },
    "Request": {"$ref": "#/$defs/find"},
    "Point": {
      "type": "object",
      "properties": {"_": {"enum": ["point", "noPoint"]}},
      "required": ["_"],
      "allOf": [
        {
          "if": {"type": "object", "properties": {"_": {"const": "point"}}, "required": ["_"]},
          "then": {"$ref": "#/$defs/point"}
        },
        {
          "if": {
            "type": "object",
            "properties": {"_": {"const": "noPoint"}},
            "required": ["_"]
          },
          "then": {"$ref": "#/$defs/noPoint"}
        }
      ]
    },
    "point": {
      "description": "Where it is \"really\"",
      "$comment": "point#00000001 flags:# x:int label:flags.0?string far:flags.1?true = Point;",
      "type": "object",
      "properties": {
        "_": {"const": "point"},
        "flags": {"$ref": "#/$defs/_word"},
        "x": {"$ref": "#/$defs/int"},
        "label": {
          "anyOf": [{"type": "string"}, {"type": "null"}],
          "description": "what to show"
        },
        "far": {"type": ["boolean", "null"]}
      },
      "required": ["_", "x"],
      "additionalProperties": false
    },
    "noPoint": {
      "$comment": "noPoint#00000002 = Point;",
      "type": "object",
      "properties": {"_": {"const": "noPoint"}},
      "required": ["_"],
      "additionalProperties": false
    },
    "find": {
      "description": "Finds them\nReturns X.",
      "$comment": "find#00000003 {X:Type} near:Vector<Point> query:!X = X;",
      "type": "object",
      "properties": {
        "_": {"const": "find"},
        "near": {"type": "array", "items": {"$ref": "#/$defs/Point"}},
        "query": {
          "anyOf": [
            {"$ref": "#/$defs/bytes"},
            {"type": "object", "properties": {"_": {"type": "string"}}, "required": ["_"]}
          ]
        }
      },
      "required": ["_", "near", "query"],
      "additionalProperties": false
    }
  }
}
"##
    );
}

/// A validator that tries each constructor of each type inside of each other one would take
/// 2³⁰ steps.
#[test]
fn deep_values_take_no_longer_than_their_length() {
    let schema = "a x:T = T;\nb x:T = T;\nend = T;";
    let deep = (0..30).fold(json!({"_": "end"}), |inner, _| json!({"_": "b", "x": inner}));
    Validator::new(schema).takes("T", &deep).unwrap();
}

#[test]
fn fields_that_share_a_bit_are_all_there_or_none() {
    let schema = "a flags:# x:flags.1?int y:flags.1?int z:flags.1?true w:flags.2?int = A;";
    let layer = Layer::new(&Schema::parse(schema).unwrap());
    let mut validator = Validator::new(schema);
    let values = [json!(null), json!(1), json!(2)];
    for (x, y) in values.iter().flat_map(|x| values.iter().map(move |y| (x, y))) {
        for z in [None, Some(json!(null)), Some(json!(true)), Some(json!(false))] {
            let mut value = json!({"_": "a", "x": x, "y": y});
            if let Some(z) = z {
                value["z"] = z;
            }
            let read = layer.encode(&serde_json::from_value(value.clone()).unwrap());
            assert_eq!(validator.takes("a", &value).is_ok(), read.is_ok(), "{value}");
        }
    }
}
