//! Temporary keys at the server's session: what they may ask before they are bound, what binds
//! them, and how a key ends.

mod hand;
#[path = "common/transitions.rs"]
mod transitions;

use bytes::Bytes;
use hand::{Hand, SESSION_ID, START_S, container, echo, key};
use odnix_proto::{
    AuthKey, AuthKeyId, MsgId,
    crypto::{
        ige::{aes256_ige_decrypt, aes256_ige_encrypt},
        kdf::{Side, message_key_v1, message_keys_v1},
    },
    error::UsageError,
    limits::Limits,
    session::{
        BINDING_TRANSITIONS, CallId, DESTRUCTION_TRANSITIONS, KeyDestroyed, ServerSessionEvent,
        binding::{Carrier, seal_binding},
    },
    transition::Transition,
};
use odnix_tl::{
    Encode, Raw,
    mtproto::{functions as mtproto, types},
    odnix::functions::{
        InitConnection, InvokeWithLayer,
        auth::BindTempAuthKey,
        help::{GetConfig, GetNearestDc},
        updates::GetState,
    },
};
use rand_core::SeedableRng;
use std::collections::BTreeSet;

const PERM: u8 = 70;

fn invalid() -> Result<Bytes, (i32, String)> {
    Err((400, "ENCRYPTED_MESSAGE_INVALID".into()))
}

fn refusal(code: i32, text: &str) -> Result<Bytes, (i32, String)> {
    Err((code, text.into()))
}

fn yes() -> Result<Bytes, (i32, String)> {
    Ok(true.to_bytes().unwrap())
}

fn binding_by(perm: &AuthKey, carrier: &Carrier, expires_at: i32) -> BindTempAuthKey {
    seal_binding(perm, carrier, expires_at, &mut chacha20::ChaCha20Rng::seed_from_u64(1))
}

fn carrier(hand: &Hand, msg_id: MsgId) -> Carrier {
    Carrier { msg_id, temp_auth_key_id: hand.key.id(), temp_session_id: SESSION_ID }
}

const EXPIRES_AT: i32 = START_S as i32 + 3600;

/// The right request for a message of this id.
fn binding(hand: &Hand, msg_id: MsgId) -> BindTempAuthKey {
    binding_by(&key(PERM), &carrier(hand, msg_id), EXPIRES_AT)
}

/// Sends a request made for its own message.
fn ask(hand: &mut Hand, make: impl FnOnce(&Hand, MsgId) -> BindTempAuthKey) -> MsgId {
    let (msg_id, seq_no) = (hand.next_id(), hand.next_seq_no());
    let body = make(hand, msg_id).to_bytes().unwrap();
    hand.at(msg_id, seq_no, &body);
    msg_id
}

/// Answers the question for the permanent key with `perm`.
fn provide(hand: &mut Hand, perm: Option<&AuthKey>) {
    match hand.events().as_slice() {
        [ServerSessionEvent::PermanentKeyWanted { call, .. }] => {
            hand.server.provide_permanent_key(hand.now, *call, perm).unwrap();
        }
        other => panic!("{other:?}"),
    }
}

/// Takes a binding to its end.
fn bind(hand: &mut Hand) {
    let asked = ask(hand, binding);
    provide(hand, Some(&key(PERM)));
    let [ServerSessionEvent::TemporaryKeyBound { call, .. }] = hand.events()[..] else { panic!() };
    hand.server.binding_stored(call, true).unwrap();
    assert_eq!(hand.answers(), [(asked, yes())]);
}

fn wrapped(query: &impl Encode) -> Vec<u8> {
    let init = InitConnection {
        api_id: 1,
        device_model: "x".into(),
        system_version: "x".into(),
        app_version: "x".into(),
        system_lang_code: "en".into(),
        lang_pack: String::new(),
        lang_code: "en".into(),
        proxy: None,
        params: None,
        query: Raw(gzip(&query.to_bytes().unwrap())),
    };
    let query = Raw(init.to_bytes().unwrap());
    InvokeWithLayer { layer: 200, query }.to_bytes().unwrap().to_vec()
}

fn gzip(plain: &[u8]) -> Bytes {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    packed.extend(miniz_oxide::deflate::compress_to_vec(plain, 6));
    packed.extend(crc32fast::hash(plain).to_le_bytes());
    packed.extend((plain.len() as u32).to_le_bytes());
    types::GzipPacked { packed_data: packed.into() }.to_bytes().unwrap()
}

