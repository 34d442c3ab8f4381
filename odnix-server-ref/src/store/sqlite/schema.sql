CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT NOT NULL COLLATE NOCASE UNIQUE,
    first_name    TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    -- As the user has last told: here until then, or away since then. Unix seconds.
    online_until  INTEGER,
    was_online    INTEGER
) STRICT;

-- A common history. 'private': that of two users, user_low <= user_high; equal for saved
-- messages. 'small': a group that is copied into the mailbox of each member. 'large': a group
-- with a mailbox of its own.
CREATE TABLE chats (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    kind               TEXT NOT NULL CHECK (kind IN ('private', 'small', 'large')),
    user_low           INTEGER REFERENCES users (id),
    user_high          INTEGER REFERENCES users (id),
    title              TEXT NOT NULL DEFAULT '',
    creator            INTEGER REFERENCES users (id),
    date               INTEGER NOT NULL DEFAULT 0,
    version            INTEGER NOT NULL DEFAULT 1,
    participants_count INTEGER NOT NULL DEFAULT 0,
    message_count      INTEGER NOT NULL DEFAULT 0,
    top_message        INTEGER NOT NULL DEFAULT 0,
    CHECK ((kind = 'private') = (user_low IS NOT NULL)),
    CHECK ((kind = 'private') = (creator IS NULL)),
    CHECK (user_low <= user_high),
    UNIQUE (user_low, user_high)
) STRICT;

CREATE TABLE members (
    chat_id    INTEGER NOT NULL REFERENCES chats (id),
    user_id    INTEGER NOT NULL REFERENCES users (id),
    inviter_id INTEGER NOT NULL REFERENCES users (id),
    date       INTEGER NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) STRICT, WITHOUT ROWID;

-- When somebody was a member of a small group, in message ids, the ends included: what was
-- written meanwhile is what he may read, also later.
CREATE TABLE visits (
    chat_id      INTEGER NOT NULL REFERENCES chats (id),
    user_id      INTEGER NOT NULL REFERENCES users (id),
    from_message INTEGER NOT NULL,
    to_message   INTEGER NOT NULL DEFAULT 9223372036854775807,
    PRIMARY KEY (chat_id, user_id, from_message)
) STRICT, WITHOUT ROWID;

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
    media_content TEXT CHECK (media_content IS NULL OR json_valid(media_content)),
    action        TEXT CHECK (action IS NULL OR json_valid(action)),
    edit_date     INTEGER,
    deleted       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX messages_by_chat ON messages (chat_id, id) WHERE NOT deleted;

-- What an edit replaced.
CREATE TABLE message_versions (
    message_id    INTEGER NOT NULL REFERENCES messages (id),
    version       INTEGER NOT NULL,
    message       TEXT NOT NULL,
    media_content TEXT,
    PRIMARY KEY (message_id, version)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER messages_keep_their_place
BEFORE UPDATE OF id, chat_id, from_id, date, action ON messages
BEGIN
    SELECT RAISE(ABORT, 'only the content of a message may change');
END;
CREATE TRIGGER deleted_messages_stay_deleted BEFORE UPDATE ON messages WHEN old.deleted
BEGIN
    SELECT RAISE(ABORT, 'a deleted message may not change');
END;

-- Deleted by one user for itself.
CREATE TABLE hidden (
    user_id    INTEGER NOT NULL REFERENCES users (id),
    chat_id    INTEGER NOT NULL REFERENCES chats (id),
    message_id INTEGER NOT NULL REFERENCES messages (id),
    PRIMARY KEY (user_id, chat_id, message_id)
) STRICT, WITHOUT ROWID;

-- rowid is the message, `chat` the one word 'c' || chat_id.
CREATE VIRTUAL TABLE words USING fts5 (
    chat, text, content = '', contentless_delete = 1, tokenize = 'unicode61'
);

-- One user's view of a chat. `peer` is the other side: a user, or the group with a minus. Of a
-- large group, only the read mark is kept here.
CREATE TABLE dialogs (
    user_id            INTEGER NOT NULL REFERENCES users (id),
    chat_id            INTEGER NOT NULL REFERENCES chats (id),
    peer               INTEGER NOT NULL,
    top_message        INTEGER NOT NULL,
    read_inbox_max_id  INTEGER NOT NULL DEFAULT 0,
    read_outbox_max_id INTEGER NOT NULL DEFAULT 0,
    unread_count       INTEGER NOT NULL DEFAULT 0 CHECK (unread_count >= 0),
    PRIMARY KEY (user_id, chat_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX dialogs_by_top ON dialogs (user_id, top_message);
CREATE INDEX dialogs_unread ON dialogs (user_id, unread_count) WHERE unread_count > 0;

CREATE INDEX dialogs_by_chat ON dialogs (chat_id, user_id);

CREATE TABLE drafts (
    user_id INTEGER NOT NULL REFERENCES users (id),
    peer    INTEGER NOT NULL,
    message TEXT NOT NULL,
    date    INTEGER NOT NULL,
    PRIMARY KEY (user_id, peer)
) STRICT, WITHOUT ROWID;

-- Of a user, or of a large group (its id with a minus). The log holds what came after
-- dropped_to.
CREATE TABLE mailbox (
    owner      INTEGER PRIMARY KEY,
    pts        INTEGER NOT NULL CHECK (pts BETWEEN 0 AND 2147483647),
    dropped_to INTEGER NOT NULL DEFAULT 0 CHECK (dropped_to BETWEEN 0 AND pts)
) STRICT;

CREATE TABLE update_log (
    owner      INTEGER NOT NULL REFERENCES mailbox (owner),
    pts        INTEGER NOT NULL CHECK (pts > 0),
    pts_count  INTEGER NOT NULL CHECK (pts_count > 0),
    event_type TEXT NOT NULL,
    content    TEXT NOT NULL,
    PRIMARY KEY (owner, pts)
) STRICT, WITHOUT ROWID;

-- What uploads became; the bytes are on disk under their hash.
CREATE TABLE files (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    owner     INTEGER NOT NULL REFERENCES users (id),
    upload    INTEGER NOT NULL,
    sha256    BLOB NOT NULL CHECK (length(sha256) = 32),
    size      INTEGER NOT NULL,
    name      TEXT NOT NULL,
    mime_type TEXT NOT NULL,
    date      INTEGER NOT NULL,
    UNIQUE (owner, upload)
) STRICT;

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
    device_model   TEXT NOT NULL DEFAULT '',
    system_version TEXT NOT NULL DEFAULT '',
    app_version    TEXT NOT NULL DEFAULT '',
    active_at   INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    used_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX sessions_anonymous ON sessions (used_at) WHERE user_id IS NULL;
