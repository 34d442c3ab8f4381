//! What a command prints: text for people, or JSON for programs.

use odnix_client_ref::replica::{MessageRow, Outgoing, Replica, ReplicaError};
use odnix_client_ref::tui::is_order;
use odnix_tl::odnix::types;
use serde_json::{Value, json};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Where a command prints.
pub(super) struct Output {
    json: bool,
}

/// The failure has been shown already; only the exit code is left to give.
#[derive(Debug, thiserror::Error)]
#[error("the command failed")]
pub(super) struct AlreadyShown;

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the line or the object, whichever was asked for.
    pub(super) fn show(&mut self, text: &str, json: &impl Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        if self.json {
            writeln!(stdout, "{json}")?;
        } else if !text.is_empty() {
            writeln!(stdout, "{text}")?;
        }
        stdout.flush()
    }

    /// Tells people, not programs, what is going on.
    pub(super) fn note(&self, text: &str) {
        if !self.json {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }

    /// Shows why the command failed, and gives its exit code.
    pub(super) fn failed(&mut self, error: &anyhow::Error) -> ExitCode {
        if error.is::<AlreadyShown>() {
            return ExitCode::FAILURE;
        }
        let closed = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if closed == Some(io::ErrorKind::BrokenPipe) {
            // Whoever read our output has seen enough.
            return ExitCode::SUCCESS;
        }
        let sentence = sentence(error);
        let _ = writeln!(io::stderr(), "odnix-client: {}", one_line(&sentence));
        if self.json {
            let _ = writeln!(io::stdout(), "{}", json!({ "ok": false, "error": sentence }));
        }
        ExitCode::FAILURE
    }
}

/// What others wrote, for a terminal: what would give it orders is shown and not sent, so that
/// nobody's message can begin a line of its own, move the cursor, or turn the text around.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_order(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// The error and its causes, each named once.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !sentence.contains(&cause) {
            sentence.push_str(": ");
            sentence.push_str(&cause);
        }
    }
    sentence
}

pub(super) fn user_json(user: &types::User) -> Value {
    json!({
        "id": user.id.to_string(),
        "username": user.username,
        "first_name": user.first_name,
        "contact": user.contact,
    })
}

/// A message, and what to call its dialog and its author.
pub(super) struct Named {
    message: MessageRow,
    peer: String,
    author: String,
}

impl Named {
    pub(super) fn new(replica: &Replica, message: MessageRow) -> Result<Self, ReplicaError> {
        let peer = replica.name_of(message.peer_id)?;
        let author = replica.name_of(message.from_id)?;
        Ok(Self { message, peer, author })
    }
}

/// A message; 64-bit numbers are decimal strings.
pub(super) fn message_json(named: &Named) -> Value {
    let message = &named.message;
    json!({
        "id": message.id.to_string(),
        "peer": named.peer,
        "peer_id": message.peer_id.to_string(),
        "from": named.author,
        "from_id": message.from_id.to_string(),
        "out": message.out,
        "date": message.date,
        "edit_date": message.edit_date,
        "text": message.text,
        "media": message.media,
        "action": message.action,
    })
}

/// `14:05:09 bob: text`, in UTC; `14:05:09 Friends, bob: text` in a group.
pub(super) fn message_line(named: &Named) -> String {
    let Named { message, peer, author } = named;
    let (peer, author) = (one_line(peer), one_line(author));
    let whose = match (message.out, message.peer_id < 0) {
        (true, _) => format!("me -> {peer}"),
        (false, true) => format!("{peer}, {author}"),
        (false, false) => peer,
    };
    let edited = if message.edit_date.is_some() { " (edited)" } else { "" };
    let text = one_line(shown_text(message));
    format!("{} {whose}: {text}{edited}", time_of_day(i64::from(message.date)))
}

/// The text, or what there is instead.
pub(super) fn shown_text(message: &MessageRow) -> &str {
    match (&message.action, message.text.is_empty()) {
        (Some(_), _) => "(has changed the group)",
        (None, true) => "(media)",
        (None, false) => &message.text,
    }
}

/// A message that the server has not confirmed.
pub(super) fn outgoing_json(outgoing: &Outgoing) -> Value {
    json!({
        "random_id": outgoing.send.random_id.to_string(),
        "date": outgoing.date,
        "text": outgoing.send.text,
        "error": outgoing.error,
    })
}

/// `14:05:09 me -> bob: text (waits to be sent)`.
pub(super) fn outgoing_line(outgoing: &Outgoing, peer: &str) -> String {
    let state = match &outgoing.error {
        None => "waits to be sent".to_owned(),
        Some(error) => format!("refused: {}", one_line(error)),
    };
    let (peer, text) = (one_line(peer), one_line(&outgoing.send.text));
    format!("{} me -> {peer}: {text} ({state})", time_of_day(outgoing.date))
}

fn time_of_day(date: i64) -> String {
    let second = date.rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Named {
        let message = MessageRow {
            id: 1,
            peer_id: 2,
            from_id: 2,
            out: false,
            date: 50_709,
            text: text.into(),
            media: None,
            action: None,
            edit_date: None,
        };
        Named { message, peer: "bob".into(), author: "bob".into() }
    }

    #[test]
    fn a_message_is_one_line_and_gives_the_terminal_no_orders() {
        let line = message_line(&named("hi\n14:05:10 eve: \u{1b}[2Jпривет\u{9b}1m\r\u{202e}olleh"));
        assert_eq!(line, r"14:05:09 bob: hi\n14:05:10 eve: \u{1b}[2Jпривет\u{9b}1m\r\u{202e}olleh");
    }

    #[test]
    fn a_line_tells_the_group_the_author_and_what_is_not_text() {
        let mut it = named("hello");
        it.message.edit_date = Some(1);
        assert_eq!(message_line(&it), "14:05:09 bob: hello (edited)");
        it = named("");
        (it.message.peer_id, it.peer) = (-5, "Friends".into());
        assert_eq!(message_line(&it), "14:05:09 Friends, bob: (media)");
        it.message.action = Some("{}".into());
        assert_eq!(message_line(&it), "14:05:09 Friends, bob: (has changed the group)");
        it.message.out = true;
        assert_eq!(message_line(&it), "14:05:09 me -> Friends: (has changed the group)");
    }

    #[test]
    fn a_message_that_waits_or_was_refused_says_so() {
        let send = odnix_client_ref::replica::PendingSend {
            random_id: 1,
            peer_id: 2,
            text: "hi\n".into(),
        };
        let mut outgoing = Outgoing { send, date: 50_709, error: None };
        let waits = outgoing_line(&outgoing, "bob");
        assert_eq!(waits, r"14:05:09 me -> bob: hi\n (waits to be sent)");
        outgoing.error = Some("too long".into());
        let refused = outgoing_line(&outgoing, "bob");
        assert_eq!(refused, r"14:05:09 me -> bob: hi\n (refused: too long)");
    }
}
