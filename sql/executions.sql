-- name: by_key :value
-- The unique key is the index: the same start again finds the first.
SELECT id FROM executions WHERE workflow_id = :workflow_id AND key = :key;

-- name: enqueue :run
-- Accepted: from here on it is never lost.
INSERT INTO executions (
    id, workflow_id, version, mode, status, started_at, trigger, plan_hash, environment, company_id, project_id, run_as,
    requested_by, deliver_to, key, priority, depth, parent_id, parent_step
)
VALUES (
    :id, :workflow_id, :version, :mode, 'queued', :now, :trigger, :plan_hash, :environment, :company_id, :project_id,
    :run_as, :requested_by, :deliver_to, :key, :priority, :depth, :parent_id, :parent_step
);

-- name: keep_draft_plan :run
-- By its hash, so a draft that is tested again is stored once.
INSERT INTO draft_plans (hash, plan) VALUES (:hash, :plan) ON CONFLICT (hash) DO NOTHING;

-- name: draft_plan :value
-- A plan that was tested without being deployed.
SELECT plan FROM draft_plans WHERE hash = :hash;

-- name: version_plan :value
-- The plan an execution keeps, however often its workflow is deployed afterwards.
SELECT plan FROM workflow_versions WHERE workflow_id = :workflow_id AND number = :version;

-- name: queued :many
-- The next to run, urgent ones first, then the oldest: the partial index holds the queue alone, in this order.
-- What pause_all holds stays queued and is passed over, and so are workflows that have all their places (`full`, JSON).
SELECT id, workflow_id, project_id
  FROM executions
 WHERE status = 'queued'
   AND environment = :environment
   AND workflow_id NOT IN (SELECT value FROM json_each(:full))
   AND NOT EXISTS (SELECT 1
                     FROM holds
                    WHERE (scope = 'all')
                       OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                       OR (scope = 'connection' AND subject = executions.run_as))
 ORDER BY priority DESC, started_at, id
 LIMIT :most;

-- name: by_id :one
-- Everything the engine needs of one execution.
SELECT id, workflow_id, version, mode, status, started_at, completed_at, trigger, error, duration_ms, plan_hash,
       environment, company_id, project_id, run_as, requested_by, deliver_to, priority, depth, parent_id, parent_step,
       lease, recoveries, due_at, ending, requests
  FROM executions
 WHERE id = :id;

-- name: under_way :many
-- Of those (JSON) what carrying them out takes but their plans; what has ended is left out.
SELECT id, workflow_id, version, mode, started_at, trigger, plan_hash, environment, company_id, project_id, run_as,
       requested_by, deliver_to, priority, depth, parent_id, parent_step, recoveries, ending, requests,
       (SELECT name FROM workflows WHERE workflows.id = executions.workflow_id) AS workflow_name,
       EXISTS (SELECT 1 FROM users WHERE users.id = executions.run_as AND revoked_at IS NOT NULL) AS is_revoked
  FROM executions
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN ('queued', 'running', 'waiting');

-- name: steps_under_way :many
-- The steps of those (JSON) with their outcomes, from the primary key.
SELECT execution_id, key, item, type, status, attempts, started_at, completed_at, duration_ms, output, error, because,
       waits_for, due_at
  FROM steps
 WHERE execution_id IN (SELECT value FROM json_each(:ids));

-- name: steps :many
-- The steps of one execution with their outcomes, from the primary key.
SELECT key, item, type, status, attempts, started_at, completed_at, duration_ms, output, error, because, waits_for,
       due_at
  FROM steps
 WHERE execution_id = :execution_id;

-- name: hold_lease :value
-- Inside every write of an engine: an execution that another engine took over is not this one's any more.
SELECT 1 FROM executions WHERE id = :id AND lease = :lease AND status = 'running';

-- name: reopen :run
-- After a person said what became of an uncertain step, or a child of it ended.
UPDATE executions
   SET status = 'waiting',
       completed_at = NULL,
       error = NULL,
       due_at = :now
 WHERE id = :id
   AND status = 'needs_review';

-- name: due :many
-- Waiting executions whose timer has come: the index on due_at holds no others. Held ones wait on, and
-- so do suspects (JSON) while another is at work.
SELECT id
  FROM executions
 WHERE due_at <= :now
   AND status = 'waiting'
   AND environment = :environment
   AND id NOT IN (SELECT value FROM json_each(:suspects))
   AND NOT EXISTS (SELECT 1
                     FROM holds
                    WHERE (scope = 'all')
                       OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                       OR (scope = 'connection' AND subject = executions.run_as))
 ORDER BY due_at
 LIMIT :most;

