-- name: put :run
-- One due time per workflow. Whether it may start is the workflow's status; resuming and deploying set a fresh time.
INSERT INTO schedules (workflow_id, due_at)
VALUES (:workflow_id, :due_at)
    ON CONFLICT (workflow_id) DO UPDATE SET due_at = excluded.due_at, skipped = 0, skipped_at = NULL;

-- name: remove :run
-- The version that is active now does not start by time.
DELETE FROM schedules WHERE workflow_id = :workflow_id;

-- name: due :many
-- What fell due and may start: active and of this environment. From the index on due_at, oldest first.
SELECT schedules.workflow_id, schedules.due_at
  FROM schedules
  JOIN workflows ON workflows.id = schedules.workflow_id
 WHERE schedules.due_at <= :now
   AND workflows.status = 'active'
   AND workflows.environment = :environment
 ORDER BY schedules.due_at
 LIMIT :most;

-- name: next_due :value
-- When there is something to look at again.
SELECT min(due_at) FROM schedules WHERE due_at > :now;

-- name: claim :run
-- In the transaction that enqueues: the guard on the old time makes a second claim a no-op.
UPDATE schedules
   SET due_at = :next_at
 WHERE workflow_id = :workflow_id
   AND due_at = :due_at;

-- name: active :many
-- All that run by time, for when the clock was set back.
SELECT schedules.workflow_id, schedules.due_at
  FROM schedules
  JOIN workflows ON workflows.id = schedules.workflow_id
 WHERE workflows.status = 'active'
   AND workflows.environment = :environment;

-- name: note_skipped :run
-- A due time that started nothing, for a run had not ended: told by a diagnosis, not by a log alone.
UPDATE schedules
   SET skipped = skipped + 1,
       skipped_at = :due_at
 WHERE workflow_id = :workflow_id;
