//! What documentation comments say about a definition, its fields, and types.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

use super::{
    Definition, Name, Position, TypeDocs,
    error::{Escaped, Faults, Quoted, len_of, visible},
    lexer::Comment,
};

/// `//@tag text`, or `//-text`, which goes on with the tag before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct DocLine<'a> {
    /// Where the tag starts.
    position: Position,
    /// What is behind the sign.
    text: &'a str,
    continues: bool,
}

impl<'a> DocLine<'a> {
    /// The documentation in a comment. A line of more dashes is a rule, not text.
    pub fn of(comment: &Comment<'a>) -> Option<Self> {
        let text = comment.text.trim_start_matches('/');
        let slashes = comment.text.len().saturating_sub(text.len());
        let column = comment.position.column.saturating_add(u32::try_from(slashes).ok()?);
        let position = Position { column, ..comment.position };
        if let Some(text) = text.strip_prefix('@') {
            return Some(Self { position, text, continues: false });
        }
        let text = text.strip_prefix('-').filter(|text| !text.starts_with('-'))?;
        Some(Self { position, text, continues: true })
    }
}

/// The documentation of types, over the whole schema.
#[derive(Default)]
pub(super) struct AllTypeDocs {
    pub docs: Vec<TypeDocs>,
    /// Where each is named first.
    pub positions: Vec<Position>,
    index: BTreeMap<Name, usize>,
}

/// The fields of a definition, and which of them each is.
type Fields<'a> = BTreeMap<&'a str, usize>;

/// What the text behind a tag belongs to.
#[derive(Clone, Copy)]
enum Target {
    Nothing,
    Definition,
    Field(usize),
    Type(usize),
}

/// Reads the lines that belong to a definition, or to none.
pub(super) struct Reader<'r> {
    pub types: &'r mut AllTypeDocs,
    pub warnings: &'r mut Faults,
}

