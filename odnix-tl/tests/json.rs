//! The JSON form: exact documents, and what is wrong with others.
#![cfg(feature = "serde")]

#[allow(dead_code, reason = "this test needs but a part of it")]
mod everything;

use std::fmt::Debug;

use bytes::Bytes;
use odnix_tl::{Raw, mtproto, odnix};
use serde::{Serialize, de::DeserializeOwned};

/// Writes `value` as `json`, and reads it back.
fn exact<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: &str, value: T) {
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
}

fn refused<T: DeserializeOwned + Debug>(json: &str) -> String {
    serde_json::from_str::<T>(json).unwrap_err().to_string()
}

#[test]
fn a_call_names_its_function() {
    exact(
        r#"{"_":"messages.sendMessage","peer":{"_":"inputPeerUser","user_id":"7","access_hash":"-9223372036854775808"},"message":"hi \"€\"","random_id":"9007199254740993"}"#,
        odnix::Request::MessagesSendMessage(odnix::functions::messages::SendMessage {
            peer: odnix::types::InputPeerUser { user_id: 7, access_hash: i64::MIN }.into(),
            message: "hi \"€\"".to_owned(),
            random_id: 9_007_199_254_740_993,
            media: None,
        }),
    );
}

#[test]
fn true_flags_are_booleans_and_absent_fields_are_absent() {
    let mut user = odnix::types::User {
        self_: true,
        contact: false,
        id: 1,
        access_hash: 2,
        username: "alice".to_owned(),
        first_name: "Alice".to_owned(),
        status: None,
    };
    exact(
        r#"{"_":"user","self":true,"contact":false,"id":"1","access_hash":"2","username":"alice","first_name":"Alice"}"#,
        user.clone(),
    );
    user.self_ = false;
    let short =
        r#"{"_":"user","id":"1","access_hash":"2","username":"alice","first_name":"Alice"}"#;
    assert_eq!(serde_json::from_str::<odnix::types::User>(short).unwrap(), user);
    let media = r#"{"_":"messages.sendMessage","peer":{"_":"inputPeerSelf"},"message":"","random_id":"0","media":null}"#;
    let call: odnix::functions::messages::SendMessage = serde_json::from_str(media).unwrap();
    assert_eq!(call.media, None);
}

#[test]
fn bytes_are_base64() {
    exact(
        r#"{"_":"resPQ","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","server_nonce":"/////////////////////w==","pq":"F+1IlBpB","server_public_key_fingerprints":["-1"]}"#,
        mtproto::types::ResPq {
            nonce: [0; 16],
            server_nonce: [0xff; 16],
            pq: Bytes::from_static(b"\x17\xedH\x94\x1aA"),
            server_public_key_fingerprints: vec![-1],
        },
    );
}

#[test]
fn an_object_of_any_type_is_shown_if_its_layer_knows_it_and_base64_if_not() {
    let result = |bytes: &'static [u8]| mtproto::types::RpcResult {
        req_msg_id: 1,
        result: Raw(Bytes::from_static(bytes)),
    };
    let bool_true = [0xb5, 0x75, 0x72, 0x99].as_slice();
    exact(
        r#"{"_":"rpc_result","req_msg_id":"1","result":{"_":"boolTrue"}}"#,
        result(&[0xb5, 0x75, 0x72, 0x99]),
    );
    let base64 = r#"{"_":"rpc_result","req_msg_id":"1","result":"tXVymQ=="}"#;
    assert_eq!(
        serde_json::from_str::<mtproto::types::RpcResult>(base64).unwrap(),
        result(bool_true)
    );
    exact(
        r#"{"_":"rpc_result","req_msg_id":"1","result":"tXVymQA="}"#,
        result(&[0xb5, 0x75, 0x72, 0x99, 0]),
    );
    exact(r#"{"_":"rpc_result","req_msg_id":"1","result":"AQIDBA=="}"#, result(&[1, 2, 3, 4]));
    let error = refused::<mtproto::types::RpcResult>(
        r#"{"_":"rpc_result","req_msg_id":"1","result":{"_":"nothing"}}"#,
    );
    let message = "result._: \"nothing\" is not a constructor or a function of this schema";
    assert_eq!(error, message);
}

