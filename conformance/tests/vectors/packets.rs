//! envelopes.json, plain_messages.json, binding.json.

use super::read::{array, auth_key, bytes, file, int, list, long, msg_id, side, text, uint};
use bytes::{Bytes, BytesMut};
use odnix_conformance::script::Script;
use odnix_proto::envelope::{self, Header, parse_plain, write_plain};
use odnix_proto::session::binding::{Carrier, check_binding, seal_binding};
use odnix_proto::{AuthKeyId, PeerError, UnixTime};
use odnix_tl::{Decode, Encode, odnix::functions::auth::BindTempAuthKey};
use serde_json::Value;

/// Longer padding is never sent by this library, only accepted.
const PADDING_SENT_MAX: usize = 267;

#[test]
fn good_envelopes_open_and_are_sealed_to_the_same_bytes() {
    let vectors = file("envelopes");
    let key = auth_key(&vectors["auth_key"]);
    assert_eq!(key.id().to_bytes(), array(&vectors["auth_key_id"]));
    let mut sealed = 0;
    for case in list(&vectors["good"]) {
        let packet = bytes(&case["packet"]);
        let header = Header {
            salt: long(&case["salt"]),
            session_id: long(&case["session_id"]),
            msg_id: msg_id(&case["msg_id"]),
            seq_no: int(&case["seq_no"]),
        };
        let data = bytes(&case["data"]);
        let opened = envelope::open(&key, side(&case["from"]), packet[..].into()).unwrap();
        assert_eq!((opened.header, &opened.data[..]), (header, &data[..]), "{}", case["name"]);
        assert_eq!(opened.quick_ack_token, uint(&case["quick_ack_token"]));
        let padding = bytes(&case["padding"]);
        if padding.len() > PADDING_SENT_MAX {
            continue;
        }
        // The number of blocks beyond the least padding is drawn first.
        let blocks = u32::try_from((padding.len() - 12) / 16).unwrap();
        let mut script = Script::new([&blocks.to_le_bytes()[..], &padding].concat());
        let mut out = BytesMut::new();
        envelope::seal(&key, side(&case["from"]), &header, &data, &mut script, &mut out).unwrap();
        assert_eq!((&out[..], script.left()), (&packet[..], 0), "{}", case["name"]);
        sealed += 1;
    }
    assert!(sealed >= 6);
}

#[test]
fn bad_envelopes_are_refused_alike() {
    let vectors = file("envelopes");
    let key = auth_key(&vectors["auth_key"]);
    for case in list(&vectors["bad"]) {
        let packet = bytes(&case["packet"]);
        let opened = envelope::open(&key, side(&case["from"]), packet[..].into());
        assert_eq!(opened, Err(PeerError::Envelope), "{}", case["name"]);
    }
}

#[test]
fn plain_messages_are_read_or_refused() {
    for case in list(&file("plain_messages")["cases"]) {
        let packet = bytes(&case["packet"]);
        let parsed = parse_plain(Bytes::from(packet.clone())).ok();
        let message = &case["message"];
        assert_eq!(parsed.is_some(), !message.is_null(), "{}", case["name"]);
        if let Some(parsed) = parsed {
            assert_eq!(parsed.msg_id, msg_id(&message["msg_id"]));
            assert_eq!(parsed.body, bytes(&message["body"]));
            let mut written = BytesMut::new();
            write_plain(parsed.msg_id, &parsed.body, &mut written).unwrap();
            assert!(packet.starts_with(&written), "{}", case["name"]);
        }
    }
}

fn carrier(value: &Value) -> Carrier {
    Carrier {
        msg_id: msg_id(&value["msg_id"]),
        temp_auth_key_id: AuthKeyId::from_bytes(array(&value["temp_auth_key_id"])),
        temp_session_id: long(&value["temp_session_id"]),
    }
}

#[test]
fn a_binding_is_sealed_to_the_same_bytes() {
    let vectors = file("binding");
    let perm_key = auth_key(&vectors["perm_auth_key"]);
    assert_eq!(perm_key.id().to_bytes(), array(&vectors["perm_auth_key_id"]));
    let seal = &vectors["seal"];
    // The 56 bytes between the random ones and the padding are written over.
    let nonce = long(&seal["nonce"]).to_le_bytes();
    let drawn = [&nonce[..], &bytes(&seal["random"]), &[0; 56], &bytes(&seal["padding"])].concat();
    let mut script = Script::new(drawn);
    let carrier = carrier(&seal["carrier"]);
    let request = seal_binding(&perm_key, &carrier, int(&seal["expires_at"]), &mut script);
    assert_eq!(request.to_bytes().unwrap(), bytes(&seal["request"]));
}

#[test]
fn each_fault_of_a_binding_is_found() {
    let vectors = file("binding");
    let perm_key = auth_key(&vectors["perm_auth_key"]);
    let mut good = 0;
    for case in list(&vectors["cases"]) {
        let request = BindTempAuthKey::from_bytes(bytes(&case["request"]).into()).unwrap();
        let time = UnixTime::from_secs(case["server_time"].as_u64().unwrap());
        let verdict = check_binding(&perm_key, &request, &carrier(&case["carrier"]), time);
        let fault = verdict.err().map(|fault| format!("{fault:?}"));
        good += usize::from(fault.is_none());
        let expected = (!case["fault"].is_null()).then(|| text(&case["fault"]).to_owned());
        assert_eq!(fault, expected, "{}", case["name"]);
    }
    assert_eq!(good, 2);
}
