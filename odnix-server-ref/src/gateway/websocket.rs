//! The WebSocket listener: `/apiws`, sub-protocol `binary`, one packet per frame out, any split
//! in, always under obfuscation.
//!
//! | upgrade request | answer |
//! |---|---|
//! | another path | 404 |
//! | an Origin that is not allowed | 403 |
//! | no sub-protocol `binary` on offer | 400 |
//! | otherwise | 101, sub-protocol `binary` |
//!
//! Clients that send no Origin are no web pages and always welcome. There are no cookies, and
//! no compression.
//!
//! The same upgrade is served on the TCP listener's port: what begins like a `GET` there comes in
//! by a channel of visitors, together with what has been read of it.

use super::connection::{self, Arrival, Sink, Source};
use super::{ConnectionPermit, Gateway, Phase, Protocol, reachable};
use axum::extract::connect_info::Connected;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use axum::{Router, routing};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use odnix_proto::transport::Origins;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, Sleep};

/// Where clients connect.
pub(crate) const PATH: &str = "/apiws";
const SUB_PROTOCOL: &str = "binary";
/// A frame may carry a packet and what frames it.
const FRAME_SLACK: usize = 64 << 10;
/// What each socket keeps to read into, also while it is silent.
const READ_BYTES: usize = 4 << 10;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone)]
struct Endpoint {
    gateway: Arc<Gateway>,
    protocol: Arc<Protocol>,
}

/// Accepts until the gateway stops.
pub(crate) async fn listen(
    gateway: Arc<Gateway>,
    listener: TcpListener,
    protocol: Arc<Protocol>,
    tcp: SocketAddr,
    visitors: mpsc::Receiver<(Socket, SocketAddr)>,
) {
    let endpoint = Endpoint { gateway: Arc::clone(&gateway), protocol };
    let router = Router::new().route(PATH, routing::get(upgrade)).with_state(endpoint);
    let sockets = Sockets { listener, visitors, gateway: Arc::clone(&gateway), tcp };
    let service = router.into_make_service_with_connect_info::<Caller>();
    let stops = async move { gateway.stops().await };
    if let Err(error) = axum::serve(sockets, service).with_graceful_shutdown(stops).await {
        tracing::error!(%error, "the WebSocket listener failed");
    }
}

async fn upgrade(
    State(endpoint): State<Endpoint>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let config = endpoint.protocol.current();
    if !is_allowed(&headers, &config.transport.origins) {
        let text = "this Origin is not on the server's --allow-origin list";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    if !offers_binary(&headers) {
        let text = "offer the WebSocket sub-protocol 'binary'";
        return (StatusCode::BAD_REQUEST, text).into_response();
    }
    if *endpoint.gateway.phase.borrow() != Phase::Running {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let frame_max = config.limits.packet_bytes_max.saturating_add(FRAME_SLACK);
    upgrade
        .protocols([SUB_PROTOCOL])
        .max_frame_size(frame_max)
        .max_message_size(frame_max)
        .read_buffer_size(READ_BYTES)
        .on_upgrade(move |socket| async move {
            caller.upgraded.store(true, Ordering::Relaxed);
            let arrival =
                Arrival { permit: caller.permit, tcp_address: caller.tcp_address, config };
            let (sink, source) = socket.split();
            connection::serve(endpoint.gateway, arrival, source, sink).await;
        })
}

/// An Origin is sent by web pages only; theirs must be on the list.
fn is_allowed(headers: &HeaderMap, origins: &Origins) -> bool {
    let mut sent = headers.get_all(header::ORIGIN).iter();
    match (sent.next(), sent.next()) {
        (None, _) => true,
        (Some(origin), None) => origins.allow(origin.as_bytes()),
        (Some(_), Some(_)) => false,
    }
}

fn offers_binary(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    offers
        .iter()
        .filter_map(|offer| offer.to_str().ok())
        .any(|offer| offer.split(',').any(|protocol| protocol.trim() == SUB_PROTOCOL))
}

impl Source for SplitStream<WebSocket> {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<bool> {
        loop {
            match self.next().await {
                None | Some(Ok(Message::Close(_))) => return Ok(false),
                Some(Ok(Message::Binary(bytes))) => {
                    into.extend_from_slice(&bytes);
                    return Ok(true);
                }
                // Answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a text frame"));
                }
                Some(Err(error)) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl Sink for SplitSink<WebSocket, Message> {
    async fn write(&mut self, packets: &mut Vec<Bytes>) -> io::Result<()> {
        for packet in packets.drain(..) {
            self.feed(Message::Binary(packet)).await.map_err(io::Error::other)?;
        }
        self.flush().await.map_err(io::Error::other)
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.close().await.map_err(io::Error::other)
    }
}

/// What is known of the client of one socket.
#[derive(Clone, Debug)]
struct Caller {
    permit: Arc<ConnectionPermit>,
    tcp_address: SocketAddr,
    upgraded: Arc<AtomicBool>,
}

impl Connected<IncomingStream<'_, Sockets>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Self {
        stream.io().caller.clone()
    }
}

/// Accepts sockets that count towards the quotas and must upgrade in time.
struct Sockets {
    listener: TcpListener,
    visitors: mpsc::Receiver<(Socket, SocketAddr)>,
    gateway: Arc<Gateway>,
    tcp: SocketAddr,
}

impl Listener for Sockets {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(visitor) = self.visitors.recv() => return visitor,
            };
            match accepted {
                Ok((stream, peer)) => {
                    // A server that is full closes the socket unanswered.
                    let Some((place, permit)) = self.gateway.admit(peer.ip()) else { continue };
                    let Ok(local) = stream.local_addr() else { continue };
                    if stream.set_nodelay(true).is_err() {
                        continue;
                    }
                    let tcp_address = reachable(self.tcp, local);
                    let patience = self.gateway.limits.setup_timeout;
                    let unread = Bytes::new();
                    let socket = Socket::new(stream, unread, permit, tcp_address, patience, place);
                    return (socket, peer);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A socket that is closed unless it becomes a WebSocket in time, so that nobody holds it with
/// a request that never ends.
pub(crate) struct Socket {
    stream: TcpStream,
    /// What was read before it was known what it is.
    unread: Bytes,
    caller: Caller,
    deadline: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl Socket {
    pub(super) fn new(
        stream: TcpStream,
        unread: Bytes,
        permit: Arc<ConnectionPermit>,
        tcp_address: SocketAddr,
        patience: Duration,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let caller = Caller { permit, tcp_address, upgraded: Arc::default() };
        let deadline = Box::pin(tokio::time::sleep_until(Instant::now() + patience));
        Self { stream, unread, caller, deadline, _place: place }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.caller.upgraded.load(Ordering::Relaxed)
            && self.deadline.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if !self.unread.is_empty() {
            let len = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread[..len]);
            self.unread.advance(len);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
