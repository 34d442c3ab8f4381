//! The command line: arguments, and from them to a command.

mod check;
mod diff;
mod format;
mod generate;
mod hex;
mod ids;
mod input;
mod output;
mod values;

use clap::{Args, Parser, Subcommand, ValueEnum};
use output::{Outcome, Verdict};
use std::{path::PathBuf, process::ExitCode};

/// Works with TL schemas and TL objects.
#[derive(Debug, Parser)]
#[command(
    name = "tlc",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "`-` is standard input, wherever a file or a value is asked for.\n\n\
        Exit code: 0 if all is well, 1 if what was examined has a fault, 2 if there is no answer: \
        wrong use, or a file that cannot be used."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all faults of schemas, and what may be mistakes
    Check(Check),
    /// Write schemas in their canonical form
    Fmt(Fmt),
    /// Make Rust, a JSON Schema or a reference page of a schema
    Gen(Gen),
    /// Tell which differences of two versions of a schema break old clients
    Diff(Diff),
    /// List the constructor ids of schemas, or look one up
    Ids(Ids),
    /// Read TL bytes and print them as JSON
    Decode(Decode),
    /// Read JSON and print it as TL bytes
    Encode(Encode),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc check schema.tl
  tlc check --deny ids --deny docs schema.tl
  tlc check --json schema.tl

