//! The repository as data: its root, its files, and the tables in its pages.

use std::path::{Path, PathBuf};

/// Folders that hold nothing anybody here wrote.
const NOT_OURS: [&str; 5] = [".git", "target", "node_modules", "__pycache__", "odnix-data"];

/// The folder that holds the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A file of the repository: its path below [`root`], with `/`, and its text.
pub struct SourceFile {
    /// Path below the root, with `/` on every platform.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Every text file whose name ends in one of `endings`, in the order of their paths.
///
/// # Errors
///
/// A folder or file that cannot be read.
pub fn files(endings: &[&str]) -> std::io::Result<Vec<SourceFile>> {
    let root = root();
    let mut paths = Vec::new();
    walk(&root, &mut paths)?;
    paths.sort();
    paths
        .into_iter()
        .filter(|path| endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)))
        .map(|path| {
            let below = path.strip_prefix(&root).unwrap_or(&path);
            Ok(SourceFile {
                path: below.to_string_lossy().replace('\\', "/"),
                text: std::fs::read_to_string(&path)?,
            })
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if NOT_OURS.iter().any(|theirs| name == *theirs) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// The cells of every row of the Markdown table that follows `heading_row`, one `Vec` a row.
/// The heading row is given by its first cell; the rule below it is skipped.
pub fn table(text: &str, first_heading: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Option<Vec<String>> {
        let inner = line.trim().trim_start_matches("//!").trim();
        let inner = inner.strip_prefix('|')?.strip_suffix('|')?;
        Some(inner.split('|').map(|cell| cell.trim().to_owned()).collect())
    };
    text.lines()
        .skip_while(|line| {
            cells(line).and_then(|row| row.into_iter().next()).as_deref() != Some(first_heading)
        })
        .skip(2)
        .map_while(cells)
        .collect()
}
