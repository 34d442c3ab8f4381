//! What a command prints: text for people, or JSON for programs.

use odnix_client_ref::replica::MessageRow;
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

/// What others wrote, for a terminal: control characters are shown and not sent, so that nobody's
/// message can begin a line of its own, or move the cursor.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
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

/// A message; 64-bit numbers are decimal strings.
pub(super) fn message_json(message: &MessageRow) -> Value {
    json!({
        "id": message.id.to_string(),
        "peer_id": message.peer_id.to_string(),
        "from_id": message.from_id.to_string(),
        "out": message.out,
        "date": message.date,
        "text": message.text,
        "media": message.media,
    })
}

/// `14:05:09 bob: text`, in UTC.
pub(super) fn message_line(message: &MessageRow, peer: &str) -> String {
    let second = message.date.rem_euclid(86_400);
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    let arrow = if message.out { format!("me -> {peer}") } else { peer.to_owned() };
    format!("{hours:02}:{minutes:02}:{seconds:02} {arrow}: {}", one_line(&message.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_and_gives_the_terminal_no_orders() {
        let message = MessageRow {
            id: 1,
            peer_id: 2,
            from_id: 2,
            out: false,
            date: 50_709,
            text: "hi\n14:05:10 eve: \u{1b}[2Jпривет\u{9b}1m\r".into(),
            media: None,
            action: None,
            edit_date: None,
        };
        let line = message_line(&message, "bob");
        assert_eq!(line, r"14:05:09 bob: hi\n14:05:10 eve: \u{1b}[2Jпривет\u{9b}1m\r");
    }
}
