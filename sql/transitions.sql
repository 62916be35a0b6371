-- name: hold :value
-- Inside every write of an engine: how many of these executions (JSON) are still its own. Of one that another engine took
-- over, nothing may be recorded.
SELECT count(*)
  FROM executions
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND lease = :lease
   AND status = 'running';

-- name: claim :run
-- The state guard makes a second claim a no-op.
UPDATE executions
   SET status = 'running',
       lease = :lease,
       due_at = NULL
 WHERE id IN (SELECT value FROM json_each(:ids))
   AND status IN ('queued', 'waiting');

-- name: begin_steps :run
-- Durable before their bodies run; a further try of the same step counts on. The rows are JSON, each in the order of the
-- columns: one statement runs beside the event loop, where one per row would stand in its way between any two.
INSERT INTO steps (execution_id, key, item, type, status, attempts, started_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), 'running', json_extract(value, '$[4]'), json_extract(value, '$[5]')
  FROM json_each(:rows)
 WHERE TRUE
    ON CONFLICT (execution_id, key, item) DO UPDATE
   SET status = 'running',
       attempts = excluded.attempts,
       due_at = NULL,
       waits_for = NULL
 WHERE steps.status IN ('running', 'waiting', 'uncertain');

-- name: end_steps :run
-- One outcome each: whoever comes late changes nothing. A step that never began (skipped) gets its row here. JSON as above.
INSERT INTO steps (
    execution_id, key, item, type, status, attempts, started_at, completed_at, duration_ms, output, error, because
)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
       json_extract(value, '$[6]'), json_extract(value, '$[7]'), json_extract(value, '$[8]'),
       json_extract(value, '$[9]'), json_extract(value, '$[10]'), json_extract(value, '$[11]')
  FROM json_each(:rows)
 WHERE TRUE
    ON CONFLICT (execution_id, key, item) DO UPDATE
   SET status = excluded.status,
       attempts = excluded.attempts,
       completed_at = excluded.completed_at,
       duration_ms = excluded.duration_ms,
       output = excluded.output,
       error = excluded.error,
       because = excluded.because,
       waits_for = NULL,
       due_at = NULL
 WHERE steps.status IN ('running', 'waiting', 'uncertain');

-- name: park_step :run
-- It waits: for a moment, for a person, for another execution, or for its next try. So this try ended without the process,
-- and it is not what ends it each time.
UPDATE steps
   SET status = 'waiting',
       ends = 0,
       attempts = :attempts,
       waits_for = :waits_for,
       due_at = :due_at,
       error = :error
 WHERE execution_id = :execution_id
   AND key = :key
   AND item = :item
   AND status IN ('running', 'waiting');

-- name: expand_step :run
-- The items of a for_each are kept before the first begins: evaluated again they might be others.
UPDATE steps
   SET output = :output
 WHERE execution_id = :execution_id
   AND key = :key
   AND item = :item
   AND status = 'running';

-- name: park :run
-- Nothing to do now: it waits without taking a place, until its next timer or until it is nudged.
UPDATE executions
   SET status = 'waiting',
       due_at = :due_at,
       lease = NULL,
       requests = :requests
 WHERE id = :id
   AND lease = :lease;

-- name: finish :run
-- One end each: the lease guard refuses a process that was frozen while another took over. JSON as above.
UPDATE executions
   SET status = json_extract(value, '$[1]'),
       completed_at = json_extract(value, '$[2]'),
       duration_ms = json_extract(value, '$[3]'),
       error = json_extract(value, '$[4]'),
       requests = json_extract(value, '$[5]'),
       due_at = NULL,
       lease = NULL
  FROM json_each(:rows)
 WHERE executions.id = json_extract(value, '$[0]')
   AND executions.lease = :lease;

-- name: wake_callers :run
-- Those that called what has ended (JSON); one that runs sees it by itself.
UPDATE executions
   SET due_at = :now
 WHERE id IN (SELECT parent_id FROM executions AS ended WHERE ended.id IN (SELECT value FROM json_each(:ids)))
   AND status = 'waiting';
