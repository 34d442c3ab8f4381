//! `tui`: chats, a history and a line to write on, in the terminal. It reads only the replica, so it
//! works without the server and shows how it catches up.

use super::output::shown_text;
use super::{Common, Tui};
use anyhow::Context as _;
use odnix_client_ref::replica::{MessageRow, Replica, ReplicaError};
use odnix_client_ref::tui::{Chat, Effect, Input, Line, LineState, Model, draw};
use odnix_client_ref::{Client, Patience};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use std::io::IsTerminal as _;
use tokio::sync::mpsc;

/// Messages of a history that are shown.
const HISTORY: u32 = 500;

impl Tui {
    pub(super) async fn run(self, common: &Common) -> anyhow::Result<()> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            anyhow::bail!("tui needs a terminal; use listen and send in scripts");
        }
        let client = common.open(Patience::Endless).await?;
        let account = client.own_user().await?.username;
        let mut terminal = ratatui::try_init().context("the terminal cannot be used")?;
        let outcome = show(&client, Model::new(account), &mut terminal).await;
        ratatui::restore();
        client.shutdown().await;
        outcome
    }
}

async fn show(
    client: &Client,
    mut model: Model,
    terminal: &mut DefaultTerminal,
) -> anyhow::Result<()> {
    let mut changes = client.changes();
    let mut keys = keys();
    let stopped = client.stopped();
    tokio::pin!(stopped);
    let mut effects = vec![Effect::Read];
    loop {
        if !perform(client, &mut model, effects).await? {
            return Ok(());
        }
        terminal.draw(|frame| draw(&model, frame))?;
        effects = tokio::select! {
            key = keys.recv() => match key {
                Some(Some(input)) => model.input(input),
                Some(None) => Vec::new(),
                None => return Ok(()),
            },
            change = changes.next() => match change {
                Some(change) => model.change(&change),
                None => return Ok(()),
            },
            reason = &mut stopped => return Err(reason.into()),
        };
    }
}

/// Does what the model wants; whether to go on.
async fn perform(
    client: &Client,
    model: &mut Model,
    mut effects: Vec<Effect>,
) -> anyhow::Result<bool> {
    while let Some(effect) = effects.pop() {
        match effect {
            Effect::Quit => return Ok(false),
            Effect::Read => {
                let open = model.open;
                let (chats, lines) = client.replica(move |replica| read(replica, open)).await?;
                effects.extend(model.read(chats, lines));
            }
            Effect::Send { peer_id, text } => {
                if let Err(error) = client.send(peer_id, &text).await {
                    model.notice = error.to_string();
                    model.text = text;
                }
                effects.push(Effect::Read);
            }
            Effect::MarkRead { peer_id } if model.is_connected => {
                // Told again when the next message comes, so it may fail.
                let reading = client.read_dialog(peer_id, i64::MAX);
                let _ = tokio::time::timeout(std::time::Duration::from_secs(2), reading).await;
            }
            Effect::MarkRead { .. } => {}
        }
    }
    Ok(true)
}

fn read(replica: &mut Replica, open: Option<i64>) -> Result<(Vec<Chat>, Vec<Line>), ReplicaError> {
    let mut chats = Vec::new();
    let mut read_by_peer = 0;
    for dialog in replica.dialogs()? {
        if Some(dialog.peer_id) == open {
            read_by_peer = dialog.read.outbox_max_id;
        }
        let name = replica.name_of(dialog.peer_id)?;
        chats.push(Chat { peer_id: dialog.peer_id, name, unread: dialog.unread_count });
    }
    let own = replica.own_user()?.map(|own| own.id);
    for user in replica.contacts()? {
        if Some(user.id) != own && chats.iter().all(|chat| chat.peer_id != user.id) {
            chats.push(Chat { peer_id: user.id, name: user.username, unread: 0 });
        }
    }
    let mut lines = Vec::new();
    if let Some(peer_id) = open {
        for row in replica.history(peer_id, 0, HISTORY)? {
            lines.push(line(replica, &row, read_by_peer)?);
        }
        for waiting in replica.outgoing(peer_id)? {
            let state = waiting.error.map_or(LineState::Pending, LineState::Failed);
            let (author, text) = ("you".to_owned(), waiting.send.text);
            lines.push(Line { author, text, is_edited: false, state });
        }
    }
    Ok((chats, lines))
}

fn line(replica: &Replica, row: &MessageRow, read_by_peer: i64) -> Result<Line, ReplicaError> {
    let (author, state) = match row.out {
        true if row.id <= read_by_peer => ("you".to_owned(), LineState::Read),
        true => ("you".to_owned(), LineState::Sent),
        false => (replica.name_of(row.from_id)?, LineState::Received),
    };
    let text = shown_text(row).to_owned();
    Ok(Line { author, text, is_edited: row.edit_date.is_some(), state })
}

/// Keys, read by a thread of their own; `None` for anything else that asks for a new picture.
fn keys() -> mpsc::Receiver<Option<Input>> {
    let (sender, receiver) = mpsc::channel(64);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let input = match event {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    let control = key.modifiers.contains(KeyModifiers::CONTROL);
                    let Some(input) = input(key.code, control) else { continue };
                    Some(input)
                }
                Event::Resize(..) => None,
                _ => continue,
            };
            if sender.blocking_send(input).is_err() {
                break;
            }
        }
    });
    receiver
}

fn input(key: KeyCode, control: bool) -> Option<Input> {
    Some(match key {
        KeyCode::Esc => Input::Quit,
        KeyCode::Char('c') if control => Input::Quit,
        KeyCode::Char(_) if control => return None,
        KeyCode::Char(character) => Input::Character(character),
        KeyCode::Backspace => Input::Backspace,
        KeyCode::Enter => Input::Enter,
        KeyCode::Up => Input::Up,
        KeyCode::Down => Input::Down,
        KeyCode::PageUp => Input::PageUp,
        KeyCode::PageDown => Input::PageDown,
        _ => return None,
    })
}
