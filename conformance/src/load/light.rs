//! A client without a replica: the connection of `odnix-proto` over a socket, driven by hand.

use anyhow::{Context as _, bail};
use bytes::{Bytes, BytesMut};
use odnix_proto::client::{CallError, Config, Connection, Event, SessionEvent};
use odnix_proto::crypto::rsa::RsaPublicKey;
use odnix_proto::limits::Limits;
use odnix_proto::server::CallId;
use odnix_proto::session::Timings;
use odnix_proto::transport::{ClientOptions, Framing};
use odnix_proto::{Now, Seed, handshake};
use odnix_tl::{Decode as _, Function};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// See the [module](self).
pub struct Light {
    machine: Connection,
    stream: TcpStream,
    inbox: BytesMut,
    outbox: BytesMut,
    ready: bool,
    origin: Instant,
    /// Outcomes of calls that nobody has looked at.
    pub replies: VecDeque<(CallId, Result<Bytes, CallError>)>,
    /// Pushed objects that nobody has looked at.
    pub updates: VecDeque<Bytes>,
}

impl Light {
    /// Connects and makes a key.
    ///
    /// # Errors
    /// The socket or the server fails.
    pub async fn connect(server: SocketAddr, key: RsaPublicKey) -> anyhow::Result<Self> {
        let config = Config {
            handshake: Arc::new(handshake::client::Config::new(vec![key], 2)?),
            transport: ClientOptions::new(Framing::Intermediate),
            pfs: None,
            quick_acks: false,
            init: None,
            limits: Limits::default(),
            timings: Timings::default(),
        };
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        let mut light = Self {
            machine: Connection::new(Arc::new(config), Seed::from_os()?),
            stream,
            inbox: BytesMut::new(),
            outbox: BytesMut::new(),
            ready: false,
            origin: Instant::now(),
            replies: VecDeque::new(),
            updates: VecDeque::new(),
        };
        light.machine.transport_connected(light.now());
        while !light.ready {
            light.turn(None).await?;
        }
        Ok(light)
    }

    fn now(&self) -> Now {
        Now::from_std(self.origin, Instant::now(), SystemTime::now())
    }

    /// Queues a call; the next turn sends it.
    ///
    /// # Errors
    /// Too many calls are open.
    pub fn begin<F: Function>(&mut self, request: &F) -> anyhow::Result<CallId> {
        Ok(self.machine.call(request.to_bytes()?)?)
    }

    /// One call, alone.
    ///
    /// # Errors
    /// The connection or the call fails.
    pub async fn call<F: Function>(&mut self, request: &F) -> anyhow::Result<F::Return> {
        let call = self.begin(request)?;
        loop {
            self.turn(None).await?;
            if let Some((done, result)) = self.replies.pop_front() {
                anyhow::ensure!(done == call, "an outcome of another call");
                let bytes = result.map_err(|error| anyhow::anyhow!("{error:?}"))?;
                return Ok(F::Return::from_bytes(bytes)?);
            }
        }
    }

    /// Sends what there is, waits for bytes or a timer, at most until `until`, and takes them.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn turn(&mut self, until: Option<Instant>) -> anyhow::Result<()> {
        self.drain()?;
        self.flush().await?;
        let now = self.now();
        let timer = self.machine.poll_timeout().map(|at| at.since(now.mono));
        let timer = timer.unwrap_or(Duration::from_secs(3600));
        let wait =
            until.map_or(timer, |until| until.saturating_duration_since(Instant::now()).min(timer));
        tokio::select! {
            read = self.stream.read_buf(&mut self.inbox) => {
                if read? == 0 {
                    bail!("the server closed the connection");
                }
                let now = self.now();
                self.machine.receive(now, &mut self.inbox).context("receive")?;
            }
            () = tokio::time::sleep(wait) => {
                let now = self.now();
                self.machine.handle_timeout(now).context("timer")?;
            }
        }
        self.drain()
    }

    async fn flush(&mut self) -> anyhow::Result<()> {
        let now = self.now();
        let mut packet = BytesMut::new();
        while self.machine.poll_transmit(now, &mut packet).is_some() {
            self.outbox.extend_from_slice(&packet);
            packet.clear();
        }
        self.stream.write_all(&self.outbox).await?;
        self.outbox.clear();
        Ok(())
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.machine.poll_event() {
            match event {
                Event::Work(job) => {
                    let done = job.run();
                    let now = self.now();
                    self.machine.complete(now, done)?;
                }
                Event::Ready => self.ready = true,
                Event::Session(SessionEvent::Reply { call, result }) => {
                    self.replies.push_back((call, result));
                }
                Event::Session(SessionEvent::Update(update)) => self.updates.push_back(update),
                _ => {}
            }
        }
        Ok(())
    }
}
