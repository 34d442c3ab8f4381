//! What must be reported: the same operations, written in the ways that leak. A run in which one
//! of these goes unnoticed proves nothing, and fails.

use crate::cases::{HEADER, random_secret, rng};
use crate::memcheck::{conceal, is_concealed};
use crate::{Case, Expected};
use bytes::BytesMut;
use odnix_proto::crypto::ige::aes256_ige_decrypt;
use odnix_proto::crypto::kdf::{message_key, message_keys};
use odnix_proto::envelope::{self, Side};
use odnix_proto::{AuthKey, Secret};
use std::hint::black_box;

pub const CASES: &[Case] = &[
    Case { name: "compare_with_early_exit", expected: Expected::Reported, run: early_exit },
    Case { name: "branch_on_a_comparison", expected: Expected::Reported, run: own_verdict },
    Case { name: "table_indexed_by_a_secret", expected: Expected::Reported, run: table },
    Case { name: "branch_on_an_exponent_bit", expected: Expected::Reported, run: exponent_bit },
    Case { name: "length_read_before_the_hash", expected: Expected::Reported, run: length_first },
    Case { name: "secret_that_reaches_nothing", expected: Expected::Vacuous, run: vacuous },
];

fn concealed<const N: usize>() -> Secret<N> {
    let secret = random_secret(1);
    conceal(secret.expose_secret());
    secret
}

#[inline(never)]
pub fn equal_with_early_exit(a: &[u8], b: &[u8]) -> bool {
    for (a, b) in a.iter().zip(b) {
        if a != b {
            return false;
        }
    }
    true
}

fn early_exit() -> bool {
    equal_with_early_exit(concealed::<32>().expose_secret(), &[7; 32]);
    true
}

/// Constant-time up to the outcome, which is not made public where it should be.
fn own_verdict() -> bool {
    let differing = concealed::<32>().expose_secret().iter().fold(0, |all, byte| all | (byte ^ 7));
    if black_box(differing) == 0 {
        black_box(1)
    } else {
        black_box(2)
    };
    true
}

fn table() -> bool {
    static TABLE: [u8; 256] = [9; 256];
    let [index] = *concealed::<1>().expose_secret();
    black_box(black_box(&TABLE)[usize::from(index)]);
    true
}

fn exponent_bit() -> bool {
    const PRIME: u64 = 4_294_967_291;
    let exponent = u32::from_le_bytes(*concealed::<4>().expose_secret());
    let mut power = 1;
    for bit in (0..32).rev() {
        power = power * power % PRIME;
        if exponent >> bit & 1 == 1 {
            power = black_box(power * 3 % PRIME);
        }
    }
    black_box(power);
    true
}

/// `envelope::open` as it is written when the order of the checks is wrong.
fn length_first() -> bool {
    let key = AuthKey::new(random_secret(2));
    let mut packet = BytesMut::new();
    envelope::seal(&key, Side::Client, &HEADER, &[0; 64], &mut rng(3), &mut packet).expect("fits");
    packet[60] ^= 1;
    conceal(key.expose_secret());
    let (outer, inner) = packet.split_at_mut(24);
    let msg_key: &[u8; 16] = outer[8..].try_into().expect("16 bytes");
    let keys = message_keys(&key, Side::Client, msg_key);
    aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), inner).expect("whole blocks");
    let data_len = u32::from_le_bytes(inner[28..32].try_into().expect("4 bytes"));
    if data_len > 64 {
        return true;
    }
    black_box(message_key(&key, Side::Client, inner));
    true
}

fn vacuous() -> bool {
    black_box(concealed::<32>());
    is_concealed(black_box([7_u8; 16]).as_ptr())
}
