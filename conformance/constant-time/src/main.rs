//! Does any branch or address in odnix-proto depend on a secret?
//!
//! `list` names the cases, `run CASE` is for valgrind, and `timing` measures instead. `run.sh`
//! runs all cases and judges them; `docs/constant-time.md` tells what they show and what not.

mod cases;
mod memcheck;
mod planted;
mod timing;

use std::process::ExitCode;

/// What valgrind and the case itself must say.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    /// Nothing is reported, the secret has reached the result.
    Clean,
    /// Nothing is reported outside of `verdict`, and the secret has reached it.
    CleanVerdict,
    /// A planted leak: reported.
    Reported,
    /// A planted mistake in a case: its secret reaches nothing, and it says so.
    Vacuous,
}

struct Case {
    name: &'static str,
    expected: Expected,
    /// Tells whether the result depends on what was concealed; where the result is a verdict,
    /// which is public, the count of verdicts tells instead.
    run: fn() -> bool,
}

/// The exit status of a case whose secret reached nothing.
const VACUOUS: u8 = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["list"] => list(),
        ["run", name] => return run(name),
        ["timing"] => return timing::report(),
        _ => {
            eprintln!("usage: odnix-constant-time list | run CASE | timing");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn all() -> impl Iterator<Item = &'static Case> {
    cases::CASES.iter().chain(planted::CASES)
}

fn list() {
    for case in all() {
        let expected = match case.expected {
            Expected::Clean => "clean",
            Expected::CleanVerdict => "clean-verdict",
            Expected::Reported => "reported",
            Expected::Vacuous => "vacuous",
        };
        println!("{} {expected}", case.name);
    }
}

fn run(name: &str) -> ExitCode {
    let Some(case) = all().find(|case| case.name == name) else {
        eprintln!("no case {name}");
        return ExitCode::from(2);
    };
    if !memcheck::is_running() {
        eprintln!("a case says nothing without valgrind");
        return ExitCode::from(2);
    }
    let reached = (case.run)();
    println!("ran {name}");
    if reached { ExitCode::SUCCESS } else { ExitCode::from(VACUOUS) }
}
