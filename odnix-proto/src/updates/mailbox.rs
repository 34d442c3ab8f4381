//! The server's end of a mailbox: positions given out, and the log read back in slices.

/// What the server stores of a mailbox besides its log.
///
/// ```text
/// log   …─┬──────┬──────┬──────┐
///    dropped_to              pts
/// ```
///
/// An update with `pts_count` n takes the positions `pts - n + 1 ..= pts`, so positions rise
/// without holes. Whoever gives one out stores the row, the log line and what caused it in one
/// transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pts: i32,
    dropped_to: i32,
}

/// The position of one update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The mailbox stands here after the update.
    pub pts: i32,
    /// By how much the update moved it.
    pub pts_count: i32,
}

/// How to answer a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// With `updates.differenceEmpty`.
    Empty,
    /// With [`Mailbox::part`] of the first so many lines of the log after its position.
    Read {
        /// At most.
        lines_max: usize,
    },
    /// With `updates.differenceTooLong` and this `pts`.
    TooLong {
        /// Where the log goes on.
        pts: i32,
    },
}

/// Which part of what was missed an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// All of it: `updates.difference`.
    Full,
    /// The oldest part, up to this `pts`: `updates.differenceSlice`.
    Slice {
        /// `intermediate_state`.
        pts: i32,
    },
}

/// Why a mailbox cannot do what is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// The counter is an `int` on the wire; a mailbox of a new user or group starts at 0.
    #[error("the mailbox has used up its 2^31 - 1 positions")]
    Full,
    /// An update that moves nothing has no place in a log: who stands at its position would not
    /// know whether it was read.
    #[error("an update of a log has a pts_count of 1 or more")]
    NoCount,
    /// The client claims a position that was never given out.
    #[error("the position {pts} was never given out")]
    UnknownPosition {
        /// As the client says.
        pts: i32,
    },
    /// The log has a hole, or ends elsewhere than the mailbox: it is damaged.
    #[error("the log is damaged after position {after}")]
    Damaged {
        /// Up to here it is whole.
        after: i32,
    },
}

impl Mailbox {
    /// A mailbox in which nothing has happened.
    pub const fn new() -> Self {
        Self { pts: 0, dropped_to: 0 }
    }

    /// As it was stored.
    ///
    /// # Errors
    /// [`MailboxError::Damaged`] unless `0 <= dropped_to <= pts`.
    pub const fn restore(pts: i32, dropped_to: i32) -> Result<Self, MailboxError> {
        if dropped_to < 0 || dropped_to > pts {
            return Err(MailboxError::Damaged { after: 0 });
        }
        Ok(Self { pts, dropped_to })
    }

    /// After the last update.
    pub const fn pts(&self) -> i32 {
        self.pts
    }

    /// The log holds what came after this position.
    pub const fn dropped_to(&self) -> i32 {
        self.dropped_to
    }

    /// Gives the next update its position.
    ///
    /// # Errors
    /// [`MailboxError::NoCount`], [`MailboxError::Full`]; nothing has moved then.
    pub fn assign(&mut self, pts_count: i32) -> Result<Position, MailboxError> {
        if pts_count < 1 {
            return Err(MailboxError::NoCount);
        }
        self.pts = self.pts.checked_add(pts_count).ok_or(MailboxError::Full)?;
        Ok(Position { pts: self.pts, pts_count })
    }

    /// Notes that the log up to `pts` is deleted, so that whoever is behind it has to reload.
    /// A position given out never, or dropped already, changes nothing.
    pub fn drop_to(&mut self, pts: i32) {
        if pts <= self.pts {
            self.dropped_to = self.dropped_to.max(pts);
        }
    }

    /// How to answer `updates.getDifference` from a position, with its `pts_limit` and
    /// `pts_total_limit`.
    ///
    /// # Errors
    /// [`MailboxError::UnknownPosition`].
    pub fn plan(
        &self,
        from: i32,
        lines_max: usize,
        total_max: Option<i32>,
    ) -> Result<Plan, MailboxError> {
        let missed = self.pts.checked_sub(from).filter(|missed| *missed >= 0 && from >= 0);
        let missed = missed.ok_or(MailboxError::UnknownPosition { pts: from })?;
        Ok(if missed == 0 {
            Plan::Empty
        } else if from < self.dropped_to || total_max.is_some_and(|max| missed > max) {
            Plan::TooLong { pts: self.pts }
        } else {
            Plan::Read { lines_max: lines_max.max(1) }
        })
    }

    /// What the lines read from the log after `from` are a part of; it proves that none is
    /// missing between them.
    ///
    /// # Errors
    /// [`MailboxError::Damaged`]: there is a hole, or the log ends before the mailbox does.
    pub fn part(&self, from: i32, lines: &[Position]) -> Result<Part, MailboxError> {
        let mut at = from;
        for line in lines {
            let begins = line.pts.checked_sub(line.pts_count);
            if begins != Some(at) || line.pts_count < 1 || line.pts > self.pts {
                return Err(MailboxError::Damaged { after: at });
            }
            at = line.pts;
        }
        match at {
            at if at == self.pts => Ok(Part::Full),
            at if at == from => Err(MailboxError::Damaged { after: at }),
            pts => Ok(Part::Slice { pts }),
        }
    }
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::new()
    }
}
