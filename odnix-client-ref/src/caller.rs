//! Calls to the server, as the client, its update manager and its reload make them.

use crate::driver::Call;
use crate::error::{CallError, ClientError};
use crate::store::Store;
use odnix_tl::odnix::{enums, types};
use odnix_tl::{Decode, Function};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How often one call waits for a busy server, and how long at most each time.
const FLOOD_WAITS_MAX: u32 = 5;
const FLOOD_WAIT_LONGEST: Duration = Duration::from_secs(60);

/// The part of a client that makes calls.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) queue: mpsc::Sender<Call>,
    pub(crate) stopped: watch::Receiver<Option<Arc<ClientError>>>,
}

impl Caller {
    /// Queues a call; the returned future waits for its outcome.
    pub(crate) async fn start<F: Function>(
        &self,
        function: &F,
    ) -> Result<impl Future<Output = Result<F::Return, CallError>> + use<F>, CallError> {
        let body = function.to_bytes().map_err(|error| CallError::Request(error.to_string()))?;
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Call { body, reply }).await.is_err() {
            return Err(why_stopped(self.stopped.clone()).await);
        }
        let stopped = self.stopped.clone();
        Ok(async move {
            let bytes = match answer.await {
                Ok(outcome) => outcome?,
                Err(_) => return Err(why_stopped(stopped).await),
            };
            F::Return::from_bytes(bytes).map_err(|error| CallError::Answer(error.to_string()))
        })
    }

    /// Calls, and calls again after the wait a busy server asks for.
    pub(crate) async fn call<F: Function>(&self, function: &F) -> Result<F::Return, CallError> {
        let mut outcome = self.start(function).await?.await;
        for _ in 0..FLOOD_WAITS_MAX {
            let Err(Some(wait)) = outcome.as_ref().map_err(CallError::flood_wait) else { break };
            tokio::time::sleep(wait.min(FLOOD_WAIT_LONGEST)).await;
            outcome = self.start(function).await?.await;
        }
        outcome
    }
}

/// Why the driver is gone: the reason is published just after its queue closes.
pub(crate) async fn why_stopped(
    mut stopped: watch::Receiver<Option<Arc<ClientError>>>,
) -> CallError {
    match stopped.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().map_or(CallError::ShutDown, CallError::Stopped),
        Err(_) => CallError::ShutDown,
    }
}

/// How a call names a user.
pub fn input_peer(user: &types::User) -> enums::InputPeer {
    if user.self_ {
        return enums::InputPeer::InputPeerSelf;
    }
    enums::InputPeer::InputPeerUser(types::InputPeerUser {
        user_id: user.id,
        access_hash: user.access_hash,
    })
}

/// How a call names a dialog of the replica: a user, or a group with a minus.
pub(crate) async fn input_peer_of(
    store: &Store,
    peer_id: i64,
) -> Result<enums::InputPeer, CallError> {
    if peer_id < 0 {
        let chat_id = peer_id.saturating_neg();
        return Ok(enums::InputPeer::InputPeerChat(types::InputPeerChat { chat_id }));
    }
    let user = store.with(move |replica| replica.user(peer_id)).await?;
    let user = user.ok_or_else(|| CallError::Request(format!("there is no user {peer_id}")))?;
    Ok(input_peer(&user))
}
