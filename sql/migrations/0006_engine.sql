-- Executions as an engine runs them. The table of 0004 never held a row: nothing ran before there was an engine.
DROP TABLE executions;

CREATE TABLE executions (
    id            TEXT PRIMARY KEY,
    workflow_id   TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    version       INTEGER CHECK (version >= 1), -- none for a test of the draft
    mode          TEXT NOT NULL CHECK (mode IN ('live', 'simulate')),
    status        TEXT NOT NULL CHECK (status IN (
                      'queued', 'running', 'waiting', 'completed', 'failed', 'cancelled', 'needs_review')),
    started_at    TEXT NOT NULL, -- when it was accepted: waiting in the queue is part of it
    completed_at  TEXT,
    trigger       TEXT NOT NULL CHECK (json_valid(trigger)),
    error         TEXT CHECK (error IS NULL OR json_valid(error)),
    duration_ms   REAL, -- on a clock that never goes back, waits included
    plan_hash     TEXT NOT NULL,
    environment   TEXT NOT NULL,
    company_id    INTEGER,
    project_id    INTEGER,
    run_as        TEXT NOT NULL,
    requested_by  TEXT NOT NULL, -- a principal, or what started it: schedule, webhook, poll
    deliver_to    TEXT, -- where a test sends its mail instead: the tester's address
    key           TEXT, -- the same start again finds this execution
    priority      INTEGER NOT NULL DEFAULT 0, -- higher first
    depth         INTEGER NOT NULL DEFAULT 0, -- how many workflows called or set off each other to get here
    parent_id     TEXT REFERENCES executions (id) ON DELETE SET NULL,
    parent_step   TEXT,
    lease         TEXT, -- the engine that carries it out
    recoveries    INTEGER NOT NULL DEFAULT 0, -- times an engine found it running with nobody behind it
    due_at        TEXT, -- when a timer or a retry wakes it
    ending        TEXT CHECK (ending IN ('cancel')), -- what was asked of it while it ran
    requests      INTEGER NOT NULL DEFAULT 0, -- sent to Procore
    CHECK (parent_id IS NULL OR parent_step IS NOT NULL)
) STRICT;

CREATE INDEX executions_by_workflow ON executions (workflow_id, started_at DESC);
CREATE INDEX executions_by_status ON executions (status, started_at DESC);
CREATE INDEX executions_by_start ON executions (started_at DESC, id DESC);
CREATE UNIQUE INDEX executions_by_key ON executions (workflow_id, key) WHERE key IS NOT NULL;
CREATE INDEX executions_queued ON executions (priority DESC, started_at, id) WHERE status = 'queued';
CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX executions_by_parent ON executions (parent_id) WHERE parent_id IS NOT NULL;

-- Plans of tests of a draft; those of versions are in workflow_versions.
CREATE TABLE draft_plans (
    hash TEXT PRIMARY KEY,
    plan TEXT NOT NULL CHECK (json_valid(plan))
) STRICT, WITHOUT ROWID;

CREATE TABLE steps (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    key          TEXT NOT NULL,
    item         INTEGER NOT NULL DEFAULT -1 CHECK (item >= -1), -- -1 is the step, from 0 an item of its for_each
    type         TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN (
                     'running', 'waiting', 'completed', 'simulated', 'failed', 'skipped', 'cancelled', 'uncertain')),
    attempts     INTEGER NOT NULL,
    started_at   TEXT NOT NULL,
    completed_at TEXT,
    duration_ms  REAL,
    output       TEXT CHECK (output IS NULL OR json_valid(output)),
    error        TEXT CHECK (error IS NULL OR json_valid(error)),
    because      TEXT CHECK (because IS NULL OR json_valid(because)), -- why it was skipped: expression and values seen
    waits_for    TEXT CHECK (waits_for IS NULL OR json_valid(waits_for)), -- what, since, who
    due_at       TEXT,
    PRIMARY KEY (execution_id, key, item)
) STRICT, WITHOUT ROWID;

