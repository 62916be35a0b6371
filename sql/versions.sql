-- name: insert :value
-- The next number is the MAX inside the insert, so two deployments can never take the same.
INSERT INTO workflow_versions (
    workflow_id, number, plan_hash, consent_digest, requests_per_hour, deployed_by, deployed_at, consent, definition, plan
)
SELECT :workflow_id, coalesce(max(number), 0) + 1, :plan_hash, :consent_digest, :requests_per_hour, :deployed_by, :now,
       :consent, :definition, :plan
  FROM workflow_versions
 WHERE workflow_id = :workflow_id
RETURNING number;

-- name: standing :one
-- Where a workflow stands, with what is live of it: asked before and inside every change of what runs.
SELECT workflows.id, name, status, status_reason, environment, company_id, draft_version, active_version,
       (SELECT plan_hash
          FROM workflow_versions
         WHERE workflow_id = workflows.id
           AND number = workflows.active_version) AS plan_hash,
       (SELECT id FROM hooks WHERE workflow_id = workflows.id AND state = 'live') AS hook_id,
       (SELECT source FROM hooks WHERE workflow_id = workflows.id AND state = 'live') AS hook_source,
       coalesce((SELECT due_at FROM schedules WHERE workflow_id = workflows.id),
                (SELECT due_at FROM polls WHERE workflow_id = workflows.id)) AS due_at
  FROM workflows
 WHERE workflows.id = :id;

-- name: activate :run
-- Guarded by the draft that was compiled: what became active is what was checked and shown.
UPDATE workflows
   SET status = 'active',
       status_reason = NULL,
       active_version = :number,
       environment = :environment,
       company_id = :company_id,
       updated_at = :now
 WHERE id = :id
   AND draft_version = :draft_version;

-- name: switch :run
-- To a version that was active before; the draft stays as it is.
UPDATE workflows
   SET status = 'active',
       status_reason = NULL,
       active_version = :number,
       updated_at = :now
 WHERE id = :id;

-- name: pause :run
-- The status alone stops it: whoever claims a schedule, a poll or a delivery asks for it.
UPDATE workflows
   SET status = 'paused',
       status_reason = NULL,
       updated_at = :now
 WHERE id = :id
   AND status IN ('active', 'error');

-- name: pause_foreign :many
-- Whatever was deployed for another environment or company than the one this process talks to. A person's own link
-- names the company before the settings do; with a service account only the settings do. An unknown company pauses none.
UPDATE workflows
   SET status = 'paused',
       status_reason = 'WORKFLOW_ENVIRONMENT_MISMATCH',
       updated_at = :now
 WHERE status = 'active'
   AND (environment <> :environment
        OR company_id <> coalesce((SELECT connections.company_id
                                     FROM connections
                                    WHERE connections.principal = workflows.run_as
                                      AND connections.environment = :environment
                                      AND NOT :is_service), :company_id))
RETURNING id, name;

-- name: by_number :one
-- One version whole.
SELECT workflow_id, number, plan_hash, consent_digest, requests_per_hour, deployed_by, deployed_at, consent, definition,
       plan
  FROM workflow_versions
 WHERE workflow_id = :workflow_id
   AND number = :number;

-- name: history :many
-- Newest first, without the plans: what a person compares is what was written and agreed to.
SELECT number, plan_hash, deployed_by, deployed_at, definition, consent
  FROM workflow_versions
 WHERE workflow_id = :workflow_id
 ORDER BY number DESC
 LIMIT :limit;

-- name: others :many
-- The other active workflows: what may be called, and what they may take of the hour.
SELECT workflows.id, workflows.name, workflow_versions.requests_per_hour
  FROM workflows
  JOIN workflow_versions ON workflow_versions.workflow_id = workflows.id
                        AND workflow_versions.number = workflows.active_version
 WHERE workflows.status = 'active'
   AND workflows.id <> :id;

-- name: status :one
-- All that `workflow://{id}/status` says in one statement. Health looks at the latest executions only, so its price does
-- not grow with history; a test run is listed but is no sign of health.
SELECT id, name, description, status, status_reason, environment, company_id, project_id, run_as, trigger,
       draft_version, active_version, created_at, updated_at,
       (SELECT json_group_array(json_object('sequence', sequence, 'key', key, 'type', type))
          FROM (SELECT sequence, key, type
                  FROM workflow_actions
                 WHERE workflow_id = :id
                 ORDER BY sequence)) AS actions,
       (SELECT deployed_at
          FROM workflow_versions
         WHERE workflow_id = :id
           AND number = workflows.active_version) AS deployed_at,
       coalesce((SELECT due_at FROM schedules WHERE workflow_id = :id),
                (SELECT due_at FROM polls WHERE workflow_id = :id)) AS due_at,
       (SELECT id FROM hooks WHERE workflow_id = :id AND state = 'live') AS hook_id,
       (SELECT json_object(
                   'executions', json_group_array(json_object(
                       'id', id, 'version', version, 'mode', mode, 'status', status, 'started_at', started_at,
                       'completed_at', completed_at, 'error', json(error))) FILTER (WHERE place <= :shown),
                   'completed', count(*) FILTER (WHERE mode = 'live' AND status = 'completed'),
                   'failed', count(*) FILTER (WHERE mode = 'live' AND status = 'failed'),
                   'last_run_at', max(started_at) FILTER (WHERE mode = 'live'),
                   'errors', json_group_array(json(error)) FILTER (WHERE failure = 1))
          FROM (SELECT id, version, mode, status, started_at, completed_at, error,
                       row_number() OVER (ORDER BY started_at DESC) AS place,
                       CASE WHEN mode = 'live' AND status = 'failed'
                            THEN row_number() OVER (PARTITION BY mode = 'live' AND status = 'failed'
                                                        ORDER BY started_at DESC) END AS failure
                  FROM (SELECT id, version, mode, status, started_at, completed_at, error
                          FROM executions
                         WHERE workflow_id = :id
                         ORDER BY started_at DESC
                         LIMIT :window)
                 ORDER BY started_at DESC)) AS health
  FROM workflows
 WHERE id = :id;
