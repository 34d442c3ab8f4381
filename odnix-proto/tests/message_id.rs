//! msg_ids and sequence numbers: what is given out, and what is taken in.

use odnix_proto::Seed;
use odnix_proto::envelope::Side;
use odnix_proto::message_id::{MsgId, MsgIdGenerator, MsgKind, ReceivedIds, SeqNo, Verdict};
use odnix_proto::time::UnixTime;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

/// A client's id for a time, some steps above the smallest.
fn id_at(time: UnixTime, step: i64) -> MsgId {
    let micros = i128::from(time.as_micros());
    MsgId::from_i64(i64::try_from(((micros << 32) / 1_000_000) & !3).unwrap() + 4 * step)
}

/// With the bounds of the specification, in seconds.
fn window_of(from: Side, ids_max: usize) -> ReceivedIds {
    ReceivedIds::new(from, Duration::from_secs(300), Duration::from_secs(30), ids_max)
}

fn window(ids_max: usize) -> ReceivedIds {
    window_of(Side::Client, ids_max)
}

#[test]
fn an_id_names_its_time_and_its_sender() {
    for (kind, low_bits, side) in [
        (MsgKind::Client, 0, Side::Client),
        (MsgKind::ServerAnswer, 1, Side::Server),
        (MsgKind::ServerOther, 3, Side::Server),
    ] {
        let id = MsgIdGenerator::new(0).next(NOW.after(Duration::from_micros(250_000)), kind);
        assert_eq!(id.as_i64() & 3, low_bits);
        assert_eq!(id.as_i64() >> 32, 1_700_000_000);
        assert_eq!((id.as_i64() & 0xffff_ffff) >> 2, 0x1000_0000);
        assert!(id.is_from(side));
        assert!(!id.is_from(if side == Side::Client { Side::Server } else { Side::Client }));
    }
    assert!(!MsgId::from_i64(6).is_from(Side::Client) && !MsgId::from_i64(6).is_from(Side::Server));
}

#[test]
fn the_ids_of_sessions_begun_in_the_same_microsecond_differ_by_their_seed() {
    let ids_of = |seed: u64| -> Vec<MsgId> {
        let mut ids = MsgIdGenerator::jittered(Seed::for_testing(seed));
        (0..20).map(|_| ids.next(NOW, MsgKind::ServerAnswer)).collect()
    };
    let mut seen = BTreeSet::new();
    for seed in 0..50 {
        let ids = ids_of(seed);
        assert_eq!(ids, ids_of(seed), "the same seed, the same ids");
        let late = Duration::from_micros(ids[0].time().as_micros() - NOW.as_micros());
        assert!(late < Duration::from_millis(1), "{late:?}");
        assert!(ids.into_iter().all(|id| seen.insert(id)), "{seed}");
    }
    let mut ids = MsgIdGenerator::jittered(Seed::for_testing(1));
    let last = ids.next(UnixTime::from_micros(u64::MAX), MsgKind::ServerAnswer);
    assert!(ids.next(NOW, MsgKind::ServerAnswer) > last, "also at the end of time");
}

#[test]
fn ids_follow_the_servers_clock() {
    let mut ids = MsgIdGenerator::new(-4_000_000_000);
    assert_eq!(ids.next(NOW, MsgKind::Client).time().as_secs(), NOW.as_secs() - 4000);
    ids.synchronize(NOW, UnixTime::from_secs(1_700_004_000));
    assert_eq!(ids.offset_us(), 4_000_000_000);
    assert_eq!(ids.next(NOW, MsgKind::Client).time().as_secs(), NOW.as_secs() + 4000);
    assert_eq!(ids.server_time(NOW).as_secs(), NOW.as_secs() + 4000);
}

#[test]
fn ids_grow_while_the_clock_stands_and_steps_back() {
    let mut ids = MsgIdGenerator::new(0);
    let mut last = ids.next(NOW, MsgKind::ServerOther);
    for (back_s, kind) in [
        (0, MsgKind::ServerOther),
        (0, MsgKind::ServerAnswer),
        (5, MsgKind::ServerAnswer),
        (9, MsgKind::Client),
    ] {
        let next = ids.next(NOW.before(Duration::from_secs(back_s)), kind);
        assert!(next > last);
        assert_eq!(next.as_i64() >> 2, (last.as_i64() >> 2) + 1);
        last = next;
    }
}

