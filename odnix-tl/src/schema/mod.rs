//! Schemas: what a `.tl` file says, and the Rust ([`generate`]), the reference page
//! ([`markdown`]) and the JSON Schema ([`json_schema`]) it becomes.
//!
//! # Language
//!
//! ```text
//! // a comment; LAYER gives the number of the layer
//! // LAYER 1
//! //@class DcOption @description What a type is for
//! //@description What the next line is for @ipv6 what this field is for
//! //@secret what that one is for
//! //-and a second line about it
//! dcOption#18b7a10d flags:# ipv6:flags.0?true id:int secret:flags.10?bytes = DcOption;
//! ---functions---
//! invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X; /* a comment, too */
//! //@redact
//! auth.signIn username:string password:string = auth.Authorization;
//! ```
//!
//! | form | meaning |
//! |---|---|
//! | `name#1a2b3c4d` | the id, one to eight digits; without it, [`Definition::computed_id`] |
//! | `name.space.ident` | a namespace may have dots |
//! | `flags:#` | a flag word: 32 bits, for the conditional fields behind it; up to four |
//! | `flags.3?T` | a `T`, if bit 3 of `flags` is set; `flags.3?true` is nothing but the bit |
//! | `%T`, `t` | without the constructor id |
//! | `Vector<T>`, `(Vector T)` | with its constructor id; `vector` is without |
//! | `{X:Type}`, `!X` | a call of a function that returns `X` |
//! | `---functions---`, `---types---` | what follows are functions, or constructors |
//!
//! Names are letters, digits and `_`, and start with a letter. Those that would be the same in Rust
//! are refused. The number of a layer is 1 to 2147483647; a comment that has none behind `LAYER` is
//! only a comment.
//!
//! Comments may stand anywhere. The built-in types may be declared, as in `int ? = Int;`,
//! `int128 4*[ int ] = Int128;` and `vector {t:Type} # [ t ] = Vector t;`; such a line must be
//! right, and is skipped. Repetitions such as `# [ t ]` stand nowhere else.
//!
//! # Documentation
//!
//! A comment that starts with `//@` belongs to the definition that it stands in, or else to the
//! next one. Its first word is a tag: `description`, the name of a field, or one of these.
//!
//! - `//@redact` is for lines with a secret field: the `Debug` form shows their name only.
//! - `//@class Name @description text` documents a boxed type: [`Schema::type_docs`].
//! - `//@param_description` is for a field of the name `description`; so are `@param_class` and
//!   `@param_redact` for their fields.
//!
//! Further tags may follow in the same line. There a word with `@` that is none of those names,
//! such as `@username`, is text. `//-text` is a further line of the tag before it. Control
//! characters, and those that turn the direction of text, are kept as `\u{fffd}`.
//!
//! # Errors and warnings
//!
//! [`Schema::parse`] reports all faults at once, each with its place, up to a hundred. After a
//! fault it goes on behind the next `;`, or at the next line that looks like the start of a
//! definition. Types without a constructor are reported only when every line could be read.
//! [`SchemaError::render`] shows the line with a mark under the fault.
//!
//! [`Schema::parse_with_warnings`] also says what may be a mistake: an id that is not the
//! computed one ([`WarningKind::IdMismatch`]), and documentation of nothing
//! ([`WarningKind::Documentation`]).
//!
//! # Limits
//!
//! Type arguments nest up to 8 deep, and a definition has up to 8 type parameters and 4 flag words. Time and
//! memory grow with the length of the text, whatever it says.
//!
//! # Example
//!
//! ```
//! use odnix_tl::schema::Schema;
//!
//! let schema = Schema::parse("pong msg_id:long ping_id:long = Pong;").unwrap();
//! assert_eq!(schema.definitions[0].id(), 0x3477_73c5);
//!
//! let errors = Schema::parse("a b:int b:long = A;\nfoo#1234 bar: = Foo;").unwrap_err();
//! assert_eq!(errors[0].to_string(), "1:9: a second field `b` of `a`");
//! assert_eq!(
//!     errors[1].render("schema.tl").to_string(),
//!     "schema.tl:2:15: expected a type, found `=`\n  \
//!        |\n\
//!      2 | foo#1234 bar: = Foo;\n  \
//!        |               ^"
//! );
//! ```
//!
//! # In a build script
//!
//! A project with a schema of its own has `odnix-tl` as a dependency and as a build dependency. Its
//! `build.rs` writes the module, and `include!(concat!(env!("OUT_DIR"), "/app.rs"));` takes it in:
//!
//! ```no_run
//! use odnix_tl::schema::{Options, Schema, generate};
//!
//! println!("cargo::rerun-if-changed=app.tl");
//! let schema = Schema::parse(&std::fs::read_to_string("app.tl")?).map_err(|errors| {
//!     errors.iter().map(|error| format!("{}\n", error.render("app.tl"))).collect::<String>()
//! })?;
//! let options = Options { crate_path: "odnix_tl", title: "app.tl", features: false, any: true };
//! std::fs::write(std::env::var("OUT_DIR")? + "/app.rs", generate(&schema, &options))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `examples/own-schema` of the repository is such a project, with a cargo feature for each
//! namespace.

