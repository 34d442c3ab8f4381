//! What the server has committed, written down at each commit, and nothing else.

use odnix_client_ref::replica::{Digest, MailboxModel};
use odnix_server_ref::engine::read_back;
use odnix_server_ref::store::{StoreError, Tx, UserId};
use odnix_tl::odnix::enums::Update;
use std::collections::BTreeMap;

/// Lines read at once.
const LINES_MAX: usize = 10_000;
/// Their content.
const BYTES_MAX: usize = 1 << 30;

/// One mailbox.
#[derive(Default)]
pub struct Log {
    /// pts after, pts_count, update.
    pub lines: Vec<(i32, i32, Update)>,
    model: MailboxModel,
}

impl Log {
    /// Where it stands.
    pub fn pts(&self) -> i32 {
        self.lines.last().map_or(0, |line| line.0)
    }

    /// What a replica holds that has applied all of it.
    pub fn digest(&self) -> Digest {
        self.model.digest()
    }

    /// What a replica holds that has applied it up to `pts`.
    pub fn digest_at(&self, pts: i32) -> Digest {
        let mut model = MailboxModel::default();
        self.lines.iter().filter(|line| line.0 <= pts).for_each(|line| model.apply(&line.2));
        model.digest()
    }
}

/// All mailboxes.
#[derive(Default)]
pub struct Oracle {
    /// By user.
    pub logs: BTreeMap<UserId, Log>,
}

impl Oracle {
    /// Reads what the last commit has added. Says what breaks the rule of pts: each line begins
    /// where the one before it ends, and the mailbox stands where its log ends.
    pub fn observe(&mut self, tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
        let mut broken = Vec::new();
        for (user, log) in &mut self.logs {
            let mailbox = tx.mailbox((*user).into())?;
            for entry in tx.log_after((*user).into(), log.pts(), LINES_MAX, BYTES_MAX)? {
                if entry.pts != log.pts() + entry.pts_count {
                    broken.push(format!(
                        "the log of user {} goes from pts {} to {} by {}",
                        user.0,
                        log.pts(),
                        entry.pts,
                        entry.pts_count
                    ));
                }
                let update = read_back(&entry)?;
                log.model.apply(&update);
                log.lines.push((entry.pts, entry.pts_count, update));
            }
            if mailbox.pts() != log.pts() {
                broken.push(format!(
                    "the mailbox of user {} stands at pts {}, its log at {}",
                    user.0,
                    mailbox.pts(),
                    log.pts()
                ));
            }
        }
        Ok(broken)
    }
}
