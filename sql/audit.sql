-- name: last :one
-- The end of the chain, by primary key.
SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1;

-- name: append :run
-- The sequence is ours, not AUTOINCREMENT's, so that a removed last row leaves a gap that shows.
INSERT INTO audit (sequence, at, principal, action, outcome, summary, targets, intent_id, previous, hash)
VALUES (:sequence, :at, :principal, :action, :outcome, :summary, :targets, :intent_id, :previous, :hash);

-- name: chain :many
-- The whole chain in order, for checking and export.
SELECT sequence, at, principal, action, outcome, summary, targets, intent_id, previous, hash
  FROM audit
 ORDER BY sequence;
