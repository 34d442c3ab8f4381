//! The TCP listener.

use super::connection::{self, Arrival, Sink, Source};
use super::{Gateway, Protocol, reachable};
use bytes::{Bytes, BytesMut};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// After a failed accept, as when no file descriptors are left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the gateway stops.
pub(crate) async fn listen(gateway: Arc<Gateway>, listener: TcpListener, protocol: Arc<Protocol>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = gateway.stops() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // A server that is full closes the socket unanswered.
                let Some((place, permit)) = gateway.admit(peer.ip()) else { continue };
                let Ok((arrival, stream)) = prepare(&listener, stream, permit, &protocol) else {
                    continue;
                };
                let (source, sink) = stream.into_split();
                let gateway = Arc::clone(&gateway);
                tokio::spawn(async move {
                    connection::serve(gateway, arrival, source, sink).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn prepare(
    listener: &TcpListener,
    stream: TcpStream,
    permit: Arc<super::ConnectionPermit>,
    protocol: &Protocol,
) -> io::Result<(Arrival, TcpStream)> {
    stream.set_nodelay(true)?;
    let tcp_address = reachable(listener.local_addr()?, stream.local_addr()?);
    Ok((Arrival { permit, tcp_address, config: protocol.current() }, stream))
}

impl Source for OwnedReadHalf {
    async fn read(&mut self, into: &mut BytesMut) -> io::Result<bool> {
        into.reserve(16 << 10);
        Ok(self.read_buf(into).await? > 0)
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
