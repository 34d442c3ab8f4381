//! The message that binds a temporary key, and everything that may be wrong with it.

use super::make::{auth_key, hex, id, long, sample_array, sample_long};
use crate::script::Script;
use odnix_proto::crypto::ige::aes256_ige_encrypt;
use odnix_proto::crypto::kdf::{Side, message_key_v1, message_keys_v1};
use odnix_proto::session::binding::{Carrier, check_binding, seal_binding};
use odnix_proto::{AuthKey, AuthKeyId, MsgId, UnixTime};
use odnix_tl::odnix::functions::auth::BindTempAuthKey;
use odnix_tl::{Encode, mtproto::types::BindAuthKeyInner};
use serde_json::{Value, json};

const NOW_S: u64 = 1_750_000_000;
const EXPIRES_AT: i32 = 1_750_086_400;

/// What stands inside a binding, and how it is sealed.
#[derive(Clone)]
struct Inner {
    msg_id: i64,
    seq_no: i32,
    len: i32,
    constructor: u32,
    fields: BindAuthKeyInner,
    /// The direction whose half of the key is used.
    from: Side,
    /// What stands outside the encrypted part.
    key_id: AuthKeyId,
}

struct Maker {
    perm_key: AuthKey,
    carrier: Carrier,
    random: [u8; 16],
    padding: [u8; 8],
}

impl Maker {
    fn new() -> Self {
        let carrier = Carrier {
            msg_id: MsgId::from_i64(1_750_000_000 << 32 | 0x0765_4320),
            temp_auth_key_id: auth_key(501).id(),
            temp_session_id: sample_long(502),
        };
        let (random, padding) = (sample_array(503), sample_array(504));
        Self { perm_key: auth_key(500), carrier, random, padding }
    }

    fn good(&self) -> Inner {
        Inner {
            msg_id: self.carrier.msg_id.as_i64(),
            seq_no: 0,
            len: 40,
            constructor: 0x75a3_f765,
            fields: BindAuthKeyInner {
                nonce: sample_long(505),
                temp_auth_key_id: self.carrier.temp_auth_key_id.as_i64(),
                perm_auth_key_id: self.perm_key.id().as_i64(),
                temp_session_id: self.carrier.temp_session_id,
                expires_at: EXPIRES_AT,
            },
            from: Side::Client,
            key_id: self.perm_key.id(),
        }
    }

