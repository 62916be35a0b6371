-- What people were told: who sent it, to whom, and what became of it. Recipients are masked before they come here.
CREATE TABLE notifications (
    id          TEXT PRIMARY KEY,
    principal   TEXT NOT NULL,
    channel     TEXT NOT NULL CHECK (channel IN ('email', 'slack', 'teams', 'webhook')),
    template    TEXT,
    subject     TEXT NOT NULL,
    recipients  TEXT NOT NULL CHECK (json_valid(recipients)),
    refused     TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(refused)),
    status      TEXT NOT NULL CHECK (status IN ('sending', 'sent', 'failed', 'uncertain')),
    error       TEXT, -- a public code
    message_id  TEXT,
    created_at  TEXT NOT NULL,
    finished_at TEXT
) STRICT;

CREATE INDEX notifications_by_time ON notifications (created_at DESC, id DESC);
CREATE INDEX notifications_by_principal ON notifications (principal, created_at DESC, id DESC);
CREATE INDEX notifications_sending ON notifications (id) WHERE status = 'sending';