#[test]
fn a_restart_gets_back_below_ids_of_a_wrong_clock() {
    let mut ids = MsgIdGenerator::new(3_600_000_000);
    let early = ids.next(NOW, MsgKind::Client);
    ids.synchronize(NOW, NOW);
    assert!(ids.is_ahead(NOW, 30));
    assert!(ids.next(NOW, MsgKind::Client) > early);
    ids.restart();
    assert!(!ids.is_ahead(NOW, 30));
    let id = ids.next(NOW, MsgKind::Client);
    assert_eq!(id.time().as_secs(), NOW.as_secs());
    assert!(!ids.is_ahead(NOW, 30));
}

#[test]
fn an_id_of_the_last_moment_allowed_is_not_ahead() {
    let mut ids = MsgIdGenerator::default();
    ids.next(NOW.after(Duration::from_secs(30)), MsgKind::Client);
    assert!(!ids.is_ahead(NOW, 30));
    ids.next(NOW.after(Duration::from_secs(30)), MsgKind::Client);
    assert!(ids.is_ahead(NOW, 30));
}

#[test]
fn low_halves_are_never_empty_nor_constant_on_a_clock_of_whole_seconds() {
    let mut ids = MsgIdGenerator::new(0);
    let mut halves = BTreeSet::new();
    for second in 0..4 {
        for _ in 0..4 {
            let id = ids.next(NOW.after(Duration::from_secs(second)), MsgKind::Client);
            assert_ne!(id.as_i64() & 0xffff_ffff, 0);
            halves.insert(id.as_i64() & 0xffff_ffff);
        }
    }
    assert!(halves.len() > 1);
}

#[test]
fn low_halves_are_not_empty_where_ids_run_past_the_end_of_a_second() {
    let last_micro = NOW.after(Duration::from_micros(999_999));
    let mut ids = MsgIdGenerator::new(0);
    let ids: Vec<_> = (0..1100).map(|_| ids.next(last_micro, MsgKind::Client).as_i64()).collect();
    assert_eq!(ids.last().unwrap() >> 32, 1_700_000_001);
    assert!(ids.iter().all(|id| id & 0xffff_ffff != 0));
}

#[test]
fn ids_still_grow_at_the_end_of_time() {
    let mut ids = MsgIdGenerator::new(i64::MAX);
    let bits = |id: MsgId| u64::from_le_bytes(id.as_i64().to_le_bytes());
    let mut last = 0;
    for _ in 0..1000 {
        let next = bits(ids.next(UnixTime::from_micros(u64::MAX), MsgKind::Client));
        assert!(next > last);
        last = next;
    }
}

#[test]
fn sequence_numbers_count_content_messages() {
    let mut seq_no = SeqNo::new();
    let sent = [false, true, false, false, true, true, false];
    let numbers: Vec<i32> = sent.iter().map(|&content| seq_no.next(content)).collect();
    assert_eq!(numbers, [0, 1, 2, 2, 3, 5, 6]);
    seq_no.skip(32);
    assert_eq!(seq_no.next(true), 71);
}

#[test]
fn the_window_reaches_300_s_back_and_30_s_ahead() {
    let window = window(16);
    let (back, ahead) = (Duration::from_secs(300), Duration::from_secs(30));
    let second = Duration::from_secs(1);
    for (time, verdict) in [
        (NOW, Verdict::Fresh),
        (NOW.before(back).before(second), Verdict::TooLow),
        (NOW.before(back), Verdict::Fresh),
        (NOW.before(back).after(second), Verdict::Fresh),
        (NOW.after(ahead).before(second), Verdict::Fresh),
        (NOW.after(ahead), Verdict::Fresh),
        (NOW.after(ahead).after(second), Verdict::TooHigh),
        (UnixTime::from_secs(1), Verdict::TooLow),
        (UnixTime::from_secs(0x7fff_ffff), Verdict::TooHigh),
    ] {
        assert_eq!(window.check(Some(NOW), id_at(time, 1)), verdict, "{time:?}");
        assert_eq!(window.check(None, id_at(time, 1)), Verdict::Fresh, "{time:?}");
    }
}

