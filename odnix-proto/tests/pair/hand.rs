//! Both roles of the key exchange written by hand, one packet at a time, so that a test can get
//! any field wrong.

use super::{KEY, START_SECS};
use bytes::{Bytes, BytesMut};
use odnix_proto::AuthKey;
use odnix_proto::crypto::dh::{Exponent, Group, GroupElement, USUAL_PRIME};
use odnix_proto::crypto::factor::factorize;
use odnix_proto::crypto::ige::{aes256_ige_decrypt, aes256_ige_encrypt};
use odnix_proto::crypto::kdf::{handshake_keys, new_nonce_hash, params_fail_hash};
use odnix_proto::crypto::rsa_pad;
use odnix_proto::envelope::{parse_plain, write_plain};
use odnix_proto::{MsgId, Secret, Seed};
use odnix_tl::mtproto::enums::PQInnerData;
use odnix_tl::mtproto::functions::{ReqDhParams, ReqPqMulti, SetClientDhParams};
use odnix_tl::mtproto::types::{
    ClientDhInnerData, DhGenFail, DhGenOk, DhGenRetry, PQInnerDataDc, ResPq, ServerDhInnerData,
    ServerDhParamsFail, ServerDhParamsOk,
};
use odnix_tl::{Decode, Encode};
use rand_core::{CryptoRng, SeedableRng};
use sha1::{Digest, Sha1};

/// 1513098571 · 1780931429, as in the published sample.
pub const PQ: u64 = 2_694_724_800_268_887_959;
pub const P: u64 = 1_513_098_571;
pub const Q: u64 = 1_780_931_429;

pub fn rng() -> impl CryptoRng {
    chacha20::ChaCha20Rng::from_seed([7; 32])
}

pub fn plain<T: Encode>(object: &T) -> Bytes {
    plain_bytes(&object.to_bytes().unwrap())
}

pub fn plain_bytes(body: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    write_plain(MsgId::from_i64(1), body, &mut out).unwrap();
    out.freeze()
}

pub fn object<T: Decode>(packet: &Bytes) -> T {
    T::from_bytes(body(packet)).unwrap()
}

pub fn body(packet: &Bytes) -> Bytes {
    parse_plain(packet.clone()).unwrap().body
}

pub fn exponent(byte: u8) -> Exponent {
    Exponent::new(Secret::init(|bytes| bytes.fill(byte)))
}

/// What both sides know; `seal` and `open` work for either.
#[derive(Clone, Copy)]
pub struct Known {
    pub nonce: [u8; 16],
    pub server_nonce: [u8; 16],
    pub new_nonce: [u8; 32],
}

impl Known {
    /// `SHA1(inner) | inner | padding` up to a multiple of 16, encrypted.
    pub fn seal(&self, inner: &[u8]) -> Bytes {
        let mut sealed = Sha1::digest(inner).to_vec();
        sealed.extend_from_slice(inner);
        sealed.resize(sealed.len().next_multiple_of(16), 0x5a);
        self.encrypt(sealed)
    }

    /// Encrypts whole blocks as they are.
    pub fn encrypt(&self, mut blocks: Vec<u8>) -> Bytes {
        let keys = handshake_keys(&self.new_nonce, &self.server_nonce);
        aes256_ige_encrypt(keys.expose_key(), keys.expose_iv(), &mut blocks).unwrap();
        blocks.into()
    }

    pub fn open<T: Decode>(&self, encrypted: &[u8]) -> T {
        let mut blocks = encrypted.to_vec();
        let keys = handshake_keys(&self.new_nonce, &self.server_nonce);
        aes256_ige_decrypt(keys.expose_key(), keys.expose_iv(), &mut blocks).unwrap();
        let (object, len) = T::from_prefix(Bytes::copy_from_slice(&blocks[20..])).unwrap();
        assert_eq!(Sha1::digest(&blocks[20..20 + len])[..], blocks[..20]);
        assert!(blocks.len() - 20 - len < 16);
        object
    }
}

