//! What must be clean: each case conceals the secrets of one operation and runs it.

use crate::memcheck::{conceal, is_concealed};
use crate::{Case, Expected};
use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use core::mem::transmute_copy;
use odnix_proto::crypto::dh::{Exponent, Group, public_batch, shared_batch};
use odnix_proto::crypto::rsa::RsaPrivateKey;
use odnix_proto::crypto::rsa_pad;
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::session::binding::{self, Carrier};
use odnix_proto::{AuthKey, AuthKeyId, MsgId, Secret, UnixTime};
use rand_core::{Rng, SeedableRng};
use std::hint::black_box;

/// In the order of a connection's life.
pub const CASES: &[Case] = &[
    Case { name: "rsa_pad_of_a_client", expected: Expected::CleanVerdict, run: rsa_genuine },
    Case { name: "rsa_pad_altered", expected: Expected::CleanVerdict, run: rsa_altered },
    Case { name: "dh_public_value", expected: Expected::CleanVerdict, run: dh_public },
    Case { name: "dh_shared_key", expected: Expected::Clean, run: dh_shared },
    Case { name: "dh_batch", expected: Expected::CleanVerdict, run: dh_batch },
    Case { name: "auth_key_id", expected: Expected::Clean, run: auth_key_id },
    Case { name: "secret_equal", expected: Expected::CleanVerdict, run: secret_equal },
    Case { name: "secret_unequal", expected: Expected::CleanVerdict, run: secret_unequal },
    Case { name: "envelope_seal", expected: Expected::Clean, run: envelope_seal },
    Case { name: "envelope_open_altered", expected: Expected::CleanVerdict, run: envelope_open },
    Case { name: "binding_altered", expected: Expected::CleanVerdict, run: binding_altered },
];

pub fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub fn random_secret<const N: usize>(seed: u8) -> Secret<N> {
    Secret::init(|bytes| rng(seed).fill_bytes(bytes))
}

fn concealed_secret<const N: usize>(seed: u8) -> Secret<N> {
    let secret = random_secret(seed);
    conceal(secret.expose_secret());
    secret
}

/// A key whose bytes are concealed and whose id, which travels in clear, is not.
fn concealed_auth_key(seed: u8) -> AuthKey {
    let key = AuthKey::new(random_secret(seed));
    conceal(key.expose_secret());
    key
}

/// Conceals p, q, d and all that is derived from them.
///
/// The key is two boxes (the public modulus, the secret numbers), public numbers and a null where
/// there are no lanes (valgrind has none), in an order that the compiler chooses; the secret box is
/// the larger one.
fn conceal_private_key(key: &RsaPrivateKey) {
    const WORDS: usize = size_of::<RsaPrivateKey>() / size_of::<usize>();
    const _: () = assert!(size_of::<RsaPrivateKey>() == WORDS * size_of::<usize>());
    unsafe extern "C" {
        fn malloc_usable_size(block: *mut u8) -> usize;
    }
    // SAFETY: the sizes are equal, there is no room for padding, and any bits are a pointer.
    let words: [*mut u8; WORDS] = unsafe { transmute_copy(key) };
    let public = key.public();
    let numbers = [public.exponent(), public.fingerprint().cast_unsigned()];
    let is_number = |word: &*mut u8| numbers.iter().any(|number| *number == word.addr() as u64);
    let boxes: Vec<*mut u8> =
        words.into_iter().filter(|word| !word.is_null() && !is_number(word)).collect();
    assert_eq!(boxes.len(), 2, "the key has another shape now");
    // SAFETY: what is not a number is a box, so malloc made it.
    let sized = boxes.into_iter().map(|word| (unsafe { malloc_usable_size(word) }, word));
    let (len, secret) = sized.max().expect("two boxes");
    assert!(len > 5 * 128, "p, q, dp, dq and the inverse of q have 128 bytes each");
    conceal(core::ptr::slice_from_raw_parts(secret, len));
}

