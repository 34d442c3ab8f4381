//! The targets of docs/performance.md, but those of whole servers, beside what it is compared with, as a table, JSON and a
//! picture: `cargo bench -p odnix-benches --bench report`.
//!
//! `ODNIX_CPU` bounds the level, whose name the files carry.

mod exchange;
#[path = "factor/measure.rs"]
mod factor;
mod peers;
#[allow(dead_code, reason = "the test uses all of it")]
mod suite;

use odnix_kernels::Kernels;
use serde_json::Value;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use suite::sample::Effort;
use suite::table::Place;
use suite::{Lab, clock, picture, table};

const HELP: &str = "\
Measures every target, prints a table, and writes report-LEVEL.json and report-LEVEL.svg.

cargo bench -p odnix-benches --bench report [--features openssl] -- [OPTIONS] [PART OF A ROW'S NAME]

  --scale FILE  counts of memory, which `cargo bench -p odnix-benches --bench scale -- --json FILE`
                wrote before
  --quick       a tenth of the time, and worse figures
  --out FOLDER  where the files go; docs/performance of the workspace if not said
  --no-files    prints the table only, as does a part of a name

ODNIX_CPU=portable|armv8|aesni|vaes512 bounds the level; SOURCE_DATE is written into the JSON.";

struct Options {
    effort: Effort,
    out: Option<PathBuf>,
    filter: String,
    scale: Option<Value>,
}

fn options() -> Result<Option<Options>, String> {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance");
    let (out, filter) = (Some(usual.into()), String::new());
    let mut options = Options { effort: Effort::FULL, out, filter, scale: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match &*argument {
            "--help" | "-h" => return Ok(None),
            "--bench" => {} // cargo's own
            "--quick" => options.effort = Effort::QUICK,
            "--no-files" => options.out = None,
            "--out" => options.out = Some(arguments.next().ok_or("--out FOLDER")?.into()),
            "--scale" => {
                let file = arguments.next().ok_or("--scale FILE")?;
                let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
                let scale = serde_json::from_str(&text);
                options.scale = Some(scale.map_err(|error| format!("{file}: {error}"))?);
            }
            other if other.starts_with('-') => return Err(format!("{other} is not known")),
            name => {
                options.filter = name.to_owned();
                options.out = None;
            }
        }
    }
    Ok(Some(options))
}

fn main() -> Result<(), Box<dyn Error>> {
    let Some(Options { effort, out, filter, scale }) = options()? else {
        println!("{HELP}");
        return Ok(());
    };
    let lab = Lab { kernels: Kernels::get(), effort, scale };
    let level = lab.kernels.level();
    let place = Place::here(level, clock::Clock::measure(&effort));
    eprintln!("{}", place.describe());
    let lines = suite::run(&lab, &filter, |row| eprintln!("measuring {} {}", row.name, row.beside));
    print!("{}", table::text(&lines));
    let Some(out) = out else { return Ok(()) };
    fs::create_dir_all(&out)?;
    let json = format!("{:#}\n", table::json(&place, &lines));
    for (end, content) in [("json", json), ("svg", picture::svg(&place, &lines))] {
        let path = out.join(format!("report-{level}.{end}"));
        fs::write(&path, content)?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}