#[test]
fn ids_of_the_wrong_sender_or_without_a_fraction_are_refused() {
    let id = id_at(NOW, 1).as_i64();
    for (low_bits, client, server) in [
        (0, Verdict::Fresh, Verdict::WrongParity),
        (1, Verdict::WrongParity, Verdict::Fresh),
        (2, Verdict::WrongParity, Verdict::WrongParity),
        (3, Verdict::WrongParity, Verdict::Fresh),
    ] {
        for (from, verdict) in [(Side::Client, client), (Side::Server, server)] {
            let window = window_of(from, 4);
            assert_eq!(window.check(Some(NOW), MsgId::from_i64(id | low_bits)), verdict);
        }
    }
    assert_eq!(window(4).check(Some(NOW), id_at(NOW, 0)), Verdict::EmptyLowBits);
}

#[test]
fn an_id_is_taken_once_and_a_check_leaves_no_trace() {
    let mut window = window(16);
    let id = id_at(NOW, 7);
    assert_eq!(window.check(Some(NOW), id), Verdict::Fresh);
    assert_eq!(window.check(Some(NOW), id), Verdict::Fresh);
    window.record(id);
    assert!(window.contains(id));
    assert_eq!(window.check(Some(NOW), id), Verdict::Duplicate);
    assert_eq!(window.check(None, id), Verdict::Duplicate);
    let much_later = NOW.after(Duration::from_secs(4000));
    assert_eq!(window.check(Some(much_later), id), Verdict::Duplicate);
}

#[test]
fn ids_arrive_in_any_order_while_the_window_has_room() {
    let mut window = window(8);
    for step in [5, 2, 9, 1, 7] {
        assert_eq!(window.check(Some(NOW), id_at(NOW, step)), Verdict::Fresh);
        window.record(id_at(NOW, step));
    }
}

#[test]
fn below_a_full_window_every_id_is_too_old() {
    let mut window = window(4);
    for step in [10, 20, 30, 40] {
        window.record(id_at(NOW, step));
    }
    assert_eq!(window.check(Some(NOW), id_at(NOW, 9)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 25)), Verdict::Fresh);
    window.record(id_at(NOW, 50));
    assert_eq!(window.check(Some(NOW), id_at(NOW, 10)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 15)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 20)), Verdict::Duplicate);
}

#[test]
fn a_floor_counts_as_received_and_is_never_lowered() {
    let mut window = window(4);
    assert_eq!(window.highest(), None);
    window.record(id_at(NOW, 10));
    assert_eq!(window.highest(), Some(id_at(NOW, 10)));
    window.raise_floor(id_at(NOW, 20));
    window.raise_floor(id_at(NOW, 15));
    assert_eq!(window.highest(), Some(id_at(NOW, 20)));
    assert_eq!(window.check(Some(NOW), id_at(NOW, 20)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 21)), Verdict::Fresh);
    window.record(id_at(NOW, 21));
    assert_eq!(window.highest(), Some(id_at(NOW, 21)));
}

#[test]
fn a_window_of_no_ids_demands_growing_ids() {
    let mut window = window(0);
    window.record(id_at(NOW, 5));
    assert_eq!(window.check(Some(NOW), id_at(NOW, 5)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 4)), Verdict::TooOld);
    assert_eq!(window.check(Some(NOW), id_at(NOW, 6)), Verdict::Fresh);
}

proptest! {
    #[test]
    fn generated_ids_always_grow_and_pass_the_check(
        clock in prop::collection::vec(0..2_000_000_u64, 1..100),
    ) {
        let mut ids = MsgIdGenerator::new(0);
        let mut last = MsgId::from_i64(0);
        for offset_us in clock {
            let id = ids.next(NOW.after(Duration::from_micros(offset_us)), MsgKind::Client);
            prop_assert!(id > last);
            prop_assert_eq!(window(4).check(Some(NOW), id), Verdict::Fresh);
            last = id;
        }
    }

    /// Against a model that remembers every id for ever: nothing is taken twice.
    #[test]
    fn no_id_is_ever_taken_twice(
        steps in prop::collection::vec(1..60_i64, 1..300),
        ids_max in 0..12_usize,
    ) {
        let mut window = window(ids_max);
        let mut taken = BTreeSet::new();
        for step in steps {
            let id = id_at(NOW, step);
            let verdict = window.check(Some(NOW), id);
            match verdict {
                Verdict::Fresh => prop_assert!(taken.insert(id)),
                Verdict::Duplicate => prop_assert!(taken.contains(&id)),
                Verdict::TooOld => {
                    // Only below the ids_max newest ones taken.
                    prop_assert!(taken.iter().filter(|&&other| other > id).count() >= ids_max);
                }
                other => prop_assert!(false, "{:?}", other),
            }
            if verdict == Verdict::Fresh {
                window.record(id);
            }
        }
    }
}
