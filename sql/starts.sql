-- name: active :one
-- What would start now, with where its plan says it runs: an edited draft changes none of it until it is deployed.
SELECT workflows.id, workflows.name, workflows.status, workflows.environment, workflows.company_id,
       coalesce(workflows.run_as, workflow_versions.deployed_by) AS run_as,
       workflow_versions.number, workflow_versions.plan_hash,
       json_extract(workflow_versions.plan, '$.project_id') AS project_id,
       json_extract(workflow_versions.plan, '$.trigger') AS trigger,
       json_extract(workflow_versions.plan, '$.variables') AS variables
  FROM workflows
  JOIN workflow_versions ON workflow_versions.workflow_id = workflows.id
                        AND workflow_versions.number = workflows.active_version
 WHERE workflows.id = :workflow_id;

-- name: is_held :value
-- Whether pause_all holds everything, the project or the connection.
SELECT 1
  FROM holds
 WHERE scope = 'all'
    OR (scope = 'project' AND subject = CAST(:project_id AS TEXT))
    OR (scope = 'connection' AND subject = :run_as)
 LIMIT 1;

-- name: unfinished :many
-- Live runs that have not ended, for a schedule that must not overlap; the index by workflow holds them newest first.
SELECT id
  FROM executions
 WHERE workflow_id = :workflow_id
   AND mode = 'live'
   AND status IN ('queued', 'running', 'waiting')
 ORDER BY started_at;

-- name: ask_to_end :run
-- The next run replaces them: what is under way sees it before it starts anything further.
UPDATE executions
   SET ending = 'cancel'
 WHERE workflow_id = :workflow_id
   AND mode = 'live'
   AND status IN ('queued', 'running', 'waiting');
