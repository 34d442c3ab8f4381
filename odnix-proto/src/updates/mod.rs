//! The log of updates: a client's place in it, and the server's end of it.
//!
//! Source: working with updates, <https://core.telegram.org/api/updates>. Each mailbox has a
//! counter, `pts`; an update carries the value after it and `pts_count`, how far it moved:
//!
//! | local pts and update | meaning | what happens |
//! |---|---|---|
//! | `local + pts_count == pts` | the next one | delivered |
//! | `pts <= local` | seen before | dropped |
//! | `local + pts_count < pts` | something is missing | held for 0.5 s, then `getDifference` |
//! | `pts - pts_count < local < pts` | overlaps what was seen | dropped, `getDifference` |
//!
//! [`Sequencer`] does this bookkeeping for any type of update. It never reads or keeps the
//! updates' content, and it never advances without handing out a [`Checkpoint`]: the application
//! stores updates and checkpoint **in one transaction**, so that a crash loses and repeats
//! nothing. The same rules hold for two more counters of a user's mailbox: `qts`, which each
//! update moves by one, and `seq`, which counts the `updates` whose content has no position of
//! its own. A group with a mailbox of its own has a `pts` only; [`Mailboxes`] follows all of
//! them. [`Mailbox`] is the other end: it gives positions out and plans answers.
//!
//! ```text
//!            gap unfilled, updates lost, start, silence
//!   Following ──────────────────────────────────────▶ Asked ◀──────────┐
//!       ▲   ▲                                          │ │ │           │
//!       │   └────────── empty, full ───────────────────┘ │ └─ slice ───┤
//!       │                                      too long  │             │
//!       │                                                ▼             │
//!       │                    reset confirmed ◀── AwaitReset ───────────┤
//!       │                                                              │
//!       └── (pushes are held in every other state) ── Retry ── timer ──┘
//! ```
//!
//! **Units and limits.** `pts` and `pts_count` are `i32` on the wire and `i64` inside. Updates
//! held or not yet polled: [`updates_max`](crate::limits::Limits::updates_max); beyond it
//! new ones are dropped and fetched by `getDifference`. Mailboxes followed:
//! [`mailboxes_max`](crate::limits::Limits::mailboxes_max); questions out at a time:
//! [`differences_max`](crate::limits::Limits::differences_max).
//!
//! **Errors.** A server's nonsense is dropped with a [`DropReason`](crate::DropReason); a
//! command out of turn is a [`UsageError::NotAsked`](crate::UsageError::NotAsked).
//!
//! ```
//! use odnix_proto::limits::Limits;
//! use odnix_proto::updates::{Checkpoint, Difference, Event, Sequencer};
//! use odnix_proto::{Instant, Now, UnixTime};
//!
//! let now = Now::new(Instant::from_micros(0), UnixTime::from_secs(1_700_000_000));
//! let mut updates = Sequencer::new(now, Checkpoint::at(7), &Limits::default());
//!
//! // At start-up it asks what was missed.
//! assert_eq!(updates.poll_event(), Some(Event::GetDifference { from: Checkpoint::at(7) }));
//! let missed = Difference::Full { updates: vec!["missed"], state: Checkpoint::at(8) };
//! updates.provide_difference(now, missed)?;
//! updates.push(now, 9, 1, "pushed");
//!
//! let mut replica = Vec::new();
//! while let Some(event) = updates.poll_event() {
//!     if let Event::Deliver { updates, checkpoint } = event {
//!         replica.extend(updates); // and store `checkpoint` in the same transaction
//!         assert_eq!(checkpoint, updates_checkpoint(replica.len()));
//!     }
//! }
//! assert_eq!(replica, ["missed", "pushed"]);
//! # fn updates_checkpoint(len: usize) -> Checkpoint { Checkpoint::at(7 + len as i32) }
//! # Ok::<(), odnix_proto::UsageError>(())
//! ```

mod difference;
mod line;
mod mailbox;
mod mailboxes;
mod sequencer;

pub use difference::{Difference, ResetReason};
pub use mailbox::{Mailbox, MailboxError, Part, Plan, Position};
pub use mailboxes::Mailboxes;
pub use sequencer::{Checkpoint, Event, Sequencer};
