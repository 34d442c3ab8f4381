//! Defects that the simulator can be given, to see that it finds them. Without the feature
//! `planted-bugs` none of them can be chosen.

use super::script::Profile;

macro_rules! bugs {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $profile:ident;)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Bug {
            $($(#[$doc])* $name,)*
        }

        impl Bug {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As on the command line and in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Which runs are meant to find it.
            pub const fn profile(self) -> Profile {
                match self { $(Self::$name => Profile::$profile,)* }
            }
        }
    };
}

bugs! {
    /// The mailbox's pts is committed in a transaction before that of its message.
    PtsBeforeMessage = "pts committed before the message", Rough;
    /// Updates leave before their commit, which may fail.
    PushBeforeCommit = "push before commit", Rough;
    /// The answer leaves before the commit, which may fail.
    ReplyBeforeCommit = "reply before commit", Rough;
    /// A restart forgets which random_ids were used.
    DedupeForgotten = "dedupe forgotten on restart", Rough;
    /// A repeated random_id makes a new message.
    RandomIdIgnored = "random_id ignored", Rough;
    /// A restart keeps the salts but not the msg_ids.
    OldSalts = "restart with old salts and no msg_ids", Hostile;
    /// An evicted session leaves no tombstone.
    NoTombstone = "eviction forgets the msg_ids", Hostile;
    /// The checkpoint is stored before what it vouches for.
    CheckpointFirst = "checkpoint saved before the delivery", Rough;
    /// An update is applied as it comes, and again with the difference.
    GapAppliedTwice = "gap filled late accepted twice", Rough;
    /// `updates.differenceSlice` counts as the whole difference.
    SliceAsFull = "slice treated as full", Rough;
    /// The difference begins one position too late.
    DifferenceLate = "difference starts one too late", Rough;
    /// `updates.differenceTooLong` counts as an empty difference.
    TooLongAsEmpty = "tooLong treated as empty", Hostile;
    /// A reading moves the reader's pts in the answer, but not in the log.
    ReadNotLogged = "read receipt not logged", Calm;
    /// The caller's own other devices get no updates.
    OwnDeviceNotTold = "own other device not told", Calm;
    /// Now and then an update is not put into the session.
    PushLost = "push lost without updatesTooLong", Calm;
    /// Updates also go to a user they are not for.
    PushToOther = "push reaches another user", Calm;
    /// `updatesTooLong` is not heeded.
    TooManyIgnored = "updatesTooLong does not ask for the difference", Hostile;
    /// A restart counts one more unread message in each dialog.
    UnreadWrong = "unread count wrong after restart", Rough;
    /// A restarted device draws new random_ids for what it had not sent.
    NewRandomId = "resend with a new random_id", Rough;
    /// A device forgets a message once the packet has left.
    SendForgotten = "send forgotten before its answer", Rough;
    /// A restart takes the last position of each mailbox back.
    PtsReused = "pts taken back by a restart", Rough;
    /// The checkpoint moves with the update that showed the gap.
    GapSkipped = "gap skipped", Rough;
    /// What was changed on the way is taken as it was.
    ChangeUnnoticed = "changed packets accepted", Hostile;
    /// A session takes calls beyond its bound.
    CallsUnbounded = "more calls run than the limits say", Hostile;
    /// An edit is applied before the message that comes with it.
    EditOvertakes = "edit overtakes its message", Rough;
    /// An update of a large group also goes to users who were never in it.
    ChatPushToStranger = "group push to a user who is no member", Calm;
    /// An update of a large group also goes to those who have left it.
    FormerMemberTold = "removed member still told", Rough;
    /// Who is no member gets the log and the history of a large group.
    ChatReadByAnybody = "group log open to everybody", Rough;
    /// Joining and leaving a large group is in no mailbox.
    JoinNotLogged = "joining not logged", Rough;
    /// The checkpoint of a group is stored before what it vouches for.
    ChatCheckpointFirst = "group checkpoint saved before the delivery", Rough;
    /// The checkpoint of a group moves with the update that showed the gap.
    ChatGapSkipped = "group gap skipped", Rough;
    /// `updates.differenceSlice` counts as the whole difference, of groups only.
    ChatSliceAsFull = "group slice treated as full", Rough;
    /// `updates.differenceTooLong` counts as an empty difference, of groups only.
    ChatTooLongAsEmpty = "group tooLong treated as empty", Hostile;
    /// A device keeps what it has of a large group that its user has left.
    LeftGroupKept = "left group kept", Rough;
}

impl Bug {
    /// The bug of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

/// The defect that a run has, if any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Planted(Option<Bug>);

impl Planted {
    /// With this one. Only where the feature allows it.
    #[cfg(feature = "planted-bugs")]
    pub const fn with(bug: Bug) -> Self {
        Self(Some(bug))
    }

    /// Whether it is this one.
    pub fn is(self, bug: Bug) -> bool {
        cfg!(feature = "planted-bugs") && self.0 == Some(bug)
    }
}
