//! The TCP listener: one port for every framing, HTTP among them, and for WebSocket.
//!
//! | first bytes | served by |
//! |---|---|
//! | `GET ` | the WebSocket service, which upgrades or refuses |
//! | anything else | the machine, which finds out what it is |

use super::connection::{self, Arrival, Sink, Source};
use super::websocket::Socket;
use super::{Gateway, Protocol, reachable};
use bytes::{Bytes, BytesMut};
use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

/// After a failed accept, as when no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What an upgrade begins with, and no framing does.
const GET: &[u8] = b"GET ";

/// Accepts until the gateway stops; `visitors` takes who wants to upgrade.
pub(crate) async fn listen(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    protocol: Arc<Protocol>,
    visitors: mpsc::Sender<(Socket, SocketAddr)>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = gateway.stops() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A server that is full closes the socket unanswered.
                let Some((place, permit)) = gateway.admit(peer.ip()) else { continue };
                let Ok(tcp_address) = prepare(&listener, &stream) else { continue };
                let arrival = Arrival { permit, tcp_address, config: protocol.current() };
                let gateway = Arc::clone(&gateway);
                let visitors = visitors.clone();
                tokio::spawn(receive(gateway, stream, peer, arrival, place, visitors));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn prepare(listener: &TcpListener, stream: &TcpStream) -> io::Result<SocketAddr> {
    stream.set_nodelay(true)?;
    Ok(reachable(listener.local_addr()?, stream.local_addr()?))
}

/// Finds out who serves a new socket.
async fn receive(
    gateway: Arc<Gateway>,
    stream: TcpStream,
    peer: SocketAddr,
    arrival: Arrival,
    place: OwnedSemaphorePermit,
    visitors: mpsc::Sender<(Socket, SocketAddr)>,
) {
    let patience = gateway.limits.setup_timeout;
    let first = tokio::select! {
        first = timeout(patience, first_bytes(&stream)) => first,
        () = gateway.stops() => return,
    };
    let Ok(Ok(unread)) = first else { return };
    if unread.starts_with(GET) {
        let Arrival { permit, tcp_address, .. } = arrival;
        let socket = Socket::new(stream, unread.freeze(), permit, tcp_address, patience, place);
        // Nobody takes it when the server stops.
        drop(visitors.send((socket, peer)).await);
        return;
    }
    let (stream, sink) = stream.into_split();
    connection::serve(gateway, arrival, Rewound { unread, stream }, sink).await;
    drop(place);
}

/// As many bytes as tell a `GET` from everything else; none at the end of the stream.
async fn first_bytes(stream: &TcpStream) -> io::Result<BytesMut> {
    let mut bytes = BytesMut::new();
    loop {
        let is_end = !read_some(stream, &mut bytes).await?;
        if is_end || bytes.len() >= GET.len() || !GET.starts_with(&bytes) {
            return Ok(bytes);
        }
    }
}

/// Appends what has come; `false` at the end of the stream.
///
/// Memory is taken for what has come, not for what may: a silent connection holds none.
async fn read_some(stream: &TcpStream, into: &mut BytesMut) -> io::Result<bool> {
    thread_local! {
        static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
    }
    if into.is_empty() {
        *into = BytesMut::new();
    }
    loop {
        // Neither waiting nor reading counts against the task's turn, and a peer may send without
        // a pause.
        consume_budget().await;
        stream.readable().await?;
        let read = SCRATCH.with_borrow_mut(|scratch| {
            let len = stream.try_read(scratch)?;
            into.extend_from_slice(&scratch[..len]);
            Ok(len > 0)
        });
        match read {
            Err(error) if io::Error::kind(&error) == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// The most that is read at once.
const READ_BYTES: usize = 16 << 10;

/// A stream of which something has been read.
struct Rewound {
    unread: BytesMut,
    stream: OwnedReadHalf,
}

impl Source for Rewound {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<bool> {
        if !self.unread.is_empty() {
            into.unsplit(std::mem::take(&mut self.unread));
            return Ok(true);
        }
        read_some(self.stream.as_ref(), into).await
    }
}

impl Sink for OwnedWriteHalf {
    async fn write(&mut self, packets: &mut Vec<Bytes>) -> io::Result<()> {
        if let [packet] = packets.as_slice() {
            return self.write_all(packet).await;
        }
        self.write_all(&packets.concat()).await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.shutdown().await
    }
}
