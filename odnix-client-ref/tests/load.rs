//! `load`: when messages are due, and from when their latencies count; then the command itself.

mod common;

use common::{House, server_folder};
use odnix_client_ref::load::{Due, Latencies, Ledger, Plan, Rate, Schedule, UNANSWERED_MAX};
use odnix_server_ref::Server;
use odnix_server_ref::config::ServeOptions;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader};
use std::num::NonZeroU32;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const OTHER_KEY: &str = include_str!("../../conformance/vectors/public-auth-key-sample.pem");
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn per_second(rate: u32) -> Rate {
    Rate::PerSecond(NonZeroU32::new(rate).expect("not 0"))
}

fn plan(pairs: u32, rate: Rate, seconds: u32) -> Plan {
    Plan { pairs, rate, window: 4, seconds, warmup: 0, bytes: 100, replicas: 0 }
}

/// One sender and a server, in steps of a millisecond, with time made up.
struct Scene {
    schedule: Schedule,
    ledger: Ledger,
    open: VecDeque<Due>,
    now: Duration,
}

impl Scene {
    fn new(plan: &Plan) -> Self {
        let (schedule, ledger) = (Schedule::new(plan, 0), Ledger::new(plan));
        Self { schedule, ledger, open: VecDeque::new(), now: Duration::ZERO }
    }

    fn send(&mut self) {
        while let Some(due) = self.schedule.take(self.now, self.open.len()) {
            self.ledger.sent(&due);
            self.open.push_back(due);
        }
    }

    fn answer(&mut self) {
        for due in self.open.drain(..) {
            self.ledger.acknowledged(due.number, self.now);
            self.ledger.received(due.number, self.now);
        }
    }

    /// Until `end`, or until nothing is left.
    fn run(&mut self, end: Duration, mut step: impl FnMut(&mut Self)) {
        while self.now <= end {
            step(self);
            self.now += MS;
        }
    }
}

/// That the `slow` slowest of `count` took `step_ms`, twice, three times that, and so on.
fn assert_spread(latencies: &Latencies, count: u32, slow: u32, step_ms: f64) {
    assert_eq!(latencies.count(), u64::from(count));
    let of_rank = |rank: u32| latencies.quantile_ms((f64::from(rank) - 0.5) / f64::from(count));
    assert_eq!(of_rank(count - slow), 0.0, "the others did not wait");
    for place in 1..=slow {
        let (found, expected) = (of_rank(count - slow + place), step_ms * f64::from(place));
        assert!((found - expected).abs() <= expected / 1000.0, "{place}: {found}, not {expected}");
    }
}

#[test]
fn a_server_that_stalls_for_a_second_shows_in_every_message_of_that_second() {
    let mut scene = Scene::new(&plan(1, per_second(100), 3));
    let is_stalled = |now: Duration| now > SECOND && now < 2 * SECOND;
    scene.run(4 * SECOND, |scene| {
        scene.send();
        if !is_stalled(scene.now) {
            scene.answer();
        }
    });
    let report = scene.ledger.close(scene.now, scene.schedule.unsent());
    // Due at 1.01, 1.02, ... 1.99 and answered at 2.00.
    assert_spread(&report.to_acknowledged, 300, 99, 10.0);
    assert_spread(&report.to_received, 300, 99, 10.0);
    assert_eq!(report.lateness.max_ms(), 0.0, "all left in time");
    assert!(!report.is_saturated());
}

#[test]
fn a_generator_that_stands_still_for_a_second_counts_from_when_messages_were_due() {
    let mut scene = Scene::new(&plan(1, per_second(100), 3));
    let stands_still = |now: Duration| now > SECOND && now < 2 * SECOND;
    scene.run(4 * SECOND, |scene| {
        if !stands_still(scene.now) {
            scene.send();
            scene.answer();
        }
    });
    let report = scene.ledger.close(scene.now, scene.schedule.unsent());
    assert_spread(&report.to_acknowledged, 300, 99, 10.0);
    assert_spread(&report.lateness, 300, 99, 10.0);
    assert!(report.is_saturated());
}

