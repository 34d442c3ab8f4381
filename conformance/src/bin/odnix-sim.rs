//! Runs the whole system under faults in virtual time; see `docs/simulator.md`.

use clap::{Parser, Subcommand};
use odnix_conformance::sim::campaign::{self, Total};
use odnix_conformance::sim::{Bug, Profile, Script, bugs::Planted, shrink, world};
use std::io::{IsTerminal as _, Write as _};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

#[derive(Parser)]
#[command(about = "The whole system under faults, in virtual time", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many seeds
    Run {
        /// From and up to, without the last: 0..2500
        #[arg(long, value_parser = seeds, default_value = "0..200")]
        seeds: Range<u64>,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// Write the summary there as JSON
        #[arg(long)]
        json: Option<PathBuf>,
        /// Seeds that run side by side
        #[arg(long, default_value_t = threads())]
        threads: usize,
    },
    /// Run one seed again
    Replay {
        /// Which
        seed: u64,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// Print everything that happens, not only the end
        #[arg(long)]
        trace: bool,
        /// With this planted bug (needs the feature `planted-bugs`)
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
    },
    /// Find a shorter script with which a seed still fails
    Shrink {
        /// Which
        seed: u64,
        /// calm, rough or hostile
        #[arg(long, default_value = "rough")]
        profile: Profile,
        /// With this planted bug (needs the feature `planted-bugs`)
        #[arg(long, value_parser = bug)]
        bug: Option<Bug>,
    },
    /// Plant each known bug and see who finds it (needs the feature `planted-bugs`)
    Bugs {
        /// How many seeds each may take
        #[arg(long, default_value_t = 200)]
        seeds: u64,
        /// Seeds that run side by side
        #[arg(long, default_value_t = threads())]
        threads: usize,
    },
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("two numbers with .. between them")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text}: {error}"));
    Ok(number(from)?..number(to)?)
}

