//! The load of `odnix-client load`, and what a message costs the server meanwhile.

use super::numbers::cpu_seconds;
use super::serve::Process;
use anyhow::Context as _;
use odnix_client_ref::load::{self, Latencies, Moment, Plan, Report};
use serde_json::{Value, json};

/// Measures. The JSON has one field for each figure.
///
/// # Errors
/// The server or a client fails.
pub async fn run(server: &mut Process, plan: &Plan) -> anyhow::Result<Value> {
    let target = server.target.clone();
    let (mut before, mut after) = (None, None);
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    let report = load::run(&target, plan, interrupt, |moment| match moment {
        Moment::Begin => before = Some(snapshot(server)),
        Moment::Progress(_) => {}
        Moment::End => after = Some(snapshot(server)),
    })
    .await?;
    let ended_early = "it ended before anything was measured";
    let (before, after) = (before.context(ended_early)??, after.context(ended_early)??);
    anyhow::ensure!(report.errors.is_empty(), "the load failed: {:?}", report.errors);
    Ok(figures(plan, &report, &before, &after))
}

/// What the server has used.
struct Snapshot {
    cpu: f64,
    commits: u64,
}

fn snapshot(server: &mut Process) -> anyhow::Result<Snapshot> {
    Ok(Snapshot { cpu: cpu_seconds(server.id())?, commits: server.commits()? })
}

fn figures(plan: &Plan, report: &Report, before: &Snapshot, after: &Snapshot) -> Value {
    let seconds = report.measured.as_secs_f64();
    let messages = report.acknowledged_meanwhile as f64;
    let cpu = after.cpu - before.cpu;
    json!({
        "pairs": plan.pairs,
        "rate": plan.rate.to_string(),
        "window": plan.window,
        "bytes": plan.bytes,
        "replicas": plan.replicas,
        "seconds": seconds,
        "messages": messages,
        "messages_per_second": report.per_second(report.acknowledged_meanwhile),
        "received_per_second": report.per_second(report.received_meanwhile),
        "behind": report.behind,
        "saturated": report.is_saturated(),
        "sender_to_answer": times(&report.to_acknowledged),
        "sender_to_push": times(&report.to_received),
        "sender_to_replica": times(&report.to_stored),
        "cpu_seconds_per_1000": cpu / messages * 1000.0,
        "server_cores": cpu / seconds,
        "commits_per_message": (after.commits - before.commits) as f64 / messages,
    })
}

fn times(latencies: &Latencies) -> Value {
    json!({
        "count": latencies.count(),
        "p50_ms": latencies.quantile_ms(0.50),
        "p99_ms": latencies.quantile_ms(0.99),
        "max_ms": latencies.max_ms(),
    })
}
