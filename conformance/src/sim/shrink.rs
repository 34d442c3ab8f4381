//! Cuts a failing script down: leaves out entries as long as the same promise breaks.

use super::bugs::Planted;
use super::invariants::Violation;
use super::script::Script;
use super::world::{Failed, run};

/// The smaller script and what it breaks; `None` if the script breaks nothing.
///
/// # Errors
/// A run could not be made.
pub fn shrink(
    script: &Script,
    planted: Planted,
    tries_max: usize,
) -> Result<Option<(Script, Violation)>, Failed> {
    let Some(mut violation) = run(script, planted, false)?.violation else { return Ok(None) };
    let mut best = script.clone();
    let mut tries = 0;
    let mut part = best.entries.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        while from < best.entries.len() && tries < tries_max {
            let mut smaller = best.clone();
            smaller.entries.drain(from..(from + part).min(best.entries.len()));
            tries += 1;
            match run(&smaller, planted, false)?.violation {
                Some(found) if found.invariant == violation.invariant => {
                    (best, violation) = (smaller, found);
                }
                _ => from += part,
            }
        }
        if part == 1 || tries >= tries_max {
            return Ok(Some((best, violation)));
        }
        part = part.div_ceil(2);
    }
}
