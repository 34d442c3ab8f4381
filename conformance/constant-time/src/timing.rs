//! A second opinion: the same operations with two classes of secrets, measured in turn at random,
//! and Welch's t of the two means. After Reparaz, Balasch and Verbauwhede, "Dude, is my code
//! constant time?" (DATE 2017).
//!
//! A |t| above 4.5 is evidence of a difference. Below, none was found on this machine with this
//! many measurements, which is all that measuring can say.

use crate::cases::{HEADER, random_secret, rng, rsa_key};
use crate::planted::equal_with_early_exit;
use bytes::BytesMut;
use odnix_proto::crypto::dh::{Exponent, Group, GroupElement, public_batch, shared_batch};
use odnix_proto::crypto::rsa_pad;
use odnix_proto::envelope::{self, Side};
use odnix_proto::{AuthKey, Secret};
use rand_core::Rng;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

const T_MAX: f64 = 4.5;

/// Measures all; fails when the planted leak is not seen, or anything else is.
pub fn report() -> ExitCode {
    let rows = [
        ("planted: compare with early exit", measure(100_000, early_exit()), true),
        ("secret_equal: first or last byte differs", measure(100_000, secrets()), false),
        ("envelope_open: first or last byte of msg_key wrong", measure(20_000, envelopes()), false),
        ("dh_shared_key: exponent 1 or random", measure(1_000, exponents()), false),
        ("dh_public_value: exponent 1 or random", measure(1_000, raised()), false),
        ("eight dh_shared_key: exponents 1 or random", measure(500, eight_shared()), false),
        ("eight dh_public_value: exponents 1 or random", measure(1_000, eight_raised()), false),
        ("rsa_pad: genuine or altered block", measure(1_000, blocks()), false),
    ];
    let mut wrong = false;
    for (name, t, planted) in rows {
        let seen = t.abs() > T_MAX;
        wrong |= seen != planted;
        println!("{name:<52} |t| = {:>8.2}  {}", t.abs(), if seen { "DIFFERS" } else { "-" });
    }
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Runs `operation` with class `false` or `true`, drawn anew each time; gives Welch's t. It
/// prepares what it needs and tells how long the operation itself took, in nanoseconds.
fn measure(count: usize, mut operation: impl FnMut(bool) -> u128) -> f64 {
    let mut classes = rng(21);
    let mut times: Vec<(bool, u128)> = Vec::with_capacity(count);
    for _ in 0..count {
        let class = classes.next_u32() & 1 == 1;
        times.push((class, operation(class)));
    }
    // The slowest tenth is the machine's, interrupts and neighbours, and hides the rest.
    let mut sorted: Vec<u128> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_unstable();
    let slowest = sorted[count * 9 / 10];
    times.retain(|(_, time)| *time <= slowest);
    let of = |class| times.iter().filter(move |(c, _)| *c == class).map(|(_, time)| *time as f64);
    let (mean_a, error_a) = mean_and_error(of(false));
    let (mean_b, error_b) = mean_and_error(of(true));
    (mean_a - mean_b) / (error_a + error_b).sqrt()
}

/// The mean, and the variance of the mean.
fn mean_and_error(times: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = times.clone().count() as f64;
    let mean = times.clone().sum::<f64>() / count;
    let squares: f64 = times.map(|time| (time - mean).powi(2)).sum();
    (mean, squares / (count - 1.0) / count)
}

fn nanoseconds<T>(operation: impl FnOnce() -> T) -> u128 {
    let start = Instant::now();
    black_box(operation());
    start.elapsed().as_nanos()
}

/// Two copies of 256 bytes, one of them wrong in its first or in its last byte.
fn differing(first: bool) -> (Secret<256>, Secret<256>) {
    let right = random_secret(22);
    let mut bytes = *right.expose_secret();
    bytes[if first { 0 } else { 255 }] ^= 1;
    (right, Secret::take(&mut bytes))
}

fn early_exit() -> impl FnMut(bool) -> u128 {
    |class| {
        let (a, b) = differing(class);
        nanoseconds(|| equal_with_early_exit(a.expose_secret(), b.expose_secret()))
    }
}

fn secrets() -> impl FnMut(bool) -> u128 {
    |class| {
        let (a, b) = differing(class);
        nanoseconds(|| a == b)
    }
}

fn envelopes() -> impl FnMut(bool) -> u128 {
    let key = AuthKey::new(random_secret(23));
    let mut packet = BytesMut::new();
    envelope::seal(&key, Side::Client, &HEADER, &[0; 512], &mut rng(24), &mut packet)
        .expect("fits");
    move |class| {
        let mut altered = packet.clone();
        altered[if class { 8 } else { 23 }] ^= 1;
        nanoseconds(|| envelope::open(&key, Side::Client, altered))
    }
}

/// 1 or random.
fn exponent(class: bool, random: &mut impl Rng) -> Exponent {
    Exponent::new(Secret::init(|bytes: &mut [u8; 256]| {
        random.fill_bytes(bytes);
        if class {
            bytes.fill(0);
            bytes[255] = 1;
        }
    }))
}

fn element(group: &Group) -> GroupElement {
    Exponent::new(random_secret(25)).public(group).expect("in range")
}

fn exponents() -> impl FnMut(bool) -> u128 {
    let (group, mut random) = (Group::usual(), rng(26));
    let theirs = element(&group);
    move |class| {
        let exponent = exponent(class, &mut random);
        nanoseconds(|| exponent.shared(&group, &theirs))
    }
}

fn raised() -> impl FnMut(bool) -> u128 {
    let (group, mut random) = (Group::usual(), rng(28));
    move |class| {
        let exponent = exponent(class, &mut random);
        nanoseconds(|| exponent.public(&group))
    }
}

fn eight_shared() -> impl FnMut(bool) -> u128 {
    let (group, mut random) = (Group::usual(), rng(29));
    let theirs = element(&group);
    move |class| {
        let exponents = [(); 8].map(|()| exponent(class, &mut random));
        let pairs = exponents.each_ref().map(|exponent| (exponent, &theirs));
        nanoseconds(|| shared_batch(&group, &pairs))
    }
}

fn eight_raised() -> impl FnMut(bool) -> u128 {
    let (group, mut random) = (Group::usual(), rng(30));
    move |class| {
        let exponents = [(); 8].map(|()| exponent(class, &mut random));
        nanoseconds(|| public_batch(&group, &exponents.each_ref()))
    }
}

fn blocks() -> impl FnMut(bool) -> u128 {
    let key = rsa_key();
    let mut random = rng(27);
    move |class| {
        let mut block = rsa_pad::encrypt(key.public(), b"inner data", &mut random).expect("fits");
        block[255] ^= u8::from(class);
        nanoseconds(|| rsa_pad::decrypt(&key, &block, &mut random))
    }
}
