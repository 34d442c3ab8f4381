//! Many packets at once come out as each would alone.

use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use odnix_proto::envelope::{Header, Side, ToOpen, ToSeal, open, open_batch, seal, seal_batch};
use odnix_proto::{AuthKey, MsgId, Secret};
use proptest::prelude::*;
use rand_core::{Rng, SeedableRng};

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn key(seed: u64) -> AuthKey {
    AuthKey::new(Secret::init(|bytes| rng(seed).fill_bytes(bytes)))
}

fn header(i: i64) -> Header {
    Header { salt: i, session_id: !i, msg_id: MsgId::from_i64(i << 32), seq_no: i as i32 }
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

/// One message: whose key, who seals it, how long it is. Some lengths cannot be sealed.
fn messages() -> impl Strategy<Value = Vec<(usize, Side, usize)>> {
    let len = prop_oneof![
        8 => (0_usize..60).prop_map(|words| words * 4),
        2 => (60_usize..900).prop_map(|words| words * 4),
        1 => 1_usize..4,
    ];
    prop::collection::vec((0_usize..5, side(), len), 0..70)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sealed_together_or_one_by_one_is_the_same(messages in messages(), seed: u64) {
        let keys: Vec<AuthKey> = (0..5).map(key).collect();
        let data = vec![7; 4000];
        let before = vec![9; seed as usize % 50];
        let mut alone = vec![BytesMut::from(&*before); messages.len()];
        let mut together = alone.clone();
        let mut padding = rng(seed);
        let one_by_one: Vec<_> = messages
            .iter()
            .zip(&mut alone)
            .zip(0..)
            .map(|(((key, from, len), out), i)| {
                seal(&keys[*key], *from, &header(i), &data[..*len], &mut padding, out)
            })
            .collect();
        let mut asked: Vec<ToSeal<'_>> = messages
            .iter()
            .zip(&mut together)
            .zip(0..)
            .map(|(((key, from, len), out), i)| {
                ToSeal { key: &keys[*key], from: *from, header: header(i), data: &data[..*len], out }
            })
            .collect();
        let mut at_once = Vec::new();
        seal_batch(&mut asked, &mut rng(seed), &mut at_once);
        prop_assert_eq!(one_by_one, at_once);
        prop_assert_eq!(alone, together);
    }

    /// Some packets are damaged: one bit, the whole packet cut, a wrong key, the wrong side.
    #[test]
    fn opened_together_or_one_by_one_is_the_same(
        messages in messages(),
        damages in prop::collection::vec((0_u8..8, any::<usize>()), 70),
        seed: u64,
    ) {
        let keys: Vec<AuthKey> = (0..5).map(key).collect();
        let mut padding = rng(seed);
        let mut asked: Vec<ToOpen<'_>> = Vec::new();
        for ((i, (key, from, len)), (damage, place)) in messages.iter().enumerate().zip(damages) {
            let (mut key, mut from, mut packet) = (*key, *from, BytesMut::new());
            let data = vec![i as u8; len.next_multiple_of(4)];
            seal(&keys[key], from, &header(i as i64), &data, &mut padding, &mut packet).unwrap();
            let place = place % packet.len();
            match damage {
                0 => packet[place] ^= 1,
                1 => packet.truncate(place),
                2 => key = (key + 1) % 5,
                3 => from = if from == Side::Client { Side::Server } else { Side::Client },
                _ => {}
            }
            asked.push(ToOpen { key: &keys[key], from, packet });
        }
        let one_by_one: Vec<_> =
            asked.iter().map(|to| open(to.key, to.from, to.packet.clone())).collect();
        let mut at_once = Vec::new();
        open_batch(&mut asked, &mut at_once);
        prop_assert_eq!(one_by_one, at_once);
        prop_assert!(asked.iter().all(|to| to.packet.is_empty()), "the packets are taken out");
    }
}

#[test]
fn what_is_there_already_stays() {
    let key = key(1);
    let mut out = BytesMut::new();
    let message =
        ToSeal { key: &key, from: Side::Client, header: header(1), data: b"", out: &mut out };
    let mut sealed = Vec::new();
    seal_batch(&mut [message], &mut rng(1), &mut sealed);
    seal_batch(&mut [], &mut rng(1), &mut sealed);
    assert_eq!(sealed.len(), 1);
    let mut opened = Vec::new();
    for _ in 0..2 {
        let packet = ToOpen { key: &key, from: Side::Client, packet: out.clone() };
        open_batch(&mut [packet], &mut opened);
    }
    assert_eq!(opened.len(), 2);
    assert_eq!(opened[0], opened[1]);
}