-- name: nudged :many
-- Of those that something has happened to (JSON), the ones that wait for it, and whether pause_all keeps them.
SELECT id,
       EXISTS (SELECT 1
                 FROM holds
                WHERE (scope = 'all')
                   OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                   OR (scope = 'connection' AND subject = executions.run_as)) AS is_held
  FROM executions
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN ('queued', 'waiting')
   AND environment = :environment;

-- name: has_work :value
-- Whether an engine has anything to do here: something is deployed, under way, asked of a person or to be told.
SELECT EXISTS (SELECT 1 FROM workflows WHERE status = 'active')
    OR EXISTS (SELECT 1 FROM executions WHERE status IN ('queued', 'running', 'waiting'))
    OR EXISTS (SELECT 1 FROM approvals WHERE status = 'pending')
    OR EXISTS (SELECT 1 FROM alerts WHERE told_at IS NULL);

-- name: wake :run
-- What it waited for has come; one that runs sees it by itself.
UPDATE executions
   SET due_at = :now
 WHERE id = :id
   AND status = 'waiting';

-- name: status_of :value
-- Where it stands.
SELECT status FROM executions WHERE id = :id;

-- name: children_of :many
-- What it called and waits for: they end with it.
SELECT id FROM executions WHERE parent_id = :parent_id AND status IN ('queued', 'running', 'waiting');

-- name: decided_meanwhile :many
-- At start: whoever decided may have lost its process before it could tell the engine.
SELECT DISTINCT approvals.execution_id AS id
  FROM approvals
  JOIN steps ON steps.execution_id = approvals.execution_id
            AND steps.key = approvals.step
            AND steps.item = approvals.item
            AND steps.status = 'waiting'
 WHERE approvals.status <> 'pending'
   AND approvals.execution_id IN (SELECT id FROM executions WHERE status = 'waiting');

-- name: copy_step :run
-- With its items. What was cut short or failed is done again.
INSERT INTO steps (
    execution_id, key, item, type, status, attempts, started_at, completed_at, duration_ms, output, error, because
)
SELECT :target, key, item, type, status, attempts, :now, :now, 0, output, error, because
  FROM steps
 WHERE execution_id = :source
   AND key = :key
   AND status IN ('completed', 'simulated', 'skipped');

-- name: settle_parts :run
-- A person said what became of these. `waiting` and due lets it be sent again. What was done gives what it was going to give,
-- so that later steps find what they read of it.
UPDATE steps
   SET status = :status,
       output = CASE WHEN :output IS NOT NULL THEN json_patch(coalesce(output, '{}'), :output) END,
       completed_at = CASE :status WHEN 'waiting' THEN NULL ELSE :now END,
       due_at = CASE :status WHEN 'waiting' THEN :now END,
       error = NULL
 WHERE execution_id = :execution_id
   AND key = :key
   AND item IN (SELECT value FROM json_each(:items))
   AND status = 'uncertain';

-- name: next_due :value
-- When the engine has to look again: what is held is not looked at, or it would look without end.
SELECT min(due_at)
  FROM executions
 WHERE due_at > :now
   AND status = 'waiting'
   AND environment = :environment
   AND NOT EXISTS (SELECT 1
                     FROM holds
                    WHERE (scope = 'all')
                       OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                       OR (scope = 'connection' AND subject = executions.run_as));

-- name: ask_to_end :run
-- What is under way sees it before it starts anything further; what waits is woken by it.
UPDATE executions
   SET ending = 'cancel'
 WHERE id = :id
   AND status IN ('queued', 'running', 'waiting');

-- name: abandoned :many
-- At start: what a process was carrying out when it ended. No other engine can be alive: the directory has one owner.
SELECT id FROM executions WHERE status = 'running' AND lease IS NOT :lease;

-- name: blame :run
-- The end is held against each step whose body was at work: not one that waited for its turn, nor a for_each beside its
-- items.
UPDATE steps
   SET ends = ends + 1
 WHERE execution_id = :execution_id
   AND status = 'running'
   AND waits_for IS NULL
   AND json_extract(output, '$.fan') IS NULL;

-- name: most_ends :value
-- Of the steps that were just blamed, the one that was met most often; none were: 0.
SELECT coalesce(max(ends), 0)
  FROM steps
 WHERE execution_id = :execution_id
   AND status = 'running'
   AND waits_for IS NULL;

