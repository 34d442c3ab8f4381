//! The TCP port takes every framing, HTTP requests and WebSocket upgrades.

mod common;

use bytes::BytesMut;
use common::device::{Device, Pipe, Reachable, config, open_ws, options};
use odnix_proto::error::{CODE_FLOOD, CODE_NOT_FOUND};
use odnix_proto::transport::Framing;
use odnix_proto::{AuthKey, PeerError, Secret};
use odnix_server_ref::config::{Quota, ServeOptions};
use odnix_server_ref::{Running, Server};
use odnix_tl::odnix::functions;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A server of which only the TCP port is used.
struct OnePort {
    server: Running,
    _folder: TempDir,
}

impl OnePort {
    async fn start(change: impl FnOnce(&mut ServeOptions)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = ServeOptions::loopback(folder.path());
        change(&mut options);
        let server = Server::start(options).await.unwrap();
        Self { server, _folder: folder }
    }

    /// Sends these bytes and returns all that comes back until the server closes.
    async fn answer(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.tcp_address()).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let reading =
            tokio::time::timeout(Duration::from_secs(30), socket.read_to_end(&mut answer));
        let _ = reading.await.expect("the server closes");
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn over_http(&self) -> Device {
        let mut device = Device::new(config(self, options(Framing::Http, false)));
        device.connect_tcp(self).await;
        device.until_ready().await.unwrap();
        device
    }
}

impl Reachable for OnePort {
    fn tcp_address(&self) -> SocketAddr {
        self.server.tcp_address()
    }

    fn ws_url(&self) -> String {
        format!("ws://{}/apiws", self.server.tcp_address())
    }

    fn public_key(&self) -> &Path {
        self.server.public_key()
    }
}

async fn refusal(device: &mut Device) -> PeerError {
    loop {
        if let Err(error) = device.turn().await {
            return error;
        }
    }
}

#[tokio::test]
async fn six_framings_and_websocket_share_a_port() {
    let port = OnePort::start(|_| {}).await;
    for framing in Framing::ALL {
        let mut device = Device::new(config(&port, options(framing, false)));
        device.connect_tcp(&port).await;
        device.until_ready().await.unwrap();
        device.echo(b"in clear").await;
        if framing.can_be_obfuscated() {
            let mut device = Device::new(config(&port, options(framing, true)));
            device.connect_tcp(&port).await;
            device.until_ready().await.unwrap();
            device.echo(b"obfuscated").await;
            let mut device = Device::new(config(&port, options(framing, true)));
            device.connect_ws(&port).await;
            device.until_ready().await.unwrap();
            device.echo(&vec![0xa5; 100 << 10]).await;
        }
    }
    port.server.shutdown().await;
}

#[tokio::test]
async fn upgrades_on_the_tcp_port_keep_the_rules_for_origins() {
    let port = OnePort::start(|options| {
        options.allow_origins = vec!["https://chat.example".into()];
    })
    .await;
    let binary = ("Sec-WebSocket-Protocol", "binary");
    for (origin, wanted) in
        [("https://chat.example", Ok(())), ("https://evil.example", Err(403)), ("null", Err(403))]
    {
        let opened = open_ws(&port, &[("Origin", origin), binary]).await.map(drop);
        assert_eq!(opened, wanted, "{origin}");
    }
    assert_eq!(open_ws(&port, &[]).await.map(drop), Err(400));
}

