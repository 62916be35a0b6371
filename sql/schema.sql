-- The schema as the migrations leave it. For reading; nothing runs this file and a test keeps it true.

CREATE TABLE schema_migrations (
    number     INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    checksum   TEXT NOT NULL,
    applied_at TEXT NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    role         TEXT NOT NULL CHECK (role IN ('viewer', 'builder', 'approver', 'admin')),
    bearer_hash  TEXT NOT NULL UNIQUE,
    preview      TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    expires_at   TEXT,
    last_used_at TEXT,
    revoked_at   TEXT
) STRICT;

CREATE TABLE workflows (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    description    TEXT NOT NULL,
    status         TEXT NOT NULL CHECK (status IN ('draft', 'active', 'paused', 'error')),
    environment    TEXT NOT NULL,
    company_id     INTEGER,
    project_id     INTEGER,
    run_as         TEXT,
    trigger        TEXT CHECK (trigger IS NULL OR json_valid(trigger)),
    variables      TEXT NOT NULL CHECK (json_valid(variables)),
    draft_version  INTEGER NOT NULL CHECK (draft_version >= 1),
    active_version INTEGER CHECK (active_version >= 1),
    created_by     TEXT NOT NULL,
    created_at     TEXT NOT NULL,
    updated_at     TEXT NOT NULL,
    search_text    TEXT NOT NULL -- name and description, case-folded by Python: SQLite's lower() knows only ASCII
, status_reason TEXT) STRICT;

CREATE INDEX workflows_by_status ON workflows (status, updated_at DESC, id);

CREATE INDEX workflows_by_project ON workflows (project_id, updated_at DESC, id);