-- name: wait_turn :run
-- A body that only waits is not at work. The lease guard leaves alone what another engine took over.
UPDATE steps
   SET waits_for = :waits_for
 WHERE execution_id = :execution_id
   AND key = :key
   AND item = :item
   AND status = 'running'
   AND EXISTS (SELECT 1 FROM executions WHERE id = :execution_id AND lease = :lease AND status = 'running');

-- name: suspects :many
-- What too many ends of the process met, first the one that may go on: only one at a time does, so that the next end
-- tells which it was. From the partial index, which is nearly always empty.
SELECT DISTINCT executions.id, executions.status = 'running' AS is_running, executions.due_at
  FROM steps
  JOIN executions ON executions.id = steps.execution_id
 WHERE steps.status = 'running'
   AND steps.ends > 0
   AND steps.ends >= :most
   AND executions.status IN ('running', 'waiting')
   AND environment = :environment
   AND NOT EXISTS (SELECT 1
                     FROM holds
                    WHERE (scope = 'all')
                       OR (scope = 'project' AND subject = CAST(executions.project_id AS TEXT))
                       OR (scope = 'connection' AND subject = executions.run_as))
 ORDER BY is_running DESC, executions.due_at, executions.id;

-- name: recover :run
-- Counted, whoever is to blame.
UPDATE executions
   SET status = 'waiting',
       lease = NULL,
       due_at = :now,
       recoveries = recoveries + 1
 WHERE id = :id;

-- name: let_go :run
-- The store refused its driver's last transaction; what it left is found out by the next.
UPDATE executions
   SET status = 'waiting',
       lease = NULL,
       due_at = :now
 WHERE id = :id
   AND lease = :lease;

-- name: leave :run
-- The process is asked to end, which is nobody's fault: what its engine cuts off is due for the next.
UPDATE executions
   SET status = 'waiting',
       lease = NULL,
       due_at = :now
 WHERE status = 'running'
   AND lease = :lease;

-- name: uncertain_parts :many
-- Of the step of that name, or the one item that it names: what a person may settle.
SELECT key, item, type
  FROM steps
 WHERE execution_id = :execution_id
   AND :name IN (key, key || '[' || item || ']')
   AND status = 'uncertain'
 ORDER BY item;

-- name: open_fan :run
-- A for_each goes on with its other items once its uncertain ones are settled.
UPDATE steps
   SET status = 'running',
       error = NULL,
       completed_at = NULL
 WHERE execution_id = :execution_id
   AND key = :key
   AND item = -1
   AND status = 'uncertain'
   AND json_extract(output, '$.fan') IS NOT NULL;

-- name: quarantine :run
-- It has ended its process too often, or cannot be carried out at all; a person has to look.
UPDATE executions
   SET status = 'failed',
       completed_at = :now,
       error = :error,
       lease = NULL,
       due_at = NULL
 WHERE id = :id
   AND status IN ('queued', 'running', 'waiting');

-- name: note :run
-- The next number inside the insert: two notes of one execution never meet.
INSERT INTO execution_events (execution_id, sequence, at, kind, step, text, actor)
SELECT :execution_id, coalesce(max(sequence), 0) + 1, :now, :kind, :step, :text, :actor
  FROM execution_events
 WHERE execution_id = :execution_id;

-- name: queue :one
-- How long the queue is and since when its first waits: from the partial index.
SELECT count(*) AS length, min(started_at) AS oldest_at FROM executions WHERE status = 'queued';

-- name: failed_in_a_row :one
-- Live runs of a workflow that failed since one last did not; looks at no more than are needed to stop it.
SELECT count(*) AS runs, count(*) FILTER (WHERE status = 'failed') AS failed
  FROM (SELECT status
          FROM executions
         WHERE workflow_id = :workflow_id
           AND mode = 'live'
           AND status IN ('completed', 'failed')
         ORDER BY started_at DESC
         LIMIT :most);

-- name: stop_workflow :run
-- It failed too often in a row: it starts nothing further until a person resumes or deploys it.
UPDATE workflows
   SET status = 'error',
       status_reason = 'FAILED_IN_A_ROW',
       updated_at = :now
 WHERE id = :id
   AND status = 'active';

-- name: alert :run
-- Told to the owner later, grouped; in the transaction that records what it tells.
INSERT INTO alerts (id, workflow_id, kind, text, created_at) VALUES (:id, :workflow_id, :kind, :text, :now);

-- name: child_of :one
-- What became of the workflow that a step called: its key names the step's own.
SELECT id, status, error FROM executions WHERE workflow_id = :workflow_id AND key = :key;
