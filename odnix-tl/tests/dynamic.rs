//! The codec for schemas at run time: exact forms, faults with their places, and the generated
//! codec as an oracle.
#![cfg(feature = "serde")]

#[allow(dead_code, reason = "what is read by name only needs no other use")]
mod everything;
mod walk;

use bytes::Bytes;
use odnix_tl::{
    Decode, DecodeError, EmbeddedSchema, Encode,
    dynamic::{Expected, Layer},
    json::Value,
    mtproto, odnix,
    schema::{Kind, Schema},
};
use proptest::prelude::*;
use walk::Walk;

fn layer(schema: &str) -> Layer {
    Layer::new(&Schema::parse(schema).unwrap())
}

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Reads and writes bytes as JSON.
fn exact(layer: &Layer, hex: &str, text: &str) {
    let value = layer.decode(unhex(hex)).unwrap();
    assert_eq!(serde_json::to_string(&value).unwrap(), text);
    assert_eq!(layer.encode(&json(text)).unwrap(), unhex(hex));
}

const SHAPES: &str = "
    point#1 x:int y:int = Point;
    box#2 flags:# open:flags.0?true size:flags.1?long = Box;
    twins#3 flags:# a:flags.4?int b:flags.4?string c:flags.4?true = Twins;
    holder#4 points:vector<point> boxes:Vector<Box> any:Object = Holder;
    number#5 value:double = Number;
    leaf#6 = Tree;
    branch#7 left:Tree right:Tree = Tree;
    ---functions---
    find#10 id:long = Vector<Box>;
    call#11 {X:Type} query:!X = X;
";