#[test]
fn an_unbound_key_runs_three_methods_wrapped_or_not_and_nothing_else() {
    let mut hand = Hand::temporary();
    for open in [GetConfig {}.to_bytes().unwrap(), GetNearestDc {}.to_bytes().unwrap()] {
        hand.content(&open);
        assert_eq!(hand.calls().len(), 1);
    }
    hand.content(&wrapped(&GetConfig {}));
    assert_eq!(hand.calls().len(), 1);
    let empty = refusal(401, "AUTH_KEY_PERM_EMPTY");
    for closed in
        [echo(1).to_vec(), GetState {}.to_bytes().unwrap().to_vec(), wrapped(&GetState {})]
    {
        let asked = hand.content(&closed);
        assert!(hand.events().is_empty(), "it does not reach the embedder");
        assert_eq!(hand.answers(), [(asked, empty.clone())]);
    }
    let inner = hand.next_id();
    let (outer, inner_seq) = (hand.next_id(), hand.next_seq_no());
    let seq_no = hand.content_sent * 2;
    hand.at(outer, seq_no, &container(&[(inner, inner_seq, &wrapped(&GetState {}))]));
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(inner, empty)]);
}

#[test]
fn boolean_true_leaves_after_the_binding_is_stored_and_then_everything_runs() {
    let mut hand = Hand::temporary();
    let asked = ask(&mut hand, binding);
    let [ServerSessionEvent::PermanentKeyWanted { call, perm_auth_key_id }] = hand.events()[..]
    else {
        panic!()
    };
    assert_eq!(perm_auth_key_id, key(PERM).id());
    assert_eq!(hand.server.binding_stored(call, true), Err(UsageError::NotAsked), "not checked");
    hand.server.provide_permanent_key(hand.now, call, Some(&key(PERM))).unwrap();
    let [ServerSessionEvent::TemporaryKeyBound { call, perm_auth_key_id, expires_at }] =
        hand.events()[..]
    else {
        panic!()
    };
    assert_eq!((perm_auth_key_id, expires_at), (key(PERM).id(), EXPIRES_AT));
    assert!(hand.answers().is_empty(), "nothing is said before it is stored");
    assert_eq!(hand.server.bound_to(), None);
    hand.content(&echo(1));
    assert!(hand.events().is_empty(), "nothing is bound before it is stored");
    assert_eq!(hand.answers().len(), 1);
    hand.server.binding_stored(call, true).unwrap();
    assert_eq!(hand.answers(), [(asked, yes())]);
    assert_eq!(hand.server.bound_to(), Some(key(PERM).id()));
    assert_eq!(hand.server.login_key_id(), key(PERM).id());
    hand.content(&echo(1));
    assert_eq!(hand.calls().len(), 1);
}

#[test]
fn a_binding_that_could_not_be_stored_binds_nothing() {
    let mut hand = Hand::temporary();
    let asked = ask(&mut hand, binding);
    provide(&mut hand, Some(&key(PERM)));
    let [ServerSessionEvent::TemporaryKeyBound { call, .. }] = hand.events()[..] else { panic!() };
    hand.server.binding_stored(call, false).unwrap();
    assert_eq!(hand.answers(), [(asked, invalid())]);
    assert_eq!(hand.server.bound_to(), None);
    // Or the embedder could not even look: its own refusal ends the question.
    ask(&mut hand, binding);
    let [ServerSessionEvent::PermanentKeyWanted { call, .. }] = hand.events()[..] else { panic!() };
    hand.server.reply_error(call, 500, "INTERNAL").unwrap();
    let late = hand.server.provide_permanent_key(hand.now, call, Some(&key(PERM)));
    assert_eq!(late, Err(UsageError::NotAsked));
}

/// Opens a right message, changes what is inside, and seals it as the client would.
fn resealed(mut request: BindTempAuthKey, change: impl FnOnce(&mut [u8])) -> BindTempAuthKey {
    let perm = key(PERM);
    let mut sealed = request.encrypted_message.to_vec();
    let msg_key: [u8; 16] = sealed[8..24].try_into().unwrap();
    let keys = message_keys_v1(&perm, Side::Client, &msg_key);
    let mut inner = sealed.split_off(24);
    aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), &mut inner).unwrap();
    change(&mut inner);
    let msg_key = message_key_v1(&inner[..72]);
    let keys = message_keys_v1(&perm, Side::Client, &msg_key);
    aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut inner).unwrap();
    sealed[8..24].copy_from_slice(&msg_key);
    sealed.extend(inner);
    request.encrypted_message = sealed.into();
    request
}

