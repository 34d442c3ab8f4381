//! The simulator: a few seeds of each profile, and that it is the same every time. The long runs
//! are in `docs/simulator.md`.

use odnix_conformance::sim::campaign::run_seeds;
use odnix_conformance::sim::{Profile, Script, bugs::Planted, run};

fn clean(profile: Profile, seeds: std::ops::Range<u64>) {
    let wanted = seeds.end - seeds.start;
    let report = run_seeds(seeds, profile, 2, &|_| ()).expect("the worlds can be made");
    assert_eq!(report.runs, wanted);
    assert!(report.stats.messages > 0 && report.stats.digests > 0, "something was done");
    let stats = &report.stats;
    let in_groups = [stats.group_updates, stats.group_changes, stats.group_reloads];
    assert!(in_groups.iter().all(|count| *count > 0), "in large groups, too: {in_groups:?}");
    assert!(report.findings.is_empty(), "{:#?}", report.findings);
    let faults = !report.stats.faults.is_empty();
    assert_eq!(faults, profile != Profile::Calm);
}

#[test]
fn calm_seeds_break_no_promise() {
    clean(Profile::Calm, 0..20);
}

#[test]
fn rough_seeds_break_no_promise() {
    clean(Profile::Rough, 0..30);
}

#[test]
fn hostile_seeds_break_no_promise() {
    clean(Profile::Hostile, 0..30);
}

#[test]
fn the_same_seed_makes_the_same_trace() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let script = Script::generate(seed, Profile::Hostile);
        let once = run(&script, Planted::default(), false).expect("a world");
        let again = run(&script, Planted::default(), false).expect("a world");
        assert_eq!(once.hash, again.hash, "seed {seed}");
        hashes.insert(once.hash);
    }
    assert_eq!(hashes.len(), 50, "different seeds make different traces");
}
