//! What must hold when everything has settled, read from nothing but the files.

use super::{ACKNOWLEDGED, DATABASE, DEVICES, Device, PUBLIC_KEY};
use anyhow::Context as _;
use odnix_client_ref::replica::{Digest, MailboxModel, Replica};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_tl::odnix::enums::Update;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

/// Differences told of each kind; the rest is counted.
const TOLD_MAX: usize = 5;

/// A message: its id and its text.
type Row = (i64, String);

/// What the server's database says.
struct Truth {
    /// By rising id.
    messages: Vec<Row>,
    /// What each user's log makes of a mailbox.
    mailboxes: BTreeMap<String, Digest>,
}

/// Reads the server's and the devices' files below `folder`. Returns every rule that is broken,
/// as a sentence, and how many messages there are.
///
/// # Errors
/// A file cannot be read.
pub fn violations(folder: &Path) -> anyhow::Result<(Vec<String>, usize)> {
    let truth = read_server(&folder.join(DATABASE))?;
    let mut found = Found::default();
    each_text_once(&truth.messages, &mut found);
    acknowledged_is_there(&read_acknowledged(folder)?, &truth.messages, &mut found);
    numbers_rise_without_gaps(&truth.messages, &mut found);
    let pem = std::fs::read_to_string(folder.join(PUBLIC_KEY))?;
    let fingerprint = RsaPublicKey::from_pem(&pem)?.fingerprint();
    for device in DEVICES {
        let replica = Replica::open(&folder.join(device.name), fingerprint, None)?;
        check_replica(device, &replica, &truth, &mut found)?;
    }
    Ok((found.sentences(), truth.messages.len()))
}

/// The highest position of a user's log.
///
/// # Errors
/// The database cannot be read.
pub fn position(folder: &Path, user: &str) -> anyhow::Result<i32> {
    let db = open(&folder.join(DATABASE))?;
    let query = "SELECT mailbox.pts FROM mailbox JOIN users ON users.id = mailbox.owner
                 WHERE users.username = ?1";
    Ok(db.query_row(query, [user], |row| row.get(0))?)
}

fn open(path: &Path) -> anyhow::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).with_context(|| path.display().to_string())
}

fn read_server(database: &Path) -> anyhow::Result<Truth> {
    let db = open(database)?;
    let mut rows = db.prepare("SELECT id, message FROM messages WHERE NOT deleted ORDER BY id")?;
    let messages = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let messages = messages.collect::<Result<Vec<Row>, _>>()?;
    let mut log = db.prepare(
        "SELECT content FROM update_log JOIN users ON users.id = update_log.owner
         WHERE username = ?1 ORDER BY pts",
    )?;
    let mut mailboxes = BTreeMap::new();
    for device in DEVICES {
        let mut model = MailboxModel::default();
        for content in log.query_map([device.user], |row| row.get::<_, String>(0))? {
            model.apply(&serde_json::from_str::<Update>(&content?)?);
        }
        mailboxes.insert(device.user.to_owned(), model.digest());
    }
    Ok(Truth { messages, mailboxes })
}

fn read_acknowledged(folder: &Path) -> anyhow::Result<Vec<Row>> {
    let lines = std::fs::read_to_string(folder.join(ACKNOWLEDGED))?;
    let row = |line: &str| -> anyhow::Result<Row> {
        let (id, text) = line.split_once(' ').context("a line without a text")?;
        Ok((id.parse()?, text.to_owned()))
    };
    lines.lines().map(row).collect()
}

fn each_text_once(messages: &[Row], found: &mut Found) {
    let mut first = BTreeMap::new();
    for (id, text) in messages {
        if let Some(earlier) = first.insert(text, id) {
            found.add("sent twice", format!("`{text}` is message {earlier} and message {id}"));
        }
    }
}

fn acknowledged_is_there(acknowledged: &[Row], messages: &[Row], found: &mut Found) {
    let stored: BTreeMap<i64, &str> =
        messages.iter().map(|(id, text)| (*id, text.as_str())).collect();
    for (id, text) in acknowledged {
        match stored.get(id) {
            Some(there) if there == text => {}
            Some(there) => found.add("mixed up", format!("{id} is `{there}`, not `{text}`")),
            None => found.add("lost", format!("`{text}` was acknowledged as {id}")),
        }
    }
}

/// A device sends 1, 2, 3 … in each of its lives: a number without the one before it is a
/// message that was overtaken or lost before it was acknowledged.
fn numbers_rise_without_gaps(messages: &[Row], found: &mut Found) {
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for (id, text) in messages {
        let Some((life, number)) = text.rsplit_once('/') else {
            found.add("unknown text", format!("{id} is `{text}`"));
            continue;
        };
        let before = last.entry(life).or_default();
        if number.parse() != Ok(*before + 1) {
            found.add("out of order", format!("{id} `{text}` comes after number {before}"));
        }
        *before = number.parse().unwrap_or(*before);
    }
}

fn check_replica(
    device: Device,
    replica: &Replica,
    truth: &Truth,
    found: &mut Found,
) -> anyhow::Result<()> {
    let name = device.name;
    // By arrival: a replica learns of the messages in the order of the log.
    let rows = replica.arrived_after(0, u32::MAX)?.into_iter();
    let rows: Vec<Row> = rows.map(|(_, row)| (row.id, row.text)).collect();
    let differs = rows.iter().zip(&truth.messages).position(|(here, there)| here != there);
    if let Some(at) = differs {
        let (here, there) = (rows.get(at), truth.messages.get(at));
        found.add("replica differs", format!("{name}: row {at} is {here:?}, not {there:?}"));
    } else if rows.len() != truth.messages.len() {
        let (here, there) = (rows.len(), truth.messages.len());
        found.add("replica differs", format!("{name}: {here} messages, the server has {there}"));
    }
    let (own, expected) = (replica.digest()?, truth.mailboxes.get(device.user).copied());
    if Some(own) != expected {
        found.add("digest differs", format!("{name}: {own}, the server's log gives {expected:?}"));
    }
    let pending = replica.pending_sends()?.len();
    if pending > 0 {
        found.add("left unsent", format!("{name}: {pending} messages"));
    }
    Ok(())
}

/// Broken rules, by kind.
#[derive(Default)]
struct Found(BTreeMap<&'static str, Vec<String>>);

impl Found {
    fn add(&mut self, kind: &'static str, sentence: String) {
        self.0.entry(kind).or_default().push(sentence);
    }

    fn sentences(self) -> Vec<String> {
        let mut told = Vec::new();
        for (kind, sentences) in self.0 {
            let more = sentences.len().saturating_sub(TOLD_MAX);
            told.extend(sentences.into_iter().take(TOLD_MAX).map(|it| format!("{kind}: {it}")));
            if more > 0 {
                told.push(format!("{kind}: and {more} more"));
            }
        }
        told
    }
}