#[test]
fn bits_that_no_field_uses_are_kept() {
    let layer = layer(SHAPES);
    exact(&layer, "02000000 01000000", r#"{"_":"box","open":true}"#);
    exact(&layer, "02000000 05000080", r#"{"_":"box","flags":2147483652,"open":true}"#);
    let error = layer.encode(&json(r#"{"_":"box","flags":1}"#)).unwrap_err();
    assert_eq!(error.to_string(), "flags: has bits that belong to fields, or more than 32");
    assert!(layer.encode(&json(r#"{"_":"box","flags":4294967296}"#)).is_err());
}

#[test]
fn every_nan_is_kept() {
    let layer = layer(SHAPES);
    exact(&layer, "05000000 000000000000f87f", r#"{"_":"number","value":"NaN"}"#);
    exact(&layer, "05000000 010000000000f8ff", r#"{"_":"number","value":"NaN:fff8000000000001"}"#);
    exact(&layer, "05000000 0000000000000080", r#"{"_":"number","value":-0.0}"#);
    for wrong in
        ["3ff0000000000000", "7ff8000000000000", "+7ff800000000001", "7FF8000000000001", "1"]
    {
        let text = format!(r#"{{"_":"number","value":"NaN:{wrong}"}}"#);
        assert!(layer.encode(&json(&text)).is_err(), "{wrong}");
    }
}

#[test]
fn fields_that_share_a_bit_are_all_there_or_none() {
    let layer = layer(SHAPES);
    exact(&layer, "03000000 10000000 07000000 01610000", r#"{"_":"twins","a":7,"b":"a","c":true}"#);
    exact(&layer, "03000000 00000000", r#"{"_":"twins","c":false}"#);
    let bytes = layer.encode(&json(r#"{"_":"twins","a":7,"b":"a"}"#));
    assert_eq!(bytes.unwrap(), unhex("03000000 10000000 07000000 01610000"));
    for half in [r#""a":7"#, r#""b":"""#, r#""c":true"#, r#""a":7,"b":"","c":false"#] {
        let error = layer.encode(&json(&format!(r#"{{"_":"twins",{half}}}"#))).unwrap_err();
        assert!(error.message.starts_with("shares its bit"), "{half}: {error}");
    }
}

#[test]
fn an_object_of_any_type_is_shown_as_what_it_is() {
    let layer = layer(SHAPES);
    exact(
        &layer,
        "04000000 01000000 01000000 02000000 15c4b51c 00000000 11000000 10000000 0500000000000000",
        r#"{"_":"holder","points":[{"_":"point","x":1,"y":2}],"boxes":[],"any":{"_":"call","query":{"_":"find","id":"5"}}}"#,
    );
    exact(&layer, "11000000 aabb", r#"{"_":"call","query":"qrs="}"#);
    exact(&layer, "11000000", r#"{"_":"call","query":""}"#);
}

#[test]
fn a_result_is_read_as_its_function_returns_it() {
    let layer = layer(SHAPES);
    let boxes = layer.decode_result("find", unhex("15c4b51c 01000000 02000000 00000000"));
    assert_eq!(boxes.unwrap(), json(r#"[{"_":"box","open":false}]"#));
    let other = layer.decode_result("find", unhex("01000000 00000000 00000000")).unwrap_err();
    assert!(matches!(other.error, DecodeError::UnknownConstructor { id: 1, .. }));
    let any = layer.decode_result("call", unhex("06000000"));
    assert_eq!(any.unwrap(), json(r#"{"_":"leaf"}"#));
}

#[test]
fn a_fault_in_bytes_has_its_place() {
    let layer = layer(SHAPES);
    let cases = [
        ("99000000", "constructor id 00000099 at 0 is not in this layer"),
        ("01000000 01000000", "y: 4 bytes needed at 8, 0 left"),
        ("01000000 01000000 02000000 00", "1 bytes after the end of the object at 12"),
        (
            "04000000 00000000 15c4b51c 02000000 02000000 00000000 01000000 00000000",
            "boxes[1]: constructor id 00000001 at 24 is not of type Box",
        ),
        ("04000000 03000000 01000000", "points: a vector of 3 items at 4 with 4 bytes left"),
        ("07000000 07000000 06000000", "left.right: 4 bytes needed at 12, 0 left"),
    ];
    for (hex, error) in cases {
        assert_eq!(layer.decode(unhex(hex)).unwrap_err().to_string(), error, "{hex}");
    }
}

#[test]
fn what_is_expected_may_be_anything_a_constructor_a_function_or_a_name() {
    let layer = layer("same#1 = Thing; other#2 = Thing;\n---functions---\nsame#3 = Thing;");
    let same = json(r#"{"_":"same"}"#);
    let other = json(r#"{"_":"other"}"#);
    let id = |expected, value| layer.encode_as(expected, value).map(|bytes| bytes[0]).ok();
    assert_eq!(id(Expected::Any, &same), Some(1));
    assert_eq!(id(Expected::Constructor, &same), Some(1));
    assert_eq!(id(Expected::Function, &same), Some(3));
    assert_eq!(id(Expected::Named("Thing"), &same), Some(1));
    assert_eq!(id(Expected::Named("same"), &same), Some(1));
    assert_eq!(id(Expected::Named("same"), &other), None);
    assert_eq!(id(Expected::Function, &other), None);
}

#[test]
fn functions_that_share_an_id_are_read_and_written_by_name() {
    let text = "e#1 = E;\n---functions---\nprefix#2 a:int = E;\nwhole#2 a:int b:int = E;";
    let layer = layer(text);
    let prefix = Expected::Line(Kind::Function, "prefix");
    let value = json(r#"{"_":"prefix","a":7}"#);
    let bytes = layer.encode_as(prefix, &value).unwrap();
    assert_eq!(layer.decode_as(prefix, bytes.clone()).unwrap(), value);
    assert_eq!(layer.decode_as(Expected::Named("prefix"), bytes.clone()).unwrap(), value);
    assert!(layer.decode(bytes).is_err());
    let constructor = Expected::Line(Kind::Constructor, "prefix");
    assert!(layer.encode_as(constructor, &value).is_err());
}

#[test]
fn the_names_of_constructors_count_as_memory() {
    let name = "n".repeat(1_000_000);
    let layer = layer(&format!("{name}#1 = Item; list#2 items:Vector<Item> = List;"));
    let bytes = |count: u32| -> Bytes {
        let words = [2, 0x1cb5_c415, count].into_iter().chain((0..count).map(|_| 1));
        words.flat_map(u32::to_le_bytes).collect()
    };
    assert!(layer.decode(bytes(100)).is_ok());
    let error = layer.decode(bytes(300)).unwrap_err();
    assert!(matches!(error.error, DecodeError::OutOfBudget { .. }), "{error}");
}

#[test]
fn depth_is_bounded_in_both_directions() {
    let layer = layer(SHAPES);
    let bytes = |depth: usize| unhex(&("07000000 06000000".repeat(depth) + "06000000"));
    let deepest = layer.decode(bytes(15)).unwrap();
    assert_eq!(layer.encode(&deepest).unwrap(), bytes(15));
    let error = layer.decode(bytes(16)).unwrap_err();
    assert!(matches!(error.error, DecodeError::TooDeep { .. }), "{error}");
    let leaf = Value::Object(vec![("_".into(), Value::String("leaf".into()))]);
    let branch = Value::Object(vec![
        ("_".into(), Value::String("branch".into())),
        ("left".into(), leaf),
        ("right".into(), deepest),
    ]);
    assert!(layer.encode(&branch).unwrap_err().message.contains("16 levels"));
}

#[test]
fn memory_is_bounded() {
    // Each item is eight bytes, and names all of its flags.
    let flags: String = (0..32)
        .map(|bit| format!(" {}:flags.{bit}?true", "long_name_".repeat(20) + &bit.to_string()))
        .collect();
    let layer = layer(&format!("wide#1 flags:#{flags} = Wide; list#2 items:Vector<Wide> = List;"));
    let bytes = |count: u32| -> Bytes {
        let head = [2, 0x1cb5_c415, count].into_iter();
        head.chain((0..count).flat_map(|_| [1, 0])).flat_map(u32::to_le_bytes).collect()
    };
    assert!(layer.decode(bytes(100)).is_ok());
    let error = layer.decode(bytes(100_000)).unwrap_err();
    assert!(matches!(error.error, DecodeError::OutOfBudget { .. }), "{error}");
}

#[test]
fn a_schema_that_is_embedded_is_the_one_that_was_generated_from() {
    let embedded: [(&EmbeddedSchema, &str); 3] = [
        (&mtproto::SCHEMA, include_str!("../schema/mtproto.tl")),
        (&odnix::SCHEMA, include_str!("../schema/odnix.tl")),
        (&everything::SCHEMA, include_str!("everything/everything.tl")),
    ];
    for (schema, text) in embedded {
        let lines = |text| -> Vec<String> {
            let definitions = Schema::parse(text).unwrap().definitions;
            definitions.iter().map(|line| format!("{:?} {line}", line.kind)).collect()
        };
        assert_eq!(lines(schema.text()), lines(text));
    }
}

/// The error without the name of the type, which only generated code has in it.
fn without_type(error: DecodeError) -> DecodeError {
    match error {
        DecodeError::UnknownConstructor { position, id, .. } => {
            DecodeError::UnknownConstructor { position, id, expected: "" }
        }
        other => other,
    }
}

/// Both codecs take the same inputs, and say the same of them.
fn agree<T: Encode + Decode + serde::Serialize + PartialEq + std::fmt::Debug>(
    layer: &Layer,
    bytes: &Bytes,
    kind: Kind,
) -> Result<(), TestCaseError> {
    let dynamic = layer.decode(bytes.clone());
    let is_of_kind = layer.identify(bytes).is_some_and(|(of, _)| of == kind);
    match T::from_bytes(bytes.clone()) {
        Ok(value) => {
            let shown = dynamic.unwrap();
            prop_assert_eq!(&layer.encode(&shown).unwrap(), bytes);
            // What is generated drops bits without a field.
            let canonical = value.to_bytes().unwrap();
            // Not the values: those may hold a NaN.
            let again = T::from_bytes(canonical.clone()).unwrap();
            prop_assert_eq!(&again.to_bytes().unwrap(), &canonical);
            let plain = layer.decode(canonical).unwrap();
            prop_assert_eq!(
                serde_json::to_value(&value).unwrap(),
                serde_json::to_value(plain).unwrap()
            );
        }
        Err(_) if !is_of_kind => {}
        Err(error) => {
            let dynamic = dynamic.err().map(|error| without_type(error.error));
            prop_assert_eq!(Some(without_type(error)), dynamic);
        }
    }
    Ok(())
}

macro_rules! codecs_agree {
    ($name:ident, $module:ident, $schema:literal) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(48))]
            #[test]
            fn $name(
                entropy in prop::collection::vec(any::<u8>(), 0..400),
                edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
                cut in any::<prop::sample::Index>(),
            ) {
                let schema = Schema::parse(include_str!($schema)).unwrap();
                let layer = Layer::new(&schema);
                for line in &schema.definitions {
                    let mut walk = Walk::new(&schema, &entropy);
                    let json = walk.boxed(line);
                    if line.result.name.is("Bool") && line.kind == Kind::Constructor
                        || line.result.name.is("True")
                    {
                        continue;
                    }
                    let bytes = Bytes::from(walk.bytes);
                    let shown = layer.decode(bytes.clone()).unwrap();
                    prop_assert_eq!(serde_json::to_value(&shown).unwrap(), json);
                    prop_assert_eq!(&layer.encode(&shown).unwrap(), &bytes);
                    let mut edited = bytes.to_vec();
                    for (index, byte) in &edits {
                        *index.get_mut(&mut edited) = *byte;
                    }
                    for bytes in [bytes.slice(..cut.index(bytes.len())), edited.into()] {
                        match line.kind {
                            Kind::Constructor => agree::<$module::Object>(&layer, &bytes, line.kind)?,
                            Kind::Function => agree::<$module::Request>(&layer, &bytes, line.kind)?,
                        }
                    }
                }
            }
        }
    };
}

codecs_agree!(codecs_agree_on_mtproto, mtproto, "../schema/mtproto.tl");
codecs_agree!(codecs_agree_on_odnix, odnix, "../schema/odnix.tl");
codecs_agree!(codecs_agree_on_everything, everything, "everything/everything.tl");

const TWINS: &str = "
    same#1 x:int = Thing;
    other#2 any:Object = Thing;
    ---functions---
    same#3 = Thing;
";

#[test]
fn a_call_whose_name_is_a_constructor_s_too_stays_bytes_inside_of_others() {
    let layer = layer(TWINS);
    exact(&layer, "02000000 03000000", r#"{"_":"other","any":"AwAAAA=="}"#);
    exact(&layer, "02000000 01000000 05000000", r#"{"_":"other","any":{"_":"same","x":5}}"#);
    let call = layer.decode(unhex("03000000")).unwrap();
    assert_eq!(call, json(r#"{"_":"same"}"#));
    assert_eq!(layer.encode_as(Expected::Function, &call).unwrap(), unhex("03000000"));
}

#[test]
fn bytes_can_be_read_as_what_is_expected_only() {
    let layer = layer(TWINS);
    let read = |expected, hex| match layer.decode_as(expected, unhex(hex)) {
        Ok(_) => "fine".to_owned(),
        Err(error) => error.to_string(),
    };
    let (call, same) = ("03000000", "01000000 05000000");
    assert_eq!(read(Expected::Any, call), "fine");
    assert_eq!(read(Expected::Function, call), "fine");
    assert_eq!(read(Expected::Constructor, same), "fine");
    assert_eq!(read(Expected::Named("Thing"), same), "fine");
    assert_eq!(read(Expected::Named("same"), same), "fine");
    let wrong = [
        (Expected::Constructor, call, "00000003 at 0 is not a constructor of this schema"),
        (Expected::Function, same, "00000001 at 0 is not a function of this schema"),
        (Expected::Named("Thing"), call, "00000003 at 0 is not a constructor of Thing"),
        (Expected::Named("other"), same, "00000001 at 0 is not other"),
        (Expected::Named("same"), call, "00000003 at 0 is not same"),
    ];
    for (expected, hex, message) in wrong {
        assert_eq!(read(expected, hex), format!("constructor id {message}"), "{expected:?}");
    }
    assert_eq!(read(Expected::Constructor, "0100"), "4 bytes needed at 0, 2 left");
}

#[test]
fn a_result_is_written_as_its_function_returns_it() {
    let layer = layer(SHAPES);
    let boxes = json(r#"[{"_":"box","open":false}]"#);
    let bytes = unhex("15c4b51c 01000000 02000000 00000000");
    assert_eq!(layer.encode_result("find", &boxes).unwrap(), bytes);
    let error = layer.encode_result("find", &json(r#"[{"_":"leaf"}]"#)).unwrap_err();
    assert_eq!(error.to_string(), r#"[0]._: "leaf" is not a constructor of Box"#);
    let any = json(r#"{"_":"leaf"}"#);
    assert_eq!(layer.encode_result("call", &any).unwrap(), unhex("06000000"));
}

#[test]
fn what_is_read_is_never_too_deep_to_be_read_again_as_json() {
    let layer = layer(
        "end#1 = Deep; deep#2 x:vector<vector<vector<vector<vector<vector<Deep>>>>>> = Deep;",
    );
    let bytes = |levels: usize| {
        let level = "02000000".to_owned() + &"01000000".repeat(6);
        unhex(&(level.repeat(levels) + "01000000"))
    };
    let value = layer.decode(bytes(9)).unwrap();
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(layer.encode(&json(&text)).unwrap(), bytes(9));
    let error = layer.decode(bytes(10)).unwrap_err();
    assert!(matches!(error.error, DecodeError::TooDeep { .. }), "{error}");
}

#[test]
fn every_fault_has_its_position() {
    let layer = layer(SHAPES);
    let cases = [
        ("99000000", 0),
        ("01000000 01000000", 8),
        ("01000000 01000000 02000000 00", 12),
        ("04000000 03000000 01000000", 4),
    ];
    for (hex, position) in cases {
        assert_eq!(layer.decode(unhex(hex)).unwrap_err().error.position(), position, "{hex}");
    }
}
