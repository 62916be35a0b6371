-- name: workflows :many
-- A page of workflows, last changed first, each with how its latest live runs went: as many as a sparkline shows, along
-- the index by workflow, so that the price does not grow with history. Keyset as in workflows.page.
SELECT id, name, status, status_reason, active_version, updated_at,
       json_extract(trigger, '$.type') AS trigger_type,
       coalesce((SELECT due_at FROM schedules WHERE workflow_id = workflows.id),
                (SELECT due_at FROM polls WHERE workflow_id = workflows.id)) AS due_at,
       (SELECT json_group_array(json_object(
                   'status', status, 'started_at', started_at, 'duration_ms', duration_ms))
          FROM (SELECT status, started_at, duration_ms
                  FROM executions
                 WHERE workflow_id = workflows.id
                   AND mode = 'live'
                 ORDER BY started_at DESC
                 LIMIT :beats)) AS beats
  FROM workflows
 WHERE updated_at <= :before_at
   AND (updated_at < :before_at OR id > :after_id)
   AND (:pattern = '*' OR search_text GLOB :pattern)
 ORDER BY updated_at DESC, id
 LIMIT :most;

-- name: counts :many
-- How many executions have not ended, by what they do: out of the index by status.
SELECT status, count(*) AS many
  FROM executions
 WHERE status IN ('queued', 'running', 'waiting', 'needs_review')
 GROUP BY status;

-- name: standings :many
-- How many workflows there are of each status: out of the index by status.
SELECT status, count(*) AS many FROM workflows GROUP BY status;

-- name: broken :many
-- The latest live runs that failed, each with the first step at fault: the step's own error says more than the run's.
SELECT executions.id, executions.workflow_id, workflows.name AS workflow_name, executions.started_at,
       executions.completed_at, executions.error,
       (SELECT json_object('key', key, 'error', json(error))
          FROM steps
         WHERE execution_id = executions.id
           AND status = 'failed'
         ORDER BY started_at, key, item
         LIMIT 1) AS step
  FROM executions
  JOIN workflows ON workflows.id = executions.workflow_id
 WHERE executions.status = 'failed'
   AND executions.mode = 'live'
 ORDER BY executions.started_at DESC
 LIMIT :most;

-- name: names :many
-- What workflows are called, by their primary key.
SELECT id, name FROM workflows WHERE id IN (SELECT value FROM json_each(:ids));

-- name: origins :many
-- Which workflows some executions are of, and whether each is a test; by the primary keys.
SELECT executions.id, executions.workflow_id, workflows.name AS workflow_name, executions.mode
  FROM executions
  JOIN workflows ON workflows.id = executions.workflow_id
 WHERE executions.id IN (SELECT value FROM json_each(:ids));

-- name: plan_of :value
-- The plan that a deployed version's execution carries out; none for a test of a draft.
SELECT workflow_versions.plan
  FROM executions
  JOIN workflow_versions ON workflow_versions.workflow_id = executions.workflow_id
                        AND workflow_versions.number = executions.version
 WHERE executions.id = :execution_id;
