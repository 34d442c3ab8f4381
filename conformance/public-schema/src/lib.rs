//! The types of a large public schema, about 2,500 lines of it, which `build.rs` generates.
//!
//! Nothing of the product uses it. It shows how a project generates the types of its own schema
//! (see `build.rs`), and that the generator and the codec serve a schema which nobody here wrote:
//! the tests compare every byte and every field with the types that another generator makes of
//! the same schema, and `measure.sh` compares what both cost.
#![deny(warnings, reason = "generated code that warns is a fault of the generator")]

include!(concat!(env!("OUT_DIR"), "/public_schema.rs"));
