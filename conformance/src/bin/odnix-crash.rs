//! Kills real processes and checks that nothing acknowledged is lost: see `docs/crash.md`.

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use odnix_conformance::crash::{self, Options, Report, check, worker};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Kills odnix-server and its clients at random moments and checks that nothing acknowledged
/// is lost, repeated or out of order.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start, kill, restart, settle, check. Exits with 1 if a rule is broken, and then keeps
    /// the folder.
    Run(Run),
    /// Check a folder that an earlier run has left.
    Check {
        /// The folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// A device of a run.
    #[command(hide = true)]
    Worker(worker::WorkerOptions),
}

#[derive(Debug, clap::Args)]
struct Run {
    /// How often to kill something.
    #[arg(long, default_value_t = 100)]
    cycles: u32,
    /// Of the moments and the victims.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where everything is stored; by default a new folder that goes when all is well.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// From one kill to the next on average, in milliseconds.
    #[arg(long, default_value_t = 600)]
    cycle_ms: u64,
    /// Pause of a device after each message, in milliseconds.
    #[arg(long, default_value_t = 5)]
    pause_ms: u64,
    /// The odnix-server program; by default the one beside this program.
    #[arg(long)]
    server: Option<PathBuf>,
    /// The result as one JSON object on stdout.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Check { dir } => check::violations(&dir).map(|(broken, _)| verdict(&broken)),
        Command::Worker(options) => worker::run(&options).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("odnix-crash: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn verdict(broken: &[String]) -> bool {
    for sentence in broken {
        eprintln!("BROKEN: {sentence}");
    }
    broken.is_empty()
}

impl Run {
    fn run(self) -> anyhow::Result<bool> {
        let program = std::env::current_exe()?;
        let beside =
            program.with_file_name(format!("odnix-server{}", std::env::consts::EXE_SUFFIX));
        let folder = self.dir.clone().unwrap_or_else(|| {
            std::env::temp_dir().join(format!("odnix-crash-{}", std::process::id()))
        });
        let options = Options {
            server: self.server.unwrap_or(beside),
            program,
            folder,
            cycles: self.cycles,
            seed: self.seed,
            cycle: Duration::from_millis(self.cycle_ms),
            pause_ms: self.pause_ms,
        };
        if !options.server.exists() {
            anyhow::bail!(
                "{} is not there: cargo build --release -p odnix-server-ref",
                options.server.display()
            );
        }
        let kept = || format!("the files are in {}", options.folder.display());
        let report = crash::run(&options, |line| eprintln!("{line}")).with_context(kept)?;
        let good = verdict(&report.violations);
        if self.json {
            println!("{}", report.to_json(&options));
        } else {
            table(&options, &report);
        }
        if !good {
            eprintln!("{}", kept());
        } else if self.dir.is_none() {
            std::fs::remove_dir_all(&options.folder)?;
        }
        Ok(good)
    }
}

fn table(options: &Options, report: &Report) {
    println!("cycles               {}", options.cycles);
    println!("seed                 {}", options.seed);
    println!("kills of the server  {}", report.server_kills);
    println!("kills of devices     {}", report.device_kills);
    println!("acknowledged         {}", report.acknowledged);
    println!("stored               {}", report.stored);
    println!("seconds              {:.1}", report.elapsed.as_secs_f64());
    println!("broken rules         {}", report.violations.len());
}
