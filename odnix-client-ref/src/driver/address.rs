//! Where a server listens, and how its bytes are framed.

use odnix_proto::transport::{ClientOptions, Framing, Obfuscation};
use std::fmt;
use std::str::FromStr;

/// Where a server listens.
///
/// `HOST:PORT` and `tcp://HOST:PORT` are plain TCP; `ws://HOST[:PORT][/PATH]` is WebSocket, with
/// `/apiws` as the path when none is given; `http://HOST[:PORT][/PATH]` is HTTP, with port 80 and
/// `/api` when none is given.
///
/// ```
/// use odnix_client_ref::ServerAddress;
///
/// let address: ServerAddress = "ws://127.0.0.1:8443".parse()?;
/// assert_eq!(address.to_string(), "ws://127.0.0.1:8443/apiws");
/// let address: ServerAddress = "http://127.0.0.1:8444".parse()?;
/// assert_eq!(address.to_string(), "http://127.0.0.1:8444/api");
/// let address: ServerAddress = "[::1]:8444".parse()?;
/// assert_eq!(address.to_string(), "[::1]:8444");
/// # Ok::<(), odnix_client_ref::AddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerAddress {
    /// `HOST:PORT`.
    Tcp(String),
    /// A `ws://` URL.
    WebSocket(String),
    /// An `http://` URL.
    Http(String),
}

/// An address that names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Neither `HOST:PORT` nor a `ws://` or `http://` URL.
    #[error(
        "`{0}` is not a server address: give HOST:PORT, ws://HOST:PORT/apiws or \
         http://HOST:PORT/api"
    )]
    Malformed(String),
    /// TLS is not spoken here.
    #[error(
        "`{0}` needs TLS, which this client does not speak and OdnixProto does not need: \
         give the server's ws:// address"
    )]
    Tls(String),
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.to_owned());
        match text.split_once("://") {
            Some(("ws", rest)) => {
                let (authority, path) = authority_and_path(rest, "apiws");
                if authority.is_empty() || text.contains(char::is_whitespace) {
                    return Err(malformed());
                }
                Ok(Self::WebSocket(format!("ws://{authority}/{path}")))
            }
            Some(("http", rest)) => {
                let (authority, path) = authority_and_path(rest, "api");
                let usable = host_and_port(&with_port(authority)).is_some()
                    && ClientOptions::http(authority, &format!("/{path}")).is_ok();
                let url = usable.then(|| Self::Http(format!("http://{authority}/{path}")));
                url.ok_or_else(malformed)
            }
            Some(("wss" | "https", _)) => Err(AddressError::Tls(text.to_owned())),
            Some(("tcp", rest)) => host_and_port(rest).ok_or_else(malformed),
            Some(_) => Err(malformed()),
            None => host_and_port(text).ok_or_else(malformed),
        }
    }
}

/// What follows `://` in a URL, its path without the slash.
fn authority_and_path<'a>(rest: &'a str, default: &'a str) -> (&'a str, &'a str) {
    match rest.split_once('/') {
        Some((authority, path)) if !path.is_empty() => (authority, path),
        Some((authority, _)) => (authority, default),
        None => (rest, default),
    }
}

/// `HOST:PORT` of the authority of an `http://` URL.
fn with_port(authority: &str) -> String {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    if has_port { authority.to_owned() } else { format!("{authority}:80") }
}

/// Where to connect and what to ask for: `HOST:PORT`, the authority, the path with its slash.
pub(super) fn http_parts(url: &str) -> (String, &str, &str) {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(at);
    (with_port(authority), authority, path)
}

fn host_and_port(text: &str) -> Option<ServerAddress> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_is_plain = bare.is_some() || !host.contains(':');
    let usable = !host.is_empty()
        && host_is_plain
        && !host.contains(|c: char| c.is_whitespace() || c == '/')
        && port.parse::<u16>().is_ok_and(|port| port != 0);
    usable.then(|| ServerAddress::Tcp(text.to_owned()))
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) | Self::WebSocket(address) | Self::Http(address) => {
                f.write_str(address)
            }
        }
    }
}

/// How packets are cut out of the byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The framing. An `http://` address has its own.
    pub framing: Framing,
    /// Whether the stream is wrapped in obfuscated2. WebSocket always is, HTTP never.
    pub obfuscated: bool,
}

