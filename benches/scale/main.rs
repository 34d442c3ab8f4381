//! How the protocol layer scales: bytes of an idle connection, and the cost of a call as the
//! connections in one process grow from a thousand to a million.
//!
//! `cargo bench -p odnix-benches --bench scale -- [--quick] [--json PATH]`

mod measure;

use measure::{Row, scale};
use peak_alloc::PeakAlloc;
use serde_json::json;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let quick = args.iter().any(|arg| arg == "--quick");
    let json_path = args
        .iter()
        .position(|arg| arg == "--json")
        .map(|at| args.get(at + 1).unwrap_or_else(|| panic!("--json needs the path of a file")));
    let counts: &[usize] =
        if quick { &[1000, 10_000] } else { &[1000, 10_000, 100_000, 1_000_000] };
    let messages = if quick { 50_000 } else { 200_000 };

    println!("sessions  bytes/connection  bytes/session  ns/message  messages/s/core");
    let mut rows = Vec::new();
    for &sessions in counts {
        let in_use = || ALLOCATOR.current_usage();
        let row = scale(sessions, messages, in_use, |text| eprintln!("{text}"));
        println!(
            "{:>8}  {:>16}  {:>13}  {:>10.0}  {:>15.0}",
            row.sessions,
            row.connection_bytes,
            row.session_bytes,
            row.message_ns,
            row.messages_per_second()
        );
        rows.push(row);
    }
    if let Some(path) = json_path {
        let rows: Vec<_> = rows.iter().map(object).collect();
        let text = serde_json::to_string_pretty(&json!({ "scale": rows })).expect("numbers");
        std::fs::write(path, text + "\n").unwrap_or_else(|error| panic!("{path}: {error}"));
    }
}

fn object(row: &Row) -> serde_json::Value {
    json!({
        "sessions": row.sessions,
        "connection_bytes": row.connection_bytes,
        "session_bytes": row.session_bytes,
        "message_ns": row.message_ns,
        "messages_per_second": row.messages_per_second(),
    })
}
