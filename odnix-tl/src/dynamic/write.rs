//! JSON values to bytes.

use alloc::{format, vec::Vec};

use bytes::Bytes;

use super::{Content, Layer, Line, Shape, indexed};
use crate::{
    Writer,
    ids::VECTOR,
    json::{JsonError, Members, Value},
    limits::DEPTH_MAX,
    schema::Kind,
};

type Write<T = ()> = Result<T, JsonError>;

/// What the name in `"_"` must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected<'a> {
    /// Any constructor or function; a name that is both is the constructor.
    Any,
    /// Any constructor.
    Constructor,
    /// Any function.
    Function,
    /// The constructor, function, or a constructor of the type, with this name.
    Named(&'a str),
    /// The constructor, or the function, with this name.
    Line(Kind, &'a str),
}

impl Layer {
    /// Writes a value of any type, or a call.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn encode(&self, value: &Value) -> Write<Bytes> {
        self.encode_as(Expected::Any, value)
    }

    /// Writes a value.
    ///
    /// # Errors
    /// [`JsonError`].
    pub fn encode_as(&self, expected: Expected<'_>, value: &Value) -> Write<Bytes> {
        self.encode_whole(|writing| writing.named(expected, value))
    }

    /// Writes what the function called `function` returns.
    ///
    /// # Errors
    /// [`JsonError`]; without such a function, any value will do.
    pub fn encode_result(&self, function: &str, value: &Value) -> Write<Bytes> {
        self.encode_whole(|writing| writing.value(self.result_of(function), value))
    }

    fn encode_whole<'a>(&'a self, write: impl Fn(&mut Writing<'a>) -> Write) -> Write<Bytes> {
        let mut writing = Writing { layer: self, writer: Writer::new(), depth: 0 };
        write(&mut writing)?;
        let bytes = writing.writer.finish();
        bytes.map_err(|error| JsonError::new(format!("{error}")))
    }

    pub(super) fn line_of(&self, expected: Expected<'_>, name: &str) -> Option<&Line> {
        let constructor = || self.constructors.get(name);
        let function = || self.functions.get(name);
        let index = match expected {
            Expected::Any => constructor().or_else(function),
            Expected::Constructor => constructor(),
            Expected::Function => function(),
            Expected::Named(wanted) => {
                let of_type = self.types_by_name.get(wanted).and_then(|at| self.types.get(*at));
                let of_type = of_type.map(|of| of.constructors.as_slice()).unwrap_or_default();
                let is_wanted = |index: &&usize| of_type.contains(*index) || wanted == name;
                constructor().filter(is_wanted).or_else(|| function().filter(is_wanted))
            }
            Expected::Line(_, wanted) if wanted != name => None,
            Expected::Line(Kind::Constructor, _) => constructor(),
            Expected::Line(Kind::Function, _) => function(),
        };
        self.lines.get(*index?)
    }
}

struct Writing<'a> {
    layer: &'a Layer,
    writer: Writer,
    depth: u32,
}

impl<'a> Writing<'a> {
    /// A boxed value: the id of the constructor that `"_"` names, and its fields.
    fn named(&mut self, expected: Expected<'_>, value: &Value) -> Write {
        let members = Members::open(value)?;
        let Some(line) = self.layer.line_of(expected, members.name()) else {
            return Err(members.misnamed(&self.layer.wanted(expected)));
        };
        self.writer.put_u32(line.id);
        self.fields(line, &members)
    }

    fn fields(&mut self, line: &'a Line, members: &Members<'_>) -> Write {
        if self.depth >= DEPTH_MAX {
            return Err(JsonError::new(format!("objects nest deeper than {DEPTH_MAX} levels")));
        }
        self.depth = self.depth.saturating_add(1);
        let words = words(line, members)?;
        let mut next_word = words.iter();
        for slot in &line.slots {
            match &slot.content {
                Content::Word(_) => self.writer.put_u32(next_word.next().copied().unwrap_or(0)),
                Content::Flag(..) => {}
                Content::Conditional(_, _, shape) => {
                    if let Some(value) = members.optional(&slot.name) {
                        self.value(shape, value).map_err(|error| error.inside(&slot.name))?;
                    }
                }
                Content::Value(shape) => {
                    let value = members.required(&slot.name)?;
                    self.value(shape, value).map_err(|error| error.inside(&slot.name))?;
                }
            }
        }
        self.depth = self.depth.saturating_sub(1);
        members.only(&line.name, |name| line.slots.iter().any(|slot| slot.name == name))
    }