#[test]
fn what_waits_for_a_slow_server_is_late_and_the_generator_is_not_blamed() {
    let mut scene = Scene::new(&plan(1, per_second(1000), 3));
    let is_stalled = |now: Duration| now > SECOND && now < 2 * SECOND;
    let mut most = 0;
    scene.run(4 * SECOND, |scene| {
        scene.send();
        most = most.max(scene.open.len());
        while !is_stalled(scene.now) && !scene.open.is_empty() {
            scene.answer();
            scene.send();
        }
    });
    assert_eq!(most, UNANSWERED_MAX);
    let report = scene.ledger.close(scene.now, scene.schedule.unsent());
    assert_spread(&report.to_acknowledged, 3000, 999, 1.0);
    assert_eq!(report.lateness.max_ms(), 0.0);
    assert!(!report.is_saturated());
}

#[test]
fn as_fast_as_it_goes_is_a_window_of_unanswered_messages() {
    let mut scene = Scene::new(&plan(1, Rate::Max, 1));
    scene.run(2 * SECOND, |scene| {
        scene.send();
        let is_sending = scene.now < SECOND;
        assert_eq!(scene.open.len(), if is_sending { 4 } else { 0 }, "{:?}", scene.now);
        if scene.now.as_millis() % 10 == 9 {
            scene.answer();
        }
    });
    let report = scene.ledger.close(scene.now, scene.schedule.unsent());
    // The first four leave at once, and each four after an answer: nothing leaves at 1 s.
    assert_eq!(report.counts.acknowledged, 400);
    let latencies = report.to_acknowledged;
    for latency in [latencies.quantile_ms(0.001), latencies.max_ms()] {
        assert!((latency - 9.0).abs() <= 0.009, "{latency}");
    }
}

#[test]
fn what_never_came_counts_with_the_time_it_was_waited_for() {
    let mut scene = Scene::new(&plan(1, per_second(10), 1));
    // The last one cannot leave; of the others the first is answered, and the second arrives.
    scene.run(Duration::from_millis(850), Scene::send);
    scene.ledger.acknowledged(0, SECOND);
    scene.ledger.received(1, SECOND);
    assert!(!scene.ledger.is_settled());
    let report = scene.ledger.close(10 * SECOND, scene.schedule.unsent());
    let counts = report.counts;
    assert_eq!((counts.due, counts.sent, counts.acknowledged, counts.received), (10, 9, 1, 1));
    for latencies in [&report.to_acknowledged, &report.to_received] {
        assert_eq!(latencies.count(), 10);
        assert!((latencies.quantile_ms(0.2) - 9100.0).abs() < 9.1, "all others waited longer");
    }
    assert!((report.to_received.max_ms() - 10_000.0).abs() < 10.0);
    assert!((report.to_acknowledged.max_ms() - 9900.0).abs() < 10.0);
}

#[test]
fn only_what_was_due_in_the_measured_time_counts() {
    let plan = Plan { warmup: 1, ..plan(1, per_second(10), 2) };
    let mut scene = Scene::new(&plan);
    scene.schedule.end_at(2 * SECOND);
    scene.ledger.end_at(2 * SECOND);
    scene.run(4 * SECOND, |scene| {
        scene.send();
        scene.answer();
    });
    assert_eq!(scene.ledger.counts().sent, 20);
    let report = scene.ledger.close(scene.now, scene.schedule.unsent());
    assert_eq!(report.measured, SECOND);
    assert_eq!((report.counts.due, report.counts.received), (10, 10));
    assert_eq!((report.acknowledged_meanwhile, report.to_received.count()), (10, 10));
    assert_eq!(report.per_second(report.acknowledged_meanwhile), 10.0);
}

