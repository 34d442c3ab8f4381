//! Writes `src/generated/` anew from `schema/`: `cargo run -p odnix-tl --example generate`.

use std::{error::Error, fs, path::Path};

use odnix_tl::schema::{Options, Schema, generate};

/// Each schema and the first line of its module.
pub const SCHEMAS: [(&str, &str); 2] = [
    ("mtproto", "The service layer of MTProto 2.0, from `schema/mtproto.tl`."),
    ("odnix", "The application layer of Odnix, from `schema/odnix.tl`."),
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (name, title) in SCHEMAS {
        let path = root.join(format!("schema/{name}.tl"));
        let schema = Schema::parse(&fs::read_to_string(&path)?).map_err(|errors| {
            let lines = errors.iter().map(|error| format!("{}:{error}\n", path.display()));
            lines.collect::<String>()
        })?;
        let text = generate(&schema, &Options { crate_path: "crate", title });
        fs::write(root.join(format!("src/generated/{name}.rs")), text)?;
    }
    Ok(())
}