impl Wire {
    /// The options of a framer towards `address`: over WebSocket the stream is always
    /// obfuscated, and HTTP has its own framing.
    ///
    /// # Errors
    /// The full framing and HTTP cannot be obfuscated.
    pub fn towards(self, address: &ServerAddress) -> Result<ClientOptions, WireError> {
        if let ServerAddress::Http(url) = address {
            let (_, host, path) = http_parts(url);
            let options = ClientOptions::http(host, path).map_err(|_| WireError)?;
            return if self.obfuscated { Err(WireError) } else { Ok(options) };
        }
        let over_websocket = matches!(address, ServerAddress::WebSocket(_));
        let options = ClientOptions::new(self.framing);
        if !self.obfuscated && !over_websocket {
            return Ok(options);
        }
        options.obfuscated(Obfuscation::default()).map_err(|_| WireError)
    }
}

impl Default for Wire {
    /// Padded intermediate, not obfuscated.
    fn default() -> Self {
        Self { framing: Framing::Padded, obfuscated: false }
    }
}

/// The full framing or HTTP was asked for together with obfuscation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the full framing cannot be obfuscated, HTTP neither, and WebSocket always is: \
     use abridged, intermediate or padded"
)]
pub struct WireError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let accepted = [
            ("127.0.0.1:8444", "127.0.0.1:8444"),
            ("tcp://example.org:1", "example.org:1"),
            ("[::1]:8444", "[::1]:8444"),
            ("ws://localhost:8443", "ws://localhost:8443/apiws"),
            ("ws://localhost:8443/", "ws://localhost:8443/apiws"),
            ("ws://localhost/other", "ws://localhost/other"),
            ("http://localhost:8444", "http://localhost:8444/api"),
            ("http://localhost:8444/", "http://localhost:8444/api"),
            ("http://example.org/apiw1", "http://example.org/apiw1"),
            ("http://[::1]/api", "http://[::1]/api"),
            ("http://[::1]:8444", "http://[::1]:8444/api"),
        ];
        for (text, canonical) in accepted {
            let address: ServerAddress = text.parse().expect(text);
            assert_eq!(address.to_string(), canonical);
        }
        let refused = [
            "",
            "host",
            ":1",
            "host:",
            "host:0",
            "host:65536",
            "::1:80",
            "a b:1",
            "ws://",
            "ws:///apiws",
            "http://",
            "http:///api",
            "http://:80",
            "http://host:0",
            "http://host:x/api",
            "http://::1/api",
            "http://a b/api",
            "http://host/a b",
            "http://host/\u{e9}",
            "ftp://host:1",
            "host:1/path",
        ];
        for text in refused {
            let error = text.parse::<ServerAddress>().expect_err(text);
            assert!(matches!(error, AddressError::Malformed(_)), "{text}");
        }
        for text in ["wss://host/apiws", "https://host/api"] {
            let error = text.parse::<ServerAddress>().expect_err("TLS");
            assert!(matches!(error, AddressError::Tls(_)), "{text}");
        }
    }

    #[test]
    fn http_has_its_own_framing_and_is_never_obfuscated() {
        let address: ServerAddress = "http://h:1/apiw".parse().expect("address");
        for framing in Framing::ALL {
            let wire = Wire { framing, obfuscated: false };
            assert_eq!(wire.towards(&address).expect("wire").framing(), Framing::Http);
            let wire = Wire { framing, obfuscated: true };
            assert_eq!(wire.towards(&address).err(), Some(WireError));
        }
        for (url, parts) in [
            ("http://h:1/apiw", ("h:1", "h:1", "/apiw")),
            ("http://h/api", ("h:80", "h", "/api")),
            ("http://[::1]/api", ("[::1]:80", "[::1]", "/api")),
            ("http://[::1]:8/api", ("[::1]:8", "[::1]:8", "/api")),
        ] {
            let (connect, host, path) = http_parts(url);
            assert_eq!((connect.as_str(), host, path), parts);
        }
    }

    #[test]
    fn websocket_is_always_obfuscated_and_never_full() {
        let websocket: ServerAddress = "ws://h:1".parse().expect("address");
        let tcp: ServerAddress = "h:1".parse().expect("address");
        let plain = |framing| Wire { framing, obfuscated: false };
        assert!(plain(Framing::Abridged).towards(&websocket).expect("wire").is_obfuscated());
        assert!(!plain(Framing::Abridged).towards(&tcp).expect("wire").is_obfuscated());
        assert_eq!(plain(Framing::Full).towards(&websocket).err(), Some(WireError));
        assert!(plain(Framing::Full).towards(&tcp).is_ok());
    }
}
