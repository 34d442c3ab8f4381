//! State diagrams: the tables of transitions that stand beside the machines, drawn as Mermaid
//! into `docs/states.md`.
//!
//! To add a machine, give it a table and a `state()`, add a row to [`DIAGRAMS`], and give the
//! page a heading with the two markers below it; `cargo run -p odnix-conformance --bin states`
//! draws it.

use odnix_proto::transition::Transition;
use odnix_proto::{client, handshake, server, session};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The page, below the root of the repository.
pub const PAGE: &str = "docs/states.md";

/// The end of every diagram.
const END: &str = "<!-- end of diagram -->";

/// One machine.
#[derive(Clone, Copy, Debug)]
pub struct Diagram {
    /// What the marker in the page says: `<!-- diagram: NAME -->`.
    pub name: &'static str,
    /// Where the machine begins.
    pub start: &'static str,
    /// All its transitions.
    pub table: &'static [Transition],
}

/// Every machine on the page.
pub const DIAGRAMS: [Diagram; 6] = [
    Diagram { name: "handshake::server", start: "Idle", table: handshake::server::TRANSITIONS },
    Diagram {
        name: "handshake::client",
        start: "AwaitResPq",
        table: handshake::client::TRANSITIONS,
    },
    Diagram { name: "client::Connection", start: "Offline", table: client::TRANSITIONS },
    Diagram { name: "server::Connection", start: "Idle", table: server::TRANSITIONS },
    Diagram {
        name: "ServerSession: binding",
        start: "Unbound",
        table: session::BINDING_TRANSITIONS,
    },
    Diagram {
        name: "ServerSession: destruction",
        start: "Kept",
        table: session::DESTRUCTION_TRANSITIONS,
    },
];

/// The diagram as Mermaid. Reasons that lead from one state to the same other share an arrow,
/// and a state that nothing leaves leads to the end.
pub fn mermaid(diagram: &Diagram) -> String {
    let mut arrows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for Transition { from, on, to } in diagram.table {
        match arrows.iter_mut().find(|arrow| (arrow.0, arrow.1) == (*from, *to)) {
            Some((_, _, reasons)) => reasons.push(on),
            None => arrows.push((from, to, vec![on])),
        }
    }
    let mut text = format!("stateDiagram-v2\n    [*] --> {}\n", diagram.start);
    for (from, to, reasons) in arrows {
        // A colon would end the name of the state for Mermaid, here it only starts the label.
        let label = reasons.join(", ").replace(": ", " ");
        let _ = writeln!(text, "    {from} --> {to}: {label}");
    }
    let left: BTreeSet<&str> = diagram.table.iter().map(|it| it.from).collect();
    let reached: BTreeSet<&str> = diagram.table.iter().map(|it| it.to).collect();
    for end in reached.difference(&left) {
        let _ = writeln!(text, "    {end} --> [*]");
    }
    text
}

/// The page with every diagram drawn anew between its markers.
///
/// # Errors
/// The name of a diagram whose markers the page lacks.
pub fn redrawn(page: &str) -> Result<String, String> {
    let mut page = page.to_owned();
    for diagram in &DIAGRAMS {
        let marker = format!("<!-- diagram: {} -->", diagram.name);
        let missing = || format!("{PAGE} lacks {marker} or {END} behind it");
        let start = page.find(&marker).ok_or_else(missing)?.saturating_add(marker.len());
        let (before, rest) = page.split_at_checked(start).ok_or_else(missing)?;
        let (_, after) = rest.split_once(END).ok_or_else(missing)?;
        page = format!("{before}\n\n```mermaid\n{}```\n\n{END}{after}", mermaid(diagram));
    }
    Ok(page)
}
