//! Bytes to JSON values.

use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

use super::{Content, Expected, Layer, LayerError, Line, Shape, THIS_LAYER, indexed};
use crate::{
    DecodeError, Reader,
    ids::VECTOR,
    json::{NAME, Value},
    limits::{JSON_BYTES_MAX, JSON_DEPTH_MAX},
};

type Read<T = Value> = Result<T, LayerError>;

impl Layer {
    /// Reads all of `bytes` as a boxed value of any type, or as a call.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn decode(&self, bytes: Bytes) -> Read {
        self.decode_whole(bytes, |reading| reading.boxed())
    }

    /// Reads all of `bytes` as a value or a call that has the expected name; of two lines with
    /// that name, it is the constructor.
    ///
    /// # Errors
    /// [`LayerError`].
    pub fn decode_as(&self, expected: Expected<'_>, bytes: Bytes) -> Read {
        if expected == Expected::Any {
            return self.decode(bytes);
        }
        let id = Reader::new(&bytes).u32()?;
        // Functions may share an id, so one that is named comes first.
        let named = match expected {
            Expected::Named(name) | Expected::Line(_, name) => self.line_of(expected, name),
            Expected::Any | Expected::Constructor | Expected::Function => None,
        };
        let by_id = self.by_id(id).filter(|line| {
            let wanted = self.line_of(expected, &line.name);
            wanted.is_some_and(|wanted| wanted.id == id)
        });
        let Some(line) = named.filter(|line| line.id == id).or(by_id) else {
            let unknown = DecodeError::UnknownConstructor { position: 0, id, expected: "it" };
            let expected = Some(self.wanted(expected));
            return Err(LayerError { expected, ..unknown.into() });
        };
        self.decode_whole(bytes, |reading| {
            reading.reader.u32()?;
            reading.fields(line)
        })
    }

    /// Reads all of `bytes` as what the function called `function` returns.
    ///
    /// # Errors
    /// [`LayerError`]; without such a function, any value will do.
    pub fn decode_result(&self, function: &str, bytes: Bytes) -> Read {
        self.decode_whole(bytes, |reading| reading.value(self.result_of(function)))
    }

    fn decode_whole(&self, bytes: Bytes, read: impl Fn(&mut Reading<'_>) -> Read) -> Read {
        let mut reading =
            Reading { layer: self, reader: Reader::new(&bytes), left: JSON_BYTES_MAX, nesting: 0 };
        let value = read(&mut reading)?;
        reading.reader.finish()?;
        Ok(value)
    }
}

#[derive(Clone)]
struct Reading<'a> {
    layer: &'a Layer,
    reader: Reader<'a>,
    /// How many bytes of memory the values to come may take.
    left: usize,
    /// How many objects and arrays are open.
    nesting: u32,
}

