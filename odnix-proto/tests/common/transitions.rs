//! What a test saw a state machine do, and the table that says what it does.

use odnix_proto::transition::Transition;
use std::collections::BTreeSet;

/// Each transition of the table was seen, and no other.
pub fn compare(seen: &BTreeSet<Transition>, table: &[Transition]) {
    let listed: BTreeSet<Transition> = table.iter().copied().collect();
    assert_eq!(listed.len(), table.len(), "a transition stands in the table twice");
    let unknown: Vec<_> = seen.difference(&listed).collect();
    let unseen: Vec<_> = listed.difference(seen).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:#?}");
    assert!(unseen.is_empty(), "in the table, but never seen: {unseen:#?}");
}