/// A server that does as told.
pub struct HandServer {
    pub known: Known,
    pub a: Exponent,
    pub key: Option<AuthKey>,
}

impl HandServer {
    /// Learns the nonce of a `req_pq_multi`.
    pub fn meet(query: &Bytes) -> Self {
        let ReqPqMulti { nonce } = object(query);
        let known = Known { nonce, server_nonce: [0x22; 16], new_nonce: [0; 32] };
        Self { known, a: exponent(0x77), key: None }
    }

    pub fn res_pq(&self) -> ResPq {
        ResPq {
            nonce: self.known.nonce,
            server_nonce: self.known.server_nonce,
            pq: Bytes::copy_from_slice(&PQ.to_be_bytes()),
            server_public_key_fingerprints: vec![1, KEY.public().fingerprint(), 2],
        }
    }

    /// Learns new_nonce from a `req_DH_params`.
    pub fn learn(&mut self, query: &Bytes) -> PQInnerData {
        let request: ReqDhParams = object(query);
        assert_eq!(request.p[..], (P as u32).to_be_bytes());
        assert_eq!(request.q[..], (Q as u32).to_be_bytes());
        let padded = rsa_pad::decrypt(&KEY, &request.encrypted_data, &mut rng()).unwrap();
        let (inner, _) =
            PQInnerData::from_prefix(Bytes::copy_from_slice(padded.expose_secret())).unwrap();
        self.known.new_nonce = match &inner {
            PQInnerData::PQInnerDataDc(inner) => inner.new_nonce,
            PQInnerData::PQInnerDataTempDc(inner) => inner.new_nonce,
            other => panic!("a client must not send {other:?}"),
        };
        inner
    }

    pub fn inner(&self) -> ServerDhInnerData {
        let g_a = self.a.public(&Group::usual()).unwrap();
        ServerDhInnerData {
            nonce: self.known.nonce,
            server_nonce: self.known.server_nonce,
            g: 3,
            dh_prime: Bytes::copy_from_slice(&USUAL_PRIME),
            g_a: Bytes::copy_from_slice(&g_a.to_bytes()),
            server_time: START_SECS as i32,
        }
    }

    pub fn params_ok(&self, encrypted_answer: Bytes) -> ServerDhParamsOk {
        let Known { nonce, server_nonce, .. } = self.known;
        ServerDhParamsOk { nonce, server_nonce, encrypted_answer }
    }

    pub fn good_params(&self) -> ServerDhParamsOk {
        self.params_ok(self.known.seal(&self.inner().to_bytes().unwrap()))
    }

    pub fn params_fail(&self) -> ServerDhParamsFail {
        let Known { nonce, server_nonce, new_nonce } = self.known;
        ServerDhParamsFail { nonce, server_nonce, new_nonce_hash: params_fail_hash(&new_nonce) }
    }

    /// Learns the key from a `set_client_DH_params`.
    pub fn agree(&mut self, query: &Bytes) -> ClientDhInnerData {
        let request: SetClientDhParams = object(query);
        let inner: ClientDhInnerData = self.known.open(&request.encrypted_data);
        let group = Group::usual();
        let g_b = GroupElement::parse(&group, &inner.g_b).unwrap();
        self.key = Some(AuthKey::new(self.a.shared(&group, &g_b)));
        inner
    }

    pub fn hash(&self, number: u8) -> [u8; 16] {
        new_nonce_hash(&self.known.new_nonce, number, self.key.as_ref().unwrap().aux_hash())
    }

    pub fn ok(&self) -> DhGenOk {
        let Known { nonce, server_nonce, .. } = self.known;
        DhGenOk { nonce, server_nonce, new_nonce_hash1: self.hash(1) }
    }

    pub fn retry(&self) -> DhGenRetry {
        let Known { nonce, server_nonce, .. } = self.known;
        DhGenRetry { nonce, server_nonce, new_nonce_hash2: self.hash(2) }
    }

    pub fn fail(&self) -> DhGenFail {
        let Known { nonce, server_nonce, .. } = self.known;
        DhGenFail { nonce, server_nonce, new_nonce_hash3: self.hash(3) }
    }
}

