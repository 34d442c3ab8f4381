//! One [`Connection`] coupled to one socket at a time: moves bytes, time and jobs until the
//! connection has something to say.

use super::clock::Clock;
use super::socket::Socket;
use bytes::{Bytes, BytesMut};
use odnix_proto::PeerError;
use odnix_proto::connection::client::{Connection, Event};
use odnix_proto::handshake::Done;
use std::collections::VecDeque;
use std::io;
use tokio::task::JoinSet;

/// Packets taken from the connection ahead of the writer.
const OUTBOX_PACKETS: usize = 16;

/// Why a transport ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Lost {
    #[error("{0}")]
    Peer(#[from] PeerError),
    #[error("the server closed the connection")]
    Closed,
    #[error("{0}")]
    Io(#[from] io::Error),
}

pub(crate) struct Pump {
    pub(crate) connection: Connection,
    pub(crate) clock: Clock,
    socket: Option<Socket>,
    inbox: BytesMut,
    outbox: VecDeque<Bytes>,
    jobs: JoinSet<Done>,
    lost: Option<Lost>,
}

impl Pump {
    pub(crate) fn new(connection: Connection, clock: Clock) -> Self {
        Self {
            connection,
            clock,
            socket: None,
            inbox: BytesMut::new(),
            outbox: VecDeque::new(),
            jobs: JoinSet::new(),
            lost: None,
        }
    }

    /// The connection goes on over `socket`.
    pub(crate) fn attach(&mut self, socket: Socket) {
        self.detach();
        self.socket = Some(socket);
        self.connection.transport_connected(self.clock.now());
    }

    /// Closes the socket; calls stay open.
    pub(crate) fn detach(&mut self) {
        self.socket = None;
        self.lost = None;
        self.inbox.clear();
        self.outbox.clear();
        // An aborted job would be reported to the next transport as its failure.
        self.jobs = JoinSet::new();
        self.connection.transport_lost();
    }

    pub(crate) fn is_attached(&self) -> bool {
        self.socket.is_some()
    }

    /// The next event. After an error the socket is gone, and every event from before it has
    /// been handed out. Never returns while there is neither event nor socket. Safe to cancel.
    pub(crate) async fn next_event(&mut self) -> Result<Event, Lost> {
        loop {
            if let Some(event) = self.take_work() {
                return Ok(event);
            }
            if let Some(lost) = self.lost.take() {
                self.detach();
                return Err(lost);
            }
            if let Err(lost) = self.turn().await {
                self.lost = Some(lost);
            }
        }
    }

    /// The oldest event that is not a job; jobs start at once.
    pub(crate) fn take_work(&mut self) -> Option<Event> {
        loop {
            match self.connection.poll_event()? {
                Event::Work(job) => {
                    self.jobs.spawn_blocking(move || job.run());
                }
                event => return Some(event),
            }
        }
    }

    /// Waits for one thing to happen, and tells the connection.
    async fn turn(&mut self) -> Result<(), Lost> {
        self.fill_outbox();
        let deadline = self.connection.poll_timeout();
        let Some(socket) = &mut self.socket else { return std::future::pending().await };
        tokio::select! {
            read = socket.reader.read(&mut self.inbox) => {
                if read? == 0 {
                    return Err(Lost::Closed);
                }
                self.connection.receive(self.clock.now(), &mut self.inbox)?;
            }
            room = socket.writer.room(), if !self.outbox.is_empty() => {
                let room = room.ok_or(Lost::Closed)?;
                if let Some(packet) = self.outbox.pop_front() {
                    room.send(packet);
                }
            }
            Some(done) = self.jobs.join_next() => match done {
                Ok(done) => self.connection.complete(self.clock.now(), done)?,
                Err(failed) => return Err(Lost::Io(io::Error::other(failed.to_string()))),
            },
            () = self.clock.sleep_until(deadline) => {
                self.connection.handle_timeout(self.clock.now())?;
            }
        }
        Ok(())
    }

    fn fill_outbox(&mut self) {
        while self.outbox.len() < OUTBOX_PACKETS {
            let mut packet = BytesMut::new();
            if self.connection.poll_transmit(self.clock.now(), &mut packet).is_none() {
                return;
            }
            self.outbox.push_back(packet.freeze());
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn jobs_of_a_lost_transport_are_not_heard_of_by_the_next() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let mut pump = crate::driver::tests::pump();
            pump.jobs.spawn(std::future::pending());
            pump.detach();
            assert!(pump.jobs.join_next().await.is_none());
        });
    }
}
