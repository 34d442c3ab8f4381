//! Makes up one value of a constructor or function, in the JSON form: the required fields
//! only, and of each type the constructor that ends soonest.

use alloc::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    format,
    string::String,
    vec::Vec,
};

use super::{
    Definition, FieldType, Kind, Name, Type,
    index::{Index, Shape},
    json_text::Json,
};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// How many objects and other values an example may have. A reader is done with fewer, and each
/// level of a value can have twice as many as the one before.
const VALUES_MAX: u32 = 200;

/// Makes examples.
pub(super) struct Examples<'a> {
    index: &'a Index<'a>,
    samples: &'a [(&'a str, &'a str)],
    /// The constructors that have a value that ends.
    ending: BTreeSet<&'a Name>,
    /// The constructor of each type that ends soonest.
    shallowest: BTreeMap<&'a Name, &'a Definition>,
    /// The TL form of a function, and of a constructor, without fields.
    call: String,
    object: String,
}

/// An example that is being made.
struct Draft<'s> {
    /// The types that the value to be made up is inside of.
    path: Vec<&'s Name>,
    /// How many more values it may have.
    left: u32,
}

impl<'a> Examples<'a> {
    pub(super) fn new(index: &'a Index<'a>, samples: &'a [(&'a str, &'a str)]) -> Self {
        let mut examples = Self {
            index,
            samples,
            ending: BTreeSet::new(),
            shallowest: BTreeMap::new(),
            call: without_fields(&index.functions),
            object: without_fields(&index.constructors),
        };
        examples.find_ending();
        examples
    }

    /// In rounds: each finds the constructors that are one level deeper than those found before.
    fn find_ending(&mut self) {
        let index = self.index;
        // How many required fields of each are not known to end, and whose fields they are.
        let mut unknown = Vec::new();
        let mut users: BTreeMap<&Name, Vec<usize>> = BTreeMap::new();
        for (user, constructor) in index.constructors.iter().enumerate() {
            let held: Vec<_> =
                required(constructor).filter_map(|ty| index.held(constructor, ty)).collect();
            unknown.push(held.len());
            held.into_iter().for_each(|name| users.entry(name).or_default().push(user));
        }
        let at_end = unknown.iter().enumerate().filter(|(_, count)| **count == 0);
        let mut round: Vec<_> = at_end.map(|(user, _)| user).collect();
        while !round.is_empty() {
            // Of those of the same depth the first one.
            round.sort_unstable();
            let mut names = Vec::new();
            for of in round.iter().filter_map(|place| index.constructors.get(*place)) {
                names.extend(self.ending.insert(&of.name).then_some(&of.name));
                if let Entry::Vacant(first) = self.shallowest.entry(&of.result.name) {
                    first.insert(of);
                    names.push(&of.result.name);
                }
            }
            round.clear();
            for user in names.into_iter().filter_map(|name| users.get(name)).flatten() {
                let Some(count) = unknown.get_mut(*user) else { continue };
                *count = count.saturating_sub(1);
                round.extend((*count == 0).then_some(*user));
            }
        }
    }

    /// Whether a value of each required field is known to end.
    fn ends(&self, definition: &Definition) -> bool {
        required(definition).all(|ty| {
            let held = self.index.held(definition, ty);
            held.is_none_or(|name| self.ending.contains(name) || self.shallowest.contains_key(name))
        })
    }

    /// A value of `definition`; none if each one would hold another without end, or the example
    /// would be too long.
    pub(super) fn of(&self, definition: &Definition) -> Option<Json> {
        let mut draft = Draft { path: Vec::new(), left: VALUES_MAX };
        self.ends(definition).then(|| self.object(definition, &mut draft))?
    }

