//! The executor of one session: its requests run one after the other, in the order in which
//! the session gave them out, wherever their passwords have to be hashed or their JSON has to be
//! read in between. Only what has to wait for a request that has not come yet steps aside.

use super::Gateway;
use super::registry::IncomingCall;
use crate::rpc::{
    Caller, Evidence, Form, Outcome, Prepared, Rpc, RpcError, json, password, upload,
};
use crate::store::{Device, Tx};
use odnix_proto::server::{CallId, SessionRef};
use odnix_proto::{AuthKeyId, MsgId};
use odnix_tl::odnix::Request;
use odnix_tl::odnix::functions::InitConnection;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc::UnboundedReceiver;

/// Requests of a session remembered for `invokeAfterMsg`.
const RECENT_MAX: usize = 1024;

/// What is known of a session's last requests.
#[derive(Debug)]
struct Recent<T> {
    known: HashMap<MsgId, T>,
    order: VecDeque<MsgId>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }
}

impl<T> Recent<T> {
    fn record(&mut self, request: MsgId, what: T) {
        if self.known.insert(request, what).is_none() {
            self.order.push_back(request);
        }
        if self.order.len() > RECENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn get(&self, request: MsgId) -> Option<&T> {
        self.known.get(&request)
    }
}

impl Recent<bool> {
    /// A request runs only after those it names have succeeded. They were submitted before it,
    /// so one that is not known here was forgotten long ago.
    fn check(&self, after: &[MsgId]) -> Result<(), RpcError> {
        for wanted in after {
            match self.get(*wanted) {
                Some(true) => {}
                Some(false) => return Err(RpcError::MsgWaitFailed),
                None => return Err(RpcError::MsgWaitTimeout),
            }
        }
        Ok(())
    }
}

/// Runs until every sender of `calls` is gone, or the server stops.
pub(super) async fn execute(
    gateway: Arc<Gateway>,
    session: SessionRef,
    dc: i32,
    mut calls: UnboundedReceiver<Box<IncomingCall>>,
) {
    let mut executor = Executor {
        session,
        dc,
        finished: Arc::default(),
        submitted: Recent::default(),
        waiting: VecDeque::new(),
        gateway: Arc::clone(&gateway),
    };
    loop {
        tokio::select! {
            call = calls.recv() => match call {
                // Boxed: a session that is silent should not hold the room that a call takes.
                Some(call) => Box::pin(executor.take(*call)).await,
                None => break,
            },
            () = executor.patience_ends() => {
                Box::pin(executor.refuse_late(Instant::now())).await;
            }
            () = gateway.stops(), if !executor.waiting.is_empty() => break,
        }
    }
    executor.refuse_waiting();
    // Those that came before the server stopped are still answered.
    while let Some(call) = calls.recv().await {
        Box::pin(executor.take(*call)).await;
        executor.refuse_waiting();
    }
}

/// The requests of one session.
///
/// They run in the order in which they came, one after the other. A request that names others
/// which have not come yet steps aside until they have, for a bounded time, and holds back
/// nobody: those behind it run. It runs behind the last of those it named.
struct Executor {
    gateway: Arc<Gateway>,
    session: SessionRef,
    dc: i32,
    finished: Arc<Mutex<Recent<bool>>>,
    /// Requests that run in their turn, or were refused: what waits for them need not wait.
    submitted: Recent<()>,
    /// The first to come first, so the first to be refused first.
    waiting: VecDeque<(Instant, IncomingCall)>,
}

impl Executor {
    async fn take(&mut self, call: IncomingCall) {
        if self.is_ready(&call) {
            self.run(call).await;
            self.run_ready().await;
        } else if self.waiting.len() < self.gateway.limits.waiting_requests_max {
            let patience = self.gateway.limits.request_wait_timeout;
            self.waiting.push_back((Instant::now() + patience, call));
        } else {
            self.refuse(&call, RpcError::MsgWaitTimeout);
        }
    }

    /// What waited for the last request, and what waited for that.
    async fn run_ready(&mut self) {
        while let Some(at) = self.waiting.iter().position(|(_, call)| self.is_ready(call))
            && let Some((_, call)) = self.waiting.remove(at)
        {
            self.run(call).await;
        }
    }

    fn is_ready(&self, call: &IncomingCall) -> bool {
        call.context.after.iter().all(|wanted| self.submitted.get(*wanted).is_some())
    }

    async fn run(&mut self, call: IncomingCall) {
        let IncomingCall { call, key_id, context, body, tcp_address } = call;
        let caller = Caller {
            key_id,
            dc: self.dc,
            layer: context.layer,
            tcp_address,
            device: context.init.map(|init| device(*init)),
            now: self.gateway.now().wall,
        };
        let turn = self.turn(call, key_id, context.without_updates);
        match prepare(&self.gateway, key_id, body).await {
            Ok(prepared) => turn.submit(caller, context.after, prepared).await,
            Err(error) => turn.end(Err(error)),
        }
        self.submitted.record(MsgId::from(call), ());
    }

