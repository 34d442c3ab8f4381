//! `probe`: the report for people and for programs.

use super::output::{AlreadyShown, Output};
use super::{Common, Probe};
use anyhow::{Context as _, bail};
use bytes::Bytes;
use odnix_client_ref::{ProbeOptions, ProbeReport, ProbeStep, probe};
use serde_json::{Value, json};
use std::time::Duration;

impl Probe {
    pub(super) async fn run(self, common: &Common, output: &mut Output) -> anyhow::Result<()> {
        let timeout = Duration::try_from_secs_f64(self.timeout)
            .context("--timeout must be a number of seconds, 0 or more")?;
        let options = ProbeOptions {
            server: common.server.clone(),
            server_key: common.public_key()?,
            dc: common.dc,
            wire: common.wire(),
            pfs: self.pfs,
            pings: self.count,
            rpc: self.rpc.as_deref().map(from_hex).transpose()?,
            timeout,
        };
        let report = probe(&options).await;
        output.show(&text(&report), &json(common, &report))?;
        if report.is_ok() { Ok(()) } else { Err(AlreadyShown.into()) }
    }
}

fn json(common: &Common, report: &ProbeReport) -> Value {
    let wire = common.wire().towards(&common.server);
    let framing = wire.as_ref().map_or(common.wire().framing, |wire| wire.framing());
    json!({
        "ok": report.is_ok(),
        "server": common.server.to_string(),
        "transport": format!("{framing:?}").to_lowercase(),
        "obfuscated": wire.is_ok_and(|wire| wire.is_obfuscated()),
        "steps": report.steps.iter().map(step_json).collect::<Vec<_>>(),
        "auth_key_id": report.auth_key_id,
        "temporary_key_id": report.temporary_key_id,
        "future_salts": report.salts,
        "clock_offset_us": report.clock_offset_us,
        "round_trips_ms": report.round_trips.iter().copied().map(millis).collect::<Vec<_>>(),
        "rpc_result": report.rpc_result.as_deref().map(to_hex),
    })
}

fn step_json(step: &ProbeStep) -> Value {
    json!({
        "step": step.name,
        "ok": step.ok,
        "ms": millis(step.elapsed),
        "outcome": step.outcome,
    })
}

fn text(report: &ProbeReport) -> String {
    let mut lines: Vec<String> = report
        .steps
        .iter()
        .map(|step| {
            let verdict = if step.ok { "ok    " } else { "FAILED" };
            format!(
                "{verdict} {:<13} {:>9.3} ms  {}",
                step.name,
                millis(step.elapsed),
                step.outcome
            )
        })
        .collect();
    if let Some(result) = &report.rpc_result {
        lines.push(to_hex(result));
    }
    lines.join("\n")
}

/// Milliseconds to a thousandth.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> anyhow::Result<Bytes> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .with_context(|| format!("--rpc: `{text}` is not hexadecimal"))?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() || !pairs.len().is_multiple_of(4) || pairs.is_empty() {
        bail!("--rpc: a request has a whole number of 4-byte words, at least one");
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_whole_words() {
        assert_eq!(from_hex("6b18f9c4").expect("hex"), [0x6b, 0x18, 0xf9, 0xc4][..]);
        assert_eq!(from_hex("6B 18 F9 C4 00000000").expect("hex").len(), 8);
        for wrong in ["", "6b18f9", "6b18f9c", "6b18f9cx", "6b18f9c4ff"] {
            assert!(from_hex(wrong).is_err(), "{wrong}");
        }
        assert_eq!(to_hex(&from_hex("00ff10ab").expect("hex")), "00ff10ab");
    }
}
