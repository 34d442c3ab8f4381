//! Sealing and opening packets.

use super::super::clock;
use super::super::sample::{Contender, fastest};
use super::super::{Lab, Levels, Measured, Row, Target, Unit, ratio};
use crate::peers::packet::{HEADER, ShortestPadding, key, sealed};
use crate::peers::{grammers, naive};
use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use odnix_kernels::Level;
use odnix_proto::envelope::{self, OUTER_LEN, Side, ToOpen, ToSeal};
use rand_core::SeedableRng;

const LONG: usize = 16 << 10;
const MIDDLE: usize = 1 << 10;
const SHORT: usize = 64;
const BATCH: usize = 16;

const fn row(
    name: &'static str,
    beside: &'static str,
    least: f64,
    measure: fn(&Lab) -> Measured,
) -> Row {
    let (unit, levels) = (Unit::Ratio, Levels::From(Level::AesNi));
    Row { name, beside, unit, target: Target::AtLeast(least), levels, measure }
}

pub const ROWS: &[Row] = &[
    row("seal 16 KiB", "SHA, then chain", 0.95, seal_beside_chain),
    row("seal 64 B", "grammers", 3.3, |lab| seal_beside_grammers(lab, SHORT)),
    row("open 16 KiB", "chain", 0.95, open_beside_chain),
    row("open 16 KiB", "naive", 1.9, |lab| open_beside_naive(lab, LONG)),
    row("open 16 KiB", "grammers", 2.7, |lab| open_beside_grammers(lab, LONG)),
    batch("seal 16 of 1 KiB", 3.8, |lab| seal_batch(lab, MIDDLE)),
    batch("seal 16 of 16 KiB", 3.8, |lab| seal_batch(lab, LONG)),
    batch("open 16 of 1 KiB", 4.0, |lab| open_batch(lab, MIDDLE)),
    batch("open 16 of 16 KiB", 4.0, |lab| open_batch(lab, LONG)),
];

const fn batch(name: &'static str, least: f64, measure: fn(&Lab) -> Measured) -> Row {
    Row { levels: Levels::From(Level::Vaes512), ..row(name, "naive, one by one", least, measure) }
}

/// Packets for one measurement: they stay in the nearest cache but one.
fn at_once(data_len: usize) -> u32 {
    if data_len < LONG { 64 } else { 4 }
}

/// Blocks that a packet of so much data encrypts.
fn blocks(data_len: usize) -> usize {
    (sealed(data_len).len() - OUTER_LEN) / 16
}

fn our_seal<'a>(data_len: usize) -> Contender<'a> {
    let (key, data) = (key(), vec![7; data_len]);
    let (mut padding, mut out) = (ShortestPadding::new(), BytesMut::new());
    Contender::new("odnix", move || {
        out.clear();
        envelope::seal(&key, Side::Client, &HEADER, &data, &mut padding, &mut out)
    })
}

fn our_open<'a>(data_len: usize) -> Contender<'a> {
    let (key, packet) = (key(), sealed(data_len));
    let open = move |packet| envelope::open(&key, Side::Server, packet).expect("sealed with it");
    Contender::with_input("odnix", at_once(data_len), move || packet.clone(), open)
}

fn seal_beside_chain(lab: &Lab) -> Measured {
    ratio(fastest(&lab.effort, [our_seal(LONG), clock::sha_then_aes(blocks(LONG))?]))
}

fn seal_beside_grammers(lab: &Lab, data_len: usize) -> Measured {
    let (key, data) = (grammers::key(), vec![7; data_len]);
    let mut buffer = grammers::buffer(data_len);
    let theirs = Contender::new("grammers", || grammers::seal(&key, &data, &mut buffer));
    ratio(fastest(&lab.effort, [our_seal(data_len), theirs]))
}

fn open_beside_chain(lab: &Lab) -> Measured {
    ratio(fastest(&lab.effort, [our_open(LONG), clock::aes(blocks(LONG))?]))
}

fn open_beside_naive(lab: &Lab, data_len: usize) -> Measured {
    let (key, packet) = (key(), sealed(data_len).to_vec());
    let theirs = Contender::new("naive", || naive::open(&key, 8, &packet).expect("sealed with it"));
    ratio(fastest(&lab.effort, [our_open(data_len), theirs]))
}

fn open_beside_grammers(lab: &Lab, data_len: usize) -> Measured {
    let (key, packet) = (grammers::key(), sealed(data_len).to_vec());
    let open = |packet| grammers::open(&key, packet);
    let theirs = Contender::with_input("grammers", at_once(data_len), || packet.clone(), open);
    ratio(fastest(&lab.effort, [our_open(data_len), theirs]))
}

fn seal_batch(lab: &Lab, data_len: usize) -> Measured {
    let (key, data) = (key(), vec![7; data_len]);
    let mut padding = ShortestPadding::new();
    let mut packets = vec![BytesMut::new(); BATCH];
    let ours = Contender::new("odnix, all at once", || {
        packets.iter_mut().for_each(BytesMut::clear);
        let mut messages: Vec<ToSeal<'_>> = packets
            .iter_mut()
            .map(|out| ToSeal { key: &key, from: Side::Client, header: HEADER, data: &data, out })
            .collect();
        let mut sealed = Vec::with_capacity(BATCH);
        envelope::seal_batch(&mut messages, &mut padding, &mut sealed);
        sealed
    });
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let theirs = Contender::new("naive, one by one", || {
        (0..BATCH).map(|_| naive::seal(&key, 0, &data, &mut rng)).collect::<Vec<_>>()
    });
    ratio(fastest(&lab.effort, [ours, theirs]))
}

fn open_batch(lab: &Lab, data_len: usize) -> Measured {
    let (key, packet) = (key(), sealed(data_len));
    let packets = || {
        let packet = || ToOpen { key: &key, from: Side::Server, packet: packet.clone() };
        (0..BATCH).map(|_| packet()).collect::<Vec<_>>()
    };
    let ours = Contender::with_input("odnix, all at once", 1, packets, |mut packets| {
        let mut opened = Vec::with_capacity(BATCH);
        envelope::open_batch(&mut packets, &mut opened);
        (packets, opened)
    });
    let theirs = Contender::new("naive, one by one", || {
        (0..BATCH).map(|_| naive::open(&key, 8, &packet)).collect::<Vec<_>>()
    });
    ratio(fastest(&lab.effort, [ours, theirs]))
}
