//! Why a JSON value has no TL form.

use alloc::{format, string::String};
use core::fmt;

use super::Value;

/// Why a JSON value is not the TL value it should be.
///
/// Shows names, but no values: a document may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The members and indices that lead to the fault: `peer.user_id`, `id[3]`.
    pub path: String,
    /// What the fault is.
    pub message: String,
}

impl JsonError {
    pub(crate) fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    pub(crate) fn expected(expected: &str, found: &Value) -> Self {
        Self::new(format!("expected {expected}, found {}", found.kind()))
    }

    pub(crate) fn inside(mut self, name: &str) -> Self {
        self.path = joined(name, &self.path);
        self
    }
}

/// `peer` and `user_id` are `peer.user_id`, `id` and `[3]` are `id[3]`.
pub(crate) fn joined(name: &str, path: &str) -> String {
    let separator = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{name}{separator}{path}")
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.path.is_empty() { "" } else { ": " };
        write!(f, "{}{separator}{}", self.path, self.message)
    }
}

impl core::error::Error for JsonError {}
