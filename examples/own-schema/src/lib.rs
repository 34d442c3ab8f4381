//! The types of a small to-do service, made from [`schema/app.tl`](SCHEMA) when this package is
//! built. It is an example of how a project uses the generator of `odnix-tl`.
//!
//! # How it is made
//!
//! 1. `schema/app.tl` says what goes over the wire. `tlc check` finds its mistakes, and `tlc fmt`
//!    gives it its form.
//! 2. `Cargo.toml` names `odnix-tl` twice: as a build dependency it is the generator, as a
//!    dependency the codec that generated code calls. There is a cargo feature for each
//!    namespace of the schema.
//! 3. `build.rs` reads the schema, shows what is wrong with it line by line, and writes the Rust
//!    text.
//! 4. This file includes that text, and that is all:
//!
//! ```text
//! include!(concat!(env!("OUT_DIR"), "/app.rs"));
//! ```
//!
//! # What comes out
//!
//! A struct for each constructor in [`types`], an enum for each type with several of them in
//! [`enums`], a struct for each function in [`functions`], the enums [`Object`] and [`Request`] of
//! everything, [`LAYER`], and [`SCHEMA`].
//!
//! # Features
//!
//! A client that only adds items asks for `default-features = false, features = ["items"]`. It
//! gets [`functions::items`], [`types::items`], and [`types::people`], because an item has an
//! owner; nothing of `stats`. What has no namespace is always there. `serde` is the JSON form.
//!
//! # Example
//!
//! ```
//! use odnix_own_schema::{Request, functions, types};
//! use odnix_tl::{Decode, Encode};
//!
//! // A client makes a call.
//! let call = functions::items::Add {
//!     title: "Water the plants".to_owned(),
//!     due: None,
//!     tags: vec!["home".to_owned()],
//! };
//! let bytes = call.to_bytes()?;
//!
//! // A server reads it, and answers.
//! let Request::ItemsAdd(call) = Request::from_bytes(bytes)? else { panic!("another call") };
//! let item = types::items::Item {
//!     done: false,
//!     id: 1,
//!     title: call.title,
//!     owner: None,
//!     due: call.due,
//!     tags: call.tags,
//! };
//! assert_eq!(
//!     serde_json::to_string(&item)?,
//!     r#"{"_":"items.item","done":false,"id":"1","title":"Water the plants","tags":["home"]}"#
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

include!(concat!(env!("OUT_DIR"), "/app.rs"));
