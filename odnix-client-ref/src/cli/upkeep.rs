//! The commands that look after the replica, without a server.

use super::output::{AlreadyShown, Output, one_line};
use super::{Backup, Check, Common, Restore};
use odnix_client_ref::replica::{Checkup, KeyInCopy, Replica};
use serde_json::{Value, json};
use std::path::Path;

impl Check {
    pub(super) fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let replica = match &self.file {
            Some(file) => Replica::open_file(file)?,
            None => open(common)?,
        };
        announce(output, "reading", replica.path());
        let checkup = replica.check()?;
        let whole = checkup.is_whole();
        let mut lines = vec![format!(
            "{} is {}",
            replica.path().display(),
            if whole { "undamaged" } else { "damaged; restore a backup, or sign in anew" }
        )];
        lines.extend(checkup.damages.iter().map(|damage| format!("  {}", one_line(damage))));
        lines.push(summary(&checkup));
        output.show(&lines.join("\n"), &describe(replica.path(), &checkup))?;
        if whole { Ok(()) } else { Err(AlreadyShown.into()) }
    }
}

impl Backup {
    pub(super) fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let replica = open(common)?;
        announce(output, "copying", replica.path());
        let key = if self.with_key { KeyInCopy::Kept } else { KeyInCopy::LeftOut };
        let checkup = replica.backup(&self.file, key)?;
        show_copy(output, &self.file, &checkup)
    }
}

impl Restore {
    pub(super) fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        announce(output, "copying", &self.file);
        let checkup = Replica::restore(&self.file, &common.data)?;
        let replica = open(common)?;
        show_copy(output, replica.path(), &checkup)?;
        if replica.device_key()?.is_none() {
            output.note("it holds no key: sign-in makes this device one of the account's");
        }
        Ok(())
    }
}

fn open(common: &Common) -> anyhow::Result<Replica> {
    Ok(Replica::open_file(&Replica::file_in(&common.data))?)
}

/// Reading a large file takes a while: say so before.
fn announce(output: &Output, what: &str, file: &Path) {
    const LARGE: u64 = 64 << 20;
    if let Some(size) = std::fs::metadata(file).map(|it| it.len()).ok().filter(|it| *it > LARGE) {
        output.note(&format!("{what} {} MiB of {} ...", size >> 20, file.display()));
    }
}

fn show_copy(output: &mut Output, file: &Path, checkup: &Checkup) -> anyhow::Result<()> {
    let text = format!("wrote {}\n{}", file.display(), summary(checkup));
    Ok(output.show(&text, &describe(file, checkup))?)
}

fn summary(checkup: &Checkup) -> String {
    let unknown = || "unknown".to_owned();
    format!(
        "pts {}, {} messages, digest {}",
        checkup.checkpoint.map_or_else(unknown, |it| it.pts.to_string()),
        checkup.messages.map_or_else(unknown, |it| it.to_string()),
        checkup.digest.map_or_else(unknown, |it| it.to_string()),
    )
}

fn describe(file: &Path, checkup: &Checkup) -> Value {
    json!({
        "ok": checkup.is_whole(),
        "file": file.display().to_string(),
        "damages": checkup.damages,
        "pts": checkup.checkpoint.map(|it| it.pts),
        "messages": checkup.messages,
        "digest": checkup.digest.map(|it| it.to_string()),
    })
}
