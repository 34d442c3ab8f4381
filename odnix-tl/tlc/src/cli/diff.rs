//! `diff`: what two versions of a schema mean for old clients.

use super::{
    Diff, input,
    output::{Outcome, Verdict, aligned, count, show_array, stdout},
};
use odnix_tl::schema::{Change, Effect, diff};
use serde_json::{Value, json};
use std::io::Write as _;

const HEAD: [&str; 3] = ["what", "breaks", "why"];

impl Diff {
    pub(super) fn run(self) -> Outcome {
        input::stdin_once([&self.old, &self.new])?;
        let old = input::parse(&input::text(&self.old)?)?;
        let new = input::parse(&input::text(&self.new)?)?;
        let changes = diff(&old, &new);
        let shown: Vec<_> =
            changes.iter().filter(|of| self.all || of.effect != Effect::Safe).collect();
        if self.json {
            let array: Vec<_> = shown.into_iter().map(object).collect();
            show_array(&array)?;
        } else {
            let mut out = stdout();
            if !shown.is_empty() {
                let head = HEAD.map(str::to_owned).to_vec();
                let rows: Vec<_> = [head].into_iter().chain(shown.into_iter().map(row)).collect();
                let table = if self.markdown { in_markdown(&rows) } else { aligned(&rows) };
                writeln!(out, "{table}")?;
            }
            writeln!(out, "{}", summary(&changes))?;
            out.flush()?;
        }
        let is_denied = |change: &Change| match change.effect {
            Effect::Breaks => true,
            Effect::BreaksJson => self.deny_json,
            Effect::Safe => false,
        };
        Ok(Verdict::faulty_if(changes.iter().any(is_denied)))
    }
}

fn row(change: &Change) -> Vec<String> {
    vec![change.what.clone(), change.effect.to_string(), change.why.clone()]
}

fn object(change: &Change) -> Value {
    let breaks = match change.effect {
        Effect::Breaks => "binary",
        Effect::BreaksJson => "json",
        Effect::Safe => "nothing",
    };
    json!({ "what": change.what, "breaks": breaks, "why": change.why })
}

fn summary(changes: &[Change]) -> String {
    let of = |effect: Effect| changes.iter().filter(|change| change.effect == effect).count();
    let all = count(changes.len(), "change");
    let (binary, json, safe) = (of(Effect::Breaks), of(Effect::BreaksJson), of(Effect::Safe));
    format!("{all}: {binary} breaking, {json} breaking the JSON form only, {safe} safe")
}

fn in_markdown(rows: &[Vec<String>]) -> String {
    let line = |cells: &Vec<String>| {
        let cells: Vec<_> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    lines.insert(1, "|---|---|---|\n".to_owned());
    lines.concat()
}
