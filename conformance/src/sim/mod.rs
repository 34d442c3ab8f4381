//! The whole system in one thread and in virtual time, under faults.
//!
//! ```text
//!  script (operations, faults: data, made from the seed)
//!     │
//!     v                     ┌── client Connection ─┐            ┌─ server Connection ┐
//!  World ── SimDevice × n ──┤   SyncMachine, Outbox├─ Network ──┤  Rpc::handle       │
//!  clock, queue             └── Replica (SQLite) ──┘            └─ Database (SQLite) ┘
//!     │                              │                                    │
//!     └── Trace (hash)               └────────── Invariants, Oracle ──────┘
//! ```
//!
//! Everything in the boxes is what the reference client and server run; the simulator brings
//! the clock, the bytes' way, the embedders' few rules, and the questions. `docs/simulator.md`
//! says what is checked and how to use it.

mod acts;
pub mod bugs;
pub mod campaign;
mod checks;
pub mod device;
pub mod invariants;
pub mod network;
pub mod oracle;
pub mod random;
pub mod script;
pub mod server;
pub mod shrink;
pub mod trace;
pub mod world;

pub use bugs::Bug;
pub use script::{Profile, Script};
pub use world::{Outcome, run};
