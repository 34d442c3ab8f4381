//! From a schema to a JSON Schema (draft 2020-12) of the JSON form of its values.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{
    Definition, Field, FieldType, Kind, Name, Schema, Type,
    index::{Index, Shape},
    json_text::Json,
};

/// The last digit before the padding has but so many bits; the reader refuses others.
const BASE64: &str =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)?$";
const BASE64_OF_16: &str = "^[A-Za-z0-9+/]{21}[AQgw]==$";
const BASE64_OF_32: &str = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";

/// How to write the document.
#[derive(Clone, Debug)]
pub struct JsonSchemaOptions<'a> {
    /// The `$id`, an absolute URI, if it has one.
    pub id: Option<&'a str>,
    /// The `title`.
    pub title: &'a str,
}

/// A JSON Schema (draft 2020-12) of the JSON form: by it an editor completes and checks
/// requests, and a gateway refuses most of what the reader would refuse.
///
/// # Definitions
///
/// `$defs` has one entry for each built-in type, each boxed type, each constructor and each
/// function, under its name in the schema, and two more: `Object` is any constructor,
/// `Request` any function. The document as a whole is either of these. A type that is named
/// `Request`, and a function that has the name of a constructor, get a `_` behind it.
///
/// A type with several constructors lists them as `if` `"_"` is the name, `then` the
/// constructor: the faults that a validator reports are those of the constructor that was
/// meant, and the time it takes grows with the length of the value only.
///
/// # Limits
///
/// What the document refuses, the reader refuses, but for what schemas declare and generated
/// types do not have, which only a [`Layer`](crate::dynamic::Layer) reads: the constructors of
/// `Bool`, `True` and `Null` as objects (`{"_": "boolTrue"}`), and the first of two functions
/// with the same id.
///
/// A few faults only the reader finds:
///
/// - a member that is there twice;
/// - what nests too deeply, or takes too much memory;
/// - what stands inside of an `!X` or `Object` field;
/// - bits in a `#` that are those of fields, as in `"flags": 1` beside `flags.0?T`;
/// - a string, or what a base64 string stands for, of more than 2²⁴ − 1 bytes;
/// - a whole number that is not written as one: `1.0`, `1e0` and `-0` are whole to JSON Schema;
/// - a number beyond the range of a `double`, such as `1e999`;
/// - digits behind `NaN:` that are not those of a NaN.
pub fn json_schema(schema: &Schema, options: &JsonSchemaOptions<'_>) -> String {
    let index = Index::new(schema);
    let constructors = index.constructors.iter().map(|of| &of.name).collect();
    let document = Document { index: &index, constructors };
    let mut text = document.json(schema.layer, options).pretty();
    text.push('\n');
    text
}

struct Document<'a> {
    index: &'a Index<'a>,
    constructors: BTreeSet<&'a Name>,
}

