//! The packet that every contender seals and opens.

use bytes::BytesMut;
use chacha20::ChaCha20Rng;
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::{AuthKey, MsgId, Secret};
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};
use std::convert::Infallible;

pub const HEADER: Header =
    Header { salt: 1, session_id: 2, msg_id: MsgId::from_i64(0x6500_0000_1234_5678), seq_no: 5 };

pub fn key_bytes() -> [u8; 256] {
    let mut key = [0; 256];
    ChaCha20Rng::seed_from_u64(1).fill_bytes(&mut key);
    key
}

pub fn key() -> AuthKey {
    AuthKey::new(Secret::take(&mut key_bytes()))
}

/// A packet of the server's with the shortest padding.
pub fn sealed(data_len: usize) -> BytesMut {
    let mut packet = BytesMut::new();
    let mut padding = ShortestPadding::new();
    envelope::seal(&key(), Side::Server, &HEADER, &vec![7; data_len], &mut padding, &mut packet)
        .expect("a short packet");
    packet
}

/// Random bytes, but the number that chooses the extra blocks is 0.
pub struct ShortestPadding(ChaCha20Rng);

impl ShortestPadding {
    pub fn new() -> Self {
        Self(ChaCha20Rng::seed_from_u64(2))
    }
}

impl TryRng for ShortestPadding {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(bytes);
        Ok(())
    }
}

impl TryCryptoRng for ShortestPadding {}
