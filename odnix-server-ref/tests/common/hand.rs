//! A client written by hand, one message at a time, so that a test can use a temporary key
//! before it is bound, bind it wrongly, or send the same packet twice.

use super::device::{Reachable, options};
use bytes::{Bytes, BytesMut};
use chacha20::{ChaCha20Rng, rand_core::SeedableRng};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::envelope::{self, Header, Side};
use odnix_proto::handshake::{Established, client};
use odnix_proto::session::binding::{Carrier, seal_binding};
use odnix_proto::transport::{ClientFramer, Frame, Framing};
use odnix_proto::{AuthKey, MsgId, Now, PeerError, Seed};
use odnix_tl::mtproto::types;
use odnix_tl::odnix::functions::auth::BindTempAuthKey;
use odnix_tl::{Constructor, Decode, Encode};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Long enough for a slow machine; only a hanging test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);
const CONTAINER: u32 = 0x73f1_f8dc;

fn now() -> Now {
    let origin = Instant::now();
    Now::from_std(origin, origin, SystemTime::now())
}

pub fn unix_s() -> i32 {
    i32::try_from(now().wall.as_secs()).unwrap()
}

/// A socket that carries whole packets.
struct Packets {
    stream: TcpStream,
    framer: ClientFramer,
}

impl Packets {
    async fn connect(server: &impl Reachable) -> Self {
        let framer = ClientFramer::new(&options(Framing::Intermediate, false), seed());
        Self { stream: TcpStream::connect(server.tcp_address()).await.unwrap(), framer }
    }

    async fn send(&mut self, packet: &[u8]) {
        self.send_together(&[packet]).await;
    }

    /// In one write, so that they arrive together.
    async fn send_together(&mut self, packets: &[&[u8]]) {
        let mut framed = BytesMut::new();
        for packet in packets {
            self.framer.frame(packet, &mut framed).unwrap();
        }
        // A server that has closed is noticed when its answer is read.
        let _ = self.stream.write_all(&framed).await;
    }

    /// The next packet; the error is a transport error, or the end of the stream.
    async fn next(&mut self) -> Result<BytesMut, PeerError> {
        loop {
            match self.framer.next_frame()? {
                Some(Frame::Packet { packet, .. }) => return Ok(packet),
                Some(Frame::Error(code)) => return Err(PeerError::Transport(code)),
                Some(Frame::QuickAck(_)) => continue,
                None => {}
            }
            let mut bytes = BytesMut::new();
            let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut bytes)).await;
            match read.expect("the server answers") {
                Ok(1..) => self.framer.receive(&mut bytes)?,
                Ok(0) | Err(_) => return Err(PeerError::TimedOut),
            }
        }
    }
}

fn seed() -> Seed {
    Seed::from_os().unwrap()
}

/// A key exchange over a socket of its own; with `expires_in` for a temporary key.
pub async fn exchange(server: &impl Reachable, expires_in: Option<i32>) -> Established {
    let pem = std::fs::read_to_string(server.public_key()).unwrap();
    let mut config = client::Config::new(vec![RsaPublicKey::from_pem(&pem).unwrap()], 2).unwrap();
    config.expires_in = expires_in;
    let mut machine = client::Handshake::new(Arc::new(config), seed());
    let mut packets = Packets::connect(server).await;
    loop {
        while let Some(event) = machine.poll_event() {
            match event {
                client::Event::Work(job) => machine.complete(now(), job.run()).unwrap(),
                client::Event::Established(established) => return established,
                other => panic!("{other:?}"),
            }
        }
        let mut packet = BytesMut::new();
        if machine.poll_transmit(now(), &mut packet).is_some() {
            packets.send(&packet).await;
        } else {
            let packet = packets.next().await.unwrap();
            machine.handle_packet(now(), packet.freeze()).unwrap();
        }
    }
}

/// One session under one key over one socket.
pub struct Hand {
    packets: Packets,
    pub key: AuthKey,
    pub expires_at: Option<i32>,
    pub session_id: i64,
    salt: i64,
    content_sent: i32,
    last_id: i64,
    inbox: VecDeque<(MsgId, Bytes)>,
    /// The last packet, to be sent again.
    pub last_packet: BytesMut,
}

impl Hand {
    pub async fn connect(server: &impl Reachable, key: &Established, session_id: i64) -> Self {
        Self {
            packets: Packets::connect(server).await,
            key: key.auth_key.clone(),
            expires_at: key.expires_at,
            session_id,
            salt: key.server_salt,
            content_sent: 0,
            last_id: 0,
            inbox: VecDeque::new(),
            last_packet: BytesMut::new(),
        }
    }

    pub fn set_salt(&mut self, salt: i64) {
        self.salt = salt;
    }

