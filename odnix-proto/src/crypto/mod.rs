//! Primitives of the protocol, free of any state machine.
//!
//! Everything here follows one formula of the specification; nothing here knows of sessions,
//! time or the wire. The parts are public for tests, benches and tools: an application has no
//! need of them, as [`envelope`](crate::envelope) and the connections put them together.

pub mod dh;
pub mod factor;
pub mod ige;
pub mod kdf;
mod lanes;
pub mod rsa;
pub mod rsa_pad;
mod rsa_pem;
