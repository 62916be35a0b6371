-- Hooks that Procore posts to, and every delivery that was accepted from them.

CREATE TABLE hooks (
    id             TEXT PRIMARY KEY,
    environment    TEXT NOT NULL,
    company_id     INTEGER NOT NULL,
    project_id     INTEGER,
    principal      TEXT NOT NULL,
    procore_id     TEXT,
    resource_names TEXT NOT NULL CHECK (json_valid(resource_names)),
    secret_hash    TEXT NOT NULL,
    previous_hash  TEXT,
    previous_until TEXT,
    created_at     TEXT NOT NULL
) STRICT;

CREATE INDEX hooks_by_environment ON hooks (environment, created_at, id);

CREATE TABLE deliveries (
    id          TEXT PRIMARY KEY,
    hook_id     TEXT NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
    event_id    TEXT NOT NULL,
    event       TEXT NOT NULL CHECK (json_valid(event)),
    received_at TEXT NOT NULL,
    UNIQUE (hook_id, event_id)
) STRICT;

CREATE INDEX deliveries_by_hook ON deliveries (hook_id, received_at);
