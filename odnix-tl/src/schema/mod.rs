//! Schemas: what a `.tl` file says, and the Rust ([`generate`]), the reference page
//! ([`markdown`]) and the JSON Schema ([`json_schema`]) it becomes.
//!
//! # Language
//!
//! ```text
//! // a comment; LAYER gives the number of the layer
//! // LAYER 1
//! //@description What the next line is for
//! //@secret what this field is for
//! dcOption#18b7a10d flags:# ipv6:flags.0?true id:int secret:flags.10?bytes = DcOption;
//! ---functions---
//! invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X;
//! //@redact
//! auth.signIn username:string password:string = auth.Authorization;
//! ```
//!
//! `//@redact` is for lines with a secret field: the `Debug` form shows their name only.
//!
//! A line has an id after `#`, or else the one that [`Definition::computed_id`] gives. The
//! declarations of the types every schema has (`int ? = Int;`, `vector {t:Type} # [ t ] =
//! Vector t;`) are understood and skipped.
//!
//! # Errors
//!
//! [`Schema::parse`] reports every faulty line at once, each with its line and column. Types
//! without a constructor are reported only when every line could be read.
//!
//! # Example
//!
//! ```
//! use odnix_tl::schema::Schema;
//!
//! let schema = Schema::parse("pong msg_id:long ping_id:long = Pong;").unwrap();
//! assert_eq!(schema.definitions[0].id(), 0x3477_73c5);
//!
//! let errors = Schema::parse("a b:int b:long = A;\nc = ").unwrap_err();
//! assert_eq!(errors[0].to_string(), "1:9: a second field b of a");
//! assert_eq!(errors[1].to_string(), "2:5: expected a type, found the end of the file");
//! ```

mod check;
mod diff;
mod example;
mod gates;
mod generate;
mod index;
mod json_schema;
mod json_text;
mod layout;
mod lexer;
mod markdown;
mod names;
mod parser;

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::fmt;

#[cfg(feature = "serde")]
pub(crate) use check::is_raw;
pub(crate) use layout::MinLens;

pub use diff::{Change, Effect, diff};
pub use generate::{Options, generate};
pub use json_schema::{JsonSchemaOptions, json_schema};
pub use markdown::{MarkdownOptions, markdown};

/// A parsed and checked schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The number after `// LAYER`.
    pub layer: Option<u32>,
    /// All lines, in their order.
    pub definitions: Vec<Definition>,
}

/// One line of a schema: a constructor of a type, or a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Which of both.
    pub kind: Kind,
    /// Where it starts.
    pub position: Position,
    /// What `//@description` says.
    pub docs: Vec<String>,
    /// Whether `//@redact` keeps its fields out of `Debug`.
    pub is_redacted: bool,
    /// Its name.
    pub name: Name,
    /// The id after `#`.
    pub declared_id: Option<u32>,
    /// The `X` of each `{X:Type}`.
    pub type_params: Vec<String>,
    /// Its fields, `#` included.
    pub fields: Vec<Field>,
    /// What is behind `=`.
    pub result: Type,
}

/// What a line defines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A constructor of its result type.
    Constructor,
    /// A function that returns its result type.
    Function,
}

/// `namespace.ident`, or `ident`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// What is before the dot.
    pub namespace: Option<String>,
    /// What is behind it.
    pub ident: String,
}

/// One field of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it starts.
    pub position: Position,
    /// What `//@name` says.
    pub docs: Vec<String>,
    /// Its name.
    pub name: String,
    /// What is behind the colon.
    pub ty: FieldType,
}

/// What is behind the colon of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `#`
    Word,
    /// `T`
    Plain(Type),
    /// `word.bit?T`
    Conditional {
        /// The name of a `#` before it.
        word: String,
        /// 0 to 31.
        bit: u32,
        /// The type, if the bit is set.
        ty: Type,
    },
}

/// A type expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// Where it starts.
    pub position: Position,
    /// `!T`: a call of a function that returns `T`.
    pub call: bool,
    /// `%T`: without the constructor id.
    pub bare: bool,
    /// The name.
    pub name: Name,
    /// The `A` of `T<A>`.
    pub argument: Option<Box<Self>>,
}

/// A place in the text of a schema, counted from 1, in lines and characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character of the line.
    pub column: u32,
}

/// One fault of a schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct SchemaError {
    /// Where it is.
    pub position: Position,
    /// What it is.
    pub message: String,
}

impl Schema {
    /// Reads and checks the text of a schema.
    ///
    /// # Errors
    /// All faults, in the order of their places.
    pub fn parse(text: &str) -> Result<Self, Vec<SchemaError>> {
        let (schema, mut errors) = parser::parse(text);
        errors.extend(check::check(&schema, errors.is_empty()));
        if errors.is_empty() {
            return Ok(schema);
        }
        errors.sort_by_key(|error| error.position);
        Err(errors)
    }
}

impl Schema {
    /// What `//@class` says of a type.
    pub fn docs_of_type(&self, _name: &Name) -> &[String] {
        &[]
    }
}

impl Definition {
    /// The constructor id: as declared, else as computed.
    pub fn id(&self) -> u32 {
        self.declared_id.unwrap_or_else(|| self.computed_id())
    }

    /// The CRC32 of the line without its id and punctuation, without fields of type `true`,
    /// and with `bytes` spelled `string`.
    pub fn computed_id(&self) -> u32 {
        let mut text = format!("{}", self.name);
        for param in &self.type_params {
            text.push_str(&format!(" {param}:Type"));
        }
        for field in self.fields.iter().filter(|field| !field.ty.is_flag()) {
            text.push_str(&format!(" {field}"));
            if field.ty.value().is_some_and(|ty| *ty.name.ident == *"bytes") {
                text.truncate(text.len().saturating_sub("bytes".len()));
                text.push_str("string");
            }
        }
        text.push_str(&format!(" = {}", self.result));
        crc32fast::hash(text.replace('<', " ").replace('>', "").as_bytes())
    }
}

impl FieldType {
    /// The type of the value, unless it is a `#`.
    pub fn value(&self) -> Option<&Type> {
        match self {
            Self::Word => None,
            Self::Plain(ty) | Self::Conditional { ty, .. } => Some(ty),
        }
    }

    /// Whether it is `word.bit?true`.
    pub fn is_flag(&self) -> bool {
        matches!(self, Self::Conditional { ty, .. } if ty.name.is("true"))
    }
}

impl Name {
    /// Whether it is `ident`, without a namespace.
    pub fn is(&self, ident: &str) -> bool {
        self.namespace.is_none() && self.ident == ident
    }

    /// Whether it names a boxed type: those start with a capital.
    pub fn is_boxed(&self) -> bool {
        self.ident.starts_with(|first: char| first.is_ascii_uppercase())
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{:08x}", self.name, self.id())?;
        self.type_params.iter().try_for_each(|param| write!(f, " {{{param}:Type}}"))?;
        self.fields.iter().try_for_each(|field| write!(f, " {field}"))?;
        write!(f, " = {};", self.result)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.ty {
            FieldType::Word => write!(f, "{}:#", self.name),
            FieldType::Plain(ty) => write!(f, "{}:{ty}", self.name),
            FieldType::Conditional { word, bit, ty } => {
                write!(f, "{}:{word}.{bit}?{ty}", self.name)
            }
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.call { "!" } else { "" })?;
        f.write_str(if self.bare { "%" } else { "" })?;
        write!(f, "{}", self.name)?;
        self.argument.iter().try_for_each(|argument| write!(f, "<{argument}>"))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}."))?;
        f.write_str(&self.ident)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
