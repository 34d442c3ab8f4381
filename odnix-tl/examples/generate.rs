//! Writes the generated types anew: `cargo run -p odnix-tl --example generate`.

use std::{error::Error, fs, path::Path};

use odnix_tl::schema::{Options, Schema, generate};

/// One schema and the module that it becomes.
pub struct Module {
    /// The path of the `.tl` file.
    pub schema: &'static str,
    /// The path of the `.rs` file.
    pub module: &'static str,
    /// How to write it.
    pub options: Options<'static>,
}

/// All of this package.
pub const MODULES: [Module; 3] = [
    Module {
        schema: "schema/mtproto.tl",
        module: "src/generated/mtproto.rs",
        options: Options {
            crate_path: "crate",
            title: "From `schema/mtproto.tl`.",
            features: false,
            any: true,
            any: true,
        },
    },
    Module {
        schema: "schema/odnix.tl",
        module: "src/generated/odnix.rs",
        options: Options {
            crate_path: "crate",
            title: "From `schema/odnix.tl`.",
            features: false,
            any: true,
        },
    },
    Module {
        schema: "tests/everything/everything.tl",
        module: "tests/everything/mod.rs",
        options: Options {
            crate_path: "odnix_tl",
            title: "From `everything.tl`.",
            features: false,
            any: true,
            any: true,
        },
    },
];

fn main() -> Result<(), Box<dyn Error>> {
    for Module { schema, module, options } in MODULES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(root.join(schema))?;
        let parsed = Schema::parse(&text).map_err(|errors| {
            errors.iter().map(|error| format!("{schema}:{error}\n")).collect::<String>()
        })?;
        fs::write(root.join(module), generate(&parsed, &options))?;
    }
    Ok(())
}