#[test]
fn what_goes_wrong_is_counted_by_its_name() {
    let mut scene = Scene::new(&plan(1, per_second(10), 1));
    scene.run(SECOND, |scene| scene.send());
    let ledger = &mut scene.ledger;
    ledger.refused(0, "no");
    ledger.refused(1, "no");
    ledger.received(2, SECOND);
    ledger.received(2, SECOND);
    ledger.received(77, SECOND);
    ledger.acknowledged(3, SECOND);
    ledger.acknowledged(3, SECOND);
    for number in 0..100 {
        ledger.error(&format!("kind {number}"));
    }
    let report = scene.ledger.close(SECOND, None);
    assert_eq!(report.errors["no"], 2);
    assert_eq!(report.errors["a message came that was received already or never sent"], 2);
    assert_eq!(report.errors["the server answered a message twice"], 1);
    assert_eq!(report.errors["others"], 100 - 13);
    assert_eq!(report.to_acknowledged.count(), 8, "a refusal is no latency");
    assert_eq!((report.counts.acknowledged, report.counts.received), (1, 1));
}

#[test]
fn receipts_of_whole_clients_are_kept_apart() {
    let plan = Plan { replicas: 1, ..plan(3, per_second(30), 1) };
    let mut ledger = Ledger::new(&plan);
    for pair in 0..3 {
        let mut schedule = Schedule::new(&plan, pair);
        while let Some(due) = schedule.take(SECOND, 0) {
            ledger.sent(&due);
            ledger.received(due.number, SECOND);
        }
    }
    let report = ledger.close(SECOND, None);
    assert_eq!((report.to_stored.count(), report.to_received.count()), (10, 20));
}

#[test]
fn a_rate_is_a_number_or_max() {
    assert_eq!("max".parse(), Ok(Rate::Max));
    assert_eq!("100".parse(), Ok(per_second(100)));
    for wrong in ["", "0", "-1", "1.5", "1000001", "MAX"] {
        let error = wrong.parse::<Rate>().expect_err(wrong);
        assert_eq!(error, "give messages a second, from 1 to 1000000, or max");
    }
}

proptest! {
    /// However seldom and irregularly one looks, each message leaves once, is due at its own time,
    /// and no time is before the one it is due at.
    #[test]
    fn the_senders_share_the_messages_of_a_rate(
        rate in 1_u32..2000,
        pairs in 1_u32..9,
        looks in prop::collection::vec(1_u64..400, 1..40),
    ) {
        let plan = plan(pairs, per_second(rate), 2);
        let mut schedules: Vec<_> = (0..pairs).map(|pair| Schedule::new(&plan, pair)).collect();
        let mut left = BTreeMap::new();
        let mut now = Duration::ZERO;
        for wait in looks {
            now += MS * u32::try_from(wait).expect("small");
            for (pair, schedule) in (0..).zip(&mut schedules) {
                while let Some(due) = schedule.take(now, 0) {
                    prop_assert_eq!(due.number % u64::from(pairs), pair);
                    prop_assert!(due.intended <= now);
                    prop_assert_eq!(due.late, now - due.intended);
                    prop_assert!(left.insert(due.number, due.intended).is_none());
                }
                prop_assert_eq!(schedule.is_over(now), schedule.clone().unsent().next().is_none());
            }
        }
        for schedule in schedules {
            for (number, intended) in schedule.unsent() {
                prop_assert!(intended > now);
                prop_assert!(left.insert(number, intended).is_none());
            }
        }
        let expected = (0..u64::from(rate) * 2)
            .map(|number| (number, Duration::from_nanos(number * 1_000_000_000 / u64::from(rate))));
        prop_assert_eq!(left, expected.collect());
    }

    /// Nothing is lost, and each quantile is right to a thousandth.
    #[test]
    fn quantiles_are_those_of_the_durations(
        mut micros in prop::collection::vec(prop_oneof![0_u64..2000, 0_u64..3_600_000_000], 1..300),
        share in 0.01_f64..1.0,
    ) {
        let mut latencies = Latencies::default();
        micros.iter().for_each(|micros| latencies.record(Duration::from_micros(*micros)));
        micros.sort_unstable();
        prop_assert_eq!(latencies.count(), micros.len() as u64);
        let is_near = |found_ms: f64, exact: u64| {
            (found_ms * 1e3 - exact as f64).abs() <= exact as f64 / 1000.0 + 0.5
        };
        let rank = (share * micros.len() as f64).ceil() as usize;
        prop_assert!(is_near(latencies.quantile_ms(share), micros[rank - 1]));
        prop_assert!(is_near(latencies.max_ms(), micros[micros.len() - 1]));
    }
}

