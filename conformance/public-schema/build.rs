//! Generates the Rust types of a schema into `OUT_DIR`; `src/lib.rs` includes them.
//!
//! [`generate`] is all that a project with a schema of its own needs. The rest finds the schema,
//! which is not part of this repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use odnix_tl::schema::{Options, Schema};

/// Names the schema to use.
const VARIABLE: &str = "ODNIX_PUBLIC_SCHEMA";
/// The package that has the schema in it, when [`VARIABLE`] is not set.
const PACKAGE: &str = "grammers-tl-types";
/// The path of the schema in [`PACKAGE`].
const PATH_IN_PACKAGE: &str = "tl/api.tl";

type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    match schema_path().and_then(|path| generate(&path)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // Without the backtrace of a panic, so that the reason is what one reads.
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Schema in, module out.
fn generate(path: &Path) -> Result<()> {
    let name = path.display();
    println!("cargo::rerun-if-changed={name}");
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    // All faults at once, each with its line and where in it.
    let schema = Schema::parse(&text).map_err(|errors| {
        errors
            .iter()
            .map(|error| format!("{}\n", error.render(&name.to_string())))
            .collect::<String>()
    })?;
    let options = Options {
        crate_path: "odnix_tl",
        title: "The public schema.",
        features: false,
        any: false,
    };
    let module = odnix_tl::schema::generate(&schema, &options);
    let to = Path::new(&variable("OUT_DIR")?).join("public_schema.rs");
    fs::write(&to, module).map_err(|error| format!("{}: {error}", to.display()))?;
    // The tests read the schema too.
    println!("cargo::rustc-env=ODNIX_PUBLIC_SCHEMA_PATH={name}");
    Ok(())
}

/// Where the schema is.
fn schema_path() -> Result<PathBuf> {
    let help = format!(
        "Set {VARIABLE} to the path of a TL schema, or let cargo download the package that has \
         one: `cargo fetch`."
    );
    let path = match env::var_os(VARIABLE) {
        Some(path) => PathBuf::from(path),
        None => path_in_package().map_err(|error| format!("no public schema: {error}\n{help}"))?,
    };
    match path.canonicalize() {
        Ok(path) => Ok(path),
        Err(error) => Err(format!("no public schema at {}: {error}\n{help}", path.display())),
    }
}

/// Cargo knows where it keeps the packages of this workspace. It uses the network only if some of
/// them are not there yet.
fn path_in_package() -> Result<PathBuf> {
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", &variable("HOST")?, "--manifest-path"])
        .arg(Path::new(&variable("CARGO_MANIFEST_DIR")?).join("Cargo.toml"))
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata printed no JSON: {error}"))?;
    let packages = metadata["packages"].as_array();
    let package = packages.into_iter().flatten().find(|package| package["name"] == PACKAGE);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.ok_or_else(|| format!("cargo metadata lacks the package {PACKAGE}"))?;
    Ok(Path::new(manifest).with_file_name("").join(PATH_IN_PACKAGE))
}

fn variable(name: &str) -> Result<String> {
    env::var(name).map_err(|error| format!("{name}: {error}"))
}
