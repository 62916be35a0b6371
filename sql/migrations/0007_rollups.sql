-- Statistics of a million executions without reading them: roll-ups per hour and day.

-- A duration's place on a logarithmic scale: each bin begins 5 % above the one before, from a hundredth of a millisecond
-- to a hundred days. A table, since not every build of SQLite has ln().
CREATE TABLE duration_bins (
    from_ms REAL PRIMARY KEY,
    bin     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO duration_bins (from_ms, bin)
WITH RECURSIVE edges (from_ms, bin) AS (
    SELECT 0.01, 1
     UNION ALL
    SELECT from_ms * 1.05, bin + 1 FROM edges WHERE from_ms < 8640000000.0
)
SELECT 0.0, 0
 UNION ALL
SELECT from_ms, bin FROM edges;

-- What is counted: whole executions (no type), the steps of one workflow by key and type, those of all by type alone.
CREATE TABLE rollup_series (
    id          INTEGER PRIMARY KEY,
    workflow_id TEXT NOT NULL, -- '' is every workflow, those that were deleted too
    project_id  INTEGER NOT NULL, -- 0 is every project, and none
    step        TEXT NOT NULL,
    type        TEXT NOT NULL,
    UNIQUE (workflow_id, project_id, step, type)
) STRICT;

-- Live executions that ended for good, by the hour and the day (UTC) in which they were accepted. They outlive the rows
-- that they count. To need review is no end: those few are read from the executions themselves.
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

-- Ended, and not in the roll-ups yet: written with the end, whoever writes it. Sixty ends touch hardly more pages of the
-- roll-ups than one does, so they are added together; whoever asks meanwhile reads these as well.
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

-- Those that ended before there were roll-ups.
INSERT INTO rollup_waiting (execution_id)
SELECT id FROM executions WHERE status IN ('completed', 'failed', 'cancelled') AND mode = 'live';

CREATE TRIGGER workflows_leave_no_rollups
AFTER DELETE ON workflows
BEGIN
    DELETE FROM rollups WHERE series_id IN (SELECT id FROM rollup_series WHERE workflow_id = old.id);
    DELETE FROM rollup_series WHERE workflow_id = old.id;
END;

-- What each of the waiting adds: itself and its steps. Items of a for_each are told by their step.
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

-- Lists of a million: what is filtered by is in the index, so that a row is read only to be shown.
DROP INDEX executions_by_workflow;
CREATE INDEX executions_by_workflow ON executions (workflow_id, started_at DESC, id DESC, status, mode, project_id);
CREATE INDEX executions_by_project ON executions (project_id, started_at DESC, id DESC, status, mode)
    WHERE project_id IS NOT NULL;
CREATE INDEX executions_of_tests ON executions (started_at DESC, id DESC) WHERE mode = 'simulate';
CREATE INDEX executions_open ON executions (started_at, status, mode, workflow_id, project_id)
    WHERE status IN ('queued', 'running', 'waiting', 'needs_review');

-- Workflows are looked for by a text together with any other filter, in one pass over this.
DROP INDEX workflows_by_update;
CREATE INDEX workflows_by_update ON workflows (updated_at DESC, id, search_text, status, project_id);

-- Whose question it was, so that decisions are counted without looking up a run for each.
ALTER TABLE approvals ADD COLUMN workflow_id TEXT;

ALTER TABLE approvals ADD COLUMN project_id INTEGER;

UPDATE approvals
   SET (workflow_id, project_id) = (SELECT workflow_id, project_id
                                      FROM executions
                                     WHERE executions.id = approvals.execution_id)
 WHERE execution_id IS NOT NULL;

CREATE INDEX approvals_of_workflows ON approvals (workflow_id, created_at) WHERE workflow_id IS NOT NULL;
