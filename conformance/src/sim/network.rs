//! The way between a device and the server: bytes in order, late, lost or changed.

use super::random::Random;
use super::script::Fault;
use bytes::{Bytes, BytesMut};
use std::collections::BTreeSet;

/// Packets on their way before a sender has to wait.
pub const IN_FLIGHT_MAX: usize = 16;
/// What a changed packet's first bytes are left alone: the obfuscation header, or the tag, and
/// the length, whose highest bit only asks for a quick acknowledgement.
const OPENING: usize = 72;
const LENGTH: usize = 4;
/// How much later a packet comes that is overtaken.
const OVERTAKEN_US: u64 = 400_000;

/// Names a transport.
pub type Conn = u64;

/// One direction of a transport.
#[derive(Debug, Default)]
pub struct Pipe {
    last_arrival_us: u64,
    clogged_until_us: u64,
    /// For the next packet.
    fault: Option<Fault>,
    chunks: u64,
    /// Sent and not yet arrived.
    pub in_flight: usize,
    /// A packet was changed, and has arrived.
    pub spoiled: bool,
}

/// What becomes of one packet: when it comes, as what, and whether it was changed.
#[derive(Debug)]
pub struct Arrival {
    /// When.
    pub at_us: u64,
    /// The bytes.
    pub bytes: Bytes,
    /// Not as it was sent.
    pub spoiled: bool,
    /// Nothing follows.
    pub last: bool,
}

/// A transport.
#[derive(Debug)]
pub struct Stream {
    /// Whose; nobody's when someone in the middle made it.
    pub device: Option<usize>,
    /// To the server.
    pub up: Pipe,
    /// To the device.
    pub down: Pipe,
    /// Swallows everything.
    pub silent: bool,
    /// Brings what its device has sent in an earlier life of the server, and nothing newer.
    pub stale: bool,
    obfuscated: bool,
}

impl Stream {
    /// A new one.
    pub fn new(device: Option<usize>, obfuscated: bool) -> Self {
        let (up, down) = (Pipe::default(), Pipe::default());
        Self { device, up, down, silent: false, stale: false, obfuscated }
    }

    /// One direction.
    pub fn pipe(&mut self, up: bool) -> &mut Pipe {
        if up { &mut self.up } else { &mut self.down }
    }

    /// Holds everything back until then.
    pub fn clog(&mut self, until_us: u64) {
        for pipe in [&mut self.up, &mut self.down] {
            pipe.clogged_until_us = pipe.clogged_until_us.max(until_us);
        }
    }

    /// Something happens to the next packet of one direction.
    pub fn plan(&mut self, up: bool, fault: Fault) {
        self.pipe(up).fault = Some(fault);
    }

    /// Takes a packet; says what arrives.
    pub fn carry(
        &mut self,
        up: bool,
        now_us: u64,
        bytes: Bytes,
        random: &mut Random,
    ) -> Vec<Arrival> {
        let (silent, obfuscated) = (self.silent, self.obfuscated);
        let pipe = self.pipe(up);
        let first = pipe.chunks == 0;
        pipe.chunks += 1;
        if silent {
            return Vec::new();
        }
        let delay = random.between(1_000, 80_000);
        let at_us = (now_us + delay).max(pipe.last_arrival_us).max(pipe.clogged_until_us);
        // The packet that opens the stream is the stream; the next one will do.
        let fault = if first { None } else { pipe.fault.take() };
        // The stream cipher allows no other order; the packet is only late.
        let swaps = matches!(fault, Some(Fault::SwapPackets { .. }));
        let at_us = if swaps { at_us + OVERTAKEN_US } else { at_us };
        if !swaps || obfuscated {
            pipe.last_arrival_us = at_us;
        }
        let whole = Arrival { at_us, bytes: bytes.clone(), spoiled: false, last: false };
        let arrivals = match fault {
            Some(Fault::DropPacket { .. }) if obfuscated => {
                // The stream cipher of the rest does not fit any more.
                vec![Arrival { bytes: Bytes::new(), spoiled: true, ..whole }]
            }
            Some(Fault::DropPacket { .. }) => Vec::new(),
            Some(Fault::DoublePacket { .. }) => {
                let again = Arrival { bytes, spoiled: obfuscated, at_us, last: false };
                vec![whole, again]
            }
            Some(Fault::Corrupt { .. }) => {
                let changed = corrupt(&bytes, first, random);
                vec![Arrival { bytes: changed, spoiled: true, ..whole }]
            }
            Some(Fault::Truncate { .. }) => {
                let half = bytes.slice(..bytes.len() / 2);
                vec![Arrival { bytes: half, spoiled: true, last: true, ..whole }]
            }
            _ => vec![whole],
        };
        self.pipe(up).in_flight += arrivals.len();
        arrivals
    }
}

fn corrupt(bytes: &Bytes, first: bool, random: &mut Random) -> Bytes {
    let mut changed = BytesMut::from(bytes.as_ref());
    let from = if first { OPENING } else { LENGTH };
    let at = random.between(from as u64, changed.len().saturating_sub(1) as u64) as usize;
    if let Some(byte) = changed.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
    changed.freeze()
}

/// Watches the packets of plain intermediate streams for a msg_key that comes twice.
#[derive(Debug, Default)]
pub struct Tap {
    seen: [BTreeSet<[u8; 16]>; 2],
}

impl Tap {
    /// Looks at one frame without its opening; `true` if its msg_key was there before.
    pub fn is_repeated(&mut self, up: bool, frame: &[u8]) -> bool {
        let Some(packet) = frame.get(4..) else { return false };
        let encrypted = packet.first_chunk::<8>().is_some_and(|key_id| *key_id != [0; 8]);
        let msg_key = packet.get(8..24).and_then(|key| <[u8; 16]>::try_from(key).ok());
        match msg_key {
            Some(msg_key) if encrypted => {
                let [down_seen, up_seen] = &mut self.seen;
                !(if up { up_seen } else { down_seen }).insert(msg_key)
            }
            _ => false,
        }
    }
}
