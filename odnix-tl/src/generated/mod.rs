//! The types of the project's own schemas, written by `cargo run -p odnix-tl --example generate`.

/// The service layer of MTProto 2.0, from `schema/mtproto.tl`.
pub mod mtproto;
/// The application layer of Odnix, from `schema/odnix.tl`.
pub mod odnix;
