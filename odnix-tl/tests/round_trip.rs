//! Every type of every schema, with made-up values: the generated code reads the bytes, writes
//! the same bytes, and agrees on the JSON form.
#![cfg(feature = "serde")]

#[allow(dead_code, reason = "what is read by name only needs no other use")]
mod everything;
mod walk;

use std::fmt::Debug;

use bytes::Bytes;
use odnix_tl::{
    Constructor, Decode, DecodeError, Encode, EncodeError,
    limits::HEAP_BYTES_MAX,
    mtproto, odnix,
    schema::{Kind, Schema},
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use walk::Walk;

fn check<T>(bytes: &[u8], json: &serde_json::Value, name: &str)
where
    T: Encode + Decode + Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value = T::from_bytes(Bytes::copy_from_slice(bytes)).expect(name);
    assert_eq!(value.to_bytes().unwrap(), bytes, "{value:?}");
    assert_eq!(&serde_json::to_value(&value).unwrap(), json);
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&text).expect(&text), value);
    assert!(bytes.len() >= T::MIN_LEN, "{value:?}");
    // No part of it is the whole.
    for len in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        let part = T::from_bytes(Bytes::copy_from_slice(&bytes[..len]));
        assert_ne!(part.ok().as_ref(), Some(&value));
    }
}

macro_rules! round_trip {
    ($name:ident, $module:ident, $schema:literal) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(64))]
            #[test]
            fn $name(entropy in prop::collection::vec(any::<u8>(), 0..600)) {
                let schema = Schema::parse(include_str!($schema)).unwrap();
                for line in &schema.definitions {
                    let mut walk = Walk::new(&schema, &entropy);
                    let json = walk.boxed(line);
                    let name = line.to_string();
                    match line.kind {
                        _ if line.result.name.is("Bool") && line.kind == Kind::Constructor => {}
                        _ if line.result.name.is("True") => {}
                        Kind::Constructor => check::<$module::Object>(&walk.bytes, &json, &name),
                        Kind::Function => check::<$module::Request>(&walk.bytes, &json, &name),
                    }
                }
            }
        }
    };
}

round_trip!(all_of_mtproto, mtproto, "../schema/mtproto.tl");
round_trip!(all_of_odnix, odnix, "../schema/odnix.tl");
round_trip!(all_of_everything, everything, "everything/everything.tl");

#[test]
fn a_struct_alone_reads_and_writes_like_its_enum() {
    let state = odnix::types::updates::State { pts: 1, qts: 2, date: 3, seq: 4, unread_count: -5 };
    let bytes = state.to_bytes().unwrap();
    let json = serde_json::to_value(&state).unwrap();
    check::<odnix::types::updates::State>(&bytes, &json, "updates.state");
    check::<odnix::Object>(&bytes, &json, "updates.state");
    let object = odnix::Object::UpdatesState(state);
    assert_eq!(object.constructor_name(), odnix::types::updates::State::NAME);
    assert_eq!(object.constructor_id(), 0xa56c_2a3e);
}

#[test]
fn min_len_is_that_of_the_shortest_value() {
    use odnix::{enums, types};
    assert_eq!(types::Message::MIN_LEN, 4 + 4 + 8 + 8 + 12 + 4 + 4);
    assert_eq!(enums::InputPeer::MIN_LEN, 4);
    assert_eq!(enums::Update::MIN_LEN, 4 + 8 + 4);
    assert_eq!(mtproto::types::FutureSalt::MIN_LEN_BARE, 16);
    assert_eq!(everything::types::ReservedToo::MIN_LEN, 4 + 4 + 4 + 4);
    assert_eq!(Vec::<i32>::MIN_LEN, 8);
}

#[test]
fn what_encodes_is_shallow_enough_to_decode() {
    use everything::{enums::Chain, types::ChainLink};
    let chain = |links| {
        let link = |next: Chain, _| ChainLink { next: Box::new(next) }.into();
        (0..links).fold(Chain::ChainEnd, link)
    };
    let deepest: Chain = chain(15);
    assert_eq!(Chain::from_bytes(deepest.to_bytes().unwrap()), Ok(deepest));
    assert_eq!(chain(16).to_bytes(), Err(EncodeError::TooDeep));
}

#[test]
fn what_variants_keep_on_the_heap_counts_as_memory() {
    use everything::{enums::Sized, types::Large};
    let bytes = |count: usize| -> Bytes {
        let text = String::new;
        let (a, b, c, d, e, f, g, h, i) =
            (text(), text(), text(), text(), text(), text(), text(), text(), text());
        let item: Sized = Large { a, b, c, d, e, f, g, h, i }.into();
        vec![item; count].to_bytes().unwrap()
    };
    let of_one = size_of::<Sized>() + size_of::<Large>();
    assert!(size_of::<Sized>() < size_of::<Large>());
    let fits = HEAP_BYTES_MAX / of_one;
    assert!(Vec::<Sized>::from_bytes(bytes(fits)).is_ok());
    let error = Vec::<Sized>::from_bytes(bytes(fits + 1)).unwrap_err();
    assert!(matches!(error, DecodeError::OutOfBudget { .. }), "{error}");
}
