//! The server's key exchange in each of its states, and any packet: noise, the right one with
//! some bytes changed inside or outside its encryption, or one of another step.
//!
//! Input: `state: u8`, then the packet as `exchange::packet` reads it.

use crate::exchange::{now, packet, server_at, work_server};
use crate::input::Input;
use crate::memory;
use bytes::{Bytes, BytesMut};
use odnix_proto::envelope::PLAIN_LEN;
use odnix_proto::handshake::server::{Handshake, KeyStored};
use odnix_proto::{HandshakeFault, PeerError};

/// Of 16 inputs, how many go to each number of requests taken in: the later ones cost more.
const REQUESTS: [usize; 16] = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3];

/// Its constructor.
const DH_GEN_OK: [u8; 4] = 0x3bcb_f734_u32.to_le_bytes();

/// One input.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let state = input.u8();
    let requests = REQUESTS[usize::from(state % 16)];
    // resPQ takes no job.
    let busy = state & 0x10 != 0 && requests > 1;
    let mut server = server_at(requests, busy);
    let packet = packet(&mut input, 2 * requests);
    let received =
        memory::bounded(&packet, 256 << 10, 64, || server.handle_packet(now(), packet.clone()));
    match received.and_then(|_| work_server(&mut server)) {
        Ok(Some(key)) => {
            assert!(requests >= 2, "a key takes three requests");
            // Answers to repeated requests may leave, but the key is not confirmed yet.
            for packet in sent(&mut server) {
                assert_ne!(packet.get(PLAIN_LEN..PLAIN_LEN + 4), Some(&DH_GEN_OK[..]));
            }
            let id = key.auth_key.id();
            server.key_stored(now(), id, KeyStored::Stored).expect("it was asked");
            let confirmed = sent(&mut server);
            assert_eq!(confirmed[0].get(PLAIN_LEN..PLAIN_LEN + 4), Some(&DH_GEN_OK[..]));
        }
        Ok(None) => {
            // Whatever it says, it says once.
            let answers = sent(&mut server).len();
            assert!(answers <= requests + 1, "{answers} answers");
        }
        Err(error) => has_failed(&mut server, error),
    }
}

/// All that it has to say now.
fn sent(server: &mut Handshake) -> Vec<BytesMut> {
    let mut packets = Vec::new();
    let mut packet = BytesMut::new();
    while server.poll_transmit(now(), &mut packet).is_some() {
        packets.push(packet.split());
    }
    packets
}

fn has_failed(server: &mut Handshake, error: PeerError) {
    let PeerError::Handshake(fault) = error else { panic!("{error:?}") };
    assert_ne!(fault, HandshakeFault::AlreadyFailed);
    let again = server.handle_packet(now(), Bytes::from_static(&[0; 40]));
    assert_eq!(again, Err(PeerError::Handshake(HandshakeFault::AlreadyFailed)));
    assert!(server.poll_event().is_none() && server.poll_timeout().is_none());
    assert!(sent(server).is_empty());
}
