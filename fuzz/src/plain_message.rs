//! Plain packets of the key exchange: what parses, writes to the same bytes again.

use bytes::{Bytes, BytesMut};
use odnix_proto::envelope::{PLAIN_LEN, parse_plain, write_plain};

/// One input.
pub fn run(input: &[u8]) {
    let Ok(message) = parse_plain(Bytes::copy_from_slice(input)) else { return };
    assert!(!message.body.is_empty() && message.body.len() % 4 == 0);
    let mut written = BytesMut::new();
    write_plain(message.msg_id, &message.body, &mut written).expect("what was parsed is writable");
    assert_eq!(written.len(), PLAIN_LEN + message.body.len());
    assert!(input.starts_with(&written));
    assert!(input.len() - written.len() <= 15, "only framing padding may follow");
}
