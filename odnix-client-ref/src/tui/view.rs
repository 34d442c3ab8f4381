//! The picture of a model.

use super::model::{Line as Message, LineState, Model};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph};

const CHATS_WIDTH: u16 = 24;

/// Draws the model on the whole frame.
pub fn draw(model: &Model, frame: &mut Frame<'_>) {
    let rows = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(3),
        Constraint::Length(1),
    ]);
    let [status, middle, compose, help] = rows.areas(frame.area());
    let [chats, history] =
        Layout::horizontal([Constraint::Length(CHATS_WIDTH), Constraint::Min(10)]).areas(middle);
    let reversed = Style::new().add_modifier(Modifier::REVERSED);
    frame.render_widget(Paragraph::new(status_line(model)).style(reversed), status);
    draw_chats(model, frame, chats);
    draw_history(model, frame, history);
    let shown = usize::from(compose.width.saturating_sub(4));
    let text = plain(&model.text);
    let tail = text.chars().count().saturating_sub(shown);
    let text: String = text.chars().skip(tail).collect();
    let compose_box = Block::bordered().title("Message");
    frame.render_widget(Paragraph::new(format!("{text}▏")).block(compose_box), compose);
    let keys = "↑↓ chat · PgUp PgDn history · Enter send · Esc quit";
    let last = if model.notice.is_empty() { keys.to_owned() } else { plain(&model.notice) };
    frame.render_widget(Paragraph::new(last), help);
}

fn status_line(model: &Model) -> String {
    let state = match (model.is_signed_out, model.is_connected, model.is_in_step) {
        (true, ..) => "signed out: use sign-in",
        (_, false, _) => "offline · shows what is stored here",
        (_, true, false) => "online · catching up…",
        (_, true, true) => "online · up to date",
    };
    format!(" odnix · {} · {state}", plain(&model.account))
}

fn draw_chats(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let lines = model.chats.iter().map(|chat| {
        let unread = if chat.unread > 0 { format!(" ({})", chat.unread) } else { String::new() };
        let line = Line::from(format!("{}{unread}", plain(&chat.name)));
        if model.open == Some(chat.peer_id) {
            line.style(Style::new().add_modifier(Modifier::REVERSED))
        } else if chat.unread > 0 {
            line.style(Style::new().add_modifier(Modifier::BOLD))
        } else {
            line
        }
    });
    let lines: Vec<Line<'_>> = lines.collect();
    let here = model.chats.iter().position(|chat| Some(chat.peer_id) == model.open).unwrap_or(0);
    let height = usize::from(area.height.saturating_sub(2));
    let skipped = (here + 1).saturating_sub(height);
    let chats = Paragraph::new(lines).scroll((u16::try_from(skipped).unwrap_or(u16::MAX), 0));
    frame.render_widget(chats.block(Block::bordered().title("Chats")), area);
}

fn draw_history(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let open = model.chats.iter().find(|chat| Some(chat.peer_id) == model.open);
    let title = open.map_or_else(|| "No chat".to_owned(), |chat| plain(&chat.name));
    let height = usize::from(area.height.saturating_sub(2));
    let end = model.lines.len().saturating_sub(model.scroll);
    let lines: Vec<Line<'_>> =
        model.lines[end.saturating_sub(height)..end].iter().map(message_line).collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(title)), area);
}

fn message_line(message: &Message) -> Line<'static> {
    let edited = if message.is_edited { " (edited)" } else { "" };
    let mark = match &message.state {
        LineState::Received => String::new(),
        LineState::Sent => " ✓".to_owned(),
        LineState::Read => " ✓✓".to_owned(),
        LineState::Pending => " …".to_owned(),
        LineState::Failed(why) => format!(" ✗ {}", plain(why)),
    };
    Line::from(format!("{}: {}{edited}{mark}", plain(&message.author), plain(&message.text)))
}

/// What others have written must not move the cursor, change colours or turn text around.
fn plain(text: &str) -> String {
    text.chars().map(|it| if is_order(it) { ' ' } else { it }).collect()
}

/// Whether a character is an order for a terminal rather than text: control characters, and the
/// marks that set the direction of what follows.
pub fn is_order(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || ('\u{202a}'..='\u{202e}').contains(&c)
        || ('\u{2066}'..='\u{2069}').contains(&c)
}
