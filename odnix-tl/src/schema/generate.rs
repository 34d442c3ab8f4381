//! From a schema to Rust text, in which each line of the schema is one macro call.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::fmt::Write as _;

use super::{
    Definition, Field, FieldType, Kind, Name, Schema, Type,
    index::{Index, Shape},
    names::{BUILT_IN_VALUES, field_name, full_name, struct_name},
};

/// How to write the Rust text.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The path of `odnix-tl` from the generated module: `odnix_tl`.
    pub crate_path: &'a str,
    /// Lines for the head of the text, as a module documentation.
    pub title: &'a str,
}

/// The Rust module of a schema: `types`, `enums`, `functions`, the enum `Object` of all
/// constructors, the enum `Request` of all functions, and `LAYER`. The text is as rustfmt
/// would write it.
pub fn generate(schema: &Schema, options: &Options<'_>) -> String {
    Generator { options, index: Index::new(schema) }.file(schema.layer)
}

struct Generator<'a> {
    options: &'a Options<'a>,
    index: Index<'a>,
}

/// The items of one module, by namespace.
type Items = BTreeMap<Option<String>, String>;

impl Generator<'_> {
    fn file(&self, layer: Option<u32>) -> String {
        let mut out =
            format!("//! {}\n\n// Generated; see `odnix_tl::schema`.\n", self.options.title);
        if let Some(layer) = layer {
            let _ =
                write!(out, "\n/// The number of this layer.\npub const LAYER: i32 = {layer};\n");
        }
        let types = self.structs(&self.index.constructors);
        self.module(&mut out, "types", "All constructors.", &types);
        let mut enums = Items::new();
        for (name, constructors) in self.index.results.iter().filter(|(_, of)| of.len() > 1) {
            let text = enums.entry(name.namespace.clone()).or_default();
            text.push_str(&self.type_enum(name, constructors));
        }
        self.module(&mut out, "enums", "All types with more than one constructor.", &enums);
        self.module(&mut out, "functions", "All functions.", &self.structs(&self.index.functions));
        self.any(&mut out, "Object", "A value of any type.", &self.index.constructors);
        let functions: Vec<_> = self.index.callable_functions().collect();
        self.any(&mut out, "Request", "A call of any function.", &functions);
        out
    }

    fn module(&self, out: &mut String, name: &str, docs: &str, items: &Items) {
        let _ = write!(out, "\n/// {docs}\npub mod {name} {{\n");
        let mut first = true;
        if let Some(text) = items.get(&None) {
            out.push_str(&indented(&self.imports(text, "super")));
            out.push_str(&indented(text));
            first = false;
        }
        for (namespace, text) in items {
            let Some(namespace) = namespace else { continue };
            out.push_str(if first { "" } else { "\n" });
            first = false;
            let module = field_name(namespace);
            let _ = write!(
                out,
                "    /// Those of the namespace `{namespace}`.\n    pub mod {module} {{\n"
            );
            for text in [&self.imports(text, "super::super"), text] {
                out.push_str(&indented(&indented(text)));
            }
            out.push_str("    }\n");
        }
        out.push_str("}\n");
    }

    /// The `use` lines that `text` needs.
    fn imports(&self, text: &str, schema_path: &str) -> String {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("///"));
        let is_path = |next: char| next.is_ascii_alphanumeric() || "_:".contains(next);
        let paths = code.flat_map(|line| line.split(|next| !is_path(next)));
        // The first word of each path, and whether more follow.
        let words: BTreeSet<(&str, bool)> = paths
            .map(|path| path.split_once("::").map_or((path, false), |(first, _)| (first, true)))
            .collect();
        let path = self.options.crate_path;
        let mut out = String::new();
        for (path, is_module, names) in [
            (schema_path, true, ["enums", "types"].as_slice()),
            (&format!("{path}::prelude"), false, &["Box", "Bytes", "Raw", "String", "Vec"]),
            (path, false, &["tl_enum", "tl_struct"]),
            (&format!("{path}::wire"), false, &["Bare", "BareVectorOf", "Boxed", "VectorOf"]),
        ] {
            let used: Vec<_> =
                names.iter().copied().filter(|name| words.contains(&(name, is_module))).collect();
            let _ = match used.as_slice() {
                [] => Ok(()),
                [one] => writeln!(out, "use {path}::{one};"),
                several => writeln!(out, "use {path}::{{{}}};", several.join(", ")),
            };
        }
        out.push_str(if out.is_empty() { "" } else { "\n" });
        out
    }

    fn structs(&self, definitions: &[&Definition]) -> Items {
        let mut items = Items::new();
        for definition in definitions {
            let text = items.entry(definition.name.namespace.clone()).or_default();
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&self.item(definition));
        }
        items
    }

    /// One `tl_struct!`.
    fn item(&self, definition: &Definition) -> String {
        let mut out = "tl_struct! {\n".to_owned();
        for line in &definition.docs {
            let _ = writeln!(out, "    /// {}\n    ///", escaped(line));
        }
        let _ = writeln!(out, "    /// `{definition}`");
        let type_name = struct_name(&definition.name);
        let redact = if definition.is_redacted { "@redact " } else { "" };
        let _ = write!(out, "    {redact}pub struct {type_name} = \"{}\" ", definition.name);
        let _ = write!(out, "0x{:08x}", definition.id());
        if definition.kind == Kind::Function {
            let _ = write!(out, " -> {}", self.rust_type(definition, &definition.result));
        }
        if definition.fields.is_empty() {
            out.push_str(";\n}\n");
            return out;
        }
        out.push_str(" {\n");
        let mut words = String::new();
        for field in &definition.fields {
            if field.ty == FieldType::Word {
                let _ = write!(words, "[{}] ", field_name(&field.name));
                continue;
            }
            out.push_str(&self.field(definition, field, &core::mem::take(&mut words)));
        }
        if !words.is_empty() {
            let _ = writeln!(out, "        ; {}", words.trim_end());
        }
        out.push_str("    }\n}\n");
        out
    }

    /// `[flags] name "tlName": Type as Form = flags.N,`
    fn field(&self, definition: &Definition, field: &Field, words: &str) -> String {
        let mut out = String::new();
        if !words.is_empty() {
            let _ = writeln!(out, "        {}", words.trim_end());
        }
        for line in &field.docs {
            let _ = writeln!(out, "        /// {}", escaped(line));
        }
        if field.docs.is_empty() {
            let _ = writeln!(out, "        /// `{field}`");
        }
        let name = field_name(&field.name);
        let _ = write!(out, "        {name}");
        if name != field.name {
            let _ = write!(out, " \"{}\"", field.name);
        }
        let Some(ty) = field.ty.value() else { return out };
        let (rust_type, form) = if field.ty.is_flag() {
            ("bool".to_owned(), Form::Boxed)
        } else {
            let mut rust_type = self.rust_type(definition, ty);
            if self.contains(ty, &definition.result.name) && definition.kind == Kind::Constructor {
                rust_type = format!("Box<{rust_type}>");
            }
            if let FieldType::Conditional { .. } = &field.ty {
                rust_type = format!("Option<{rust_type}>");
            }
            (rust_type, self.form(ty))
        };
        let _ = write!(out, ": {rust_type}");
        if form != Form::Boxed {
            let _ = write!(out, " as {form}");
        }
        if let FieldType::Conditional { word, bit, .. } = &field.ty {
            let _ = write!(out, " = {}.{bit}", field_name(word));
        }
        out.push_str(",\n");
        out
    }

    fn rust_type(&self, definition: &Definition, ty: &Type) -> String {
        match self.index.shape(definition, ty) {
            Shape::Raw => "Raw".to_owned(),
            Shape::Vector(item) => format!("Vec<{}>", self.rust_type(definition, item)),
            Shape::BuiltIn((_, rust)) => (*rust).to_owned(),
            Shape::Constructor(only) => path("types", &only.name),
            Shape::Boxed(name) => path("enums", name),
        }
    }

    fn form(&self, ty: &Type) -> Form {
        if let Some(argument) = &ty.argument {
            let is_bare = ty.bare || !ty.name.is_boxed();
            return match self.form(argument) {
                Form::Boxed if !is_bare => Form::Boxed,
                items if is_bare => Form::BareVectorOf(items.into()),
                items => Form::VectorOf(items.into()),
            };
        }
        let is_built_in = BUILT_IN_VALUES.iter().any(|(name, _)| ty.name.is(name));
        if (ty.bare || !ty.name.is_boxed()) && !is_built_in { Form::Bare } else { Form::Boxed }
    }

    /// Whether a value of `ty` can hold, without a vector between, one of the type `wanted`.
    fn contains(&self, ty: &Type, wanted: &Name) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = Vec::from([ty]);
        while let Some(ty) = open.pop() {
            if ty.argument.is_some() || !seen.insert(&ty.name) {
                continue;
            }
            for constructor in self.index.constructors_of(&ty.name) {
                if constructor.result.name == *wanted {
                    return true;
                }
                open.extend(constructor.fields.iter().filter_map(|field| field.ty.value()));
            }
        }
        false
    }

    /// One `tl_enum!` for a type.
    fn type_enum(&self, name: &Name, constructors: &[&Definition]) -> String {
        let mut out = "tl_enum! {\n".to_owned();
        let _ = writeln!(out, "    /// `{name}`");
        let _ = writeln!(out, "    pub enum {} = \"{name}\" {{", struct_name(name));
        for constructor in constructors {
            let variant = if constructor.name.namespace == name.namespace {
                struct_name(&constructor.name)
            } else {
                full_name(&constructor.name)
            };
            let _ = writeln!(out, "        /// `{}`", constructor.name);
            let payload = path("types", &constructor.name);
            let _ = if constructor.fields.is_empty() {
                writeln!(out, "        {variant} = {payload},")
            } else {
                writeln!(out, "        {variant}({payload}),")
            };
        }
        out.push_str("    }\n}\n");
        out
    }

    /// One `tl_enum!` of everything that `definitions` define.
    fn any(&self, out: &mut String, name: &str, docs: &str, definitions: &[&Definition]) {
        let Some(kind) = definitions.first().map(|first| first.kind) else { return };
        let module = if kind == Kind::Function { "functions" } else { "types" };
        let path_to_macro = self.options.crate_path;
        let _ = write!(out, "\n{path_to_macro}::tl_enum! {{\n    /// {docs}\n");
        let _ = writeln!(out, "    pub enum {name} = \"{name}\" {{");
        for definition in definitions {
            let variant = full_name(&definition.name);
            let _ = writeln!(out, "        /// `{}`", definition.name);
            let _ = writeln!(out, "        {variant}({}),", path(module, &definition.name));
        }
        out.push_str("    }\n}\n");
    }
}

/// A form on the wire, as `odnix_tl::wire` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Boxed,
    Bare,
    VectorOf(alloc::boxed::Box<Self>),
    BareVectorOf(alloc::boxed::Box<Self>),
}

impl core::fmt::Display for Form {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Boxed => f.write_str("Boxed"),
            Self::Bare => f.write_str("Bare"),
            Self::VectorOf(items) => write!(f, "VectorOf<{items}>"),
            Self::BareVectorOf(items) => write!(f, "BareVectorOf<{items}>"),
        }
    }
}

fn path(module: &str, name: &Name) -> String {
    match &name.namespace {
        Some(namespace) => format!("{module}::{}::{}", field_name(namespace), struct_name(name)),
        None => format!("{module}::{}", struct_name(name)),
    }
}

/// Text that rustdoc shows as it is.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for next in text.chars() {
        if matches!(next, '[' | ']' | '<' | '>' | '\\') {
            out.push('\\');
        }
        out.push(next);
    }
    out
}

fn indented(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if !line.is_empty() {
            out.push_str("    ");
            out.push_str(line);
        }
        out.push('\n');
    }
    out
}