mod built_in;
mod check;
mod components;
mod cursor;
mod diff;
mod docs;
mod error;
mod example;
mod format;
mod gates;
mod generate;
mod index;
mod json_schema;
mod json_text;
mod layout;
mod lexer;
mod markdown;
mod merge;
mod names;
mod parser;
mod sizes;

use alloc::{boxed::Box, format, string::String, vec::Vec};
use core::fmt;

#[cfg(feature = "serde")]
pub(crate) use check::is_raw;
use error::Faults;
pub(crate) use layout::MinLens;

pub use diff::{Change, Effect, diff};
pub use error::{SchemaError, SchemaWarning, WarningKind};
pub use format::format;
pub use generate::{Options, generate};
pub use json_schema::{JsonSchemaOptions, json_schema};
pub use markdown::{MarkdownOptions, markdown};
pub use merge::MergeConflict;

/// A parsed and checked schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// The number after `// LAYER`.
    pub layer: Option<u32>,
    /// All lines, in their order.
    pub definitions: Vec<Definition>,
    /// What `//@class` says of boxed types, in the order of their first lines.
    pub type_docs: Vec<TypeDocs>,
}

/// The documentation of a boxed type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDocs {
    /// The name of the type.
    pub name: Name,
    /// What is behind its `@description`.
    pub docs: Vec<String>,
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
    /// What is before the last dot.
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

impl Schema {
    /// Reads and checks the text of a schema.
    ///
    /// # Errors
    /// All faults, in the order of their places; of more than a hundred the first ones.
    pub fn parse(text: &str) -> Result<Self, Vec<SchemaError>> {
        Self::read(text, &mut Faults::default()).map(|(schema, _)| schema)
    }

    /// The same, with what may be a mistake, in the order of the places; of more than a hundred
    /// of one kind the first ones.
    ///
    /// # Errors
    /// Those of [`Schema::parse`].
    pub fn parse_with_warnings(text: &str) -> Result<(Self, Vec<SchemaWarning>), Vec<SchemaError>> {
        let mut warnings = Faults::default();
        let (schema, ids) = Self::read(text, &mut warnings)?;
        let mut mismatches = Faults::default();
        for (definition, id) in schema.definitions.iter().zip(ids) {
            let (declared, computed) = (definition.id(), definition.computed_id());
            if let Some((position, len)) = id
                && declared != computed
            {
                let name = error::Quoted(&definition.name);
                let message =
                    format!("id of {name}: declared {declared:08x}, computed {computed:08x}");
                mismatches.push(position, len, message);
            }
        }
        let mut warnings = warnings.into_warnings(WarningKind::Documentation, text);
        warnings.extend(mismatches.into_warnings(WarningKind::IdMismatch, text));
        warnings.sort_by_key(|warning| warning.position);
        Ok((schema, warnings))
    }

    /// The schema, and where the id of each definition is.
    fn read(
        text: &str,
        warnings: &mut Faults,
    ) -> Result<(Self, Vec<parser::IdPlace>), Vec<SchemaError>> {
        let mut faults = Faults::default();
        let parser::Parse { schema, ids, .. } = parser::parse(text, &mut faults, warnings);
        let is_complete = faults.is_empty();
        check::check(&schema, is_complete, &mut faults);
        if faults.is_empty() { Ok((schema, ids)) } else { Err(faults.into_errors(text)) }
    }
}

impl Schema {
    /// What `//@class` says of a type.
    pub fn docs_of_type(&self, name: &Name) -> &[String] {
        let found = self.type_docs.iter().find(|of| of.name == *name);
        found.map(|of| of.docs.as_slice()).unwrap_or_default()
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
            if field.ty.value().is_some_and(|ty| ty.name.is("bytes") && ty.argument.is_none()) {
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

    /// Whether it is `word.bit?true`, without a sign or an argument.
    pub fn is_flag(&self) -> bool {
        matches!(
            self,
            Self::Conditional { ty: Type { call: false, bare: false, name, argument: None, .. }, .. }
                if name.is("true")
        )
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
