//! `docs/dependencies.md` and the manifests say the same, and no crate reaches up.

use std::collections::BTreeSet;
use std::process::Command;

use odnix_conformance::house;
use serde_json::Value;

/// One dependency of one crate: (crate, dependency, kind).
type Row = (String, String, String);

/// What every manifest of the repository asks for, as cargo itself reads it.
fn declared() -> BTreeSet<Row> {
    let root = house::root();
    let manifests = ["Cargo.toml", "fuzz/Cargo.toml", "conformance/constant-time/Cargo.toml"]
        .map(|manifest| root.join(manifest));
    let mut rows = BTreeSet::new();
    for manifest in manifests.iter().filter(|manifest| manifest.exists()) {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .arg("--manifest-path")
            .arg(manifest)
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        for package in metadata["packages"].as_array().expect("packages") {
            for dependency in package["dependencies"].as_array().expect("dependencies") {
                let text = |value: &Value| value.as_str().expect("a name").to_owned();
                let kind = match dependency["kind"].as_str() {
                    Some(kind) => kind,
                    None if dependency["optional"] == true => "optional",
                    None => "normal",
                };
                rows.insert((text(&package["name"]), text(&dependency["name"]), kind.to_owned()));
            }
        }
    }
    rows
}

#[test]
fn the_table_of_dependencies_and_the_manifests_say_the_same() {
    let page = std::fs::read_to_string(house::root().join("docs/dependencies.md")).expect("page");
    let table = house::table(&page, "crate");
    let mut documented = BTreeSet::new();
    for row in &table {
        assert_eq!(row.len(), 5, "docs/dependencies.md: a row needs 5 cells: {row:?}");
        let words = |cell: &str| cell.chars().filter(|char| char.is_alphabetic()).count();
        assert!(
            row.iter().all(|cell| words(cell) >= 3),
            "docs/dependencies.md: a cell that says nothing: {row:?}"
        );
        let key = (row[0].clone(), row[1].clone(), row[2].clone());
        assert!(documented.insert(key), "docs/dependencies.md: a row stands twice: {row:?}");
    }
    let declared = declared();
    assert!(declared.len() > 40, "cargo metadata showed only {} dependencies", declared.len());
    let unexplained: Vec<_> = declared.difference(&documented).collect();
    let gone: Vec<_> = documented.difference(&declared).collect();
    assert!(unexplained.is_empty(), "add to docs/dependencies.md, with a reason: {unexplained:#?}");
    assert!(gone.is_empty(), "no manifest asks for these; delete the rows: {gone:#?}");
}

/// The floor of each crate; a crate uses only lower floors, so there is no circle.
fn floor(name: &str) -> Option<u8> {
    Some(match name {
        "odnix-tl" | "odnix-kernels" => 1,
        "odnix-proto" => 2,
        "odnix-server-ref" | "odnix-client-ref" | "odnix-tlc" => 3,
        _ if name.starts_with("odnix-") => 4,
        _ => return None,
    })
}

#[test]
fn no_crate_depends_on_its_own_floor_or_a_higher_one() {
    for (from, to, kind) in declared() {
        let (Some(above), Some(below)) = (floor(&from), floor(&to)) else { continue };
        // A test may call its own crate by name, and the client is tested against the server.
        let allowed = if kind == "dev" { above >= below } else { above > below };
        assert!(allowed, "{from} (floor {above}) must not depend on {to} (floor {below}), {kind}");
    }
}