    /// `encrypted_message` by the formulas, of whatever is inside.
    fn encrypt(&self, inner: &Inner) -> Vec<u8> {
        let mut plain = self.random.to_vec();
        plain.extend_from_slice(&inner.msg_id.to_le_bytes());
        plain.extend_from_slice(&inner.seq_no.to_le_bytes());
        plain.extend_from_slice(&inner.len.to_le_bytes());
        plain.extend_from_slice(&inner.constructor.to_le_bytes());
        plain.extend_from_slice(&inner.fields.to_bytes().expect("short")[4..]);
        let msg_key = message_key_v1(&plain);
        plain.extend_from_slice(&self.padding);
        let keys = message_keys_v1(&self.perm_key, inner.from, &msg_key);
        aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut plain).expect("80 bytes");
        [&inner.key_id.to_bytes()[..], &msg_key, &plain].concat()
    }

    fn request(&self, inner: &Inner) -> BindTempAuthKey {
        let good = self.good().fields;
        BindTempAuthKey {
            perm_auth_key_id: good.perm_auth_key_id,
            nonce: good.nonce,
            expires_at: good.expires_at,
            encrypted_message: self.encrypt(inner).into(),
        }
    }

    fn case(&self, name: &str, request: &BindTempAuthKey, carrier: &Carrier, now_s: u64) -> Value {
        let verdict = check_binding(&self.perm_key, request, carrier, UnixTime::from_secs(now_s));
        assert_eq!(verdict.is_ok(), name == "good" || name == "last_second", "{name}");
        let fault = verdict.err().map(|fault| format!("{fault:?}"));
        json!({
            "name": name, "request": hex(request.to_bytes().expect("short")), "fault": fault,
            "carrier": carrier_json(carrier), "server_time": now_s,
        })
    }

    /// One case for each thing that may be wrong inside, with a msg_key that fits it.
    fn wrong_inside(&self) -> Vec<Value> {
        let mutate = |change: fn(&mut Inner)| {
            let mut inner = self.good();
            change(&mut inner);
            self.request(&inner)
        };
        let cases = [
            ("good", mutate(|_| {})),
            ("other_msg_id_inside", mutate(|inner| inner.msg_id += 4)),
            ("seq_no_1", mutate(|inner| inner.seq_no = 1)),
            ("length_36", mutate(|inner| inner.len = 36)),
            ("other_constructor", mutate(|inner| inner.constructor ^= 1)),
            ("other_nonce_inside", mutate(|inner| inner.fields.nonce ^= 1)),
            ("other_temporary_key_inside", mutate(|inner| inner.fields.temp_auth_key_id ^= 1)),
            ("other_permanent_key_inside", mutate(|inner| inner.fields.perm_auth_key_id ^= 1)),
            ("other_session_inside", mutate(|inner| inner.fields.temp_session_id ^= 1)),
            ("other_expiry_inside", mutate(|inner| inner.fields.expires_at += 1)),
            ("keys_of_the_other_direction", mutate(|inner| inner.from = Side::Server)),
            ("other_key_id_in_front", mutate(|inner| inner.key_id = AuthKeyId::from_bytes([1; 8]))),
        ];
        let case = |(name, request)| self.case(name, &request, &self.carrier, NOW_S);
        cases.into_iter().map(case).collect()
    }

    /// What may be wrong with the request, the message that carries it, and the time.
    fn wrong_outside(&self) -> Vec<Value> {
        let good = self.request(&self.good());
        let change = |change: fn(&mut BindTempAuthKey)| {
            let mut request = good.clone();
            change(&mut request);
            request
        };
        let requests = [
            ("other_nonce", change(|request| request.nonce ^= 1)),
            ("other_expiry", change(|request| request.expires_at += 1)),
            ("other_permanent_key", change(|request| request.perm_auth_key_id ^= 1)),
            ("one_byte_short", change(|request| request.encrypted_message.truncate(103))),
            ("one_bit_flipped", change(|request| request.encrypted_message = flipped(request))),
        ];
        let here = self.carrier;
        let carriers = [
            ("other_msg_id", Carrier { msg_id: MsgId::from_i64(here.msg_id.as_i64() + 4), ..here }),
            ("other_session", Carrier { temp_session_id: here.temp_session_id ^ 1, ..here }),
            (
                "other_temporary_key",
                Carrier { temp_auth_key_id: AuthKeyId::from_bytes([2; 8]), ..here },
            ),
        ];
        let times = [("last_second", 86_399), ("expired", 86_400)];
        let requests =
            requests.into_iter().map(|(name, request)| self.case(name, &request, &here, NOW_S));
        let carriers =
            carriers.into_iter().map(|(name, carrier)| self.case(name, &good, &carrier, NOW_S));
        let times =
            times.into_iter().map(|(name, later)| self.case(name, &good, &here, NOW_S + later));
        requests.chain(carriers).chain(times).collect()
    }
}

fn flipped(request: &BindTempAuthKey) -> bytes::Bytes {
    let mut message = request.encrypted_message.to_vec();
    message[60] ^= 1;
    message.into()
}

fn carrier_json(carrier: &Carrier) -> Value {
    json!({
        "msg_id": id(carrier.msg_id), "temp_session_id": long(carrier.temp_session_id),
        "temp_auth_key_id": hex(carrier.temp_auth_key_id.to_bytes()),
    })
}

/// Bindings and their verdicts.
pub fn binding() -> Value {
    let maker = Maker::new();
    let good = maker.good();
    let sealed = seal_binding(
        &maker.perm_key,
        &maker.carrier,
        EXPIRES_AT,
        &mut Script::new(
            [&good.fields.nonce.to_le_bytes()[..], &maker.random, &[0; 56], &maker.padding]
                .concat(),
        ),
    );
    assert_eq!(sealed, maker.request(&good), "both ways of sealing agree");
    let mut cases = maker.wrong_inside();
    cases.extend(maker.wrong_outside());
    json!({
        "what": "auth.bindTempAuthKey: how the good one is sealed, and the verdict on it and on what is almost like it",
        "perm_auth_key": hex(maker.perm_key.expose_secret()),
        "perm_auth_key_id": hex(maker.perm_key.id().to_bytes()),
        "seal": {
            "nonce": long(good.fields.nonce), "expires_at": EXPIRES_AT,
            "random": hex(maker.random), "padding": hex(maker.padding),
            "carrier": carrier_json(&maker.carrier), "request": hex(sealed.to_bytes().expect("short")),
        },
        "cases": cases,
    })
}
