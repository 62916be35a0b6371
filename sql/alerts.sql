-- name: insert :run
-- In the transaction of what it tells of, so that neither is there without the other.
INSERT INTO alerts (id, workflow_id, kind, text, created_at) VALUES (:id, :workflow_id, :kind, :text, :now);

-- name: untold :many
-- What has not been told yet, with whose it is: the partial index holds nothing else. A workflow that was told of less
-- than an hour ago waits; what belongs to no workflow counts as one.
SELECT alerts.id, alerts.workflow_id, alerts.kind, alerts.text, alerts.created_at, workflows.name,
       coalesce(workflows.run_as, workflows.created_by) AS owner, workflows.environment
  FROM alerts
  LEFT JOIN workflows ON workflows.id = alerts.workflow_id
 WHERE alerts.told_at IS NULL
   AND NOT EXISTS (SELECT 1
                     FROM alerts AS told
                    WHERE told.workflow_id IS alerts.workflow_id
                      AND told.told_at > :told_since)
 ORDER BY alerts.created_at
 LIMIT :most;

-- name: first_told_since :value
-- When the earliest pause between two mails ends, for those that have something to tell.
SELECT min(told.told_at)
  FROM alerts AS told
 WHERE told.told_at > :told_since
   AND EXISTS (SELECT 1 FROM alerts WHERE alerts.told_at IS NULL AND alerts.workflow_id IS told.workflow_id);

-- name: mark_told :run
-- By id: what came meanwhile is told with the next.
UPDATE alerts SET told_at = :now WHERE id IN (SELECT value FROM json_each(:ids)) AND told_at IS NULL;

-- name: count_untold :value
-- For the health report; an index of nothing else.
SELECT count(*) FROM alerts WHERE told_at IS NULL;

-- name: newest :many
-- What was told or waits to be, newest first, for the health report.
SELECT workflow_id, kind, text, created_at, told_at FROM alerts ORDER BY created_at DESC LIMIT :most;

-- name: newer :value
-- Whether one of a kind was kept lately, so that what repeats itself is told once in a while.
SELECT 1
  FROM alerts
 WHERE workflow_id IS :workflow_id
   AND kind = :kind
   AND created_at > :since
 LIMIT 1;
