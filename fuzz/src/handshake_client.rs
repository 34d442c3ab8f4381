//! The client's key exchange in each of its states, and any packet: noise, the right one with
//! some bytes changed inside or outside its encryption, or one of another step.
//!
//! Input: `state: u8`, then the packet as `exchange::packet` reads it.

use crate::exchange::{RECORDED, client_at, now, packet, work_client};
use crate::input::Input;
use crate::memory;
use bytes::{Bytes, BytesMut};
use odnix_proto::envelope::PLAIN_LEN;
use odnix_proto::handshake::client::Handshake;
use odnix_proto::{HandshakeFault, PeerError};

/// Of 16 inputs, how many go to each number of answers taken in: the later ones cost more.
const ANSWERS: [usize; 16] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 3];

/// One input.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let state = input.u8();
    let answers = ANSWERS[usize::from(state % 16)];
    // A state without a job has no busy form.
    let busy = state & 0x10 != 0 && answers > 0;
    let mut client = client_at(answers, busy);
    let packet = packet(&mut input, 2 * answers + 1);
    let received =
        memory::bounded(&packet, 256 << 10, 64, || client.handle_packet(now(), packet.clone()));
    let outcome = received.and_then(|_| work_client(&mut client));
    match outcome {
        // Only who knows new_nonce and the key can end it: with the one right answer.
        Ok(Some(key)) => {
            assert!(answers == 3 && key.auth_key == RECORDED.auth_key);
            assert!(body(&packet).starts_with(body(&RECORDED.packets[7])), "{packet:02x?}");
        }
        Ok(None) => {}
        Err(error) => has_failed(&mut client, error),
    }
}

fn body(packet: &[u8]) -> &[u8] {
    packet.get(PLAIN_LEN..).unwrap_or_default()
}

fn has_failed(client: &mut Handshake, error: PeerError) {
    let PeerError::Handshake(fault) = error else { panic!("{error:?}") };
    assert_ne!(fault, HandshakeFault::AlreadyFailed);
    let again = client.handle_packet(now(), Bytes::from_static(&[0; 40]));
    assert_eq!(again, Err(PeerError::Handshake(HandshakeFault::AlreadyFailed)));
    assert!(client.poll_event().is_none() && client.poll_timeout().is_none());
    assert!(client.poll_transmit(now(), &mut BytesMut::new()).is_none());
}