#[test]
fn more_than_an_hour_counts_as_an_hour() {
    let mut latencies = Latencies::default();
    assert_eq!((latencies.max_ms(), latencies.mean_ms()), (0.0, 0.0));
    latencies.record(Duration::from_secs(7200));
    assert!((latencies.max_ms() - 3.6e6).abs() <= 3.6e3);
}

// --- the command ---

fn odnix_client(tcp: &str, key: &std::path::Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_odnix-client"));
    command.arg("load").env("ODNIX_SERVER", tcp).env("ODNIX_SERVER_KEY", key);
    command
}

fn load(house: &House, arguments: &[&str]) -> Output {
    let tcp = house.server.tcp_address().to_string();
    let mut command = odnix_client(&tcp, house.server.public_key());
    command.args(arguments).output().expect("odnix-client runs")
}

/// Runs a command, and does something once its first second of measuring is over.
fn run_and_in_its_first_second(mut command: Command, mut act: impl FnMut(&Child)) -> Output {
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("odnix-client runs");
    let stderr = child.stderr.take().expect("stderr");
    for line in BufReader::new(stderr).lines() {
        if line.expect("a line").contains("   1 s ") {
            act(&child);
        }
    }
    child.wait_with_output().expect("an end")
}

fn object(output: &Output) -> Value {
    let (stdout, stderr) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}\n{stderr}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_run_at_a_fixed_rate_tells_what_became_of_each_message() {
    let house = House::new().await;
    let arguments = ["--pairs", "2", "--rate", "50", "--seconds", "2", "--warmup", "1"];
    let output = load(&house, &[&arguments[..], &["--replicas", "1", "--json"]].concat());
    let result = object(&output);
    assert!(output.status.success(), "{result}");
    assert!(output.stderr.is_empty(), "{output:?}");
    assert_eq!(result["ok"], true);
    assert_eq!(result["rate"], 50);
    assert_eq!(result["seconds"], 2.0);
    for what in ["due", "sent", "acknowledged", "received"] {
        assert_eq!(result["messages"][what], 100, "{what}: {result}");
    }
    for (what, count) in [("acknowledged", 100), ("received", 50), ("stored", 50)] {
        let latencies = &result["latency_ms"][what];
        assert_eq!(latencies["count"], count, "{result}");
        let bounds = ["p50", "p90", "p99", "p99_9", "max"];
        let values = bounds.map(|name| latencies[name].as_f64().expect(name));
        assert!(values[0] > 0.0 && values.is_sorted(), "{result}");
    }
    assert_eq!(result["behind"], 0);
    assert_eq!(result["errors"], serde_json::json!({}));
    let messages: i64 = rusqlite::Connection::open(house.database())
        .expect("the server's database")
        .query_row("SELECT count(*) FROM messages WHERE length(message) = 100", [], |row| {
            row.get(0)
        })
        .expect("messages");
    assert_eq!(messages, 150, "those of the warm-up too");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_fast_as_it_goes_shows_a_table_and_saves_the_result() {
    let house = House::new().await;
    let file = house.folder.path().join("result.json");
    let websocket = format!("ws://{}", house.server.ws_address());
    let arguments = [
        "--server",
        &websocket,
        "--pairs",
        "2",
        "--seconds",
        "1",
        "--warmup",
        "0",
        "--window",
        "4",
        "--save",
    ];
    let mut arguments = arguments.to_vec();
    arguments.push(file.to_str().expect("UTF-8"));
    let output = load(&house, &arguments);
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let progress = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success(), "{table}\n{progress}");
    let saved = std::fs::read_to_string(&file).expect("the result");
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    assert_eq!((&saved["ok"], &saved["rate"]), (&true.into(), &"max".into()));
    assert_eq!(saved["latency_ms"]["stored"], Value::Null);
    let counts = &saved["messages"];
    assert!(counts["sent"].as_u64().is_some_and(|sent| sent >= 8), "{saved}");
    assert_eq!((&counts["sent"], &counts["sent"]), (&counts["acknowledged"], &counts["received"]));
    for expected in
        ["pairs 2, rate max, 100 bytes, 1.0 s", "acknowledged/s", "p99.9", "\nreceived "]
    {
        assert!(table.contains(expected), "{expected} is missing from:\n{table}");
    }
    assert!(progress.contains("making 4 accounts"), "{progress}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_on_another_server_or_dc_says_so() {
    let house = House::new().await;
    let other = house.folder.path().join("other.pem");
    std::fs::write(&other, OTHER_KEY).expect("key");
    let other = other.to_str().expect("UTF-8");
    for (option, expected) in [
        (["--key", other], "does not hold the key"),
        (["--dc", "7"], "does not serve dc 7: check --dc"),
    ] {
        let output = load(&house, &option);
        assert_eq!(output.status.code(), Some(1));
        let sentence = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(sentence.contains(expected), "{sentence}");
    }
}

/// The server stands still once for a second, in the middle of a run; the run is told by its first
/// line of progress. One who sends the next message after the answer to the last would see one
/// slow message.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_in_which_the_server_stands_still_is_seen_in_a_third_of_three_seconds() {
    let folder = TempDir::new().expect("temp dir");
    server_folder(&folder.path().join("server"));
    let stall = Arc::new(AtomicBool::new(false));
    let stalls = Arc::clone(&stall);
    let mut options = ServeOptions::loopback(folder.path().join("server"));
    options.store.before_commit = Some(Arc::new(move || {
        if stalls.swap(false, Ordering::AcqRel) {
            std::thread::sleep(SECOND);
        }
        Ok(())
    }));
    let server = Server::start(options).await.expect("server");
    let file = folder.path().join("result.json");
    let mut command = odnix_client(&server.tcp_address().to_string(), server.public_key());
    command.args(["--rate", "100", "--seconds", "3", "--warmup", "0", "--save"]).arg(&file);
    let output = run_and_in_its_first_second(command, |_| stall.store(true, Ordering::Release));
    assert!(output.status.success());
    let result = std::fs::read_to_string(&file).expect("the result");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["messages"]["received"], 300, "{result}");
    for what in ["acknowledged", "received"] {
        let latency = |name: &str| result["latency_ms"][what][name].as_f64().expect("a number");
        assert!(latency("max") >= 900.0, "{result}");
        assert!(latency("p90") >= 500.0, "not one of 300, but a third of them: {result}");
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_early_with_the_result() {
    let house = House::new().await;
    let tcp = house.server.tcp_address().to_string();
    let file = house.folder.path().join("result.json");
    let mut command = odnix_client(&tcp, house.server.public_key());
    command.args(["--rate", "20", "--seconds", "600", "--warmup", "0", "--save"]).arg(&file);
    let output = run_and_in_its_first_second(command, |child| {
        let id = rustix::process::Pid::from_child(child);
        rustix::process::kill_process(id, rustix::process::Signal::INT).expect("interrupted");
    });
    assert!(output.status.success());
    let result = std::fs::read_to_string(&file).expect("the result");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!((&result["ok"], &result["interrupted"]), (&true.into(), &true.into()));
    let count = |what: &str| result["messages"][what].as_u64().expect("a number");
    assert!(count("due") >= 20, "{result}");
    assert_eq!((count("sent"), count("received")), (count("due"), count("due")), "{result}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_the_run_with_a_failure() {
    let house = House::new().await;
    let tcp = house.server.tcp_address().to_string();
    let mut command = odnix_client(&tcp, house.server.public_key());
    command.args(["--rate", "20", "--seconds", "600"]);
    let (runtime, mut server) = (tokio::runtime::Handle::current(), Some(house.server));
    let output = run_and_in_its_first_second(command, |_| {
        let server = server.take().expect("one first second");
        runtime.spawn(server.shutdown());
    });
    assert_eq!(output.status.code(), Some(1));
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(table.contains(" times: a connection is lost: "), "{table}");
}