fn with_message(
    mut request: BindTempAuthKey,
    change: impl FnOnce(&mut Vec<u8>),
) -> BindTempAuthKey {
    let mut sealed = request.encrypted_message.to_vec();
    change(&mut sealed);
    request.encrypted_message = sealed.into();
    request
}

#[test]
fn each_fault_of_a_binding_has_one_answer_and_binds_nothing() {
    type Make = fn(&Hand, MsgId) -> BindTempAuthKey;
    let cases: [(&str, Make); 18] = [
        ("one byte short", |h, id| with_message(binding(h, id), |it| it.truncate(103))),
        ("one byte long", |h, id| with_message(binding(h, id), |it| it.push(0))),
        ("empty", |h, id| with_message(binding(h, id), Vec::clear)),
        ("outer key id", |h, id| with_message(binding(h, id), |it| it[0] ^= 1)),
        ("msg_key", |h, id| with_message(binding(h, id), |it| it[8] ^= 1)),
        ("ciphertext", |h, id| with_message(binding(h, id), |it| it[24] ^= 1)),
        ("perm_auth_key_id of the request", |h, id| {
            let right = binding(h, id);
            BindTempAuthKey { perm_auth_key_id: right.perm_auth_key_id ^ 1, ..right }
        }),
        ("nonce of the request", |h, id| {
            let right = binding(h, id);
            BindTempAuthKey { nonce: right.nonce ^ 1, ..right }
        }),
        ("expires_at of the request", |h, id| BindTempAuthKey {
            expires_at: EXPIRES_AT + 1,
            ..binding(h, id)
        }),
        ("msg_id", |h, id| resealed(binding(h, id), |it| it[16] ^= 4)),
        ("seq_no", |h, id| resealed(binding(h, id), |it| it[24] = 1)),
        ("length", |h, id| resealed(binding(h, id), |it| it[28] = 36)),
        ("object", |h, id| resealed(binding(h, id), |it| it[32] ^= 1)),
        ("nonce", |h, id| resealed(binding(h, id), |it| it[36] ^= 1)),
        ("temp_auth_key_id", |h, id| resealed(binding(h, id), |it| it[44] ^= 1)),
        ("perm_auth_key_id", |h, id| resealed(binding(h, id), |it| it[52] ^= 1)),
        ("temp_session_id", |h, id| resealed(binding(h, id), |it| it[60] ^= 1)),
        ("expired", |h, id| binding_by(&key(PERM), &carrier(h, id), h.now.wall.as_secs() as i32)),
    ];
    for (fault, make) in cases {
        let mut hand = Hand::temporary();
        let asked = ask(&mut hand, make);
        provide(&mut hand, Some(&key(PERM)));
        assert!(hand.events().is_empty(), "{fault}");
        assert_eq!(hand.answers(), [(asked, invalid())], "{fault}");
        assert_eq!(hand.server.bound_to(), None, "{fault}");
        bind(&mut hand);
    }
    // The helper itself makes right ones.
    let mut hand = Hand::temporary();
    ask(&mut hand, |hand, id| resealed(binding(hand, id), |_| {}));
    provide(&mut hand, Some(&key(PERM)));
    assert!(matches!(hand.events()[..], [ServerSessionEvent::TemporaryKeyBound { .. }]));
}

#[test]
fn a_permanent_key_that_is_not_there_is_answered_like_a_wrong_message() {
    for perm in [None, Some(key(PERM + 1)), Some(key(7))] {
        let mut hand = Hand::temporary();
        let asked = ask(&mut hand, binding);
        provide(&mut hand, perm.as_ref());
        assert_eq!(hand.answers(), [(asked, invalid())]);
    }
    // A temporary key is no permanent key, not even of itself.
    let mut hand = Hand::temporary();
    let own = hand.key.clone();
    let asked = ask(&mut hand, |hand, id| binding_by(&hand.key, &carrier(hand, id), EXPIRES_AT));
    provide(&mut hand, Some(&own));
    assert_eq!(hand.answers(), [(asked, invalid())]);
}

#[test]
fn a_bound_key_confirms_its_binding_and_refuses_another() {
    let mut hand = Hand::temporary();
    bind(&mut hand);
    let again = ask(&mut hand, binding);
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(again, yes())]);
    let other =
        ask(&mut hand, |hand, id| binding_by(&key(PERM + 1), &carrier(hand, id), EXPIRES_AT));
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(other, invalid())]);
    assert_eq!(hand.server.bound_to(), Some(key(PERM).id()));
}

