//! The schema and the features of this package: the same names, and each compiles alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

use odnix_tl::schema::{Schema, format};

const SCHEMA: &str = include_str!("../schema/app.tl");

/// Runs cargo on this package; its standard output.
fn cargo(arguments: &[&str]) -> String {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--locked", "--manifest-path"])
        .arg(manifest)
        .env("RUSTFLAGS", "-D warnings")
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo {}:\n{errors}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The features of `Cargo.toml`, and what each turns on.
fn declared() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let own = packages.iter().find(|package| package["name"] == env!("CARGO_PKG_NAME"));
    serde_json::from_value(own.expect("this package")["features"].clone()).expect("features")
}

fn namespaces() -> BTreeSet<String> {
    let schema = Schema::parse(SCHEMA).expect("a schema");
    schema.namespaces().into_iter().map(str::to_owned).collect()
}

#[test]
fn each_namespace_is_a_feature_and_the_default_is_all_of_them() {
    let mut declared = declared();
    let default = declared.remove("default").expect("default");
    let features: BTreeSet<String> = declared.into_keys().collect();
    assert_eq!(default, features);
    let serde = BTreeSet::from(["serde".to_owned()]);
    assert_eq!(&features - &serde, namespaces());
}

#[test]
fn each_feature_compiles_alone_and_so_does_none() {
    let of_test = Path::new(env!("CARGO_TARGET_TMPDIR")).join("features");
    let check = |features: &str| {
        cargo(&[
            "check",
            "--lib",
            "--no-default-features",
            "--features",
            features,
            "--target-dir",
            of_test.to_str().expect("UTF-8"),
            // What is not run need not be fast.
            "--config",
            "profile.dev.package.'*'.opt-level=0",
        ]);
    };
    check("");
    namespaces().iter().for_each(|feature| check(feature));
}

#[test]
fn the_schema_is_in_canonical_form() {
    let canonical = format(SCHEMA).expect("a schema");
    assert!(SCHEMA == canonical, "run `tlc fmt schema/app.tl`");
}
