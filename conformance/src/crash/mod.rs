//! kill -9 against real processes: a server and the devices of two users that write to each
//! other are killed at random moments and started again; at the end every message that was
//! acknowledged must be on the server and in every replica, once, in one order.
//!
//! ```text
//! odnix-crash run ──starts, kills──> odnix-server
//!       │ ^                              ^
//!       │ └──"A id text"── odnix-crash worker × 4 (alice and bob, two devices each)
//!       └──kills──────────────^
//! ```
//!
//! [`run()`] makes the trouble, [`check`] reads what is left on disk, [`worker`] is a device.

pub mod check;
mod process;
mod run;
pub mod worker;

pub use run::{Options, Report, run};

/// A device: the folder of its replica, and its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The folder, and the first word of its messages.
    pub name: &'static str,
    /// Who is signed in.
    pub user: &'static str,
    /// To whom it writes.
    pub partner: &'static str,
}

/// Two users with two devices each.
pub const DEVICES: [Device; 4] = [
    Device { name: "alice-phone", user: "alice", partner: "bob" },
    Device { name: "alice-laptop", user: "alice", partner: "bob" },
    Device { name: "bob-phone", user: "bob", partner: "alice" },
    Device { name: "bob-laptop", user: "bob", partner: "alice" },
];

/// The folder of the server's data.
pub const SERVER: &str = "server";
/// The database in it.
pub const DATABASE: &str = "server/odnix.db";
/// The server's public key in it.
pub const PUBLIC_KEY: &str = "server/server_key.pub.pem";
/// What the devices were told is sent: one line `id text` each.
pub const ACKNOWLEDGED: &str = "acknowledged.txt";

/// The text of the `number`-th message of the `life`-th process of a device.
pub fn text(device: &str, life: u32, number: u64) -> String {
    format!("{device}/{life}/{number}")
}