#[test]
fn of_two_bindings_under_way_the_first_stored_counts() {
    let mut hand = Hand::temporary();
    let one = ask(&mut hand, binding);
    provide(&mut hand, Some(&key(PERM)));
    let two = ask(&mut hand, |hand, id| binding_by(&key(PERM + 1), &carrier(hand, id), EXPIRES_AT));
    let mut calls = Vec::new();
    for event in hand.events() {
        match event {
            ServerSessionEvent::TemporaryKeyBound { call, .. } => calls.push(call),
            ServerSessionEvent::PermanentKeyWanted { call, .. } => {
                hand.server.provide_permanent_key(hand.now, call, Some(&key(PERM + 1))).unwrap();
            }
            other => panic!("{other:?}"),
        }
    }
    let [ServerSessionEvent::TemporaryKeyBound { call, .. }] = hand.events()[..] else { panic!() };
    hand.server.binding_stored(calls[0], true).unwrap();
    hand.server.binding_stored(call, true).unwrap();
    assert_eq!(hand.answers(), [(one, yes()), (two, invalid())]);
    assert_eq!(hand.server.bound_to(), Some(key(PERM).id()));
}

#[test]
fn a_permanent_key_cannot_be_bound() {
    let mut hand = Hand::new();
    let asked = ask(&mut hand, binding);
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(asked, refusal(400, "TEMP_AUTH_KEY_EMPTY"))]);
}

#[test]
fn a_binding_in_a_container_is_that_of_its_own_message() {
    let mut hand = Hand::temporary();
    let (inner, outer) = (hand.next_id(), hand.next_id());
    for (named, is_right) in [(outer, false), (inner, true)] {
        let inner = if is_right { hand.next_id() } else { inner };
        let named = if is_right { inner } else { named };
        let outer = if is_right { hand.next_id() } else { outer };
        let inner_seq = hand.next_seq_no();
        let body = wrapped(&binding(&hand, named));
        let seq_no = hand.content_sent * 2;
        hand.at(outer, seq_no, &container(&[(inner, inner_seq, &body)]));
        provide(&mut hand, Some(&key(PERM)));
        assert_eq!(hand.events().len(), usize::from(is_right));
    }
}

#[test]
fn bindings_under_way_are_bounded() {
    let max = Limits::default().bindings_max;
    let mut hand = Hand::temporary();
    for _ in 0..max {
        ask(&mut hand, binding);
    }
    assert_eq!(hand.events().len(), max);
    assert!(hand.answers().is_empty());
    let beyond = ask(&mut hand, binding);
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(beyond, refusal(420, "FLOOD_WAIT_1"))]);
}

#[test]
fn a_binding_ends_no_later_than_its_key() {
    let mut hand = Hand::temporary();
    let own = START_S as i32 + 86_400;
    ask(&mut hand, |hand, id| binding_by(&key(PERM), &carrier(hand, id), START_S as i32 + 100_000));
    provide(&mut hand, Some(&key(PERM)));
    let [ServerSessionEvent::TemporaryKeyBound { expires_at, .. }] = hand.events()[..] else {
        panic!()
    };
    assert_eq!(expires_at, own);
}

#[test]
fn a_malformed_binding_is_refused() {
    let mut hand = Hand::temporary();
    let mut body = binding(&hand, MsgId::from_i64(4)).to_bytes().unwrap().to_vec();
    body.truncate(20);
    let asked = hand.content(&body);
    assert!(hand.events().is_empty());
    assert_eq!(hand.answers(), [(asked, refusal(400, "INPUT_REQUEST_INVALID"))]);
}

#[test]
fn a_binding_made_elsewhere_is_adopted_by_temporary_keys_only() {
    let perm = AuthKeyId::from_bytes([1; 8]);
    let mut hand = Hand::temporary();
    hand.server.adopt_binding(perm);
    hand.server.adopt_binding(AuthKeyId::from_bytes([2; 8]));
    assert_eq!(hand.server.bound_to(), Some(perm));
    hand.content(&echo(1));
    assert_eq!(hand.calls().len(), 1);
    let mut hand = Hand::new();
    hand.server.adopt_binding(perm);
    assert_eq!(hand.server.login_key_id(), hand.key.id());
}

// --- destroy_auth_key ---

