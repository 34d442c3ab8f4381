//! Makes the Rust types of `schema/app.tl`, which `src/lib.rs` includes.

use std::{env, error::Error, fs, path::Path, process::ExitCode};

use odnix_tl::schema::{Options, Schema, generate};

const SCHEMA: &str = "schema/app.tl";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed={SCHEMA}");
    let Err(error) = module() else { return ExitCode::SUCCESS };
    show("error", &error.to_string());
    ExitCode::FAILURE
}

/// Schema in, module out.
fn module() -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(SCHEMA).map_err(|error| format!("{SCHEMA}: {error}"))?;
    let (schema, warnings) = Schema::parse_with_warnings(&text).map_err(|errors| {
        errors.iter().map(|error| format!("{}\n", error.render(SCHEMA))).collect::<String>()
    })?;
    warnings.iter().for_each(|warning| show("warning", &warning.render(SCHEMA).to_string()));
    let options = Options { crate_path: "odnix_tl", title: SCHEMA, features: true, any: true };
    let to = Path::new(&env::var("OUT_DIR")?).join("app.rs");
    Ok(fs::write(to, generate(&schema, &options))?)
}

/// Cargo shows these lines to whoever builds the package.
fn show(kind: &str, text: &str) {
    text.lines().for_each(|line| println!("cargo::{kind}={line}"));
}
