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
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
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
    mut stream: TcpStream,
    peer: SocketAddr,
    arrival: Arrival,
    place: OwnedSemaphorePermit,
    visitors: mpsc::Sender<(Socket, SocketAddr)>,
) {
    let patience = gateway.limits.setup_timeout;
    let first = tokio::select! {
        first = timeout(patience, first_bytes(&mut stream)) => first,
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
async fn first_bytes(stream: &mut TcpStream) -> io::Result<BytesMut> {
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    loop {
        let is_end = stream.read_buf(&mut bytes).await? == 0;
        if is_end || bytes.len() >= GET.len() || !GET.starts_with(&bytes) {
            return Ok(bytes);
        }
    }
}

const READ_BYTES: usize = 16 << 10;

/// A stream of which something has been read.
struct Rewound {
    unread: BytesMut,
    stream: OwnedReadHalf,
}

impl Source for Rewound {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<bool> {
        if !self.unread.is_empty() {
            into.unsplit(self.unread.split());
            return Ok(true);
        }
        into.reserve(READ_BYTES);
        Ok(self.stream.read_buf(into).await? > 0)
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
