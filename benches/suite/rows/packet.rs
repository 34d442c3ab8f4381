//! Sealing and opening packets.

use super::super::clock;
use super::super::sample::{Contender, fastest};
use super::super::{Lab, Levels, Measured, Row, Target, Unit, ratio};
use crate::peers::packet::{HEADER, ShortestPadding, key, sealed};
use crate::peers::{grammers, naive};
use bytes::BytesMut;
use odnix_kernels::Level;
use odnix_proto::envelope::{self, OUTER_LEN, Side};

const LONG: usize = 16 << 10;
const SHORT: usize = 64;

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
];

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
