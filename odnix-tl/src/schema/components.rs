//! Which nodes of a graph lead to each other.

use alloc::{vec, vec::Vec};

/// What the search knows of a node.
#[derive(Clone, Copy, Default)]
struct State {
    /// When it was found; none if it was not yet.
    found: Option<usize>,
    /// The first found of those that it leads to, as far as known.
    lowest: usize,
    /// Whether its component is not known yet.
    is_open: bool,
    /// How many of its edges were followed.
    followed: usize,
}

/// The strongly connected components of the graph with these edges from each node: a component
/// is behind all others that it leads to. Takes time with the number of edges, and no more of
/// the call stack for a long path (R. Tarjan, "Depth-first search and linear graph algorithms").
pub(super) fn components(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut search = Search {
        states: vec![State::default(); edges.len()],
        open: Vec::new(),
        count: 0,
        components: Vec::new(),
    };
    for root in 0..edges.len() {
        search.from(root, edges);
    }
    search.components
}

struct Search {
    states: Vec<State>,
    /// Those whose component is not known yet, in the order in which they were found.
    open: Vec<usize>,
    count: usize,
    components: Vec<Vec<usize>>,
}

impl Search {
    fn from(&mut self, root: usize, edges: &[Vec<usize>]) {
        let mut path = Vec::from_iter(self.find(root));
        while let Some(&node) = path.last() {
            let Some(state) = self.states.get_mut(node) else { return };
            let target = edges.get(node).and_then(|targets| targets.get(state.followed));
            state.followed = state.followed.saturating_add(1);
            let lowest = state.lowest;
            if let Some(&target) = target {
                match self.find(target) {
                    Some(target) => path.push(target),
                    None => self.lower(node, self.open_since(target)),
                }
                continue;
            }
            path.pop();
            if self.open_since(node) == Some(lowest) {
                self.close(node);
            } else if let Some(&before) = path.last() {
                self.lower(before, Some(lowest));
            }
        }
    }

    /// The node, if it is found for the first time.
    fn find(&mut self, node: usize) -> Option<usize> {
        let state = self.states.get_mut(node).filter(|state| state.found.is_none())?;
        *state = State { found: Some(self.count), lowest: self.count, is_open: true, followed: 0 };
        self.count = self.count.saturating_add(1);
        self.open.push(node);
        Some(node)
    }

    fn open_since(&self, node: usize) -> Option<usize> {
        self.states.get(node).filter(|state| state.is_open)?.found
    }

    fn lower(&mut self, node: usize, to: Option<usize>) {
        if let (Some(state), Some(to)) = (self.states.get_mut(node), to) {
            state.lowest = state.lowest.min(to);
        }
    }

    /// What was found since `node`, and is open, is one component.
    fn close(&mut self, node: usize) {
        let mut component = Vec::new();
        while let Some(last) = self.open.pop() {
            if let Some(state) = self.states.get_mut(last) {
                state.is_open = false;
            }
            component.push(last);
            if last == node {
                break;
            }
        }
        self.components.push(component);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which nodes each node leads to, by following each path.
    fn reached(edges: &[Vec<usize>], from: usize) -> Vec<usize> {
        let mut reached = Vec::from([from]);
        let mut at = 0;
        while let Some(&node) = reached.get(at) {
            for &target in &edges[node] {
                if !reached.contains(&target) {
                    reached.push(target);
                }
            }
            at += 1;
        }
        reached
    }

    #[test]
    fn components_are_those_that_lead_to_each_other_and_stand_behind_what_they_lead_to() {
        // All graphs of four nodes without edges to themselves.
        for bits in 0..1_u32 << 12 {
            let all = (0..4).flat_map(|from| (0..4).map(move |to| (from, to)));
            let pairs: Vec<_> = all.filter(|(from, to)| from != to).collect();
            let mut edges = vec![Vec::new(); 4];
            for (bit, (from, to)) in pairs.into_iter().enumerate() {
                if bits >> bit & 1 == 1 {
                    edges[from].push(to);
                }
            }
            let found = components(&edges);
            assert_eq!(found.iter().map(Vec::len).sum::<usize>(), 4);
            let place = |node| found.iter().position(|of| of.contains(&node)).unwrap();
            for from in 0..4 {
                for to in reached(&edges, from) {
                    let is_mutual = reached(&edges, to).contains(&from);
                    assert_eq!(place(from) == place(to), is_mutual, "{edges:?}");
                    assert!(place(to) <= place(from), "{edges:?}");
                }
            }
        }
    }

    #[test]
    fn a_long_path_needs_no_call_stack() {
        let len = 200_000;
        let mut edges: Vec<_> = (1..=len).map(|next| vec![next]).collect();
        edges.push(Vec::new());
        assert_eq!(components(&edges).len(), len + 1);
        edges[len].push(0);
        assert_eq!(components(&edges).len(), 1);
    }
}
