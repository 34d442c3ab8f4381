//! Packets that arrived together are opened together, before the first of them is handled.
//!
//! Nothing of what a packet says is looked at before its turn: what opening it came to is kept
//! beside it, and whether its key still holds is asked when its turn has come.

use crate::auth_key::{AuthKey, AuthKeyId};
use crate::envelope::{self, Opened, Side, ToOpen};
use crate::error::PeerError;
use alloc::vec::Vec;
use bytes::BytesMut;

/// Packets that are taken off the framer at once.
pub(super) const AHEAD_MAX: usize = 16;

/// Packets off the framer, in their order.
pub(super) type Arrived = [Option<Arrival>; AHEAD_MAX];

/// A whole packet.
pub(super) struct Arrival {
    pub(super) packet: Incoming,
    pub(super) quick_ack: bool,
}

/// A packet as it came, or what opening it came to.
#[derive(Debug)]
pub(super) enum Incoming {
    Closed(BytesMut),
    Ahead { key_id: AuthKeyId, len: usize, opened: Result<Opened, PeerError> },
}

impl Incoming {
    /// Whose key it is sealed with.
    pub(super) fn key_id(&self) -> Option<AuthKeyId> {
        match self {
            Self::Closed(packet) => envelope::key_id(packet),
            Self::Ahead { key_id, .. } => Some(*key_id),
        }
    }

    /// Bytes it holds.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Closed(packet) => packet.len(),
            Self::Ahead { len, .. } => *len,
        }
    }

    /// With the key of [`Self::key_id`].
    pub(super) fn open(self, key: &AuthKey) -> Result<Opened, PeerError> {
        match self {
            Self::Closed(packet) => envelope::open(key, Side::Client, packet),
            Self::Ahead { opened, .. } => opened,
        }
    }
}

/// Opens those that are sealed with `key`.
pub(super) fn open_ahead(key: &AuthKey, arrived: &mut Arrived) {
    let mut places: Vec<&mut Incoming> = arrived
        .iter_mut()
        .flatten()
        .map(|arrival| &mut arrival.packet)
        .filter(|packet| packet.key_id() == Some(key.id()))
        .collect();
    let mut packets: Vec<ToOpen<'_>> = places
        .iter_mut()
        .filter_map(|place| match place {
            Incoming::Closed(packet) => {
                Some(ToOpen { key, from: Side::Client, packet: core::mem::take(packet) })
            }
            Incoming::Ahead { .. } => None,
        })
        .collect();
    let lens: Vec<usize> = packets.iter().map(|to| to.packet.len()).collect();
    let mut opened = Vec::new();
    envelope::open_batch(&mut packets, &mut opened);
    drop(packets);
    for ((place, len), opened) in places.into_iter().zip(lens).zip(opened) {
        *place = Incoming::Ahead { key_id: key.id(), len, opened };
    }
}
