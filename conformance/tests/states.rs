//! `docs/states.md` shows the tables of transitions as they are.

use odnix_conformance::{house, states};
use std::collections::{BTreeSet, VecDeque};

#[test]
fn the_page_of_states_is_drawn_from_the_tables() {
    let path = house::root().join(states::PAGE);
    let page = std::fs::read_to_string(path).expect("a page");
    let drawn = states::redrawn(&page).expect("markers");
    assert!(page == drawn, "draw it: cargo run -p odnix-conformance --bin states");
    let markers = page.matches("<!-- diagram: ").count();
    assert_eq!(markers, states::DIAGRAMS.len(), "a diagram that no table is drawn into");
}

#[test]
fn a_changed_table_or_page_is_noticed() {
    let page = std::fs::read_to_string(house::root().join(states::PAGE)).expect("a page");
    let arrow = "Idle --> AwaitParams: req_pq\n";
    let stale = page.replacen(arrow, "", 1);
    assert_ne!(stale, page);
    assert_eq!(states::redrawn(&stale).as_deref(), Ok(page.as_str()));
    assert!(states::redrawn(&page.replace("<!-- diagram: handshake::client -->", "")).is_err());
}

#[test]
fn every_state_of_a_table_can_be_reached() {
    for diagram in &states::DIAGRAMS {
        let mut reached = BTreeSet::from([diagram.start]);
        let mut open = VecDeque::from([diagram.start]);
        while let Some(state) = open.pop_front() {
            for next in diagram.table.iter().filter(|arrow| arrow.from == state) {
                if reached.insert(next.to) {
                    open.push_back(next.to);
                }
            }
        }
        for arrow in diagram.table {
            assert!(reached.contains(arrow.from), "{}: {arrow:?}", diagram.name);
        }
    }
}
