//! From a schema to a reference page for those who call its functions.

use alloc::{borrow::ToOwned, collections::BTreeMap, format, string::String, vec::Vec};
use core::fmt::Write as _;

use super::{
    Definition, Field, FieldType, Kind, Name, Schema, Type,
    example::Examples,
    index::{Index, Shape},
};

/// How to read the page.
const LEGEND: &str = "\
Every function and every constructor has its line of the schema and an example in the JSON
form: `\"_\"` holds the name, a `long` is a decimal string, `bytes`, `int128` and `int256` are
base64, a vector is an array, and in place of an `!X` or `Object` stands any object, or base64 of
its TL form. What names
a bit, such as `flags.0`, is optional: the bit says whether it is there, and the examples leave
it out.";

/// How to write the page.
#[derive(Clone, Debug)]
pub struct MarkdownOptions<'a> {
    /// The heading of the page, as plain text.
    pub title: &'a str,
    /// Markdown for the head of the page: how to write it anew, what holds for all functions.
    pub intro: &'a str,
    /// What examples show: of `("username:string", "alice")` the first is a field and its type
    /// (that of the item, if it is a vector), the second a value as text, or the name of the
    /// constructor to take.
    pub samples: &'a [(&'a str, &'a str)],
}

/// A reference page in Markdown: the functions, then the types, by namespace, each with its
/// parameters or fields, its line, and an example in the JSON form. Of headings with
/// the same anchor the second gets `-1`, as GitHub and mdBook do it.
pub fn markdown(schema: &Schema, options: &MarkdownOptions<'_>) -> String {
    let index = Index::new(schema);
    let examples = Examples::new(&index, options.samples);
    let mut page = Page {
        index: &index,
        examples,
        functions: by_namespace(index.functions.iter().map(|of| (&of.name, *of))),
        types: by_namespace(index.results.keys().map(|name| (*name, *name))),
        anchors: BTreeMap::new(),
        used: BTreeMap::new(),
    };
    page.set_anchors(options.title);
    page.collect_uses();
    page.text(schema, options)
}

/// What has a heading, and an anchor to link to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Target<'a> {
    Function(&'a Name),
    Type(&'a Name),
    Constructor(&'a Name),
}

/// By namespace, those without one first.
type Grouped<'a, T> = BTreeMap<Option<&'a str>, Vec<T>>;

/// Where the values of a type come from and go to.
#[derive(Default)]
struct Uses<'a> {
    returned_by: Vec<Target<'a>>,
    part_of: Vec<Target<'a>>,
}

struct Page<'a> {
    index: &'a Index<'a>,
    examples: Examples<'a>,
    functions: Grouped<'a, &'a Definition>,
    types: Grouped<'a, &'a Name>,
    anchors: BTreeMap<Target<'a>, String>,
    used: BTreeMap<&'a Name, Uses<'a>>,
}

impl<'a> Page<'a> {
    fn set_anchors(&mut self, title: &str) {
        let mut counts = BTreeMap::new();
        let mut add = |heading: &str| anchor(heading, &mut counts);
        for heading in [title, "Contents", "Functions"] {
            add(heading);
        }
        for (namespace, functions) in &self.functions {
            add(&group_heading("Functions", *namespace));
            for function in functions {
                let target = Target::Function(&function.name);
                self.anchors.insert(target, add(&target.heading()));
            }
        }
        add("Types");
        for (namespace, types) in &self.types {
            add(&group_heading("Types", *namespace));
            for name in types {
                let constructors = self.index.constructors_of(name);
                let constructors = constructors.iter().map(|of| Target::Constructor(&of.name));
                for target in [Target::Type(name)].into_iter().chain(constructors) {
                    self.anchors.insert(target, add(&target.heading()));
                }
            }
        }
    }

    fn collect_uses(&mut self) {
        let index = self.index;
        for definition in index.functions.iter().chain(&index.constructors) {
            let target = Target::of(definition);
            if definition.kind == Kind::Function
                && let Some(name) = named(index, definition, &definition.result)
            {
                self.used.entry(name).or_default().returned_by.push(target);
            }
            for ty in definition.fields.iter().filter_map(|field| field.ty.value()) {
                let Some(name) = named(index, definition, ty) else { continue };
                let part_of = &mut self.used.entry(name).or_default().part_of;
                if part_of.last() != Some(&target) {
                    part_of.push(target);
                }
            }
        }
    }

