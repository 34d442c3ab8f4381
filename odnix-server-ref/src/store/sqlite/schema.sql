CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT NOT NULL COLLATE NOCASE UNIQUE,
    first_name    TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT;

-- The common history of two users, user_low <= user_high; equal for saved messages.
CREATE TABLE chats (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    kind          TEXT NOT NULL CHECK (kind IN ('private')),
    user_low      INTEGER NOT NULL REFERENCES users (id),
    user_high     INTEGER NOT NULL REFERENCES users (id),
    message_count INTEGER NOT NULL DEFAULT 0,
    CHECK (user_low <= user_high),
    UNIQUE (user_low, user_high)
) STRICT;

CREATE TABLE contacts (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    contact_id INTEGER NOT NULL REFERENCES users (id),
    PRIMARY KEY (user_id, contact_id)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an id is never given out twice, so ids rise in commit order.
CREATE TABLE messages (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    chat_id       INTEGER NOT NULL REFERENCES chats (id),
    from_id       INTEGER NOT NULL REFERENCES users (id),
    date          INTEGER NOT NULL,
    message       TEXT NOT NULL,
    media_content TEXT CHECK (media_content IS NULL OR json_valid(media_content))
) STRICT;
CREATE INDEX messages_by_chat ON messages (chat_id, id);
CREATE INDEX messages_by_author ON messages (chat_id, from_id, id);

CREATE TRIGGER messages_are_immutable BEFORE UPDATE ON messages
BEGIN
    SELECT RAISE(ABORT, 'messages are immutable');
END;

CREATE TABLE dialogs (
    user_id            INTEGER NOT NULL REFERENCES users (id),
    chat_id            INTEGER NOT NULL REFERENCES chats (id),
    peer_id            INTEGER NOT NULL REFERENCES users (id),
    top_message        INTEGER NOT NULL REFERENCES messages (id),
    read_inbox_max_id  INTEGER NOT NULL DEFAULT 0,
    read_outbox_max_id INTEGER NOT NULL DEFAULT 0,
    unread_count       INTEGER NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
    PRIMARY KEY (user_id, chat_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dialogs_by_top ON dialogs (user_id, top_message);
CREATE INDEX dialogs_unread ON dialogs (user_id, unread_count) WHERE unread_count > 0;

CREATE TABLE mailbox (
    user_id INTEGER PRIMARY KEY REFERENCES users (id),
    pts     INTEGER NOT NULL CHECK (pts BETWEEN 0 AND 2147483647)
) STRICT;

CREATE TABLE update_log (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    pts        INTEGER NOT NULL CHECK (pts > 0),
    pts_count  INTEGER NOT NULL CHECK (pts_count > 0),
    event_type TEXT NOT NULL,
    content    TEXT NOT NULL,
    PRIMARY KEY (user_id, pts)
) STRICT, WITHOUT ROWID;

CREATE TABLE sent (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    random_id  INTEGER NOT NULL,
    message_id INTEGER NOT NULL REFERENCES messages (id),
    pts        INTEGER NOT NULL,
    PRIMARY KEY (user_id, random_id)
) STRICT, WITHOUT ROWID;

-- used_at is in microseconds and only kept up for keys nobody is logged in with.
CREATE TABLE sessions (
    auth_key_id BLOB NOT NULL PRIMARY KEY CHECK (length(auth_key_id) = 8),
    auth_key    BLOB NOT NULL CHECK (length(auth_key) = 256),
    server_salt INTEGER NOT NULL,
    dc          INTEGER NOT NULL,
    user_id     INTEGER REFERENCES users (id),
    layer       INTEGER,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_anonymous ON sessions (used_at) WHERE user_id IS NULL;
