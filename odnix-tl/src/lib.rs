//! The TL language: binary codec with limits, schema parser, Rust generator, and the types of
//! the MTProto service layer ([`mtproto`]) and of the Odnix layer ([`odnix`]).
//!
//! | you want to | use |
//! |---|---|
//! | send and receive objects of the layers here | [`Encode`], [`Decode`] of the types in [`mtproto`] and [`odnix`] |
//! | read, check, format, compare schemas | [`schema`] |
//! | have the types of a schema of your own | [`schema::generate`], in a build script or from the command line `tlc` |
//! | read and write objects of any schema without generated code | [`dynamic::Layer`] |
//! | have objects as JSON | [`json`] |
//! | keep objects of a layer newer than yours | [`OrUnknown`] |
//!
//! # On the wire
//!
//! Everything is little-endian and a multiple of four bytes.
//!
//! | TL | Rust | bytes |
//! |---|---|---|
//! | `int` | `i32` | 4 |
//! | `long` | `i64` | 8 |
//! | `double` | `f64` | 8, IEEE 754 |
//! | `int128`, `int256` | `[u8; 16]`, `[u8; 32]` | 16, 32, never swapped |
//! | `string`, `bytes` | `String`, [`Bytes`] | length (1, or `fe` + 3), data, zeros up to a multiple of 4 |
//! | `Bool` | `bool` | 4: `boolTrue` or `boolFalse` |
//! | `#` | not stored | 4: one bit for each conditional field |
//! | `flags.N?T` | `Option<T>` | nothing, or those of `T` |
//! | `flags.N?true` | `bool` | nothing |
//! | `Vector<T>` | `Vec<T>` | 4: `1cb5c415`, 4: count, items |
//! | `vector<t>` | `Vec<T>` | 4: count, items |
//! | `T` (boxed) | struct or enum | 4: constructor id, fields |
//! | `%T`, `t` (bare) | struct | fields |
//! | `Object`, `!X` | [`Raw`] | all that remain |
//!
//! # Names
//!
//! - Each constructor is a struct in `types`, each function one in `functions`; a namespace is
//!   a module: `updates.state` is [`odnix::types::updates::State`].
//! - A type with several constructors is an enum in `enums`, with variants named like the
//!   structs; a type with one constructor is that struct. The enums are exhaustive, because
//!   the number of the layer fixes their constructors. A variant of more than about 200 bytes
//!   holds its struct on the heap, and so does a field that may hold a value of its own type.
//! - `Object` is any constructor, `Request` any function; their variants have the namespace in
//!   their names: `Request::MessagesSendMessage`.
//! - A word of Rust gets a `_`: the field `self` is `self_`.
//! - `SCHEMA` is the text of the schema that a module was made from, `LAYER` its number.
//!
//! Conditional fields that share a bit are all there or none; anything else is
//! [`EncodeError::HalfSet`].
//!
//! A change of `schema/` takes effect by `cargo run -p odnix-tl --example generate`. A project with
//! a schema of its own makes its types in a [build script](schema#in-a-build-script).
//!
//! # Limits
//!
//! A decoder never allocates from a count it has not checked, and never recurses deeper than
//! the input allows: see [`limits`]. Each broken rule has its own [`DecodeError`].
//!
//! # Example
//!
//! ```
//! use odnix_tl::{Constructor, Decode, Encode, mtproto::types::Pong};
//!
//! let pong = Pong { msg_id: 1, ping_id: 2 };
//! let bytes = pong.to_bytes()?;
//! assert_eq!(bytes.len(), 4 + 8 + 8);
//! assert_eq!(bytes[..4], Pong::ID.to_le_bytes());
//! assert_eq!(Pong::from_bytes(bytes)?, pong);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::unreachable,
    )
)]

extern crate alloc;

mod codec;
#[cfg(feature = "serde")]
pub mod dynamic;
mod embedded;
mod error;
pub mod fields;
mod generated;
mod ids;
#[cfg(feature = "serde")]
pub mod json;
pub mod limits;
mod macros;
mod reader;
pub mod schema;
mod unknown;
pub mod wire;
mod writer;

pub use codec::{Constructor, Decode, Encode, Function, Raw};
pub use embedded::EmbeddedSchema;
pub use error::{DecodeError, EncodeError};
pub use generated::{mtproto, odnix};
pub use reader::Reader;
pub use unknown::{OrUnknown, Unknown};
pub use writer::Writer;

/// What generated code imports.
pub mod prelude {
    pub use crate::{
        Raw,
        fields::{As, Bit, BitOf, Shared, SharedOf, Word},
        tl_enum, tl_struct,
        wire::{Bare, BareVectorOf, Boxed, Heap, VectorOf},
    };
    pub use alloc::{boxed::Box, string::String, vec::Vec};
    pub use bytes::Bytes;
}

pub use bytes::Bytes;
#[cfg(feature = "serde")]
#[doc(hidden)]
pub use serde;