    fn text(&self, schema: &Schema, options: &MarkdownOptions<'_>) -> String {
        let mut out = format!("# {}\n\n", escaped(options.title));
        for paragraph in [options.intro, &self.summary(schema.layer), LEGEND] {
            out.push_str(paragraph.trim());
            out.push_str(if paragraph.is_empty() { "" } else { "\n\n" });
        }
        self.contents(&mut out);
        out.push_str("## Functions\n\n");
        for (namespace, functions) in &self.functions {
            let _ = writeln!(out, "### {}\n", group_heading("Functions", *namespace));
            for function in functions {
                self.definition(&mut out, function);
            }
        }
        out.push_str("## Types\n\n");
        for (namespace, types) in &self.types {
            let _ = writeln!(out, "### {}\n", group_heading("Types", *namespace));
            for name in types {
                self.boxed_type(&mut out, name);
            }
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
        out
    }

    fn summary(&self, layer: Option<u32>) -> String {
        let Index { functions, constructors, results, .. } = self.index;
        let layer = layer.map(|layer| format!("Layer {layer}: ")).unwrap_or_default();
        let (functions, constructors, types) = (functions.len(), constructors.len(), results.len());
        format!("{layer}functions: {functions}, types: {types}, constructors: {constructors}.")
    }

    fn contents(&self, out: &mut String) {
        out.push_str("## Contents\n\n| namespace | functions | types |\n|---|---|---|\n");
        let mut namespaces: Vec<_> = self.functions.keys().chain(self.types.keys()).collect();
        namespaces.sort();
        namespaces.dedup();
        for namespace in namespaces {
            let name = namespace.map_or("(none)".to_owned(), |name| format!("`{name}`"));
            let functions = self.functions.get(namespace).map(Vec::as_slice).unwrap_or_default();
            let functions: Vec<_> = functions.iter().map(|of| Target::of(of)).collect();
            let types = self.types.get(namespace).map(Vec::as_slice).unwrap_or_default();
            let types: Vec<_> = types.iter().copied().map(Target::Type).collect();
            let cells = [name, self.links(&functions), self.links(&types)];
            let _ = writeln!(out, "{}", row(&cells));
        }
        out.push('\n');
    }

    fn boxed_type(&self, out: &mut String, name: &'a Name) {
        let _ = writeln!(out, "#### {}\n", Target::Type(name).heading());
        paragraphs(out, self.index.docs_of_type(name));
        if let Some(Uses { returned_by, part_of }) = self.used.get(name) {
            for (what, by) in [("Returned by", returned_by), ("Part of", part_of)] {
                if !by.is_empty() {
                    let _ = writeln!(out, "{what} {}.\n", self.links(by));
                }
            }
        }
        for constructor in self.index.constructors_of(name) {
            self.definition(out, constructor);
        }
    }

    /// The section of a function or constructor.
    fn definition(&self, out: &mut String, definition: &Definition) {
        let is_function = definition.kind == Kind::Function;
        let level = if is_function { "####" } else { "#####" };
        let heading = Target::of(definition).heading();
        let _ = writeln!(out, "{level} {heading}\n\nId: `{:08x}`\n", definition.id());
        paragraphs(out, &definition.docs);
        if definition.is_redacted {
            out.push_str("Its fields are kept out of logs.\n\n");
        }
        self.fields(out, definition, if is_function { "parameter" } else { "field" });
        if is_function {
            let _ = writeln!(out, "Returns {}.\n", self.result(definition));
        }
        let _ = writeln!(out, "```tl\n{definition}\n```\n");
        if let Some(example) = self.examples.of(definition) {
            let _ = writeln!(out, "```json\n{}\n```\n", example.pretty());
        }
    }

    fn fields(&self, out: &mut String, definition: &Definition, what: &str) {
        let fields = definition.fields.iter().filter(|field| field.ty != FieldType::Word);
        let is_optional = |field: &&Field| matches!(field.ty, FieldType::Conditional { .. });
        let any_optional = fields.clone().any(|field| is_optional(&field));
        let mut rows = Vec::new();
        for field in fields {
            let Some(ty) = field.ty.value() else { continue };
            let bit = match &field.ty {
                FieldType::Conditional { word, bit, .. } => format!("`{word}.{bit}`"),
                _ => String::new(),
            };
            let ty = self.type_link(definition, ty);
            let docs: Vec<_> = field.docs.iter().map(|line| escaped(line)).collect();
            rows.push([format!("`{}`", field.name), ty, bit, docs.join(" ")]);
        }
        if rows.is_empty() {
            return;
        }
        let head = [what, "type", "optional", "description"].map(ToOwned::to_owned);
        for cells in [head, ["---"; 4].map(ToOwned::to_owned)].iter().chain(&rows) {
            let [name, ty, bit, docs] = cells;
            let _ = if any_optional {
                writeln!(out, "{}", row(&[name, ty, bit, docs]))
            } else {
                writeln!(out, "{}", row(&[name, ty, docs]))
            };
        }
        out.push('\n');
    }

    fn result(&self, definition: &Definition) -> String {
        let Definition { result, fields, .. } = definition;
        let is_query =
            |field: &&Field| field.ty.value().is_some_and(|ty| ty.call && ty.name == result.name);
        match fields.iter().find(is_query) {
            Some(query) => format!("what the call in `{}` returns", query.name),
            None => self.type_link(definition, result),
        }
    }

    /// The type as in the schema; what has a section is a link.
    fn type_link(&self, definition: &Definition, ty: &Type) -> String {
        let Type { call, bare, name, argument, .. } = ty;
        let prefix = format!("{}{}", if *call { "\\!" } else { "" }, if *bare { "%" } else { "" });
        let name_text = escaped(&format!("{name}"));
        if let Some(argument) = argument {
            return format!("{prefix}{name_text}\\<{}\\>", self.type_link(definition, argument));
        }
        let target = match self.index.shape(definition, ty) {
            Shape::Constructor(only) if !name.is_boxed() => Target::Constructor(&only.name),
            Shape::Constructor(_) | Shape::Boxed(_) => Target::Type(name),
            Shape::Raw | Shape::Vector(_) | Shape::BuiltIn(_) => {
                return format!("{prefix}{name_text}");
            }
        };
        match self.anchors.get(&target) {
            Some(anchor) => format!("{prefix}[{name_text}](#{anchor})"),
            None => format!("{prefix}{name_text}"),
        }
    }

    fn links(&self, targets: &[Target<'_>]) -> String {
        let link = |target: &Target<'_>| {
            let anchor = self.anchors.get(target).map(String::as_str).unwrap_or_default();
            format!("[`{}`](#{anchor})", target.name())
        };
        targets.iter().map(link).collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Target<'a> {
    fn of(definition: &'a Definition) -> Self {
        match definition.kind {
            Kind::Function => Self::Function(&definition.name),
            Kind::Constructor => Self::Constructor(&definition.name),
        }
    }

    fn name(self) -> &'a Name {
        let (Self::Function(name) | Self::Type(name) | Self::Constructor(name)) = self;
        name
    }

    /// Anchors do not tell `User` from `user`, so the heading says what it is.
    fn heading(self) -> String {
        match self {
            Self::Function(name) => format!("`{name}`"),
            Self::Type(name) => format!("Type `{name}`"),
            Self::Constructor(name) => format!("Constructor `{name}`"),
        }
    }
}

/// The type with a section that `ty` names, perhaps as the item of a vector.
fn named<'a>(index: &'a Index<'a>, definition: &Definition, ty: &'a Type) -> Option<&'a Name> {
    match index.shape(definition, ty) {
        Shape::Raw | Shape::BuiltIn(_) => None,
        Shape::Vector(item) => named(index, definition, item),
        Shape::Constructor(only) => Some(&only.result.name),
        Shape::Boxed(name) => Some(name),
    }
}

