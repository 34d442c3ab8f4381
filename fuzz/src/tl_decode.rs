//! TL objects and requests of both schemas: what decodes, encodes to the very bytes it was read
//! from, and no count on the wire buys more memory than its bytes are worth.
//!
//! One difference is allowed: bits of a `#` word that stand for no field are ignored, because
//! newer layers define more of them, and so they are gone when encoded again.

use crate::memory;
use bytes::Bytes;
use odnix_tl::{Decode, Encode, mtproto, odnix};

/// A 4-byte item may become a struct of this many bytes.
const BYTES_PER_BYTE: usize = 512;

/// One input.
pub fn run(input: &[u8]) {
    round_trip::<mtproto::Request>(input);
    round_trip::<mtproto::Object>(input);
    round_trip::<odnix::Request>(input);
    round_trip::<odnix::Object>(input);
}

fn round_trip<T: Decode + Encode>(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let decoded = memory::bounded(input, 64 << 10, BYTES_PER_BYTE, || T::from_bytes(bytes));
    if let Ok(object) = decoded {
        let encoded = object.to_bytes().expect("what was decoded can be encoded");
        assert_eq!(encoded.len(), input.len());
        let only_cleared = |(after, before): (&u8, &u8)| after & !before == 0;
        assert!(encoded.iter().zip(input).all(only_cleared), "{input:02x?} became {encoded:02x?}");
        let again = T::from_bytes(encoded.clone()).expect("our own bytes decode");
        assert_eq!(again.to_bytes().expect("and encode"), encoded);
    }
}
