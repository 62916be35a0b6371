-- Account links to Procore with their sealed tokens; every outside effect with its intent and its audit row.

CREATE TABLE connections (
    id             TEXT PRIMARY KEY,
    principal      TEXT NOT NULL,
    environment    TEXT NOT NULL,
    grant_type     TEXT NOT NULL CHECK (grant_type IN ('authorization_code', 'client_credentials')),
    client_id      TEXT NOT NULL,
    company_id     INTEGER,
    user_id        INTEGER,
    login          TEXT,
    access_sealed  BLOB,
    refresh_sealed BLOB,
    expires_at     TEXT,
    last_check     TEXT CHECK (last_check IS NULL OR json_valid(last_check)),
    created_at     TEXT NOT NULL,
    UNIQUE (principal, environment)
) STRICT;

CREATE TABLE intents (
    id          TEXT PRIMARY KEY,
    principal   TEXT NOT NULL,
    tool        TEXT NOT NULL,
    key         TEXT NOT NULL,
    digest      TEXT NOT NULL,
    summary     TEXT NOT NULL,
    shown       TEXT NOT NULL CHECK (json_valid(shown)),
    targets     TEXT NOT NULL CHECK (json_valid(targets)),
    state       TEXT NOT NULL CHECK (state IN ('intended', 'done', 'failed', 'uncertain')),
    outcome     TEXT CHECK (outcome IS NULL OR json_valid(outcome)),
    created_at  TEXT NOT NULL,
    finished_at TEXT,
    UNIQUE (principal, tool, key)
) STRICT;

CREATE INDEX intents_open ON intents (created_at) WHERE state = 'intended';

CREATE TABLE audit (
    sequence  INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    principal TEXT NOT NULL,
    action    TEXT NOT NULL,
    outcome   TEXT NOT NULL CHECK (outcome IN ('done', 'failed', 'uncertain', 'declined')),
    summary   TEXT NOT NULL,
    targets   TEXT NOT NULL CHECK (json_valid(targets)),
    intent_id TEXT,
    previous  TEXT NOT NULL,
    hash      TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_principal ON audit (principal, sequence);
