-- name: find :one
-- The unique key is the index: the same request again finds what became of the first.
SELECT id, digest, state, outcome
  FROM intents
 WHERE principal = :principal
   AND tool = :tool
   AND key = :key;

-- name: intend :run
-- Durable before anything is sent. A second writer with the same key fails here, on the unique key.
INSERT INTO intents (id, principal, tool, key, digest, summary, shown, targets, state, created_at)
VALUES (:id, :principal, :tool, :key, :digest, :summary, :shown, :targets, 'intended', :now);

-- name: finish :run
-- The state guard records one outcome, whoever comes late.
UPDATE intents
   SET state = :state,
       outcome = :outcome,
       finished_at = :now
 WHERE id = :id
   AND state = 'intended';

-- name: left_open :many
-- After a crash: what was about to be sent when the process ended. Partial index, few rows.
SELECT id, tool, summary, created_at
  FROM intents
 WHERE state = 'intended'
 ORDER BY created_at;
