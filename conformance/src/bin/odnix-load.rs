//! Measures the server from end to end: see "End to end" in `docs/performance.md`.

use clap::{Parser, Subcommand};
use odnix_client_ref::load::Plan;
use odnix_conformance::load::serve::{Process, serve};
use odnix_conformance::load::{catch_up, idle, throughput};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures a server process from end to end.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where everything is stored; by default a new folder that goes at the end.
    #[arg(long, global = true)]
    dir: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Messages a second, latencies, and what a message costs the server.
    #[command(mut_arg("replicas", |arg| arg.default_value("1")))]
    Run(Plan),
    /// How fast a device that slept comes back.
    CatchUp {
        /// What it slept through.
        #[arg(long, default_value_t = 100_000)]
        updates: u32,
    },
    /// What a silent connection costs.
    Idle {
        /// How many, besides the first hundred.
        #[arg(long, default_value_t = 1000)]
        connections: usize,
    },
    /// From the start of odnix-server to its first word.
    Start {
        /// How often.
        #[arg(long, default_value_t = 10)]
        starts: usize,
        /// The odnix-server program; by default the one beside this program.
        #[arg(long)]
        server: Option<PathBuf>,
    },
    /// The server of a measurement.
    #[command(hide = true)]
    Serve {
        /// Its data.
        folder: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let folder = cli
        .dir
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("odnix-load-{}", std::process::id())));
    let outcome = match cli.command {
        Command::Serve { folder } => serve(&folder).map(|()| None),
        command => measure(command, &folder).map(Some),
    };
    if cli.dir.is_none() && folder.exists() {
        let _ = std::fs::remove_dir_all(&folder);
    }
    match outcome {
        Ok(None) => {}
        Ok(Some(figures)) if cli.json => println!("{figures}"),
        Ok(Some(figures)) => table("", &figures),
        Err(error) => {
            eprintln!("odnix-load: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn measure(command: Command, folder: &Path) -> anyhow::Result<Value> {
    std::fs::create_dir_all(folder)?;
    let data = folder.join("server");
    if let Command::Start { starts, server } = command {
        let beside = std::env::current_exe()?
            .with_file_name(format!("odnix-server{}", std::env::consts::EXE_SUFFIX));
        return idle::cold_start(&server.unwrap_or(beside), &data, starts);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut server = Process::start(&data)?;
    runtime.block_on(async {
        match command {
            Command::Run(plan) => throughput::run(&mut server, &plan).await,
            Command::CatchUp { updates } => catch_up::run(&server, folder, updates).await,
            Command::Idle { connections } => idle::memory(&server, connections).await,
            Command::Start { .. } | Command::Serve { .. } => Ok(Value::Null),
        }
    })
}

/// One line for each figure.
fn table(prefix: &str, figures: &Value) {
    let Some(fields) = figures.as_object() else { return };
    for (name, value) in fields {
        match value {
            Value::Object(_) => table(&format!("{name}."), value),
            Value::Number(number) if number.is_f64() => {
                println!("{:32} {:.3}", format!("{prefix}{name}"), number.as_f64().unwrap_or(0.0));
            }
            other => println!("{:32} {other}", format!("{prefix}{name}")),
        }
    }
}
