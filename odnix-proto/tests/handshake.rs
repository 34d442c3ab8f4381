//! The key exchange between our two roles, through the public API.

mod pair;

use odnix_proto::crypto::dh::{KnownPrimes, check_group};
use odnix_proto::handshake::server::KeyStored;
use odnix_proto::handshake::{Done, Established, Job, client, server};
use odnix_proto::{Now, Seed, UnixTime};
use pair::{
    START_SECS, client_config, new_client, new_server, now, run, sent_by_client, sent_by_server,
    server_config, work_client, work_server,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn exchange(client: client::Config, server: server::Config) -> (Established, Established) {
    let (mut client, mut server) = (new_client(client), new_server(server));
    run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap()
}

#[test]
fn both_sides_end_with_the_same_key_salt_and_dc() {
    let (ours, theirs) = exchange(client_config(), server_config());
    assert_eq!(ours, theirs);
    assert_eq!((ours.dc, ours.time_offset_us, ours.expires_at), (2, 0, None));
}

#[test]
fn a_temporary_key_expires_at_the_same_second_on_both_sides() {
    let mut config = client_config();
    config.expires_in = Some(86_400);
    let mut client = new_client(config);
    let mut server = new_server(server_config());
    let client_now = Now::new(now().mono, UnixTime::from_secs(START_SECS - 5000));
    let (ours, theirs) =
        run(&mut client, &mut server, client_now, now(), |_| KeyStored::Stored).unwrap();
    assert_eq!(ours.expires_at, Some(START_SECS as i32 + 86_400));
    assert_eq!(theirs.expires_at, ours.expires_at);
    assert_eq!(ours.time_offset_us, 5_000_000_000);
}

#[test]
fn a_test_dc_is_agreed_on_when_the_server_allows_it() {
    let mut client = client_config();
    client.dc = 10_002;
    let mut server = server_config();
    server.accept_test_dc = true;
    let (ours, theirs) = exchange(client, server);
    assert_eq!((ours.dc, theirs.dc), (10_002, 10_002));
}

#[test]
fn a_collision_of_key_ids_ends_in_another_key() {
    let mut client = new_client(client_config());
    let mut server = new_server(server_config());
    let mut proposed = vec![];
    let (ours, theirs) = run(&mut client, &mut server, now(), now(), |established| {
        proposed.push(established.auth_key.clone());
        if proposed.len() < 3 { KeyStored::Collision } else { KeyStored::Stored }
    })
    .unwrap();
    assert_eq!(ours, theirs);
    assert_eq!(proposed.len(), 3);
    assert!(proposed[0] != proposed[1] && proposed[1] != proposed[2]);
    assert_eq!(ours.auth_key, proposed[2]);
}

#[test]
fn a_foreign_group_is_agreed_on_after_its_check() {
    let digits = include_str!("fixtures/rfc3526_2048.hex").replace('\n', "");
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    let prime: Vec<u8> = (0..512).step_by(2).map(byte).collect();
    let mut server = server_config();
    server.group =
        Arc::new(check_group(&prime, 2, &KnownPrimes::default(), Seed::for_testing(4)).unwrap());
    let (ours, theirs) = exchange(client_config(), server);
    assert_eq!(ours, theirs);
}

#[test]
fn one_connection_makes_a_permanent_and_then_a_temporary_key() {
    let mut server = new_server(server_config());
    let mut keys = vec![];
    for expires_in in [None, Some(3600)] {
        let mut config = client_config();
        config.expires_in = expires_in;
        let seed = Seed::for_testing(expires_in.is_some().into());
        let mut client = client::Handshake::new(Arc::new(config), seed);
        let (ours, theirs) =
            run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap();
        assert_eq!(ours, theirs);
        keys.push(ours.auth_key);
    }
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn each_packet_may_be_lost_once_or_come_twice() {
    let mut client = new_client(client_config());
    let mut server = new_server(server_config());
    let mut now = now();
    let mut packets = 0u32;
    // Of each four packets the first is lost, the second comes twice.
    let copies = |packets: &mut u32| {
        *packets += 1;
        [0, 2, 1, 1][*packets as usize % 4]
    };
    let ours = loop {
        while let Some(packet) = sent_by_client(&mut client, now) {
            for _ in 0..copies(&mut packets) {
                server.handle_packet(now, packet.clone()).unwrap();
            }
        }
        if let Some(proposed) = work_server(&mut server, now).unwrap() {
            server.key_stored(now, proposed.auth_key.id(), KeyStored::Stored).unwrap();
        }
        while let Some(packet) = sent_by_server(&mut server, now) {
            for _ in 0..copies(&mut packets) {
                client.handle_packet(now, packet.clone()).unwrap();
            }
        }
        if let Some(ours) = work_client(&mut client, now).unwrap() {
            break ours;
        }
        now = now.after(Duration::from_secs(1));
        client.handle_timeout(now).unwrap();
        server.handle_timeout(now).unwrap();
    };
    assert!(packets > 6, "something was lost");
    assert_eq!(ours.auth_key.expose_secret().len(), 256);
}

#[test]
fn jobs_may_run_on_other_threads() {
    fn sendable<T: Send + 'static>() {}
    sendable::<Job>();
    sendable::<Done>();
    let mut client = new_client(client_config());
    let mut server = new_server(server_config());
    let packet = sent_by_client(&mut client, now()).unwrap();
    server.handle_packet(now(), packet).unwrap();
    client.handle_packet(now(), sent_by_server(&mut server, now()).unwrap()).unwrap();
    let Some(client::Event::Work(job)) = client.poll_event() else { panic!("a job") };
    let done = std::thread::spawn(|| job.run()).join().unwrap();
    client.complete(now(), done).unwrap();
    assert!(client.poll_event().is_some());
}

#[test]
fn the_same_seeds_give_the_same_key_and_others_another() {
    let key = |seed| {
        let mut client = client::Handshake::new(Arc::new(client_config()), Seed::for_testing(seed));
        let mut server = new_server(server_config());
        let (ours, _) = run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap();
        ours.auth_key
    };
    assert_eq!(key(1), key(1));
    assert_ne!(key(1), key(2));
}

/// Pairs that share the server's configuration.
fn pairs(count: u64) -> Vec<(client::Handshake, server::Handshake)> {
    let (client, server) = (Arc::new(client_config()), Arc::new(server_config()));
    let pair = |number| {
        let client = client::Handshake::new(Arc::clone(&client), Seed::for_testing(number));
        let server = server::Handshake::new(Arc::clone(&server), Seed::for_testing(1000 + number));
        (client, server)
    };
    (0..count).map(pair).collect()
}

#[test]
fn jobs_that_run_together_give_what_each_gives_alone() {
    let alone = |(mut client, mut server)| {
        run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap()
    };
    let count = 11;
    let expected: Vec<_> = pairs(count).into_iter().map(alone).collect();
    let mut pairs = pairs(count);
    let mut found: Vec<_> = pairs.iter().map(|_| (None, None)).collect();
    let mut kinds_max = 0;
    for round in 0.. {
        let mut jobs = Vec::new();
        for (index, (client, server)) in pairs.iter_mut().enumerate() {
            // They begin one after the other, so that they are at different steps.
            if round < index % 3 {
                continue;
            }
            while let Some(packet) = sent_by_client(client, now()) {
                server.handle_packet(now(), packet).unwrap();
            }
            while let Some(event) = server.poll_event() {
                match event {
                    server::Event::Work(job) => jobs.push((index, job)),
                    server::Event::KeyProposed(theirs) => {
                        let id = theirs.auth_key.id();
                        server.key_stored(now(), id, KeyStored::Stored).unwrap();
                        found[index].1 = Some(theirs);
                    }
                    other => panic!("{other:?}"),
                }
            }
            while let Some(packet) = sent_by_server(server, now()) {
                client.handle_packet(now(), packet).unwrap();
            }
            if let Some(ours) = work_client(client, now()).unwrap() {
                found[index].0 = Some(ours);
            }
        }
        let (places, jobs): (Vec<usize>, Vec<Job>) = jobs.into_iter().unzip();
        let names: BTreeSet<_> = jobs.iter().map(|job| format!("{job:?}")).collect();
        kinds_max = kinds_max.max(names.len());
        for (index, done) in places.into_iter().zip(Job::run_batch(jobs)) {
            pairs[index].1.complete(now(), done).unwrap();
        }
        if found.iter().all(|(ours, theirs)| ours.is_some() && theirs.is_some()) {
            break;
        }
    }
    assert!(kinds_max > 1, "jobs of several kinds ran together");
    for ((ours, theirs), (expected_ours, expected_theirs)) in found.into_iter().zip(expected) {
        assert_eq!((ours, theirs), (Some(expected_ours), Some(expected_theirs)));
    }
}

#[test]
fn only_jobs_of_one_kind_join() {
    let first_job = |(mut client, mut server): (client::Handshake, server::Handshake)| loop {
        while let Some(packet) = sent_by_client(&mut client, now()) {
            server.handle_packet(now(), packet).unwrap();
        }
        if let Some(server::Event::Work(job)) = server.poll_event() {
            break job;
        }
        while let Some(packet) = sent_by_server(&mut server, now()) {
            client.handle_packet(now(), packet).unwrap();
        }
        work_client(&mut client, now()).unwrap();
    };
    let mut jobs = pairs(2).into_iter().map(first_job);
    let (one, other) = (jobs.next().unwrap(), jobs.next().unwrap());
    assert_eq!(one.joins(&other), odnix_kernels::Powers::get().is_some());
    let mut client = new_client(client_config());
    let mut server = new_server(server_config());
    server.handle_packet(now(), sent_by_client(&mut client, now()).unwrap()).unwrap();
    client.handle_packet(now(), sent_by_server(&mut server, now()).unwrap()).unwrap();
    let Some(client::Event::Work(factorize)) = client.poll_event() else { panic!("a job") };
    assert!(!one.joins(&factorize) && !factorize.joins(&one) && !factorize.joins(&factorize));
    assert!(Job::run_batch(Vec::new()).is_empty());
}

#[test]
fn a_result_of_another_exchange_is_ignored() {
    let job = |client: &mut client::Handshake| match client.poll_event() {
        Some(client::Event::Work(job)) => job,
        other => panic!("expected a job, got {other:?}"),
    };
    let mut clients = [1, 3].map(|seed| {
        let config = Arc::new(client_config());
        (
            client::Handshake::new(config, Seed::for_testing(seed)),
            server::Handshake::new(Arc::new(server_config()), Seed::for_testing(seed + 1)),
        )
    });
    let firsts = clients.each_mut().map(|(client, server)| {
        server.handle_packet(now(), sent_by_client(client, now()).unwrap()).unwrap();
        client.handle_packet(now(), sent_by_server(server, now()).unwrap()).unwrap();
        job(client).run()
    });
    let [given_up, own] = firsts;
    let (client, server) = &mut clients[1];
    client.complete(now(), given_up).unwrap();
    assert_eq!(client.state(), "Factorizing", "its own result is still to come");
    client.complete(now(), own).unwrap();
    assert_eq!(client.state(), "Encrypting");
    let (ours, theirs) = run(client, server, now(), now(), |_| KeyStored::Stored).unwrap();
    assert_eq!(ours, theirs);
}

#[test]
fn a_result_of_another_connection_is_ignored() {
    let mut servers = [1, 3].map(|seed| {
        let config = Arc::new(client_config());
        let mut client = client::Handshake::new(config, Seed::for_testing(seed));
        let config = Arc::new(server_config());
        let mut server = server::Handshake::new(config, Seed::for_testing(seed + 1));
        server.handle_packet(now(), sent_by_client(&mut client, now()).unwrap()).unwrap();
        client.handle_packet(now(), sent_by_server(&mut server, now()).unwrap()).unwrap();
        work_client(&mut client, now()).unwrap();
        server.handle_packet(now(), sent_by_client(&mut client, now()).unwrap()).unwrap();
        server
    });
    let [foreign, own] = servers.each_mut().map(|server| pair::only_job(server.poll_event()).run());
    let [_, server] = &mut servers;
    server.complete(now(), foreign).unwrap();
    assert_eq!(server.state(), "Decrypting", "its own result is still to come");
    server.complete(now(), own).unwrap();
    assert_eq!(server.state(), "Raising");
}

#[test]
fn each_machine_names_the_moment_at_which_it_has_something_to_do() {
    let mut client = new_client(client_config());
    sent_by_client(&mut client, now()).unwrap();
    let resend = client.poll_timeout().unwrap();
    let at_resend = now().after(resend.since(now().mono));
    client.handle_timeout(at_resend).unwrap();
    assert!(sent_by_client(&mut client, at_resend).is_some(), "at that moment, not after it");
    assert!(client.poll_timeout() > Some(resend));

    let (mut client, mut server) = (new_client(client_config()), new_server(server_config()));
    run(&mut client, &mut server, now(), now(), |_| KeyStored::Stored).unwrap();
    assert_eq!(client.poll_timeout(), None);
    // Three answers are remembered for ten minutes, to the moment.
    let forgotten = now().after(Duration::from_secs(600));
    assert_eq!(server.poll_timeout(), Some(forgotten.mono));
    server.handle_timeout(forgotten).unwrap();
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn a_pool_says_whether_it_is_empty() {
    for len in [0, 1, 3] {
        let pool = server::PqPool::draw(Seed::for_testing(1), len);
        assert_eq!((pool.len(), pool.is_empty()), (len, len == 0));
    }
}
