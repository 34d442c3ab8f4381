//! What the terminal interface shows, and what keys do to it.

use crate::change::Change;

/// Characters of a text that is being written.
const TEXT_CHARS_MAX: usize = 4096;

/// A dialog in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// A user, or a group with a minus.
    pub peer_id: i64,
    /// What to call it.
    pub name: String,
    /// Messages that are not read.
    pub unread: i64,
}

/// Where a message stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineState {
    /// Somebody else's.
    Received,
    /// Own, and stored on the server.
    Sent,
    /// Own, and read by the other side.
    Read,
    /// Own, and waiting for the server.
    Pending,
    /// Own, and refused; why.
    Failed(String),
}

/// A message in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who wrote it.
    pub author: String,
    /// Its text.
    pub text: String,
    /// Changed by its author.
    pub is_edited: bool,
    /// Where it stands.
    pub state: LineState,
}

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Writes a character.
    Character(char),
    /// Takes the last character back.
    Backspace,
    /// Sends what is written.
    Enter,
    /// One dialog up.
    Up,
    /// One dialog down.
    Down,
    /// Older messages.
    PageUp,
    /// Newer messages.
    PageDown,
    /// Ends the program.
    Quit,
}

/// What is to be done outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Read dialogs and the open history from the replica.
    Read,
    /// Queue a message.
    Send {
        /// For whom.
        peer_id: i64,
        /// What.
        text: String,
    },
    /// Tell the server that the open history is read.
    MarkRead {
        /// Whose.
        peer_id: i64,
    },
    /// End.
    Quit,
}

/// Everything that is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Whose account it is.
    pub account: String,
    /// The dialogs.
    pub chats: Vec<Chat>,
    /// The dialog that is open.
    pub open: Option<i64>,
    /// Its messages, oldest first.
    pub lines: Vec<Line>,
    /// What is being written.
    pub text: String,
    /// Rows scrolled up from the newest message.
    pub scroll: usize,
    /// Calls leave.
    pub is_connected: bool,
    /// The replica holds all that the server has told of.
    pub is_in_step: bool,
    /// The user has to sign in.
    pub is_signed_out: bool,
    /// What went wrong last.
    pub notice: String,
}

impl Model {
    /// An empty picture for an account.
    pub fn new(account: impl Into<String>) -> Self {
        Self { account: account.into(), ..Self::default() }
    }

    /// Takes what a person did.
    pub fn input(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Quit => return vec![Effect::Quit],
            Input::Character(character) => {
                if self.text.chars().count() < TEXT_CHARS_MAX && !character.is_control() {
                    self.text.push(character);
                }
            }
            Input::Backspace => drop(self.text.pop()),
            Input::Enter => return self.send(),
            Input::Up => return self.step(-1),
            Input::Down => return self.step(1),
            Input::PageUp => self.scroll = (self.scroll + 10).min(self.lines.len()),
            Input::PageDown => self.scroll = self.scroll.saturating_sub(10),
        }
        Vec::new()
    }

    fn send(&mut self) -> Vec<Effect> {
        let Some(peer_id) = self.open else { return Vec::new() };
        if self.text.trim().is_empty() {
            return Vec::new();
        }
        self.notice.clear();
        self.scroll = 0;
        vec![Effect::Send { peer_id, text: std::mem::take(&mut self.text) }]
    }

    fn step(&mut self, by: isize) -> Vec<Effect> {
        let here = self.chats.iter().position(|chat| Some(chat.peer_id) == self.open);
        let last = self.chats.len().saturating_sub(1);
        let next = here.map_or(0, |here| here.saturating_add_signed(by).min(last));
        let Some(chat) = self.chats.get(next) else { return Vec::new() };
        let peer_id = chat.peer_id;
        self.open = Some(peer_id);
        self.lines.clear();
        self.scroll = 0;
        vec![Effect::Read, Effect::MarkRead { peer_id }]
    }

    /// Takes what the client has told.
    pub fn change(&mut self, change: &Change) -> Vec<Effect> {
        match change {
            Change::Connected(is_connected) => {
                self.is_connected = *is_connected;
                self.is_in_step &= *is_connected;
            }
            Change::InStep(is_in_step) => {
                self.is_in_step = *is_in_step;
                self.is_signed_out &= !*is_in_step;
            }
            Change::SignedOut => self.is_signed_out = true,
            Change::Dialog { peer_id, .. } if self.open == Some(*peer_id) => {
                return vec![Effect::Read, Effect::MarkRead { peer_id: *peer_id }];
            }
            _ => return vec![Effect::Read],
        }
        Vec::new()
    }

    /// Takes what was read from the replica; the first dialog opens by itself.
    pub fn read(&mut self, chats: Vec<Chat>, lines: Vec<Line>) -> Vec<Effect> {
        self.chats = chats;
        self.lines = lines;
        self.scroll = self.scroll.min(self.lines.len());
        if self.open.is_none() && !self.chats.is_empty() { self.step(0) } else { Vec::new() }
    }
}
