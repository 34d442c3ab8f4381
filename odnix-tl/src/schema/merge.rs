//! Several schemas as one.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use super::{
    Definition, Kind, Name, Position, Schema, Type,
    check::{is_declared_call, is_other},
    error::Quoted,
};

/// Two lines that one schema cannot have.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeConflict {
    /// The index of the schema with the later line.
    pub schema: usize,
    /// Where it is there.
    pub position: Position,
    /// The index of the schema with the line that is in its way.
    pub other_schema: usize,
    /// Where that one is.
    pub other_position: Position,
    /// What both have, as a sentence without a full stop.
    pub message: String,
}

impl core::error::Error for MergeConflict {}

impl fmt::Display for MergeConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schema, position, other_schema, other_position, message } = self;
        write!(f, "{message} (schemas {schema} at {position}, {other_schema} at {other_position})")
    }
}

impl Schema {
    /// All lines of several schemas, in their order; of equal ones the first. The number of the
    /// layer is the first one given, and so is the documentation of a type.
    ///
    /// Names that would only be the same in Rust are not looked for: see [`generate`](super::generate).
    ///
    /// # Errors
    /// All conflicts: a name with two lines, an id with two names, and a bare type that several
    /// constructors have together.
    ///
    /// # Example
    ///
    /// ```
    /// use odnix_tl::schema::Schema;
    ///
    /// let one = Schema::parse("a#1 = A; b#2 = B;").unwrap();
    /// let other = Schema::parse("b#2 = B; c#3 = C;").unwrap();
    /// let both = Schema::merge(&[one.clone(), other]).unwrap();
    /// assert_eq!(both.definitions.len(), 3);
    ///
    /// let other = Schema::parse("a#4 x:int = A;").unwrap();
    /// let conflicts = Schema::merge(&[one, other]).unwrap_err();
    /// assert_eq!(
    ///     conflicts[0].message,
    ///     "`a` is `a#00000004 x:int = A;` here and `a#00000001 = A;` there"
    /// );
    /// ```
    pub fn merge(schemas: &[Self]) -> Result<Self, Vec<MergeConflict>> {
        let mut merging = Merging::default();
        let mut merged = Self::default();
        for (index, schema) in schemas.iter().enumerate() {
            merged.layer = merged.layer.or(schema.layer);
            for docs in &schema.type_docs {
                if merged.docs_of_type(&docs.name).is_empty() {
                    merged.type_docs.push(docs.clone());
                }
            }
            for line in &schema.definitions {
                if merging.is_new((index, line)) {
                    merged.definitions.push(line.clone());
                }
            }
        }
        merging.bare_types();
        if merging.conflicts.is_empty() { Ok(merged) } else { Err(merging.conflicts) }
    }
}

/// A line and the index of its schema.
type Source<'a> = (usize, &'a Definition);

#[derive(Default)]
struct Merging<'a> {
    lines: Vec<Source<'a>>,
    names: BTreeMap<(Kind, &'a Name), Source<'a>>,
    ids: BTreeMap<u32, Source<'a>>,
    conflicts: Vec<MergeConflict>,
}

impl<'a> Merging<'a> {
    fn is_new(&mut self, source: Source<'a>) -> bool {
        let (_, line) = source;
        let (name, id) = (Quoted(&line.name), line.id());
        if let Some(first) = self.names.get(&(line.kind, &line.name)).copied() {
            if first.1.to_string() != line.to_string() {
                let message = format!("{name} is `{line}` here and `{}` there", first.1);
                self.conflict(source, first, message);
            }
            return false;
        }
        let first = *self.ids.entry(id).or_insert(source);
        if is_other(first.1, line) && !(is_declared_call(first.1) && is_declared_call(line)) {
            let message = format!("{name} has the id {id:08x} of {}", Quoted(&first.1.name));
            self.conflict(source, first, message);
        }
        self.names.insert((line.kind, &line.name), source);
        self.lines.push(source);
        true
    }

    /// Of a type with one constructor in each schema, there may be two now.
    fn bare_types(&mut self) {
        let mut constructors: BTreeMap<&Name, Vec<Source<'_>>> = BTreeMap::new();
        for source in self.lines.iter().filter(|(_, line)| line.kind == Kind::Constructor) {
            constructors.entry(&source.1.result.name).or_default().push(*source);
        }
        let mut reported = BTreeSet::new();
        for source in core::mem::take(&mut self.lines) {
            let values = source.1.fields.iter().filter_map(|field| field.ty.value());
            for ty in values.chain([&source.1.result]).flat_map(parts) {
                if ty.bare
                    && let Some([_, second, ..]) = constructors.get(&ty.name).map(Vec::as_slice)
                    && reported.insert(&ty.name)
                {
                    let (bare, by) = (Quoted(ty), Quoted(&source.1.name));
                    let of = Quoted(&second.1.name);
                    let message = format!(
                        "{of} is a second constructor of a type that {by} has as {bare}, which is \
                         for types with one"
                    );
                    self.conflict(*second, source, message);
                }
            }
        }
    }

    fn conflict(&mut self, (schema, line): Source<'_>, other: Source<'_>, message: String) {
        self.conflicts.push(MergeConflict {
            schema,
            position: line.position,
            other_schema: other.0,
            other_position: other.1.position,
            message,
        });
    }
}

/// A type, its argument, the argument of that one, and so on.
fn parts(ty: &Type) -> impl Iterator<Item = &Type> {
    core::iter::successors(Some(ty), |ty| ty.argument.as_deref())
}
