//! Every target on random inputs, with any compiler: a broken target or a coarse defect shows
//! here, before anyone fuzzes.

use chacha20::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

fn inputs(rounds: u64) -> impl Iterator<Item = Vec<u8>> {
    (0..rounds).map(|round| {
        let mut random = ChaCha20Rng::seed_from_u64(round);
        let len = random.next_u32() % 400;
        let mut input = vec![0; usize::try_from(len).unwrap()];
        random.fill_bytes(&mut input);
        // Small numbers and zeros get further than noise.
        let mask = random.next_u32().to_le_bytes()[0];
        input.iter_mut().skip(usize::from(mask) % 16).step_by(2).for_each(|byte| *byte &= mask);
        input
    })
}

#[test]
fn framer() {
    let openings: [&[u8]; 5] = [&[], &[0xef], &[0xee; 4], &[0xdd; 4], &[52, 0, 0, 0, 0, 0, 0, 0]];
    for (round, mut input) in inputs(20_000).enumerate() {
        let at = input.len().min(2);
        input.splice(at..at, openings[round % openings.len()].iter().copied());
        odnix_fuzz::framer::run(&input);
    }
}

#[test]
fn tl_decode() {
    for (round, mut input) in inputs(20_000).enumerate() {
        input.truncate(input.len() / 4 * 4);
        let ids: [u32; 4] = [0x73f1f8dc, 0x62d6b459, 0x1cb5c415, 0xc1cd5ea9];
        input.splice(0..0, ids[round % ids.len()].to_le_bytes());
        odnix_fuzz::tl_decode::run(&input);
    }
}

/// Each seed as it is, and with a few bytes changed.
fn seeds(target: &str, rounds: u64) -> impl Iterator<Item = Vec<u8>> {
    let found = odnix_fuzz::seeds::all().into_iter().find(|(name, _)| *name == target);
    let (_, seeds) = found.expect("a target with seeds");
    let mut random = ChaCha20Rng::seed_from_u64(1);
    seeds.into_iter().flat_map(move |seed| {
        let mut inputs = vec![seed.clone()];
        for _ in 0..rounds {
            let mut input = seed.clone();
            for _ in 0..random.next_u32() % 4 + 1 {
                let at = random.next_u32() as usize % input.len();
                input[at] = random.next_u32().to_le_bytes()[0];
            }
            inputs.push(input);
        }
        inputs
    })
}

/// What fuzzing found, in the product or in a target.
#[test]
fn findings() {
    // A built-in constructor, and more bytes: only the dynamic codec knows the constructor.
    let bool_true = 0x9972_75b5_u32.to_le_bytes();
    odnix_fuzz::tl_decode::run(&[bool_true, bool_true].concat());
    // Two bytes ask for a packet of 664, which the bound on memory has to know of.
    let opening = [1, 1, 1, 1, 2, 0, 5, 0, 0, 2, 255, 2, 255];
    odnix_fuzz::obfuscation::run(&[&opening[..], &[0xed; 240]].concat());
}

#[test]
fn tl_decode_from_seeds() {
    seeds("tl_decode", 40).for_each(|input| odnix_fuzz::tl_decode::run(&input));
}

#[test]
fn tl_json() {
    seeds("tl_json", 40).for_each(|input| odnix_fuzz::tl_json::run(&input));
}

#[test]
fn tl_schema() {
    seeds("tl_schema", 8).for_each(|input| odnix_fuzz::tl_schema::run(&input));
    inputs(2_000).for_each(|input| odnix_fuzz::tl_schema::run(&input));
}

#[test]
fn plain_message() {
    for mut input in inputs(20_000) {
        let len = input.len();
        input.iter_mut().take(8).for_each(|byte| *byte = 0);
        if let Some(data_len) = input.get_mut(16..20) {
            data_len.copy_from_slice(&u32::try_from(len - 20).unwrap().to_le_bytes());
        }
        odnix_fuzz::plain_message::run(&input);
    }
}

#[test]
fn envelope_open() {
    for mut input in inputs(5_000) {
        if let Some(data_len) = input.get_mut(30..34) {
            data_len[1..].fill(0);
        }
        odnix_fuzz::envelope_open::run(&input);
    }
}

#[test]
fn kernels() {
    for level in odnix_kernels::Level::ALL {
        for (round, mut input) in inputs(100).enumerate() {
            input.insert(0, u8::try_from(round % 4).unwrap());
            odnix_fuzz::kernels::run(level, &input);
        }
    }
}

#[test]
fn sequencer() {
    inputs(20_000).for_each(|input| odnix_fuzz::sequencer::run(&input));
}

#[test]
fn framer_from_seeds() {
    seeds("framer", 100).for_each(|input| odnix_fuzz::framer::run(&input));
}

#[test]
fn plain_message_from_seeds() {
    seeds("plain_message", 100).for_each(|input| odnix_fuzz::plain_message::run(&input));
}

#[test]
fn envelope_open_from_seeds() {
    seeds("envelope_open", 50).for_each(|input| odnix_fuzz::envelope_open::run(&input));
}

#[test]
fn obfuscation() {
    seeds("obfuscation", 100).for_each(|input| odnix_fuzz::obfuscation::run(&input));
    inputs(4_000).for_each(|input| odnix_fuzz::obfuscation::run(&input));
}

#[test]
fn handshake_client() {
    seeds("handshake_client", 5).for_each(|input| odnix_fuzz::handshake_client::run(&input));
    inputs(400).for_each(|input| odnix_fuzz::handshake_client::run(&input));
}

#[test]
fn handshake_server() {
    seeds("handshake_server", 5).for_each(|input| odnix_fuzz::handshake_server::run(&input));
    inputs(400).for_each(|input| odnix_fuzz::handshake_server::run(&input));
}

#[test]
fn session_packets() {
    seeds("session_packets", 100).for_each(|input| odnix_fuzz::session_packets::run(&input));
    inputs(4_000).for_each(|input| odnix_fuzz::session_packets::run(&input));
}

#[test]
fn connection() {
    seeds("connection", 8).for_each(|input| odnix_fuzz::connection::run(&input));
    inputs(300).for_each(|input| odnix_fuzz::connection::run(&input));
}

#[test]
#[should_panic(expected = "bytes of memory")]
fn the_memory_gate_catches_an_allocation_from_a_wire_count() {
    odnix_fuzz::memory::bounded(&[0; 4], 1024, 8, || Vec::<u8>::with_capacity(1 << 20));
}