impl Reading<'_> {
    /// A constructor or call of any type.
    fn boxed(&mut self) -> Read {
        let position = self.reader.position();
        let id = self.reader.u32()?;
        let line = self.layer.by_id(id);
        let unknown = DecodeError::UnknownConstructor { position, id, expected: THIS_LAYER };
        self.fields(line.ok_or(unknown)?)
    }

    /// A constructor of one type.
    fn of_type(&mut self, index: usize) -> Read {
        let position = self.reader.position();
        let id = self.reader.u32()?;
        let line = self.layer.by_id(id).filter(|line| line.of_type == Some(index));
        let Some(line) = line else {
            let error = DecodeError::UnknownConstructor { position, id, expected: "its field" };
            let of_type = self.layer.types.get(index);
            let expected = of_type.map(|of_type| format!("of type {}", of_type.name));
            return Err(LayerError { expected, ..error.into() });
        };
        self.fields(line)
    }

    /// The fields of a constructor, one level deeper.
    fn fields(&mut self, line: &Line) -> Read {
        self.reader.descend()?;
        self.open()?;
        let mut members = Vec::with_capacity(line.slots.len().saturating_add(1));
        self.charge(size_of::<(String, Value)>().saturating_mul(members.capacity()))?;
        self.charge(line.name.len())?;
        self.put(&mut members, NAME, Value::String(line.name.clone()))?;
        let mut words = Vec::new();
        for slot in &line.slots {
            let is_set = |word: usize, mask| words.get(word).is_some_and(|bits| bits & mask != 0);
            let value = match &slot.content {
                Content::Word(used) => {
                    let word = self.reader.u32()?;
                    words.push(word);
                    let unused = word & !used;
                    (unused != 0).then(|| Value::Int(unused.into()))
                }
                Content::Flag(word, mask) => Some(Value::Bool(is_set(*word, *mask))),
                Content::Conditional(word, mask, _) if !is_set(*word, *mask) => None,
                Content::Conditional(_, _, shape) | Content::Value(shape) => {
                    Some(self.value(shape).map_err(|error| error.inside(&slot.name))?)
                }
            };
            if let Some(value) = value {
                self.put(&mut members, &slot.name, value)?;
            }
        }
        self.reader.ascend();
        self.nesting = self.nesting.saturating_sub(1);
        Ok(Value::Object(members))
    }

    fn put(&mut self, members: &mut Vec<(String, Value)>, name: &str, value: Value) -> Read<()> {
        self.charge(name.len())?;
        members.push((name.to_owned(), value));
        Ok(())
    }

    fn value(&mut self, shape: &Shape) -> Read {
        let scalar = match shape {
            Shape::Int => Value::Int(self.reader.i32()?.into()),
            Shape::Long => Value::long(self.reader.i64()?),
            Shape::Double => Value::double(self.reader.f64()?),
            Shape::Int128 => Value::base64(&self.reader.int128()?),
            Shape::Int256 => Value::base64(&self.reader.int256()?),
            Shape::Bool => Value::Bool(self.reader.bool()?),
            Shape::String => Value::String(self.reader.string()?),
            Shape::Bytes => {
                let bytes = self.reader.bytes()?;
                return self.bytes(&bytes);
            }
            Shape::Any => return self.any(),
            Shape::Bare(line) => match self.layer.lines.get(*line) {
                Some(line) => return self.fields(line),
                None => return self.any(),
            },
            Shape::Boxed(of_type) => return self.of_type(*of_type),
            Shape::Vector { has_id, item, item_len_min } => {
                if *has_id {
                    self.reader.expect_id(VECTOR, "Vector")?;
                }
                return self.items(item, *item_len_min);
            }
            Shape::Missing(_) => return self.any(),
        };
        if let Value::String(text) = &scalar {
            self.charge(text.len())?;
        }
        Ok(scalar)
    }

    fn items(&mut self, item: &Shape, item_len_min: usize) -> Read {
        let count = self.reader.count(item_len_min)?;
        self.open()?;
        self.charge(count.saturating_mul(size_of::<Value>()))?;
        let mut items = Vec::with_capacity(count);
        for index in 0..count {
            items.push(self.value(item).map_err(|error| error.inside(&indexed(index)))?);
        }
        self.nesting = self.nesting.saturating_sub(1);
        Ok(Value::Array(items))
    }

    /// One more object or array around what follows, unless it could not be read again.
    fn open(&mut self) -> Read<()> {
        let position = self.reader.position();
        if self.nesting >= JSON_DEPTH_MAX {
            return Err(DecodeError::TooDeep { position }.into());
        }
        self.nesting = self.nesting.saturating_add(1);
        Ok(())
    }

    /// All that remains: a value that this layer knows by its name, or else bytes.
    fn any(&mut self) -> Read {
        let mut attempt = self.clone();
        let line = self.reader.peek_id().and_then(|id| self.layer.by_id(id));
        let named = line.and_then(|line| self.layer.line_of(Expected::Any, &line.name));
        if named.map(|line| line.id) == line.map(|line| line.id)
            && let Ok(value) = attempt.boxed()
            && attempt.reader.remaining() == 0
        {
            *self = attempt;
            return Ok(value);
        }
        let rest = self.reader.rest();
        self.bytes(&rest)
    }

    fn bytes(&mut self, bytes: &Bytes) -> Read {
        self.charge(base64::encoded_len(bytes.len(), true).unwrap_or(usize::MAX))?;
        Ok(Value::String(STANDARD.encode(bytes)))
    }

    fn charge(&mut self, len: usize) -> Read<()> {
        let position = self.reader.position();
        self.left = self.left.checked_sub(len).ok_or(DecodeError::OutOfBudget { position })?;
        Ok(())
    }
}
