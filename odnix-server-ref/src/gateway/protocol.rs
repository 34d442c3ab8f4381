//! What the connections of one listener have in common, and the part of it that changes.

use super::Gateway;
use odnix_proto::Seed;
use odnix_proto::handshake::server::PqPool;
use odnix_proto::server::Config;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Products of two primes to pick from.
const PQ_PAIRS: usize = 256;
/// How long a pool of them serves the connections that come.
const PQ_POOL_LIFETIME: Duration = Duration::from_secs(300);

/// The configuration for the next connection of a listener.
#[derive(Debug)]
pub(crate) struct Protocol(RwLock<Arc<Config>>);

impl Protocol {
    pub(crate) fn new(config: Config) -> Self {
        Self(RwLock::new(Arc::new(config)))
    }

    /// For a connection that begins now; it keeps it to its end.
    pub(super) fn current(&self) -> Arc<Config> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn replace_pool(&self, pool: &Arc<PqPool>) {
        let mut config = Config::clone(&self.current());
        let mut exchange = odnix_proto::handshake::server::Config::clone(&config.handshake);
        exchange.pq_pool = Arc::clone(pool);
        config.handshake = Arc::new(exchange);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

/// Pairs for every exchange of the next minutes.
pub(crate) fn draw_pq_pool(seed: Seed) -> Arc<PqPool> {
    Arc::new(PqPool::draw(seed, PQ_PAIRS))
}

impl Gateway {
    /// Gives the listeners another pool of pq from time to time.
    pub(crate) async fn rotate_pq(self: Arc<Self>, listeners: Vec<Arc<Protocol>>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(PQ_POOL_LIFETIME) => {}
                () = self.stops() => return,
            }
            let drawn = tokio::task::spawn_blocking(|| Seed::from_os().map(draw_pq_pool)).await;
            match drawn {
                Ok(Ok(pool)) => listeners.iter().for_each(|it| it.replace_pool(&pool)),
                Ok(Err(error)) => tracing::warn!(%error, "no entropy for a new pool of pq"),
                Err(error) => tracing::warn!(%error, "no new pool of pq"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odnix_proto::Secret;
    use odnix_proto::crypto::rsa::RsaPrivateKey;
    use odnix_proto::{handshake, limits::Limits, session::Timings};

    #[test]
    fn the_next_connection_gets_the_new_pool_and_the_last_one_keeps_its_own() {
        let pem = include_str!("../../../odnix-proto/tests/fixtures/rsa_pkcs1.pem");
        let key = Arc::new(RsaPrivateKey::from_pem(pem).unwrap());
        let protocol = Protocol::new(Config {
            handshake: Arc::new(handshake::server::Config::new(vec![key], 2).unwrap()),
            transport: Default::default(),
            salt_secret: Arc::new(Secret::init(|bytes| bytes.fill(1))),
            limits: Arc::new(Limits::default()),
            timings: Timings::default(),
        });
        let before = protocol.current();
        protocol.replace_pool(&draw_pq_pool(Seed::for_testing(2)));
        assert_eq!(before.handshake.pq_pool.len(), 0);
        let after = protocol.current();
        assert_eq!(after.handshake.pq_pool.len(), PQ_PAIRS);
        assert!(Arc::ptr_eq(&after.handshake.keys[0], &before.handshake.keys[0]));
        assert_eq!(after.salt_secret, before.salt_secret, "salts stay valid");
    }
}
