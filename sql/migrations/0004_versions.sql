-- What was deployed, what starts it, and what ran.

ALTER TABLE workflows ADD COLUMN status_reason TEXT;

CREATE TABLE workflow_versions (
    workflow_id       TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    number            INTEGER NOT NULL CHECK (number >= 1),
    plan_hash         TEXT NOT NULL,
    consent_digest    TEXT NOT NULL,
    requests_per_hour INTEGER NOT NULL CHECK (requests_per_hour >= 0),
    deployed_by       TEXT NOT NULL,
    deployed_at       TEXT NOT NULL,
    consent           TEXT NOT NULL CHECK (json_valid(consent)),
    definition        TEXT NOT NULL CHECK (json_valid(definition)),
    plan              TEXT NOT NULL CHECK (json_valid(plan)),
    PRIMARY KEY (workflow_id, number)
) STRICT;

CREATE TRIGGER workflow_versions_are_final
BEFORE UPDATE ON workflow_versions
BEGIN
    SELECT RAISE(ABORT, 'a version never changes');
END;

CREATE TABLE schedules (
    workflow_id TEXT PRIMARY KEY REFERENCES workflows (id) ON DELETE CASCADE,
    due_at      TEXT NOT NULL
) STRICT;

CREATE INDEX schedules_due ON schedules (due_at);

CREATE TABLE polls (
    workflow_id TEXT PRIMARY KEY REFERENCES workflows (id) ON DELETE CASCADE,
    every_s     INTEGER NOT NULL CHECK (every_s > 0),
    watermark   TEXT NOT NULL, -- changes up to here have been seen
    due_at      TEXT NOT NULL
) STRICT;

CREATE INDEX polls_due ON polls (due_at);

CREATE TABLE executions (
    id           TEXT PRIMARY KEY,
    workflow_id  TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    version      INTEGER CHECK (version >= 1), -- none for a test of the draft
    mode         TEXT NOT NULL CHECK (mode IN ('live', 'simulate')),
    status       TEXT NOT NULL CHECK (status IN (
                     'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'needs_review')),
    started_at   TEXT NOT NULL, -- when it was accepted: waiting in the queue is part of it
    completed_at TEXT,
    trigger      TEXT NOT NULL CHECK (json_valid(trigger)),
    error        TEXT CHECK (error IS NULL OR json_valid(error))
) STRICT;

CREATE INDEX executions_by_workflow ON executions (workflow_id, started_at DESC);
CREATE INDEX executions_by_status ON executions (status, started_at DESC);

-- A hook may start a workflow, and may be posted to by others than Procore. SQLite cannot loosen a column, so both
-- tables are written again. `workflow_id` refers to nothing: a hook outlives its workflow until Procore has removed it.
CREATE TABLE hooks_before AS SELECT * FROM hooks;
CREATE TABLE deliveries_before AS SELECT * FROM deliveries;
DROP TABLE deliveries;
DROP TABLE hooks;

CREATE TABLE hooks (
    id             TEXT PRIMARY KEY,
    source         TEXT NOT NULL CHECK (source IN ('procore', 'custom')),
    state          TEXT NOT NULL CHECK (state IN ('pending', 'live', 'ended')),
    workflow_id    TEXT,
    environment    TEXT NOT NULL,
    company_id     INTEGER,
    project_id     INTEGER,
    principal      TEXT NOT NULL,
    procore_id     TEXT,
    resource_names TEXT NOT NULL CHECK (json_valid(resource_names)),
    secret_hash    TEXT, -- Procore sends the secret itself
    secret_sealed  BLOB, -- others sign with it, so it has to be read again
    previous_hash  TEXT,
    previous_until TEXT,
    created_at     TEXT NOT NULL,
    CHECK (source = 'custom' OR (company_id IS NOT NULL AND secret_hash IS NOT NULL)),
    CHECK (source = 'procore' OR (workflow_id IS NOT NULL AND secret_sealed IS NOT NULL))
) STRICT;

CREATE INDEX hooks_by_environment ON hooks (environment, created_at, id);
CREATE INDEX hooks_by_workflow ON hooks (workflow_id);
CREATE UNIQUE INDEX hooks_one_live ON hooks (workflow_id) WHERE state = 'live' AND workflow_id IS NOT NULL;
CREATE INDEX hooks_not_live ON hooks (environment) WHERE state <> 'live';

CREATE TABLE deliveries (
    id          TEXT PRIMARY KEY,
    hook_id     TEXT NOT NULL REFERENCES hooks (id) ON DELETE CASCADE,
    event_id    TEXT NOT NULL,
    event       TEXT NOT NULL CHECK (json_valid(event)),
    received_at TEXT NOT NULL,
    UNIQUE (hook_id, event_id)
) STRICT;

CREATE INDEX deliveries_by_hook ON deliveries (hook_id, received_at);

INSERT INTO hooks (
    id, source, state, environment, company_id, project_id, principal, procore_id, resource_names, secret_hash,
    previous_hash, previous_until, created_at
)
SELECT id, 'procore', 'live', environment, company_id, project_id, principal, procore_id, resource_names, secret_hash,
       previous_hash, previous_until, created_at
  FROM hooks_before;

INSERT INTO deliveries (id, hook_id, event_id, event, received_at)
SELECT id, hook_id, event_id, event, received_at FROM deliveries_before;

DROP TABLE hooks_before;
DROP TABLE deliveries_before;
