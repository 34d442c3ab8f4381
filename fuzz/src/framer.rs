//! Framers of both roles: however a stream is split, it yields the same frames and the same end.
//!
//! Input: `how: u8`, `piece_len: u8`, then the stream.

use crate::memory;
use bytes::BytesMut;
use odnix_proto::transport::{
    ClientFramer, ClientOptions, Frame, Framing, Obfuscation, ServerFramer, ServerOptions,
};
use odnix_proto::{PeerError, Seed};

const PACKET_BYTES_MAX: usize = 4096;

type Outcome = (Vec<Frame>, Option<PeerError>);

/// One input.
pub fn run(input: &[u8]) {
    let [how, piece_len, stream @ ..] = input else { return };
    let piece_len = usize::from(*piece_len).max(1);
    match how % 8 {
        0 => compare(stream, piece_len, || server(false)),
        1 => compare(stream, piece_len, || server(true)),
        2 => compare(&obfuscated(stream), piece_len, || server(true)),
        how => {
            let framing = Framing::ALL[usize::from(how) % Framing::ALL.len()];
            compare(stream, piece_len, || client(framing));
        }
    }
}

fn compare<F: FnMut(Call<'_>) -> Result<Option<Frame>, PeerError>>(
    stream: &[u8],
    piece_len: usize,
    new: impl Fn() -> F,
) {
    let whole = memory::bounded(stream, 64 << 10, 64, || feed(new(), [stream].into_iter()));
    let pieces = memory::bounded(stream, 64 << 10, 64, || feed(new(), stream.chunks(piece_len)));
    assert_eq!(whole, pieces);
    for frame in &whole.0 {
        if let Frame::Packet { packet, .. } = frame {
            assert!((4..=PACKET_BYTES_MAX).contains(&packet.len()));
        }
    }
}

enum Call<'a> {
    Receive(&'a [u8]),
    Next,
}

fn feed<'a>(
    mut framer: impl FnMut(Call<'_>) -> Result<Option<Frame>, PeerError>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> Outcome {
    let mut frames = Vec::new();
    for piece in pieces {
        let mut call = Call::Receive(piece);
        loop {
            let received = matches!(call, Call::Receive(_));
            match framer(call) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) if received => {}
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(framer(Call::Next), Err(error), "faults are sticky");
                    return (frames, Some(error));
                }
            }
            call = Call::Next;
        }
    }
    (frames, None)
}

fn server(require_obfuscated: bool) -> impl FnMut(Call<'_>) -> Result<Option<Frame>, PeerError> {
    let options = ServerOptions {
        require_obfuscated,
        packet_bytes_max: PACKET_BYTES_MAX,
        ..ServerOptions::default()
    };
    let mut framer = ServerFramer::new(options, Seed::for_testing(1));
    move |call| match call {
        Call::Receive(bytes) => framer.receive(&mut BytesMut::from(bytes)).map(|()| None),
        Call::Next => framer.next_frame(),
    }
}

fn client(framing: Framing) -> impl FnMut(Call<'_>) -> Result<Option<Frame>, PeerError> {
    let options = ClientOptions::new(framing).packet_bytes_max(PACKET_BYTES_MAX);
    let mut framer = ClientFramer::new(&options, Seed::for_testing(1));
    move |call| match call {
        Call::Receive(bytes) => framer.receive(&mut BytesMut::from(bytes)).map(|()| None),
        Call::Next => framer.next_frame(),
    }
}

/// A true obfuscated2 header and first packet, then the stream as ciphertext.
fn obfuscated(stream: &[u8]) -> Vec<u8> {
    let options = ClientOptions::new(Framing::Intermediate)
        .obfuscated(Obfuscation::default())
        .expect("intermediate can be obfuscated");
    let mut wire = BytesMut::new();
    ClientFramer::new(&options, Seed::for_testing(3))
        .frame(&[1; 40], &mut wire)
        .expect("40 bytes can be framed");
    wire.extend_from_slice(stream);
    wire.to_vec()
}