#[test]
fn numbers_that_json_lacks_are_strings() {
    let number = |value| odnix::types::JsonNumber { value };
    exact(r#"{"_":"jsonNumber","value":1.5}"#, number(1.5));
    exact(r#"{"_":"jsonNumber","value":"Infinity"}"#, number(f64::INFINITY));
    exact(r#"{"_":"jsonNumber","value":"-Infinity"}"#, number(f64::NEG_INFINITY));
    let nan = serde_json::to_string(&number(f64::NAN)).unwrap();
    assert_eq!(nan, r#"{"_":"jsonNumber","value":"NaN"}"#);
    let nan: odnix::types::JsonNumber = serde_json::from_str(&nan).unwrap();
    assert!(nan.value.is_nan());
    for (text, value) in
        [("3", 3.0), ("-3", -3.0), ("18446744073709551615", 18446744073709551615.0)]
    {
        let text = format!(r#"{{"_":"jsonNumber","value":{text}}}"#);
        assert_eq!(serde_json::from_str::<odnix::types::JsonNumber>(&text).unwrap(), number(value));
    }
}

#[test]
fn the_name_may_stand_anywhere() {
    let text = r#"{"user_id":"7","_":"peerUser"}"#;
    let peer: odnix::types::PeerUser = serde_json::from_str(text).unwrap();
    assert_eq!(peer.user_id, 7);
    let object: odnix::Object = serde_json::from_str(text).unwrap();
    assert_eq!(object, odnix::Object::PeerUser(peer));
}

#[test]
fn names_of_the_schema_not_of_rust() {
    exact(
        r#"{"_":"result","ok":true,"err":{"_":"vec","string":"s"}}"#,
        everything::types::Result {
            ok: true,
            err: everything::types::Vec_ { string: "s".to_owned() },
        },
    );
}

#[test]
fn each_fault_has_its_place_and_reason() {
    let cases = [
        ("7", "expected an object, found a number"),
        ("[]", "expected an object, found an array"),
        ("{}", "_: missing"),
        (r#"{"_":1}"#, "_: expected a string, found a number"),
        (r#"{"_":"nothing"}"#, "_: \"nothing\" is not a function of this schema"),
        (r#"{"_":"auth.logOut","x":1}"#, "x: auth.logOut has no such field"),
        (r#"{"_":"auth.logOut","x":1,"x":2}"#, "a second member \"x\" at line 1 column 31"),
        (r#"{"_":"help.echo"}"#, "data: missing"),
        (r#"{"_":"help.echo","data":null}"#, "data: expected a base64 string, found null"),
        (r#"{"_":"help.echo","data":"A"}"#, "data: not base64 with padding"),
        (
            r#"{"_":"users.getUsers","id":[{"_":"inputUserSelf"},{"_":"inputUser","user_id":7,"access_hash":"0"}]}"#,
            "id[1].user_id: expected a decimal string, found a number",
        ),
        (
            r#"{"_":"messages.getDialogs","offset_id":"01","limit":1}"#,
            "offset_id: not a 64-bit decimal",
        ),
        (
            r#"{"_":"messages.getDialogs","offset_id":"9223372036854775808","limit":1}"#,
            "offset_id: not a 64-bit decimal",
        ),
        (
            r#"{"_":"messages.getDialogs","offset_id":"0","limit":2147483648}"#,
            "limit: does not fit 32 bits",
        ),
        (
            r#"{"_":"messages.getDialogs","offset_id":"0","limit":1.5}"#,
            "limit: expected a whole number, found a number",
        ),
        (r#"{"_":"users.getUsers","id":{}}"#, "id: expected an array, found an object"),
        (
            r#"{"_":"auth.signIn","username":true,"password":""}"#,
            "username: expected a string, found a boolean",
        ),
    ];
    for (json, error) in cases {
        assert_eq!(refused::<odnix::Request>(json), error, "{json}");
    }
    let error = refused::<mtproto::types::Pong>(r#"{"_":"ping","ping_id":"1"}"#);
    assert_eq!(error, "_: \"ping\" is not pong");
    let error = refused::<mtproto::functions::ReqPq>(r#"{"_":"req_pq","nonce":"AAAA"}"#);
    assert_eq!(error, "nonce: 3 bytes, but 16 needed");
    let error = refused::<odnix::types::JsonBool>(r#"{"_":"jsonBool","value":"true"}"#);
    assert_eq!(error, "value: expected true or false, found a string");
    let error = refused::<odnix::types::JsonNumber>(r#"{"_":"jsonNumber","value":"1"}"#);
    assert_eq!(error, "value: expected a number, found a string");
}

#[test]
fn documents_that_nest_too_deeply() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let error = refused::<odnix::Object>(&nested(65));
    assert!(error.starts_with("arrays and objects nest too deeply"), "{error}");
    assert_eq!(refused::<odnix::Object>(&nested(64)), "expected an object, found an array");
}

#[test]
fn a_raw_value_on_its_own_is_base64() {
    let raw = Raw(Bytes::from_static(&[1, 2, 3]));
    assert_eq!(serde_json::to_string(&raw).unwrap(), r#""AQID""#);
    assert_eq!(serde_json::from_str::<Raw>(r#""AQID""#).unwrap(), raw);
    assert_eq!(refused::<Raw>("7"), "expected a base64 string, found a number");
}

#[test]
fn a_wrong_name_is_shown_in_part() {
    let error = refused::<odnix::Request>(&format!(r#"{{"_":"{}"}}"#, "é".repeat(65)));
    let shown = "é".repeat(64);
    assert_eq!(error, format!("_: \"{shown}\"… is not a function of this schema"));
}