    pub fn next_id(&mut self) -> MsgId {
        let micros = u128::from(now().wall.as_micros());
        let id = i64::try_from((micros << 32) / 1_000_000).unwrap() & !3;
        self.last_id = id.max(self.last_id + 4);
        MsgId::from_i64(self.last_id)
    }

    pub async fn send_as(&mut self, msg_id: MsgId, content: bool, body: &[u8]) {
        let packet = self.seal(msg_id, content, body);
        self.packets.send(&packet).await;
        self.last_packet = packet;
    }

    /// The packet of a message, still to be sent.
    pub fn seal(&mut self, msg_id: MsgId, content: bool, body: &[u8]) -> BytesMut {
        let seq_no = self.content_sent * 2 + i32::from(content);
        self.content_sent += i32::from(content);
        let header = Header { salt: self.salt, session_id: self.session_id, msg_id, seq_no };
        let mut packet = BytesMut::new();
        let mut rng = ChaCha20Rng::seed_from_u64(msg_id.as_i64().cast_unsigned());
        envelope::seal(&self.key, Side::Client, &header, body, &mut rng, &mut packet).unwrap();
        packet
    }

    pub async fn send<T: Encode>(&mut self, request: &T) -> MsgId {
        let msg_id = self.next_id();
        self.send_as(msg_id, true, &request.to_bytes().unwrap()).await;
        msg_id
    }

    /// Sends these bytes once more, or those of another client.
    pub async fn send_packet(&mut self, packet: &[u8]) {
        self.packets.send(packet).await;
    }

    /// Sends packets in one write, so that they arrive together.
    pub async fn send_together(&mut self, packets: &[&[u8]]) {
        self.packets.send_together(packets).await;
    }

    /// The next message, containers taken apart.
    pub async fn next(&mut self) -> Result<(MsgId, Bytes), PeerError> {
        while self.inbox.is_empty() {
            let packet = self.packets.next().await?;
            let opened = envelope::open(&self.key, Side::Server, packet).unwrap();
            let mut body = opened.data;
            if constructor(&body) != CONTAINER {
                self.inbox.push_back((opened.header.msg_id, body));
                continue;
            }
            let mut rest = body.split_off(8);
            while !rest.is_empty() {
                let head = rest.split_to(16);
                let msg_id = i64::from_le_bytes(head[..8].try_into().unwrap());
                let len = u32::from_le_bytes(head[12..].try_into().unwrap());
                self.inbox.push_back((MsgId::from_i64(msg_id), rest.split_to(len as usize)));
            }
        }
        Ok(self.inbox.pop_front().unwrap())
    }

    /// The next message of this kind.
    pub async fn next_of<T: Decode + Constructor>(&mut self) -> Result<T, PeerError> {
        loop {
            let (_, body) = self.next().await?;
            if constructor(&body) == T::ID {
                return Ok(T::from_bytes(body).unwrap());
            }
        }
    }

    /// The answer to a request: the boxed result, or code and name of a refusal.
    pub async fn answer(
        &mut self,
        request: MsgId,
    ) -> Result<Result<Bytes, (i32, String)>, PeerError> {
        loop {
            let result: types::RpcResult = self.next_of().await?;
            if result.req_msg_id != request.as_i64() {
                continue;
            }
            let body = result.result.0;
            if constructor(&body) != types::RpcError::ID {
                return Ok(Ok(body));
            }
            let error = types::RpcError::from_bytes(body).unwrap();
            return Ok(Err((error.error_code, error.error_message)));
        }
    }

    pub async fn call<T: Encode>(&mut self, request: &T) -> Result<Bytes, (i32, String)> {
        let msg_id = self.send(request).await;
        self.answer(msg_id).await.unwrap()
    }

    /// The request that binds this key, for a message of this id.
    pub fn binding(&self, perm: &AuthKey, msg_id: MsgId) -> BindTempAuthKey {
        let carrier =
            Carrier { msg_id, temp_auth_key_id: self.key.id(), temp_session_id: self.session_id };
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        seal_binding(perm, &carrier, self.expires_at.unwrap_or(0), &mut rng)
    }

    /// Binds this key.
    pub async fn bind(&mut self, perm: &AuthKey) -> Result<Bytes, (i32, String)> {
        let msg_id = self.next_id();
        let request = self.binding(perm, msg_id).to_bytes().unwrap();
        self.send_as(msg_id, true, &request).await;
        self.answer(msg_id).await.unwrap()
    }

    /// Reads until the server ends the connection; gives the transport error.
    pub async fn end(&mut self) -> PeerError {
        loop {
            if let Err(end) = self.next().await {
                return end;
            }
        }
    }
}

pub fn constructor(body: &[u8]) -> u32 {
    u32::from_le_bytes(body[..4].try_into().unwrap())
}
