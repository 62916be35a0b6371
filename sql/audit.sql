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

-- name: end :one
-- Where the chain ended when its last entry was written; a trigger keeps it.
SELECT sequence, hash FROM audit_end;

-- name: page :many
-- Newest first, along the primary key from a position down; an actor's own along the index by principal.
SELECT sequence, at, principal, action, outcome, summary, targets, intent_id, previous, hash
  FROM audit
 WHERE sequence < :before
   AND (:since IS NULL OR at >= :since)
   AND (:until IS NULL OR at < :until)
   AND (:actor IS NULL OR principal = :actor)
   AND (:kind IS NULL OR action = :kind)
   AND (:about IS NULL OR EXISTS (SELECT 1
                                    FROM json_each(targets)
                                   WHERE value = :about
                                      OR substr(value, 1, length(:about) + 1) = :about || '/'))
 ORDER BY sequence DESC
 LIMIT :most;

-- name: part :many
-- A part of the chain in its order, for export.
SELECT sequence, at, principal, action, outcome, summary, targets, intent_id, previous, hash
  FROM audit
 WHERE sequence > :after
 ORDER BY sequence
 LIMIT :most;
