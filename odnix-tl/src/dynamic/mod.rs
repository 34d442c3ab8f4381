//! A codec for any schema at run time: bytes to JSON and back, without generated code.
//!
//! A [`Layer`] is made from a [`Schema`]. It reads and writes the JSON form of
//! [`json`](crate::json), under the same limits but for memory, of which
//! values of JSON have a budget of their own; generated types use it for their own
//! JSON form. What it reads it writes back byte for byte, given the name
//! of the line where a constructor and a function share theirs ([`Expected`]).
//!
//! # Example
//!
//! ```
//! use odnix_tl::{dynamic::Layer, schema::Schema};
//!
//! let schema = Schema::parse("point x:int y:int = Point;").unwrap();
//! let layer = Layer::new(&schema);
//! let value = serde_json::from_str(r#"{"_": "point", "x": 1, "y": -1}"#)?;
//! let bytes = layer.encode(&value)?;
//! assert_eq!(bytes.len(), 4 + 4 + 4);
//! assert_eq!(layer.decode(bytes)?, value);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod read;
mod write;

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{
    DecodeError,
    schema::{Definition, FieldType, Kind, MinLens, Name, Schema, Type, is_raw},
};

pub use write::Expected;

/// A schema prepared for reading and writing values.
#[derive(Clone, Debug)]
pub struct Layer {
    lines: Vec<Line>,
    by_id: BTreeMap<u32, usize>,
    constructors: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
    types: Vec<BoxedType>,
    types_by_name: BTreeMap<String, usize>,
}

/// One constructor or function.
#[derive(Clone, Debug)]
struct Line {
    id: u32,
    name: String,
    kind: Kind,
    /// The index of the type of a constructor.
    of_type: Option<usize>,
    slots: Vec<Slot>,
    /// What a function returns.
    result: Shape,
}

#[derive(Clone, Debug)]
struct BoxedType {
    name: String,
    /// Indices of lines.
    constructors: Vec<usize>,
}

/// One field of a line.
#[derive(Clone, Debug)]
struct Slot {
    name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// A `#`, and the bits of it that fields of this line use.
    Word(u32),
    /// A bit, and nothing else: the index of its word, and its mask.
    Flag(usize, u32),
    /// A value that is there if the bit is set.
    Conditional(usize, u32, Shape),
    /// A value.
    Value(Shape),
}

/// What a value looks like on the wire.
#[derive(Clone, Debug)]
enum Shape {
    Int,
    Long,
    Double,
    Int128,
    Int256,
    String,
    Bytes,
    Bool,
    /// `Object` or `!X`: all the bytes that remain.
    Any,
    /// Index of a line.
    Bare(usize),
    /// Index of a type.
    Boxed(usize),
    Vector {
        has_id: bool,
        item: Box<Self>,
        /// The length of the shortest item, in bytes.
        item_len_min: usize,
    },
    /// Not in this schema.
    Missing(String),
}

/// What an id should have been of that no line of the layer has.
const THIS_LAYER: &str = "this layer";

/// Why bytes are not a value of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerError {
    /// The fields and indices that lead to the fault: `updates[3].message`.
    pub path: String,
    /// What the fault is.
    pub error: DecodeError,
    /// What an unknown constructor should have been: `of type Peer`, `a function of this schema`.
    pub expected: Option<String>,
}

impl LayerError {
    fn inside(mut self, name: &str) -> Self {
        self.path = crate::json::joined(name, &self.path);
        self
    }
}

impl From<DecodeError> for LayerError {
    fn from(error: DecodeError) -> Self {
        Self { path: String::new(), error, expected: None }
    }
}

impl fmt::Display for LayerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match (&self.error, &self.expected) {
            (DecodeError::UnknownConstructor { position, id, .. }, Some(expected)) => {
                write!(f, "constructor id {id:08x} at {position} is not {expected}")
            }
            (DecodeError::UnknownConstructor { position, id, expected: THIS_LAYER }, None) => {
                write!(f, "constructor id {id:08x} at {position} is not in {THIS_LAYER}")
            }
            (error, _) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for LayerError {}

impl Layer {
    /// Prepares a schema.
    pub fn new(schema: &Schema) -> Self {
        Compiler::new(schema).layer(schema)
    }

    /// What `bytes` are by their constructor id: the kind and the name of a line.
    pub fn identify(&self, bytes: &[u8]) -> Option<(Kind, &str)> {
        let id = bytes.first_chunk().map(|id| u32::from_le_bytes(*id))?;
        self.by_id(id).map(|line| (line.kind, line.name.as_str()))
    }

    fn by_id(&self, id: u32) -> Option<&Line> {
        self.lines.get(*self.by_id.get(&id)?)
    }

    /// What the function called `name` returns; without such a one, anything.
    fn result_of(&self, name: &str) -> &Shape {
        let line = self.functions.get(name).and_then(|index| self.lines.get(*index));
        line.map_or(&Shape::Any, |line| &line.result)
    }

