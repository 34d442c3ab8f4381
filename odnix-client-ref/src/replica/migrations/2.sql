-- From version 1 to 2: groups, edits, drafts, and messages that wait to be sent.

ALTER TABLE messages ADD COLUMN action TEXT;
ALTER TABLE messages ADD COLUMN edit_date INTEGER;

-- A group as the server last described it; a higher version is newer.
CREATE TABLE chats (
    id                 INTEGER PRIMARY KEY CHECK (id > 0),
    title              TEXT NOT NULL,
    left_it            INTEGER NOT NULL,
    creator            INTEGER NOT NULL,
    large              INTEGER NOT NULL,
    date               INTEGER NOT NULL,
    participants_count INTEGER NOT NULL,
    version            INTEGER NOT NULL,
    pts                INTEGER NOT NULL
) STRICT;

-- How much of the log of a large group's mailbox this replica holds. Moves as `checkpoint` does.
CREATE TABLE chat_checkpoints (
    chat_id INTEGER PRIMARY KEY,
    pts     INTEGER NOT NULL
) STRICT;

CREATE TABLE drafts (
    peer_id INTEGER PRIMARY KEY,
    text    TEXT NOT NULL,
    date    INTEGER NOT NULL
) STRICT;

-- When the message was given, and why the server has refused it for good.
ALTER TABLE pending_sends ADD COLUMN date INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pending_sends ADD COLUMN error TEXT;
