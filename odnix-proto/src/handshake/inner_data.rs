//! The four forms of `p_q_inner_data`, the part that travels under RSA.

use super::checks::{Nonces, number, number_bytes};
use crate::error::HandshakeFault;
use crate::secret::Secret;
use alloc::vec::Vec;
use bytes::Bytes;
use odnix_tl::mtproto::enums::PQInnerData as Forms;
use odnix_tl::mtproto::types::{PQInnerDataDc, PQInnerDataTempDc};
use odnix_tl::{Decode, Encode, Writer};
use zeroize::{Zeroize, Zeroizing};

/// Room for the longest form, so that the buffer never moves while it is written.
const ENCODED_LEN_MAX: usize = 256;

/// What each form says; `dc` and `expires_in` are what the forms differ in.
#[cfg_attr(test, derive(Clone))]
pub(super) struct InnerData {
    pub factors: Factors,
    pub nonces: Nonces,
    pub new_nonce: Secret<32>,
    pub dc: Option<i32>,
    pub expires_in: Option<i32>,
}

/// pq and its prime factors, p < q.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Factors {
    pub pq: u64,
    pub p: u64,
    pub q: u64,
}

impl Factors {
    fn parse(pq: &[u8], p: &[u8], q: &[u8]) -> Result<Self, HandshakeFault> {
        Ok(Self { pq: number(pq)?, p: number(p)?, q: number(q)? })
    }
}

impl InnerData {
    /// `p_q_inner_data_dc`, or `p_q_inner_data_temp_dc` with `expires_in`.
    pub fn encode(&self, dc: i32) -> Result<Zeroizing<Vec<u8>>, HandshakeFault> {
        let Factors { pq, p, q } = self.factors;
        let (pq, p, q) = (number_bytes(pq), number_bytes(p), number_bytes(q));
        let Nonces { nonce, server_nonce } = self.nonces;
        let mut new_nonce = *self.new_nonce.expose_secret();
        let mut writer = Writer::with_capacity(ENCODED_LEN_MAX);
        match self.expires_in {
            None => {
                let mut form = PQInnerDataDc { pq, p, q, nonce, server_nonce, new_nonce, dc };
                form.encode(&mut writer);
                form.new_nonce.zeroize();
            }
            Some(expires_in) => {
                let mut form =
                    PQInnerDataTempDc { pq, p, q, nonce, server_nonce, new_nonce, dc, expires_in };
                form.encode(&mut writer);
                form.new_nonce.zeroize();
            }
        }
        new_nonce.zeroize();
        // The only owner of its buffer gives it up without a copy.
        let encoded = writer.finish().map_err(|_| HandshakeFault::Malformed)?;
        Ok(Zeroizing::new(Vec::from(encoded)))
    }

    /// Reads the object at the start of decrypted bytes, which are wiped behind it. Also says
    /// how long the object is.
    pub fn decode(data: Zeroizing<Vec<u8>>) -> Option<(Self, usize)> {
        let (mut form, len) = Forms::from_prefix(Bytes::from_owner(data)).ok()?;
        Self::take(&mut form).ok().map(|inner| (inner, len))
    }

    /// What a decoded form says; its new_nonce is wiped where it stands.
    fn take(form: &mut Forms) -> Result<Self, HandshakeFault> {
        let (factors, nonce, server_nonce, new_nonce, dc, expires_in) = match form {
            Forms::PQInnerData(it) => (
                Factors::parse(&it.pq, &it.p, &it.q),
                &mut it.nonce,
                &mut it.server_nonce,
                &mut it.new_nonce,
                None,
                None,
            ),
            Forms::PQInnerDataDc(it) => (
                Factors::parse(&it.pq, &it.p, &it.q),
                &mut it.nonce,
                &mut it.server_nonce,
                &mut it.new_nonce,
                Some(it.dc),
                None,
            ),
            Forms::PQInnerDataTemp(it) => (
                Factors::parse(&it.pq, &it.p, &it.q),
                &mut it.nonce,
                &mut it.server_nonce,
                &mut it.new_nonce,
                None,
                Some(it.expires_in),
            ),
            Forms::PQInnerDataTempDc(it) => (
                Factors::parse(&it.pq, &it.p, &it.q),
                &mut it.nonce,
                &mut it.server_nonce,
                &mut it.new_nonce,
                Some(it.dc),
                Some(it.expires_in),
            ),
        };
        let nonces = Nonces { nonce: *nonce, server_nonce: *server_nonce };
        // Before a fault may end this.
        let new_nonce = Secret::take(new_nonce);
        Ok(Self { factors: factors?, nonces, new_nonce, dc, expires_in })
    }
}
