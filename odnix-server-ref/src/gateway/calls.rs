//! The executor of one session: its requests run one after the other, in the order in which
//! the session gave them out, wherever their passwords have to be hashed or their JSON has to be
//! read in between.

use super::Gateway;
use super::registry::IncomingCall;
use crate::rpc::{Caller, Evidence, Form, Outcome, Prepared, Rpc, RpcError, json, password};
use crate::store::Tx;
use odnix_proto::server::{CallId, SessionRef};
use odnix_proto::{AuthKeyId, MsgId};
use odnix_tl::odnix::Request;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;

/// Finished requests of a session remembered for `invokeAfterMsg`.
const FINISHED_MAX: usize = 1024;

/// Which of a session's last requests succeeded.
#[derive(Debug, Default)]
struct Finished(VecDeque<(MsgId, bool)>);

impl Finished {
    fn record(&mut self, request: MsgId, succeeded: bool) {
        self.0.push_back((request, succeeded));
        if self.0.len() > FINISHED_MAX {
            self.0.pop_front();
        }
    }

    /// A request runs only after those it names have succeeded. Requests run in the order in
    /// which they came, so one that has not finished has not come.
    fn check(&self, after: &[MsgId]) -> Result<(), RpcError> {
        for wanted in after {
            match self.0.iter().rfind(|(request, _)| request == wanted) {
                Some((_, true)) => {}
                Some((_, false)) => return Err(RpcError::MsgWaitFailed),
                None => return Err(RpcError::MsgWaitTimeout),
            }
        }
        Ok(())
    }
}

/// Runs until every sender of `calls` is gone.
pub(super) async fn execute(
    gateway: Arc<Gateway>,
    session: SessionRef,
    dc: i32,
    mut calls: UnboundedReceiver<IncomingCall>,
) {
    let finished = Arc::new(Mutex::new(Finished::default()));
    while let Some(IncomingCall { call, key_id, context, body, tcp_address }) = calls.recv().await {
        let caller =
            Caller { key_id, dc, layer: context.layer, tcp_address, now: gateway.now().wall };
        let turn = Turn {
            gateway: Arc::clone(&gateway),
            session,
            holder: key_id,
            call,
            without_updates: context.without_updates,
            finished: Arc::clone(&finished),
        };
        match prepare(&gateway, body).await {
            Ok(prepared) => turn.submit(caller, context.after, prepared).await,
            Err(error) => turn.refuse(error),
        }
    }
}

async fn prepare(gateway: &Gateway, body: bytes::Bytes) -> Result<Prepared, RpcError> {
    let (request, form) = match Rpc::decode(body)? {
        Request::OdnixInvokeJson(it) => {
            gateway.json.run(move || json::read(&it)).await.map_err(|_| RpcError::Busy)??
        }
        request => (request, Form::Tl),
    };
    let Some(username) = password::username(&request)?.map(str::to_owned) else {
        return Ok(Prepared { request, evidence: Evidence::NotNeeded, form });
    };
    let stored = gateway.store.run(move |tx: &mut dyn Tx| tx.credentials(&username)).await?;
    let examine = move || -> Result<(Request, Evidence), RpcError> {
        let evidence = password::examine(&request, stored)?;
        Ok((request, evidence))
    };
    let (request, evidence) =
        gateway.passwords.run(examine).await.map_err(|_| RpcError::Busy)??;
    Ok(Prepared { request, evidence, form })
}

/// One request between its preparation and its outcome.
struct Turn {
    gateway: Arc<Gateway>,
    session: SessionRef,
    /// The key that the login belongs to.
    holder: AuthKeyId,
    call: CallId,
    without_updates: bool,
    finished: Arc<Mutex<Finished>>,
}

impl Turn {
    async fn submit(self, caller: Caller, after: Vec<MsgId>, prepared: Prepared) {
        let rpc = Arc::clone(&self.gateway.rpc);
        let finished = Arc::clone(&self.finished);
        let request = MsgId::from(self.call);
        let work = move |tx: &mut dyn Tx| -> Result<Outcome, RpcError> {
            let mut finished = finished.lock().unwrap_or_else(PoisonError::into_inner);
            let result = finished.check(&after).and_then(|()| rpc.handle(tx, &caller, prepared));
            finished.record(request, result.is_ok());
            result
        };
        let store = self.gateway.store.clone();
        let (registry, session, holder, call) =
            (Arc::clone(&self.gateway.registry), self.session, self.holder, self.call);
        let without_updates = self.without_updates;
        let release = move |result| registry.finish(session, holder, call, without_updates, result);
        if let Err(closed) = store.submit(work, release).await {
            self.refuse(closed.into());
        }
    }

    fn refuse(&self, error: RpcError) {
        let request = MsgId::from(self.call);
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).record(request, false);
        let registry = &self.gateway.registry;
        registry.finish(self.session, self.holder, self.call, self.without_updates, Err(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> MsgId {
        MsgId::from_i64(number)
    }

    #[test]
    fn a_request_runs_only_after_those_it_names_have_succeeded() {
        let mut finished = Finished::default();
        finished.record(id(1), true);
        finished.record(id(2), false);
        assert!(finished.check(&[]).is_ok());
        assert!(finished.check(&[id(1)]).is_ok());
        assert!(matches!(finished.check(&[id(1), id(2)]), Err(RpcError::MsgWaitFailed)));
        assert!(matches!(finished.check(&[id(3)]), Err(RpcError::MsgWaitTimeout)));
    }

    #[test]
    fn only_the_last_requests_are_remembered() {
        let mut finished = Finished::default();
        for number in 0..2 * FINISHED_MAX {
            finished.record(id(i64::try_from(number).unwrap()), true);
        }
        assert_eq!(finished.0.len(), FINISHED_MAX);
        assert!(matches!(finished.check(&[id(0)]), Err(RpcError::MsgWaitTimeout)));
    }
}
