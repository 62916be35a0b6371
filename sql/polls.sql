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
