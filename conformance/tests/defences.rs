//! `docs/defences.md`, `docs/past-attacks.md` and `docs/requirements.md` name tests that exist.

use odnix_conformance::house;

/// What a hostile peer may try: the rows that must not get lost.
const REQUIRED: [&str; 49] = [
    "W1", "W2", "W3", "W4", "W5", "W6", "W7", "H1", "H2", "H3", "H4", "H5", "H6", "H7", "H8",
    "H10", "S1", "S2", "S4", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "D9", "D10", "D11",
    "D12", "D13", "D14", "D15", "D16", "H9", "S3", "S5", "S6", "S7", "S8", "S9", "S10", "S11",
    "S12", "P1", "P2", "P3", "P4",
];

#[test]
fn no_known_attack_is_missing() {
    let rows = rows();
    for (at, row) in rows.iter().enumerate() {
        assert!(rows[..at].iter().all(|other| other[0] != row[0]), "two rows {}", row[0]);
    }
    for id in REQUIRED {
        assert!(rows.iter().any(|row| row[0] == id), "no row {id}");
    }
}

/// The rows of every table of the three pages.
fn rows() -> Vec<Vec<String>> {
    let read = |page: &str| std::fs::read_to_string(house::root().join(page)).expect(page);
    let pages =
        [read("docs/defences.md"), read("docs/past-attacks.md"), read("docs/requirements.md")];
    let sections = pages.iter().flat_map(|page| page.split("\n## "));
    sections.flat_map(|section| house::table(section, "id")).collect()
}

/// The `code` spans of a cell, in order.
fn code_spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_rule_names_the_tests_that_prove_it() {
    for row in rows() {
        let (Some(id), Some(proof)) = (row.first(), row.last()) else { panic!("no cells") };
        let mut text = None;
        let mut proofs = 0;
        for span in code_spans(proof) {
            if span.ends_with(".rs") {
                let path = house::root().join(span);
                text = Some(
                    std::fs::read_to_string(&path)
                        .unwrap_or_else(|why| panic!("{id}: {}: {why}", path.display())),
                );
            } else {
                let text = text.as_deref().expect("a proof starts with the file");
                let declared = text.contains(&format!("fn {span}("));
                assert!(declared, "{id}: no test {span} in the file named before");
                proofs += 1;
            }
        }
        assert!(proofs > 0, "{id}: no test named");
    }
}
