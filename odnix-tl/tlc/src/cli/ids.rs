//! `ids`: the constructor ids of schemas.

use super::{
    Ids, input,
    output::{Failure, Outcome, Verdict, aligned, show_array, stdout},
};
use odnix_tl::schema::{Definition, Kind};
use serde_json::{Value, json};
use std::io::Write as _;

/// A line, and the name of its file.
type Entry = (String, Definition);

impl Ids {
    pub(super) fn run(self) -> Outcome {
        let mut entries = Vec::new();
        for source in input::texts(&self.files)? {
            let definitions = input::parse(&source)?.definitions;
            entries.extend(definitions.into_iter().map(|line| (source.name.clone(), line)));
        }
        if let Some(id) = self.find {
            let found: Vec<_> =
                entries.iter().filter(|(_, line)| line.id() == id).cloned().collect();
            if found.is_empty() {
                return Err(Failure::Faulty(not_found(id, &entries)));
            }
            entries = found;
        }
        if self.json {
            show_array(&entries.iter().map(object).collect::<Vec<_>>())?;
        } else {
            let rows: Vec<_> = entries.iter().map(row).collect();
            let mut out = stdout();
            out.write_all(aligned(&rows).as_bytes())?;
            out.flush()?;
        }
        Ok(Verdict::Fine)
    }
}

fn computed(line: &Definition) -> Option<String> {
    let computed = line.computed_id();
    (computed != line.id()).then(|| format!("{computed:08x}"))
}

fn kind(line: &Definition) -> &'static str {
    match line.kind {
        Kind::Constructor => "constructor",
        Kind::Function => "function",
    }
}

fn row((file, line): &Entry) -> Vec<String> {
    vec![
        format!("{:08x}", line.id()),
        computed(line).unwrap_or_default(),
        kind(line).to_owned(),
        line.name.to_string(),
        format!("{file}:{}", line.position.line),
    ]
}

fn object((file, line): &Entry) -> Value {
    json!({
        "id": format!("{:08x}", line.id()),
        "computed": format!("{:08x}", line.computed_id()),
        "kind": kind(line),
        "name": line.name.to_string(),
        "file": file,
        "line": line.position.line,
    })
}

fn not_found(id: u32, entries: &[Entry]) -> String {
    let swapped = id.swap_bytes();
    let hint = match entries.iter().find(|(_, line)| line.id() == swapped) {
        Some((_, line)) => {
            format!("; {swapped:08x}, whose bytes in a packet are those, is `{}`", line.name)
        }
        None => String::new(),
    };
    format!("no line has the id {id:08x}{hint}")
}
