//! Where a server listens, and how its bytes are framed.

use odnix_proto::transport::{ClientOptions, Framing, Obfuscation};
use std::fmt;
use std::str::FromStr;

/// Where a server listens.
///
/// `HOST:PORT` and `tcp://HOST:PORT` are plain TCP; `ws://HOST[:PORT][/PATH]` is WebSocket, with
/// `/apiws` as the path when none is given.
///
/// ```
/// use odnix_client_ref::ServerAddress;
///
/// let address: ServerAddress = "ws://127.0.0.1:8443".parse()?;
/// assert_eq!(address.to_string(), "ws://127.0.0.1:8443/apiws");
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
}

/// An address that names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Neither `HOST:PORT` nor a `ws://` URL.
    #[error("`{0}` is not a server address: give HOST:PORT or ws://HOST:PORT/apiws")]
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
                let (authority, path) = match rest.split_once('/') {
                    Some((authority, path)) if !path.is_empty() => (authority, path),
                    Some((authority, _)) => (authority, "apiws"),
                    None => (rest, "apiws"),
                };
                if authority.is_empty() || text.contains(char::is_whitespace) {
                    return Err(malformed());
                }
                Ok(Self::WebSocket(format!("ws://{authority}/{path}")))
            }
            Some(("wss" | "https", _)) => Err(AddressError::Tls(text.to_owned())),
            Some(("tcp", rest)) => host_and_port(rest).ok_or_else(malformed),
            Some(_) => Err(malformed()),
            None => host_and_port(text).ok_or_else(malformed),
        }
    }
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
            Self::Tcp(address) | Self::WebSocket(address) => f.write_str(address),
        }
    }
}

/// How packets are cut out of the byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// The framing.
    pub framing: Framing,
    /// Whether the stream is wrapped in obfuscated2. WebSocket always is.
    pub obfuscated: bool,
}

impl Wire {
    /// The options of a framer towards `address`: over WebSocket the stream is always
    /// obfuscated.
    ///
    /// # Errors
    /// The full framing cannot be obfuscated.
    pub fn towards(self, address: &ServerAddress) -> Result<ClientOptions, WireError> {
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

/// The full framing was asked for together with obfuscation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the full framing cannot be obfuscated, and WebSocket always is: \
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
            "ftp://host:1",
            "host:1/path",
        ];
        for text in refused {
            let error = text.parse::<ServerAddress>().expect_err(text);
            assert!(matches!(error, AddressError::Malformed(_)), "{text}");
        }
        let error = "wss://host/apiws".parse::<ServerAddress>().expect_err("TLS");
        assert!(matches!(error, AddressError::Tls(_)));
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
