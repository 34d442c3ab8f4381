//! The TL language: binary codec with limits, schema parser, Rust generator, and the types of
//! the MTProto service layer and of the Odnix layer.
#![cfg_attr(not(feature = "std"), no_std)]
