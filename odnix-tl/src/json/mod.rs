//! The JSON form of TL values (feature `serde`).
//!
//! | TL | JSON |
//! |---|---|
//! | constructor, function | object: `"_"` holds the name in the schema, then the fields |
//! | `int`, `double` | number; `"Infinity"`, `"-Infinity"`, `"NaN"`; other NaNs with their bits, `"NaN:fff8000000000001"` |
//! | `long` | string, decimal: JSON numbers are not exact beyond 2⁵³ |
//! | `string` | string |
//! | `bytes`, `int128`, `int256` | string, base64 with padding |
//! | `Bool`, `flags.N?true` | `true`, `false` |
//! | `flags.N?T` | the value; no member at all if absent |
//! | `#` | no member, but for bits that no field of the constructor uses: their number |
//! | `Vector<T>` | array |
//! | `Object`, `!X` | the value, if the layer knows it; else string, base64 of the TL form |
//!
//! Reading is strict: `"_"` is required, a member the constructor does not have is an error,
//! and so is a missing one. For a conditional field `null` means absent. A missing `flags.N?true`
//! means `false`, unless another field has its bit; such fields are all there or none. [`JsonError`] says where in the value the fault is.
//!
//! Generated types implement `Serialize` and `Deserialize`; for schemas at run time there is
//! [`Layer`](crate::dynamic::Layer). Only self-describing formats, such as JSON, can be read.
//!
//! # Example
//!
//! ```
//! use odnix_tl::odnix::{enums::InputPeer, functions::messages::SetTyping};
//!
//! let text = r#"{
//!     "_": "messages.setTyping",
//!     "peer": {"_": "inputPeerUser", "user_id": "7", "access_hash": "-1"},
//!     "action": {"_": "sendMessageTypingAction"}
//! }"#;
//! let request: SetTyping = serde_json::from_str(text)?;
//! assert!(matches!(request.peer, InputPeer::InputPeerUser(_)));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod error;
mod members;
mod raw;
mod scalars;
mod value;

pub use error::JsonError;
pub use value::Value;

pub(crate) use error::joined;
pub(crate) use members::{Members, NAME};
