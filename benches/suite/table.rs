//! The table for people, and the same as JSON.

use super::clock::Clock;
use super::{Line, Target};
use odnix_kernels::Level;
use serde_json::{Value, json};

/// Where and when it was measured.
pub struct Place {
    pub level: Level,
    pub processor: String,
    pub clock: Clock,
    /// `SOURCE_DATE`, if that is set.
    pub date: Option<String>,
}

impl Place {
    pub fn here(level: Level, clock: Clock) -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let name = model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name);
        let date = std::env::var("SOURCE_DATE").ok();
        Self { level, processor: name.to_owned(), clock, date }
    }

    pub fn describe(&self) -> String {
        let round = self.clock.aes_round.map(|cycles| format!(", AES round {cycles:.2} cycles"));
        let Self { level, processor, clock, .. } = self;
        let ghz = clock.ghz;
        format!("level {level}, {processor}, {ghz:.2} GHz{}", round.unwrap_or_default())
    }
}

pub fn figure(value: f64) -> String {
    match value {
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn target(target: Target) -> String {
    match target {
        Target::AtLeast(least) => format!("≥ {least}"),
        Target::AtMost(most) => format!("≤ {most}"),
    }
}

pub fn verdict(line: &Line) -> &'static str {
    match line.is_met() {
        Some(true) => "met",
        Some(false) => "missed",
        None => "-",
    }
}

/// Name and contender.
pub fn title(line: &Line) -> String {
    match line.row.beside {
        "" => line.row.name.to_owned(),
        beside => format!("{} / {beside}", line.row.name),
    }
}

/// A time in the unit that suits it.
fn time(ns: f64) -> String {
    match ns {
        _ if ns < 1e3 => format!("{} ns", figure(ns)),
        _ if ns < 1e6 => format!("{} µs", figure(ns / 1e3)),
        _ => format!("{} ms", figure(ns / 1e6)),
    }
}

fn table_row(cells: [&str; 6]) -> String {
    let [row, ours, measured, target, reached, word] = cells;
    format!("{row:<46} {ours:>8} {measured:>9} {target:>7} {reached:>8}  {word}\n")
}

/// `ours` is the time of one call, or of one batch.
pub fn text(lines: &[Line]) -> String {
    let mut out = table_row(["row", "ours", "measured", "target", "reached", ""]);
    for line in lines {
        let wanted = line.target.map_or("-".into(), target);
        let [ours, measured, reached] = match &line.measured {
            Ok(it) => {
                let reached = line.target.map(|target| target.reached_by(it.value));
                [
                    it.times.first().map(|ours| time(ours.ns)),
                    Some(format!("{} {}", figure(it.value), line.row.unit.name())),
                    reached.map(|reached| format!("{reached:.2}")),
                ]
            }
            Err(_) => [None, None, None],
        }
        .map(|cell| cell.unwrap_or("-".into()));
        let word = match &line.measured {
            Ok(_) => verdict(line),
            Err(absent) => absent.0,
        };
        out += &table_row([&title(line), &ours, &measured, &wanted, &reached, word]);
    }
    out
}

/// What is measured has no more digits.
fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

pub fn json(place: &Place, lines: &[Line]) -> Value {
    json!({
        "level": place.level.name(),
        "processor": place.processor,
        "ghz": rounded(place.clock.ghz, 100.0),
        "aes_round_cycles": place.clock.aes_round.map(|cycles| rounded(cycles, 100.0)),
        "date": place.date,
        "rows": lines.iter().map(json_line).collect::<Vec<_>>(),
    })
}

fn json_line(line: &Line) -> Value {
    let (at_least, at_most) = match line.target {
        Some(Target::AtLeast(least)) => (Some(least), None),
        Some(Target::AtMost(most)) => (None, Some(most)),
        None => (None, None),
    };
    let mut value = json!({
        "row": line.row.name,
        "beside": line.row.beside,
        "unit": line.row.unit.name(),
        "at_least": at_least,
        "at_most": at_most,
        "met": line.is_met(),
    });
    match &line.measured {
        Ok(it) => {
            let times = it
                .times
                .iter()
                .map(|time| (time.of.to_owned(), json!(rounded(time.ns, 100.0))))
                .collect();
            value["measured"] = json!(rounded(it.value, 1000.0));
            value["ns"] = Value::Object(times);
        }
        Err(absent) => value["absent"] = json!(absent.0),
    }
    value
}
