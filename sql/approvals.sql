-- name: request :run
-- Placeholder of CORE until APPROVALS is merged.
INSERT INTO approvals (id, execution_id, step, item, status, summary, shown, editable, digest, requested_by, approvers, code_hash, created_at, expires_at, on_expiry, escalate_to, remind_at)
VALUES (:id, :execution_id, :step, :item, 'pending', :summary, :shown, :editable, :digest, :requested_by, :approvers, :code_hash, :now, :expires_at, :on_expiry, :escalate_to, :remind_at)
ON CONFLICT (execution_id, step, item) DO NOTHING;

-- name: of_step :one
-- p
SELECT * FROM approvals WHERE execution_id = :execution_id AND step = :step AND item = :item;

-- name: cancel_of :run
-- p
UPDATE approvals SET status = 'cancelled', decided_at = :now WHERE execution_id = :execution_id AND status = 'pending';
