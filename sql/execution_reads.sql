-- name: page :many
-- Newest first along the index by start; the other filters are checked row by row, one row more than shown is read.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE (started_at, id) < (:before_at, :before_id)
   AND started_at >= :since
   AND (:project_id IS NULL OR project_id = :project_id)
   AND (:mode IS NULL OR mode = :mode)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: page_by_workflow :many
-- As page; apart so that the workflow leads the index. Rows of one microsecond are sorted after reading, no others.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE workflow_id = :workflow_id
   AND started_at <= :before_at
   AND started_at >= :since
   AND (started_at, id) < (:before_at, :before_id)
   AND (:status IS NULL OR status = :status)
   AND (:project_id IS NULL OR project_id = :project_id)
   AND (:mode IS NULL OR mode = :mode)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: page_by_status :many
-- As page; apart so that the status leads the index: what waits is found among a million that ended.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE status = :status
   AND started_at <= :before_at
   AND started_at >= :since
   AND (started_at, id) < (:before_at, :before_id)
   AND (:project_id IS NULL OR project_id = :project_id)
   AND (:mode IS NULL OR mode = :mode)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: whole :one
-- One execution as people see it, and whether pause_all holds it.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, trigger, error, project_id,
       run_as, requested_by, lease, recoveries, due_at, ending, parent_id, requests,
       EXISTS (SELECT 1
                 FROM holds
                WHERE scope = 'all'
                   OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                   OR (scope = 'connection' AND subject = executions.run_as)) AS is_held
  FROM executions
 WHERE id = :id;

-- name: of_delivery :value
-- What a delivery started.
SELECT execution_id FROM deliveries WHERE id = :id;

-- name: steps :many
-- In the order in which they began. Items of a for_each that went well are told by their step.
SELECT key, item, type, status, attempts, started_at, completed_at, duration_ms, output, error, because, waits_for,
       due_at
  FROM steps
 WHERE execution_id = :execution_id
   AND (item = -1 OR :items OR status IN ('waiting', 'failed', 'uncertain'))
 ORDER BY started_at, key, item
 LIMIT :most;

-- name: events :many
-- The latest, newest first: the primary key is read from its end.
SELECT at, kind, step, text, actor
  FROM execution_events
 WHERE execution_id = :execution_id
 ORDER BY sequence DESC
 LIMIT :most;

-- name: questions :many
-- What it asked people, and their answers; the unique key begins with the execution.
SELECT step, summary, status, approvers, created_at, told_at, decided_at, decided_by, decided_how, edits, comment
  FROM approvals
 WHERE execution_id = :execution_id
 ORDER BY created_at, id
 LIMIT :most;

-- name: usage :many
-- What workflows cost in requests to Procore since a moment, the dearest first: a range of the index by start,
-- which SQLite would leave for that by workflow, to group a whole table without sorting.
SELECT executions.workflow_id, workflows.name, count(*) AS executions, sum(requests) AS requests
  FROM executions INDEXED BY executions_by_start
  JOIN workflows ON workflows.id = executions.workflow_id
 WHERE executions.started_at >= :since
   AND requests > 0
 GROUP BY executions.workflow_id
 ORDER BY sum(requests) DESC, executions.workflow_id
 LIMIT :most;

-- name: ids :many
-- For completion: the latest executions.
SELECT id FROM executions ORDER BY started_at DESC, id DESC LIMIT :most;

-- name: stats :one
-- Counts and durations of live runs since a moment. Of the two halves one is empty before it reads a row, so that each
-- question uses its own index. A percentile is the duration at its rank: none is made up between two.
WITH chosen AS (
    SELECT status, duration_ms
      FROM executions
     WHERE workflow_id = :workflow_id
       AND started_at >= :since
       AND mode = 'live'
       AND (:project_id IS NULL OR project_id = :project_id)
     UNION ALL
    SELECT status, duration_ms
      FROM executions
     WHERE :workflow_id IS NULL
       AND started_at >= :since
       AND mode = 'live'
       AND (:project_id IS NULL OR project_id = :project_id)
),
ranked AS (
    SELECT duration_ms,
           row_number() OVER (ORDER BY duration_ms) AS place,
           count(*) OVER () AS many
      FROM chosen
     WHERE duration_ms IS NOT NULL
       AND status IN ('completed', 'failed')
)
SELECT count(*) FILTER (WHERE status = 'queued') AS queued,
       count(*) FILTER (WHERE status = 'running') AS running,
       count(*) FILTER (WHERE status = 'waiting') AS waiting,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE status = 'needs_review') AS needs_review,
       (SELECT avg(duration_ms) FROM ranked) AS mean,
       (SELECT max(duration_ms) FROM ranked) AS max,
       (SELECT min(duration_ms) FROM ranked WHERE place * 100 >= many * 50) AS p50,
       (SELECT min(duration_ms) FROM ranked WHERE place * 100 >= many * 95) AS p95,
       (SELECT min(duration_ms) FROM ranked WHERE place * 100 >= many * 99) AS p99
  FROM chosen;

-- name: series :many
-- One row per bucket, the empty ones too, so that a chart needs no filling. The halves are those of stats.
WITH RECURSIVE buckets (place) AS (
    SELECT 0
     UNION ALL
    SELECT place + 1 FROM buckets WHERE place + 1 < :buckets
),
chosen AS (
    SELECT CAST((unixepoch(started_at) - :start_s) / :bucket_s AS INTEGER) AS place, status
      FROM executions
     WHERE workflow_id = :workflow_id
       AND started_at >= :since
       AND mode = 'live'
       AND (:project_id IS NULL OR project_id = :project_id)
     UNION ALL
    SELECT CAST((unixepoch(started_at) - :start_s) / :bucket_s AS INTEGER) AS place, status
      FROM executions
     WHERE :workflow_id IS NULL
       AND started_at >= :since
       AND mode = 'live'
       AND (:project_id IS NULL OR project_id = :project_id)
),
counted AS (
    SELECT place,
           count(*) AS started,
           count(*) FILTER (WHERE status = 'completed') AS completed,
           count(*) FILTER (WHERE status = 'failed') AS failed
      FROM chosen
     GROUP BY place
)
SELECT buckets.place,
       coalesce(counted.started, 0) AS started,
       coalesce(counted.completed, 0) AS completed,
       coalesce(counted.failed, 0) AS failed
  FROM buckets
  LEFT JOIN counted ON counted.place = buckets.place
 ORDER BY buckets.place;

-- name: decisions :one
-- How people decided: taken as it was, corrected first, or refused. Along the index of approvals by time.
SELECT count(*) FILTER (WHERE approvals.status = 'approved'
                          AND coalesce(approvals.edits, '{}') IN ('{}', 'null')) AS unchanged,
       count(*) FILTER (WHERE approvals.status = 'approved'
                          AND coalesce(approvals.edits, '{}') NOT IN ('{}', 'null')) AS edited,
       count(*) FILTER (WHERE approvals.status = 'rejected') AS rejected
  FROM approvals
  JOIN executions ON executions.id = approvals.execution_id
 WHERE approvals.created_at >= :since
   AND (:workflow_id IS NULL OR executions.workflow_id = :workflow_id)
   AND (:project_id IS NULL OR executions.project_id = :project_id);
