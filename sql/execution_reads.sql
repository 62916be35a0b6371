-- name: page :many
-- Newest first along the index by start; nearly all are live, so the mode is checked row by row.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE (started_at, id) < (:before_at, :before_id)
   AND started_at >= :since
   AND (:mode IS NULL OR mode = :mode)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: page_by_workflow :many
-- As page; apart so that the workflow leads the index. The other filters are in it: only what is shown is read.
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

-- name: page_by_project :many
-- As page_by_workflow, of one project.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE project_id = :project_id
   AND started_at <= :before_at
   AND started_at >= :since
   AND (started_at, id) < (:before_at, :before_id)
   AND (:status IS NULL OR status = :status)
   AND (:mode IS NULL OR mode = :mode)
 ORDER BY started_at DESC, id DESC
 LIMIT :most;

-- name: page_of_tests :many
-- As page; tests are few, so their status is checked row by row.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, duration_ms, project_id,
       json_extract(trigger, '$.type') AS trigger_type,
       json_extract(error, '$.code') AS error_code
  FROM executions
 WHERE mode = 'simulate'
   AND (started_at, id) < (:before_at, :before_id)
   AND started_at >= :since
   AND (:status IS NULL OR status = :status)
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
