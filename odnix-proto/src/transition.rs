//! State machines as data: each arrow of a diagram is one [`Transition`].
//!
//! A table stands next to the states it is about. It is no second implementation: a test drives
//! the machine through every sequence of messages and compares what it saw with the table, in
//! both directions, and the diagrams in the documentation are drawn from it.
//!
//! An exact repeat, and what is dropped, changes no state and is no transition.

/// One arrow: in state `from`, `on` leads to `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an arrow has a start, a reason and an end")]
pub struct Transition {
    /// The state before.
    pub from: &'static str,
    /// What came: a message, a result, a point in time.
    pub on: &'static str,
    /// The state after.
    pub to: &'static str,
}

impl Transition {
    /// In state `from`, `on` leads to `to`.
    pub const fn new(from: &'static str, on: &'static str, to: &'static str) -> Self {
        Self { from, on, to }
    }
}
