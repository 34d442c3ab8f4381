//! AES-256-IGE alone.

use super::super::clock;
use super::super::sample::{Contender, fastest};
use super::super::{Lab, Levels, Measured, Row, Target, Unit, ratio};
use crate::peers::{grammers, naive};
use odnix_kernels::{Block, Level, Stream};
use std::hint::black_box;

const KEY: [u8; 32] = [1; 32];
const IV: [u8; 32] = [2; 32];
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

const fn many(name: &'static str, level: Level, least: f64, measure: fn(&Lab) -> Measured) -> Row {
    Row { levels: Levels::Only(level), ..row(name, "one stream", least, measure) }
}

pub const ROWS: &[Row] = &[
    row("IGE encrypt 16 KiB", "chain", 0.97, |lab| beside_chain(lab, false)),
    row("IGE decrypt 16 KiB", "chain", 0.97, |lab| beside_chain(lab, true)),
    row("IGE encrypt 16 KiB", "grammers", 2.1, |lab| beside_grammers(lab, LONG, false)),
    row("IGE decrypt 16 KiB", "grammers", 2.1, |lab| beside_grammers(lab, LONG, true)),
    row("IGE encrypt 64 B with key setup", "ige", 2.3, |lab| beside_ige(lab, false)),
    row("IGE decrypt 64 B with key setup", "ige", 2.3, |lab| beside_ige(lab, true)),
    row("IGE encrypt 64 B with key setup", "grammers", 3.5, |lab| {
        beside_grammers(lab, SHORT, false)
    }),
    row("IGE decrypt 64 B with key setup", "grammers", 3.5, |lab| {
        beside_grammers(lab, SHORT, true)
    }),
    many("IGE encrypt, 8 streams", Level::Vaes512, 7.0, |lab| beside_one::<8>(lab, false)),
    many("IGE decrypt, 8 streams", Level::Vaes512, 7.0, |lab| beside_one::<8>(lab, true)),
    many("IGE encrypt, 12 streams", Level::Vaes512, 10.0, |lab| beside_one::<12>(lab, false)),
    many("IGE decrypt, 12 streams", Level::Vaes512, 10.0, |lab| beside_one::<12>(lab, true)),
    many("IGE encrypt, 8 streams of AES-NI", Level::AesNi, 4.0, |lab| beside_one::<8>(lab, false)),
    many("IGE decrypt, 8 streams of AES-NI", Level::AesNi, 4.0, |lab| beside_one::<8>(lab, true)),
];

/// One stream as often as there are streams beside all of them at once, 16 KiB each. They do not
/// begin at the same place of a page, which would push each other out of the cache.
fn beside_one<const N: usize>(lab: &Lab, decrypts: bool) -> Measured {
    const APART: usize = LONG / 16 + 20;
    let kernels = lab.kernels;
    let mut blocks: Vec<Block> = vec![[7; 16]; N * APART];
    let batch = Contender::new("odnix, all at once", || {
        let parts = blocks.chunks_exact_mut(APART).map(|part| &mut part[..LONG / 16]);
        let mut streams: Vec<Stream<'_>> =
            parts.map(|blocks| Stream { key: black_box(&KEY), iv: &IV, blocks }).collect();
        match decrypts {
            false => kernels.ige_encrypt_many(&mut streams),
            true => kernels.ige_decrypt_many(&mut streams),
        }
    });
    let [batch, mut one] = fastest(&lab.effort, [batch, ours(lab, LONG, decrypts)]);
    one.ns *= N as f64;
    one.of = "one after the other";
    ratio([batch, one])
}

fn ours<'a>(lab: &Lab, len: usize, decrypts: bool) -> Contender<'a> {
    let kernels = lab.kernels;
    let mut blocks: Vec<Block> = vec![[7; 16]; len / 16];
    Contender::new("odnix", move || match decrypts {
        false => kernels.ige_encrypt(black_box(&KEY), &IV, &mut blocks),
        true => kernels.ige_decrypt(black_box(&KEY), &IV, &mut blocks),
    })
}

fn beside_chain(lab: &Lab, decrypts: bool) -> Measured {
    ratio(fastest(&lab.effort, [ours(lab, LONG, decrypts), clock::aes(LONG / 16)?]))
}

fn beside_ige(lab: &Lab, decrypts: bool) -> Measured {
    let mut blocks: Vec<Block> = vec![[7; 16]; SHORT / 16];
    let theirs = Contender::new("ige", || naive::ige(black_box(&KEY), &IV, &mut blocks, decrypts));
    ratio(fastest(&lab.effort, [ours(lab, SHORT, decrypts), theirs]))
}

fn beside_grammers(lab: &Lab, len: usize, decrypts: bool) -> Measured {
    let mut bytes = vec![7; len];
    let theirs =
        Contender::new("grammers", || grammers::ige(black_box(&KEY), &IV, &mut bytes, decrypts));
    ratio(fastest(&lab.effort, [ours(lab, len, decrypts), theirs]))
}
