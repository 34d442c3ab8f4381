//! The terminal interface: its picture, what keys do, and the real program on a
//! pseudo-terminal.

mod common;

use odnix_client_ref::Change;
use odnix_client_ref::tui::{Chat, Effect, Input, Line, LineState, Model, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const ALICE: i64 = 1;
const GROUP: i64 = -5;

fn chats() -> Vec<Chat> {
    let chat = |peer_id, name: &str, unread| Chat { peer_id, name: name.into(), unread };
    vec![chat(ALICE, "alice", 2), chat(GROUP, "Friends", 0)]
}

fn line(text: &str, state: LineState) -> Line {
    let author = if state == LineState::Received { "alice" } else { "you" };
    Line { author: author.into(), text: text.into(), is_edited: false, state }
}

fn picture(model: &Model) -> String {
    let mut terminal = Terminal::new(TestBackend::new(72, 12)).expect("terminal");
    terminal.draw(|frame| draw(model, frame)).expect("draw");
    let picture = terminal.backend().to_string();
    let rows = picture.lines().map(|row| row.trim_matches('"').trim_end());
    rows.fold(String::new(), |text, row| text + row + "\n")
}

/// `ODNIX_WRITE_HANDBOOK=1 cargo test -p odnix-client-ref --test tui` draws them anew.
#[test]
fn the_pictures_in_readme_and_handbook_are_the_programs() {
    let mut model = Model::new("bob");
    model.read(chats(), Vec::new());
    let lines = vec![
        line("hello", LineState::Received),
        line("and back", LineState::Read),
        line("while away", LineState::Pending),
    ];
    model.read(chats(), lines);
    let picture = picture(&model);
    for page in ["README.md", "docs/client.md"] {
        let path = format!("{}/../{page}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect("page");
        let (before, rest) = text.split_once("`odnix-client tui` shows").expect("the words");
        let (words, rest) = rest.split_once("```text\n").expect("a picture");
        let (_, after) = rest.split_once("```\n").expect("its end");
        let expected =
            format!("{before}`odnix-client tui` shows{words}```text\n{picture}```\n{after}");
        if std::env::var_os("ODNIX_WRITE_HANDBOOK").is_some() {
            std::fs::write(&path, &expected).expect("write");
        } else {
            assert_eq!(text, expected, "see the head of this test for how to draw it anew");
        }
    }
}

#[test]
fn the_picture_shows_what_waits_what_is_read_and_how_the_replica_stands() {
    let mut model = Model::new("bob");
    model.read(chats(), Vec::new());
    let lines = vec![
        line("hello", LineState::Received),
        line("read", LineState::Read),
        line("stored", LineState::Sent),
        line("waits", LineState::Pending),
        line("no", LineState::Failed("refused".into())),
    ];
    model.read(chats(), lines);
    let offline = picture(&model);
    for part in
        ["offline", "alice (2)", "Friends", "alice: hello", "read ✓✓", "waits …", "✗ refused"]
    {
        assert!(offline.contains(part), "{part} in\n{offline}");
    }
    model.change(&Change::Connected(true));
    assert!(picture(&model).contains("catching up"));
    model.change(&Change::InStep(true));
    assert!(picture(&model).contains("up to date"));
    model.change(&Change::Connected(false));
    assert!(picture(&model).contains("offline"));
}

#[test]
fn what_is_written_is_sent_to_the_open_dialog() {
    let mut model = Model::new("bob");
    assert_eq!(model.input(Input::Enter), []);
    let read = model.read(chats(), Vec::new());
    assert_eq!(read, [Effect::Read, Effect::MarkRead { peer_id: ALICE }]);
    assert_eq!(model.input(Input::Enter), [], "nothing is written");
    model.input(Input::Down);
    "hix".chars().for_each(|it| drop(model.input(Input::Character(it))));
    model.input(Input::Backspace);
    let sent = model.input(Input::Enter);
    assert_eq!(sent, [Effect::Send { peer_id: GROUP, text: "hi".into() }]);
    assert!(model.text.is_empty());
    assert_eq!(model.input(Input::Quit), [Effect::Quit]);
}

#[test]
fn only_a_dialog_that_is_open_is_marked_as_read() {
    let mut model = Model::new("bob");
    model.read(chats(), Vec::new());
    let change = |peer_id| Change::Dialog { peer_id, messages: vec![1] };
    assert_eq!(model.change(&change(GROUP)), [Effect::Read]);
    let open = model.change(&change(ALICE));
    assert_eq!(open, [Effect::Read, Effect::MarkRead { peer_id: ALICE }]);
}

#[test]
fn what_others_write_cannot_control_the_terminal() {
    let mut model = Model::new("bob");
    model.read(chats(), Vec::new());
    model.read(chats(), vec![line("\u{1b}[2Jgone\r\u{7}\u{202e}", LineState::Received)]);
    let picture = picture(&model);
    assert!(picture.contains("[2Jgone"), "{picture}");
    assert!(!picture.contains(['\u{1b}', '\r', '\u{7}', '\u{202e}']), "{picture}");
}

#[test]
fn a_small_window_is_drawn_too() {
    let mut model = Model::new("bob");
    model.read(chats(), vec![line("x", LineState::Received); 100]);
    for (width, height) in [(1, 1), (5, 3), (30, 6), (200, 60)] {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("terminal");
        terminal.draw(|frame| draw(&model, frame)).expect("draw");
    }
}

#[cfg(unix)]
mod on_a_terminal {
    use crate::common::{House, PATIENCE};
    use std::io::{Read as _, Write as _};
    use std::process::{Child, Command, Stdio};
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Instant;

    struct Screen {
        keys: std::fs::File,
        output: Receiver<Vec<u8>>,
        terminal: avt::Vt,
        /// The beginning of a character.
        unread: Vec<u8>,
        child: Child,
    }

    impl Screen {
        fn start(mut command: Command) -> Self {
            use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
            let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("pty");
            grantpt(&outside).expect("grantpt");
            unlockpt(&outside).expect("unlockpt");
            let size =
                rustix::termios::Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
            rustix::termios::tcsetwinsize(&outside, size).expect("size");
            let name = ptsname(&outside, Vec::new()).expect("name").into_string().expect("utf-8");
            let inside = std::fs::File::options().read(true).write(true).open(name).expect("open");
            let again = || Stdio::from(inside.try_clone().expect("clone"));
            let child = command.stdin(again()).stdout(again()).stderr(Stdio::null()).spawn();
            let mut reading = std::fs::File::from(outside.try_clone().expect("clone"));
            let (sender, output) = channel();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(read) = reading.read(&mut buffer) {
                    if read == 0 || sender.send(buffer[..read].to_vec()).is_err() {
                        break;
                    }
                }
            });
            let keys = std::fs::File::from(outside);
            let terminal = avt::Vt::new(80, 24);
            let (child, unread) = (child.expect("start"), Vec::new());
            Self { keys, output, terminal, unread, child }
        }

        fn picture(&self) -> String {
            self.terminal.view().map(|line| line.text() + "\n").collect()
        }

        fn wait_for(&mut self, part: &str) {
            let until = Instant::now() + PATIENCE;
            while !self.picture().contains(part) {
                let left = until.saturating_duration_since(Instant::now());
                match self.output.recv_timeout(left) {
                    Ok(bytes) => self.feed(&bytes),
                    Err(_) => panic!("{part} in\n{}", self.picture()),
                }
            }
        }

        fn feed(&mut self, bytes: &[u8]) {
            self.unread.extend(bytes);
            let whole = match std::str::from_utf8(&self.unread) {
                Ok(text) => text.len(),
                Err(error) => error.valid_up_to(),
            };
            let text: Vec<u8> = self.unread.drain(..whole).collect();
            self.terminal.feed_str(std::str::from_utf8(&text).expect("UTF-8"));
        }

        fn press(&mut self, keys: &str) {
            self.keys.write_all(keys.as_bytes()).expect("keys");
        }
    }

    impl Drop for Screen {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_program_shows_sends_and_works_without_the_server() {
        let house = House::new().await;
        let alice = house.sign_up("alice").await;
        let bob = house.sign_up("bob").await;
        let to_bob = alice.resolve("bob").await.expect("bob").id;
        alice.send_to(to_bob, "hello from alice").await.expect("sent");
        house.converge(&bob).await;
        bob.shutdown().await;

        let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
        let address = house.server.tcp_address().to_string();
        command.args(["tui", "--server", &address]).env("TERM", "xterm");
        command.arg("--key").arg(house.server.public_key());
        command.arg("--data").arg(house.data("bob"));
        let mut screen = Screen::start(command);
        screen.wait_for("hello from alice");
        screen.wait_for("up to date");
        screen.press("and back\r");
        screen.wait_for("you: and back ✓");
        house.converge(&alice).await;

        let house = house
            .restart(|_| {
                screen.wait_for("offline");
                screen.press("while away\r");
                screen.wait_for("you: while away …");
            })
            .await;
        screen.wait_for("you: while away ✓");
        screen.wait_for("up to date");
        house.converge(&alice).await;
        screen.press("\u{1b}");
        let ended = screen.child.wait().expect("ends");
        assert!(ended.success(), "{ended}");
    }
}
