-- name: insert :run
-- The caller made the id, so a repeated transaction inserts the same row.
INSERT INTO workflows (
    id, name, description, status, environment, company_id, project_id, run_as, trigger, variables,
    draft_version, active_version, created_by, created_at, updated_at, search_text
)
VALUES (
    :id, :name, :description, 'draft', :environment, :company_id, :project_id, :run_as, :trigger, :variables,
    1, NULL, :created_by, :now, :now, :search_text
);

-- name: by_ids :many
-- Workflows with their actions in one statement; the inner SELECT orders what json_group_array collects.
SELECT id, name, description, status, status_reason, environment, company_id, project_id, run_as, trigger, variables,
       draft_version, active_version, created_by, created_at, updated_at,
       (SELECT json_group_array(json_object('sequence', sequence, 'action', json(action)))
          FROM (SELECT sequence, action
                  FROM workflow_actions
                 WHERE workflow_id = workflows.id
                 ORDER BY sequence)) AS actions
  FROM workflows
 WHERE id IN (SELECT value FROM json_each(:ids));

-- name: running_as :many
-- Asked only when an account is disconnected, so the walk over the table is cheaper than an index kept for it.
SELECT id, name, status
  FROM workflows
 WHERE run_as = :run_as
   AND environment = :environment
 ORDER BY name, id;

-- name: page :many
-- Keyset, not OFFSET: page 400 costs what page 1 costs. The first bound is what the index can seek to.
SELECT id, name, description, status, environment, company_id, project_id, run_as,
       json_extract(trigger, '$.type') AS trigger_type,
       (SELECT count(*) FROM workflow_actions WHERE workflow_id = workflows.id) AS action_count,
       draft_version, active_version, created_at, updated_at
  FROM workflows
 WHERE updated_at <= :before_at
   AND (updated_at < :before_at OR id > :after_id)
 ORDER BY updated_at DESC, id
 LIMIT :limit;

-- name: page_by_status :many
-- As page; apart so that the status leads the index.
SELECT id, name, description, status, environment, company_id, project_id, run_as,
       json_extract(trigger, '$.type') AS trigger_type,
       (SELECT count(*) FROM workflow_actions WHERE workflow_id = workflows.id) AS action_count,
       draft_version, active_version, created_at, updated_at
  FROM workflows
 WHERE status = :status
   AND updated_at <= :before_at
   AND (updated_at < :before_at OR id > :after_id)
 ORDER BY updated_at DESC, id
 LIMIT :limit;

-- name: page_by_project :many
-- As page; one project's workflows are few, so its status is checked row by row.
SELECT id, name, description, status, environment, company_id, project_id, run_as,
       json_extract(trigger, '$.type') AS trigger_type,
       (SELECT count(*) FROM workflow_actions WHERE workflow_id = workflows.id) AS action_count,
       draft_version, active_version, created_at, updated_at
  FROM workflows
 WHERE project_id = :project_id
   AND updated_at <= :before_at
   AND (updated_at < :before_at OR id > :after_id)
   AND (:status IS NULL OR status = :status)
 ORDER BY updated_at DESC, id
 LIMIT :limit;

-- name: page_by_text :many
-- As page. All that is filtered by is in one index, so that a row is read only to be shown.
SELECT id, name, description, status, environment, company_id, project_id, run_as,
       json_extract(trigger, '$.type') AS trigger_type,
       (SELECT count(*) FROM workflow_actions WHERE workflow_id = workflows.id) AS action_count,
       draft_version, active_version, created_at, updated_at
  FROM workflows
 WHERE updated_at <= :before_at
   AND search_text GLOB :pattern
   AND (updated_at < :before_at OR id > :after_id)
   AND (:status IS NULL OR status = :status)
   AND (:project_id IS NULL OR project_id = :project_id)
 ORDER BY updated_at DESC, id
 LIMIT :limit;

-- name: count_all :value
-- Without a text nothing but an index is read.
SELECT count(*) FROM workflows;

-- name: count_by_text :value
-- What a page by text did not read: before it and after its last row, so that page and count together look at each text
-- once. GLOB, which does it in a third of instr's time, comes first: it leaves few rows to the other conditions.
SELECT (SELECT count(*)
          FROM workflows
         WHERE updated_at >= :before_at
           AND search_text GLOB :pattern
           AND (updated_at > :before_at OR id <= :after_id)
           AND (:status IS NULL OR status = :status)
           AND (:project_id IS NULL OR project_id = :project_id))
     + (SELECT count(*)
          FROM workflows
         WHERE updated_at <= :last_at
           AND search_text GLOB :pattern
           AND (updated_at < :last_at OR id > :last_id)
           AND (:status IS NULL OR status = :status)
           AND (:project_id IS NULL OR project_id = :project_id));

-- name: count_by_status :value
-- As page_by_status.
SELECT count(*) FROM workflows WHERE status = :status;

-- name: count_by_project :value
-- As page_by_project.
SELECT count(*)
  FROM workflows
 WHERE project_id = :project_id
   AND (:status IS NULL OR status = :status);

-- name: version :value
-- Tells a missing workflow from a changed one after a guarded statement matched nothing.
SELECT draft_version FROM workflows WHERE id = :id;

-- name: update :run
-- The version guard is in the statement, so of two editors one is told.
UPDATE workflows
   SET name = :name,
       description = :description,
       project_id = :project_id,
       run_as = :run_as,
       trigger = :trigger,
       variables = :variables,
       search_text = :search_text,
       draft_version = draft_version + 1,
       updated_at = :now
 WHERE id = :id
   AND draft_version = :version;

-- name: touch :run
-- An edit of the actions is an edit of the workflow.
UPDATE workflows
   SET draft_version = draft_version + 1,
       updated_at = :now
 WHERE id = :id
   AND draft_version = coalesce(:expected_version, draft_version);

-- name: add_actions :run
-- One statement for 1-100 actions; the next sequence is the MAX inside the insert, so nobody can take it in between.
INSERT INTO workflow_actions (workflow_id, sequence, key, type, action)
SELECT :workflow_id,
       new.key + 1 + (SELECT coalesce(max(sequence), 0) FROM workflow_actions WHERE workflow_id = :workflow_id),
       json_extract(new.value, '$.key'),
       json_extract(new.value, '$.type'),
       new.value
  FROM json_each(:actions) AS new;

-- name: action_keys :many
-- Names the duplicates after the UNIQUE constraint refused an insert.
SELECT key FROM workflow_actions WHERE workflow_id = :workflow_id;

-- name: replace_action :run
-- The action keeps its place; its key may change.
UPDATE workflow_actions
   SET key = :new_key,
       type = :type,
       action = :action
 WHERE workflow_id = :workflow_id
   AND key = :key;

-- name: remove_action :run
-- Sequences keep their gaps: nothing else has to move.
DELETE FROM workflow_actions
 WHERE workflow_id = :workflow_id
   AND key = :key;

-- name: remove :one
-- Its actions, versions, times and executions go with it by ON DELETE CASCADE. The name is for the audit log.
DELETE FROM workflows
 WHERE id = :id
   AND draft_version = coalesce(:expected_version, draft_version)
RETURNING name;
