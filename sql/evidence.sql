-- name: place :one
-- Where a workflow stands, by what it is started and as whom, with whether that account is linked: of the active
-- version's plan, for an edited draft changes none of it. `due_at` is the next start or look. `good_version` is the newest
-- before the active one that went well among the latest runs, of which it looks at no more than these.
SELECT workflows.id, workflows.name, workflows.status, workflows.status_reason, workflows.environment,
       workflows.active_version, workflow_versions.deployed_at,
       coalesce(workflows.run_as, workflow_versions.deployed_by) AS run_as,
       json_extract(workflow_versions.plan, '$.project_id') AS project_id,
       json_extract(workflow_versions.plan, '$.trigger.type') AS trigger_type,
       json_extract(workflow_versions.plan, '$.trigger.source') AS trigger_source,
       coalesce((SELECT due_at FROM schedules WHERE workflow_id = workflows.id),
                (SELECT due_at FROM polls WHERE workflow_id = workflows.id)) AS due_at,
       EXISTS (SELECT 1
                 FROM json_each(workflow_versions.definition, '$.actions')
                WHERE json_extract(value, '$.type') LIKE 'procore.%') AS acts_in_procore,
       EXISTS (SELECT 1
                 FROM connections
                WHERE principal = coalesce(workflows.run_as, workflow_versions.deployed_by)
                  AND connections.environment = workflows.environment) AS is_connected,
       (SELECT revoked_at
          FROM users
         WHERE users.id = substr(coalesce(workflows.run_as, workflow_versions.deployed_by), length('user:') + 1)) AS run_as_revoked_at,
       (SELECT skipped FROM schedules WHERE workflow_id = workflows.id) AS skipped,
       (SELECT skipped_at FROM schedules WHERE workflow_id = workflows.id) AS skipped_at,
       (SELECT version
          FROM (SELECT version, status
                  FROM executions
                 WHERE workflow_id = workflows.id
                   AND mode = 'live'
                 ORDER BY started_at DESC
                 LIMIT :most)
         WHERE status = 'completed'
           AND version < workflows.active_version
         LIMIT 1) AS good_version,
       workflow_versions.definition
  FROM workflows
  LEFT JOIN workflow_versions ON workflow_versions.workflow_id = workflows.id
                             AND workflow_versions.number = workflows.active_version
 WHERE workflows.id = :id;

-- name: latest :many
-- The latest live runs, newest first, along the index by workflow.
SELECT id, workflow_id, version, status, started_at, due_at, error, project_id, run_as
  FROM executions
 WHERE workflow_id = :workflow_id
   AND mode = 'live'
 ORDER BY started_at DESC
 LIMIT :most;

-- name: one :many
-- The run somebody asks about, a test too; only of that workflow.
SELECT id, workflow_id, version, status, started_at, due_at, error, project_id, run_as
  FROM executions
 WHERE id = :id
   AND workflow_id = :workflow_id;

-- name: open :many
-- What has not ended, oldest first. The index by status leads: they are few among all that ended.
SELECT id, workflow_id, version, status, started_at, due_at, error, project_id, run_as
  FROM executions
 WHERE status IN ('queued', 'running', 'waiting', 'needs_review')
   AND (:workflow_id IS NULL OR workflow_id = :workflow_id)
   AND started_at <= :before
 ORDER BY started_at, id
 LIMIT :most;

-- name: steps :many
-- Of these runs, newest first, what did not simply go well. Items that were skipped are told by their step.
SELECT execution_id, key, type, status, error, because, waits_for, due_at
  FROM steps
 WHERE execution_id IN (SELECT value FROM json_each(:executions))
   AND (status IN ('failed', 'uncertain', 'waiting') OR (status = 'skipped' AND item = -1))
 ORDER BY execution_id DESC, key, item
 LIMIT :most;

-- name: asked :many
-- What these runs ask of people, or asked in vain; the unique key begins with the execution.
SELECT id, execution_id, step, status, created_at, expires_at, told_at, approvers
  FROM approvals
 WHERE execution_id IN (SELECT value FROM json_each(:executions))
   AND status IN ('pending', 'expired')
 ORDER BY created_at, id
 LIMIT :most;

-- name: arrived :many
-- What became of what was posted to the workflow, counted by outcome and reason along the index by hook.
SELECT outcome, coalesce(reason, '') AS reason, count(*) AS many, max(received_at) AS last_at
  FROM deliveries
 WHERE hook_id IN (SELECT id FROM hooks WHERE workflow_id = :workflow_id)
   AND received_at >= :since
 GROUP BY outcome, coalesce(reason, '')
 ORDER BY outcome, many DESC, reason;

-- name: hook :one
-- What is to be posted to, when something last came through it, and what was turned away since.
SELECT hooks.id, hooks.source, hooks.company_id, hooks.project_id, hooks.procore_id, hooks.principal,
       refusals.many AS refused, refusals.reason AS refused_reason, refusals.last_at AS refused_at,
       (SELECT max(received_at) FROM deliveries WHERE hook_id = hooks.id) AS last_delivery_at
  FROM hooks
  LEFT JOIN refusals ON refusals.hook_id = hooks.id
 WHERE hooks.workflow_id = :workflow_id
   AND hooks.state = 'live';

-- name: kept_aside :many
-- The latest of what came and started nothing, with the events themselves: a trigger is corrected by what really comes.
SELECT outcome, reason, event, received_at
  FROM deliveries
 WHERE hook_id IN (SELECT id FROM hooks WHERE workflow_id = :workflow_id)
   AND received_at >= :since
   AND outcome IN ('filtered', 'failed', 'quarantined')
 ORDER BY received_at DESC
 LIMIT :most;

-- name: told :many
-- What its owner had to hear, newest first, along the index by workflow.
SELECT kind, text, created_at
  FROM alerts
 WHERE workflow_id = :workflow_id
   AND created_at >= :since
 ORDER BY created_at DESC
 LIMIT :most;
