//! Cuts a failing script down: halves, quarters, … single lines are left out for as long as
//! what is left still fails.

use super::bugs::Planted;
use super::invariants::Violation;
use super::script::Script;
use super::world;

/// A script that fails with as few lines as could be found, and how; `None` when the given one
/// does not fail.
pub fn shrink(script: &Script, planted: Planted) -> Option<(Script, Violation)> {
    let mut best = script.clone();
    let mut violation = fails(&best, planted)?;
    let mut size = best.entries.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        let mut shorter = false;
        while from < best.entries.len() {
            let mut candidate = best.clone();
            let to = (from + size).min(candidate.entries.len());
            candidate.entries.drain(from..to);
            match fails(&candidate, planted) {
                Some(found) if found.invariant == violation.invariant => {
                    (best, violation, shorter) = (candidate, found, true);
                }
                _ => from = to,
            }
        }
        if !(size == 1 && shorter) {
            size /= 2;
        }
    }
    Some((best, violation))
}

fn fails(script: &Script, planted: Planted) -> Option<Violation> {
    world::run(script, planted, false).ok()?.violation
}
