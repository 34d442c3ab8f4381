//! A client that only begins key exchanges, packet by packet over TCP.
#![allow(dead_code, reason = "each program uses a part of it")]
#![allow(missing_docs, reason = "test helpers")]

use bytes::{Bytes, BytesMut};
use odnix_proto::MsgId;
use odnix_proto::crypto::factor::factorize;
use odnix_proto::envelope::{parse_plain, write_plain};
use odnix_tl::mtproto::functions::{ReqDhParams, ReqPqMulti};
use odnix_tl::mtproto::types::ResPq;
use odnix_tl::{Decode, Encode};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The factors of what was offered before: a flooder works once for each pair of a pool.
static FACTORS: LazyLock<Mutex<HashMap<Bytes, (u64, u64)>>> = LazyLock::new(Mutex::default);

pub struct Flooder(TcpStream);

impl Flooder {
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.write_all(&[0xee; 4]).await?;
        Ok(Self(stream))
    }

    pub async fn send<T: Encode>(&mut self, request: &T) -> io::Result<()> {
        let body = request.to_bytes().map_err(io::Error::other)?;
        let mut packet = BytesMut::new();
        write_plain(MsgId::from_i64(1), &body, &mut packet).map_err(io::Error::other)?;
        let len = u32::try_from(packet.len()).map_err(io::Error::other)?;
        self.0.write_all(&[&len.to_le_bytes(), &packet[..]].concat()).await
    }

    /// The next packet, or the transport error in its place.
    pub async fn read(&mut self) -> io::Result<Result<Bytes, i32>> {
        let len = self.0.read_u32_le().await?;
        let mut packet = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        self.0.read_exact(&mut packet).await?;
        Ok(match <[u8; 4]>::try_from(packet.as_slice()) {
            Ok(code) => Err(i32::from_le_bytes(code)),
            Err(_) => Ok(packet.into()),
        })
    }

    /// Begins an exchange.
    pub async fn req_pq(&mut self, nonce: [u8; 16]) -> io::Result<Result<ResPq, i32>> {
        self.send(&ReqPqMulti { nonce }).await?;
        let answer = self.read().await?;
        Ok(match answer {
            Err(code) => Err(code),
            Ok(packet) => {
                let body = parse_plain(packet).map_err(io::Error::other)?.body;
                Ok(ResPq::from_bytes(body).map_err(io::Error::other)?)
            }
        })
    }
}

/// All that can be checked cheaply is right; what is inside costs the server an RSA operation.
pub fn req_dh_params(offer: &ResPq) -> ReqDhParams {
    let pq = u64::from_be_bytes(offer.pq[..].try_into().expect("8 bytes"));
    let mut factors = FACTORS.lock().unwrap_or_else(PoisonError::into_inner);
    let (p, q) =
        *factors.entry(offer.pq.clone()).or_insert_with(|| factorize(pq).expect("two primes"));
    let number = |value: u64| Bytes::copy_from_slice(&value.to_be_bytes()[4..]);
    ReqDhParams {
        nonce: offer.nonce,
        server_nonce: offer.server_nonce,
        p: number(p),
        q: number(q),
        public_key_fingerprint: offer.server_public_key_fingerprints[0],
        encrypted_data: Bytes::from_static(&[1; 256]),
    }
}
