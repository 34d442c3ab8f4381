//! Makes up one value of a constructor or function, in the JSON form: the required fields
//! only, and of each type the constructor that ends soonest.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{
    Definition, FieldType, Kind, Name, Type,
    index::{Index, Shape},
    json_text::Json,
};

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Makes examples.
pub(super) struct Examples<'a> {
    index: &'a Index<'a>,
    samples: &'a [(&'a str, &'a str)],
    /// How deep the shallowest value of each constructor is; none if all are endless.
    depths: BTreeMap<&'a Name, u32>,
}

/// The types that the value to be made up is inside of.
type Path<'a> = Vec<&'a Name>;

impl<'a> Examples<'a> {
    pub(super) fn new(index: &'a Index<'a>, samples: &'a [(&'a str, &'a str)]) -> Self {
        let mut examples = Self { index, samples, depths: BTreeMap::new() };
        // Each round finds those that are one level deeper than those found before.
        for depth in 0.. {
            let found: Vec<_> = index.constructors.iter().filter(|of| examples.ends(of)).collect();
            let before = examples.depths.len();
            for constructor in found {
                examples.depths.entry(&constructor.name).or_insert(depth);
            }
            if examples.depths.len() == before {
                break;
            }
        }
        examples
    }

    /// Whether a value of each required field is known to end.
    fn ends(&self, definition: &Definition) -> bool {
        definition.fields.iter().all(|field| match &field.ty {
            FieldType::Plain(ty) => match self.index.shape(definition, ty) {
                Shape::Raw | Shape::Vector(_) | Shape::BuiltIn(_) => true,
                Shape::Constructor(only) => self.depths.contains_key(&only.name),
                Shape::Boxed(name) => self.shallowest(name).is_some(),
            },
            FieldType::Word | FieldType::Conditional { .. } => true,
        })
    }

    fn shallowest(&self, name: &Name) -> Option<&'a Definition> {
        let constructors = self.index.constructors_of(name).iter().copied();
        constructors
            .filter_map(|of| self.depths.get(&of.name).map(|depth| (depth, of)))
            .min_by_key(|(depth, _)| **depth)
            .map(|(_, of)| of)
    }

    /// A value of `definition`; none if each one would hold another without end.
    pub(super) fn of(&self, definition: &Definition) -> Option<Json> {
        self.ends(definition).then(|| self.object(definition, &mut Vec::new()))?
    }

    fn object<'s>(&'s self, definition: &'s Definition, path: &mut Path<'s>) -> Option<Json> {
        let is_constructor = definition.kind == Kind::Constructor;
        path.extend(is_constructor.then_some(&definition.result.name));
        let mut members = Vec::from([("_".into(), Json::String(format!("{}", definition.name)))]);
        for field in &definition.fields {
            if let FieldType::Plain(ty) = &field.ty {
                let value = self.value(definition, &field.name, ty, path)?;
                members.push((field.name.clone(), value));
            }
        }
        if is_constructor {
            path.pop();
        }
        Some(Json::Object(members))
    }

    fn value<'s>(
        &'s self,
        definition: &'s Definition,
        field: &str,
        ty: &'s Type,
        path: &mut Path<'s>,
    ) -> Option<Json> {
        let key = format!("{field}:{ty}");
        let sample = self.samples.iter().find(|(of, _)| *of == key).map(|(_, sample)| *sample);
        match self.index.shape(definition, ty) {
            Shape::Raw => Some(self.raw(ty)),
            Shape::Vector(item) if self.is_open(definition, item, path) => {
                Some(Json::Array(Vec::new()))
            }
            Shape::Vector(item) => {
                let item = self.value(definition, field, item, path)?;
                Some(Json::Array(Vec::from([item])))
            }
            Shape::BuiltIn((name, _)) => Some(built_in(name, sample)),
            Shape::Constructor(only) => self.object(only, path),
            Shape::Boxed(name) => {
                let mut constructors = self.index.constructors_of(name).iter().copied();
                let wanted = |of: &&Definition| sample == Some(&format!("{}", of.name));
                let sample = constructors.find(wanted).filter(|of| self.ends(of));
                let sample = sample.filter(|_| !path.contains(&name));
                self.object(sample.or_else(|| self.shallowest(name))?, path)
            }
        }
    }

    /// Whether an item of a vector would be inside of one of its own type, or has no end.
    fn is_open(&self, definition: &Definition, item: &Type, path: &Path<'_>) -> bool {
        match self.index.shape(definition, item) {
            Shape::Raw | Shape::BuiltIn(_) => false,
            Shape::Vector(item) => self.is_open(definition, item, path),
            Shape::Constructor(only) => path.contains(&&only.result.name) || !self.ends(only),
            Shape::Boxed(name) => path.contains(&name) || self.shallowest(name).is_none(),
        }
    }

    /// The TL form of a call, or of an object, without fields.
    fn raw(&self, ty: &Type) -> Json {
        let definitions = if ty.call { &self.index.functions } else { &self.index.constructors };
        let id = definitions.iter().find(|of| of.fields.is_empty()).map(|of| of.id());
        Json::String(id.map(|id| base64(&id.to_le_bytes())).unwrap_or_default())
    }
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