fn bug(name: &str) -> Result<Bug, String> {
    Bug::named(name).ok_or_else(|| {
        let names: Vec<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        format!("no such bug; there are: {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run { seeds, profile, json, threads } => run(seeds, profile, json, threads),
        Command::Replay { seed, profile, trace, bug } => replay(seed, profile, trace, bug),
        Command::Shrink { seed, profile, bug } => cut_down(seed, profile, bug),
        Command::Bugs { seeds, threads } => hunt(seeds, threads),
    }
}

fn run(seeds: Range<u64>, profile: Profile, json: Option<PathBuf>, threads: usize) -> ExitCode {
    let wanted = seeds.end.saturating_sub(seeds.start);
    let began = Instant::now();
    let visible = std::io::stderr().is_terminal();
    let total = campaign::run(seeds, profile, threads, |done, found| {
        if visible {
            show_progress(done, wanted, found);
        }
    });
    if visible {
        eprintln!();
    }
    let seconds = began.elapsed().as_secs_f64();
    print_total(&total, profile, seconds);
    if let Some(path) = json
        && let Err(error) = std::fs::write(&path, as_json(&total, profile, seconds))
    {
        eprintln!("{}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    let clean = total.violations.is_empty() && total.failures.is_empty();
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn show_progress(done: u64, wanted: u64, found: usize) {
    const WIDTH: u64 = 30;
    let filled = (done * WIDTH).checked_div(wanted).unwrap_or(WIDTH);
    let bar: String = (0..WIDTH).map(|at| if at < filled { '#' } else { '.' }).collect();
    eprint!("\r[{bar}] {done}/{wanted} seeds, {found} findings");
    let _ = std::io::stderr().flush();
}

fn rows(total: &Total) -> Vec<(&'static str, u64)> {
    let stats = &total.stats;
    vec![
        ("seeds", total.seeds),
        ("operations", stats.operations),
        ("messages", stats.messages),
        ("calls that ended", stats.calls),
        ("updates pushed", stats.pushes),
        ("updates a full queue refused", stats.pushes_refused),
        ("differences", stats.differences),
        ("histories fetched anew", stats.reloads),
        ("packets", stats.packets),
        ("events", stats.events),
        ("virtual time, s", stats.virtual_us / 1_000_000),
        ("longest way to rest, s", stats.rest_us / 1_000_000),
        ("digests compared", stats.digests),
    ]
}

fn print_total(total: &Total, profile: Profile, seconds: f64) {
    println!("{} profile, {seconds:.1} s", profile.name());
    for (name, value) in rows(total) {
        println!("  {name:<30}{value:>12}");
    }
    let faults: u64 = total.stats.faults.values().sum();
    println!("  {:<30}{faults:>12}", "faults");
    for (name, count) in &total.stats.faults {
        println!("    {name:<28}{count:>12}");
    }
    println!("  {:<30}{:>12}", "violations", total.violations.len());
    for (seed, violation) in &total.violations {
        println!("    seed {seed}: {violation}");
    }
    for (seed, why) in &total.failures {
        println!("    seed {seed} could not be run: {why}");
    }
}

fn as_json(total: &Total, profile: Profile, seconds: f64) -> String {
    let mut report = serde_json::Map::new();
    report.insert("profile".into(), profile.name().into());
    report.insert("seconds".into(), seconds.into());
    for (name, value) in rows(total) {
        report.insert(name.into(), value.into());
    }
    report.insert("faults".into(), serde_json::json!(total.stats.faults));
    let violations: Vec<_> = total
        .violations
        .iter()
        .map(|(seed, it)| serde_json::json!({ "seed": seed, "violation": it.to_string() }))
        .collect();
    report.insert("violations".into(), violations.into());
    format!("{:#}\n", serde_json::Value::Object(report))
}

#[cfg(feature = "planted-bugs")]
fn planted(bug: Option<Bug>) -> Option<Planted> {
    Some(bug.map_or_else(Planted::default, Planted::with))
}

#[cfg(not(feature = "planted-bugs"))]
fn planted(bug: Option<Bug>) -> Option<Planted> {
    bug.is_none().then(Planted::default)
}

fn replay(seed: u64, profile: Profile, trace: bool, bug: Option<Bug>) -> ExitCode {
    let Some(planted) = planted(bug) else { return without_bugs() };
    match world::run(&Script::generate(seed, profile), planted, trace) {
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
        Ok(outcome) => {
            if trace || outcome.violation.is_some() {
                outcome.trace.iter().for_each(|line| println!("{line}"));
            }
            let hash: String = outcome.hash.iter().map(|byte| format!("{byte:02x}")).collect();
            println!("trace hash {hash}");
            match outcome.violation {
                None => ExitCode::SUCCESS,
                Some(violation) => {
                    println!("{violation}");
                    ExitCode::FAILURE
                }
            }
        }
    }
}

fn cut_down(seed: u64, profile: Profile, bug: Option<Bug>) -> ExitCode {
    let Some(planted) = planted(bug) else { return without_bugs() };
    let script = Script::generate(seed, profile);
    let Some((shorter, violation)) = shrink::shrink(&script, planted) else {
        println!("seed {seed} does not fail");
        return ExitCode::FAILURE;
    };
    println!("{} of {} lines are enough:", shorter.entries.len(), script.entries.len());
    shorter.entries.iter().for_each(|entry| println!("{entry}"));
    println!("{violation}");
    ExitCode::SUCCESS
}

fn hunt(seeds: u64, threads: usize) -> ExitCode {
    if cfg!(not(feature = "planted-bugs")) {
        return without_bugs();
    }
    let mut missed = 0;
    for bug in Bug::ALL {
        match campaign::hunt(*bug, seeds, threads) {
            Some((seed, violation)) => {
                let (name, profile) = (bug.name(), bug.profile().name());
                println!("{name:<44} {profile:<8} seed {seed:>3}  {violation}");
            }
            None => {
                missed += 1;
                println!("{:<44} {:<8} NOT FOUND", bug.name(), bug.profile().name());
            }
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn without_bugs() -> ExitCode {
    eprintln!("this program was built without the feature planted-bugs");
    ExitCode::FAILURE
}