Exit code: 0 without faults; 1 with errors or denied warnings; 2 for wrong use or a file that cannot be read.")]
struct Check {
    /// The schemas
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Which warnings count as errors; may be given twice
    #[arg(long, value_enum, value_name = "WARNINGS")]
    deny: Vec<Deny>,
    /// Print one JSON array of objects with file, line, column, severity and message
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// Declared ids that are not the computed ones
    Ids,
    /// Documentation of nothing
    Docs,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc fmt schema.tl
  tlc fmt --check schema.tl
  tlc fmt --stdout schema.tl
  tlc fmt - < schema.tl

A file is replaced as a whole or not at all, and one that is canonical is not touched. \
The text of standard input goes to standard output.

Exit code: 0 if all is well; 1 for a schema with faults, or with --check for one that would change; 2 for wrong use or a file that cannot be read or written.")]
struct Fmt {
    /// The schemas
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; list the files that would change
    #[arg(long, conflicts_with = "stdout")]
    check: bool,
    /// Change nothing; print the canonical text
    #[arg(long)]
    stdout: bool,
}

#[derive(Args, Debug)]
struct Gen {
    #[command(subcommand)]
    into: Into,
}

#[derive(Debug, Subcommand)]
enum Into {
    /// A Rust module: plain structs and enums that odnix-tl reads and writes
    Rust(Rust),
    /// A JSON Schema (draft 2020-12) of the JSON form
    JsonSchema(JsonSchema),
    /// A reference page in Markdown
    Markdown(Markdown),
}

#[derive(Args, Debug)]
struct Files {
    /// The schema
    #[arg(value_name = "FILE")]
    schema: PathBuf,
    /// Where to write; standard output if not given
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc gen rust schema.tl -o schema.rs
  tlc gen rust --crate-path crate::tl --features --any schema.tl")]
struct Rust {
    #[command(flatten)]
    files: Files,
    /// The path of odnix-tl from the generated module
    #[arg(long, value_name = "PATH", default_value = "odnix_tl")]
    crate_path: String,
    /// Put each namespace behind a cargo feature with its name
    #[arg(long)]
    features: bool,
    /// Write the enums of all constructors and of all functions, by which a server dispatches
    #[arg(long)]
    any: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc gen json-schema schema.tl -o schema.json
  tlc gen json-schema --id https://example.org/chat.json --title Chat schema.tl")]
struct JsonSchema {
    #[command(flatten)]
    files: Files,
    /// The `$id`
    #[arg(long, value_name = "URI")]
    id: Option<String>,
    /// The title; the name of the file if not given
    #[arg(long)]
    title: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc gen markdown schema.tl -o schema.md
  tlc gen markdown --title \"The chat layer\" schema.tl")]
struct Markdown {
    #[command(flatten)]
    files: Files,
    /// The heading; the name of the file if not given
    #[arg(long)]
    title: Option<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc diff old.tl new.tl
  tlc diff --all --markdown old.tl new.tl
  tlc diff --json old.tl new.tl

An old client is one made from OLD that meets a server made from NEW.

Exit code: 0 if nothing breaks; 1 if the binary form breaks, with --deny-json also if only the JSON form does; 2 for wrong use or a file that cannot be used.")]
struct Diff {
    /// The schema of old clients
    old: PathBuf,
    /// The schema of the new server
    new: PathBuf,
    /// Show also the changes that break nothing
    #[arg(long)]
    all: bool,
    /// Print a JSON array of objects with what, breaks (binary, json or nothing) and why
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the table in Markdown
    #[arg(long)]
    markdown: bool,
    /// Exit with 1 also if only the JSON form breaks
    #[arg(long)]
    deny_json: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc ids schema.tl
  tlc ids schema.tl --find 347773c5
  tlc ids --json schema.tl

The columns: the id, the computed one where it differs, constructor or function, the name, and the place.

Exit code: 0 if all is well; 1 if --find found nothing; 2 for wrong use or a file that cannot be used.")]
struct Ids {
    /// The schemas
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only the lines with this id
    #[arg(long, value_name = "ID", value_parser = hex::id)]
    find: Option<u32>,
    /// Print a JSON array of objects with id, computed, kind, name, file and line
    #[arg(long)]
    json: bool,
}

/// Which values, and from where.
#[derive(Args, Debug)]
struct Values {
    /// A schema, of several all of them together; the service layer of MTProto and the Odnix layer if not given
    #[arg(short, long = "schema", value_name = "FILE")]
    schemas: Vec<PathBuf>,
    /// The name of the type, constructor or function that it must be
    #[arg(long = "type", value_name = "NAME", conflicts_with = "result_of")]
    named: Option<String>,
    /// The function whose result it is
    #[arg(long, value_name = "FUNCTION")]
    result_of: Option<String>,
    /// Read the value from a file
    #[arg(long, value_name = "FILE", conflicts_with = "value")]
    file: Option<PathBuf>,
    /// One value in each line; go on after a fault
    #[arg(long, conflicts_with = "raw")]
    lines: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc decode 'c5737734 0100000000000000 0200000000000000'
  tlc decode --compact ec77be7a0200000000000000 | tlc encode
  tlc decode --schema schema.tl --result-of chat.getMembers 15c4b51c00000000
  tlc decode --raw --file pong.bin
  tlc decode --lines < objects.hex

The JSON form is that of the documentation of odnix_tl::json. `tlc encode` makes the same bytes of it.

Exit code: 0 if all is well; 1 for bytes that are no such value; 2 for wrong use or a file that cannot be used.")]
struct Decode {
    /// The bytes: hexadecimal digits in either case, with white space anywhere and `0x` in front
    #[arg(value_name = "HEX", default_value = "-")]
    value: String,
    #[command(flatten)]
    values: Values,
    /// The input is the bytes themselves
    #[arg(long)]
    raw: bool,
    /// Print each value in one line
    #[arg(long)]
    compact: bool,
}

#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tlc encode '{\"_\": \"ping\", \"ping_id\": \"2\"}'
  tlc encode --schema schema.tl --file member.json
  tlc decode --lines < objects.hex | tlc encode --lines
  tlc encode --raw '{\"_\": \"ping\", \"ping_id\": \"2\"}' | tlc decode --raw

Exit code: 0 if all is well; 1 for JSON that is no such value; 2 for wrong use or a file that cannot be used.")]
struct Encode {
    /// The value in the JSON form
    #[arg(value_name = "JSON", default_value = "-")]
    value: String,
    #[command(flatten)]
    values: Values,
    /// Print the bytes themselves
    #[arg(long)]
    raw: bool,
    /// A name that a constructor and a function have means the function
    #[arg(long, conflicts_with_all = ["named", "result_of"])]
    function: bool,
}

impl Command {
    fn run(self) -> Outcome {
        match self {
            Self::Check(command) => command.run(),
            Self::Fmt(command) => command.run(),
            Self::Gen(command) => command.run(),
            Self::Diff(command) => command.run(),
            Self::Ids(command) => command.run(),
            Self::Decode(command) => command.run(),
            Self::Encode(command) => command.run(),
        }
    }
}

/// Runs the command of the process's arguments.
pub(crate) fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(Verdict::Fine) => ExitCode::SUCCESS,
        Ok(Verdict::Faulty) => ExitCode::from(1),
        Err(failure) => failure.show(),
    }
}