impl Document<'_> {
    fn json(&self, layer: Option<u32>, options: &JsonSchemaOptions<'_>) -> Json {
        let mut members = Members::default();
        members.put("$schema", Json::string("https://json-schema.org/draft/2020-12/schema"));
        if let Some(id) = options.id {
            members.put("$id", Json::string(id));
        }
        members.put("title", Json::string(options.title));
        if let Some(layer) = layer {
            members.put("description", Json::String(format!("Layer {layer}.")));
        }
        // A function and a constructor may look the same, so not `oneOf`.
        members.put("anyOf", Json::Array([reference("Object"), reference("Request")].into()));
        members.put("$defs", self.definitions());
        members.json()
    }

    fn definitions(&self) -> Json {
        let Index { constructors, functions, results, .. } = self.index;
        let mut defs = built_in_definitions();
        defs.put("Object", self.any_of(constructors));
        defs.put("Request", self.any_of(&self.index.callable_functions().collect::<Vec<_>>()));
        for (name, of_type) in results.iter().filter(|(name, _)| !name.is("Object")) {
            defs.put(&type_key(name), self.boxed_type(name, of_type));
        }
        for definition in constructors.iter().chain(functions) {
            defs.put(&self.key(definition), self.object(definition));
        }
        defs.json()
    }

    fn boxed_type(&self, name: &Name, of_type: &[&Definition]) -> Json {
        let docs = self.index.docs_of_type(name);
        let any = self.any_of(of_type);
        if docs.is_empty() {
            return any;
        }
        let mut documented = Members::default();
        documented.put_docs(docs);
        documented.put("allOf", Json::Array([any].into()));
        documented.json()
    }

    /// Any of `definitions`, as its name says. With `oneOf` a validator would try each of them,
    /// and inside of each one each of the next level, which takes longer than anyone waits.
    fn any_of(&self, definitions: &[&Definition]) -> Json {
        match definitions {
            [] => return nothing().json(),
            [only] => return reference(&self.key(only)),
            _ => {}
        }
        let names = definitions.iter().map(|of| Json::String(of.name.to_string())).collect();
        let mut any = named_object(Json::member("enum", Json::Array(names)));
        let choice = |of: &&Definition| {
            let name = Json::member("const", Json::String(of.name.to_string()));
            let mut choice = Members::one("if", named_object(name).json());
            choice.put("then", reference(&self.key(of)));
            choice.json()
        };
        any.put("allOf", Json::Array(definitions.iter().map(choice).collect()));
        any.json()
    }

    /// Its name in `$defs`.
    fn key(&self, definition: &Definition) -> String {
        let is_taken =
            definition.kind == Kind::Function && self.constructors.contains(&definition.name);
        format!("{}{}", definition.name, if is_taken { "_" } else { "" })
    }

    fn object(&self, definition: &Definition) -> Json {
        let mut docs = definition.docs.clone();
        if definition.kind == Kind::Function {
            docs.push(format!("Returns {}.", definition.result));
        }
        let mut properties = Members::default();
        properties.put("_", Json::member("const", Json::String(format!("{}", definition.name))));
        let mut required = Vec::from([Json::string("_")]);
        for field in &definition.fields {
            let mut value = match &field.ty {
                FieldType::Word => Members::one("$ref", pointer("_word")),
                FieldType::Plain(ty) => {
                    required.push(Json::string(&field.name));
                    self.value(definition, ty)
                }
                FieldType::Conditional { .. } if field.ty.is_flag() => {
                    let types = [Json::string("boolean"), Json::string("null")];
                    Members::one("type", Json::Array(types.into()))
                }
                FieldType::Conditional { ty, .. } => {
                    let value = self.value(definition, ty).json();
                    let null = Json::member("type", Json::string("null"));
                    Members::one("anyOf", Json::Array([value, null].into()))
                }
            };
            value.put_docs(&field.docs);
            properties.put(&field.name, value.json());
        }
        let mut object = Members::default();
        object.put_docs(&docs);
        object.put("$comment", Json::String(definition.to_string()));
        object.put("type", Json::string("object"));
        object.put("properties", properties.json());
        object.put("required", Json::Array(required));
        object.put("additionalProperties", Json::literal("false"));
        let shared: Vec<_> = shared_bits(definition).iter().map(|of| all_or_none(of)).collect();
        if !shared.is_empty() {
            object.put("allOf", Json::Array(shared));
        }
        object.json()
    }

    fn value(&self, definition: &Definition, ty: &Type) -> Members {
        match self.index.shape(definition, ty) {
            Shape::Raw => raw(),
            Shape::Vector(item) => {
                let mut array = Members::one("type", Json::string("array"));
                array.put("items", self.value(definition, item).json());
                array
            }
            Shape::BuiltIn(("string", _)) => Members::one("type", Json::string("string")),
            Shape::BuiltIn(("Bool", _)) => Members::one("type", Json::string("boolean")),
            Shape::BuiltIn((name, _)) => Members::one("$ref", pointer(name)),
            Shape::Constructor(only) if !ty.name.is_boxed() => {
                Members::one("$ref", pointer(&self.key(only)))
            }
            Shape::Boxed(name) if !self.index.results.contains_key(name) => nothing(),
            Shape::Constructor(_) | Shape::Boxed(_) => {
                Members::one("$ref", pointer(&type_key(&ty.name)))
            }
        }
    }
}

/// The fields of each bit that several fields of a line have.
fn shared_bits(definition: &Definition) -> Vec<Vec<&Field>> {
    let mut by_bit: BTreeMap<(&str, u32), Vec<&Field>> = BTreeMap::new();
    for field in &definition.fields {
        if let FieldType::Conditional { word, bit, .. } = &field.ty {
            by_bit.entry((word, *bit)).or_default().push(field);
        }
    }
    by_bit.into_values().filter(|fields| fields.len() > 1).collect()
}