    /// What must be there, in words.
    fn wanted(&self, expected: Expected<'_>) -> String {
        match expected {
            Expected::Any => "a constructor or a function of this schema".to_owned(),
            Expected::Constructor => "a constructor of this schema".to_owned(),
            Expected::Function => "a function of this schema".to_owned(),
            Expected::Named(name) if self.types_by_name.contains_key(name) => {
                format!("a constructor of {name}")
            }
            Expected::Named(name) | Expected::Line(_, name) => name.to_owned(),
        }
    }
}

/// What a layer is made with.
struct Compiler<'a> {
    lens: MinLens<'a>,
    constructors: BTreeMap<&'a Name, usize>,
    /// The index of each type, and those of its constructors.
    types: BTreeMap<&'a Name, (usize, Vec<usize>)>,
}

impl<'a> Compiler<'a> {
    fn new(schema: &'a Schema) -> Self {
        let mut types = BTreeMap::new();
        let mut constructors = BTreeMap::new();
        for (index, line) in schema.definitions.iter().enumerate() {
            if line.kind == Kind::Constructor {
                constructors.insert(&line.name, index);
                let next = types.len();
                let of_type = types.entry(&line.result.name).or_insert((next, Vec::new()));
                of_type.1.push(index);
            }
        }
        Self { lens: MinLens::new(schema), constructors, types }
    }

    fn layer(&self, schema: &'a Schema) -> Layer {
        let lines: Vec<_> = schema.definitions.iter().map(|line| self.line(line)).collect();
        let named = |kind| {
            let of_kind = lines.iter().enumerate().filter(move |(_, line)| line.kind == kind);
            of_kind.map(|(index, line)| (line.name.clone(), index)).collect()
        };
        let mut types: Vec<_> = self.types.iter().collect();
        types.sort_by_key(|(_, (index, _))| *index);
        let types = types.into_iter().map(|(name, (_, constructors))| BoxedType {
            name: name.to_string(),
            constructors: constructors.clone(),
        });
        Layer {
            // Of functions with the same id, the last one counts.
            by_id: lines.iter().enumerate().map(|(index, line)| (line.id, index)).collect(),
            constructors: named(Kind::Constructor),
            functions: named(Kind::Function),
            types: types.collect(),
            types_by_name: self.types.iter().map(|(name, at)| (name.to_string(), at.0)).collect(),
            lines,
        }
    }

    fn line(&self, line: &Definition) -> Line {
        let words: Vec<_> = (line.fields.iter())
            .filter(|field| field.ty == FieldType::Word)
            .map(|field| field.name.as_str())
            .collect();
        let slot = |field: &crate::schema::Field| {
            let content = match &field.ty {
                FieldType::Word => Content::Word(line.bits_of(&field.name)),
                FieldType::Plain(ty) => Content::Value(self.shape(line, ty)),
                FieldType::Conditional { word, bit, ty } => {
                    let word = words.iter().position(|name| name == word).unwrap_or(usize::MAX);
                    let mask = 1_u32.checked_shl(*bit).unwrap_or(0);
                    if field.ty.is_flag() {
                        Content::Flag(word, mask)
                    } else {
                        Content::Conditional(word, mask, self.shape(line, ty))
                    }
                }
            };
            Slot { name: field.name.clone(), content }
        };
        Line {
            id: line.id(),
            name: line.name.to_string(),
            kind: line.kind,
            slots: line.fields.iter().map(slot).collect(),
            result: self.shape(line, &line.result),
            of_type: match line.kind {
                Kind::Constructor => self.types.get(&line.result.name).map(|(index, _)| *index),
                Kind::Function => None,
            },
        }
    }

    fn shape(&self, line: &Definition, ty: &Type) -> Shape {
        if is_raw(line, ty) {
            return Shape::Any;
        }
        if let Some(item) = &ty.argument {
            let item_len_min = self.lens.value(item);
            let item = Box::new(self.shape(line, item));
            return Shape::Vector { has_id: !ty.is_bare(), item, item_len_min };
        }
        match ty.name.to_string().as_str() {
            "int" => return Shape::Int,
            "long" => return Shape::Long,
            "double" => return Shape::Double,
            "int128" => return Shape::Int128,
            "int256" => return Shape::Int256,
            "string" => return Shape::String,
            "bytes" => return Shape::Bytes,
            "Bool" => return Shape::Bool,
            _ => {}
        }
        let named = self.constructors.get(&ty.name);
        let of_type = self.types.get(&ty.name);
        let shape = match (ty.is_bare(), named, of_type) {
            (true, Some(line), _) => Some(Shape::Bare(*line)),
            (true, None, Some((_, of))) => of.first().map(|only| Shape::Bare(*only)),
            (false, _, Some((index, _))) => Some(Shape::Boxed(*index)),
            _ => None,
        };
        shape.unwrap_or_else(|| Shape::Missing(ty.to_string()))
    }
}

/// An index as a step of a path.
fn indexed(index: usize) -> String {
    format!("[{index}]")
}
