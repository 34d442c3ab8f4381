//! A flood of `req_pq` takes no memory. One test, in a process of its own, under an allocator
//! that counts.

mod pair;

use odnix_proto::Seed;
use odnix_proto::handshake::server::{Handshake, PqPool};
use odnix_tl::mtproto::functions::ReqPqMulti;
use pair::hand::plain;
use pair::{now, sent_by_server, server_config};
use peak_alloc::PeakAlloc;
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Peak bytes above what was in use when `work` began.
fn peak_of(work: impl FnOnce()) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    work();
    ALLOCATOR.peak_usage().saturating_sub(before)
}

#[test]
fn a_million_req_pq_take_the_memory_of_one() {
    let mut config = server_config();
    config.pq_pool = Arc::new(PqPool::draw(Seed::for_testing(6), 16));
    let config = Arc::new(config);
    let new_server = |seed| Handshake::new(Arc::clone(&config), Seed::for_testing(seed));

    // On one connection. Half of the answers are never taken.
    let mut server = new_server(1);
    let peak = peak_of(|| {
        for number in 0..1_000_000_u32 {
            let mut nonce = [0x11; 16];
            nonce[..4].copy_from_slice(&number.to_le_bytes());
            server.handle_packet(now(), plain(&ReqPqMulti { nonce })).unwrap();
            if number % 2 == 0 {
                assert!(sent_by_server(&mut server, now()).is_some());
            }
        }
    });
    assert_eq!(server.exchanges(), 1_000_000);
    assert!(peak < 4 << 10, "{peak} bytes for a million req_pq on one connection");

    // On many connections, each of which stops there.
    let mut servers = Vec::with_capacity(10_000);
    let peak = peak_of(|| {
        for seed in 0..10_000 {
            let mut server = Box::new(new_server(seed));
            server.handle_packet(now(), plain(&ReqPqMulti { nonce: [0x11; 16] })).unwrap();
            assert!(sent_by_server(&mut server, now()).is_some());
            servers.push(server);
        }
    });
    let each = peak / servers.len();
    println!("{} bytes of each connection, {each} with its answer", size_of::<Handshake>());
    assert!(each < 2 << 10, "{each} bytes for each of {} connections", servers.len());
}