/// That all of the fields are there, or none. A flag that is not mentioned goes with the others.
fn all_or_none(fields: &[&Field]) -> Json {
    let (mut there, mut absent, mut required) =
        (Members::default(), Members::default(), Vec::new());
    for field in fields {
        let null = || Json::member("type", Json::string("null"));
        if field.ty.is_flag() {
            let or_null = |value| Json::Array([Json::literal(value), Json::literal("null")].into());
            there.put(&field.name, Json::member("enum", or_null("true")));
            absent.put(&field.name, Json::member("enum", or_null("false")));
        } else {
            there.put(&field.name, Json::member("not", null()));
            absent.put(&field.name, null());
            required.push(Json::string(&field.name));
        }
    }
    let mut all = Members::one("properties", there.json());
    all.put("required", Json::Array(required));
    let none = Json::member("properties", absent.json());
    Json::member("anyOf", Json::Array([all.json(), none].into()))
}

/// The members of an object, in their order.
#[derive(Default)]
struct Members(Vec<(String, Json)>);

impl Members {
    fn one(name: &str, value: Json) -> Self {
        Self(Vec::from([(name.to_owned(), value)]))
    }

    fn put(&mut self, name: &str, value: Json) {
        self.0.push((name.to_owned(), value));
    }

    fn put_docs(&mut self, docs: &[String]) {
        if !docs.is_empty() {
            self.put("description", Json::String(docs.join("\n")));
        }
    }

    fn json(self) -> Json {
        Json::Object(self.0)
    }
}

/// `Object` is written for fields of any type, so it is that of any constructor.
fn type_key(name: &Name) -> String {
    format!("{name}{}", if name.is("Request") { "_" } else { "" })
}

fn pointer(key: &str) -> Json {
    Json::String(format!("#/$defs/{key}"))
}

fn reference(key: &str) -> Json {
    Json::member("$ref", pointer(key))
}

/// What no value is.
fn nothing() -> Members {
    Members::one("not", Members::default().json())
}

/// Any object whose `"_"` is as `name` says.
fn named_object(name: Json) -> Members {
    let mut object = Members::one("type", Json::string("object"));
    object.put("properties", Json::member("_", name));
    object.put("required", Json::Array([Json::string("_")].into()));
    object
}

/// Base64 of the TL form, or an object of this or any other schema.
fn raw() -> Members {
    let object = named_object(Json::member("type", Json::string("string")));
    Members::one("anyOf", Json::Array([reference("bytes"), object.json()].into()))
}

fn built_in_definitions() -> Members {
    let mut defs = Members::default();
    let mut word = Members::one("type", Json::Array(["integer", "null"].map(Json::string).into()));
    word.put_docs(&["Bits that are set and belong to none of the other members".to_owned()]);
    word.put("minimum", Json::literal("0"));
    word.put("maximum", Json::Literal(u32::MAX.to_string()));
    // No name in a schema starts like this one.
    defs.put("_word", word.json());
    let mut int = Members::one("type", Json::string("integer"));
    int.put("minimum", Json::Literal(i32::MIN.to_string()));
    int.put("maximum", Json::Literal(i32::MAX.to_string()));
    defs.put("int", int.json());
    let mut long = Members::one("type", Json::string("string"));
    long.put_docs(&["A whole number of 64 bits, in decimal".to_owned()]);
    long.put("pattern", Json::String(long_pattern()));
    defs.put("long", long.json());
    let number = Json::member("type", Json::string("number"));
    let mut names = Members::one("type", Json::string("string"));
    names.put("pattern", Json::string("^(NaN(:[0-9a-f]{16})?|-?Infinity)$"));
    defs.put("double", Json::member("anyOf", Json::Array([number, names.json()].into())));
    for (name, pattern) in [("bytes", BASE64), ("int128", BASE64_OF_16), ("int256", BASE64_OF_32)] {
        let mut base64 = Members::one("type", Json::string("string"));
        base64.put("contentEncoding", Json::string("base64"));
        base64.put("pattern", Json::string(pattern));
        defs.put(name, base64.json());
    }
    defs
}

/// Exactly the 64-bit numbers, without needless zeros.
fn long_pattern() -> String {
    let max = i64::MAX.to_string();
    // With fewer digits, any number; with as many, one that is smaller at some digit, and the
    // same before it.
    let mut numbers = Vec::from([format!("[1-9][0-9]{{0,{}}}", max.len().saturating_sub(2))]);
    for (index, digit) in max.char_indices() {
        let lowest = if index == 0 { 1 } else { 0 };
        let below = digit.to_digit(10).and_then(|digit| digit.checked_sub(1));
        if let Some(below) = below.filter(|below| *below >= lowest) {
            let before = max.get(..index).unwrap_or_default();
            let behind = max.len().saturating_sub(index).saturating_sub(1);
            numbers.push(format!("{before}[{lowest}-{below}][0-9]{{{behind}}}"));
        }
    }
    numbers.push(max);
    format!("^(0|-?({})|{})$", numbers.join("|"), i64::MIN)
}
