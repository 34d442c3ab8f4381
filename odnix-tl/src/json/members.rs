//! The members of a JSON object, as the fields of a constructor.

use alloc::{borrow::ToOwned, format, string::String};

use super::{JsonError, Value};

/// The member that holds the name of the constructor.
pub(crate) const NAME: &str = "_";

/// How much of a wrong name an error shows.
const NAME_CHARS_MAX: usize = 64;

/// The members of an object with a name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members<'a> {
    name: &'a str,
    members: &'a [(String, Value)],
}

impl<'a> Members<'a> {
    /// The members of `value`, which must be an object with a name.
    pub fn open(value: &'a Value) -> Result<Self, JsonError> {
        let Value::Object(members) = value else {
            return Err(JsonError::expected("an object", value));
        };
        let unnamed = Self { name: "", members };
        let name = unnamed.required(NAME)?.as_str().map_err(|error| error.inside(NAME))?;
        Ok(Self { name, members })
    }

    /// The name of the constructor.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// The member `name`, which must be there.
    pub fn required(&self, name: &str) -> Result<&'a Value, JsonError> {
        let found = self.members.iter().find(|(of, _)| of == name);
        let missing = || JsonError::new("missing".to_owned()).inside(name);
        found.map(|(_, value)| value).ok_or_else(missing)
    }

    /// The member `name`, if it is there and not `null`.
    pub fn optional(&self, name: &str) -> Option<&'a Value> {
        let found = self.members.iter().find(|(of, _)| of == name);
        found.map(|(_, value)| value).filter(|value| **value != Value::Null)
    }

    /// That there are no members but those that `is_field` knows.
    pub fn only(&self, owner: &str, is_field: impl Fn(&str) -> bool) -> Result<(), JsonError> {
        let mut names = self.members.iter().map(|(name, _)| name.as_str());
        match names.find(|name| *name != NAME && !is_field(name)) {
            None => Ok(()),
            Some(unknown) => {
                Err(JsonError::new(format!("{owner} has no such field")).inside(unknown))
            }
        }
    }

    /// That the name is not `wanted`.
    pub fn misnamed(&self, wanted: &str) -> JsonError {
        let shown: String = self.name.chars().take(NAME_CHARS_MAX).collect();
        let cut = if shown.len() < self.name.len() { "…" } else { "" };
        JsonError::new(format!("{shown:?}{cut} is not {wanted}")).inside(NAME)
    }
}
