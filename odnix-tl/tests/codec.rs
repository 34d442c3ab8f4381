//! The binary form: exact bytes, and the typed error of each broken rule.

use bytes::Bytes;
use odnix_tl::{
    Constructor, Decode, DecodeError, Encode, EncodeError, OrUnknown, Raw, Reader, Writer,
    limits::{DEPTH_MAX, HEAP_BYTES_MAX, STRING_LEN_MAX},
    mtproto, odnix,
};

fn unhex(text: &str) -> Bytes {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn array<const N: usize>(text: &str) -> [u8; N] {
    unhex(text).as_ref().try_into().unwrap()
}

/// Reads and writes `value` as `hex`.
fn exact<T: Encode + Decode + PartialEq + std::fmt::Debug>(hex: &str, value: T) {
    let bytes = unhex(hex);
    assert_eq!(value.to_bytes().unwrap(), bytes, "{value:?}");
    assert_eq!(T::from_bytes(bytes).unwrap(), value);
}

fn refused<T: Decode + std::fmt::Debug>(hex: &str) -> DecodeError {
    T::from_bytes(unhex(hex)).unwrap_err()
}

// The public sample of a key exchange (MTProto documentation, samples-auth_key).

const NONCE: &str = "406709f612fadfbec3f0289d0aa67eef";
const SERVER_NONCE: &str = "e11dbc3bc97d91a26154f932af019943";

#[test]
fn res_pq_of_the_public_sample() {
    exact(
        "63241605 406709f612fadfbec3f0289d0aa67eef e11dbc3bc97d91a26154f932af019943
         08256595edb7766797000000 15c4b51c 03000000
         a5b7f709355fc30b 216be86c022bb4c3 85fd64de851d9dd0",
        mtproto::types::ResPq {
            nonce: array(NONCE),
            server_nonce: array(SERVER_NONCE),
            pq: unhex("256595edb7766797"),
            server_public_key_fingerprints: [
                "a5b7f709355fc30b",
                "216be86c022bb4c3",
                "85fd64de851d9dd0",
            ]
            .map(|fingerprint| i64::from_le_bytes(array(fingerprint)))
            .to_vec(),
        },
    );
}

#[test]
fn p_q_inner_data_dc_of_the_public_sample() {
    exact(
        "955ff5a9 08256595edb7766797000000 045a300d4b000000 046a26db65000000
         406709f612fadfbec3f0289d0aa67eef e11dbc3bc97d91a26154f932af019943
         a8bbc849512dac6c67b6efd9157d6ca7377a1776307d84265c6be9bdcf802ac1 02000000",
        mtproto::Object::PQInnerDataDc(mtproto::types::PQInnerDataDc {
            pq: unhex("256595edb7766797"),
            p: unhex("5a300d4b"),
            q: unhex("6a26db65"),
            nonce: array(NONCE),
            server_nonce: array(SERVER_NONCE),
            new_nonce: array("a8bbc849512dac6c67b6efd9157d6ca7377a1776307d84265c6be9bdcf802ac1"),
            dc: 2,
        }),
    );
}

#[test]
fn future_salts_are_bare_in_a_bare_vector() {
    exact(
        "950850ae 0100000000000000 02000000 01000000 03000000 04000000 0500000000000000",
        mtproto::types::FutureSalts {
            req_msg_id: 1,
            now: 2,
            salts: vec![mtproto::types::FutureSalt { valid_since: 3, valid_until: 4, salt: 5 }],
        },
    );
}

#[test]
fn conditional_fields_set_their_bits() {
    let option = odnix::types::DcOption {
        ipv6: true,
        media_only: false,
        tcpo_only: false,
        cdn: false,
        static_: true,
        this_port_only: false,
        id: 2,
        ip_address: "::1".to_owned(),
        port: 443,
        secret: Some(Bytes::from_static(&[0xdd; 4])),
    };
    exact("0da1b718 11040000 02000000 033a3a31 bb010000 04dddddddd000000", option);
}

#[test]
fn a_query_inside_a_call_is_all_that_follows() {
    let query = odnix::functions::help::GetConfig.to_bytes().unwrap();
    exact(
        "0d0d9bda e8000000 6b18f9c4",
        odnix::Request::InvokeWithLayer(odnix::functions::InvokeWithLayer {
            layer: 232,
            query: Raw(query),
        }),
    );
}

#[test]
fn a_constructor_without_fields_is_its_id() {
    exact("c97ea07d", odnix::enums::InputPeer::InputPeerSelf);
    let id = odnix::enums::InputPeer::InputPeerSelf.constructor_id();
    assert_eq!(id, odnix::types::InputPeerSelf::ID);
}

#[test]
fn primitives() {
    exact("ffffffff", -1_i32);
    exact("feffffffffffffff", -2_i64);
    exact("000000000000f83f", 1.5_f64);
    exact("b5757299", true);
    exact("379779bc", false);
    exact("15c4b51c 02000000 01000000 02000000", vec![1_i32, 2]);
    exact("15c4b51c 00000000", Vec::<i64>::new());
    exact("00000000", String::new());
    exact("03e282ac", "€".to_owned());
}

#[test]
fn each_string_length_has_one_form() {
    for (len, prefix) in [(253, "fd"), (254, "fefe0000"), (255, "feff0000"), (65_536, "fe000001")] {
        let mut wire = unhex(prefix).to_vec();
        wire.resize(wire.len() + len, b'x');
        wire.resize(wire.len().next_multiple_of(4), 0);
        let value = Bytes::from(vec![b'x'; len]);
        assert_eq!(value.to_bytes().unwrap(), wire, "{len}");
        assert_eq!(Bytes::from_bytes(wire.into()).unwrap(), value, "{len}");
    }
}

#[test]
fn bytes_are_a_slice_of_the_input() {
    let input = unhex("03616263");
    let value = Bytes::from_bytes(input.clone()).unwrap();
    assert_eq!(value.as_ptr(), input[1..].as_ptr());
}

#[test]
fn the_end_inside_an_element() {
    for (hex, needed) in [("", 4), ("010203", 4)] {
        let remaining = hex.len() / 2;
        let error = DecodeError::UnexpectedEnd { position: 0, needed, remaining };
        assert_eq!(refused::<i32>(hex), error);
    }
    let error = DecodeError::UnexpectedEnd { position: 0, needed: 8, remaining: 4 };
    assert_eq!(refused::<Bytes>("04616263"), error);
    let error = DecodeError::UnexpectedEnd { position: 0, needed: 0x0100_0004, remaining: 4 };
    assert_eq!(refused::<Bytes>("feffffff"), error);
    let error = DecodeError::UnexpectedEnd { position: 0, needed: 4, remaining: 1 };
    assert_eq!(refused::<Bytes>("fe"), error);
    let error = DecodeError::UnexpectedEnd { position: 4, needed: 8, remaining: 4 };
    assert_eq!(refused::<mtproto::functions::Ping>("ec77be7a 01000000"), error);
}

#[test]
fn a_long_length_that_could_be_short() {
    let mut wire = vec![0xfe, 253, 0, 0];
    wire.resize(4 + 256, 0);
    let error = Bytes::from_bytes(wire.into()).unwrap_err();
    assert_eq!(error, DecodeError::NonMinimalLength { position: 0 });
    let error = refused::<Bytes>("fe000000");
    assert_eq!(error, DecodeError::NonMinimalLength { position: 0 });
}

#[test]
fn a_length_of_unknown_form() {
    let error = DecodeError::UnknownLengthForm { position: 0 };
    assert_eq!(refused::<Bytes>("ff01000000000000 61000000"), error);
    assert_eq!(refused::<String>("ff"), error);
}

#[test]
fn padding_that_is_not_zero() {
    for hex in ["00000001", "01610100", "02616201", "0461626364010000", "0461626364000001"] {
        let wire = ["048d747d", hex].concat();
        let error = DecodeError::NonZeroPadding { position: 4 };
        assert_eq!(refused::<odnix::types::DataJson>(&wire), error, "{hex}");
    }
}

#[test]
fn a_string_that_is_not_utf8() {
    for hex in ["01ff0000", "01800000", "02c08000", "03eda080"] {
        assert_eq!(refused::<String>(hex), DecodeError::InvalidUtf8 { position: 0 }, "{hex}");
    }
}

#[test]
fn a_bool_that_is_neither() {
    let error = DecodeError::UnknownConstructor { position: 0, id: 1, expected: "Bool" };
    assert_eq!(refused::<bool>("01000000"), error);
}

#[test]
fn an_unknown_constructor_and_what_was_expected() {
    let unknown = |position, expected| DecodeError::UnknownConstructor {
        position,
        id: 0xdead_beef,
        expected,
    };
    assert_eq!(refused::<odnix::Request>("efbeadde"), unknown(0, "Request"));
    assert_eq!(refused::<odnix::enums::InputPeer>("efbeadde"), unknown(0, "InputPeer"));
    assert_eq!(refused::<mtproto::types::Pong>("efbeadde"), unknown(0, "pong"));
    assert_eq!(refused::<Vec<i32>>("efbeadde 00000000"), unknown(0, "Vector"));
    assert_eq!(
        refused::<Vec<odnix::enums::Reaction>>("15c4b51c 01000000 efbeadde"),
        unknown(8, "Reaction")
    );
}

#[test]
fn a_vector_with_more_items_than_bytes() {
    for (count, remaining) in
        [(2_u32, 7_usize), (0x4000_0000, 8), (0x7fff_ffff, 8), (0x8000_0000, 8), (u32::MAX, 0)]
    {
        let mut writer = Writer::new();
        writer.put_u32(0x1cb5_c415);
        writer.put_u32(count);
        writer.put_raw(&vec![0; remaining]);
        let error = Vec::<i32>::from_bytes(writer.finish().unwrap()).unwrap_err();
        assert_eq!(error, DecodeError::VectorTooLong { position: 4, count, remaining });
    }
}

#[test]
fn vectors_with_more_memory_than_allowed() {
    // The shortest item of this type has four bytes, but takes far more in memory.
    type Item = odnix::enums::Reaction;
    let count = HEAP_BYTES_MAX / size_of::<Item>() + 1;
    let items = vec![Item::ReactionEmpty; count];
    let error = Vec::<Item>::from_bytes(items.to_bytes().unwrap()).unwrap_err();
    assert_eq!(error, DecodeError::OutOfBudget { position: 4 });
    let items = items[1..].to_vec();
    assert_eq!(Vec::<Item>::from_bytes(items.to_bytes().unwrap()).unwrap().len(), count - 1);
}

#[test]
fn the_memory_of_all_vectors_counts() {
    let half = vec![0_i64; HEAP_BYTES_MAX / size_of::<i64>() / 2 + 1].to_bytes().unwrap();
    let both = Bytes::from([half.as_ref(), half.as_ref()].concat());
    let mut reader = Reader::new(&both);
    Vec::<i64>::decode(&mut reader).unwrap();
    let error = Vec::<i64>::decode(&mut reader).unwrap_err();
    assert_eq!(error, DecodeError::OutOfBudget { position: half.len() + 4 });
}

#[test]
fn objects_that_nest_too_deeply() {
    // jsonArray of one jsonArray of one …
    let array = unhex("634744f7");
    let nested = |depth: u32| -> Bytes {
        let level = [array.as_ref(), &unhex("15c4b51c 01000000")].concat();
        let innermost = unhex("687b6d3f");
        let levels = (1..depth).flat_map(|_| level.clone());
        levels.chain(innermost).collect()
    };
    assert!(odnix::enums::JsonValue::from_bytes(nested(DEPTH_MAX)).is_ok());
    let error = odnix::enums::JsonValue::from_bytes(nested(DEPTH_MAX + 1)).unwrap_err();
    let position = 16 * 12 + 4;
    assert_eq!(error, DecodeError::TooDeep { position });
    let error = odnix::enums::JsonValue::from_bytes(nested(100_000)).unwrap_err();
    assert_eq!(error, DecodeError::TooDeep { position });
}

#[test]
fn bytes_behind_the_object() {
    let wire = unhex("ec77be7a 0100000000000000 00000000");
    let error = mtproto::functions::Ping::from_bytes(wire.clone()).unwrap_err();
    assert_eq!(error, DecodeError::TrailingBytes { position: 12, count: 4 });
    let (ping, len) = mtproto::functions::Ping::from_prefix(wire).unwrap();
    assert_eq!((ping.ping_id, len), (1, 12));
}

#[test]
fn unknown_bits_of_a_flags_word_are_ignored() {
    let wire = unhex("0da1b718 00000080 02000000 00000000 bb010000");
    let option = odnix::types::DcOption::from_bytes(wire).unwrap();
    assert_eq!(option.secret, None);
}

#[test]
fn a_string_that_is_too_long_fails_for_good() {
    let longest = Bytes::from(vec![0; STRING_LEN_MAX]);
    assert_eq!(longest.to_bytes().unwrap().len(), 4 + STRING_LEN_MAX + 1);
    let len = STRING_LEN_MAX + 1;
    let mut writer = Writer::new();
    writer.put_i32(1);
    writer.put_bytes(&vec![0; len]);
    writer.put_i32(2);
    writer.put_bytes(&vec![0; len + 1]);
    assert_eq!(writer.finish(), Err(EncodeError::StringTooLong { len }));
}

#[test]
fn fields_that_share_a_bit_are_all_there_or_none() {
    let mut config = odnix::types::Config::from_bytes(shortest_config()).unwrap();
    assert_eq!(config.to_bytes().unwrap(), shortest_config());
    config.suggested_lang_code = Some("en".to_owned());
    assert_eq!(config.to_bytes(), Err(EncodeError::HalfSet { bits: 1 << 2 }));
    config.lang_pack_version = Some(1);
    config.base_lang_pack_version = Some(2);
    let bytes = config.to_bytes().unwrap();
    assert_eq!(odnix::types::Config::from_bytes(bytes), Ok(config));
}

/// The id, and as many zeros as the shortest one has, but for what must not be zero.
fn shortest_config() -> Bytes {
    let mut bytes = vec![0; odnix::types::Config::MIN_LEN];
    bytes[..4].copy_from_slice(&odnix::types::Config::ID.to_le_bytes());
    bytes[16..20].copy_from_slice(&0xbc79_9737_u32.to_le_bytes());
    bytes[24..28].copy_from_slice(&0x1cb5_c415_u32.to_le_bytes());
    bytes.into()
}

#[test]
fn a_constructor_of_a_newer_layer_is_kept_at_any_depth() {
    use odnix::enums::Updates;
    let update = "01000000 02000000";
    for hex in [format!("deadbeef {update}"), format!("c1ded478 deadbeef {update}")] {
        let bytes = unhex(&hex);
        assert!(Updates::from_bytes(bytes.clone()).is_err());
        let value = OrUnknown::<Updates>::from_bytes(bytes.clone()).unwrap();
        assert_eq!(value.to_bytes().unwrap(), bytes);
        let OrUnknown::Unknown(unknown) = &value else { panic!("{value:?}") };
        assert_eq!(unknown.bytes(), &bytes);
        assert_eq!(value.known(), None);
    }
    let known = OrUnknown::<Updates>::from_bytes(unhex("7eaf17e3")).unwrap();
    assert_eq!(known.known(), Some(Updates::UpdatesTooLong));
    // A fault of another kind is not a newer layer, nor is a Bool or a vector that is none.
    let config = shortest_config().to_vec();
    for at in [16, 24] {
        let mut wrong = config.clone();
        wrong[at] ^= 1;
        let read = OrUnknown::<odnix::types::Config>::from_bytes(wrong.into());
        assert!(matches!(read, Err(DecodeError::UnknownConstructor { .. })), "{read:?}");
    }
    let cut = OrUnknown::<Updates>::from_bytes(unhex("c1ded478 7f851ec0"));
    assert!(matches!(cut, Err(DecodeError::UnexpectedEnd { .. })), "{cut:?}");
}

#[test]
fn a_writer_with_enough_capacity_never_moves_its_bytes() {
    let mut writer = Writer::with_capacity(256);
    writer.put_bytes(b"a secret");
    writer.put_int256(&[7; 32]);
    // The only owner gets the buffer back as it was made.
    assert_eq!(Vec::from(writer.finish().unwrap()).capacity(), 256);
    let bytes = odnix::types::Message::MIN_LEN;
    let small = odnix::enums::InputPeer::InputPeerSelf.to_bytes().unwrap();
    assert!(Vec::from(small).capacity() < bytes, "a small value keeps no large buffer");
}

#[test]
fn a_reader_tells_where_it_is() {
    let input = unhex("01000000 02000000 aabb");
    let mut reader = Reader::new(&input);
    assert_eq!(reader.peek_id(), Some(1));
    assert_eq!(reader.u32(), Ok(1));
    assert_eq!((reader.position(), reader.remaining()), (4, 6));
    assert_eq!(reader.i32(), Ok(2));
    assert_eq!(reader.peek_id(), None);
    assert_eq!(reader.rest(), unhex("aabb"));
    assert_eq!(reader.position(), 10);
    assert_eq!(reader.finish(), Ok(()));
}

#[test]
fn debug_shows_fields_unless_the_schema_says_they_are_secret() {
    let sign_in = odnix::functions::auth::SignIn {
        username: "alice".to_owned(),
        password: "hunter2".to_owned(),
    };
    assert_eq!(format!("{sign_in:?}"), "SignIn { .. }");
    assert_eq!(format!("{:?}", odnix::Request::AuthSignIn(sign_in)), "AuthSignIn(SignIn { .. })");
    let ping = mtproto::functions::Ping { ping_id: 7 };
    assert_eq!(format!("{ping:?}"), "Ping { ping_id: 7 }");
    assert_eq!(format!("{:?}", odnix::functions::help::GetConfig), "GetConfig");
}
