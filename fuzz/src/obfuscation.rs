//! obfuscated2: what a client writes a server reads, and back, however the streams are cut; and
//! a header that nobody wrote is refused or begins a stream, and never more.
//!
//! Input: `how: u8`, then a header and a stream, or a conversation: framing, secret, dc, packets
//! with the number of bytes after which their stream is cut.

use crate::input::Input;
use crate::memory;
use bytes::BytesMut;
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Frame, Framing, Obfuscation, ServerFramer, ServerOptions,
};
use odnix_proto::{FramingFault, PeerError, Secret, Seed};

const HEADER_LEN: usize = 64;
/// Two bytes may be a packet of 700, which is then in a stream, and expected at its end.
const BYTES_PER_BYTE: usize = 4096;
/// As long as the longest packet.
const PIECE_LEN: usize = 4096;
/// Obfuscated framings; full has no such form.
const FRAMINGS: [Framing; 3] = [Framing::Abridged, Framing::Intermediate, Framing::Padded];

/// One input.
pub fn run(input: &[u8]) {
    let bytes = input;
    let mut input = Input::new(input);
    match input.u8() % 4 {
        0 => foreign_header(&mut input),
        how => {
            memory::bounded(bytes, 256 << 10, BYTES_PER_BYTE, || conversation(&mut input, how == 1))
        }
    }
}

fn secret(number: u8) -> Option<Secret<16>> {
    (!number.is_multiple_of(3)).then(|| Secret::init(|secret| secret.fill(number % 3)))
}

fn server(secrets: Vec<Secret<16>>) -> ServerFramer {
    let options = ServerOptions {
        require_obfuscated: true,
        secrets,
        packet_bytes_max: PIECE_LEN,
        ..ServerOptions::default()
    };
    ServerFramer::new(options, Seed::for_testing(2))
}

/// The first bytes are the peer's own: no framing is known before all 64 are there.
fn foreign_header(input: &mut Input<'_>) {
    let secrets = secret(input.u8()).into_iter().collect();
    let cut = usize::from(input.u8());
    let mut server = server(secrets);
    let stream = input.rest();
    let (first, second) = stream.split_at(cut.min(stream.len()));
    for (received, piece) in [(first.len(), first), (stream.len(), second)] {
        let outcome = server.receive(&mut BytesMut::from(piece));
        assert!(server.framing().is_none() || received >= HEADER_LEN);
        assert_eq!(server.is_obfuscated(), server.framing().is_some());
        if let Err(error) = outcome {
            if server.framing().is_none() {
                assert_eq!(error, PeerError::Framing(FramingFault::Unknown));
            }
            assert_eq!(server.next_frame(), Err(error), "faults are sticky");
            return;
        }
        while let Ok(Some(_)) = server.next_frame() {}
    }
}

/// Both ends of a connection, whose streams come in pieces.
struct Pipe {
    client: ClientFramer,
    server: ServerFramer,
    up: BytesMut,
    down: BytesMut,
    expected_up: Vec<(Vec<u8>, bool)>,
    expected_down: Vec<Vec<u8>>,
}

fn conversation(input: &mut Input<'_>, same_secret: bool) {
    let framing = FRAMINGS[input.below(FRAMINGS.len())];
    let (ours, theirs) = (input.u8(), input.u8());
    let theirs = if same_secret { ours } else { theirs };
    let obfuscation = Obfuscation { secret: secret(ours), dc: input.u16().cast_signed() };
    let options = ClientOptions::new(framing).obfuscated(obfuscation).expect("can be obfuscated");
    let mut pipe = Pipe {
        client: ClientFramer::new(&options, Seed::for_testing(input.u8().into())),
        server: server(secret(theirs).into_iter().collect()),
        up: BytesMut::new(),
        down: BytesMut::new(),
        expected_up: Vec::new(),
        expected_down: Vec::new(),
    };
    while !input.is_empty() {
        if !pipe.step(input) {
            assert_ne!(ours % 3, theirs % 3, "the secrets are the same");
            return;
        }
    }
    if pipe.deliver_up_all() {
        pipe.deliver_down(usize::MAX);
        assert!(pipe.expected_up.is_empty() && pipe.expected_down.is_empty());
    } else {
        assert_ne!(ours % 3, theirs % 3, "the secrets are the same");
    }
}

impl Pipe {
    /// One thing happens. `false` when the server refused the client.
    fn step(&mut self, input: &mut Input<'_>) -> bool {
        let (what, amount) = (input.u8() % 4, usize::from(input.u8()));
        // As long as a sealed packet, so that padding can be told from it.
        let packet = vec![u8::try_from(amount).unwrap_or(0) | 1; 24 + 16 * (amount % 40 + 3)];
        match what {
            0 => {
                let quick_ack = amount % 2 == 1;
                if quick_ack {
                    self.client.frame_with_quick_ack(&packet, &mut self.up).expect("fits");
                } else {
                    self.client.frame(&packet, &mut self.up).expect("fits");
                }
                self.expected_up.push((packet, quick_ack));
                true
            }
            1 if self.server.framing().is_some() => {
                self.server.frame(&packet, &mut self.down).expect("fits");
                self.expected_down.push(packet);
                true
            }
            2 => self.deliver_up(amount),
            _ => {
                self.deliver_down(amount);
                true
            }
        }
    }

    /// As a socket brings it: no more at once than a server holds.
    fn deliver_up_all(&mut self) -> bool {
        while !self.up.is_empty() {
            if !self.deliver_up(PIECE_LEN) {
                return false;
            }
        }
        true
    }

    fn deliver_up(&mut self, len: usize) -> bool {
        let mut piece = self.up.split_to(len.min(self.up.len()));
        if self.server.receive(&mut piece).is_err() {
            return false;
        }
        while let Some(frame) = self.server.next_frame().expect("our own stream") {
            let Frame::Packet { packet, quick_ack } = frame else { panic!("{frame:?}") };
            assert_eq!((packet.to_vec(), quick_ack), self.expected_up.remove(0));
        }
        true
    }

    fn deliver_down(&mut self, len: usize) {
        let mut piece = self.down.split_to(len.min(self.down.len()));
        self.client.receive(&mut piece).expect("our own stream");
        while let Some(frame) = self.client.next_frame().expect("our own stream") {
            let Frame::Packet { packet, .. } = frame else { panic!("{frame:?}") };
            assert_eq!(packet.to_vec(), self.expected_down.remove(0));
        }
    }
}
