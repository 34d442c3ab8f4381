//! The rules of `CONTRIBUTING.md` that a program can check.

use std::collections::BTreeSet;

use odnix_conformance::house::{self, SourceFile};

const LINES_MAX: usize = 800;

fn files(endings: &[&str]) -> Vec<SourceFile> {
    let found = house::files(endings).expect("the repository is readable");
    assert!(!found.is_empty(), "no file ends in {endings:?}");
    found
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    let long: Vec<_> = files(&[".rs"])
        .into_iter()
        .filter(|file| !file.path.contains("/generated/"))
        .map(|file| (file.text.lines().count(), file.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .collect();
    assert!(long.is_empty(), "split these by what they do: {long:?}");
}

#[test]
fn nothing_is_left_for_later() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")];
    for file in files(&[".rs", ".md", ".py", ".mjs", ".sh", ".toml", ".tl", ".ci/run"]) {
        for (number, line) in file.text.lines().enumerate() {
            let found = marks.iter().find(|mark| line.contains(**mark));
            assert!(found.is_none(), "{}:{}: {line}", file.path, number + 1);
        }
    }
}

/// Links of a Markdown text that point into this repository, without code blocks.
fn local_links(text: &str) -> Vec<String> {
    let mut in_code = false;
    let mut links = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let target = &rest[..rest.find(')').unwrap_or(rest.len())];
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push(target.to_owned());
            }
        }
    }
    links
}

/// The anchors GitHub makes of a page's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|title| {
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_between_the_pages_leads_somewhere() {
    let root = house::root();
    for page in files(&[".md"]) {
        let folder = root.join(&page.path);
        let folder = folder.parent().expect("a page lies in a folder");
        for link in local_links(&page.text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { root.join(&page.path) } else { folder.join(file) };
            assert!(target.exists(), "{}: {link} leads nowhere", page.path);
            if !anchor.is_empty() && target.extension().is_some_and(|ending| ending == "md") {
                let text = std::fs::read_to_string(&target).expect("a readable page");
                assert!(anchors(&text).contains(anchor), "{}: no heading for {link}", page.path);
            }
        }
    }
}

/// The pages below `docs/`, without its two lists of them.
fn pages() -> BTreeSet<String> {
    let pages = files(&[".md"]).into_iter();
    let names = pages.filter_map(|page| page.path.strip_prefix("docs/").map(str::to_owned));
    names.filter(|name| !["README.md", "SUMMARY.md"].contains(&name.as_str())).collect()
}

/// `README.md` is for who reads the folder, `SUMMARY.md` for mdBook.
#[test]
fn every_page_of_the_book_is_in_both_of_its_indexes() {
    for index in ["README.md", "SUMMARY.md"] {
        let text = std::fs::read_to_string(house::root().join("docs").join(index)).expect(index);
        let listed: BTreeSet<String> = local_links(&text).into_iter().collect();
        for name in pages() {
            assert!(listed.contains(&name), "docs/{index} does not link {name}");
        }
    }
}

/// mdBook takes an entry for a chapter once only.
#[test]
fn no_page_stands_twice_in_the_book() {
    let text = std::fs::read_to_string(house::root().join("docs/SUMMARY.md")).expect("summary");
    let links = local_links(&text);
    let once: BTreeSet<_> = links.iter().collect();
    assert_eq!(links.len(), once.len(), "docs/SUMMARY.md: {links:?}");
}

/// The rows of `limits.rs`, without the marks around their names.
fn limits() -> BTreeSet<String> {
    let text = std::fs::read_to_string(house::root().join("odnix-proto/src/limits.rs"));
    let rows = house::table(&text.expect("limits.rs"), "limit");
    rows.iter().map(|row| row[0].trim_matches('`').to_owned()).collect()
}

#[test]
fn every_limit_stands_in_a_chapter_of_the_protocol_and_no_other_does() {
    let mut explained = BTreeSet::new();
    for page in files(&[".md"]).iter().filter(|page| page.path.starts_with("docs/protocol/")) {
        for row in house::table(&page.text, "limit") {
            explained
                .extend(row[0].split(',').map(|name| name.trim().trim_matches('`').to_owned()));
        }
    }
    let limits = limits();
    let missing: Vec<_> = limits.difference(&explained).collect();
    let gone: Vec<_> = explained.difference(&limits).collect();
    assert!(missing.is_empty(), "put into the table of a chapter in docs/protocol: {missing:?}");
    assert!(gone.is_empty(), "no row of limits.rs, but in a chapter of docs/protocol: {gone:?}");
}

#[test]
fn every_limit_stands_in_the_table_of_limits_with_its_reason() {
    let path = "odnix-proto/src/limits.rs";
    let text = std::fs::read_to_string(house::root().join(path)).expect("limits.rs");
    let documented: BTreeSet<String> = house::table(&text, "limit")
        .iter()
        .map(|row| {
            assert!(row.len() == 4 && row.iter().all(|cell| !cell.is_empty()), "{path}: {row:?}");
            row[0].trim_matches('`').to_owned()
        })
        .collect();
    let body = text.split("pub struct Limits {").nth(1).expect("struct Limits");
    let body = body.split('}').next().unwrap_or_default();
    let fields: BTreeSet<String> = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':'))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert!(fields.len() > 8, "{path}: fields not understood: {fields:?}");
    assert_eq!(documented, fields, "{path}: the table and the struct differ");
}

#[test]
fn the_two_commands_of_the_readme_are_the_ones_ci_runs() {
    let read = |path: &str| std::fs::read_to_string(house::root().join(path)).expect(path);
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    for command in ["cargo run --release --example tour", "cargo test --workspace"] {
        assert!(readme.lines().any(|line| line.trim() == command), "README.md lacks `{command}`");
        assert!(ci.contains(command), ".ci/run does not run `{command}`");
    }
    assert!(house::root().join("examples/tour.rs").exists(), "examples/tour.rs is gone");
}