CREATE TABLE workflow_actions (
    workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    sequence    INTEGER NOT NULL CHECK (sequence >= 1),
    key         TEXT NOT NULL,
    type        TEXT NOT NULL,
    action      TEXT NOT NULL CHECK (json_valid(action)),
    PRIMARY KEY (workflow_id, sequence),
    UNIQUE (workflow_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    principal  TEXT NOT NULL,
    tool       TEXT NOT NULL,
    key        TEXT NOT NULL,
    digest     TEXT NOT NULL,
    result     TEXT NOT NULL CHECK (json_valid(result)),
    created_at TEXT NOT NULL,
    PRIMARY KEY (principal, tool, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

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
    finished_at TEXT, touches TEXT CHECK (touches IS NULL OR json_valid(touches)),
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
, skipped INTEGER NOT NULL DEFAULT 0, skipped_at TEXT) STRICT;

CREATE INDEX schedules_due ON schedules (due_at);

CREATE TABLE polls (
    workflow_id TEXT PRIMARY KEY REFERENCES workflows (id) ON DELETE CASCADE,
    every_s     INTEGER NOT NULL CHECK (every_s > 0),
    watermark   TEXT NOT NULL, -- changes up to here have been seen
    due_at      TEXT NOT NULL
) STRICT;

CREATE INDEX polls_due ON polls (due_at);

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
    received_at TEXT NOT NULL, execution_id TEXT, outcome TEXT NOT NULL DEFAULT 'accepted'
    CHECK (outcome IN ('accepted', 'started', 'ignored', 'filtered', 'quarantined', 'failed')), reason TEXT,
    UNIQUE (hook_id, event_id)
) STRICT;

CREATE INDEX deliveries_by_hook ON deliveries (hook_id, received_at);

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

CREATE INDEX executions_by_status ON executions (status, started_at DESC);

CREATE INDEX executions_by_start ON executions (started_at DESC, id DESC);

CREATE UNIQUE INDEX executions_by_key ON executions (workflow_id, key) WHERE key IS NOT NULL;

CREATE INDEX executions_queued ON executions (priority DESC, started_at, id) WHERE status = 'queued';

CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL;

CREATE INDEX executions_by_parent ON executions (parent_id) WHERE parent_id IS NOT NULL;

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
    due_at       TEXT, ends INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (execution_id, key, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE execution_events (
    execution_id TEXT NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    sequence     INTEGER NOT NULL,
    at           TEXT NOT NULL,
    kind         TEXT NOT NULL,
    step         TEXT,
    text         TEXT NOT NULL, actor TEXT,
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
    comment       TEXT, workflow_id TEXT, project_id INTEGER,
    UNIQUE (execution_id, step, item)
) STRICT;

CREATE INDEX approvals_pending ON approvals (expires_at) WHERE status = 'pending';

CREATE INDEX approvals_to_remind ON approvals (remind_at) WHERE status = 'pending' AND remind_at IS NOT NULL;

CREATE INDEX approvals_by_time ON approvals (created_at DESC, id DESC);

CREATE INDEX approvals_by_status ON approvals (status, created_at DESC, id DESC);

CREATE INDEX approvals_untold ON approvals (created_at) WHERE status = 'pending' AND told_at IS NULL;

CREATE UNIQUE INDEX approvals_of_calls ON approvals (call) WHERE call IS NOT NULL;

CREATE TABLE approval_links (
    token_hash  TEXT PRIMARY KEY,
    approval_id TEXT NOT NULL REFERENCES approvals (id) ON DELETE CASCADE,
    approver    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_links_by_approval ON approval_links (approval_id);

CREATE TABLE workflow_state (
    workflow_id TEXT NOT NULL REFERENCES workflows (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    value       TEXT NOT NULL CHECK (json_valid(value)),
    updated_at  TEXT NOT NULL,
    PRIMARY KEY (workflow_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE holds (
    scope      TEXT NOT NULL CHECK (scope IN ('all', 'project', 'connection')),
    subject    TEXT NOT NULL DEFAULT '',
    held_by    TEXT NOT NULL,
    held_at    TEXT NOT NULL,
    PRIMARY KEY (scope, subject)
) STRICT, WITHOUT ROWID;

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

CREATE INDEX deliveries_accepted ON deliveries (received_at) WHERE outcome = 'accepted';

CREATE INDEX intents_by_tool ON intents (tool, finished_at) WHERE state = 'done';

CREATE TABLE duration_bins (
    from_ms REAL PRIMARY KEY,
    bin     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_series (
    id          INTEGER PRIMARY KEY,
    workflow_id TEXT NOT NULL, -- '' is every workflow, those that were deleted too
    project_id  INTEGER NOT NULL, -- 0 is every project, and none
    step        TEXT NOT NULL,
    type        TEXT NOT NULL,
    UNIQUE (workflow_id, project_id, step, type)
) STRICT;

CREATE TABLE rollups (
    series_id  INTEGER NOT NULL,
    width_s    INTEGER NOT NULL CHECK (width_s IN (3600, 86400)),
    start_s    INTEGER NOT NULL, -- Unix time
    status     TEXT NOT NULL,
    bin        INTEGER NOT NULL, -- of duration_bins; 0 for all of steps, which would be too many; -1 without a duration
    many       INTEGER NOT NULL,
    total_ms   REAL NOT NULL,
    max_ms     REAL NOT NULL,
    attempts   INTEGER NOT NULL, -- of steps
    requests   INTEGER NOT NULL, -- of executions, sent to Procore
    waiting_ms REAL NOT NULL, -- of executions: what of their durations no step's body accounts for
    PRIMARY KEY (series_id, width_s, start_s, status, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE rollup_waiting (
    place        INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL
) STRICT;

CREATE TRIGGER executions_ended
AFTER UPDATE OF status ON executions
WHEN new.status IN ('completed', 'failed', 'cancelled')
 AND old.status NOT IN ('completed', 'failed', 'cancelled')
 AND new.mode = 'live'
BEGIN
    INSERT INTO rollup_waiting (execution_id) VALUES (new.id);
END;

CREATE TRIGGER workflows_leave_no_rollups
AFTER DELETE ON workflows
BEGIN
    DELETE FROM rollups WHERE series_id IN (SELECT id FROM rollup_series WHERE workflow_id = old.id);
    DELETE FROM rollup_series WHERE workflow_id = old.id;
END;

CREATE VIEW rollup_parts AS
SELECT rollup_waiting.place,
       executions.workflow_id,
       executions.project_id,
       '' AS step,
       '' AS type,
       unixepoch(executions.started_at) AS started_s,
       executions.status,
       coalesce((SELECT bin FROM duration_bins WHERE from_ms <= executions.duration_ms ORDER BY from_ms DESC LIMIT 1),
                -1) AS bin,
       coalesce(executions.duration_ms, 0.0) AS duration_ms,
       0 AS attempts,
       executions.requests,
       max(0.0, coalesce(executions.duration_ms, 0.0) - (SELECT total(steps.duration_ms)
                                                           FROM steps
                                                          WHERE steps.execution_id = executions.id)) AS waiting_ms
  FROM rollup_waiting
 CROSS JOIN executions ON executions.id = rollup_waiting.execution_id
 UNION ALL
SELECT rollup_waiting.place,
       executions.workflow_id,
       executions.project_id,
       steps.key,
       steps.type,
       unixepoch(executions.started_at),
       steps.status,
       CASE WHEN steps.duration_ms IS NULL THEN -1 ELSE 0 END,
       coalesce(steps.duration_ms, 0.0),
       steps.attempts,
       0,
       0.0
  FROM rollup_waiting
 CROSS JOIN executions ON executions.id = rollup_waiting.execution_id
 CROSS JOIN steps ON steps.execution_id = executions.id
 WHERE steps.item = -1
   AND steps.status NOT IN ('running', 'waiting');

CREATE INDEX executions_by_workflow ON executions (workflow_id, started_at DESC, id DESC, status, mode, project_id);

CREATE INDEX executions_by_project ON executions (project_id, started_at DESC, id DESC, status, mode)
    WHERE project_id IS NOT NULL;

CREATE INDEX executions_of_tests ON executions (started_at DESC, id DESC) WHERE mode = 'simulate';

CREATE INDEX executions_open ON executions (started_at, status, mode, workflow_id, project_id)
    WHERE status IN ('queued', 'running', 'waiting', 'needs_review');

CREATE INDEX workflows_by_update ON workflows (updated_at DESC, id, search_text, status, project_id);

CREATE INDEX approvals_of_workflows ON approvals (workflow_id, created_at) WHERE workflow_id IS NOT NULL;

CREATE TABLE refusals (
    hook_id  TEXT PRIMARY KEY REFERENCES hooks (id) ON DELETE CASCADE,
    many     INTEGER NOT NULL CHECK (many > 0),
    reason   TEXT NOT NULL,
    first_at TEXT NOT NULL,
    last_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX alerts_by_workflow ON alerts (workflow_id, created_at DESC);

CREATE TRIGGER audit_never_changes
BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit log never changes');
END;

CREATE TRIGGER audit_never_shrinks
BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'an entry of the audit log is never removed');
END;

CREATE TABLE audit_end (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    sequence INTEGER NOT NULL,
    hash     TEXT NOT NULL
) STRICT;

CREATE TRIGGER audit_notes_its_end
AFTER INSERT ON audit
BEGIN
    INSERT INTO audit_end (one, sequence, hash)
    VALUES (1, NEW.sequence, NEW.hash)
        ON CONFLICT (one) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash;
END;

CREATE TABLE alert_rules (
    workflow_id TEXT PRIMARY KEY,
    recipients  TEXT NOT NULL CHECK (json_valid(recipients)),
    off         TEXT NOT NULL CHECK (json_valid(off)), -- kinds that nobody is told of
    least       TEXT NOT NULL CHECK (least IN ('warning', 'error', 'critical'))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER alert_rules_go_with_their_workflow
AFTER DELETE ON workflows
BEGIN
    DELETE FROM alert_rules WHERE workflow_id = OLD.id;
END;

CREATE INDEX steps_suspect ON steps (execution_id) WHERE ends > 0 AND status = 'running';
