//! A device: the protocol's client machine over a real socket, driven by hand.

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use odnix_proto::client::{CallError, Config, Connection, Event, SavedKey, SessionEvent};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::server::CallId;
use odnix_proto::transport::{ClientOptions, Framing, Obfuscation};
use odnix_proto::{Now, PeerError, Seed, handshake, limits::Limits, session::Timings};
use odnix_server_ref::Running;
use odnix_tl::odnix::{enums, functions, types};
use odnix_tl::{Decode, Function};
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, http::HeaderValue};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub type Ws = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Long enough for a slow machine; only a hanging test waits for it.
const PATIENCE: Duration = Duration::from_secs(30);

pub enum Pipe {
    None,
    Tcp(TcpStream),
    Ws(Box<Ws>),
}

/// A server to connect to, in this process or another.
pub trait Reachable {
    fn tcp_address(&self) -> SocketAddr;
    fn ws_url(&self) -> String;
    fn public_key(&self) -> &Path;
}

impl Reachable for Running {
    fn tcp_address(&self) -> SocketAddr {
        self.tcp_address()
    }

    fn ws_url(&self) -> String {
        self.ws_url()
    }

    fn public_key(&self) -> &Path {
        self.public_key()
    }
}

pub struct Device {
    pub machine: Connection,
    pub pipe: Pipe,
    /// Pushed objects not yet looked at.
    pub updates: VecDeque<Bytes>,
    /// How often the server began a session for us.
    pub sessions_created: usize,
    /// Answers to destroy_session: which, and whether the server knew it.
    pub destroyed: Vec<(i64, bool)>,
    /// Over HTTP: requests of this connection that are not answered yet.
    pub open_requests: usize,
    replies: HashMap<CallId, Result<Bytes, CallError>>,
    ready: bool,
    origin: Instant,
}

pub fn options(framing: Framing, obfuscated: bool) -> ClientOptions {
    let options = ClientOptions::new(framing);
    if !obfuscated {
        return options;
    }
    options.obfuscated(Obfuscation { secret: None, dc: 2 }).unwrap()
}

pub fn config(server: &impl Reachable, transport: ClientOptions) -> Config {
    let pem = std::fs::read_to_string(server.public_key()).unwrap();
    let keys = vec![RsaPublicKey::from_pem(&pem).unwrap()];
    Config {
        handshake: Arc::new(handshake::client::Config::new(keys, 2).unwrap()),
        transport,
        pfs: None,
        quick_acks: false,
        init: None,
        limits: Limits::default(),
        timings: Timings::default(),
    }
}

impl Device {
    pub fn new(config: Config) -> Self {
        Self::with(Connection::new(Arc::new(config), Seed::from_os().unwrap()))
    }

    pub fn resume(config: Config, saved: SavedKey) -> Self {
        Self::with(Connection::resume(Arc::new(config), Seed::from_os().unwrap(), saved))
    }

    fn with(machine: Connection) -> Self {
        Self {
            machine,
            pipe: Pipe::None,
            updates: VecDeque::new(),
            sessions_created: 0,
            destroyed: Vec::new(),
            open_requests: 0,
            replies: HashMap::new(),
            ready: false,
            origin: Instant::now(),
        }
    }

    /// A device connected over TCP, its key made.
    pub async fn over_tcp(server: &impl Reachable) -> Self {
        let mut device = Self::new(config(server, options(Framing::Padded, false)));
        device.connect_tcp(server).await;
        device.until_ready().await.unwrap();
        device
    }

    /// The same with a new account behind it.
    pub async fn signed_up(server: &impl Reachable, username: &str) -> Self {
        let mut device = Self::over_tcp(server).await;
        let request = functions::auth::SignUp {
            username: username.into(),
            password: "a password".into(),
            first_name: username.into(),
        };
        device.call(&request).await.unwrap();
        device
    }

    /// The same with an account that exists.
    pub async fn signed_in(server: &impl Reachable, username: &str) -> Self {
        let mut device = Self::over_tcp(server).await;
        let request =
            functions::auth::SignIn { username: username.into(), password: "a password".into() };
        device.call(&request).await.unwrap();
        device
    }

    pub async fn connect_tcp(&mut self, server: &impl Reachable) {
        let stream = TcpStream::connect(server.tcp_address()).await.unwrap();
        self.pipe = Pipe::Tcp(stream);
        self.machine.transport_connected(self.now());
    }

    pub async fn connect_ws(&mut self, server: &impl Reachable) {
        self.pipe = Pipe::Ws(Box::new(
            open_ws(server, &[("Sec-WebSocket-Protocol", "binary")]).await.unwrap(),
        ));
        self.machine.transport_connected(self.now());
    }

    pub fn disconnect(&mut self) -> Pipe {
        self.machine.transport_lost();
        self.ready = false;
        self.open_requests = 0;
        std::mem::replace(&mut self.pipe, Pipe::None)
    }

