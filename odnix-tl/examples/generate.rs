//! Writes the generated types and pages anew: `cargo run -p odnix-tl --example generate`.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use odnix_tl::schema::{MarkdownOptions, Options, Schema, SchemaError, generate, markdown};

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
        },
    },
];

/// One schema and the reference page about it.
pub struct Page {
    /// The path of the `.tl` file.
    pub schema: &'static str,
    /// The path of the `.md` file.
    pub page: &'static str,
    /// How to write it.
    pub options: MarkdownOptions<'static>,
}

/// All pages of the book that are written from a schema.
pub const PAGES: [Page; 1] = [Page {
    schema: "schema/odnix.tl",
    page: "../docs/odnix-layer.md",
    options: MarkdownOptions {
        title: "The Odnix layer",
        intro: "\
Written from [`odnix-tl/schema/odnix.tl`](../odnix-tl/schema/odnix.tl) by
`cargo run -p odnix-tl --example generate`; change it there.

A refused call is answered with an `rpc_error`. The errors of each function stand with it;
these come from any: `AUTH_KEY_UNREGISTERED` (401) if nobody is logged in with the key and the
function does not say that it needs no login, `INPUT_REQUEST_INVALID` and
`INPUT_METHOD_INVALID_…` (400) for a call that cannot be read, `FLOOD_WAIT_1` (420) from a busy
server, `INTERNAL` (500) from one that failed; nothing was changed then. The code of all others
is 400, but that of `MSG_WAIT_TIMEOUT` is 500.",
        samples: &[
            ("username:string", "alice"),
            ("first_name:string", "Alice"),
            ("password:string", "correct horse battery staple"),
            ("message:string", "Hello!"),
            ("peer:InputPeer", "inputPeerUser"),
            ("id:InputUser", "inputUser"),
            ("access_hash:long", "-5620492334958379008"),
            ("random_id:long", "9007199254740993"),
            ("offset_id:long", "0"),
            ("limit:int", "20"),
            ("date:int", "1767225600"),
            ("expires:int", "1767229200"),
            ("ip_address:string", "192.0.2.1"),
            ("port:int", "443"),
            ("country:string", ""),
            ("data:string", "{\"_\":\"help.getNearestDc\"}"),
            ("emoticon:string", "👍"),
            ("qts:int", "0"),
            ("seq:int", "0"),
            ("lang_pack:string", ""),
            ("lang_code:string", "en"),
            ("system_lang_code:string", "en"),
        ],
    },
}];

/// Reads the schema at the path `schema` of this package.
pub fn read_schema(schema: &str) -> Result<Schema, Box<dyn Error>> {
    let text = fs::read_to_string(path(schema))?;
    let errors = |errors: Vec<SchemaError>| {
        errors.iter().map(|error| format!("{}\n", error.render(schema))).collect::<String>()
    };
    Ok(Schema::parse(&text).map_err(errors)?)
}

/// The place of a file of this package.
pub fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), Box<dyn Error>> {
    for Module { schema, module, options } in MODULES {
        fs::write(path(module), generate(&read_schema(schema)?, &options))?;
    }
    for Page { schema, page, options } in PAGES {
        fs::write(path(page), markdown(&read_schema(schema)?, &options))?;
    }
    Ok(())
}