#[tokio::test]
async fn what_begins_like_a_get_may_come_byte_by_byte() {
    let port = OnePort::start(|_| {}).await;
    let mut socket = TcpStream::connect(port.tcp_address()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    for byte in b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" {
        socket.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
}

#[tokio::test]
async fn requests_that_are_none_of_ours_are_told_so() {
    let port = OnePort::start(|_| {}).await;
    for (request, status) in [
        ("HEAD /api HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        ("OPTIONS /api HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", 405),
        ("POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n", 501),
        ("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 4194308\r\n\r\n", 413),
        ("POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd", 404),
    ] {
        let answer = port.answer(request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(!answer.contains("Access-Control"), "{answer}");
    }
    let endless = [b"POST /api HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 9000]].concat();
    assert!(port.answer(&endless).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_web_page_may_post_only_if_its_origin_is_allowed() {
    let port = OnePort::start(|options| {
        options.allow_origins = vec!["https://chat.example".into()];
    })
    .await;
    // The first request of a key exchange, as a web page would send it.
    let mut device = Device::new(config(&port, options(Framing::Http, false)));
    device.connect_tcp(&port).await;
    let mut first = BytesMut::new();
    let now = device.now();
    device.machine.poll_transmit(now, &mut first).unwrap();
    for (origin, status) in [
        ("https://chat.example", "HTTP/1.1 200 OK"),
        ("https://evil.example", "HTTP/1.1 403 Forbidden"),
        ("null", "HTTP/1.1 403 Forbidden"),
    ] {
        let end = first.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let field = format!("\r\nOrigin: {origin}");
        let request = [&first[..end], field.as_bytes(), &first[end..]].concat();
        let mut socket = TcpStream::connect(port.tcp_address()).await.unwrap();
        socket.write_all(&request).await.unwrap();
        let mut answer = vec![0; 4096];
        let len = socket.read(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..len]).into_owned();
        assert!(answer.starts_with(status), "{origin}: {answer}");
        let told = format!("Access-Control-Allow-Origin: {origin}\r\n");
        assert_eq!(answer.contains(&told), status.contains("200"), "{answer}");
    }
}

#[tokio::test]
async fn transport_errors_are_statuses_over_http() {
    let port = OnePort::start(|_| {}).await;
    let saved = odnix_proto::client::SavedKey {
        auth_key: AuthKey::new(Secret::take(&mut [7; 256])),
        server_salt: 1,
        time_offset_us: 0,
    };
    let mut device = Device::resume(config(&port, options(Framing::Http, false)), saved);
    device.connect_tcp(&port).await;
    assert_eq!(refusal(&mut device).await, PeerError::Transport(CODE_NOT_FOUND));

    let port = OnePort::start(|options| {
        options.quota = Quota { connections: NonZeroU32::new(1), ..Quota::UNLIMITED };
    })
    .await;
    let _first = port.over_http().await;
    let mut second = Device::new(config(&port, options(Framing::Http, false)));
    second.connect_tcp(&port).await;
    assert_eq!(refusal(&mut second).await, PeerError::Transport(CODE_FLOOD));
}

/// Reads one whole answer; returns its head.
async fn read_answer(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let len = head.split("Content-Length: ").nth(1).unwrap().trim().parse().unwrap();
    socket.read_exact(&mut vec![0; len]).await.unwrap();
    head
}

#[tokio::test]
async fn a_session_that_comes_by_a_second_connection_has_the_first_ones_request_answered() {
    let setup_timeout = Duration::from_secs(4);
    let port = OnePort::start(|options| options.gateway.setup_timeout = setup_timeout).await;
    let mut device = port.over_http().await;
    device.echo(b"first").await;
    tokio::time::sleep(setup_timeout).await;
    // Its request is open now, and stays so on the connection it leaves.
    device.transmit().await;
    let open_requests = device.open_requests;
    assert!(open_requests > 0);
    let Pipe::Tcp(mut old) = device.disconnect() else { panic!("not TCP") };
    device.connect_tcp(&port).await;
    device.echo(b"second").await;
    for _ in 0..open_requests {
        let answered = tokio::time::timeout(Duration::from_secs(20), read_answer(&mut old)).await;
        let head = answered.expect("before its time is up");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    }
    // Each one once. The connection without a session is not closed at once: the client may come
    // back by it.
    let pause = Duration::from_millis(300);
    let more = tokio::time::timeout(pause, read_answer(&mut old)).await;
    assert!(more.is_err(), "{more:?}");
    // And the session goes on where it is.
    let state = device.call(&functions::help::GetConfig {}).await;
    assert!(state.is_ok());
}
