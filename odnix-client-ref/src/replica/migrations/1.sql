-- The local replica: its first schema version. Later versions are steps from here.

-- One row: who this device is.
CREATE TABLE device (
    id                 INTEGER PRIMARY KEY CHECK (id = 1),
    server_fingerprint INTEGER NOT NULL,
    auth_key           BLOB CHECK (length(auth_key) = 256),
    server_salt        INTEGER NOT NULL DEFAULT 0,
    time_offset_us     INTEGER NOT NULL DEFAULT 0,
    session_id         INTEGER,
    self_user_id       INTEGER
) STRICT;

-- One row: how much of the mailbox's log this replica holds. Moves in the same transaction
-- as the rows it vouches for, and never backwards.
CREATE TABLE checkpoint (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    pts  INTEGER NOT NULL,
    date INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id          INTEGER PRIMARY KEY,
    access_hash INTEGER NOT NULL,
    username    TEXT NOT NULL,
    first_name  TEXT NOT NULL,
    contact     INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_username ON users (username COLLATE NOCASE);

-- `arrival` is the order in which this replica learned of the messages: a user interface
-- that remembers the last one it showed finds what is new.
CREATE TABLE messages (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    id      INTEGER NOT NULL UNIQUE,
    peer_id INTEGER NOT NULL,
    from_id INTEGER NOT NULL,
    out     INTEGER NOT NULL,
    date    INTEGER NOT NULL,
    text    TEXT NOT NULL,
    media   TEXT
) STRICT;
CREATE INDEX messages_by_peer ON messages (peer_id, id);

CREATE TABLE dialogs (
    peer_id            INTEGER PRIMARY KEY,
    read_inbox_max_id  INTEGER NOT NULL DEFAULT 0,
    read_outbox_max_id INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Messages handed to this client whose delivery is not yet known. After a crash each is sent
-- again under its random_id, which the server executes exactly once.
CREATE TABLE pending_sends (
    position  INTEGER PRIMARY KEY AUTOINCREMENT,
    random_id INTEGER NOT NULL UNIQUE,
    peer_id   INTEGER NOT NULL,
    text      TEXT NOT NULL
) STRICT;