    pub fn now(&self) -> Now {
        Now::from_std(self.origin, Instant::now(), SystemTime::now())
    }

    pub fn saved_key(&mut self) -> SavedKey {
        let now = self.now();
        self.machine.saved_key(now).unwrap()
    }

    pub async fn until_ready(&mut self) -> Result<(), PeerError> {
        while !self.ready {
            self.turn().await?;
        }
        Ok(())
    }

    pub fn begin<F: Function>(&mut self, request: &F) -> CallId {
        self.machine.call(request.to_bytes().unwrap()).unwrap()
    }

    /// The reply, if it has come.
    pub fn take(&mut self, call: CallId) -> Option<Result<Bytes, CallError>> {
        self.replies.remove(&call)
    }

    pub async fn finish(&mut self, call: CallId) -> Result<Bytes, CallError> {
        loop {
            if let Some(reply) = self.replies.remove(&call) {
                return reply;
            }
            self.turn().await.unwrap();
        }
    }

    pub async fn call<F: Function>(&mut self, request: &F) -> Result<F::Return, CallError> {
        let call = self.begin(request);
        let result = self.finish(call).await?;
        Ok(F::Return::from_bytes(result).unwrap())
    }

    pub async fn echo(&mut self, data: &[u8]) {
        let request = functions::help::Echo { data: Bytes::copy_from_slice(data) };
        assert_eq!(self.call(&request).await.unwrap().data, data);
    }

    pub async fn peer(&mut self, username: &str) -> enums::InputPeer {
        let request = functions::contacts::ResolveUsername { username: username.into() };
        let user = self.call(&request).await.unwrap().users.remove(0);
        enums::InputPeer::InputPeerUser(types::InputPeerUser {
            user_id: user.id,
            access_hash: user.access_hash,
        })
    }

    pub async fn next_updates(&mut self) -> enums::Updates {
        while self.updates.is_empty() {
            self.turn().await.unwrap();
        }
        enums::Updates::from_bytes(self.updates.pop_front().unwrap()).unwrap()
    }

    /// Sends what there is, then waits for bytes and takes them.
    pub async fn turn(&mut self) -> Result<(), PeerError> {
        self.drain()?;
        self.transmit().await;
        let mut inbound = BytesMut::new();
        let read = tokio::time::timeout(PATIENCE, self.read(&mut inbound)).await;
        read.expect("the server answers");
        self.open_requests -= count(&inbound, b"HTTP/1.1 200 OK\r\n");
        let now = self.now();
        let received = self.machine.receive(now, &mut inbound);
        self.drain()?;
        self.transmit().await;
        received
    }

    fn drain(&mut self) -> Result<(), PeerError> {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Work(job) => self.machine.complete(self.now(), job.run())?,
                Event::Ready => self.ready = true,
                Event::Session(SessionEvent::Reply { call, result }) => {
                    assert!(self.replies.insert(call, result).is_none(), "answered twice");
                }
                Event::Session(SessionEvent::Update(update)) => self.updates.push_back(update),
                Event::Session(SessionEvent::SessionCreated) => self.sessions_created += 1,
                Event::Session(SessionEvent::SessionDestroyed { session_id, existed }) => {
                    self.destroyed.push((session_id, existed));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub async fn transmit(&mut self) {
        let now = self.now();
        let mut packet = BytesMut::new();
        while self.machine.poll_transmit(now, &mut packet).is_some() {
            match &mut self.pipe {
                Pipe::None => return,
                Pipe::Tcp(stream) => {
                    self.open_requests += count(&packet, b"POST /api HTTP/1.1\r\n");
                    stream.write_all(&packet).await.unwrap();
                }
                Pipe::Ws(socket) => {
                    let frame = tungstenite::Message::Binary(packet.split().freeze());
                    socket.send(frame).await.unwrap();
                }
            }
            packet.clear();
        }
    }

    async fn read(&mut self, into: &mut BytesMut) {
        match &mut self.pipe {
            Pipe::None => panic!("not connected"),
            Pipe::Tcp(stream) => {
                assert!(stream.read_buf(into).await.unwrap() > 0, "the server closed");
            }
            Pipe::Ws(socket) => match socket.next().await.unwrap().unwrap() {
                tungstenite::Message::Binary(bytes) => into.extend_from_slice(&bytes),
                other => panic!("{other:?}"),
            },
        }
    }
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}

/// The HTTP status of a refused upgrade is the error.
pub async fn open_ws(server: &impl Reachable, headers: &[(&'static str, &str)]) -> Result<Ws, u16> {
    let mut request = server.ws_url().into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(tungstenite::Error::Protocol(error)) => panic!("{error}"),
        Err(error) => panic!("{error}"),
    }
}
