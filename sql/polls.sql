-- name: put :run
-- Looking starts from now: what changed before, or while the workflow was paused, is not its business.
INSERT INTO polls (workflow_id, every_s, watermark, due_at)
VALUES (:workflow_id, :every_s, :now, :due_at)
    ON CONFLICT (workflow_id) DO UPDATE
   SET every_s = excluded.every_s,
       watermark = excluded.watermark,
       due_at = excluded.due_at;

-- name: remove :run
-- The version that is active now does not look by itself.
DELETE FROM polls WHERE workflow_id = :workflow_id;

-- name: put_behind_hook :run
-- Procore gives an event up after 12 hours without an answer, so behind its hooks there is a look as well; senders of
-- one's own are not looked at.
INSERT INTO polls (workflow_id, every_s, watermark, due_at)
SELECT :workflow_id, :every_s, :now, :due_at
  FROM hooks
 WHERE hooks.id = :hook_id
   AND hooks.source = 'procore'
    ON CONFLICT (workflow_id) DO UPDATE
   SET every_s = excluded.every_s,
       watermark = excluded.watermark,
       due_at = excluded.due_at;

-- name: due :many
-- Whose turn it is and who may start: active and of this environment. From the index on due_at, oldest first.
SELECT polls.workflow_id, polls.every_s, polls.watermark, polls.due_at
  FROM polls
  JOIN workflows ON workflows.id = polls.workflow_id
 WHERE polls.due_at <= :now
   AND workflows.status = 'active'
   AND workflows.environment = :environment
 ORDER BY polls.due_at
 LIMIT :most;

-- name: next_due :value
-- When there is something to look at again.
SELECT min(due_at) FROM polls WHERE due_at > :now;

-- name: move :run
-- In the transaction that enqueues: the guard on what was looked at makes a second look at the same time a no-op, and
-- one that a deployment or a resumption overtook.
UPDATE polls
   SET watermark = :next_watermark,
       due_at = :next_due_at
 WHERE workflow_id = :workflow_id
   AND watermark = :watermark
   AND due_at = :due_at;

-- name: states :many
-- In which states this record has started the workflow since then, however it was told; from the index by workflow.
SELECT json_extract(trigger, '$.record.updated_at') AS updated_at,
       json_extract(trigger, '$.event.event_type') AS event_type
  FROM executions
 WHERE workflow_id = :workflow_id
   AND started_at >= :since
   AND json_extract(trigger, '$.event.resource_name') = :resource_name
   AND CAST(json_extract(trigger, '$.event.resource_id') AS TEXT) = :resource_id;
