//! What a session allocates for each message once it is warm: the message and nothing else. One
//! test, in a process of its own, under an allocator that counts.

#[allow(dead_code, reason = "shared helpers")]
mod common;

use bytes::{Bytes, BytesMut};
use common::{Pair, echo};
use core::time::Duration;
use odnix_proto::{
    envelope::{self, Side},
    session::{CallId, ServerSessionEvent},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations, those that grew included, while `work` runs.
fn allocations<T>(count: &mut usize, work: impl FnOnce() -> T) -> T {
    let region = Region::new(ALLOCATOR);
    let done = work();
    let change = region.change();
    *count += change.allocations + change.reallocations;
    done
}

/// Allocations of the server's session, by what it did.
#[derive(Debug, Default)]
struct Counted {
    take_in: usize,
    calls: usize,
    reply: usize,
    push: usize,
    transmit: usize,
}

impl Counted {
    /// The client's packets, opened and taken in.
    fn up(&mut self, pair: &mut Pair) -> Vec<(CallId, Bytes)> {
        let mut calls = Vec::new();
        while let Some(packet) = pair.client_sends() {
            let opened = envelope::open(&pair.key, Side::Client, packet).unwrap();
            let server = &mut pair.server;
            allocations(&mut self.take_in, || server.handle_opened(pair.now, opened));
            while let Some(event) = allocations(&mut self.take_in, || server.poll_event()) {
                if let ServerSessionEvent::Call { call, body, .. } = event {
                    self.calls += 1;
                    calls.push((call, body));
                }
            }
        }
        calls
    }

    /// The server's packets, into a buffer that is large enough.
    fn down(&mut self, pair: &mut Pair, buffer: &mut BytesMut) {
        loop {
            buffer.clear();
            buffer.reserve(64 << 10);
            let server = &mut pair.server;
            if !allocations(&mut self.transmit, || server.poll_transmit(pair.now, buffer)) {
                return;
            }
            pair.client_takes(BytesMut::from(&buffer[..]));
        }
    }
}

/// `at_once` calls answered in one round, and an update if `push`; then the client acknowledges.
fn rounds(pair: &mut Pair, rounds: usize, at_once: usize, push: bool) -> Counted {
    let mut counted = Counted::default();
    let mut buffer = BytesMut::new();
    for _ in 0..rounds {
        for _ in 0..at_once {
            pair.client.call(echo(b"a call of some bytes")).unwrap();
        }
        for (call, body) in counted.up(pair) {
            let server = &mut pair.server;
            allocations(&mut counted.reply, || server.reply(call, body).unwrap());
        }
        if push {
            let (server, update) = (&mut pair.server, echo(b"news"));
            allocations(&mut counted.push, || server.push(update).unwrap());
        }
        counted.down(pair, &mut buffer);
        pair.pass(Duration::from_secs(2));
        counted.up(pair);
        counted.down(pair, &mut buffer);
        pair.client_events();
    }
    counted
}

#[test]
fn a_warm_session_allocates_the_messages_and_nothing_else() {
    // Rounds of one call: its query stays where its packet is, its answer is encoded into memory
    // of its own and leaves alone, copied into the packet; the acknowledgement that comes back is
    // a list of ids.
    let one = warm(1, false);
    check("ids of acknowledgements", one.take_in, ROUNDS);
    check("answers", one.reply, ROUNDS);
    check("packets of one message", one.transmit, 0);

    // Eight calls: the container is a list of messages, and each query is copied out of it.
    let many = warm(8, true);
    assert_eq!(many.calls, 8 * ROUNDS);
    check("containers, queries, ids of acknowledgements", many.take_in, (1 + 8 + 1) * ROUNDS);
    check("answers", many.reply, 8 * ROUNDS);
    check("updates, encoded already", many.push, 0);
    // The list of nine messages grows once, and the container is written in one piece.
    check("containers", many.transmit, 3 * ROUNDS);
}

const ROUNDS: usize = 200;

fn warm(at_once: usize, push: bool) -> Counted {
    let mut pair = Pair::settled();
    rounds(&mut pair, 100, at_once, push);
    rounds(&mut pair, ROUNDS, at_once, push)
}

/// The client pings once a minute, which is every thirtieth round: then the session gives its
/// queues' memory back, and takes it again.
fn check(what: &str, count: usize, expected: usize) {
    println!("{what}: {count} allocations, {expected} expected");
    let queues = 12 * (ROUNDS / 30 + 1);
    assert!(count <= expected + queues, "{what}: {count} allocations, {expected} expected");
}
