//! The terminal interface: a model of what is shown, and its picture. Neither touches the
//! terminal, the network or the replica; the `tui` command connects them.
//!
//! ```text
//! keys, changes ──> Model ──view──> picture
//!                    │ ^
//!          effects <─┘ └── rows read from the replica
//! ```

pub mod model;
pub mod view;

pub use model::{Chat, Effect, Input, Line, LineState, Model};
pub use view::{draw, is_order};