impl Reader<'_> {
    /// Writes the documentation of a definition and its fields into it.
    pub fn definition(&mut self, lines: &[DocLine<'_>], definition: &mut Definition) {
        let mut fields = Fields::new();
        for (index, field) in definition.fields.iter().enumerate() {
            fields.entry(&field.name).or_insert(index);
        }
        let mut redact = false;
        let texts = self.texts(lines, Some(&definition.name), &fields, &mut redact);
        definition.is_redacted = redact;
        for (target, text) in texts {
            match target {
                Target::Definition => definition.docs.push(text),
                Target::Field(index) => {
                    if let Some(field) = definition.fields.get_mut(index) {
                        field.docs.push(text);
                    }
                }
                Target::Type(_) | Target::Nothing => {}
            }
        }
    }

    /// Reads lines that no definition follows; they may document types.
    pub fn no_definition(&mut self, lines: &[DocLine<'_>]) {
        self.texts(lines, None, &Fields::new(), &mut false);
    }

    /// The texts in their order; those of types are stored at once.
    fn texts(
        &mut self,
        lines: &[DocLine<'_>],
        definition: Option<&Name>,
        fields: &Fields<'_>,
        redact: &mut bool,
    ) -> Vec<(Target, String)> {
        let mut texts = Vec::new();
        let mut target = Target::Nothing;
        for line in lines {
            let mut place = line.position;
            let mut rest = line.text;
            if !line.continues {
                let (tag, behind) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                target = if self.is_known(place, tag, definition, fields) {
                    self.target(place, tag, behind, fields, redact)
                } else {
                    Target::Nothing
                };
                rest = if tag == "class" { first_word(behind).1 } else { behind };
            }
            place.column = place.column.saturating_add(1);
            place.column = place.column.saturating_add(taken(line.text, rest));
            loop {
                let of_type = matches!(target, Target::Type(_));
                let inner = inner_tag(rest, |tag| match tag {
                    "description" | "class" => true,
                    "redact" => !of_type,
                    _ => !of_type && field_of(tag, fields).is_some(),
                });
                let text = inner.map_or(rest, |(text, _, _)| text);
                self.add(&mut texts, target, text.trim());
                let Some((text, tag, behind)) = inner else { break };
                if !(of_type && tag == "description") {
                    let column = place.column.saturating_add(len_of(&text));
                    target = self.target(Position { column, ..place }, tag, behind, fields, redact);
                }
                let behind = if tag == "class" { first_word(behind).1 } else { behind };
                place.column = place.column.saturating_add(taken(rest, behind));
                rest = behind;
            }
        }
        texts
    }

    fn add(&mut self, texts: &mut Vec<(Target, String)>, target: Target, text: &str) {
        if text.is_empty() {
            return;
        }
        // The text becomes comments in generated code.
        let text = text.chars().map(visible).collect();
        match target {
            Target::Nothing => {}
            Target::Type(index) => {
                if let Some(of_type) = self.types.docs.get_mut(index) {
                    of_type.docs.push(text);
                }
            }
            Target::Definition | Target::Field(_) => texts.push((target, text)),
        }
    }

    /// Whether the first tag of a line means something here.
    fn is_known(
        &mut self,
        position: Position,
        tag: &str,
        definition: Option<&Name>,
        fields: &Fields<'_>,
    ) -> bool {
        let shown = Quoted(format!("@{}", Escaped(tag)));
        let message = match definition {
            _ if tag == "class" => return true,
            None => format!("{shown}, but no definition follows"),
            Some(_) if ["description", "redact"].contains(&tag) => return true,
            Some(_) if field_of(tag, fields).is_some() => return true,
            Some(name) => format!("{shown}, but {} has no such field", Quoted(name)),
        };
        self.warnings.push(position, len_of(&tag).saturating_add(1), message);
        false
    }

    fn target(
        &mut self,
        position: Position,
        tag: &str,
        behind: &str,
        fields: &Fields<'_>,
        redact: &mut bool,
    ) -> Target {
        match tag {
            "description" => Target::Definition,
            "redact" => {
                *redact = true;
                Target::Nothing
            }
            "class" => {
                let word = first_word(behind).0;
                if let Some(name) = type_name(word) {
                    return Target::Type(self.types.entry(name, position));
                }
                let wanted = "expected the name of a type behind `@class`";
                let message = match word {
                    "" => format!("{wanted}, found nothing"),
                    word => format!("{wanted}, found {}", Quoted(Escaped(word))),
                };
                self.warnings.push(position, len_of(&"@class"), message);
                Target::Nothing
            }
            _ => field_of(tag, fields).map_or(Target::Nothing, Target::Field),
        }
    }
}

impl AllTypeDocs {
    fn entry(&mut self, name: Name, position: Position) -> usize {
        let next = self.docs.len();
        let index = *self.index.entry(name.clone()).or_insert(next);
        if index == next {
            self.docs.push(TypeDocs { name, docs: Vec::new() });
            self.positions.push(position);
        }
        index
    }

    /// Warns of those that document none of `types`.
    pub fn check(&self, types: &BTreeSet<&Name>, warnings: &mut Faults) {
        for (docs, position) in self.docs.iter().zip(&self.positions) {
            if !types.contains(&docs.name) {
                let message =
                    format!("`@class`, but type {} has no constructor", Quoted(&docs.name));
                warnings.push(*position, len_of(&"@class"), message);
            }
        }
    }
}

/// How many characters of `text` are before its end `rest`.
fn taken(text: &str, rest: &str) -> u32 {
    let len = text.len().saturating_sub(rest.len());
    text.get(..len).map_or(0, |taken| len_of(&taken))
}

/// The field that a tag names, if it is none of `@description`, `@class` and `@redact`.
fn field_of(tag: &str, fields: &Fields<'_>) -> Option<usize> {
    let is_taken = |name: &str| ["description", "class", "redact"].contains(&name);
    let param = || fields.get(tag.strip_prefix("param_").filter(|name| is_taken(name))?);
    fields.get(tag).or_else(param).copied()
}

/// The first word, and what is behind it.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.split_once(char::is_whitespace).unwrap_or((text, ""))
}

/// The first ` @tag` that `is_tag`: what is before it, its name, what is behind it.
fn inner_tag(text: &str, is_tag: impl Fn(&str) -> bool) -> Option<(&str, &str, &str)> {
    text.match_indices('@').find_map(|(at, _)| {
        let (before, behind) = text.split_at_checked(at)?;
        let starts = before.is_empty() || before.ends_with(char::is_whitespace);
        let behind = behind.get(1..).filter(|_| starts)?;
        let is_word = |next: char| next.is_ascii_alphanumeric() || next == '_';
        let len = behind.find(|next| !is_word(next)).unwrap_or(behind.len());
        let (tag, behind) = behind.split_at_checked(len)?;
        let ends = behind.is_empty() || behind.starts_with(char::is_whitespace);
        (ends && is_tag(tag)).then_some((before, tag, behind))
    })
}

/// `namespace.Ident`
fn type_name(text: &str) -> Option<Name> {
    let is_word = |word: &str| {
        let is_in = |next: char| next.is_ascii_alphanumeric() || next == '_';
        word.chars().all(is_in) && word.starts_with(|first: char| !first.is_ascii_digit())
    };
    if !text.split('.').all(is_word) {
        return None;
    }
    let (namespace, ident) = match text.rsplit_once('.') {
        Some((namespace, ident)) => (Some(namespace.to_owned()), ident),
        None => (None, text),
    };
    Some(Name { namespace, ident: ident.to_owned() }).filter(Name::is_boxed)
}
