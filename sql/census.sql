-- name: executions :many
-- Executions that are not over, and those that a person has to look at, by status: a walk of that part of the index on
-- status alone, however many have ended.
SELECT status, count(*) AS executions
  FROM executions
 WHERE status IN ('queued', 'running', 'waiting', 'needs_review')
 GROUP BY status;

-- name: steps :many
-- Steps of executions that are not over, by status: found from the index on status, then by key, never by walking steps.
SELECT steps.status, count(*) AS steps
  FROM executions
  JOIN steps ON steps.execution_id = executions.id
 WHERE executions.status IN ('running', 'waiting')
   AND steps.status IN ('running', 'waiting', 'uncertain')
 GROUP BY steps.status;

-- name: workflows :many
-- Workflows by status, from the index on status.
SELECT status, count(*) AS workflows FROM workflows GROUP BY status;

-- name: approvals :value
-- Questions that wait for a person, from the partial index that holds them alone.
SELECT count(*) FROM approvals WHERE status = 'pending';