fn by_namespace<'a, T>(named: impl Iterator<Item = (&'a Name, T)>) -> Grouped<'a, T> {
    let mut grouped = Grouped::new();
    for (name, item) in named {
        grouped.entry(name.namespace.as_deref()).or_default().push(item);
    }
    grouped
}

fn group_heading(what: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{what} of `{namespace}`"),
        None => format!("{what} without a namespace"),
    }
}

/// The anchor that GitHub and mdBook make of a heading, after those in `counts`.
fn anchor(heading: &str, counts: &mut BTreeMap<String, u32>) -> String {
    let lower = heading.to_lowercase();
    let kept = lower.chars().filter(|next| next.is_alphanumeric() || " -_".contains(*next));
    let anchor: String = kept.map(|next| if next == ' ' { '-' } else { next }).collect();
    let count = counts.entry(anchor.clone()).or_default();
    let unique = if *count == 0 { anchor } else { format!("{anchor}-{count}") };
    *count = count.saturating_add(1);
    unique
}

fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let mut out = "|".to_owned();
    for cell in cells {
        let _ = match cell.as_ref() {
            "" => write!(out, " |"),
            rule @ "---" => write!(out, "{rule}|"),
            cell => write!(out, " {cell} |"),
        };
    }
    out
}

fn paragraphs(out: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(out, "{}\n", escaped(line));
    }
}

/// Text that Markdown, and rustdoc, show as it is, on one line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    // What starts a line may be a list or a heading.
    let number = text.find(|next: char| !next.is_ascii_digit()).unwrap_or_default();
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((index, next)) = chars.next() {
        let behind = chars.peek().map_or(' ', |(_, behind)| *behind);
        let is_list = index == number && (index > 0 && matches!(next, '.' | ')'));
        let is_first = index == 0 && matches!(next, '#' | '+' | '-' | '=');
        let is_markup =
            matches!(next, '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$');
        // Inside of a word it is only a character.
        let is_line = next == '_' && !(before.is_alphanumeric() && behind.is_alphanumeric());
        if is_list || is_first || is_markup || is_line {
            out.push('\\');
        }
        before = next;
        out.push(if next.is_control() { ' ' } else { next });
    }
    out
}