#[test]
fn a_key_is_destroyed_before_its_client_is_told_and_the_answer_is_bare() {
    let destroy = mtproto::DestroyAuthKey {}.to_bytes().unwrap();
    for outcome in [KeyDestroyed::Ok, KeyDestroyed::None, KeyDestroyed::Fail] {
        let mut hand = Hand::new();
        assert_eq!(hand.server.key_destroyed(outcome), Err(UsageError::NotAsked));
        hand.content(&destroy);
        hand.content(&destroy);
        assert!(matches!(hand.events()[..], [ServerSessionEvent::KeyDestroyWanted]), "asked once");
        let told = |hand: &mut Hand| {
            let sent = hand.sent();
            let has = |yes: bool, which| yes.then_some(which);
            let kinds = sent.iter().filter_map(|sent| {
                has(sent.is::<types::DestroyAuthKeyOk>(), KeyDestroyed::Ok)
                    .or(has(sent.is::<types::DestroyAuthKeyNone>(), KeyDestroyed::None))
                    .or(has(sent.is::<types::DestroyAuthKeyFail>(), KeyDestroyed::Fail))
            });
            kinds.collect::<Vec<_>>()
        };
        assert!(told(&mut hand).is_empty());
        hand.server.key_destroyed(outcome).unwrap();
        assert_eq!(told(&mut hand), [outcome]);
        assert_eq!(hand.server.key_destroyed(outcome), Err(UsageError::NotAsked));
    }
}

/// Where each event leads, for every sequence of `symbols` of this length.
fn explore<const N: usize>(
    length: u32,
    state: impl Fn(&Hand) -> &'static str,
    apply: impl Fn(&mut Hand, &mut Vec<CallId>, usize) -> Option<&'static str>,
) -> BTreeSet<Transition> {
    let mut seen = BTreeSet::new();
    for number in 0..N.pow(length) {
        let (mut hand, mut calls, mut rest) = (Hand::temporary(), Vec::new(), number);
        for _ in 0..length {
            let from = state(&hand);
            let on = apply(&mut hand, &mut calls, rest % N);
            let to = state(&hand);
            if from != to {
                seen.insert(Transition::new(from, on.expect("an event"), to));
            }
            rest /= N;
        }
    }
    seen
}

#[test]
fn a_temporary_key_is_bound_as_its_table_says_in_every_order_of_events() {
    let state = |hand: &Hand| {
        let state = hand.server.binding_state().expect("a temporary key");
        assert_eq!(state == "Bound", hand.server.bound_to().is_some());
        state
    };
    let seen = explore::<7>(4, state, |hand, calls, symbol| {
        let (now, perm) = (hand.now, key(PERM));
        match symbol {
            0 => {
                calls.push(CallId::from(ask(hand, binding)));
                Some("auth.bindTempAuthKey")
            }
            1 | 2 => {
                let perm = (symbol == 1).then_some(&perm);
                let mut open = calls.iter();
                open.find(|call| hand.server.provide_permanent_key(now, **call, perm).is_ok())?;
                Some(if symbol == 1 { "right message" } else { "wrong message" })
            }
            3 | 4 => {
                let mut open = calls.iter();
                open.find(|call| hand.server.binding_stored(**call, symbol == 3).is_ok())?;
                Some(if symbol == 3 { "stored" } else { "not stored" })
            }
            5 => {
                hand.server.adopt_binding(perm.id());
                Some("bound elsewhere")
            }
            _ => {
                let mut open = calls.iter();
                open.find(|call| hand.server.reply_error(**call, 500, "INTERNAL").is_ok())?;
                Some("call refused")
            }
        }
    });
    transitions::compare(&seen, BINDING_TRANSITIONS);
    assert_eq!(Hand::new().server.binding_state(), None, "a permanent key");
}

#[test]
fn a_key_is_destroyed_as_its_table_says_in_every_order_of_events() {
    let state = |hand: &Hand| hand.server.destruction_state();
    let seen = explore::<4>(4, state, |hand, _, symbol| {
        let outcome = match symbol {
            0 => {
                hand.service(&mtproto::DestroyAuthKey {}.to_bytes().unwrap());
                return Some("destroy_auth_key");
            }
            1 => KeyDestroyed::Ok,
            2 => KeyDestroyed::None,
            _ => KeyDestroyed::Fail,
        };
        hand.server.key_destroyed(outcome).ok()?;
        Some(["destroyed", "no such key", "failed"][symbol - 1])
    });
    transitions::compare(&seen, DESTRUCTION_TRANSITIONS);
}