/// A client that does as told.
pub struct HandClient {
    pub known: Known,
    pub pq: u64,
    pub p: u64,
    pub q: u64,
    pub b: Exponent,
    pub offer: Option<ServerDhInnerData>,
}

impl HandClient {
    /// Reads the resPQ that answered `req_pq` with this nonce.
    pub fn meet(nonce: [u8; 16], answer: &Bytes) -> Self {
        let answer: ResPq = object(answer);
        assert_eq!(answer.nonce, nonce);
        assert_eq!(answer.server_public_key_fingerprints, [KEY.public().fingerprint()]);
        let pq = u64::from_be_bytes(answer.pq[..].try_into().expect("pq takes 8 bytes"));
        let (p, q) = factorize(pq).unwrap();
        assert!(p >> 24 != 0 && q >> 32 == 0, "p and q take 4 bytes");
        let server_nonce = answer.server_nonce;
        let known = Known { nonce, server_nonce, new_nonce: [0x33; 32] };
        Self { known, pq, p, q, b: exponent(0x99), offer: None }
    }

    pub fn inner(&self) -> PQInnerDataDc {
        PQInnerDataDc {
            pq: number(self.pq),
            p: number(self.p),
            q: number(self.q),
            nonce: self.known.nonce,
            server_nonce: self.known.server_nonce,
            new_nonce: self.known.new_nonce,
            dc: 2,
        }
    }

    pub fn req_dh_params<T: Encode>(&self, inner: &T) -> ReqDhParams {
        let data = inner.to_bytes().unwrap();
        let block = rsa_pad::encrypt(KEY.public(), &data, &mut rng()).unwrap();
        self.req_dh_params_with(Bytes::copy_from_slice(&block))
    }

    pub fn req_dh_params_with(&self, encrypted_data: Bytes) -> ReqDhParams {
        ReqDhParams {
            nonce: self.known.nonce,
            server_nonce: self.known.server_nonce,
            p: number(self.p),
            q: number(self.q),
            public_key_fingerprint: KEY.public().fingerprint(),
            encrypted_data,
        }
    }

    /// Reads server_DH_params_ok.
    pub fn learn(&mut self, answer: &Bytes) {
        let answer: ServerDhParamsOk = object(answer);
        let Known { nonce, server_nonce, .. } = self.known;
        assert_eq!((answer.nonce, answer.server_nonce), (nonce, server_nonce));
        let inner: ServerDhInnerData = self.known.open(&answer.encrypted_answer);
        assert_eq!((inner.nonce, inner.server_nonce), (nonce, server_nonce));
        assert_eq!((inner.g, &inner.dh_prime[..]), (3, &USUAL_PRIME[..]));
        self.offer = Some(inner);
    }

    pub fn dh_inner(&self) -> ClientDhInnerData {
        let g_b = self.b.public(&Group::usual()).unwrap();
        ClientDhInnerData {
            nonce: self.known.nonce,
            server_nonce: self.known.server_nonce,
            retry_id: 0,
            g_b: Bytes::copy_from_slice(&g_b.to_bytes()),
        }
    }

    pub fn set_client_dh(&self, inner: &ClientDhInnerData) -> SetClientDhParams {
        self.set_client_dh_with(self.known.seal(&inner.to_bytes().unwrap()))
    }

    pub fn set_client_dh_with(&self, encrypted_data: Bytes) -> SetClientDhParams {
        let Known { nonce, server_nonce, .. } = self.known;
        SetClientDhParams { nonce, server_nonce, encrypted_data }
    }

    pub fn key(&self) -> AuthKey {
        let group = Group::usual();
        let g_a = GroupElement::parse(&group, &self.offer.as_ref().unwrap().g_a).unwrap();
        AuthKey::new(self.b.shared(&group, &g_a))
    }
}

pub fn number(value: u64) -> Bytes {
    let bytes = value.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Bytes::copy_from_slice(&bytes[zeros..])
}

pub fn seed() -> Seed {
    Seed::for_testing(9)
}
