//! A connected byte stream, TCP (HTTP among it) or WebSocket, as a reader and a writer.
//!
//! The writer is a task fed through a bounded queue, so that a server that does not read
//! slows the driver down without stopping it from reading.

use super::address::{ServerAddress, http_parts};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// No connection is waited for longer than this.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Packets queued for the writer before the driver waits.
const WRITE_QUEUE: usize = 64;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// The largest WebSocket message taken; frames inside are bounded by the framer.
const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 16 << 20;

type WebSocket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connected stream.
pub(crate) struct Socket {
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
}

pub(crate) enum Reader {
    Tcp(OwnedReadHalf),
    WebSocket(SplitStream<WebSocket>),
}

/// Takes packets, one by one; dropping it closes the stream.
pub(crate) struct Writer {
    queue: mpsc::Sender<Bytes>,
    task: JoinHandle<()>,
}

impl Socket {
    /// Connects, within [`CONNECT_TIMEOUT`].
    pub(crate) async fn connect(address: &ServerAddress) -> io::Result<Self> {
        let connecting = async {
            match address {
                ServerAddress::Tcp(address) => Self::connect_tcp(address).await,
                ServerAddress::Http(url) => Self::connect_tcp(&http_parts(url).0).await,
                ServerAddress::WebSocket(url) => Self::connect_websocket(url).await,
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| {
            let seconds = CONNECT_TIMEOUT.as_secs();
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("no answer in {seconds} s")))
        })
    }

    async fn connect_tcp(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        let (queue, packets) = mpsc::channel(WRITE_QUEUE);
        let task = tokio::spawn(write_tcp(writer, packets));
        Ok(Self { reader: Reader::Tcp(reader), writer: Writer { queue, task } })
    }

    async fn connect_websocket(url: &str) -> io::Result<Self> {
        let mut request = url.into_client_request().map_err(websocket_error)?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("binary"));
        let config = WebSocketConfig::default()
            .max_message_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX))
            .max_frame_size(Some(WEBSOCKET_MESSAGE_BYTES_MAX));
        let (stream, _) = tokio_tungstenite::connect_async_with_config(request, Some(config), true)
            .await
            .map_err(websocket_error)?;
        let (writer, reader) = stream.split();
        let (queue, packets) = mpsc::channel(WRITE_QUEUE);
        let task = tokio::spawn(write_websocket(writer, packets));
        Ok(Self { reader: Reader::WebSocket(reader), writer: Writer { queue, task } })
    }
}

impl Reader {
    /// Appends what has arrived to `into`; 0 bytes mean the end. Safe to cancel.
    pub(crate) async fn read(&mut self, into: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => {
                into.reserve(READ_BYTES);
                stream.read_buf(into).await
            }
            Self::WebSocket(stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Binary(bytes))) if !bytes.is_empty() => {
                        into.extend_from_slice(&bytes);
                        return Ok(bytes.len());
                    }
                    Some(Ok(Message::Text(_))) => {
                        return Err(io::Error::other("the server sent text over the WebSocket"));
                    }
                    Some(Ok(Message::Close(_))) | None => return Ok(0),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(websocket_error(error)),
                }
            },
        }
    }
}

impl Writer {
    /// Waits for room for one packet. `None` when the stream no longer takes any.
    pub(crate) async fn room(&self) -> Option<mpsc::Permit<'_, Bytes>> {
        self.queue.reserve().await.ok()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn write_tcp(mut stream: OwnedWriteHalf, mut packets: mpsc::Receiver<Bytes>) {
    let mut gathered = BytesMut::new();
    while let Some(packet) = packets.recv().await {
        gathered.extend_from_slice(&packet);
        while let Ok(packet) = packets.try_recv() {
            gathered.extend_from_slice(&packet);
        }
        if stream.write_all_buf(&mut gathered).await.is_err() {
            return;
        }
        gathered.clear();
    }
}

async fn write_websocket(
    mut stream: SplitSink<WebSocket, Message>,
    mut packets: mpsc::Receiver<Bytes>,
) {
    while let Some(packet) = packets.recv().await {
        if stream.feed(Message::Binary(packet)).await.is_err() {
            return;
        }
        while let Ok(packet) = packets.try_recv() {
            if stream.feed(Message::Binary(packet)).await.is_err() {
                return;
            }
        }
        if stream.flush().await.is_err() {
            return;
        }
    }
}

fn websocket_error(error: tungstenite::Error) -> io::Error {
    match error {
        tungstenite::Error::Io(error) => error,
        tungstenite::Error::Http(response) => {
            io::Error::other(format!("the server answered the upgrade with {}", response.status()))
        }
        other => io::Error::other(other.to_string()),
    }
}
