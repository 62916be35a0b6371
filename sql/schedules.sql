-- name: put :run
-- One due time per workflow. Whether it may start is the workflow's status; resuming and deploying set a fresh time.
INSERT INTO schedules (workflow_id, due_at)
VALUES (:workflow_id, :due_at)
    ON CONFLICT (workflow_id) DO UPDATE SET due_at = excluded.due_at;

-- name: remove :run
-- The version that is active now does not start by time.
DELETE FROM schedules WHERE workflow_id = :workflow_id;
