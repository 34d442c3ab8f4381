//! Runs the whole system in virtual time under faults; see `docs/simulator.md`.

use clap::{Parser, Subcommand};
use odnix_conformance::sim::bugs::{Bug, Planted};
use odnix_conformance::sim::world::Failed;
use odnix_conformance::sim::{Profile, Script, campaign, run, shrink};
use std::io::{IsTerminal as _, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Runs of one shrinking.
const SHRINK_TRIES_MAX: usize = 2_000;

#[derive(Parser)]
#[command(name = "odnix-sim", about = "The whole system in virtual time, under faults")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs many seeds; exit code 1 if one of them breaks a promise
    Run {
        /// Which seeds, as A..B
        #[arg(long, value_parser = seeds, default_value = "0..100")]
        seeds: Range<u64>,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// Writes what was done as JSON
        #[arg(long)]
        json: Option<PathBuf>,
        /// How many seeds at the same time
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
    /// Runs one seed again
    Replay {
        /// Which
        seed: u64,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// Prints everything that happened
        #[arg(long)]
        trace: bool,
        /// With this planted bug
        #[arg(long)]
        bug: Option<String>,
    },
    /// Finds a smaller script that breaks the same promise
    Shrink {
        /// Which seed
        seed: u64,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// With this planted bug
        #[arg(long)]
        bug: Option<String>,
    },
    /// Plants each bug and says which promise it breaks, and at which seed
    Bugs {
        /// Seeds tried for each
        #[arg(long, default_value_t = 200)]
        seeds: u64,
    },
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("expected A..B")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| error.to_string());
    Ok(number(from)?..number(to)?)
}

fn main() -> ExitCode {
    let ended = match Cli::parse().command {
        Command::Run { seeds, profile, json, threads } => run_many(seeds, profile, json, threads),
        Command::Replay { seed, profile, trace, bug } => replay(seed, profile, trace, bug),
        Command::Shrink { seed, profile, bug } => shrink_one(seed, profile, bug),
        Command::Bugs { seeds } => hunt_all(seeds),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failed(reason)) => {
            eprintln!("odnix-sim: {reason}");
            ExitCode::from(2)
        }
    }
}

fn run_many(
    seeds: Range<u64>,
    profile: Profile,
    json: Option<PathBuf>,
    threads: usize,
) -> Result<bool, Failed> {
    let (total, started) = (seeds.end.saturating_sub(seeds.start), Instant::now());
    let is_terminal = std::io::stderr().is_terminal();
    let progress = |done: u64| {
        if is_terminal {
            let filled = (done * 40 / total.max(1)) as usize;
            eprint!("\r[{:<40}] {done}/{total}", "#".repeat(filled));
            let _ = std::io::stderr().flush();
        }
    };
    let report = campaign::run_seeds(seeds, profile, threads, &progress)?;
    if is_terminal {
        eprintln!();
    }
    println!("profile {}, {:.1} s", profile.name(), started.elapsed().as_secs_f64());
    print!("{}", report.table());
    if let Some(path) = json {
        let text = format!("{:#}\n", report.json());
        std::fs::write(path, text).map_err(|error| Failed(error.to_string()))?;
    }
    if let Some(finding) = report.findings.first() {
        println!("odnix-sim replay {} --profile {} --trace", finding.seed, profile.name());
    }
    Ok(report.findings.is_empty())
}

fn replay(seed: u64, profile: Profile, trace: bool, bug: Option<String>) -> Result<bool, Failed> {
    let outcome = run(&Script::generate(seed, profile), planted(bug)?, trace)?;
    if trace || outcome.violation.is_some() {
        outcome.trace.iter().for_each(|line| println!("{line}"));
    }
    let hash: String = outcome.hash.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("seed {seed}, trace {hash}");
    match &outcome.violation {
        None => println!("every promise holds"),
        Some(violation) => println!("{violation}"),
    }
    Ok(outcome.violation.is_none())
}

fn shrink_one(seed: u64, profile: Profile, bug: Option<String>) -> Result<bool, Failed> {
    let script = Script::generate(seed, profile);
    match shrink::shrink(&script, planted(bug)?, SHRINK_TRIES_MAX)? {
        None => {
            println!("seed {seed} breaks nothing");
            Ok(true)
        }
        Some((smaller, violation)) => {
            smaller.entries.iter().for_each(|entry| println!("{entry}"));
            println!("{} of {} entries: {violation}", smaller.entries.len(), script.entries.len());
            Ok(false)
        }
    }
}

fn hunt_all(seeds: u64) -> Result<bool, Failed> {
    let mut all_found = true;
    for bug in Bug::ALL {
        match campaign::hunt(*bug, seeds)? {
            Some(it) => println!("{:<48} seed {:>3}: {}", bug.name(), it.seed, it.violation),
            None => {
                all_found = false;
                println!(
                    "{:<48} NOT FOUND in {seeds} seeds of {}",
                    bug.name(),
                    bug.profile().name()
                );
            }
        }
    }
    Ok(all_found)
}

#[cfg(feature = "planted-bugs")]
fn planted(name: Option<String>) -> Result<Planted, Failed> {
    let Some(name) = name else { return Ok(Planted::default()) };
    let found = Bug::ALL.iter().find(|bug| bug.name() == name);
    found.map(|bug| Planted::with(*bug)).ok_or_else(|| Failed(format!("no bug {name:?}")))
}

#[cfg(not(feature = "planted-bugs"))]
fn planted(name: Option<String>) -> Result<Planted, Failed> {
    match name {
        None => Ok(Planted::default()),
        Some(_) => Err(Failed("built without the feature planted-bugs".to_owned())),
    }
}