    /// Resolves when a request has waited for too long.
    async fn patience_ends(&self) {
        match self.waiting.front() {
            Some((deadline, _)) => tokio::time::sleep_until((*deadline).into()).await,
            None => std::future::pending().await,
        }
    }

    async fn refuse_late(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|(deadline, _)| *deadline <= now)
            && let Some((_, call)) = self.waiting.pop_front()
        {
            self.refuse(&call, RpcError::MsgWaitTimeout);
            self.run_ready().await;
        }
    }

    fn refuse_waiting(&mut self) {
        while let Some((_, call)) = self.waiting.pop_front() {
            self.refuse(&call, RpcError::MsgWaitTimeout);
        }
    }

    /// What waits for a refused request finds it failed.
    fn refuse(&mut self, call: &IncomingCall, error: RpcError) {
        self.turn(call.call, call.key_id, call.context.without_updates).end(Err(error));
        self.submitted.record(MsgId::from(call.call), ());
    }

    fn turn(&self, call: CallId, holder: AuthKeyId, without_updates: bool) -> Turn {
        Turn {
            gateway: Arc::clone(&self.gateway),
            session: self.session,
            holder,
            call,
            without_updates,
            finished: Arc::clone(&self.finished),
        }
    }
}

fn device(init: InitConnection) -> Device {
    let InitConnection { device_model, system_version, app_version, .. } = init;
    Device { device_model, system_version, app_version }
}

async fn prepare(
    gateway: &Gateway,
    key: AuthKeyId,
    body: bytes::Bytes,
) -> Result<Prepared, RpcError> {
    let (request, form) = match Rpc::decode(body)? {
        Request::OdnixInvokeJson(it) => {
            gateway.json.run(move || json::read(&it)).await.map_err(|_| RpcError::Busy)??
        }
        request => (request, Form::Tl),
    };
    if upload::concerns(&request) {
        return prepare_upload(gateway, key, request, form).await;
    }
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

/// The disk is asked between two transactions, and nobody but a user gets that far.
async fn prepare_upload(
    gateway: &Gateway,
    key: AuthKeyId,
    request: Request,
    form: Form,
) -> Result<Prepared, RpcError> {
    let look_up = move |tx: &mut dyn Tx| -> Result<_, RpcError> {
        let wanted = upload::look_up(tx, key, &request)?;
        Ok((request, wanted))
    };
    let (request, wanted) = gateway.store.run(look_up).await?;
    let (files, rpc) = (Arc::clone(&gateway.files), Arc::clone(&gateway.rpc));
    let examine = move || -> Result<Prepared, RpcError> {
        let evidence = upload::examine(&files, &rpc, &request, &wanted)?;
        Ok(Prepared { request, evidence, form })
    };
    gateway.disk.run(examine).await.map_err(|_| RpcError::Busy)?
}

/// One request between its preparation and its outcome.
#[derive(Clone)]
struct Turn {
    gateway: Arc<Gateway>,
    session: SessionRef,
    /// The key that the login belongs to.
    holder: AuthKeyId,
    call: CallId,
    without_updates: bool,
    finished: Arc<Mutex<Recent<bool>>>,
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
        let turn = self.clone();
        if let Err(closed) = self.gateway.store.submit(work, move |it| turn.end(it)).await {
            self.end(Err(closed.into()));
        }
    }

    fn end(&self, result: Result<Outcome, RpcError>) {
        // Also what had succeeded when its commit failed.
        if result.is_err() {
            let request = MsgId::from(self.call);
            self.finished.lock().unwrap_or_else(PoisonError::into_inner).record(request, false);
        }
        if let Ok(Outcome { finished_upload: Some(upload), .. }) = &result {
            self.gateway.discard(*upload);
        }
        let registry = &self.gateway.registry;
        registry.finish(self.session, self.holder, self.call, self.without_updates, result);
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
        let mut finished = Recent::default();
        finished.record(id(1), true);
        finished.record(id(2), false);
        assert!(finished.check(&[]).is_ok());
        assert!(finished.check(&[id(1)]).is_ok());
        assert!(matches!(finished.check(&[id(1), id(2)]), Err(RpcError::MsgWaitFailed)));
        assert!(matches!(finished.check(&[id(3)]), Err(RpcError::MsgWaitTimeout)));
    }

    #[test]
    fn only_the_last_requests_are_remembered() {
        let mut finished = Recent::default();
        for number in 0..2 * RECENT_MAX {
            finished.record(id(i64::try_from(number).unwrap()), true);
        }
        assert_eq!(finished.order.len(), RECENT_MAX);
        assert!(matches!(finished.check(&[id(0)]), Err(RpcError::MsgWaitTimeout)));
    }
}
