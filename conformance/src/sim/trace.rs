//! What happened, as lines folded into one hash: equal seeds have equal hashes.

use sha2::{Digest as _, Sha256};

/// Lines of the newest past that a report shows.
const TAIL_LINES: usize = 60;

/// The record of one run.
#[derive(Default)]
pub struct Trace {
    hash: Sha256,
    lines: std::collections::VecDeque<String>,
    keep_all: bool,
    /// Byte strings that must never appear, as hex.
    secrets: Vec<String>,
    /// Lines that held a secret.
    pub leaks: usize,
    /// How many lines there were.
    pub events: u64,
}

impl Trace {
    /// Keeps all lines, or only the last ones.
    pub fn new(keep_all: bool) -> Self {
        Self { keep_all, ..Self::default() }
    }

    /// Names a secret that no line may show.
    pub fn guard(&mut self, secret: &[u8]) {
        let hex: String = secret.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.secrets.push(hex);
    }

    /// Adds a line.
    pub fn line(&mut self, now_us: u64, text: &str) {
        self.events += 1;
        self.hash.update(now_us.to_le_bytes());
        self.hash.update(text);
        self.hash.update([0]);
        if self.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            self.leaks += 1;
        }
        if !self.keep_all && self.lines.len() >= TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>12.6} {text}", now_us as f64 / 1e6));
    }

    /// Folds bytes that are not worth a line.
    pub fn fold(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// The hash so far.
    pub fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// The lines that were kept.
    pub fn lines(self) -> Vec<String> {
        self.lines.into()
    }
}
