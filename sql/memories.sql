-- name: recall :value
-- What an earlier run stored.
SELECT value FROM workflow_state WHERE workflow_id = :workflow_id AND name = :name;

-- name: remember :run
-- The last value under each name.
INSERT INTO workflow_state (workflow_id, name, value, updated_at)
VALUES (:workflow_id, :name, :value, :now)
    ON CONFLICT (workflow_id, name) DO UPDATE
   SET value = excluded.value,
       updated_at = excluded.updated_at;

-- name: forget :run
-- Null forgets.
DELETE FROM workflow_state WHERE workflow_id = :workflow_id AND name = :name;