    fn object<'s>(&'s self, definition: &'s Definition, draft: &mut Draft<'s>) -> Option<Json> {
        let is_constructor = definition.kind == Kind::Constructor;
        draft.path.extend(is_constructor.then_some(&definition.result.name));
        let mut members = Vec::from([("_".into(), Json::String(format!("{}", definition.name)))]);
        for field in &definition.fields {
            if let FieldType::Plain(ty) = &field.ty {
                let value = self.value(definition, &field.name, ty, draft)?;
                members.push((field.name.clone(), value));
            }
        }
        if is_constructor {
            draft.path.pop();
        }
        Some(Json::Object(members))
    }

    fn value<'s>(
        &'s self,
        definition: &'s Definition,
        field: &str,
        ty: &'s Type,
        draft: &mut Draft<'s>,
    ) -> Option<Json> {
        draft.left = draft.left.checked_sub(1)?;
        match self.index.shape(definition, ty) {
            Shape::Raw => Some(Json::string(if ty.call { &self.call } else { &self.object })),
            Shape::Vector(item) if self.is_open(definition, item, &draft.path) => {
                Some(Json::Array(Vec::new()))
            }
            Shape::Vector(item) => {
                let item = self.value(definition, field, item, draft)?;
                Some(Json::Array(Vec::from([item])))
            }
            Shape::BuiltIn((name, _)) => Some(built_in(name, self.sample(field, ty))),
            Shape::Constructor(only) => self.object(only, draft),
            Shape::Boxed(name) => {
                let sample = self.sample(field, ty).filter(|_| !draft.path.contains(&name));
                let sample = sample.and_then(|sample| {
                    let mut constructors = self.index.constructors_of(name).iter().copied();
                    constructors.find(|of| format!("{}", of.name) == sample)
                });
                let sample = sample.filter(|of| self.ends(of));
                self.object(sample.or_else(|| self.shallowest.get(name).copied())?, draft)
            }
        }
    }

    fn sample(&self, field: &str, ty: &Type) -> Option<&'a str> {
        let is_wanted = |of: &str| {
            let of = of.strip_prefix(field).and_then(|of| of.strip_prefix(':'));
            of.is_some_and(|of| of == format!("{ty}"))
        };
        self.samples.iter().find(|(of, _)| is_wanted(of)).map(|(_, sample)| *sample)
    }

    /// Whether an item of a vector would be inside of one of its own type, or has no end.
    fn is_open(&self, definition: &Definition, item: &Type, path: &[&Name]) -> bool {
        match self.index.shape(definition, item) {
            Shape::Raw | Shape::BuiltIn(_) => false,
            Shape::Vector(item) => self.is_open(definition, item, path),
            Shape::Constructor(only) => path.contains(&&only.result.name) || !self.ends(only),
            Shape::Boxed(name) => path.contains(&name) || !self.shallowest.contains_key(name),
        }
    }
}

/// The types of the fields that each value has.
fn required(definition: &Definition) -> impl Iterator<Item = &Type> {
    definition.fields.iter().filter_map(|field| match &field.ty {
        FieldType::Plain(ty) => Some(ty),
        FieldType::Word | FieldType::Conditional { .. } => None,
    })
}

/// The TL form of the first of these that has no fields.
fn without_fields(definitions: &[&Definition]) -> String {
    let id = definitions.iter().find(|of| of.fields.is_empty()).map(|of| of.id());
    id.map(|id| base64(&id.to_le_bytes())).unwrap_or_default()
}

/// A value of a built-in type: `sample` if there is one, else any.
fn built_in(name: &str, sample: Option<&str>) -> Json {
    match name {
        "int" => Json::literal(sample.unwrap_or("1")),
        "double" => Json::literal(sample.unwrap_or("1.5")),
        "Bool" => Json::literal(sample.unwrap_or("true")),
        "long" => Json::string(sample.unwrap_or("1")),
        "int128" => Json::String(sample.map_or_else(|| base64(&[0; 16]), Into::into)),
        "int256" => Json::String(sample.map_or_else(|| base64(&[0; 32]), Into::into)),
        "bytes" => Json::String(sample.map_or_else(|| base64(&[1, 2, 3]), Into::into)),
        _ => Json::string(sample.unwrap_or("text")),
    }
}

/// Base64 with padding. The crate that does it is there only with the feature `serde`.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index| u32::from(chunk.get(index).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (index, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = usize::try_from(bits >> shift & 63).ok().and_then(|at| BASE64.get(at));
            let is_padding = index > chunk.len();
            out.push(digit.filter(|_| !is_padding).map_or('=', |digit| char::from(*digit)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let vectors =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (text, encoded) in vectors {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xff, 0xfb, 0xf0]), "//vw");
    }
}
