//! The rows, by what they are about.

mod handshake;
mod ige;
mod memory;
mod packet;
mod pq;

use super::Row;

pub const ALL: [&[Row]; 5] = [ige::ROWS, packet::ROWS, handshake::ROWS, pq::ROWS, memory::ROWS];