    fn value(&mut self, shape: &'a Shape, value: &Value) -> Write {
        match shape {
            Shape::Int => self.writer.put_i32(value.as_int()?),
            Shape::Long => self.writer.put_i64(value.as_long()?),
            Shape::Double => self.writer.put_f64(value.as_double()?),
            Shape::Int128 => self.writer.put_raw(&value.as_fixed::<16>()?),
            Shape::Int256 => self.writer.put_raw(&value.as_fixed::<32>()?),
            Shape::Bool => self.writer.put_bool(value.as_bool()?),
            Shape::String => self.writer.put_string(value.as_str()?),
            Shape::Bytes => self.writer.put_bytes(&value.as_bytes()?),
            Shape::Any => return self.any(value),
            Shape::Bare(index) => return self.bare(*index, value),
            Shape::Boxed(index) => {
                let name = self.layer.types.get(*index).map_or("", |of_type| &of_type.name);
                return self.named(Expected::Named(name), value);
            }
            Shape::Vector { has_id, item, .. } => {
                if *has_id {
                    self.writer.put_u32(VECTOR);
                }
                return self.items(item, value);
            }
            Shape::Missing(name) => {
                return Err(JsonError::new(format!("this layer has no type {name}")));
            }
        }
        Ok(())
    }

    fn bare(&mut self, index: usize, value: &Value) -> Write {
        let Some(line) = self.layer.lines.get(index) else { return Ok(()) };
        let members = Members::open(value)?;
        if members.name() != line.name {
            return Err(members.misnamed(&line.name));
        }
        self.fields(line, &members)
    }

    fn items(&mut self, item: &'a Shape, value: &Value) -> Write {
        let items = value.as_array()?;
        let count = i32::try_from(items.len());
        self.writer.put_i32(count.map_err(|_| JsonError::new("too many items".into()))?);
        for (index, value) in items.iter().enumerate() {
            self.value(item, value).map_err(|error| error.inside(&indexed(index)))?;
        }
        Ok(())
    }

    /// A value that this layer knows, or bytes.
    fn any(&mut self, value: &Value) -> Write {
        if let Value::Object(_) = value {
            return self.named(Expected::Any, value);
        }
        self.writer.put_raw(&value.as_bytes()?);
        Ok(())
    }
}

/// The `#` of a line, from which members are there.
fn words(line: &Line, members: &Members<'_>) -> Write<Vec<u32>> {
    let mut words = Vec::new();
    for slot in &line.slots {
        if let Content::Word(used) = slot.content {
            let unused = members.optional(&slot.name).map_or(Ok(0), |value| value.as_word(!used));
            words.push(unused.map_err(|error| error.inside(&slot.name))?);
        }
    }
    let mut clear = words.clone();
    for slot in &line.slots {
        let member = members.optional(&slot.name);
        let (word, mask, is_set) = match (&slot.content, member) {
            // A missing flag is not set, unless another field says so.
            (Content::Flag(..), None) | (Content::Word(_) | Content::Value(_), _) => continue,
            (Content::Flag(word, mask), Some(value)) => {
                (word, mask, value.as_bool().map_err(|error| error.inside(&slot.name))?)
            }
            (Content::Conditional(word, mask, _), _) => (word, mask, member.is_some()),
        };
        let bits = if is_set { words.get_mut(*word) } else { clear.get_mut(*word) };
        if let Some(bits) = bits {
            *bits |= mask;
        }
        let half = words.get(*word).zip(clear.get(*word)).is_some_and(|(a, b)| a & b & mask != 0);
        if half {
            let message = "shares its bit with another field: both are there, or none";
            return Err(JsonError::new(message.into()).inside(&slot.name));
        }
    }
    Ok(words)
}
