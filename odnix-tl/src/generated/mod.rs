//! The types of the project's own schemas, written by `cargo run -p odnix-tl --example generate`.

pub mod mtproto;
pub mod odnix;
