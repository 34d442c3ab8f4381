//! `fmt`: the canonical text of schemas.

use super::{
    Fmt, input,
    output::{Failure, Outcome, Verdict, count, note, stdout},
};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

impl Fmt {
    pub(super) fn run(self) -> Outcome {
        let sources = input::texts(&self.files)?;
        let mut verdict = Verdict::Fine;
        let mut out = stdout();
        for (path, source) in self.files.iter().zip(&sources) {
            let canonical = match odnix_tl::schema::format(&source.text) {
                Ok(canonical) => canonical,
                Err(errors) => {
                    input::show_errors(&source.name, &errors);
                    let errors = count(errors.len(), "error");
                    note(&format_args!("tlc: {} is left as it is: {errors}", source.name));
                    verdict = Verdict::Faulty;
                    continue;
                }
            };
            if self.check {
                if canonical != source.text {
                    writeln!(out, "{}", source.name)?;
                    verdict = Verdict::Faulty;
                }
            } else if self.stdout || input::is_stdin(path) {
                out.write_all(canonical.as_bytes())?;
            } else if canonical != source.text {
                replace(path, canonical.as_bytes())?;
            }
        }
        out.flush()?;
        Ok(verdict)
    }
}

/// Writes a file anew, so that at any time either the old or the new content is there.
pub(super) fn replace(path: &Path, content: &[u8]) -> Outcome<()> {
    let failed = |error: io::Error| {
        Failure::Unusable(format!("cannot write {}: {error}; it is left as it was", path.display()))
    };
    // What a link leads to is replaced, not the link.
    let target = if path.exists() { path.canonicalize().map_err(failed)? } else { path.into() };
    if target.exists() && !target.is_file() {
        // A device or a pipe has no old content to keep.
        return fs::write(&target, content).map_err(failed);
    }
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    write_beside(&target, &beside, content).map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

fn write_beside(target: &Path, beside: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(beside)?;
    if let Ok(old) = fs::metadata(target) {
        if old.permissions().readonly() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        file.set_permissions(old.permissions())?;
    }
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    fs::rename(beside, target)
}