-- What the steps' own rows do not tell: retries, waits, decisions, recoveries, what a person did, lines of notify.log.
CREATE TABLE execution_events (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,
    at           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    step         TEXT,
    text         TEXT NOT NULL,
    PRIMARY KEY (execution_id, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE approvals (
    id            TEXT PRIMARY KEY,
    execution_id  TEXT REFERENCES executions (id) ON DELETE CASCADE, -- none for a tool called under the policy approve
    call          TEXT, -- digest of such a call, by whom and with what; of the latest only
    step          TEXT,
    item          INTEGER NOT NULL DEFAULT -1,
    status        TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
    summary       TEXT NOT NULL,
    shown         TEXT NOT NULL CHECK (json_valid(shown)),
    editable      TEXT NOT NULL CHECK (json_valid(editable)),
    digest        TEXT NOT NULL, -- of what is shown: a decision holds for exactly this
    requested_by  TEXT NOT NULL,
    approvers     TEXT NOT NULL CHECK (json_valid(approvers)),
    wrong_codes   INTEGER NOT NULL DEFAULT 0, -- guesses; the code itself is derived from the key and kept nowhere
    created_at    TEXT NOT NULL,
    expires_at    TEXT NOT NULL,
    on_expiry     TEXT NOT NULL CHECK (on_expiry IN ('reject', 'fail', 'escalate')),
    escalate_to   TEXT CHECK (escalate_to IS NULL OR json_valid(escalate_to)),
    remind_at     TEXT,
    told_at       TEXT, -- when the approvers were last told
    decided_at    TEXT,
    decided_by    TEXT,
    decided_how   TEXT, -- form, code, link, terminal
    edits         TEXT CHECK (edits IS NULL OR json_valid(edits)),
    comment       TEXT,
    UNIQUE (execution_id, step, item)
) STRICT;

CREATE INDEX approvals_pending ON approvals (expires_at) WHERE status = 'pending';
CREATE INDEX approvals_to_remind ON approvals (remind_at) WHERE status = 'pending' AND remind_at IS NOT NULL;
CREATE INDEX approvals_by_time ON approvals (created_at DESC, id DESC);
CREATE INDEX approvals_by_status ON approvals (status, created_at DESC, id DESC);
CREATE INDEX approvals_untold ON approvals (created_at) WHERE status = 'pending' AND told_at IS NULL;
CREATE UNIQUE INDEX approvals_of_calls ON approvals (call) WHERE call IS NOT NULL;

-- A link to one named approver's confirmation page; after the decision it shows that and no more.
CREATE TABLE approval_links (
    token_hash  TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    approver    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_links_by_approval ON approval_links (approval_id);

-- What a workflow remembers from one run to the next.
CREATE TABLE workflow_state (
    workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL CHECK (json_valid(value)),
    updated_at  TEXT NOT NULL,
    PRIMARY KEY (workflow_id, name)
) STRICT, WITHOUT ROWID;

-- Who is held by pause_all: everything (scope all), a project or a connection.
CREATE TABLE holds (
    scope      TEXT NOT NULL CHECK (scope IN ('all', 'project', 'connection')),
    subject    TEXT NOT NULL DEFAULT '',
    held_by    TEXT NOT NULL,
    held_at    TEXT NOT NULL,
    PRIMARY KEY (scope, subject)
) STRICT, WITHOUT ROWID;

-- Owner alerts wait here until they are told, so that several of one hour become one.
CREATE TABLE alerts (
    id          TEXT PRIMARY KEY,
    workflow_id TEXT REFERENCES workflows (id) ON DELETE CASCADE,
    kind        TEXT NOT NULL,
    text        TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    told_at     TEXT
) STRICT;

CREATE INDEX alerts_untold ON alerts (created_at) WHERE told_at IS NULL;
CREATE INDEX alerts_told ON alerts (workflow_id, told_at) WHERE told_at IS NOT NULL;

-- What became of a delivery: the execution it started, or why it started none.
ALTER TABLE deliveries ADD COLUMN execution_id TEXT;
ALTER TABLE deliveries ADD COLUMN outcome TEXT NOT NULL DEFAULT 'accepted'
    CHECK (outcome IN ('accepted', 'started', 'ignored', 'filtered', 'quarantined', 'failed'));
ALTER TABLE deliveries ADD COLUMN reason TEXT;
CREATE INDEX deliveries_accepted ON deliveries (received_at) WHERE outcome = 'accepted';

CREATE INDEX intents_by_tool ON intents (tool, finished_at) WHERE state = 'done';
