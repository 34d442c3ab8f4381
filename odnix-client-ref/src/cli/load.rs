//! `load`: its progress, its result for people and for programs.

use super::output::{AlreadyShown, Output, one_line};
use super::{Common, Load};
use anyhow::Context as _;
use odnix_client_ref::load::{Latencies, Moment, Progress, Rate, Report, Target, run};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// The columns of a histogram: name in JSON, in the table, and which share of all it bounds.
const QUANTILES: [(&str, &str, f64); 5] = [
    ("p50", "p50", 0.50),
    ("p90", "p90", 0.90),
    ("p99", "p99", 0.99),
    ("p99_9", "p99.9", 0.999),
    ("max", "max", 1.0),
];

impl Load {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let target = Target {
            server: common.server.clone(),
            server_key: common.public_key()?,
            dc: common.dc,
            wire: common.wire(),
        };
        // First, so that a long run does not end with this.
        let mut save = self.save.as_deref().map(create).transpose()?;
        let accounts = self.plan.pairs.saturating_mul(2);
        output.note(&format!("making {accounts} accounts at {}", target.server));
        let interrupt = async { drop(tokio::signal::ctrl_c().await) };
        let report = run(&target, &self.plan, interrupt, |moment| match moment {
            Moment::Begin => output.note("measuring"),
            Moment::Progress(progress) => output.note(&progress_line(&progress)),
            Moment::End => output.note("waiting for the last answers"),
        })
        .await?;
        let object = self.json(common, &report);
        output.show(&self.text(&report), &object)?;
        if let Some(file) = &mut save {
            writeln!(file, "{object}").context("cannot write the result")?;
        }
        if report.errors.is_empty() { Ok(()) } else { Err(AlreadyShown.into()) }
    }

    fn json(&self, common: &Common, report: &Report) -> Value {
        let plan = &self.plan;
        let (rate, late) = match plan.rate {
            Rate::Max => (json!("max"), Value::Null),
            Rate::PerSecond(rate) => (json!(rate), latencies_json(&report.lateness)),
        };
        let stored =
            if plan.replicas > 0 { latencies_json(&report.to_stored) } else { Value::Null };
        let counts = &report.counts;
        json!({
            "ok": report.errors.is_empty(),
            "server": common.server.to_string(),
            "pairs": plan.pairs,
            "rate": rate,
            "window": plan.window,
            "bytes": plan.bytes,
            "replicas": plan.replicas,
            "warmup": plan.warmup,
            "seconds": report.measured.as_secs_f64(),
            "interrupted": report.interrupted,
            "messages": {
                "due": counts.due,
                "sent": counts.sent,
                "acknowledged": counts.acknowledged,
                "received": counts.received,
            },
            "per_second": {
                "acknowledged": report.per_second(report.acknowledged_meanwhile),
                "received": report.per_second(report.received_meanwhile),
            },
            "latency_ms": {
                "acknowledged": latencies_json(&report.to_acknowledged),
                "received": latencies_json(&report.to_received),
                "stored": stored,
            },
            "behind": report.behind,
            "generator_late_ms": late,
            "saturated": report.is_saturated(),
            "errors": report.errors,
        })
    }

    fn text(&self, report: &Report) -> String {
        let counts = &report.counts;
        let mut text = format!(
            "pairs {}, rate {}, {} bytes, {:.1} s{}\n{} due, {} sent, {} acknowledged, {} \
             received\n{:.1} acknowledged/s, {:.1} received/s\n\n{:<13} {:>9}",
            self.plan.pairs,
            self.plan.rate,
            self.plan.bytes,
            report.measured.as_secs_f64(),
            if report.interrupted { " (interrupted)" } else { "" },
            counts.due,
            counts.sent,
            counts.acknowledged,
            counts.received,
            report.per_second(report.acknowledged_meanwhile),
            report.per_second(report.received_meanwhile),
            "ms",
            "count",
        );
        let columns = QUANTILES.map(|(_, title, _)| format!(" {title:>9}"));
        text.extend(["      mean".to_owned()].into_iter().chain(columns));
        row(&mut text, "acknowledged", &report.to_acknowledged);
        if self.plan.replicas < self.plan.pairs {
            row(&mut text, "received", &report.to_received);
        }
        if self.plan.replicas > 0 {
            row(&mut text, "stored", &report.to_stored);
        }
        for warning in warnings(report) {
            let _ = write!(text, "\n{warning}");
        }
        for (error, count) in &report.errors {
            let _ = write!(text, "\nerror, {count} times: {}", one_line(error));
        }
        text
    }
}

fn create(file: &Path) -> anyhow::Result<File> {
    File::create(file).with_context(|| format!("cannot write the result to {}", file.display()))
}

fn progress_line(progress: &Progress) -> String {
    let counts = &progress.counts;
    let so_far = progress.quantiles_ms.map_or_else(
        || "warming up".to_owned(),
        |(p50, p99)| format!("p50 {p50:.1} ms  p99 {p99:.1} ms"),
    );
    format!(
        "{:4.0} s  sent {}  acknowledged {}  received {}  behind {}  {so_far}",
        progress.elapsed.as_secs_f64(),
        counts.sent,
        counts.acknowledged,
        counts.received,
        progress.behind(),
    )
}

fn row(text: &mut String, title: &str, latencies: &Latencies) {
    let _ = write!(text, "\n{title:<13} {:>9} {:>9.3}", latencies.count(), latencies.mean_ms());
    for (_, _, share) in QUANTILES {
        let _ = write!(text, " {:>9.3}", latencies.quantile_ms(share));
    }
}

/// What a reader of the figures has to know.
fn warnings(report: &Report) -> Vec<String> {
    let counts = &report.counts;
    let mut warnings = Vec::new();
    if report.behind > 0 {
        warnings.push(format!(
            "{} messages had not left at the end: this rate is too high",
            report.behind
        ));
    }
    if counts.acknowledged < counts.due || counts.received < counts.due {
        warnings.push(
            "what never came counts with the time that it was waited for; it would take longer"
                .to_owned(),
        );
    }
    if report.is_saturated() {
        warnings.push(format!(
            "the generator itself was late (p99 {:.1} ms), and so the latencies are partly its \
             own: ask for less, or run it on another machine",
            report.lateness.quantile_ms(0.99)
        ));
    }
    warnings
}

fn latencies_json(latencies: &Latencies) -> Value {
    let mut object = Map::new();
    object.insert("count".to_owned(), latencies.count().into());
    object.insert("mean".to_owned(), latencies.mean_ms().into());
    for (name, _, share) in QUANTILES {
        object.insert(name.to_owned(), latencies.quantile_ms(share).into());
    }
    object.into()
}