pub fn rsa_key() -> RsaPrivateKey {
    RsaPrivateKey::from_pem(include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem"))
        .expect("a key")
}

/// The server's step from `encrypted_data` to the inner data: the private operation with
/// concealed key and concealed blinding, and the check of the hash.
fn rsa_genuine() -> bool {
    let key = rsa_key();
    let block = rsa_pad::encrypt(key.public(), b"p_q_inner_data", &mut rng(1)).expect("fits");
    conceal_private_key(&key);
    let mut blinding = ChaCha20Rng::from_seed(*concealed_secret(2).expose_secret());
    let opened = rsa_pad::decrypt(&key, &block, &mut blinding).expect("genuine");
    is_concealed(opened.expose_secret().as_ptr())
}

fn rsa_altered() -> bool {
    let key = rsa_key();
    let mut block = rsa_pad::encrypt(key.public(), b"p_q_inner_data", &mut rng(1)).expect("fits");
    block[255] ^= 1;
    conceal_private_key(&key);
    let mut blinding = ChaCha20Rng::from_seed(*concealed_secret(2).expose_secret());
    rsa_pad::decrypt(&key, &block, &mut blinding).is_err()
}

fn dh_public() -> bool {
    let public = Exponent::new(concealed_secret(3)).public(&Group::usual()).expect("in range");
    is_concealed(public.to_bytes().as_ptr())
}

fn dh_shared() -> bool {
    let group = Group::usual();
    let theirs = Exponent::new(random_secret(4)).public(&group).expect("in range");
    let shared = Exponent::new(concealed_secret(3)).shared(&group, &theirs);
    is_concealed(shared.expose_secret().as_ptr())
}

/// Of several exchanges, on a processor without lanes: valgrind has no AVX-512.
fn dh_batch() -> bool {
    let group = Group::usual();
    let theirs = Exponent::new(random_secret(4)).public(&group).expect("in range");
    let exponents = [3, 11].map(|seed| Exponent::new(concealed_secret(seed)));
    let public = public_batch(&group, &exponents.each_ref());
    let shared = shared_batch(&group, &exponents.each_ref().map(|exponent| (exponent, &theirs)));
    public
        .iter()
        .all(|element| is_concealed(element.as_ref().expect("in range").to_bytes().as_ptr()))
        && shared.iter().all(|key| is_concealed(key.expose_secret().as_ptr()))
}

fn auth_key_id() -> bool {
    let key = AuthKey::new(concealed_secret(5));
    let mut both = [0; 16];
    both[..8].copy_from_slice(&key.id().to_bytes());
    both[8..].copy_from_slice(&key.aux_hash());
    is_concealed(both.as_ptr())
}

fn secret_equal() -> bool {
    black_box(concealed_secret::<256>(6) == random_secret(6))
}

fn secret_unequal() -> bool {
    black_box(concealed_secret::<256>(6) != random_secret(7))
}

pub const HEADER: Header =
    Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(4 << 32 | 4), seq_no: 1 };

/// Key, data and the random bytes of the padding are concealed; how much of it there is shows.
fn envelope_seal() -> bool {
    let data = concealed_secret::<512>(8);
    let key = concealed_auth_key(9);
    let mut packet = BytesMut::new();
    let sealed = envelope::seal(
        &key,
        Side::Client,
        &HEADER,
        data.expose_secret(),
        &mut rng(10),
        &mut packet,
    );
    sealed.is_ok() && is_concealed(packet[24..].as_ptr())
}

/// A packet with one bit of msg_key, of the header, of the data, of the padding flipped.
fn envelope_open() -> bool {
    let key = AuthKey::new(random_secret(9));
    let mut packet = BytesMut::new();
    envelope::seal(&key, Side::Client, &HEADER, &[0; 512], &mut rng(10), &mut packet)
        .expect("fits");
    conceal(key.expose_secret());
    let places = [8, 23, 24, 52, 300, packet.len() - 1];
    places.into_iter().all(|place| {
        let mut altered = packet.clone();
        altered[place] ^= 1;
        envelope::open(&key, Side::Client, altered).is_err()
    })
}

/// A binding of a temporary key with one bit of msg_key, of its text, of its padding flipped.
fn binding_altered() -> bool {
    let key = AuthKey::new(random_secret(11));
    let temp_auth_key_id = AuthKeyId::from_bytes([12; 8]);
    let carrier = Carrier { msg_id: HEADER.msg_id, temp_auth_key_id, temp_session_id: 13 };
    let request = binding::seal_binding(&key, &carrier, i32::MAX, &mut rng(14));
    let now = UnixTime::from_secs(1_700_000_000);
    assert_eq!(binding::check_binding(&key, &request, &carrier, now), Ok(()));
    conceal(key.expose_secret());
    [8, 23, 24, 103].into_iter().all(|place| {
        let mut altered = request.clone();
        let mut bytes = altered.encrypted_message.to_vec();
        bytes[place] ^= 1;
        altered.encrypted_message = bytes.into();
        binding::check_binding(&key, &altered, &carrier, now).is_err()
    })
}
