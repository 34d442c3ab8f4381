//! Which values the limits may have.

use odnix_proto::{ConfigError, limits::Limits};

type Set = fn(&mut Limits, usize);

const ANY: usize = usize::MAX;
/// Large, and within what sums of memory allow.
const MUCH: usize = 1 << 40;

/// Name, how it is set, and the lowest and the highest value that is taken.
const ROWS: [(&str, Set, usize, usize); 37] = [
    ("packet_bytes_max", set_packet_bytes_max, 4096, 16 << 20),
    ("http_head_bytes_max", |it, value| it.http_head_bytes_max = value, 256, ANY),
    ("http_requests_max", |it, value| it.http_requests_max = value, 2, ANY),
    ("http_wait_max_ms", |it, value| it.http_wait_max_ms = narrow(value), 1, ANY),
    ("container_messages_max", |it, value| it.container_messages_max = value, 1, 1024),
    ("container_bytes_max", |it, value| it.container_bytes_max = value, 1024, 4 << 20),
    ("nesting_max", |it, value| it.nesting_max = value, 3, 64),
    ("inflate_bytes_max", |it, value| it.inflate_bytes_max = value, 1024, MUCH),
    ("ids_max", |it, value| it.ids_max = value, 16, 8192),
    ("packet_ids_max", |it, value| it.packet_ids_max = value, 8192, ANY),
    ("received_ids_max", |it, value| it.received_ids_max = value, 16, MUCH),
    ("msg_id_past_s", |it, value| it.msg_id_past_s = value as u64, 1, ANY),
    ("msg_id_future_s", |it, value| it.msg_id_future_s = value as u64, 1, ANY),
    ("sent_max", |it, value| it.sent_max = value, 1, MUCH),
    ("sent_bytes_max", |it, value| it.sent_bytes_max = value, 1024, MUCH),
    ("notices_bytes_max", |it, value| it.notices_bytes_max = value, 1024, MUCH),
    ("announced_bytes_min", |it, value| it.announced_bytes_min = value, 0, ANY),
    ("calls_max", |it, value| it.calls_max = value, 1, MUCH),
    ("calls_bytes_max", |it, value| it.calls_bytes_max = value, 1024, MUCH),
    ("bindings_max", |it, value| it.bindings_max = value, 1, ANY),
    ("events_max", |it, value| it.events_max = value, 1, MUCH),
    ("events_bytes_max", |it, value| it.events_bytes_max = value, 1024, MUCH),
    ("service_queue_max", |it, value| it.service_queue_max = value, 1, MUCH),
    ("refusals_max", |it, value| it.refusals_max = narrow(value), 0, ANY),
    ("pings_max", |it, value| it.pings_max = value, 1, ANY),
    ("quick_acks_max", |it, value| it.quick_acks_max = value, 1, MUCH),
    ("future_salts_min", |it, value| it.future_salts_min = value, 0, 63),
    ("pending_acks_max", |it, value| it.pending_acks_max = value, 1, 8192),
    ("parked_packets_max", |it, value| it.parked_packets_max = value, 1, ANY),
    ("parked_bytes_max", |it, value| it.parked_bytes_max = value, 1024, ANY),
    ("updates_max", |it, value| it.updates_max = value, 1, ANY),
    ("mailboxes_max", |it, value| it.mailboxes_max = value, 1, ANY),
    ("differences_max", |it, value| it.differences_max = value, 1, ANY),
    ("handshake_retries_max", |it, value| it.handshake_retries_max = narrow(value), 0, ANY),
    ("handshake_answers_max", |it, value| it.handshake_answers_max = value, 1, ANY),
    ("handshake_answers_bytes_max", |it, value| it.handshake_answers_bytes_max = value, 0, ANY),
    ("temporary_key_s_max", |it, value| it.temporary_key_s_max = seconds(value), 1, ANY),
];

/// A container is no longer than a packet.
fn set_packet_bytes_max(limits: &mut Limits, value: usize) {
    limits.packet_bytes_max = value;
    limits.container_bytes_max = limits.container_bytes_max.min(value);
}

fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn seconds(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn validated(set: Set, value: usize) -> Result<(), ConfigError> {
    let mut limits = Limits::default();
    set(&mut limits, value);
    limits.validate()
}

#[test]
fn limits_that_cannot_work_are_named() {
    assert_eq!(Limits::default().validate(), Ok(()));
    for (name, set, lowest, highest) in ROWS {
        for value in [lowest, highest] {
            assert_eq!(validated(set, value), Ok(()), "{name} {value}");
        }
        // What another limit asks of this one is told with the other's name.
        if let Some(below) = lowest.checked_sub(1).filter(|_| name != "ids_max") {
            assert_eq!(validated(set, below), Err(ConfigError::Limit(name)), "{below}");
        }
        if highest < MUCH {
            assert_eq!(validated(set, highest + 1), Err(ConfigError::Limit(name)));
        }
    }
    assert_eq!(
        validated(|it, value| it.ids_max = value, 15),
        Err(ConfigError::Limit("pending_acks_max"))
    );
    assert_eq!(
        validated(|it, value| it.temporary_key_s_max = -seconds(value), 1),
        Err(ConfigError::Limit("temporary_key_s_max"))
    );
}

#[test]
fn sums_that_no_machine_holds_are_named() {
    let cases: [(Set, &str); 2] = [
        (|it, value| it.inflate_bytes_max = value, "session_bytes_max"),
        (|it, value| it.events_bytes_max = value, "client_session_bytes_max"),
    ];
    for (set, sum) in cases {
        assert_eq!(validated(set, ANY), Err(ConfigError::Limit(sum)));
    }
}

#[test]
fn every_limit_has_its_range() {
    let shown = format!("{:?}", Limits::default());
    let fields = shown.trim_start_matches("Limits { ").split(", ");
    let fields: Vec<&str> = fields.map(|field| field.split(": ").next().unwrap()).collect();
    let mut rows: Vec<&str> = ROWS.iter().map(|(name, ..)| *name).collect();
    rows.sort_by_key(|row| fields.iter().position(|field| field == row));
    assert_eq!(rows, fields);
}
